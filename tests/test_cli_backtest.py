"""`tickdeck backtest` and `tickdeck check` as they are typed: tables, JSON, files, exit codes, and no traceback ever."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from engine import Instrument, Recording, backtest
from engine.host.protocol import LOADING
from engine.recordings import write_recording
from engine.recordings.manifest import to_coin
from engine.recordings.store import save
from tests.worlds import candles, instrument, market, walk
from tui.cli import app

FIELDS = {
    "recording": str,
    "spot": bool,
    "coins": list,
    "interval": str,
    "start": str,
    "end": str,
    "steps": int,
    "final_equity": str,
    "return_pct": float,
    "max_drawdown_pct": float,
    "orders": int,
    "fills": int,
    "trades": int,
    "fees": str,
    "ambiguous_bars": int,
    "coverage_pct": float,
    "state_hash": str,
    "wall_s": float,
    "steps_per_s": float,
    "stats": dict,
}
"""What DESIGN 11 promises at least."""

OWN = """
import sys
from engine import Signal, Strategy

class Own(Strategy):
    every: int = 20
    size: float = 0.5
    fail_at: int = -1
    exit_at: int = -1

    def gen_signal(self):
        print("the strategy talks", file=sys.stdout)
        if self.step == self.fail_at:
            raise ValueError("boom [red]bold[/red]")
        if self.step == self.exit_at:
            sys.exit(0)
        if self.step % self.every == 3:
            return {coin: Signal.buy(value=self.size * self.cash) for coin in self.coins}
        return {coin: Signal.close() for coin in self.coins} if self.step % self.every == 9 else {}

class Misspelt(Strategy):
    def gen_signl(self):
        return {}

class Watches(Strategy):
    pass

class Small(Strategy):
    def gen_signal(self):
        return {coin: Signal.buy(value=0.001) if self.step % 3 else Signal.close() for coin in self.coins}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    bars = {"AAAUSDT": walk(400, 1, keep=0.9), "BBBUSDT": walk(400, 2, price=30)}
    write_recording(folder / "market", market(bars))
    (folder / "own.py").write_text(OWN)
    (folder / "own.toml").write_text(
        'recording = "market"\n[strategy]\nuse = "own.py:Own"\nparams = { size = 0.4 }\n[fills]\nfee_asset = "quote"\n'
    )
    return folder


@pytest.fixture
def run(folder: Path) -> Callable[..., Result]:
    def invoke(*words: str) -> Result:
        done = CliRunner().invoke(app, list(words))
        assert "Traceback" not in done.output
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    return invoke


def config(folder: Path) -> str:
    return str(folder / "own.toml")


# backtest


def test_json_is_one_object_with_what_is_promised_exact_and_true(run: Callable[..., Result], folder: Path) -> None:
    done = run("backtest", config(folder), "--json")
    assert done.exit_code == 0
    assert done.stdout.count("\n") == 1
    told = json.loads(done.stdout)
    for name, kind in FIELDS.items():
        assert isinstance(told[name], kind), name
    result = backtest(config(folder))
    assert told["state_hash"] == result.state_hash
    assert told["final_equity"] == str(result.final_equity)
    assert told["fees"] == str(result.fees)
    assert re.fullmatch(r"\d+(\.\d+)?", told["final_equity"])
    assert re.fullmatch(r"\d+(\.\d+)?", told["fees"])
    fills = result.trade.account.fills
    assert Decimal(told["fees"]) == sum(fill.fee for fill in fills)
    assert (told["fills"], told["orders"]) == (len(fills), result.trade.exchange.n_orders)
    assert (told["recording"], told["coins"], told["interval"]) == ("market", ["AAAUSDT", "BBBUSDT"], "1m")
    assert told["steps"] == result.steps == 400
    assert (told["start"], told["end"]) == ("2025-01-01T00:01:00Z", "2025-01-01T06:40:00Z")
    bars = result.session.recording.bars("AAAUSDT")
    present = len(bars) + 400
    expected = (int(bars.time[-1]) - int(bars.time[0])) // bars.interval + 1 + 400
    assert told["coverage_pct"] == pytest.approx(100 * present / expected)
    assert set(told["stats"]) >= {"return_pct", "max_drawdown_pct", "sharpe", "trades", "win_rate_pct", "fees"}
    assert told["stats"]["sharpe"] is None, "a few hours have none, and NaN is no JSON"
    assert told["trades"] > 10


