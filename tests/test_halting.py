"""A strategy that fails is halted with its file and line; the market and the orders go on."""

from __future__ import annotations

import asyncio
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine import Feature, MovingAverage, OrderStatus, Signal, Strategy, backtest
from engine.errors import AmountOverflow, StrategyError, TickdeckError
from engine.strategy.loader import make
from tests.worlds import Scripted, engine, fills_of, market, walk

HERE = Path(__file__).name
STEP = 5


class Fails(Strategy):
    """Fails at a step, where its subclass says so."""

    def maybe(self) -> None:
        if self._raw.step == STEP:
            raise ValueError("boom")  # the line


class InSignals(Fails):
    def gen_signal(self) -> dict[str, Signal]:
        self.maybe()
        return {}


class InNeedsUpdate(Fails):
    def needs_update(self, timestamp: int) -> bool:
        self.maybe()
        return True


class InTimePass(Fails):
    def time_pass(self, latest: Any) -> None:
        super().time_pass(latest)
        self.maybe()


class InFeature(Fails):
    def features(self) -> list[Feature]:
        return [Fragile()]


class Fragile(Feature):
    def compute(self, state: Any) -> Any:
        if state.raw.step == STEP:
            raise ValueError("boom")  # the line
        return state


def lines_of(text: str) -> list[int]:
    return [n for n, line in enumerate(Path(__file__).read_text().splitlines(), 1) if line.strip() == text]


@pytest.mark.parametrize("kind", [InSignals, InNeedsUpdate, InTimePass, InFeature])
def test_what_its_code_raises_is_told_with_the_line_and_the_world_goes_on(kind: type[Strategy]) -> None:
    flown = engine(market(walk(50)), kind())
    flown.run(3)
    flown.place_order("BTCUSDT", 1, 1)  # far away
    assert flown.run() == STEP - 2
    assert flown.raw.latest.step == STEP
    assert isinstance(flown.halted, StrategyError)
    message = flown.halted.message
    assert message.startswith(f"{kind.__name__} failed at step {STEP}: ValueError: boom ({HERE}:")
    assert any(
        f'({HERE}:{line}: raise ValueError("boom")  # the line)' in message
        for line in lines_of('raise ValueError("boom")  # the line')
    )
    assert isinstance(flown.halted.__cause__, ValueError)
    first = flown.halted
    flown.place_order("BTCUSDT", 1)
    assert flown.run(10) == 10
    assert flown.run() == 50 - 10 - STEP - 1
    assert len(fills_of(flown)) == 1
    assert flown.trade.query_order("BTCUSDT") is OrderStatus.FILLED
    assert flown.halted is first, "it is asked no more, so it fails no more"


def test_signals_before_the_failure_stand_and_none_come_after() -> None:
    class Late(Scripted):
        def gen_signal(self) -> dict[str, Signal]:
            if self.step == 2:
                raise KeyError("gone")
            return {"BTCUSDT": Signal.buy(amount=1)} if self.step != 1 else {}

    flown = engine(market(walk(50)), Late())
    flown.run()
    flown.run()
    assert [step for step, *_ in fills_of(flown)] == [1]
    assert [note.step for note in flown.trade.signals] == [0]


