"""Time travel in a real terminal, on the real engine and real markets: to the first loss, why, back, another way, compared."""

from __future__ import annotations

import re
import shlex
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from test_tmux import DECK, Terminal, steps

from engine.loop import backtest
from engine.recordings import import_files
from engine.session import prepare

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="tmux is not installed")
BEGIN = 1000


@pytest.fixture
def config(data: Path, tmp_path: Path) -> Path:
    """SmaCross on BTC and ETH as they were."""
    for name, lot in (("BTC_USDT-1m.csv.gz", "0.00001"), ("ETH_USDT-1m.csv.gz", "0.0001")):
        source = data / "klines" / "spot-1m-2025-05_08" / name
        import_files([source], tmp_path / "btc-eth", tick="0.01", lot=lot, min_notional="5")
    file = tmp_path / "sma.toml"
    file.write_text(f'recording = "{tmp_path / "btc-eth"}"\n[strategy]\nuse = "engine.strategy.examples:SmaCross"\n')
    return file


def first_loss(config: Path) -> tuple[int, str]:
    """Return the step of the first sell after the beginning that brought less than its buy had cost, by the fills alone."""
    paid: dict[str, Decimal] = {}
    for step, _, coin, side, amount, price, fee, fee_asset, *_ in backtest(prepare(str(config))).fill_rows():
        worth = Decimal(amount) * Decimal(price)
        if side == "buy":
            paid[coin] = worth
        elif worth - (Decimal(fee) if fee_asset == "USDT" else 0) <= paid[coin] and int(step) >= BEGIN:
            return int(step), coin
    raise AssertionError("nothing was lost")


@pytest.mark.timeout(180)
def test_the_first_loss_is_explained_undone_and_compared_with_another_way(
    terminal: Terminal, config: Path, tmp_path: Path
) -> None:
    loss, coin = first_loss(config)
    env = f"env XDG_DATA_HOME={shlex.quote(str(tmp_path / 'data'))}"
    terminal.start(f"{env} {DECK} replay {shlex.quote(str(config))}")
    terminal.until(rf"paused .* {BEGIN:,} / 130,707", 120)

    terminal.press("u")
    terminal.until("Run to a condition")
    terminal.press("l", "o", "s", "Tab")
    terminal.until(r"condition +lost ")
    terminal.press("Enter")
    terminal.until(rf"◆ stopped .* {loss:,} / ")
    terminal.until(rf"step {loss:,}: {coin}: lost")

    terminal.press("y")
    why = terminal.until(rf"step {loss:,}  2025-")
    assert "fast" in why
    terminal.until(rf"#\d+ {coin} sell market")
    terminal.press("y")

    terminal.press("6", "0", "Left")
    terminal.until(rf" {loss - 60:,} / .* 60 behind")
    terminal.press("e")
    terminal.until("60 steps ahead")
    terminal.press("C-u", "1", "0", "Enter")
    terminal.until(r"fast=10 ")
    terminal.until(rf"branch 1 ┬ {loss - 60:,}")
    terminal.press("5", "0", "0", "0", "Right")
    terminal.until(rf" {loss + 4940:,} / .* live edge")

    terminal.press("T")
    terminal.until("└ branch 1")
    terminal.press("c")
    compared = terminal.until("they part at step", 30)
    found = re.search(r"they part at step ([\d,]+)", compared)
    assert found
    assert loss - 60 < int(found[1].replace(",", "")) <= loss + 4940
    terminal.until("return pct")
    terminal.until("only on")
    terminal.press("Enter")
    terminal.until(r"─ Why ─")
    terminal.until(r"step [\d,]+  2025-")
    terminal.press("Escape")
    terminal.until(rf" {loss + 4940:,} / .* live edge")

    terminal.press("C-s")
    terminal.until("Save the session")
    terminal.press("C-u")
    terminal.tmux("send-keys", "-l", str(tmp_path / "mine"))
    terminal.press("Enter")
    terminal.until(r"\A.*mine\.toml")
    terminal.press("q")
    terminal.until("LEFT 0")

    (tmp_path / "again").mkdir()
    second = Terminal(tmp_path / "again")
    try:
        second.start(f"{env} {DECK} replay {shlex.quote(str(tmp_path / 'mine.toml'))}", (80, 24))
        again = second.until(r"paused ", 60)
        assert steps(again) == loss + 4940
        assert "mine.toml" in again.splitlines()[0]
        second.press("Left")
        second.until(rf" {loss + 4939:,} / ")
        second.press("q")
        second.until("LEFT 0")
    finally:
        second.close()
