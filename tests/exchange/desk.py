"""A desk to trade at by hand: decimal text in, Decimals out, over the reference or the engine's exchange alike."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from reference import BUY, LIMIT, LIMIT_MAKER, MARKET, SELL, STOP, Fill

from engine.exchange import Exit
from engine.model import Instrument

D = Decimal
STEP_NS = 60_000_000_000


def units(text: str, decimals: int = 8) -> int:
    """Return decimal text as a count of 10**-decimals; it must fit without rounding."""
    exact = Decimal(text).scaleb(decimals)
    assert exact == int(exact), f"{text} has more than {decimals} decimals"
    return int(exact)


def rate(bps: str) -> int:
    return units(bps) // 10_000


def coin(
    base: str = "AAA", tick: str = "0.01", lot: str = "0.00000001", least: str = "0", quote: str = "USDT", **filters: int
) -> Instrument:
    return Instrument(
        coin=base + quote, base=base, quote=quote, tick=units(tick), lot=units(lot), min_notional=units(least), **filters
    )


class Desk:
    """An account at an exchange; every `bar` is a step of its own and leaves its close as the mark."""

    def __init__(
        self,
        make: Callable[..., Any],
        *coins: Instrument,
        decimals: dict[str, int] | None = None,
        maker: str = "10",
        taker: str = "10",
        slippage: str = "0",
        fee_asset: str = "quote",
        touch: bool = False,
        share: str = "0",
        **balances: str,
    ) -> None:
        self.coins = coins or (coin(),)
        self.decimals = decimals or {}
        self.exchange = make(
            self.coins,
            {asset: units(amount, self.places(asset)) for asset, amount in balances.items()},
            {
                "maker": rate(maker),
                "taker": rate(taker),
                "slippage": rate(slippage),
                "fee_asset": fee_asset,
                "limit_touch": touch,
                "max_volume_share": units(share),
            },
            self.decimals,
        )
        self.step = 0
        self.marks = [0] * len(self.coins)

    def places(self, asset: str) -> int:
        return self.decimals.get(asset, 8)

    def bar(self, open: str, high: str, low: str, close: str, volume: str = "1000", coin: int = 0, bnb: str = "0") -> list[Any]:
        """Advance one step with a bar of one coin, and what a BNB is worth in its quote; return its fills."""
        return self.bars({coin: (open, high, low, close, volume, bnb)})

    def bars(self, by_coin: dict[int, tuple[str, ...]]) -> list[Any]:
        """Advance one step with bars of several coins, in the order given; return the fills."""
        self.step += 1
        return [fill for number, bar in by_coin.items() for fill in self.same_step(number, *bar)]

    def same_step(
        self, coin: int, open: str, high: str, low: str, close: str, volume: str = "1000", bnb: str = "0"
    ) -> list[Any]:
        """Show a bar without advancing the step."""
        before = self.exchange.n_fills
        prices = [units(price) for price in (open, high, low, close)]
        n = self.exchange.on_bar(coin, self.step, self.step * STEP_NS, *prices, units(volume), units(bnb))
        self.marks[coin] = prices[-1]
        assert n == self.exchange.n_fills - before
        return [self.fill(number) for number in range(before, before + n)]

    def tick(
        self, bid: str, ask: str, price: str = "0", since: str = "0", volume: str = "1000", jump: bool = False
    ) -> list[Any]:
        """Advance one step with a trade and the quotes after it, or with quotes alone; return the fills."""
        self.step += 1
        before, how = (
            self.exchange.n_fills,
            {"price": units(price), "since": units(since), "volume": units(volume), "jump": jump},
        )
        self.exchange.on_tick(0, self.step, self.step * STEP_NS, units(bid), units(ask), **how)
        self.marks[0] = units(price) or self.marks[0]
        return [self.fill(number) for number in range(before, self.exchange.n_fills)]

    def fill(self, number: int) -> Any:
        fills = self.exchange.fills
        row = fills[number] if isinstance(fills, list) else self.exchange.fill(number)
        return {name: int(getattr(row, name)) for name in Fill.__dataclass_fields__}

    def buy(self, amount: str, **how: Any) -> int:
        return self.place(BUY, amount, **how)

    def sell(self, amount: str, **how: Any) -> int:
        return self.place(SELL, amount, **how)

    def place(
        self,
        side: int,
        amount: str,
        limit: str | None = None,
        maker: str | None = None,
        stop: str | None = None,
        coin: int = 0,
        kind: int | None = None,
        **how: int,
    ) -> int:
        """Place a limit, limit-maker or stop order where a price for it is given, else a market order."""
        if kind is None:
            kind = LIMIT if limit else LIMIT_MAKER if maker else STOP if stop else MARKET
        price, trigger = units(limit or maker or "0"), units(stop or "0")
        return self.exchange.place(coin, side, kind, self.size(amount, coin), price, trigger, *self.now(coin), **how)

    def size(self, amount: str, coin: int = 0) -> int:
        return units(amount, self.places(self.coins[coin].base))

    def now(self, coin: int = 0) -> tuple[int, int, int]:
        return self.marks[coin], self.step, self.step * STEP_NS

    def sell_pair(self, amount: str, limit: str, stop: str) -> Any:
        return self.exchange.place_pair(0, SELL, self.size(amount), units(limit), units(stop), *self.now())

    def buy_pair(self, amount: str, limit: str, stop: str) -> Any:
        return self.exchange.place_pair(0, BUY, self.size(amount), units(limit), units(stop), *self.now())

    def buy_with_exits(
        self, amount: str, sl: str | None = None, target: str | None = None, limit: str | None = None, stop: str | None = None
    ) -> int:
        """Buy at the market, at a limit or at a stop, with a stop loss at `sl` and a target."""
        exits = [Exit(STOP, 0, units(sl))] if sl else []
        exits += [Exit(LIMIT, units(target))] if target else []
        kind = LIMIT if limit else STOP if stop else MARKET
        price, trigger = units(limit or "0"), units(stop or "0")
        return self.exchange.place_with_exits(0, kind, self.size(amount), price, trigger, exits, *self.now())

    def stop(self, order: int) -> Decimal:
        return D(int(self.exchange.order(order).stop)).scaleb(-8)

    def cancel(self, order: int) -> bool:
        return self.exchange.cancel(order, self.step)

    def amend(self, order: int, amount: str) -> int:
        return int(self.exchange.amend(order, self.size(amount, self.exchange.order(order).coin), self.step))

    def state(self, order: int) -> tuple[int, int]:
        """Return the order's status and refusal codes."""
        row = self.exchange.order(order)
        return int(row.status), int(row.refusal)

    def filled(self, order: int) -> Decimal:
        row = self.exchange.order(order)
        return D(int(row.filled)).scaleb(-self.places(self.coins[row.coin].base))

    def free(self, asset: str = "USDT") -> Decimal:
        return D(self.exchange.free(asset)).scaleb(-self.places(asset))

    def locked(self, asset: str = "USDT") -> Decimal:
        return D(self.exchange.locked(asset)).scaleb(-self.places(asset))

    def position(self, coin: int = 0) -> Decimal:
        return D(self.exchange.position(coin)).scaleb(-self.places(self.coins[coin].base))

    def prices(self, fills: list[Any]) -> list[Decimal]:
        return [D(fill["price"]).scaleb(-8) for fill in fills]

    def amounts(self, fills: list[Any]) -> list[Decimal]:
        return [D(fill["amount"]).scaleb(-self.places(self.coins[fill["coin"]].base)) for fill in fills]

    def fees(self, fills: list[Any]) -> list[Decimal]:
        return [D(f["fee"]).scaleb(-self.places(self.coins[f["coin"]].base) if f["fee_in"] else -8) for f in fills]