class Says(Strategy):
    """Returns whatever it was given."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self._answer = answer

    def gen_signal(self) -> Any:
        return self._answer


NONSENSE = {
    "nothing": (None, "gen_signal returned nothing in place of a dict of signals ("),
    "a list": ([], "gen_signal returned a list in place of a dict of signals ("),
    "a text for a signal": ({"BTCUSDT": "buy"}, "gave 'buy' for BTCUSDT"),
    "None for a signal": ({"BTCUSDT": None}, "gave None for BTCUSDT"),
    "an unknown coin": ({"XRPUSDT": Signal.close()}, "names 'XRPUSDT'"),
    "value NaN": ({"BTCUSDT": Signal.buy(value=float("nan"))}, "value of BTCUSDT nan is not a finite number"),
    "value infinite": ({"BTCUSDT": Signal.buy(value=float("inf"))}, "value of BTCUSDT inf is not a finite number"),
    "amount NaN": ({"BTCUSDT": Signal.buy(amount=float("nan"))}, "amount of BTCUSDT nan is not a finite number"),
    "price NaN": ({"BTCUSDT": Signal.buy(amount=1, price=float("nan"))}, "price of BTCUSDT nan is not a finite number"),
    "stop infinite": ({"BTCUSDT": Signal.buy(amount=1, stop=float("inf"))}, "stop of BTCUSDT inf is not a finite number"),
    "a negative amount": ({"BTCUSDT": Signal.buy(amount=-1)}, "amount is negative"),
    "a negative value": ({"BTCUSDT": Signal.buy(value=-1)}, "value is negative"),
    "neither value nor amount": ({"BTCUSDT": Signal.buy()}, "give either value or amount"),
    "both": ({"BTCUSDT": Signal.buy(value=1, amount=1)}, "give either value or amount"),
    "two stops": ({"BTCUSDT": Signal.buy(amount=1, stop_loss=1, trailing_stop_bps=100)}, "has two stops"),
    "a maker without a price": ({"BTCUSDT": Signal.buy(amount=1, maker=True)}, "needs a price"),
    "more than can be counted": ({"BTCUSDT": Signal.buy(amount=1e30)}, "does not fit 64 bits"),
    "a cost that cannot be counted": ({"BTCUSDT": Signal.buy(amount=9e10)}, "does not fit 64 bits"),
    "a price that cannot be counted": ({"BTCUSDT": Signal.buy(amount=1, price=1e30)}, "does not fit 64 bits"),
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_from_gen_signal_is_told_with_file_and_line(answer: tuple[Any, str]) -> None:
    said, told = answer
    flown = engine(market(walk(50)), Says(said))
    assert flown.run() == 1
    assert flown.halted is not None
    assert told in flown.halted.message
    (line,) = lines_of("class Says(Strategy):")
    assert f"{HERE}:{line}" in flown.halted.message
    flown.place_order("BTCUSDT", 1)
    assert flown.run() == 49
    assert len(fills_of(flown)) == 1


class Calls(Strategy):
    """Calls something of the engine's that refuses."""

    def __init__(self, call: Any) -> None:
        super().__init__()
        self._call = call

    def features(self) -> list[Feature]:
        return [MovingAverage(window=2, name="mean")]

    def gen_signal(self) -> Any:
        return self._call(self)


REFUSED = {
    "an unknown feature": (lambda its: its.feature("BTCUSDT", "meen"), "did you mean 'mean'?"),
    "a feature of an unknown coin": (lambda its: its.feature("XRPUSDT", "mean"), "XRPUSDT is not in this session"),
    "a misspelt attribute": (lambda its: next(iter(its.bars()))[1].meen, "did you mean 'mean'?"),
    "the future": (lambda its: next(iter(its.bars()))[1].ago(-1), "would look ahead"),
    "a row written to": (lambda its: setattr(next(iter(its.bars()))[1], "close", 1.0), "a row is what was"),
    "raw data of an unknown coin": (lambda its: its.state.raw["XRPUSDT"], "XRPUSDT is not in this session"),
    "an unknown coin": (lambda its: its.now("XRPUSDT"), "XRPUSDT is not in this session"),
    "an unknown position": (lambda its: its.position("XRPUSDT"), "XRPUSDT is not in this session"),
    "the past rewritten": (lambda its: its.timeline.record(its.time - its.step * 10**12, "x", 1), "goes forward"),
    "an exit": (lambda its: sys.exit("enough"), "SystemExit: enough"),
    "an exit with a code": (lambda its: sys.exit(0), "SystemExit: 0"),
    "what is no Exception": (lambda its: throw(BaseException("deep")), "BaseException: deep"),
    "a cancellation of its own": (lambda its: throw(asyncio.CancelledError()), "CancelledError"),
    "a recursion": (lambda its: recurse(its), "RecursionError"),
    "a warning": (lambda its: __import__("warnings").warn("careful", stacklevel=1), "UserWarning: careful"),
}


def recurse(its: Any) -> Any:
    return recurse(its)


def throw(error: BaseException) -> Any:
    raise error


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_what_the_engine_refuses_a_strategy_halts_it_at_its_own_line(call: tuple[Any, str]) -> None:
    what, told = call

    def at_step(its: Strategy) -> Any:
        its.record("BTCUSDT", "seen", 1.0)
        return what(its) if its.step == STEP else {}

    flown = engine(market(walk(50)), Calls(at_step))
    assert flown.run() == STEP + 1
    assert flown.halted is not None
    text = str(flown.halted)
    assert text.startswith(f"Calls failed at step {STEP}: ")
    assert told in text
    assert f"({HERE}:" in text
    assert flown.run() == 49 - STEP


def test_ctrl_c_ends_the_run_and_is_no_fault_of_the_strategy_s() -> None:
    class Ended(Strategy):
        def gen_signal(self) -> dict[str, Signal]:
            raise KeyboardInterrupt

    flown = engine(market(walk(50)), Ended())
    with pytest.raises(KeyboardInterrupt):
        flown.run()
    assert flown.halted is None


