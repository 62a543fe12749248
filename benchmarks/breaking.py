"""What it costs to run to a condition, and how long the why of a step takes: `python -m benchmarks.breaking FOLDER`."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import pin, timed
from benchmarks.ours import config, reading_strategy

CONDITIONS = {
    "feature_s": "rsi < -1",
    "position_s": "rsi < -1 and position == 0",
    "event_s": "rejected and rsi < -1",
}
"""None ever holds, so that each is looked at from the first bar to the last."""
TITLES = {
    "feature_s": "run to a condition on a feature",
    "position_s": "  on a feature and the position",
    "event_s": "  on a refused order and a feature",
}
REPEATS = 3
STEPS = 1000


def run_breaking(folder: Path) -> dict[str, Any]:
    """Run a year to its end alone and to each condition, in turns: the least of each; then explain steps by chance."""
    from engine import Engine
    from engine.breakpoints import Breakpoint
    from engine.breakpoints.lookout import run_until
    from engine.explain import explain
    from engine.session import prepare

    kind = reading_strategy()

    def engine() -> Any:
        session = prepare(config(folder, 1), strategy=kind(fast=50, slow=200, size=0.99))
        made = Engine(session.feed, session.trade, session.strategy)
        made.run(1)  # lays out the features, which is the same for all
        return made

    engine().run()
    least = dict.fromkeys(("plain_s", *CONDITIONS), float("inf"))
    for _ in range(REPEATS):
        for name in least:
            its = engine()
            breakpoints = [Breakpoint(CONDITIONS[name])] if name in CONDITIONS else []
            stop, seconds = timed(lambda its=its, breakpoints=breakpoints: run_until(its, breakpoints))
            if stop.hits or stop.step != its.raw.latest.step:
                raise SystemExit(f"{name}: a condition that never holds stopped the run")
            least[name] = min(least[name], seconds["cpu_s"])
    its, chance = engine(), random.Random(1)
    its.run()
    last = its.raw.latest.step
    steps = [chance.randrange(last + 1) for _ in range(STEPS)]
    took = [timed(lambda step=step: explain(its, step))[1] for step in steps]
    p50, p99 = np.percentile([1e3 * one["cpu_s"] for one in took], [50, 99]).tolist()
    wall = float(np.percentile([1e3 * one["wall_s"] for one in took], 99))
    return least | {"bars": last + 1, "why_p50_ms": p50, "why_p99_ms": p99, "why_wall_p99_ms": wall}


def breaking_rows(figures: dict[str, Any]) -> list[tuple[str, str, str, str, str, bool | None]]:
    """Rows on conditions, which may cost a fifth of the run, and on the why of a step."""
    rows: list[tuple[str, str, str, str, str, bool | None]] = []
    for name, title in TITLES.items():
        ratio = figures[name] / figures["plain_s"]
        shown = f"{1e3 * figures[name]:,.0f} ms", f"{1e3 * figures['plain_s']:,.0f} ms, a plain run"
        rows.append((title, *shown, f"{ratio:.2f} ×", "≤ 1.2 ×", ratio <= 1.2))
    p99 = figures["why_p99_ms"]
    shown = (
        f"{p99:.1f} ms of CPU, p99",
        f"{figures['why_p50_ms']:.1f} ms p50, {figures['why_wall_p99_ms']:.1f} ms p99 by the clock",
    )
    rows.append(("the why of any step, after one pass", *shown, "", "≤ 5 ms", p99 <= 5))
    return rows


if __name__ == "__main__":
    pin()
    print(json.dumps(run_breaking(Path(sys.argv[1]))))
