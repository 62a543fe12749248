"""Signals are targets net of working orders: what becomes of each, and of how much."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine import Signal, Strategy
from engine.loop import Engine
from engine.model import OrderStatus, OrderType
from engine.trading.risk import Limits
from tests.worlds import Scripted, engine, fills_of, market, outcomes

BUY, CLOSE, CANCEL = Signal.buy(amount=1), Signal.close(), Signal.cancel()
WORKS, NOTHING = "its order works already", "nothing to do"


def flown(rows: list[Any], script: dict[int, Signal], **given: Any) -> Engine:
    filters = {name: given.pop(name) for name in ("tick", "lot", "min_notional") if name in given}
    its = engine(market(rows, **filters), Scripted(script), **({"maker": 0, "taker": 0} | given))
    its.run()
    assert its.halted is None, its.halted
    return its


def statuses(its: Engine) -> list[str]:
    return [its.trade.account.order(n).status.value for n in range(its.trade.exchange.n_orders)]


# working orders


def test_a_repeated_signal_does_nothing_while_its_order_works() -> None:
    script = {n: Signal.buy(amount=1, price=50) for n in range(4)}
    its = flown([100, 100, 100, (100, 100, 40, 100), 100], script)
    assert outcomes(its) == [(0, "buy", "order #0"), (1, "buy", WORKS), (2, "buy", WORKS), (3, "buy", "order #1")]
    assert len(fills_of(its)) == 1


def test_a_repeated_signal_of_another_size_or_price_does_nothing_either() -> None:
    its = flown([100] * 4, {0: Signal.buy(amount=1, price=50), 1: Signal.buy(amount=2, price=60), 2: Signal.buy(value=100)})
    assert outcomes(its)[1:] == [(1, "buy", WORKS), (2, "buy", WORKS)]
    assert statuses(its) == ["NEW"]


def test_close_with_a_sell_working_does_nothing() -> None:
    its = flown([100] * 6, {0: BUY, 2: Signal.sell(amount=0.5, price=200), 3: CLOSE, 4: Signal.close(stop=10)})
    assert outcomes(its)[2:] == [(3, "close", WORKS), (4, "close", WORKS)]
    assert statuses(its) == ["FILLED", "NEW"]


def test_an_opposite_signal_cancels_first_and_then_acts() -> None:
    its = flown([100] * 6, {0: BUY, 2: Signal.sell(amount=1, price=200), 3: Signal.buy(amount=2)})
    assert outcomes(its) == [(0, "buy", "order #0"), (2, "sell", "order #1"), (3, "buy", "order #2")]
    assert statuses(its) == ["FILLED", "CANCELED", "FILLED"]
    assert its.trade.account.position("BTCUSDT").amount == 3


def test_a_signal_that_is_refused_takes_off_nothing_that_sells() -> None:
    for refused in (Signal.sell(amount=0.01), Signal.sell(amount=1, price=0.001)):
        its = flown([100] * 5, {0: Signal.buy(amount=1, stop_loss=50), 2: refused})
        assert outcomes(its)[1][2].startswith("not sent: -1013")
        assert statuses(its) == ["FILLED", "NEW"]
    its = flown([100] * 5, {0: BUY, 2: Signal.sell(amount=1, price=200), 3: Signal.buy(value=1)})
    assert outcomes(its)[2][2].startswith("not sent: -1013")
    assert statuses(its) == ["FILLED", "NEW"]
    # the same close was given before
    script = {0: Signal.buy(amount=1), 1: CLOSE, 2: Signal.buy(amount=1, price=200, stop_loss=50), 4: CLOSE}
    its = flown([100] * 6, script, limits=Limits(repeat_s=1000))
    assert outcomes(its)[3][2].startswith("not sent: risk: the same order was given")
    assert statuses(its)[2:] == ["FILLED", "NEW"]


def test_what_a_signal_takes_off_makes_room_for_its_order() -> None:
    script = {0: BUY, 2: Signal.sell(amount=1, price=200), 3: Signal.buy(amount=2)}
    its = flown([100] * 6, script, limits=Limits(open_orders=1))
    assert statuses(its) == ["FILLED", "CANCELED", "FILLED"]


def test_a_close_frees_what_a_bid_held_and_sells_everything() -> None:
    its = flown([100] * 6, {0: BUY, 2: Signal.buy(amount=1, price=50), 3: CLOSE})
    assert statuses(its) == ["FILLED", "CANCELED", "FILLED"]
    assert its.trade.account.position("BTCUSDT").amount == 0
    assert its.trade.account.balances["USDT"] == (Decimal(10_000), Decimal(0))


def test_an_opposite_signal_with_nothing_to_do_still_withdraws() -> None:
    its = flown([100] * 4, {0: Signal.buy(amount=1, price=50), 1: CLOSE})
    assert outcomes(its) == [(0, "buy", "order #0"), (1, "close", NOTHING)]
    assert statuses(its) == ["CANCELED"]


def test_cancel_withdraws_every_order_of_its_coin_and_no_other() -> None:
    class Both(Strategy):
        def gen_signal(self) -> dict[str, Signal]:
            return {0: {coin: Signal.buy(amount=1, price=50) for coin in self.coins}, 1: {"AAAUSDT": CANCEL}}.get(self.step, {})

    its = engine(market({"AAAUSDT": [100] * 3, "BBBUSDT": [100] * 3}), Both())
    its.run(1)
    its.place_order("AAAUSDT", 1, 40)
    its.run()
    assert statuses(its) == ["CANCELED", "NEW", "CANCELED"]
    assert outcomes(its)[-1] == (1, "cancel", "orders cancelled")


def test_cancel_with_nothing_working_does_nothing() -> None:
    assert outcomes(flown([100] * 2, {0: CANCEL})) == [(0, "cancel", NOTHING)]


def test_other_coins_orders_are_no_obstacle() -> None:
    class Both(Strategy):
        def gen_signal(self) -> dict[str, Signal]:
            return {coin: Signal.buy(amount=1) for coin in self.coins} if self.step == 0 else {}

    its = engine(market({"AAAUSDT": [100] * 3, "BBBUSDT": [100] * 3}), Both())
    its.run()
    assert [coin for _, coin, *_ in fills_of(its)] == ["AAAUSDT", "BBBUSDT"]


def test_after_the_fill_the_same_signal_acts_again() -> None:
    its = flown([100] * 4, dict.fromkeys(range(4), BUY))
    assert [step for step, *_ in fills_of(its)] == [1, 2, 3]


def test_a_partly_filled_order_still_works() -> None:
    rows = [100, (100, 100, 100, 100, 1), (100, 100, 100, 100, 1), 100]
    its = flown(rows, dict.fromkeys(range(3), Signal.buy(amount=3, price=110)), max_volume_share=10**8)
    assert [outcome for _, _, outcome in outcomes(its)] == ["order #0", WORKS, WORKS]
    assert [(step, amount) for step, _, _, amount, _ in fills_of(its)] == [(1, 1), (2, 1), (3, 1)]


# how much


@pytest.mark.parametrize(
    ("signal", "amount"),
    [
        (Signal.buy(value=1000), "3.333"),
        (Signal.buy(value=1000, price=299.99), "3.333"),
        (Signal.buy(value=1000, price=250), "4"),
        (Signal.buy(value=1000, stop=400), "2.5"),
        (Signal.buy(amount=1.2345), "1.234"),
        (Signal.buy(value=10**9), "33.333"),
        (Signal.buy(value=1e300), "33.333"),
        (Signal.buy(amount=0.1 + 0.2), "0.3"),
    ],
)
def test_a_buy_is_whole_lots_within_the_free_cash(signal: Signal, amount: str) -> None:
    its = flown([300, 300], {0: signal})
    assert its.trade.account.order(0).amount == Decimal(amount)


def test_what_other_orders_hold_is_not_free() -> None:
    class Both(Strategy):
        def gen_signal(self) -> dict[str, Signal]:
            return {"AAAUSDT": Signal.buy(value=9000), "BBBUSDT": Signal.buy(value=9000)} if self.step == 0 else {}

    its = engine(market({"AAAUSDT": [100] * 3, "BBBUSDT": [100] * 3}), Both(), maker=0, taker=0)
    its.run()
    assert [amount for *_, amount, _ in fills_of(its)] == [90, 10]


def test_a_sell_is_never_more_than_is_held() -> None:
    for signal, amount in (
        (Signal.sell(amount=99), 2),
        (Signal.sell(amount=1e30), 2),
        (Signal.sell(value=150), Decimal("1.5")),
        (Signal.sell(value=10**300), 2),
        (Signal.sell(), 2),
        (Signal.sell(amount=0.5), Decimal("0.5")),
        (CLOSE, 2),
    ):
        its = flown([100] * 4, {0: Signal.buy(amount=2), 2: signal})
        assert fills_of(its)[1][3] == amount


def test_foreign_balance_is_never_sold() -> None:
    its = flown([100] * 6, {0: CLOSE, 1: Signal.sell(amount=1), 2: BUY, 4: CLOSE}, cash={"USDT": 10_000, "BTC": 7})
    assert outcomes(its)[:2] == [(0, "close", NOTHING), (1, "sell", NOTHING)]
    assert [amount for *_, amount, _ in fills_of(its)] == [1, 1]
    assert its.trade.account.balances["BTC"] == (7, 0)
    assert its.trade.account.position("BTCUSDT").amount == 0


def test_a_sell_by_hand_protects_as_an_exit_does() -> None:
    its = engine(market([100] * 8), Scripted({0: BUY, 3: BUY, 5: CLOSE}))
    its.run(2)
    its.place_order("BTCUSDT", -0.4, 200)
    its.place_order("BTCUSDT", -0.4, stop=50)
    its.run()
    assert [outcome for _, _, outcome in outcomes(its)] == ["order #0", "order #3", "order #4"]
    assert len(fills_of(its)) == 3
    assert its.trade.account.position("BTCUSDT").amount < 0.001
    assert [its.trade.account.order(order).status for order in (1, 2)] == ["CANCELED", "CANCELED"]


def test_a_buy_by_hand_counts_as_working() -> None:
    its = engine(market([100] * 4), Scripted({1: BUY}))
    its.run(1)
    its.place_order("BTCUSDT", 1, 50)
    its.run()
    assert outcomes(its) == [(1, "buy", WORKS)]


# what is not sent


@pytest.mark.parametrize(
    ("signal", "told"),
    [
        (Signal.buy(amount=0.0001), "LOT_SIZE"),
        (Signal.buy(value=0), "LOT_SIZE"),
        (Signal.buy(amount=0.049), "NOTIONAL"),
        (Signal.buy(value=4.99), "NOTIONAL"),
        (Signal.buy(amount=0.06, price=80), "NOTIONAL"),
        (Signal.buy(amount=100.001), "insufficient balance"),
        (Signal.buy(amount=1, price=0), "PRICE_FILTER"),
        (Signal.buy(amount=1, price=0.001), "PRICE_FILTER"),
        (Signal.buy(amount=1, price=100, maker=True), "immediately match"),
        (Signal.buy(amount=1, stop=100), "trigger immediately"),
    ],
)
def test_what_the_exchange_would_refuse_is_not_sent_and_told(signal: Signal, told: str) -> None:
    its = flown([100] * 3, {0: signal})
    ((_, _, outcome),) = outcomes(its)
    assert outcome.startswith("not sent: ")
    assert told in outcome
    assert its.trade.exchange.n_orders == 0
    assert its.trade.query_order("BTCUSDT") is OrderStatus.NONE


def test_a_purchase_whose_fee_the_cash_cannot_cover_is_skipped() -> None:
    """Fees in quote are part of the lock: all of the cash is too much, all but the fee is not."""
    all_of_it, all_but_the_fee = (
        flown([100] * 3, {0: Signal.buy(value=value)}, taker=10**6, fee_asset="quote") for value in (10_000, 9_900)
    )
    assert outcomes(all_of_it)[0][2].endswith("insufficient balance for requested action.")
    assert outcomes(all_but_the_fee)[0][2] == "order #0"
    received = flown([100] * 3, {0: Signal.buy(value=10_000)}, taker=10**6, fee_asset="received")
    assert outcomes(received)[0][2] == "order #0"


def test_a_coin_without_a_price_yet_is_not_bought() -> None:
    from tests.worlds import candles

    class Early(Strategy):
        def gen_signal(self) -> dict[str, Signal]:
            return {"BBBUSDT": Signal.buy(amount=1)} if self.step < 2 else {}

    its = engine(market({"AAAUSDT": candles([100] * 4), "BBBUSDT": candles([100] * 3, at=[1, 2, 3])}), Early())
    its.run()
    assert [outcome for _, _, outcome in outcomes(its)] == ["not sent: -1013 Market is closed: no price yet", "order #0"]
    assert [step for step, *_ in fills_of(its)] == [2]


# flat


def positions_seen(rows: list[Any], script: dict[int, Signal], **given: Any) -> list[float]:
    class Looks(Scripted):
        def gen_signal(self) -> dict[str, Signal]:
            self._positions = [*getattr(self, "_positions", []), *(now.position for _, now in self.bars())]
            return super().gen_signal()

    filters = {name: given.pop(name) for name in ("tick", "lot", "min_notional") if name in given}
    its = engine(market(rows, **filters), Looks(script), **given)
    its.run()
    return list(its.strategy._positions)


def test_less_than_the_minimum_notional_at_the_close_is_flat() -> None:
    """0.05 of a coin: worth 5 at 100, less below; the row says so bar by bar."""
    seen = positions_seen([100, 100, 101, 99.99, 100, 50, 200], {0: Signal.buy(amount=0.05)}, maker=0, taker=0)
    assert seen == [0.0, 0.05, 0.05, 0.0, 0.05, 0.0, 0.05]


def test_the_least_price_at_which_something_is_worth_the_minimum_is_exact() -> None:
    """0.3 of a coin is worth 4.999999998 at 16.66666666 and 5.000000001 a tick above."""
    rows = [20, 20, "16.66666666", "16.66666667"]
    assert positions_seen(rows, {0: Signal.buy(amount=0.3)}, tick="0.00000001", maker=0, taker=0) == [0.0, 0.3, 0.0, 0.3]


def test_less_than_a_lot_is_flat_and_dust() -> None:
    rows, script = [100] * 5, {0: Signal.buy(amount=2), 2: CLOSE}
    assert positions_seen(rows, script, taker=100_000, min_notional=0) == [0.0, 1.998, 1.998, 0.0, 0.0]
    its = flown(rows, {0: Signal.buy(amount=1.5), 2: CLOSE}, taker=100_000, min_notional=0)
    position = its.trade.account.position("BTCUSDT")
    assert (position.amount, position.sellable) == (Decimal("0.0005"), 0)
    assert [its.coin for its in its.trade.account.positions] == ["BTCUSDT"], "dust is listed"


def test_what_is_sold_is_whole_lots() -> None:
    its = flown([100] * 4, {0: Signal.buy(amount=1.5), 2: CLOSE}, taker=100_000)
    assert [amount for *_, amount, _ in fills_of(its)] == [Decimal("1.5"), Decimal("1.498")]


# orders made of signals


def test_a_signal_becomes_the_order_it_asks_for_with_its_reason() -> None:
    made = {
        OrderType.MARKET: Signal.buy(amount=1, reason="now"),
        OrderType.LIMIT: Signal.buy(amount=1, price=50.019, reason="cheap"),
        OrderType.LIMIT_MAKER: Signal.buy(amount=1, price=50.019, maker=True, reason="cheap and slow"),
        OrderType.STOP: Signal.buy(amount=1, stop=150.011, reason="up"),
    }
    for kind, signal in made.items():
        order = flown([100] * 2, {0: signal}).trade.account.order(0)
        assert (order.type, order.reason, order.by, order.step) == (kind, signal.reason, "strategy", 0)
        assert order.price == (Decimal("50.01") if signal.price else None)
        assert order.stop == (Decimal("150.02") if signal.stop else None)


def test_the_log_keeps_every_signal_with_its_reason() -> None:
    its = flown(
        [100] * 4, {0: Signal.buy(amount=1, reason="one"), 1: Signal.close(reason="two"), 2: Signal.buy(amount=1, reason="one")}
    )
    assert [(note.step, note.coin, note.kind, note.reason, note.order) for note in its.trade.signals] == [
        (0, 0, "buy", "one", 0),
        (1, 0, "close", "two", 1),
        (2, 0, "buy", "one", -1 if outcomes(its)[2][2] == WORKS else 2),
    ]
    assert len(its.trade.signals) == 3
    assert its.trade.signals[2].reason == "one"
