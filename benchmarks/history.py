"""Time travel over a year of one-minute bars: `python -m benchmarks.history FOLDER` with the folder `ours.prepare` made.

SmaCross with 12 more columns. Every figure is CPU time in this process, so that a busy machine does not count.
"""

from __future__ import annotations

import gc
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import pin, timed
from benchmarks.ours import config, reading_strategy

MOVES = 2000
CHECKED = 10_000
TURNS = 3


def engine(folder: Path, memory: int | None = None) -> Any:
    """Return an engine on the year, its features computed."""
    from engine.loop import Engine
    from engine.session import prepare

    session = prepare(config(folder, 1), strategy=reading_strategy()(fast=50, slow=200, size=0.99))
    more = {} if memory is None else {"memory": memory}
    made = Engine(session.feed, session.trade, session.strategy, session.begin, **more)
    made.run(1)
    return made


def percentiles(moves: list[Callable[[], Any]]) -> tuple[float, float]:
    """Return the median and the 99th percentile of some calls, in milliseconds of CPU."""
    took = []
    for move in moves:
        began = time.process_time_ns()
        move()
        took.append((time.process_time_ns() - began) / 1e6)
    took.sort()
    return took[len(took) // 2], took[len(took) * 99 // 100]


def run_history(folder: Path, moves: int = MOVES, checked: int = CHECKED) -> dict[str, Any]:
    """Fly the year with and without history in turns, then go back and forth in it."""
    from engine.statehash import state_hash

    gc.disable()  # what other turns left behind is not this one's work
    plain, kept = [], []
    flown: Any = None
    for _ in range(TURNS):
        flown = engine(folder, memory=0)
        plain.append(timed(flown.run)[1]["cpu_s"])
        flown = engine(folder)
        kept.append(timed(flown.run)[1]["cpu_s"])
        gc.collect()
    gc.enable()
    last, dice = flown.raw.latest.step, random.Random(1)
    flown.seek(last // 2)  # the farthest is remembered once

    back = []
    for _ in range(moves):
        flown.seek(dice.randrange(1, last))
        back.append(percentiles([flown.step_back])[0])
    back.sort()
    seek_p50, seek_p99 = percentiles([lambda: flown.seek(dice.randrange(last)) for _ in range(moves)])

    # each step comes to the hash it had before, whatever was done in between
    places = sorted(dice.randrange(1, last) for _ in range(100))
    other = engine(folder, memory=0)
    due = {}
    for step in places:
        other.run(step - other.raw.latest.step)
        due[step] = state_hash(other.trade, other.strategy)
    wrong = 0
    for n in range(checked):
        step = dice.choice(places)
        flown.seek(step + dice.randrange(3) if n % 2 else step)
        while flown.raw.latest.step > step:
            flown.step_back()
        wrong += state_hash(flown.trade, flown.strategy) != due[step]
    return {
        "plain_cpu_s": min(plain),
        "kept_cpu_s": min(kept),
        "marks": flown.history.marks,
        "marks_mb": flown.history.size / 2**20,
        "back_p50_ms": back[len(back) // 2],
        "back_p99_ms": back[len(back) * 99 // 100],
        "seek_p50_ms": seek_p50,
        "seek_p99_ms": seek_p99,
        "checked": checked,
        "wrong": wrong,
    }


def history_rows(ours: dict[str, Any]) -> list[Any]:
    """Return the rows on time travel."""
    ratio = ours["kept_cpu_s"] / ours["plain_cpu_s"]
    kept = f"{1e3 * ours['kept_cpu_s']:,.0f} ms", f"{1e3 * ours['plain_cpu_s']:,.0f} ms without"
    rows: list[Any] = [("a year that can be wound back", *kept, f"{ratio:.2f} ×", "≤ 1.1 ×", ratio <= 1.1)]
    for name, title, middle, most in (("back", "  step back anywhere", 1.0, 3.0), ("seek", "  seek anywhere", 2.0, 10.0)):
        p50, p99 = ours[f"{name}_p50_ms"], ours[f"{name}_p99_ms"]
        target = f"≤ {middle:g} ms, p99 ≤ {most:g} ms"
        rows.append((title, f"{p50:.2f} ms", f"p99 {p99:.2f} ms", "", target, p50 <= middle and p99 <= most))
    shown = f"{ours['marks']:,} marks, {ours['marks_mb']:.1f} MB"
    rows.append(
        ("  steps that came out otherwise", f"{ours['wrong']} of {ours['checked']:,}", shown, "", "0", not ours["wrong"])
    )
    return rows


if __name__ == "__main__":
    pin()
    print(json.dumps(run_history(Path(sys.argv[1]))))
