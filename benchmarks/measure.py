"""What is measured inside a measured process: its CPU seconds and its memory. Needs nothing but the standard library."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def pin() -> None:
    """Stay on the last core, where the system allows to choose: moving between cores is noise."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _status(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    return float("nan")


def timed(work: Callable[[], T]) -> tuple[T, dict[str, float]]:
    """Run `work` once; return its result, and the seconds of CPU and of the clock that it took."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return result, {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}


def peaked(work: Callable[[], T]) -> tuple[T, dict[str, float]]:
    """Run `work` once; return its result and, on Linux, the most memory it held above what was held before."""
    proc = Path("/proc/self/clear_refs")
    if not proc.exists():
        return work(), {}
    proc.write_text("5")  # the high-water mark starts again from what is held now
    before = _status("VmRSS")
    result = work()
    return result, {"peak_mb": _status("VmHWM") - before}


def measured(engine: str, main: Callable[..., dict[str, Any]], case: str, market: str, bars: str) -> dict[str, Any]:
    """Run a peer's `main` on so many of the market's first bars, on one core, and return its figures with its version."""
    pin()
    return {"engine": f"{engine} {version(engine)}", "bars": int(bars)} | main(case, market, int(bars))
