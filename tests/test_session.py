"""Making a session ready: what replaces what, and what is refused before a bar is flown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import Feature, Signal, Strategy, backtest
from engine.errors import ConfigError, RecordingError, StrategyError, TickdeckError, UsageError
from engine.recordings import write_recording
from engine.session import prepare
from engine.strategy.examples import SmaCross
from tests.worlds import market, walk


class Buyer(Strategy):
    """Buys once."""

    at: int = 3
    amount: float = 0.5

    def gen_signal(self) -> dict[str, Signal]:
        return {self.coins[0]: Signal.buy(amount=self.amount)} if self.step == self.at else {}


class Thirds(Feature):
    part: float = 1 / 3

    def compute(self, state: Any) -> Any:
        for coin, bars in state.raw.bars():
            state.features[coin, self.name] = bars.close[-1] * self.part
        return state


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_recording(tmp_path / "market", market({"AAAUSDT": walk(60, 1), "BBBUSDT": walk(60, 2)}))
    return tmp_path / "market"


def test_a_strategy_given_replaces_the_config_s_with_its_parameters() -> None:
    session = prepare("demo", strategy=Buyer)
    assert isinstance(session.strategy, Buyer)
    assert (session.strategy.at, session.strategy.amount) == (3, 0.5)
    assert session.config.strategy is not None
    assert session.config.strategy.use == f"{Buyer.__module__}:Buyer"
    session = prepare("demo", strategy=Buyer, overrides={"at": 7})
    assert session.strategy.at == 7
    made = Buyer(at=9)
    assert prepare("demo", strategy=made).strategy is made


def test_parameters_for_a_strategy_that_is_made_already_are_refused() -> None:
    with pytest.raises(UsageError, match="made already, at cannot be set"):
        prepare("demo", strategy=Buyer(), overrides={"at": 7})


def test_a_wrong_parameter_names_the_right_one() -> None:
    with pytest.raises(ConfigError, match=r"no parameter 'ammount' \(did you mean 'amount'\?\)"):
        prepare("demo", strategy=Buyer, overrides={"ammount": 1})
    with pytest.raises(ConfigError, match="fast"):
        prepare("demo", overrides={"fast": "quick"})


def test_what_is_wrong_with_a_key_is_told_with_its_place(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(
        f'recording = "{folder}"\ncoins = ["XRPUSDT"]\n[strategy]\nuse = "engine.strategy.examples:SmaCross"\n'
        '[strategy.params]\nfsat = 1\nslow = "x"\n[[features]]\nuse = "RSJ"\n[account]\ncash = { EUR = 5 }\n'
    )
    wrong = "own.toml:6: strategy.params.fsat: no parameter 'fsat' (did", "own.toml:7: strategy.params.slow: slow should be int"
    overrides: dict[str, Any] = {}
    for change, told in (
        ({}, ["own.toml:2: coins: recording market has no XRPUSDT"]),
        ({"coins": ["AAAUSDT"]}, ["own.toml:10: account: EUR cannot be valued in USDT"]),
        ({"account.cash": {"USDT": 5}}, wrong),
        ({"strategy.params": {}}, ["own.toml:9: features.0.use: there is no feature 'RSJ'"]),
        ({"features.0": {"use": "RSI", "params": {"n": 1}}}, ["--set features.0: features.0.params: RSI: no parameter 'n'"]),
        ({"interval": "1s"}, ["--set interval: interval: interval 1s cannot be made"]),
    ):
        overrides |= change
        with pytest.raises(ConfigError) as error:
            prepare(str(file), overrides=overrides)
        lines = [line.removeprefix(f"{tmp_path}/") for line in error.value.message.splitlines()]
        assert len(lines) == len(told)
        assert all(line.startswith(start) for line, start in zip(lines, told, strict=True)), lines


class Reserved(Strategy):
    risk: float = 0.01


def test_a_parameter_may_not_be_called_as_a_key_of_the_config_is(folder: Path) -> None:
    with pytest.raises(StrategyError, match=r"test_session\.py:\d+ Reserved: risk cannot be a parameter") as error:
        prepare({"recording": str(folder)}, strategy=Reserved)
    assert "another name" in error.value.hint


def test_overrides_reach_config_and_parameters(folder: Path) -> None:
    result = backtest({"recording": str(folder)}, strategy=Buyer, at=5, fills__taker_bps=50, account__cash__USDT=500)
    ((step, *_),) = result.fill_rows()
    assert step == 6
    assert result.session.config.fills.taker == 500_000
    assert float(result.trade.account.balances["USDT"][0]) < 500


def test_the_seed_of_the_config_is_the_strategy_s(folder: Path) -> None:
    class Dice(Strategy):
        def gen_signal(self) -> dict[str, Signal]:
            return {self.coins[0]: Signal.buy(amount=1 + self.rng.integers(9) / 10)} if self.step == 1 else {}

    def amount(seed: int) -> Any:
        return backtest({"recording": str(folder), "seed": seed}, strategy=Dice).fill_rows()[0][4]

    assert amount(4) == amount(4)
    assert len({amount(seed) for seed in range(6)}) > 1


def test_extra_features_are_computed_beside_the_strategy_s_own_and_once(folder: Path) -> None:
    config = {
        "recording": str(folder),
        "features": [
            {"use": "RSI", "params": {"window": 5}},
            {"use": f"{__file__}:Thirds"},
            {"use": "MovingAverage", "params": {"window": 3, "name": "fast"}},
        ],
    }
    result = backtest(config, strategy=SmaCross, fast=3, slow=9)
    frame = result.features["AAAUSDT"]
    assert list(frame.columns) == ["fast", "slow", "rsi_5", "thirds_0.3333333333333333"]
    closes = result.session.feed.latest.decisions[0].bars.close / 10**8
    np.testing.assert_array_equal(frame["thirds_0.3333333333333333"], closes * (1 / 3))
    with pytest.raises(StrategyError, match="'fast' already"):
        prepare(config, strategy=SmaCross, overrides={"fast": 4})


REFUSED = {
    "no such recording": ({"recording": "nowhere"}, RecordingError, "nowhere"),
    "no such coin": ({"coins": ["XRPUSDT"]}, ConfigError, "has no XRPUSDT"),
    "an interval it cannot make": ({"interval": "1s"}, ConfigError, "1s cannot be made"),
    "no such feature": ({"features": [{"use": "RSJ"}]}, ConfigError, "did you mean 'RSI'"),
    "a feature's wrong parameter": (
        {"features": [{"use": "RSI", "params": {"windw": 3}}]},
        TickdeckError,
        "did you mean 'window'",
    ),
    "no such strategy": ({"strategy": {"use": "engine.strategy.examples:SmaCros"}}, StrategyError, "did you mean 'SmaCross'"),
    "no such module": ({"strategy": {"use": "nowhere.at.all:X"}}, StrategyError, "there is no module nowhere.at.all"),
    "no such file": ({"strategy": {"use": "nowhere.py:X"}}, StrategyError, "there is no file nowhere.py"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_told_before_anything_flies(folder: Path, case: tuple[dict[str, Any], Any, str]) -> None:
    tables, error, told = case
    with pytest.raises(error, match=told):
        prepare({"recording": str(folder), **tables})


def test_cash_that_cannot_be_valued_is_refused_before_anything_flies(folder: Path) -> None:
    with pytest.raises(ConfigError, match="BNB cannot be valued in USDT"):
        backtest({"recording": str(folder), "account": {"cash": {"USDT": 100, "BNB": 5}}})


def test_data_may_be_a_frame_or_one_a_coin() -> None:
    import pandas as pd

    index = pd.date_range("2025-01-01", periods=40, freq="5min")
    frame = pd.DataFrame({name: 100.0 for name in ("Open", "High", "Low", "Close", "Volume")}, index=index)
    result = backtest(strategy=Buyer, data=frame)
    assert result.steps == 40
    assert len(result.fills) == 1
    assert result.equity.index[0] == pd.Timestamp("2025-01-01 00:05", tz="UTC")
    both = backtest({"coins": ["BBBUSDT"]}, strategy=Buyer, data={"AAAUSDT": frame, "BBBUSDT": frame})
    assert both.fills["coin"].tolist() == ["BBBUSDT"]


def test_a_strategy_that_has_flown_is_not_flown_again(folder: Path) -> None:
    strategy = Buyer(at=58)
    backtest({"recording": str(folder)}, strategy=strategy)
    with pytest.raises(UsageError, match="has flown already"):
        backtest({"recording": str(folder)}, strategy=strategy)
