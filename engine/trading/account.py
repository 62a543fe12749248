"""Account: the trade side of the state, read from the simulated exchange at the cursor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, overload

from engine.errors import ConfigError, UsageError
from engine.exact import DECIMALS, UNIT, to_decimal
from engine.exchange import REFUSALS, STATUSES, TIMES_IN_FORCE, TYPES, Tables
from engine.exchange import kernel as k
from engine.model import CoinName, Fill, Order, Position, Side
from engine.state import Raw
from engine.trading.valuation import path, worth

if TYPE_CHECKING:
    from engine.trading.notes import Notes


class Fills(Sequence[Fill]):
    """Every fill so far, made into a Fill when looked at."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def __len__(self) -> int:
        return self._account.exchange.n_fills

    @overload
    def __getitem__(self, n: int) -> Fill: ...
    @overload
    def __getitem__(self, n: slice) -> list[Fill]: ...
    def __getitem__(self, n: int | slice) -> Fill | list[Fill]:
        if isinstance(n, slice):
            return [self._account.fill(m) for m in range(*n.indices(len(self)))]
        if not -len(self) <= n < len(self):
            raise IndexError(f"there are {len(self)} fills")
        return self._account.fill(n % len(self))


class Account:
    """`state.trade`: balances, positions, open orders and fills at the cursor.

    Money is told in `currency`; `adopted` are the units of each coin that it began with as its own. Raises ConfigError where an
    asset cannot be valued.
    """

    def __init__(self, exchange: Tables, raw: Raw, currency: str, notes: Notes, follow: Callable[[], None]) -> None:
        self.exchange = exchange
        self.follow = follow
        self.raw = raw
        self.currency = currency
        self._notes = notes
        self.adopted: dict[int, int] = {}
        self._cash = exchange.assets.get(currency, -1)
        # of each asset: its number, its decimals and its way to the currency
        self.ways = [
            (number, exchange.decimals[asset], path(exchange.instruments, asset, currency))
            for asset, number in exchange.assets.items()
        ]
        quotes = {its.quote for its in exchange.instruments}
        # coins whose asset is spent as another's quote too, so that less may be there than was bought
        self._spent = [n for n, its in enumerate(exchange.instruments) if its.base in quotes]

    @property
    def cash(self) -> float:
        """Free cash in the account's currency."""
        free: int = self.exchange.balances.item(self._cash, k.FREE)
        return free / UNIT

    @property
    def equity(self) -> float:
        """Everything the account owns, free and locked, at the last prices, in its currency."""
        return self._worth() / UNIT**2

    @property
    def equity_exact(self) -> Decimal:
        """The same, exact."""
        return to_decimal(self._worth(), 2 * DECIMALS)

    def _worth(self) -> int:
        """Return the equity counting 1e-16."""
        totals = self.totals()
        mark = self.raw.mark_units
        return sum(worth(totals[n], places, way, mark) for n, places, way in self.ways if totals[n])

    def totals(self) -> list[int]:
        """Return what there is of each asset, free and locked, in its units."""
        return [free + locked for free, locked in self.exchange.balances.tolist()]

    def in_currency(self, quote_units: int, coin: int) -> int:
        """Return an amount of a coin's quote asset in the account's currency, both counting 1e-8."""
        number = self.exchange.coins.item(coin, k.QUOTE)
        if number == self._cash:
            return quote_units
        return worth(quote_units, DECIMALS, self.ways[number][2], self.raw.mark_units) // UNIT

    @property
    def balances(self) -> Mapping[str, tuple[Decimal, Decimal]]:
        """Free and locked of each asset, exact."""
        exchange = self.exchange
        return {
            asset: (
                to_decimal(exchange.free(asset), exchange.decimals[asset]),
                to_decimal(exchange.locked(asset), exchange.decimals[asset]),
            )
            for asset in exchange.assets
        }

    def in_quote(self, units: int, coin: int) -> int:
        """Return an amount of the account's currency in a coin's quote asset, both counting 1e-8."""
        quote = self.exchange.instruments[coin].quote
        if quote == self.currency:
            return units
        way = path(self.exchange.instruments, self.currency, quote)
        return worth(units, DECIMALS, way, self.raw.mark_units) // UNIT

    def adopt(self, amounts: Mapping[str, int]) -> None:
        """Make so much of each asset, in its units, the position of the first coin that has it as its base.

        Its lots count as bought at that coin's first close. Raises ConfigError where there is no such coin.
        """
        for asset, units in amounts.items():
            coin = next((n for n, its in enumerate(self.exchange.instruments) if its.base == asset), None)
            if coin is None:
                raise ConfigError(
                    f"{asset} cannot be adopted: no coin of this session trades it",
                    hint="add the coin, or take the asset out of [account] adopt",
                )
            self.adopted[coin] = units
            self.exchange.coins[coin, k.POSITION] = units

    def held(self) -> list[int]:
        """Return each coin's own position in its units, dust included."""
        item = self.exchange.coins.item
        positions = [item(n, k.POSITION) for n in range(len(self.raw.coins))]
        for n in self._spent:
            positions[n] = self._own(n)
        return positions

    def _own(self, coin: int) -> int:
        """Return a coin's own position, of which no more is left than there is of its asset, in its units."""
        own = self.exchange.position(coin)
        if coin not in self._spent:
            return own
        free, locked = self.exchange.balances[self.exchange.coins.item(coin, k.BASE)].tolist()
        return min(own, int(free + locked))

    def sellable(self, coin: int) -> int:
        """Return what of a coin's own position can be sold, whole lots, in base units."""
        own = self._own(coin) if self._spent else self.exchange.position(coin)
        return own - own % self.exchange.lot(coin) if own > 0 else 0

    def holding(self, coin: int) -> tuple[float, int]:
        """Return a coin's sellable amount in base, and the least price (units) at which it is worth the minimum notional."""
        units = self.sellable(coin)
        if not units:
            return 0.0, 0
        scale = self.exchange.scale(coin)
        return units / scale, -(-self.exchange.instruments[coin].min_notional * scale // units)

    def is_dust(self, coin: int, units: int, price: int) -> bool:
        """Whether so much of a coin, in its units, is less than a lot, or worth less than the minimum notional at a price."""
        units -= units % self.exchange.lot(coin)
        return not units or units * price < self.exchange.instruments[coin].min_notional * self.exchange.scale(coin)

    def position(self, coin: CoinName) -> Position:
        """Return what the strategy holds of a coin: what its session bought, by hand too, and what it adopted.

        `entry_price` is the average price of the lots not yet sold, first in first out.
        """
        n = self._number(coin)
        exchange = self.exchange
        places = exchange.decimals[exchange.instruments[n].base]
        units = self._own(n)
        mark = self.raw.price(coin)
        entry = self._entry_price(n)
        amount = to_decimal(units, places)
        return Position(
            coin=coin,
            amount=amount,
            sellable=to_decimal(self.sellable(n), places),
            entry_price=entry,
            mark=mark,
            unrealized=float(amount) * (mark - entry) if units else 0.0,
        )

    def _entry_price(self, coin: int) -> float:
        """Walk the coin's fills back from the newest until its buys cover the position; the rest was adopted."""
        left = self._own(coin)
        if left <= 0:
            return 0.0
        fills = self.exchange.fills[: self.exchange.n_fills]
        mine = fills[(fills[:, k.F_COIN] == coin) & (fills[:, k.F_SIDE] == k.BUY)]
        received = mine[:, k.F_AMOUNT] - mine[:, k.F_FEE] * (mine[:, k.F_FEE_IN] == k.IN_BASE)
        paid = held = 0
        for amount, price in zip(received[::-1].tolist(), mine[::-1, k.F_PRICE].tolist(), strict=True):
            part = min(amount, left)
            paid += part * price
            held += part
            left -= part
            if not left:
                break
        closes = self.raw.events[coin].bars.close
        if left and coin in self.adopted and len(closes):
            paid += left * int(closes[0])
            held += left
        return paid / held / UNIT if held else 0.0

    @property
    def positions(self) -> list[Position]:
        """Every coin of which something is held, dust included."""
        return [self.position(coin) for n, coin in enumerate(self.raw.coins) if self._own(n)]

    def orders(self, coin: CoinName | None = None) -> list[Order]:
        """Return the open orders, of one coin or of all, oldest first."""
        orders = [self.order(order) for order in self.exchange.open_orders]
        return [order for order in orders if coin is None or order.coin == coin]

    @property
    def fills(self) -> Fills:
        """Every fill so far, oldest first."""
        return Fills(self)

    def order(self, order: int) -> Order:
        """Return an order by its id."""
        self.follow()
        view = self.exchange.order(order)
        instrument = self.exchange.instruments[view.coin]
        places = self.exchange.decimals[instrument.base]
        by, reason = self._notes.of(order)
        return Order(
            id=order,
            coin=instrument.coin,
            side=Side.BUY if view.side == k.BUY else Side.SELL,
            type=TYPES[view.kind],
            amount=to_decimal(view.amount, places),
            filled=to_decimal(view.filled, places),
            price=to_decimal(view.price) if view.price else None,
            stop=to_decimal(view.stop) if view.stop else None,
            status=STATUSES[view.status],
            step=view.step,
            time=view.time,
            by=by,
            reason=reason,
            refusal=self._notes.refusal(order) or REFUSALS[view.refusal],
            tif=TIMES_IN_FORCE[view.tif],
            trail_bps=view.trail or None,
            entry=view.parent - 1 if view.parent else None,
            pair=view.sibling - 1 if view.sibling else None,
        )

    def fill(self, n: int) -> Fill:
        """Return the n-th fill."""
        view = self.exchange.fill(n)
        instrument = self.exchange.instruments[view.coin]
        places = self.exchange.decimals[instrument.base]
        fee_asset = (instrument.quote, instrument.base, "BNB")[view.fee_in]
        return Fill(
            order_id=view.order,
            step=view.step,
            time=view.time,
            coin=instrument.coin,
            side=Side.BUY if view.side == k.BUY else Side.SELL,
            amount=to_decimal(view.amount, places),
            price=to_decimal(view.price),
            fee=to_decimal(view.fee, self.exchange.decimals[fee_asset]),
            fee_asset=fee_asset,
            maker=bool(view.maker),
            cash=to_decimal(view.cash),
            position=to_decimal(view.position, places),
        )

    def _number(self, coin: CoinName) -> int:
        try:
            return self.exchange.index[coin]
        except KeyError:
            raise UsageError(f"{coin} is not in this session; it has {', '.join(self.exchange.index)}") from None
