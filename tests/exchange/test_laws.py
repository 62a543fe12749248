"""The laws of the account, checked from outside after every move Hypothesis can think of."""

from fractions import Fraction
from math import ceil, floor

from flows import Setup
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pair import Pair
from reference import BUY, LIMIT, LIMIT_MAKER, MARKET, ONE, SELL, STOP

from engine.model import Instrument

OPEN = (0, 1)
PARTIAL, FILLED, REJECTED, EXPIRED = 1, 2, 4, 5
TICKS = st.integers(1, 30)


class Laws(RuleBasedStateMachine):
    """Two coins on one account; prices come from a narrow ladder so that orders, bars and each other meet often."""

    @initialize(
        ticks=st.tuples(*[st.sampled_from((1, 100, 333_333, 10**7))] * 2),
        lots=st.tuples(*[st.sampled_from((1, 1000, 7 * 10**6, ONE))] * 2),
        decimals=st.tuples(*[st.sampled_from((8, 8, 6, 0))] * 2),
        cash=st.integers(0, 10**14),
        held=st.integers(0, 10**9),
        quote=st.sampled_from(("USDT", "USDT", "AAA")),
        least=st.sampled_from((0, 0, 1000)),
        fees=st.tuples(*[st.sampled_from((0, 1, 75_000, 100_000, 333_333))] * 2),
        fee_asset=st.sampled_from(("quote", "received")),
        slippage=st.sampled_from((0, 0, 50_000)),
        touch=st.booleans(),
        share=st.sampled_from((0, 0, 33_333_333, ONE)),
    )
    def open_account(self, ticks, lots, decimals, cash, held, quote, least, fees, fee_asset, slippage, touch, share):
        places = {"AAA": 8 if quote == "AAA" else decimals[0], "BBB": decimals[1]}
        units = {name: 10 ** (8 - d) for name, d in places.items()}
        instruments = tuple(
            Instrument(
                coin=name + against,
                base=name,
                quote=against,
                tick=tick,
                lot=max(lot // units[name], 1) * units[name],
                min_notional=least,
            )
            for name, against, tick, lot in zip(("AAA", "BBB"), ("USDT", quote), ticks, lots, strict=True)
        )
        self.rules = {
            "maker": fees[0],
            "taker": fees[1],
            "fee_asset": fee_asset,
            "slippage": slippage,
            "limit_touch": touch,
            "max_volume_share": share,
        }
        self.start = {"USDT": cash, "AAA": held, "BBB": held}
        self.coins = instruments
        self.scale = [10 ** places[i.base] for i in instruments]
        self.lots = [i.lot // units[i.base] for i in instruments]
        setup = Setup(instruments, self.start, self.rules, {name: d for name, d in places.items() if d < 8}, (1, 1))
        self.pair = Pair(setup)
        self.exchange = self.pair.exchange
        self.step = 0
        self.marks = [0, 0]
        self.bars = {}

    @rule(
        coin=st.integers(0, 1),
        side=st.sampled_from((BUY, SELL)),
        kind=st.sampled_from((MARKET, LIMIT, LIMIT, LIMIT_MAKER, STOP)),
        ticks=TICKS,
        share=st.integers(1, 120),
    )
    def place(self, coin, side, kind, ticks, share):
        at = ticks * self.coins[coin].tick
        if side == BUY:
            wealth = (
                self.exchange.free(self.coins[coin].quote)
                * self.scale[coin]
                // (at if kind != MARKET else self.marks[coin] or at)
            )
        else:
            wealth = self.exchange.free(self.coins[coin].base)
        amount = max(min(wealth, 10**15) * share // 100 // self.lots[coin], 1) * self.lots[coin]
        price, stop = (at, 0) if kind in (LIMIT, LIMIT_MAKER) else (0, at if kind == STOP else 0)
        args = (coin, side, kind, amount, price, stop, self.marks[coin], self.step, self.step)
        before = {asset: self.exchange.free(asset) for asset in self.start}
        order = self.exchange.order(self.pair.act(("place", args, {})))
        spent = {asset: units - self.exchange.free(asset) for asset, units in before.items()}
        locked_in = self.coins[coin].quote if side == BUY else self.coins[coin].base
        assert spent == {asset: order.lock if asset == locked_in else 0 for asset in before}
        assert (order.status == REJECTED) == (order.refusal != 0)

    @precondition(lambda self: self.exchange.n_open)
    @rule(data=st.data())
    def cancel(self, data):
        number = data.draw(st.sampled_from(self.exchange.open_orders))
        order = self.exchange.order(number)
        asset = self.coins[order.coin].quote if order.side == BUY else self.coins[order.coin].base
        before = (self.exchange.free(asset), self.exchange.locked(asset))
        assert self.pair.act(("cancel", (number, self.step), {}))
        assert (self.exchange.free(asset), self.exchange.locked(asset)) == (before[0] + order.lock, before[1] - order.lock)

    @rule(
        first=st.tuples(TICKS, TICKS, TICKS, TICKS, st.integers(0, 3)),
        second=st.none() | st.tuples(TICKS, TICKS, TICKS, TICKS, st.integers(0, 3)),
        thousandths=st.integers(1, 3000),
    )
    def advance(self, first, second, thousandths):
        self.step += 1
        for coin, drawn in ((0, first), (1, second)):
            if drawn is None:
                continue
            tick = self.coins[coin].tick
            low, open_, close, high = sorted(drawn[:4])
            if drawn[0] % 2:
                open_, close = close, open_
            waiting = max((o.rest for o in self.pair.reference.orders if o.open and o.coin == coin), default=1)
            volume = 0 if drawn[4] == 0 else (waiting * thousandths // 1000 + 1) * (ONE // self.scale[coin])
            self.bars[self.step, coin] = bar = tuple(p * tick for p in (open_, high, low, close))
            self.pair.act(("on_bar", (coin, self.step, self.step, *bar, min(volume, 2**62)), {}))
            self.marks[coin] = bar[3]

    def fills(self):
        return [self.exchange.fill(n) for n in range(self.exchange.n_fills)]

    def orders(self):
        return [self.exchange.order(n) for n in range(self.exchange.n_orders)]

    @invariant()
    def nothing_is_negative(self):
        for asset in self.start:
            assert self.exchange.free(asset) >= 0
            assert self.exchange.locked(asset) >= 0

    @invariant()
    def nothing_is_made_or_lost(self):
        """What there is of an asset is what there was, and the fills' amounts, values and fees."""
        total, position = dict(self.start), [0, 0]
        for fill in self.fills():
            coin = self.coins[fill.coin]
            total[coin.base] += fill.side * fill.amount
            total[coin.quote] -= fill.side * floor(Fraction(fill.amount * fill.price, self.scale[fill.coin]))
            total[coin.base if fill.fee_in else coin.quote] -= fill.fee
            position[fill.coin] += fill.side * fill.amount - (fill.fee if fill.fee_in else 0)
            assert fill.position == position[fill.coin]
        assert {asset: self.exchange.free(asset) + self.exchange.locked(asset) for asset in total} == total
        assert [self.exchange.position(coin) for coin in (0, 1)] == position

    @invariant()
    def locked_is_what_open_orders_need(self):
        locked = dict.fromkeys(self.start, 0)
        for order in self.orders():
            if order.status not in OPEN:
                assert order.lock == 0
                continue
            rest, coin = order.amount - order.filled, self.coins[order.coin]
            if order.side == SELL:
                need = rest
            else:
                need = ceil(Fraction(rest * (order.price or order.stop or order.mark), self.scale[order.coin]))
                if self.rules["fee_asset"] == "quote":
                    limit = order.price > 0
                    rate = max(self.rules["maker"], self.rules["taker"]) if limit else self.rules["taker"]
                    need += ceil(Fraction(need * rate, ONE))
            assert order.lock == need
            locked[coin.quote if order.side == BUY else coin.base] += need
        assert {asset: self.exchange.locked(asset) for asset in locked} == locked

    @invariant()
    def orders_are_the_sum_of_their_fills(self):
        filled = [0] * self.exchange.n_orders
        for fill in self.fills():
            assert fill.amount > 0
            assert fill.amount % self.lots[fill.coin] == 0
            filled[fill.order] += fill.amount
        for order, amount in zip(self.orders(), filled, strict=True):
            assert order.filled == amount <= max(order.amount, 0)
            assert (order.status == FILLED) == (amount == order.amount)
            assert order.status != PARTIAL or amount
            assert order.status != REJECTED or not amount
            assert order.status != EXPIRED or order.refusal

    @invariant()
    def no_fill_is_better_than_the_market(self):
        for fill in self.fills():
            order = self.exchange.order(fill.order)
            open_, high, low, _ = self.bars[fill.step, fill.coin]
            assert fill.step > order.step
            assert (fill.coin, fill.side) == (order.coin, order.side)
            slipping = self.rules["slippage"] and not order.price
            if fill.side == BUY:
                assert fill.price >= low
                assert slipping or fill.price <= high
                assert not order.price or fill.price <= order.price
                assert not order.stop or fill.price >= order.stop
            else:
                assert fill.price <= high
                assert slipping or fill.price >= low or fill.price == self.coins[fill.coin].tick
                assert not order.price or fill.price >= order.price
                assert not order.stop or fill.price <= order.stop
            if not order.price and not order.stop:
                assert (fill.price - open_) * fill.side >= 0
                assert slipping or fill.price == open_
            rate = self.rules["maker" if fill.maker else "taker"]
            assert not fill.maker or order.price
            value = floor(Fraction(fill.amount * fill.price, self.scale[fill.coin]))
            of = fill.amount if fill.fee_in else value
            assert fill.fee_in == (fill.side == BUY and self.rules["fee_asset"] == "received")
            assert (fill.notional, fill.fee) == (value, ceil(Fraction(of * rate, ONE)))

    @invariant()
    def the_reference_agrees(self):
        self.pair.same_history()


TestLaws = Laws.TestCase
TestLaws.settings = settings(max_examples=200, stateful_step_count=25, phases=[p for p in Phase if p != Phase.explain])
