"""The table's rows: what was measured beside what, and whether a target is met."""

from __future__ import annotations

from typing import Any

from benchmarks.breaking import breaking_rows
from benchmarks.capture import capture_rows
from benchmarks.flight import flight_rows
from benchmarks.history import history_rows
from benchmarks.live import live_rows
from benchmarks.ours import COINS
from benchmarks.peers import Peer
from benchmarks.rewind import rewind_rows

Figures = dict[str, Any]
Row = tuple[str, str, str, str, str, bool | None]


def rate(figures: Figures) -> float:
    """Bars a second of CPU time."""
    return float(figures["bars"] / figures["cpu_s"])


def money(figures: Figures) -> str:
    """The final equity, and how many fills led to it."""
    return f"{figures['equity']:,.2f}, {figures['fills']:,} fills"


def same(one: Figures, other: Figures) -> bool:
    """Whether two runs came to the same money, to the cent, by as many fills."""
    return abs(one["equity"] - other["equity"]) < 0.01 and one["fills"] == other["fills"]


def compare(title: str, ours: Figures, peer: Figures | None) -> Row:
    """A row on speed, which must be at least six times the peer's."""
    shown = f"{rate(ours):,.0f} bars/s"
    if peer is None:
        return (title, shown, "", "", "≥ 6 ×", None)
    ratio = rate(ours) / rate(peer)
    return (title, shown, f"{rate(peer):,.0f} bars/s", f"{ratio:.1f} ×", "≥ 6 ×", ratio >= 6)


def agree(ours: Figures, peer: Figures) -> Row:
    """A row on the equity of both, which must be the same to the cent, the same bars read and filled."""
    read = abs(ours["read"] - peer["read"]) <= 1e-9 * abs(peer["read"])
    return ("  equity", money(ours), money(peer), "", "equal", same(ours, peer) and read)


def beside(peer: Peer, ours: Figures, its: Figures, due: Figures) -> list[Row]:
    """Rows on another engine: its speed beside ours, and its money beside what its way to fill must come to."""
    ratio = rate(ours) / rate(its)
    speed = (its["engine"], f"{rate(ours):,.0f} bars/s", f"{rate(its):,.0f} bars/s", f"{ratio:.2g} ×", peer.does, None)
    return [speed, (f"  fills {peer.fills}", money(due), money(its), "", "equal", same(due, its))]


def judge(figures: dict[str, Figures]) -> list[Row]:
    """Return the rows on tickdeck: what, ours, beside it, ratio, target, met."""
    rows: list[Row] = []
    titles = {
        "cross": "SmaCross at every bar",
        "reading": "… reading 12 more columns",
        "portfolio": f"… {COINS} coins, one account",
    }
    cross = figures["cross"]
    for name, title in titles.items():
        ours, peer = figures[name], figures.get(f"{name}.backtesting")
        if name == "portfolio":
            peer = figures.get("cross.backtesting")
            shown = f"{rate(peer):,.0f} bars/s, one coin" if peer else ""
            ratio = f"{rate(ours) / rate(peer):.1f} ×" if peer else ""
            rows.append((title, f"{rate(ours):,.0f} bars/s", shown, ratio, "≥ 1,000,000 bars/s", rate(ours) >= 1e6))
        else:
            rows.append(compare(title, ours, peer))
            if peer:
                rows.append(agree(ours, peer))
        limit = 3 * ours["data_mb"] + 150
        rows.append(("  peak memory", f"{ours['peak_mb']:,.0f} MB", "", "", f"≤ {limit:,.0f} MB", ours["peak_mb"] <= limit))
    ours = figures["resting"]
    ratio = ours["cpu_s"] / cross["cpu_s"]
    shown = f"{1e3 * ours['cpu_s']:,.0f} ms", f"{1e3 * cross['cpu_s']:,.0f} ms without"
    rows.append(("… a far stop under every entry", *shown, f"{ratio:.2f} ×", "≤ 1.2 ×", ratio <= 1.2))
    rows.append(("  equity", money(ours), money(cross), "", "equal", same(ours, cross)))
    ours = figures["ordering"]
    each = ours["bars"] / ours["run_cpu_s"]
    rows.append(("an order at every bar", f"{each:,.0f} bars/s", "without statistics", "", "≥ 300,000 bars/s", each >= 3e5))
    ours = figures["indicators"]
    ratio = ours["features_s"] / ours["talib_s"]
    shown = f"{1e3 * ours['features_s']:,.0f} ms", f"{1e3 * ours['talib_s']:,.0f} ms, TA-Lib alone"
    rows.append(("12 indicator columns", *shown, f"{ratio:.2f} ×", "≤ 2 ×", ratio <= 2))
    rows.append(("  laid into rows with the bars", f"{1e3 * ours['rows_s']:,.0f} ms", "", "", "", None))
    ours = figures["opening"]
    rows.append(("open a year of 10 coins", f"{1e3 * ours['open_s']:,.1f} ms", "", "", "≤ 200 ms", ours["open_s"] <= 0.2))
    rows.append(("  first look at a column", f"{1e3 * ours['column_s']:,.0f} ms", "", "", "", None))
    ours = figures["streams"]
    told, waited = ours["messages_s"] / ours["core"], ours["most_waiting"]
    shown = f"{told:,.0f} messages/s of CPU", f"at most {waited:,} of {ours['messages_s']:,.0f} a second waited"
    met = told >= 5000 and waited < 1000 and not ours["lost"]
    rows.append(("10 coins streamed to one client", *shown, "", "≥ 5,000 messages/s", met))
    ours = figures["orders"]
    each, met = ours["orders"] / ours["cpu_s"], ours["orders"] == ours["fills"] >= 1000 * ours["cpu_s"]
    shown = f"{each:,.0f} orders/s of CPU", f"{ours['orders'] / ours['wall_s']:,.0f} a second, {ours['fills']:,} fills"
    rows.append(("orders placed and filled over REST", *shown, "", "≥ 1,000 orders/s", met))
    rows += breaking_rows(figures["breaking"])
    rows += history_rows(figures["history"]) + rewind_rows(figures["rewind"])
    rows += capture_rows(figures["capture"]) + live_rows(figures["live"]) + flight_rows(figures["flight"])
    waits = (
        ("kernel", "cold compilation of the kernel", 20.0),
        ("host", "warm start of the host", 1.5),
        ("rehearsal", "warm start of a rehearsal, to its first answer", 2.0),
    )
    for name, title, most in waits:
        seconds = figures[name]["wall_s"]
        rows.append((title, f"{seconds:,.2f} s", "", "", f"≤ {most:g} s", seconds <= most))
    return rows
