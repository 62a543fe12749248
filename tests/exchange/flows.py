"""Random order flows over adversarial bars.

A flow is a function of its seed. It looks at the reference's state to be nasty: bars open, touch and turn exactly at resting
prices, orders spend exactly what is free, amounts crowd the ends of the 64-bit range.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import reference as ref
from reference import (
    BUY,
    FOK,
    GTC,
    IOC,
    LARGEST,
    LIMIT,
    LIMIT_MAKER,
    MARKET,
    ONE,
    PRICED,
    SELL,
    STOP,
    STOP_LIMIT,
    STOPS,
    TAKE_PROFIT,
    TAKE_PROFIT_LIMIT,
    TRIGGERED,
    Reference,
    Rules,
)

from engine.exchange import Exchange, Exit, FillRules
from engine.model import Instrument

Action = tuple[str, tuple[Any, ...], dict[str, int]]
STEP_NS = 60_000_000_000


@dataclass(frozen=True)
class Setup:
    instruments: tuple[Instrument, ...]
    balances: dict[str, int]
    rules: dict[str, Any]
    decimals: dict[str, int]
    mids: tuple[int, ...]

    def reference(self) -> Reference:
        return Reference(self.instruments, self.balances, Rules(**self.rules), self.decimals)

    def exchange(self) -> Exchange:
        return Exchange(self.instruments, self.balances, FillRules(**self.rules), self.decimals)


def random_rules(rng: random.Random) -> dict[str, Any]:
    rates = (0, 1, 10_000, 75_000, 100_000, 100_000, 333_333, 1_000_000, 50_000_000, ONE)
    return {
        "maker": rng.choice(rates[:-2]),
        "taker": rng.choice(rates),
        "fee_asset": rng.choice(("quote", "received", "received", "bnb")),
        "slippage": rng.choice((0, 0, 0, 1, 5_000, 50_000, 1_000_000, ONE)),
        "limit_touch": rng.random() < 0.4,
        "max_volume_share": rng.choice((0, 0, 0, 1_000_000, 10_000_000, 33_333_333, ONE)),
    }


def random_setup(rng: random.Random, huge: bool) -> Setup:
    names = ["AAA", "BBB", rng.choice(("CCC", "BNB"))][-rng.choice((1, 1, 2, 2, 3)) :]
    decimals, instruments, balances, mids = {}, [], {"USDT": rng.choice((0, 10_000 * ONE, 10**15))}, []
    for name in names:
        d = rng.choice((8, 8, 8, 8, 6, 4, 2, 0))
        quote = "AAA" if "AAA" in names and name != "AAA" and decimals.get("AAA", 8) == 8 and rng.random() < 0.15 else "USDT"
        lot = 10 ** (8 - d) * rng.choice((1, 1, 10, 1000, 100_000, 7))
        tick = rng.choice((1, 1, 10, 100, 1_000, 1_000_000, 25))
        floor = rng.choice((0, 0, 0, 1, 10**6, 5 * ONE))
        band = rng.choice(((0, 0), (0, 0), (5 * ONE, ONE // 5), (ONE + ONE // 50, ONE - ONE // 50)))
        most = rng.choice(((0, 0), (0, 0), (6, 3), (0, 2)))
        instruments.append(
            Instrument(
                coin=name + quote,
                base=name,
                quote=quote,
                tick=tick,
                lot=lot,
                min_notional=floor,
                price_up=band[0],
                price_down=band[1],
                max_orders=most[0],
                max_stops=most[1],
            )
        )
        if d != 8:
            decimals[name] = d
        mids.append(tick + rng.randrange(1, 10 ** rng.choice((2, 4, 7, 9, 11, 13, 18 if huge else 12))))
        wealth = lot // 10 ** (8 - d) * rng.randrange(1, 10 ** rng.randrange(1, 9)) + rng.choice((0, 1, 17))
        balances[name] = rng.choice((0, wealth, wealth))
        balances[quote] += min(wealth * rng.randrange(1, 30) * mids[-1] // 10 ** (d + 1), LARGEST // 8)
        if huge and rng.random() < 0.5:
            balances[name] = LARGEST - rng.randrange(10 ** rng.randrange(1, 19))
    if huge and rng.random() < 0.5:
        balances["USDT"] = LARGEST - rng.randrange(10 ** rng.randrange(1, 19))
    rules = random_rules(rng)
    if rules["fee_asset"] == "bnb" and rng.random() < 0.8:
        balances["BNB"] = balances.get("BNB", 0) + rng.randrange(10 ** rng.randrange(1, 12))
    balances = {asset: min(units, LARGEST) for asset, units in balances.items()}
    return Setup(tuple(instruments), balances, rules, decimals, tuple(mids))


def crumbs_setup(rng: random.Random) -> Setup:
    """Return an account of a few thousand units at prices about 1 and shared volume, where rounding decides."""
    rules = random_rules(rng) | {"fee_asset": "quote", "max_volume_share": rng.choice((33_333_333, ONE))}
    instrument = Instrument(coin="AAAUSDT", base="AAA", quote="USDT", tick=ONE // 100)
    return Setup((instrument,), {"USDT": rng.randrange(5000), "AAA": rng.randrange(5000)}, rules, {}, (ONE,))


class Flow:
    """One seed's setup and its actions, made up against `self.world` as they go."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        kind = self.rng.random()
        self.huge = kind < 0.25
        self.crumbs = kind > 0.92
        self.setup = crumbs_setup(self.rng) if self.crumbs else random_setup(self.rng, self.huge)
        self.world = self.setup.reference()
        self.last = [0 for _ in self.world.coins]
        self.ticks = self.rng.random() < 0.35
        self.n_steps = 200 if self.rng.random() < 0.01 else self.rng.choice((3, 8, 15, 25)) + 20 * self.crumbs

    def actions(self) -> Iterator[Action]:
        rng, coins = self.rng, range(len(self.world.coins))
        for step in range(self.n_steps):
            bars = [coin for coin in coins if rng.random() < 0.9]
            moves = [None] * rng.choice((0, 0, 1, 1, 2, 4))
            turns = [*bars, *moves]
            if rng.random() < 0.1:
                rng.shuffle(turns)
            for coin in turns:
                if coin is None:
                    yield self.move(step)
                else:
                    yield self.next_tick(coin, step) if self.ticks else self.next_bar(coin, step)

    def next_bar(self, coin: int, step: int) -> Action:
        bar = self.bar(coin)
        self.last[coin] = bar[3]
        bnb_price = self.rng.choice((0, self.rng.randrange(1, 10 ** self.rng.randrange(1, 13))))
        return "on_bar", (coin, step, step * STEP_NS, *bar), {"bnb_price": bnb_price}

    def next_tick(self, coin: int, step: int) -> Action:
        rng, tick = self.rng, self.world.coins[coin].tick
        _, price, _, since, volume = self.bar(coin)
        near = price if rng.random() < 0.8 else self.level(coin)
        bid = min(max(near - rng.randrange(0, 3) * tick, 1), LARGEST - 4 * tick)
        how: dict[str, int] = {"bnb_price": rng.choice((0, rng.randrange(1, 10 ** rng.randrange(1, 13))))}
        if rng.random() < 0.75:
            how |= {"price": price, "volume": volume}
            self.last[coin] = price
            if rng.random() < 0.6:
                how["since"] = since
            how["jump"] = rng.random() < 0.2
        return "on_tick", (coin, step, step * STEP_NS, bid, bid + rng.randrange(1, 4) * tick), how

    def move(self, step: int) -> Action:
        rng = self.rng
        live = [o.id for o in self.world.orders if o.open or o.status == ref.PENDING]
        if live and rng.random() < 0.2:
            return "cancel", (rng.choice(live), step), {}
        if live and rng.random() < 0.08:
            order = self.world.order(rng.choice(live))
            lot = self.world.coins[order.coin].lot
            parts = (order.amount - lot, order.filled, order.filled + lot, order.amount // 2 // lot * lot, order.amount + lot)
            return "amend", (order.id, min(max(rng.choice((*parts, order.amount // 2 + 1)), 0), LARGEST), step), {}
        if rng.random() < 0.03:
            return "cancel", (rng.randrange(self.world.n_orders + 1) - 1, step), {}
        coin = rng.randrange(len(self.last))
        when = step, step * STEP_NS
        kind = rng.random()
        if kind < 0.1:
            return self.pair(coin, when)
        if kind < 0.25:
            return self.with_exits(coin, when)
        *asked, how = self.order(coin)
        return "place", (*asked, *when), how

    def trail(self) -> int:
        return self.rng.choice((1, 5, 10, 50, 200, 1000, 10_000))

    def pair(self, coin: int, when: tuple[int, int]) -> Action:
        rng, c = self.rng, self.world.coins[coin]
        side, mark = rng.choice((BUY, SELL)), self.last[coin]
        near, away = (mark or self.setup.mids[coin]), 1 if side == SELL else -1
        limit = max(near + away * rng.randrange(1, 8) * c.tick, 1)
        stop = max(near - away * rng.randrange(1, 8) * c.tick, 1)
        if rng.random() < 0.3:
            limit, stop = self.level(coin), self.level(coin)
        if rng.random() < 0.95:
            limit, stop = (min(max(at - at % c.tick, c.tick), LARGEST - LARGEST % c.tick) for at in (limit, stop))
        limit, stop, how = min(limit, LARGEST), min(stop, LARGEST), {}
        if rng.random() < 0.4:
            how["stop_limit"] = min(max(stop + rng.randrange(-3, 4) * c.tick, c.tick), LARGEST)
        if mark and rng.random() < 0.2:
            stop, how["trail"] = 0, self.trail()
        amount = self.amount(coin, side, max(limit, stop, 1))
        return "place_pair", (coin, side, amount, limit, stop, mark, *when), how

    def with_exits(self, coin: int, when: tuple[int, int]) -> Action:
        rng, c = self.rng, self.world.coins[coin]
        while True:
            _, side, kind, _, price, stop, mark, how = self.order(coin)
            if side == BUY:
                break
        at = price or stop or mark or self.setup.mids[coin]
        exits = []
        if rng.random() < 0.8:
            under = max(at - rng.randrange(1, 10) * c.tick, 1)
            under = max(under - under % c.tick, c.tick) if rng.random() < 0.95 else self.level(coin)
            form = rng.random()
            if form < 0.5:
                exits.append((STOP, 0, under, 0))
            elif form < 0.75:
                exits.append((STOP_LIMIT, min(max(under + rng.randrange(-3, 3) * c.tick, c.tick), LARGEST), under, 0))
            else:
                exits.append((STOP, 0, 0, self.trail()))
        if not exits or rng.random() < 0.7:
            over = at + rng.randrange(1, 10) * c.tick
            over = over - over % c.tick + c.tick if rng.random() < 0.95 else self.level(coin)
            exits.append((LIMIT, min(over, LARGEST - LARGEST % c.tick), 0, 0))
        return (
            "place_with_exits",
            (coin, kind, self.amount(coin, BUY, at), price, stop, tuple(Exit(*its) for its in exits), mark, *when),
            how,
        )

    def level(self, coin: int) -> int:
        """A price at, just beside, or far from something that matters."""
        rng, tick = self.rng, self.world.coins[coin].tick
        resting = [p for o in self.world.coins[coin].orders if o.open for p in (o.price, o.stop) if p]
        near = self.last[coin] or self.setup.mids[coin]
        kind = rng.random()
        if resting and kind < 0.55:
            price = rng.choice(resting) + rng.choice((0, 0, 0, -1, 1, -tick, tick))
        elif kind < 0.85:
            price = near + rng.randrange(-5, 6) * tick
        elif kind < 0.95:
            price = near + rng.randrange(-9, 10) * max(near // 100, 1)
        elif self.huge and rng.random() < 0.3:
            price = LARGEST - rng.randrange(10 ** rng.randrange(19))
        else:
            price = near * rng.randrange(1, 30) // 10
        return min(max(price, 1), LARGEST if self.huge else LARGEST // 100)

    def bar(self, coin: int) -> tuple[int, int, int, int, int]:
        rng = self.rng
        open_, close = self.last[coin] if rng.random() < 0.3 and self.last[coin] else self.level(coin), self.level(coin)
        ends = [open_, close, *(self.level(coin) for _ in range(rng.choice((0, 0, 1, 2))))]
        amounts = [o.rest for o in self.world.coins[coin].orders if o.open] or [1000]
        unit = 10 ** (8 - self.world.coins[coin].decimals)
        volume = rng.choice(
            (
                0,
                rng.randrange(1, 10),
                rng.randrange(10 ** rng.randrange(1, 15)),
                rng.choice(amounts) * unit,
                rng.randrange(rng.choice(amounts)) * unit * ONE // (self.world.rules.max_volume_share or ONE) + 1,
                sum(amounts) * unit * rng.randrange(1, 40) // 10,
                10**14,
            )
        )
        return open_, max(ends), min(ends), close, min(volume, LARGEST)

    def order(self, coin: int) -> tuple[Any, ...]:
        """What to ask for: coin, side, type, amount, price, stop, mark and what else."""
        rng, c = self.rng, self.world.coins[coin]
        mark = self.last[coin]
        side = rng.choice((BUY, SELL))
        plain = (MARKET, MARKET, LIMIT, LIMIT, LIMIT, LIMIT_MAKER, STOP, STOP)
        kind = rng.choice((*plain, STOP_LIMIT, STOP_LIMIT, TAKE_PROFIT, TAKE_PROFIT_LIMIT))
        if self.crumbs and rng.random() < 0.7:
            side, kind = BUY, LIMIT
        price = stop = 0
        how: dict[str, int] = {}
        if kind != MARKET:
            at = self.level(coin)
            if kind not in (LIMIT,) and rng.random() < 0.7 and mark:
                above = (side == BUY) == (kind in STOPS)
                at = min(max(mark + (1 if above else -1) * rng.randrange(1, 6) * c.tick, 1), LARGEST)
            if rng.random() < 0.95:
                at = max(at - at % c.tick, c.tick)
            elif rng.random() < 0.3:
                at = rng.choice((0, -c.tick, LARGEST, LARGEST - LARGEST % c.tick))
            price, stop = (0, at) if kind in TRIGGERED else (at, 0)
            if kind in (STOP_LIMIT, TAKE_PROFIT_LIMIT):
                price = min(max(stop + rng.randrange(-4, 5) * c.tick, c.tick), LARGEST - LARGEST % c.tick)
            if kind in TRIGGERED and rng.random() < 0.25:
                stop, how["trail"] = 0, self.trail()
            if kind in PRICED and kind != LIMIT_MAKER and rng.random() < 0.25:
                how["tif"] = rng.choice((GTC, IOC, FOK))
        asked = price or stop or mark or self.setup.mids[coin]
        return coin, side, kind, self.amount(coin, side, asked), price, stop, mark, how

    def most_lockable(self, coin: int, most: int, at: int) -> int:
        """Return an amount about as large as what is free can be locked for, often to the last unit."""
        rules, c = self.world.rules, self.world.coins[coin]
        if rules.fee_asset != "quote":
            return most
        rate, free = max(rules.taker, rules.maker), self.world.free(c.quote)
        most = most * ONE // (ONE + rate)
        for more in (3, 2, 1):
            cost = ref.ceil_div((most + more) * at, 10**c.decimals)
            if cost + ref.ceil_div(cost * rate, ONE) <= free:
                return most + more
        return most

    def amount(self, coin: int, side: int, at: int) -> int:
        rng, c = self.rng, self.world.coins[coin]
        if side == SELL:
            most = self.world.free(c.base)
        else:
            most = self.world.free(c.quote) * 10**c.decimals // max(at, 1)
            if rng.random() < 0.6:
                most = self.most_lockable(coin, most, at)
        kind = rng.random()
        if kind < (0.7 if self.crumbs else 0.3):
            amount = most
        elif kind < 0.75:
            amount = most * rng.randrange(1, 100) // 100
        elif kind < 0.85:
            amount = rng.randrange(1, 50) * c.lot
        elif kind < 0.9:
            amount = most + rng.randrange(1, 5) * c.lot
        elif kind < 0.97 or not self.huge:
            amount = min(most, rng.randrange(1, 10**9))
        else:
            amount = rng.choice((0, -c.lot, LARGEST, LARGEST - LARGEST % c.lot, rng.randrange(LARGEST)))
        if rng.random() < 0.95:
            amount = max(amount - amount % c.lot, c.lot)
        return min(amount, LARGEST)
