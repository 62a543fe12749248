"""Account: the trade side of the state, read from the simulated exchange at the cursor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, overload

from engine.errors import ConfigError, UsageError
from engine.exact import DECIMALS, UNIT, floor_to, to_decimal
from engine.exchange import REFUSALS, STATUSES, TIMES_IN_FORCE, TYPES, Exchange
from engine.exchange import kernel as k
from engine.model import CoinName, Fill, Order, Position, Side
from engine.state import Raw

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

    Money is told in `currency`. Raises ConfigError where an asset cannot be valued in it.
    """

    def __init__(self, exchange: Exchange, raw: Raw, currency: str, notes: Notes, follow: Callable[[], None]) -> None:
        self.exchange = exchange
        self._follow = follow
        self.raw = raw
        self.currency = currency
        self._notes = notes
        self._cash = exchange.assets.get(currency, -1)
        self._values = self._valuation()

    def _valuation(self) -> list[tuple[int, int, int]]:
        """Return (asset, coin whose price values it, its scale) for each asset but the currency."""
        values = []
        for asset, number in self.exchange.assets.items():
            if asset == self.currency:
                continue
            for n, instrument in enumerate(self.exchange.instruments):
                if instrument.base == asset and instrument.quote == self.currency:
                    values.append((number, n, self.exchange.scale(n)))
                    break
            else:
                raise ConfigError(
                    f"{asset} cannot be valued in {self.currency}: no coin of this session trades it for {self.currency}",
                    hint="set [account] currency to what the coins are quoted in, or leave the coin out",
                )
        return values

    @property
    def cash(self) -> float:
        """Free cash in the account's currency."""
        free: int = self.exchange.balances.item(self._cash, k.FREE)
        return free / UNIT

    @property
    def equity(self) -> float:
        """Everything the account owns, free and locked, at the last prices, in its currency."""
        worth: float = self._worth() / UNIT**2
        return worth

    @property
    def equity_exact(self) -> Decimal:
        """The same, exact."""
        return to_decimal(self._worth(), 2 * DECIMALS)

    def _worth(self) -> int:
        """Return the equity counting 1e-16: an amount's 1e-8 times a price's."""
        totals = [free + locked for free, locked in self.exchange.balances.tolist()]
        worth: int = totals[self._cash] * UNIT
        for asset, coin, scale in self._values:
            if totals[asset]:
                worth += totals[asset] * self.raw.mark_units(coin) * UNIT // scale
        return worth

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

    def held(self) -> list[int]:
        """Return each coin's own position in its units, dust included."""
        positions: list[int] = self.exchange.coins[:, k.POSITION].tolist()
        return positions

    def sellable(self, coin: int) -> int:
        """Return what of a coin's own position can be sold, whole lots, in base units."""
        return floor_to(max(self.exchange.position(coin), 0), self.exchange.lot(coin))

    def holding(self, coin: int) -> tuple[float, int]:
        """Return a coin's sellable amount in base, and the least price (units) at which it is worth the minimum notional."""
        units = self.sellable(coin)
        if not units:
            return 0.0, 0
        scale = self.exchange.scale(coin)
        return units / scale, -(-self.exchange.instruments[coin].min_notional * scale // units)

    def position(self, coin: CoinName) -> Position:
        """Return what the strategy holds of a coin.

        `entry_price` is the average price of the lots not yet sold, first in first out.
        """
        n = self._number(coin)
        exchange = self.exchange
        places = exchange.decimals[exchange.instruments[n].base]
        units = exchange.position(n)
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
        """Walk the coin's fills back from the newest until its buys cover the position."""
        left = self.exchange.position(coin)
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
        return paid / held / UNIT if held else 0.0

    @property
    def positions(self) -> list[Position]:
        """Every coin of which something is held, dust included."""
        return [self.position(coin) for n, coin in enumerate(self.raw.coins) if self.exchange.position(n)]

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
        self._follow()
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
            refusal=REFUSALS[view.refusal],
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
