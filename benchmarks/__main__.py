"""`python -m benchmarks [--peers FOLDER]`: measure, print a table, keep the figures in bench-results/.

Every figure is a median over processes of their own, each pinned to one core; tickdeck and its peers take turns, so that a busy
machine slows all. Speeds are bars a second of CPU time of the call alone: backtest() here, Backtest(...).run() there.
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

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.market import YEAR
from benchmarks.ours import CASES, prepare
from benchmarks.peers import MOST_REPEATS, PEERS, Peer, installed
from benchmarks.reference import reference
from benchmarks.rows import Figures, Row, beside, judge
from benchmarks.start import cold_kernel, warm_host, warm_rehearsal

ROOT = Path(__file__).resolve().parents[1]


def run(command: list[str]) -> Figures:
    """Run a measured process from the checkout and return the figures it prints last."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def rehearsed(case: str) -> Figures:
    """The figures of the rehearsal exchange."""
    return run([sys.executable, "-m", "benchmarks.rehearsal", case])


def medians(runs: list[Figures]) -> Figures:
    """Return each figure's median; what is not a number is taken from the first run."""
    return {
        key: median(run[key] for run in runs) if isinstance(value, int | float) else value for key, value in runs[0].items()
    }


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


def due(market: Path, peer: Peer) -> Figures:
    """What the cross must come to by a peer's way to fill."""
    with np.load(market) as arrays:
        equity, fills = reference(arrays[arrays.files[0]], peer.rule)
    return {"equity": float(equity), "fills": fills}


def main() -> int:
    """Measure everything; 1 where tickdeck or a peer comes to other money than it must, or a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure tickdeck's speed and memory.")
    parser.add_argument("--peers", type=Path, help="the folder of the environments of other engines")
    parser.add_argument("--repeats", type=int, default=5, help="processes a figure is the median of (5)")
    chosen = parser.parse_args()
    pythons = installed(chosen.peers) if chosen.peers else {}

    runs: dict[str, list[Figures]] = {}
    with tempfile.TemporaryDirectory(prefix="tickdeck-bench-") as made:
        folder = Path(made)
        status = Console(stderr=True)
        for absent in [peer for peer in PEERS if chosen.peers and peer not in pythons]:
            status.print(f"{absent.name} is not installed; it is left out")
        status.print("making ten coins' year of one-minute bars")
        prepare(folder)
        market = folder / "market.npz"

        def ours(case: str) -> Figures:
            return run([sys.executable, "-m", "benchmarks.ours", case, str(folder)])

        def its(peer: Peer, case: str) -> Figures:
            return run([str(pythons[peer]), f"benchmarks/peer_{peer.name}.py", case, str(market), str(YEAR)])

        warm_host()  # leaves the kernel compiled for every process to come
        work: dict[str, Callable[[], Figures]] = {
            "kernel": cold_kernel,
            "host": warm_host,
            "rehearsal": warm_rehearsal,
            "streams": partial(rehearsed, "streams"),
            "orders": lambda: run([sys.executable, "-m", "benchmarks.orders"]),
            "breaking": lambda: run([sys.executable, "-m", "benchmarks.breaking", str(folder)]),
            "history": lambda: run([sys.executable, "-m", "benchmarks.history", str(folder)]),
            "rewind": lambda: run([sys.executable, "-m", "benchmarks.rewind", str(folder)]),
            "capture": lambda: run([sys.executable, "-m", "benchmarks.capture"]),
            "live": lambda: run([sys.executable, "-m", "benchmarks.live"]),
            "flight": lambda: run([sys.executable, "-m", "benchmarks.flight"]),
        }
        for case in CASES:
            work[case] = partial(ours, case)
            for peer in pythons:
                if case in peer.cases:
                    work[f"{case}.{peer.name}"] = partial(its, peer, case)
        ours("opening")  # the page cache is as warm for the first repeat as for the last
        for repeat in range(chosen.repeats):
            for name, measure in work.items():
                if name in ("live", "flight", "rewind") and repeat:
                    continue  # long, and distributions already
                if "." in name and repeat >= MOST_REPEATS:
                    continue
                status.print(f"{repeat + 1} of {chosen.repeats}: {name}", highlight=False)
                runs.setdefault(name, []).append(measure())

        figures = {name: medians(its) for name, its in runs.items()}
        rows = judge(figures)
        for peer in pythons:
            rows += beside(peer, figures["cross"], figures[f"cross.{peer.name}"], due(market, peer))
    show(rows)
    kept = ROOT / "bench-results" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps({"machine": machine(), "medians": figures, "runs": runs, "rows": rows}, indent=1) + "\n")
    print(f"kept in {kept.relative_to(ROOT)}")
    return int(any(met is False for *_, met in rows))


if __name__ == "__main__":
    sys.exit(main())
