"""The why of a step: each sentence on a market made for it by hand, and the world left as it was."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from engine import Engine, ExponentialMovingAverage, Feature, MovingAverage, Recording, Signal, Strategy, UsageError
from engine.explain import OrderWhy, Why, explain
from engine.recordings import write_recording
from engine.session import prepare
from engine.session_file import Keeper
from engine.trading.risk import Limits
from tests.worlds import Scripted, candles, engine, hashes, instrument, market, restless, units
from tui.cli import app

HOLD = {1: Signal.buy(value=1000, reason="so it says")}


def why_of(its: Engine, step: int) -> Why:
    """The why of a step, asked for at the end of the run; the run is left as it was."""
    its.run()
    before = hashes(its)
    kind, own = type(its.strategy), set(vars(its.trade))
    told = explain(its, step)
    assert hashes(its) == before
    assert (type(its.strategy), set(vars(its.trade))) == (kind, own)
    assert told.step == step
    assert json.loads(told.to_json())["step"] == step
    assert "\n".join(told.lines())
    return told


def order_at(its: Engine, step: int, order: int = 0) -> tuple[str, str]:
    """What became of an order at a step, and why."""
    (found,) = [told for told in why_of(its, step).orders if told.order.id == order]
    assert isinstance(found, OrderWhy)
    return found.what, found.why


def flown(rows: Any, script: dict[int, Signal], recording: Recording | None = None, **given: Any) -> Engine:
    return engine(recording or market(candles(rows)), Scripted(script), **given)


def resting(rows: list[Any], price: float = 90, **given: Any) -> Engine:
    """A bid at a price, placed at step 0."""
    return flown([100, *rows], {0: Signal.buy(amount=1, price=price)}, **given)


# why an order did not fill


@pytest.mark.parametrize(
    ("bar", "rules", "told"),
    [
        ((100, 101, 95, 100), {}, "the lowest price was 95, 5 (5.56 %) above its limit of 90"),
        ((100, 101, 90, 100), {}, "the lowest price was its limit of 90: it fills where the market goes through it"),
        ((100, 101, 90.01, 100), {"limit_touch": True}, "the lowest price was 90.01, 0.01 (0.01 %) above its limit of 90"),
        ((100, 101, 80, 100, 0), {}, "the bar had no volume"),
    ],
)
def test_a_bid_that_waits(bar: Any, rules: dict[str, Any], told: str) -> None:
    assert order_at(resting([bar, 100], **rules), 1) == ("waits", told)


def test_an_offer_that_waits() -> None:
    its = flown([100, 100, (100, 104, 99, 100), 100], {0: Signal.buy(amount=1), 1: Signal.close(price=110)})
    assert order_at(its, 2, 1) == ("waits", "the highest price was 104, 6 (5.45 %) below its limit of 110")


def test_a_stop_that_waits() -> None:
    its = flown([100, (100, 101, 99, 100), 100], {0: Signal.buy(amount=1, stop=105)})
    assert order_at(its, 1) == ("waits", "the highest price was 101, 4 (3.81 %) below its trigger of 105")


def test_a_stop_limit_that_was_triggered_and_waits_for_its_limit() -> None:
    its = flown([100, (100, 106, 99, 106), (106, 107, 106, 106), 106], {0: Signal.buy(amount=1, stop=105, price=103)})
    assert order_at(its, 2) == ("waits", "the lowest price was 106, 3 (2.91 %) above its limit of 103")


def test_exits_wait_for_their_entry_and_for_their_price() -> None:
    script = {0: Signal.buy(amount=1, price=95, stop_loss=80, take_profit=120)}
    its = flown([100, 100, (100, 100, 94, 96), (96, 97, 95, 96), 96], script)
    assert order_at(its, 0, 1) == ("waits", "it is sent when its entry #0 has ended")
    assert order_at(its, 3, 1) == ("waits", "the lowest price was 95, 15 (18.75 %) above its trigger of 80")
    assert order_at(its, 3, 2) == ("waits", "the highest price was 97, 23 (19.17 %) below its limit of 120")
    assert order_at(its, 2, 0) == ("filled", "inside the bar, when the market came to its price")


def test_a_volume_that_does_not_suffice() -> None:
    rows = [100, (80, 81, 79, 80, 4), (80, 81, 79, 80, 0.0001), 80]
    its = flown(rows, {0: Signal.buy(amount=2, price=90)}, max_volume_share=25_000_000)
    assert order_at(its, 1) == ("filled in part", "the rest waits: of the bar's volume of 4 no more than 1 may be taken")
    told = "of the bar's volume of 0.0001 no more than 0.000025 may be taken, and that was used up"
    assert order_at(its, 2) == ("waits", told)


def test_a_coin_without_a_bar() -> None:
    bars = {"AAAUSDT": candles([100] * 5), "BBBUSDT": candles([10] * 4, at=[0, 1, 3, 4])}
    its = engine(market(bars), Scripted({0: {"BBBUSDT": Signal.buy(amount=10, price=5)}}))
    assert order_at(its, 2) == ("waits", "no bar of BBBUSDT closed at this step")


# what became of an order


def test_an_order_is_placed_and_fills_at_the_next_open() -> None:
    its = flown([100, 100, 102, 103], HOLD)
    placed = why_of(its, 1)
    assert [(told.what, told.why) for told in placed.orders] == [
        ("placed", "by the strategy: so it says; it can act on the next event at the earliest")
    ]
    assert [(told.coin, told.signal, told.outcome, told.order) for told in placed.signals] == [
        ("BTCUSDT", HOLD[1], "order #0", 0)
    ]
    filled = why_of(its, 2)
    assert [(told.what, told.why) for told in filled.orders] == [("filled", "at the bar's open")]
    assert [(fill.price, fill.order_id) for fill in filled.fills] == [(102, 0)]
    assert (filled.before.cash, filled.after.positions) == (9_000, {"BTCUSDT": Decimal("9.99")})
    assert filled.after.cash == 10_000 - 1020
    assert placed.before.balances["USDT"] == (10_000, 0)
    assert placed.after.balances["USDT"] == (9_000, 1_000)


def test_what_the_account_cannot_pay_at_the_fill() -> None:
    its = flown([100, 200, 200], {0: Signal.buy(value=10_000)})
    told = (
        "-2010 Account has insufficient balance for requested action. At 200 it costs 20,000 USDT and 10,000 is free,"
        " 10,000 too little"
    )
    assert order_at(its, 1) == ("rejected", told)


def test_a_cancelled_and_an_expired_order() -> None:
    its = flown([100, 100, 100], {0: Signal.buy(amount=1, price=90), 1: Signal.cancel(reason="enough")})
    assert order_at(its, 1) == ("cancelled", "withdrawn by the cancel signal")
    its = flown([100] * 5, {0: Signal.buy(amount=1, price=90)})
    its.seek(2)
    its.cancel(0)
    assert order_at(its, 2) == ("cancelled", "withdrawn by hand")
    script = {0: Signal.buy(amount=50), 1: Signal.buy(amount=1, price=10)}
    its = flown([100, 100, 100, 50, 50], script, limits=Limits(drawdown=units("0.1")))
    assert order_at(its, 3, 1) == ("cancelled", "withdrawn by a limit of [risk]")
    its = flown([100, (90, 90, 90, 90), 90], {0: Signal.buy(amount=1, price=95, maker=True)})
    told = "-2010 Order would immediately match and take. The bar opened at 90, its limit is 95"
    assert order_at(its, 1) == ("rejected", told)
    its = flown([100, (100, 100, 100, 100, 1), 100], {0: Signal.buy(amount=2)}, max_volume_share=50_000_000)
    assert order_at(its, 1) == ("expired", "expired: the bar's volume share was used up")


def test_an_order_by_hand_is_told_as_that() -> None:
    its = flown([100] * 5, {})
    its.seek(1)
    its.place_order("BTCUSDT", 1, 90)
    its.place_order("BTCUSDT", 1000, 90)
    assert order_at(its, 1, 0) == ("placed", "by hand; it can act on the next event at the earliest")
    short = "it needs 90,000 USDT and 9,910 is free, 80,090 too little"
    assert order_at(its, 1, 1) == ("rejected", f"-2010 Account has insufficient balance for requested action: {short}")


# why a signal was refused, by how much


@pytest.mark.parametrize(
    ("signal", "filters", "told"),
    [
        (Signal.buy(amount=0.0001), {}, "an amount of 0 BTC; a lot is 0.001"),
        (Signal.buy(amount=0.03), {}, "worth 3 USDT; the least is 5, 2 more"),
        (Signal.buy(amount=101), {}, "it needs 10,100 USDT and 10,000 is free, 100 too little"),
        (
            Signal.buy(amount=1, price=101, maker=True),
            {},
            "its limit is 101, the market 100, 1 apart on the wrong side",
        ),
        (Signal.buy(amount=1, stop=99), {}, "its stop is 99, the market 100, 1 apart on the wrong side"),
    ],
)
def test_a_refusal_says_by_how_much(signal: Signal, filters: dict[str, Any], told: str) -> None:
    (refused,) = why_of(flown([100, 100], {0: signal}), 0).signals
    assert refused.outcome.startswith("not sent: -")
    assert (refused.detail, refused.order) == (told, None)


def test_limits_of_the_exchange_and_of_the_session() -> None:
    its = instrument("BTCUSDT")
    bounded = type(its)(
        **{name: getattr(its, name) for name in its.__struct_fields__}
        | {"price_up": units(1.5), "price_down": units(0.5), "max_orders": 1}
    )
    recording = Recording.from_bars({"BTCUSDT": candles([100] * 4)}, {"BTCUSDT": bounded})
    script = {0: Signal.buy(amount=1, price=40), 1: Signal.buy(amount=1, price=90), 2: Signal.sell(amount=1, price=160)}
    low = why_of(flown([], script, recording), 0).signals[0]
    assert low.outcome.endswith("PERCENT_PRICE_BY_SIDE")
    assert low.detail == "a price of 40; it may be 50 to 150, 10 beyond"

    limited = flown([100, 100], {0: Signal.buy(amount=20)}, limits=Limits(order_notional=units(1500)))
    (refused,) = why_of(limited, 0).signals
    assert refused.outcome == (
        "not sent: risk: an order worth 2,000.00 USDT; max_order_notional is 1,500.00, 500.00 USDT too much"
    )
    assert refused.detail == ""


# why nothing happened


def test_signals_that_come_to_nothing_say_why() -> None:
    its = flown([100] * 6, {0: Signal.close(), 1: Signal.cancel(), 2: Signal.buy(amount=1, price=90), 3: Signal.buy(amount=1)})
    for step, outcome, detail in (
        (0, "nothing to do", "the position is flat already: there is no BTC to sell"),
        (1, "nothing to do", "no order of BTCUSDT is open"),
        (3, "its order works already", ""),
    ):
        (told,) = why_of(its, step).signals
        assert (told.outcome, told.detail) == (outcome, detail)


def test_dust_is_less_than_can_be_sold() -> None:
    its = flown([100] * 3, {1: Signal.close()}, cash={"USDT": 10, "BTC": "0.0004"}, adopt={"BTC": "0.0004"})
    (told,) = why_of(its, 1).signals
    assert told.detail == "0.0004 BTC is less than can be sold: a lot is 0.001"


class Patient(Strategy):
    """Buys when the average is there and below, and is asked at every second step."""

    window: int = 4

    def features(self) -> list[Feature]:
        return [MovingAverage(window=self.window, name="mean"), ExponentialMovingAverage(window=2, name="unread")]

    def needs_update(self, timestamp: int) -> bool:
        return self.step % 2 == 0

    def gen_signal(self) -> dict[str, Signal]:
        return {coin: Signal.buy(value=100) for coin, now in self.bars() if now.mean > now.close and now.ago(1).close > 0}


def test_warming_up_not_asked_and_nothing_to_say() -> None:
    its = engine(market(candles([100, 101, 102, 103, 104, 105, 90])), Patient())
    assert why_of(its, 2).nothing == [
        "BTCUSDT mean is still warming up, 1 bar to go",
        "gen_signal was asked and gave no signal",
    ]
    assert why_of(its, 3).nothing == ["needs_update said no"]
    assert why_of(its, 4).nothing == ["gen_signal was asked and gave no signal"]
    told = why_of(its, 6)
    assert told.nothing == []
    assert [(read.name, read.value, read.previous, read.ago) for read in told.reads] == [
        ("mean", 100.5, 103.5, 0),
        ("close", 90.0, 105.0, 0),
        ("close", 105.0, 104.0, 1),
    ]
    assert told.coins[0].bar is not None
    assert (told.coins[0].bar.close, told.coins[0].closed, told.coins[0].price) == (90.0, True, 90.0)
    assert why_of(its, 0).reads[0].value is None


def test_no_decision_bar() -> None:
    its = engine(market(candles([100] * 6)), Scripted({}), interval="3m")
    assert why_of(its, 1).nothing == ["no decision bar closed, so it was not asked"]


def test_before_its_beginning() -> None:
    its = flown([100] * 6, {})
    its.begin = int(its.raw.latest.times[3])  # type: ignore[index]
    assert why_of(its, 2).nothing == ["it is not asked before the session's begin: its features warm up"]
    assert why_of(its, 3).nothing == ["gen_signal was asked and gave no signal"]


class Fails(Scripted):
    def gen_signal(self) -> dict[str, Signal]:
        if self.step == 2:
            raise ValueError("no more")
        return {}


def test_a_strategy_that_is_halted() -> None:
    its = engine(market(candles([100] * 6)), Fails())
    for step in (2, 4):
        (told,) = why_of(its, step).nothing
        assert told.startswith("the strategy is halted: Fails failed at step 2: ValueError: no more")
        assert its.halted is not None
    assert why_of(its, 1).nothing == ["gen_signal was asked and gave no signal"]


# what was read


class Reads(Strategy):
    """Reads in every way there is."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.prev: Any = None

    def features(self) -> list[Feature]:
        return [MovingAverage(window=2, name=name) for name in ("one",)] + [
            MovingAverage(window=n, name=name) for n, name in ((3, "two"), (4, "three"), (5, "four"), (6, "a.b"), (7, "none"))
        ]

    def gen_signal(self) -> dict[str, Signal]:
        for coin, now in self.bars():
            read = [now["one"], now.a_b, self.feature(coin, "two"), self.state.features.history(coin, "three")]
            if self.prev is not None:
                read.append(self.prev.four)
            read.append(self.now(coin).position)
            self.prev = now
        return {}


