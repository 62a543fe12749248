"""`python -m benchmarks [--peer PYTHON]`: measure, print a table, keep the figures in bench-results/.

Every figure is a median over processes of their own, each pinned to one core; tickdeck and its peer take turns, so that a busy
machine slows both. Speeds are bars a second of CPU time of the call alone: backtest() here, Backtest(...).run() there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.ours import COINS, prepare
from benchmarks.start import cold_kernel, warm_host

ROOT = Path(__file__).resolve().parents[1]
Figures = dict[str, Any]
Row = tuple[str, str, str, str, str, bool | None]


def run(command: list[str]) -> Figures:
    """Run a measured process from the checkout and return the figures it prints last."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def medians(runs: list[Figures]) -> Figures:
    """Return each figure's median; what is not a number is taken from the first run."""
    return {
        key: median(run[key] for run in runs) if isinstance(value, int | float) else value for key, value in runs[0].items()
    }


def rate(figures: Figures) -> float:
    """Bars a second of CPU time."""
    return float(figures["bars"] / figures["cpu_s"])


def compare(title: str, ours: Figures, peer: Figures | None) -> Row:
    """A row on speed, which must be at least six times the peer's."""
    shown = f"{rate(ours):,.0f} bars/s"
    if peer is None:
        return (title, shown, "", "", "≥ 6 ×", None)
    ratio = rate(ours) / rate(peer)
    return (title, shown, f"{rate(peer):,.0f} bars/s", f"{ratio:.1f} ×", "≥ 6 ×", ratio >= 6)


def agree(ours: Figures, peer: Figures) -> Row:
    """A row on the equity of both, which must be the same to the cent, the same bars read and filled."""
    same = (
        abs(ours["equity"] - peer["equity"]) < 0.01
        and ours["fills"] == peer["fills"]
        and abs(ours["read"] - peer["read"]) <= 1e-9 * abs(peer["read"])
    )
    ours_shown, peer_shown = (f"{figures['equity']:,.2f}, {figures['fills']:,} fills" for figures in (ours, peer))
    return ("  equity", ours_shown, peer_shown, "", "equal", same)


def judge(figures: dict[str, Figures]) -> list[Row]:
    """Return the table's rows: what, ours, beside it, ratio, target, met."""
    rows: list[Row] = []
    titles = {
        "cross": "SmaCross at every bar",
        "reading": "… reading 12 more columns",
        "portfolio": f"… {COINS} coins, one account",
    }
    for name, title in titles.items():
        ours, peer = figures[name], figures.get(f"{name}.peer")
        if name == "portfolio":
            peer = figures.get("cross.peer")
            beside = f"{rate(peer):,.0f} bars/s, one coin" if peer else ""
            ratio = f"{rate(ours) / rate(peer):.1f} ×" if peer else ""
            rows.append((title, f"{rate(ours):,.0f} bars/s", beside, ratio, "≥ 1,000,000 bars/s", rate(ours) >= 1e6))
        else:
            rows.append(compare(title, ours, peer))
            if peer:
                rows.append(agree(ours, peer))
        limit = 3 * ours["data_mb"] + 150
        rows.append(("  peak memory", f"{ours['peak_mb']:,.0f} MB", "", "", f"≤ {limit:,.0f} MB", ours["peak_mb"] <= limit))
    ours = figures["indicators"]
    ratio = ours["features_s"] / ours["talib_s"]
    shown = f"{1e3 * ours['features_s']:,.0f} ms", f"{1e3 * ours['talib_s']:,.0f} ms, TA-Lib alone"
    rows.append(("12 indicator columns", *shown, f"{ratio:.2f} ×", "≤ 2 ×", ratio <= 2))
    rows.append(("  laid into rows with the bars", f"{1e3 * ours['rows_s']:,.0f} ms", "", "", "", None))
    ours = figures["opening"]
    rows.append(("open a year of 10 coins", f"{1e3 * ours['open_s']:,.1f} ms", "", "", "≤ 200 ms", ours["open_s"] <= 0.2))
    rows.append(("  first look at a column", f"{1e3 * ours['column_s']:,.0f} ms", "", "", "", None))
    for name, title, most in (("kernel", "cold compilation of the kernel", 20.0), ("host", "warm start of the host", 1.5)):
        seconds = figures[name]["wall_s"]
        rows.append((title, f"{seconds:,.2f} s", "", "", f"≤ {most:g} s", seconds <= most))
    return rows


def show(rows: list[Row]) -> None:
    """Print the rows."""
    table = Table("", "tickdeck", "beside it", "ratio", "target", "")
    for *cells, met in rows:
        table.add_row(*cells, "" if met is None else ("met" if met else "[bold red]missed[/]"))
    Console(width=None if sys.stdout.isatty() else 128).print(table)


def machine() -> Figures:
    """What was measured on."""
    info = Path("/proc/cpuinfo")
    models = (
        [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("tickdeck", "numpy", "numba", "TA-Lib", "pandas")},
    }


def main() -> int:
    """Measure everything; 1 where tickdeck and its peer disagree on the equity or a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure tickdeck's speed and memory.")
    parser.add_argument("--peer", type=Path, help="the Python of an environment with backtesting.py")
    parser.add_argument("--repeats", type=int, default=5, help="processes a figure is the median of (5)")
    chosen = parser.parse_args()

    runs: dict[str, list[Figures]] = {}
    with tempfile.TemporaryDirectory(prefix="tickdeck-bench-") as made:
        folder = Path(made)
        status = Console(stderr=True)
        status.print("making ten coins' year of one-minute bars")
        prepare(folder)

        def ours(case: str) -> Figures:
            return run([sys.executable, "-m", "benchmarks.ours", case, str(folder)])

        def peer(case: str) -> Figures:
            return run([str(chosen.peer.absolute()), "benchmarks/peer_backtesting.py", case, str(folder / "market.npz")])

        warm_host()  # leaves the kernel compiled for every process to come
        work: dict[str, Callable[[], Figures]] = {"kernel": cold_kernel, "host": warm_host}
        for case in ("cross", "reading", "portfolio", "indicators", "opening"):
            work[case] = partial(ours, case)
            if chosen.peer and case in ("cross", "reading"):
                work[f"{case}.peer"] = partial(peer, case)
        ours("opening")  # the page cache is as warm for the first repeat as for the last
        for repeat in range(chosen.repeats):
            for name, measure in work.items():
                status.print(f"{repeat + 1} of {chosen.repeats}: {name}", highlight=False)
                runs.setdefault(name, []).append(measure())

    figures = {name: medians(its) for name, its in runs.items()}
    rows = judge(figures)
    show(rows)
    kept = ROOT / "bench-results" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps({"machine": machine(), "medians": figures, "runs": runs, "rows": rows}, indent=1) + "\n")
    print(f"kept in {kept.relative_to(ROOT)}")
    return int(any(met is False for *_, met in rows))


if __name__ == "__main__":
    sys.exit(main())
