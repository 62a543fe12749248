"""The tables of `tickdeck backtest`: statistics in words with their units, nothing cut short, coins where there are several."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from engine import Signal, Strategy, backtest
from engine.recordings import write_recording
from tests.worlds import market, walk
from tui.figures import figures_of


class InAndOut(Strategy):
    def gen_signal(self) -> dict[str, Signal]:
        return {coin: Signal.buy(value=1000) if self.step % 9 < 5 else Signal.close() for coin in self.coins}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("figures") / "[bold]market"
    write_recording(folder, market({"AAAUSDT": walk(200, 1, interval="1h"), "BBBUSDT": walk(200, 2, interval="1h")}))
    return str(folder)


def printed(result: object, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(figures_of(result))
    return console.file.getvalue()


def line(text: str, label: str) -> str:
    return next(its.strip().removeprefix(label).strip() for its in text.splitlines() if its.strip().startswith(label + "  "))


def test_every_statistic_has_its_line_its_unit_and_its_number(recording: str) -> None:
    result = backtest({"recording": recording}, strategy=InAndOut)
    stats, text = result.stats, printed(result)
    assert "InAndOut on [bold]market" in text
    for label, wanted in (
        ("return", f"{stats['return_pct']:.2f} %"),
        ("CAGR", f"{stats['cagr_pct']:.2f} %"),
        ("Sharpe", f"{stats['sharpe']:.2f}"),
        ("max drawdown", f"{stats['max_drawdown_pct']:.2f} %"),
        ("expectancy", f"{stats['expectancy']:,.2f} USDT"),
        ("trades", f"{stats['trades']}"),
        ("worst MAE", f"{stats['worst_mae_pct']:.2f} %"),
        ("final equity", f"{result.final_equity:,.2f} USDT"),
    ):
        assert line(text, label) == wanted
    hours, rest = divmod(round(stats["longest_trade_days"] * 86_400), 3600)
    assert line(text, "longest trade length") == f"{hours}:{rest // 60:02}:{rest % 60:02}"
    for coin, its in result.coin_stats.items():
        cells = line(text, coin).split()
        assert cells[0] == str(its["trades"])
        assert cells[2] == f"{its['profit']:,.2f}"


def test_what_cannot_be_told_is_a_dash_and_one_coin_has_no_table(recording: str) -> None:
    text = printed(backtest({"recording": recording, "coins": ["AAAUSDT"]}, strategy=Strategy))
    assert line(text, "Sharpe") == "-"
    assert line(text, "average trade") == "-"
    assert "coin  " not in text


def test_no_digit_is_lost_where_there_is_no_room(recording: str) -> None:
    result = backtest({"recording": recording}, strategy=InAndOut)
    assert "…" not in printed(result, 60)