def test_every_way_to_read_is_seen() -> None:
    its = engine(market(candles([100, 101, 102, 103, 104, 105, 106, 107, 108])), Reads())
    told = why_of(its, 8)
    assert [(read.name, read.value, read.ago) for read in told.reads] == [
        ("one", 107.5, 0),
        ("a.b", 105.5, 0),
        ("two", 107.0, 0),
        ("three", 106.5, 0),
        ("four", 105.0, 1),
        ("position", 0.0, 0),
    ]


def test_what_the_market_said_is_told_with_all_of_its_digits() -> None:
    class Reader(Strategy):
        def features(self) -> list[Feature]:
            return [MovingAverage(window=3, name="mean")]

        def gen_signal(self) -> dict[str, Signal]:
            for _, now in self.bars():
                assert now.close + now.volume + now.mean
            return {}

    bar = (104297.28, 104300.1, 0.00000001, 104297.285, "123456789.12345678")
    lines = list(why_of(engine(market(candles([100, 101, bar, 100])), Reader()), 2).lines())
    assert "  BTCUSDT  o 104,297.28  h 104,300.1  l 0.00000001  c 104,297.285  v 123,456,789.12345678" in lines
    assert "  BTCUSDT close  104,297.285  (a bar before 101)" in lines
    assert "  BTCUSDT volume  123,456,789.12345678  (a bar before 1,000)" in lines
    assert "  BTCUSDT mean  34,832.762  (a bar before no value yet)" in lines