def test_a_feature_that_gives_no_state_back_is_named() -> None:
    class Forgetful(Feature):
        def compute(self, state: Any) -> Any:
            pass

    class Uses(Strategy):
        def features(self) -> list[Feature]:
            return [Forgetful()]

    flown = engine(market(walk(9)), Uses())
    flown.run()
    assert flown.halted is not None
    assert "Forgetful" in flown.halted.message
    assert "return state" in flown.halted.hint
    assert f"{HERE}:" in flown.halted.message


def test_a_block_that_fails_is_named_and_the_other_coins_are_still_there_to_see() -> None:
    class Cracked(Feature):
        lookback = 1

        def block(self, bars: Any) -> Any:
            if bars.close[0] > 500:
                raise ArithmeticError("crack")
            return bars.close

    class Uses(Strategy):
        def features(self) -> list[Feature]:
            return [Cracked()]

    flown = engine(market({"AAAUSDT": walk(9, price=1000), "BBBUSDT": walk(9)}), Uses())
    assert flown.run() == 1
    assert flown.halted is not None
    assert "ArithmeticError: crack" in flown.halted.message
    assert HERE in flown.halted.message
    assert flown.run() == 8
    frames = flown.strategy.stats.features.frames
    for frame, track in zip(frames, flown.raw.latest.decisions, strict=True):
        assert frame.column("close").tolist() == (track.bars.close / 10**8).tolist(), frame.coin


def test_what_the_market_cannot_do_is_not_the_strategy_s_fault() -> None:
    """The account overflows at a fill: no strategy could help it, so it is no strategy's error."""
    flown = engine(market([10, 900_000_000]), cash={"USDT": Decimal(92_000_000_000), "BTC": 1})
    flown.run(1)
    flown.place_order("BTCUSDT", -1, 10)
    with pytest.raises(AmountOverflow):
        flown.run()
    assert flown.halted is None


def test_backtest_raises_what_halted_the_strategy() -> None:
    import pandas as pd

    index = pd.date_range("2025-01-01", periods=30, freq="1min")
    data = pd.DataFrame({name: 100.0 for name in ("open", "high", "low", "close", "volume")}, index=index)
    with pytest.raises(StrategyError, match=rf"InSignals failed at step 5: ValueError: boom \({HERE}:"):
        backtest(strategy=InSignals, data=data)


IMPORTS = "import sys\nfrom engine import Strategy\n"
FEATURES = "from engine import *\nclass Own(Strategy):\n    def features(self):\n        return ["


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import sys\nsys.exit(5)\n", "own.py:2"),
        ("raise RuntimeError('at import')\n", "own.py:1"),
        ("class Own(:\n", "own.py:1"),
        ("from engine import Strategy\nclass Own(Strategy):\n    def __init__(self, **given):\n        1 / 0\n", "own.py:4"),
        (
            IMPORTS + "class Own(Strategy):\n    def __init__(self, **given):\n        sys.exit(1)\n",
            "own.py:5",
        ),
        ("from engine import Strategy\nclass Own(Strategy):\n    def features(self):\n        return [1]\n", "Own"),
        ("from engine import Strategy\nclass Own(Strategy):\n    def features(self):\n        return None\n", "Own"),
        (
            FEATURES + "MovingAverage(window=5),\n            Indicator(fn='RSY')]",
            "no function 'RSY' (did you mean 'RSI'?) (own.py:5: ",
        ),
        (FEATURES + "MovingAverage(nme='x')]", "no parameter 'nme' (did you mean 'name'?) (own.py:4: "),
        ("from engine import Strategy\nclass Owm(Strategy):\n    pass\n", "did you mean 'Owm'?"),
        ("Own = 3\n", "is no strategy"),
    ],
    ids=[
        "exits",
        "raises",
        "syntax",
        "init raises",
        "init exits",
        "features of numbers",
        "no features",
        "no such indicator",
        "no such parameter",
        "misspelt",
        "no class",
    ],
)
def test_a_strategy_that_cannot_be_made_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "own.py").write_text(text)
    with pytest.raises(TickdeckError) as caught:
        backtest({"recording": "recordings/demo", "strategy": {"use": f"{tmp_path / 'own.py'}:Own"}})
    assert isinstance(caught.value, StrategyError)
    assert told in str(caught.value)


@pytest.mark.parametrize("raised", [GeneratorExit, SystemExit, ValueError])
def test_whatever_is_raised_while_a_strategy_is_made_is_told_as_its_own(raised: type[BaseException]) -> None:
    class Stillborn(Strategy):
        def __init__(self, *given: Any, **params: Any) -> None:
            raise raised("no")

    with pytest.raises(StrategyError, match=rf"Stillborn cannot be made: {raised.__name__}: no .*test_halting\.py"):
        make(Stillborn, {})
