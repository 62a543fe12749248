"""Figures: what a run came to, as tables for the terminal."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tui.text import clean

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from engine.result import Result
    from engine.trading.notes import SignalLog

WORDS = {
    **{word: word.upper() for word in ("cagr", "mae", "mfe", "sqn")},
    **{word: word.capitalize() for word in ("sharpe", "sortino", "calmar", "kelly")},
    "avg": "average",
}
MONEY = {"traded", "fees", "profit", "expectancy"}
BY_COIN = ("trades", "win_rate_pct", "profit", "profit_factor", "avg_trade_pct", "fees", "holding_return_pct")


def figures_of(result: Result) -> Group:
    """Return the run, its statistics and, where there are several coins, what is told of each."""
    from rich.console import Group
    from rich.text import Text

    summary = result.summary()
    strategy = type(result.session.strategy).__name__
    currency = result.session.config.account.currency
    market = "" if summary["spot"] else ", not spot"
    table = _table("", "", title=Text(clean(f"{strategy} on {summary['recording']}{market}")), show_header=False)
    facts = (
        ("coins", ", ".join(summary["coins"])),
        ("interval", summary["interval"]),
        ("from", summary["start"]),
        ("to", summary["end"]),
        ("steps", f"{summary['steps']:,}"),
        ("coverage", f"{summary['coverage_pct']:.2f} %"),
        ("orders", f"{summary['orders']:,}"),
        ("fills", f"{summary['fills']:,}"),
        ("state hash", summary["state_hash"]),
        ("run time", f"{summary['wall_s']:.2f} s, {summary['steps_per_s']:,.0f} steps/s"),
        ("", ""),
        ("final equity", f"{float(summary['final_equity']):,.2f} {currency}"),
    )
    told = [(_label(name), _told(name, value, currency)) for name, value in summary["stats"].items()]
    for label, text in (*facts, *told):
        if label == "trades":
            table.add_row("", "")
        table.add_row(label, Text(clean(text)))
    tables = [table, _by_coin(summary["coin_stats"])] if len(summary["coins"]) > 1 else [table]
    if summary["fills"]:
        return Group(*tables)
    signals = result.trade.signals
    became = f"{len(signals):,} signals: {outcomes_of(signals)}" if len(signals) else f"{strategy} gave no signal"
    return Group(*tables, Text(clean(f"nothing was filled; {became}"), style="yellow"))


def outcomes_of(signals: SignalLog) -> str:
    """Return what became of the signals of a run, in a line."""
    return "; ".join(f"{count:,} {told}" for told, count in signals.outcomes().items())


def _by_coin(stats: dict[str, dict[str, Any]]) -> Table:
    from rich.text import Text

    table = _table("coin", *(f"{_label(name)}{' %' if name.endswith('_pct') else ''}" for name in BY_COIN))
    for coin, its in stats.items():
        table.add_row(*(Text(clean(text)) for text in (coin, *(_plain(its[name]) for name in BY_COIN))))
    return table


def _table(*heads: str, **settings: Any) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False, **settings)
    for n, head in enumerate(heads):
        # a number cut short is another number
        table.add_column(head, style="dim" if n == 0 else None, justify="left" if n == 0 else "right", overflow="fold")
    return table


def _label(name: str) -> str:
    """Return a statistic's name in words; its unit stands beside its number."""
    plain = name.removesuffix("_pct")
    if plain.endswith("_days"):
        plain = plain.removesuffix("_days") + "_length"
    return " ".join(WORDS.get(word, word) for word in plain.split("_"))


def _told(name: str, value: float | None, currency: str) -> str:
    if value is None:
        return "-"
    if name in MONEY:
        return f"{value:,.2f} {currency}"
    if name.endswith("_pct"):
        return f"{value:.2f} %"
    if name.endswith("_days"):
        return str(timedelta(seconds=round(value * 86_400)))
    return _plain(value)


def _plain(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
