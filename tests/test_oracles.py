"""SmaCross on real BTC and ETH against the fills of an independent exact reference, line by line, to the last digit."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine import backtest
from engine.recordings import import_files
from tui.cli import app

COINS = {"btcusdt": ["BTCUSDT"], "ethusdt": ["ETHUSDT"], "btcusdt_ethusdt": ["BTCUSDT", "ETHUSDT"]}
EXACT = ("amount", "price", "fee", "cash", "position")
CASES = pytest.mark.parametrize(("which", "fee_asset"), [(which, fee) for which in COINS for fee in ("quote", "received")])


@pytest.fixture(scope="module")
def recording(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both coins imported with the filters the oracles were made with."""
    folder = tmp_path_factory.mktemp("real") / "btc-eth-2025"
    for name, lot in (("BTC_USDT-1m.csv.gz", "0.00001"), ("ETH_USDT-1m.csv.gz", "0.0001")):
        source = data / "klines" / "spot-1m-2025-05_08" / name
        import_files([source], folder, tick="0.01", lot=lot, min_notional="5")
    return folder


def oracle(data: Path, which: str, fee_asset: str) -> tuple[list[str], list[dict[str, str]], Decimal]:
    """The oracle's columns, its fills, and the final equity of its last line."""
    *lines, last = (data / "oracles" / f"sma_cross_{which}_{fee_asset}.csv").read_text().splitlines()
    name, *_, equity = filter(None, last.split(","))
    assert name == "final_equity"
    return lines[0].split(","), list(csv.DictReader(lines)), Decimal(equity)


def config(recording: Path, which: str, fee_asset: str) -> dict[str, Any]:
    return {
        "recording": str(recording),
        "coins": COINS[which],
        "strategy": {"use": "engine.strategy.examples:SmaCross", "params": {"fast": 50, "slow": 200, "size": 0.9}},
        "account": {"cash": {"USDT": 100_000}},
        "fills": {"fee_asset": fee_asset, "maker_bps": 10, "taker_bps": 10},
    }


def exact(row: dict[str, str]) -> dict[str, Any]:
    """A fill with its numbers as numbers: trailing zeros carry no meaning."""
    return {name: Decimal(value) if name in EXACT or name in ("step", "time_ms") else value for name, value in row.items()}


@CASES
def test_every_fill_and_the_final_equity_are_the_reference_s(data: Path, recording: Path, which: str, fee_asset: str) -> None:
    columns, wanted, final_equity = oracle(data, which, fee_asset)
    result = backtest(config(recording, which, fee_asset))
    assert len(wanted) > 500
    rows = [dict(zip(columns, map(str, row), strict=True)) for row in result.fill_rows()]
    for n, (got, want) in enumerate(zip(rows, wanted, strict=False)):
        assert exact(got) == exact(want), f"fill {n}"
    assert len(rows) == len(wanted)
    assert result.final_equity == final_equity
    assert result.steps == 130_708


def test_the_fills_file_of_the_command_line_is_the_oracle(data: Path, recording: Path, tmp_path: Path) -> None:
    columns, wanted, final_equity = oracle(data, "btcusdt_ethusdt", "received")
    session = tmp_path / "cross.toml"
    session.write_text(
        f"recording = {json.dumps(str(recording))}\n"
        "[strategy]\nuse = 'engine.strategy.examples:SmaCross'\nparams = { fast = 50, slow = 200, size = 0.5 }\n"
        "[account]\ncash = { USDT = 100000 }\n"
    )
    out = tmp_path / "fills.csv"
    done = CliRunner().invoke(app, ["backtest", str(session), "--set", "size=0.9", "--fills", str(out), "--json"])
    assert done.exit_code == 0, done.output
    lines = out.read_text().splitlines()
    assert lines[0].split(",") == columns
    assert [exact(row) for row in csv.DictReader(lines)] == [exact(row) for row in wanted]
    summary = json.loads(done.stdout)
    assert Decimal(summary["final_equity"]) == final_equity
    assert summary["fills"] == len(wanted)