def test_a_busy_run_explains_every_step_and_stays_what_it_is() -> None:
    its = restless(200)
    its.run()
    end = hashes(its)
    fills = [(fill.step, fill.order_id, fill.amount) for fill in its.trade.account.fills]
    notes = [(note.step, note.kind, note.outcome) for note in its.trade.signals]
    found, said = [], []
    before = None
    for step in range(its.raw.latest.step + 1):
        told = explain(its, step)
        found += [(fill.step, fill.order_id, fill.amount) for fill in told.fills]
        said += [(step, signal.signal.kind, signal.outcome) for signal in told.signals]
        assert before is None or told.before == before
        before = told.after
        assert bool(told.nothing) == (not told.signals and not told.orders and not told.fills)
        for its_order in told.orders:
            assert its_order.why
            assert "nothing in this bar made it act" not in its_order.why
    assert (found, said) == (fills, notes)
    assert hashes(its) == end


def test_a_signal_of_numpy_numbers_goes_to_json() -> None:
    told = why_of(flown([100] * 3, {1: Signal.buy(value=np.float64(50.5))}), 1)
    assert json.loads(told.to_json())["signals"][0]["signal"]["value"] == 50.5


def test_a_step_there_is_not() -> None:
    its = flown([100] * 3, {})
    for step in (-1, 3):
        with pytest.raises(UsageError, match=f"there is no step {step} to explain"):
            explain(its, step)
    assert its.raw.latest.step == -1