def test_what_a_strategy_prints_stays_out_of_the_json(folder: Path) -> None:
    for command in ("backtest", "check"):
        done = subprocess.run(
            [sys.executable, "-m", "tui.cli", command, config(folder), "--json"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        json.loads(done.stdout)
        assert "the strategy talks" in done.stderr


def test_the_table_tells_the_run(run: Callable[..., Result], folder: Path) -> None:
    done = run("backtest", config(folder))
    assert done.exit_code == 0
    summary = backtest(config(folder)).summary()
    for word in ("Own on market", "AAAUSDT, BBBUSDT", "final equity", "max drawdown", "win rate", summary["state_hash"]):
        assert word in done.stdout
    assert f"{float(summary['final_equity']):,.2f} USDT" in done.stdout


def test_fills_are_written_exact(run: Callable[..., Result], folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "fills.csv"
    assert run("backtest", config(folder), "--fills", str(out), "--json").exit_code == 0
    text = out.read_bytes()
    assert b"\r" not in text
    rows = list(csv.DictReader(text.decode().splitlines()))
    assert list(rows[0]) == ["step", "time_ms", "coin", "side", "amount", "price", "fee", "fee_asset", "cash", "position"]
    fills = backtest(config(folder)).trade.account.fills
    assert len(rows) == len(fills)
    for row, fill in zip(rows, fills, strict=True):
        assert (int(row["step"]), int(row["time_ms"]) * 10**6, row["coin"], row["side"]) == (
            fill.step,
            fill.time,
            fill.coin,
            fill.side,
        )
        for name in ("amount", "price", "fee", "cash", "position"):
            assert Decimal(row[name]) == getattr(fill, name)
            assert "E" not in row[name].upper()
        assert row["fee_asset"] == "quote"


def test_set_changes_parameters_and_config(run: Callable[..., Result], folder: Path) -> None:
    def summary(*words: str) -> dict[str, Any]:
        done = run("backtest", config(folder), "--json", *words)
        assert done.exit_code == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    plain = summary()
    assert summary("--set", "every=40")["orders"] < plain["orders"]
    assert summary("--set", "strategy.params.every=40")["orders"] < plain["orders"]
    assert summary("--set", "fills.taker_bps=0")["fees"] == "0"
    assert summary("--set", "coins=BBBUSDT")["coins"] == ["BBBUSDT"]
    assert summary("--set", 'coins=["BBBUSDT","AAAUSDT"]')["coins"] == ["BBBUSDT", "AAAUSDT"]
    assert summary("--set", "interval=5m")["interval"] == "5m"
    both = summary("--set", "every=40", "--set", "size=0.1")
    assert both["state_hash"] not in (plain["state_hash"], summary("--set", "every=40")["state_hash"])
    assert summary()["state_hash"] == plain["state_hash"]


def test_another_recording_may_be_named(run: Callable[..., Result], folder: Path) -> None:
    done = run("backtest", config(folder), "--recording", "recordings/demo", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["recording"] == "demo"


def test_bundled_configs_fly_by_name(run: Callable[..., Result]) -> None:
    for name in ("demo", "rsi", "momentum"):
        done = run("backtest", name, "--json")
        assert done.exit_code == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["fills"] > 0
        assert Decimal(told["final_equity"]) > 0


BAD_INPUT: dict[str, tuple[list[str], str]] = {
    "no such config": (["nowhere.toml"], "nowhere.toml"),
    "near a bundled one": (["deno"], "did you mean 'demo'"),
    "no such recording": (["{own}", "--recording", "nowhere"], "nowhere"),
    "not key=value": (["{own}", "--set", "every"], "KEY=VALUE"),
    "nothing before =": (["{own}", "--set", "=5"], "KEY=VALUE"),
    "unknown parameter": (["{own}", "--set", "evry=5"], "did you mean 'every'"),
    "unknown key": (["{own}", "--set", "fills.takr_bps=5"], "taker_bps"),
    "wrong type": (["{own}", "--set", "every=often"], "every"),
    "unknown coin": (["{own}", "--set", "coins=XRPUSDT"], "XRPUSDT"),
    "fills nowhere": (["{own}", "--fills", "{folder}/no/such/folder/fills.csv"], "cannot be written"),
    "fills a folder": (["{own}", "--fills", "{folder}"], "cannot be written"),
    "unpriced cash": (["{own}", "--set", "account.cash.BNB=1"], "BNB cannot be valued"),
}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_is_two(run: Callable[..., Result], folder: Path, name: str) -> None:
    words, told = BAD_INPUT[name]
    done = run("backtest", *(word.format(own=config(folder), folder=folder) for word in words), "--json")
    assert done.exit_code == 2
    assert told in one_line(done.stderr)
    assert done.stdout == ""


def test_no_run_is_spent_on_fills_that_cannot_be_written(run: Callable[..., Result], folder: Path) -> None:
    done = run("backtest", config(folder), "--fills", str(folder / "no" / "fills.csv"))
    assert done.exit_code == 2
    assert "the strategy talks" not in done.stderr, "nothing was flown"
    kept = folder / "kept.csv"
    kept.write_text("what was there")
    assert run("backtest", config(folder), "--fills", str(kept), "--set", "fail_at=30").exit_code == 3
    assert kept.read_text() == "what was there", "a run that fails leaves the file of the last one"


def test_what_takes_long_the_first_time_is_told_where_there_is_no_terminal(run: Callable[..., Result], folder: Path) -> None:
    for command in ("backtest", "check"):
        assert LOADING in one_line(run(command, config(folder), "--json").stderr)


def one_line(text: str) -> str:
    """What a panel says, without its frame and line breaks."""
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())


FAILED_RUN: dict[str, tuple[list[str], str]] = {
    "raises": (["--set", "fail_at=30"], "ValueError: boom [red]bold[/red] (own.py:14: raise ValueError"),
    "exits": (["--set", "exit_at=30"], "SystemExit: 0 (own.py:16: sys.exit(0))"),
    "unknown class": (["--set", "strategy.use=own.py:Onw"], "did you mean 'Own'"),
    "unknown file": (["--set", "strategy.use=onw.py:Own"], "there is no file onw.py"),
}


@pytest.mark.parametrize("name", FAILED_RUN)
def test_a_run_that_fails_is_three_and_says_where(run: Callable[..., Result], folder: Path, name: str) -> None:
    words, told = FAILED_RUN[name]
    done = run("backtest", config(folder), "--json", *words)
    assert done.exit_code == 3
    assert told.replace(" ", "") in one_line(done.stderr).replace(" ", "")
    assert done.stdout == ""


def test_the_command_itself_ends_with_these_codes_and_without_a_traceback(folder: Path) -> None:
    for words, code in (([config(folder), "--set", "fail_at=5"], 3), ([], 2), (["--nonsense"], 2)):
        done = subprocess.run(
            [sys.executable, "-m", "tui.cli", "backtest", *words],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "COLUMNS": "200"},
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        assert done.stderr.strip()


def test_names_from_outside_do_not_reach_the_terminal_raw(run: Callable[..., Result], tmp_path: Path) -> None:
    """A recording's folder may be named anything, and an error may quote it."""
    bars = candles([100, 101, 102])
    write_recording(tmp_path / "ev\x1b[31mil", market({"AAAUSDT": bars}))
    (tmp_path / "own.toml").write_text('recording = "ev\\u001b[31mil"\n')
    (tmp_path / "bare.toml").write_text(f"recording = {json.dumps(str(tmp_path / 'no') + chr(27) + '[31m')}\n")
    for name in ("own.toml", "bare.toml"):
        for command in ("backtest", "check"):
            done = run(command, str(tmp_path / name))
            assert "\x1b[31m" not in done.output
            assert done.exit_code in (0, 1, 2)


# check


def findings(done: Result) -> list[tuple[str, str, str]]:
    return [(its["level"], its["what"], its["text"]) for its in json.loads(done.stdout)["findings"]]


def test_a_sound_session_is_told_to_be(run: Callable[..., Result], folder: Path) -> None:
    done = run("check", config(folder), "--json")
    assert done.exit_code == 0
    told = {what: (level, text) for level, what, text in findings(done)}
    assert told["strategy"] == ("ok", "Own, features none")
    assert told["trial"][0] == "ok"
    assert "400 steps flown" in told["trial"][1]
    assert any(level == "warning" and "gaps" in text for level, _, text in findings(done))
    text = run("check", config(folder))
    assert text.exit_code == 0
    assert "trial" in text.stdout


def test_what_is_wrong_is_found_and_is_one(run: Callable[..., Result], folder: Path) -> None:
    for words, what, told in (
        (["--set", "every=often"], "config", "every"),
        (["--recording", "nowhere"], "recording", "nowhere"),
        (["--set", "strategy.use=own.py:Onw"], "strategy", "did you mean 'Own'"),
        (["--set", "fail_at=7"], "strategy", "ValueError: boom"),
        (["--set", "exit_at=7"], "strategy", "SystemExit"),
        (["--set", "account.cash.BNB=1"], "config", "BNB cannot be valued"),
        (["--set", "begin=2030-01-01"], "config", "begin: market ends at 2025-01-01 06:40:00, so that nothing would be asked"),
        (
            ["--set", "strategy={ use = 'own.py:Misspelt' }"],
            "strategy",
            "has no gen_signal, so it never signals; is gen_signl to be",
        ),
    ):
        done = run("check", config(folder), "--json", *words)
        assert done.exit_code == 1, words
        (text,) = [text for level, kind, text in findings(done) if (level, kind) == ("error", what)]
        assert told in text
        plain = run("check", config(folder), *words)
        assert plain.exit_code == 1
        assert "error" in plain.stdout


def test_features_that_can_never_be_warm_are_found(run: Callable[..., Result], folder: Path) -> None:
    config_path = folder / "long.toml"
    config_path.write_text('recording = "market"\n[[features]]\nuse = "MovingAverage"\nparams = { window = 5000 }\n')
    done = run("check", str(config_path), "--json")
    assert done.exit_code == 1
    assert ("error", "warm-up") in [(level, what) for level, what, _ in findings(done)]


def test_what_is_worth_knowing_is_a_warning_and_zero(run: Callable[..., Result], tmp_path: Path) -> None:
    bars = {"AAAUSDT": walk(60)}
    its: dict[str, Instrument] = {"AAAUSDT": instrument("AAAUSDT", min_notional=0)}
    write_recording(tmp_path / "perp", Recording.from_bars(bars, its, spot=False))
    (tmp_path / "perp.toml").write_text('recording = "perp"\n')
    done = run("check", str(tmp_path / "perp.toml"), "--json")
    assert done.exit_code == 0
    warnings = [text for level, _, text in findings(done) if level == "warning"]
    assert any("not of a spot market" in text for text in warnings)
    assert any("no minimum notional" in text for text in warnings)
    assert " on perp, not spot" in run("backtest", str(tmp_path / "perp.toml")).stdout
    assert json.loads(run("backtest", str(tmp_path / "perp.toml"), "--json").stdout)["spot"] is False


def test_why_nothing_is_filled_is_told(run: Callable[..., Result], folder: Path) -> None:
    def flown(command: str, name: str) -> Result:
        done = run(command, config(folder), "--set", f"strategy={{ use = 'own.py:{name}' }}")
        assert done.exit_code == 0
        return done

    refused = "not sent: -1013 Filter failure: LOT_SIZE"
    (line,) = [line for line in flown("check", "Small").stdout.splitlines() if " trial " in line]
    assert "warning" in line
    assert line.endswith(f"400 steps flown, 800 signals, 0 fills: 532 {refused}; 268 nothing to do")
    assert flown("backtest", "Small").stdout.endswith(f"nothing was filled; 800 signals: 532 {refused}; 268 nothing to do\n")
    assert "Watches has no gen_signal, so it never signals\n" in flown("check", "Watches").stdout
    assert flown("backtest", "Watches").stdout.endswith("nothing was filled; Watches gave no signal\n")
    assert "nothing was filled" not in run("backtest", config(folder)).stdout


def test_bars_of_the_decision_interval_that_are_not_flown_are_told(run: Callable[..., Result], tmp_path: Path) -> None:
    hours = {"1m": walk(600), "1h": walk(30, interval="1h"), "4h": walk(2, interval="4h")}
    series = {("AAAUSDT", word): bars for word, bars in hours.items()}
    filters = [to_coin(instrument("AAAUSDT"), [])]
    (tmp_path / "mixed").mkdir()
    save(tmp_path / "mixed", series, coins=filters, source="a test", synthetic=False, spot=True, notes=[])
    (tmp_path / "mixed.toml").write_text('recording = "mixed"\n')
    for interval, told in (("1h", True), ("4h", False), ("15m", False), ("1m", False)):
        done = run("check", str(tmp_path / "mixed.toml"), "--json", "--set", f"interval={interval}")
        assert done.exit_code == 0
        warnings = [text for level, what, text in findings(done) if (level, what) == ("warning", "recording")]
        assert (
            warnings
            == [
                "its 1h bars of AAAUSDT reach from 2025-01-01 00:00:00 to 2025-01-02 06:00:00; flown are its shortest, "
                "2025-01-01 00:00:00 to 2025-01-01 10:00:00, and longer bars made of them"
            ]
            * told
        )


def test_a_config_that_is_not_there_is_two(run: Callable[..., Result]) -> None:
    done = run("check", "nowhere.toml", "--json")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "nowhere.toml" in one_line(done.stderr)