# the command


@pytest.fixture
def config(tmp_path: Path) -> Path:
    write_recording(tmp_path / "market", market(candles([100, 101, 102, (103, 104, 90, 95), 95, 95, 120])))
    path = tmp_path / "session.toml"
    path.write_text(
        f'mode = "replay"\nrecording = "{tmp_path / "market"}"\n'
        '[strategy]\nuse = "engine.strategy.examples:SmaCross"\nparams = { fast = 2, slow = 3, size = 0.5 }\n'
    )
    return path


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["why", *words])
    return done.exit_code, done.stdout, done.stderr


def test_the_command_tells_and_prints_json(config: Path) -> None:
    code, told, _ = run(str(config), "--at", "2")
    assert code == 0
    assert re.search(r"^step 2, 2025-01-01 00:03:00 UTC, SmaCross$", told, re.MULTILINE)
    assert "  BTCUSDT buy: fast above slow\n    order #0\n" in told
    code, by_time, _ = run(str(config), "--at", "2025-01-01T00:03:59", "--json")
    assert code == 0
    assert json.loads(by_time)["signals"][0]["signal"]["reason"] == "fast above slow"
    code, other, _ = run(str(config), "--at", "2", "--json", "--set", "fast=1")
    assert json.loads(other)["reads"][0]["value"] == 102.0


def test_the_command_explains_a_saved_session_with_what_was_done_by_hand(config: Path) -> None:
    session = prepare(str(config))
    its = Engine(session.feed, session.trade, session.strategy, session.begin)
    its.seek(4)
    its.place_order("BTCUSDT", 1, 50)
    saved = config.with_name("saved.toml")
    Keeper(saved, session, its).save()
    code, told, _ = run(str(saved), "--at", "5", "--json")
    assert code == 0
    (order,) = [order for order in json.loads(told)["orders"] if order["order"]["by"] == "hand"]
    assert order["why"] == "the lowest price was 95, 45 (90.00 %) above its limit of 50"
    code, out, err = run(str(saved), "--at", "5", "--set", "fast=1")
    assert (code, out) == (2, "")
    assert "keeps its config" in err


@pytest.mark.parametrize(
    ("at", "told"), [("99", "there is no step 99"), ("soon", "neither a step nor a time"), ("-1", "neither a step nor a time")]
)
def test_the_command_refuses_what_is_no_step(config: Path, at: str, told: str) -> None:
    code, out, err = run(str(config), f"--at={at}")
    assert (code, out) == (2, "")
    assert told in err
