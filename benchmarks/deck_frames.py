"""`python -m benchmarks.deck_frames`: what a frame costs the deck, in CPU time of its process, drawn to a real terminal device.

Everything changes with every frame, which is the worst case. Prints a table, then one JSON object.
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import json
import math
import os
import pty
import random
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path

FRAMES = 120
CASES: dict[str, tuple[tuple[int, int], float]] = {
    "watch": ((110, 55), 5.0),
    "candles": ((131, 30), 4.0),
    "deck-120x40": ((120, 40), 12.0),
    "deck-200x60": ((200, 60), 20.0),
}
"""Terminal size and the milliseconds a frame may take, the median; `deck` is all panels at once, decoding included."""


def drive(case: str, report: Path) -> None:
    """Draw the case on the terminal this process has, and write its figures."""
    from textual.app import App, ComposeResult

    from engine.host import protocol as p
    from tui.session import Session
    from tui.theme import THEMES, VARIABLES
    from tui.widgets.chart import CandleChart
    from tui.widgets.lines import Lines
    from tui.widgets.watchlist import Watchlist

    rng = random.Random(1)
    coins = [f"COIN{n}USDT" for n in range(50)]
    session = Session()
    session.greet(_hello(coins))

    def rows(frame: int) -> list[p.WatchRow]:
        change = rng.gauss(0, 3)
        return [p.WatchRow(coin, 100 + n + frame / 7, change - n, 1e4 * (frame + n), 0.0) for n, coin in enumerate(coins)]

    walk = [105_000.0]
    while len(walk) < 2000:
        walk.append(walk[-1] + rng.gauss(0, 40))

    def chart(frame: int) -> p.Chart:
        first = 300 + frame
        opens, closes = walk[first : first + 120], walk[first + 1 : first + 121]
        highs = [max(a, b) + 12 for a, b in zip(opens, closes, strict=True)]
        lows = [min(a, b) - 12 for a, b in zip(opens, closes, strict=True)]
        means = {
            f"mean_{size}": [statistics.fmean(walk[n - size : n]) for n in range(first, first + 120)] for size in (20, 100)
        }
        times = [(first + n) * 60 * 10**9 for n in range(120)]
        volume = [10 + 9 * math.sin((first + n) / 3) for n in range(120)]
        return p.Chart(coins[0], times, opens, highs, lows, closes, volume, means, [(5, "buy", 1.0), (80, "sell", 1.0)])

    feed: Callable[[int], None]
    if case == "watch":
        watch = Watchlist(session)
        widget: Lines = watch
        drawn = [rows(n) for n in range(FRAMES)]

        def feed(frame: int) -> None:
            watch.show(drawn[frame])
    else:
        candles = CandleChart(session)
        widget = candles
        charts = [chart(n) for n in range(FRAMES)]

        def feed(frame: int) -> None:
            candles.show(charts[frame])

    class Stage(App[None]):
        def __init__(self) -> None:
            super().__init__()
            for theme in THEMES:
                self.register_theme(theme)

        def get_theme_variable_defaults(self) -> dict[str, str]:
            return VARIABLES

        def compose(self) -> ComposeResult:
            yield widget

        def on_mount(self) -> None:
            self.theme = "deck-dark"
            self.run_worker(self.measure())

        async def measure(self) -> None:
            _write(report, await _measure(feed))
            self.exit()

    Stage().run()


def drive_deck(report: Path) -> None:
    """Draw whole frames, as they come over the wire, on the deck."""
    from engine.host import protocol as p
    from tui.app import DeckApp
    from tui.link import HostSpec
    from tui.settings import Settings

    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "tui"))
    from fake_link import FakeLink  # type: ignore[import-not-found]
    from fake_world import World  # type: ignore[import-not-found]

    world = World()
    link = FakeLink(world)
    app = DeckApp(lambda spec: link, HostSpec(), Settings())
    world.bars = 130
    wire: list[bytes] = []
    for _ in range(FRAMES):
        world.step()
        wire.append(p.pack(world.frame()))
    reader = p.Reader(p.Report)

    def feed(frame: int) -> None:
        (report_,) = reader.feed(wire[frame])
        app.deck.apply(report_)

    async def measure() -> None:
        await asyncio.sleep(1)
        _write(report, await _measure(feed))
        app.exit(0)

    app.call_later(lambda: app.run_worker(measure()))
    app.run()


def _write(report: Path, figures: dict[str, float]) -> None:
    report.write_text(json.dumps(figures))


async def _measure(feed: Callable[[int], None]) -> dict[str, float]:
    await asyncio.sleep(0.3)
    # As the deck does once it is up.
    gc.collect()
    gc.freeze()
    spent: list[float] = []
    for frame in range(FRAMES):
        began = time.process_time()
        feed(frame)
        # Long enough for the screen to be painted and written out, by whichever thread.
        await asyncio.sleep(0.05)
        spent.append((time.process_time() - began) * 1000)
    spent = sorted(spent[10:])
    return {"p50_ms": round(statistics.median(spent), 2), "p95_ms": round(spent[int(len(spent) * 0.95)], 2)}


def _hello(coins: list[str]) -> object:
    from engine.host import protocol as p

    infos = [p.CoinInfo(coin, coin.removesuffix("USDT"), "USDT", "0.01", "0.001", "5", []) for coin in coins]
    return p.Hello(
        version=p.VERSION, mode="replay", recording="bench", synthetic=True, spot=True, coins=infos, interval="1m",
        strategy="-",
        params=[], features=[], fill_rules=[], currency="USDT", start=0, end=1, steps=1, gaps=[],
    )  # fmt: skip


def measure(case: str) -> dict[str, float]:
    """Return a case's figures from a process of its own, on a pseudo terminal of the case's size that is read at once."""
    (width, height), _ = CASES[case]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TEXTUAL_FPS": "1000"}
        child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.deck_frames", case, str(report)],
            stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        written = b""
        while child.poll() is None:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    written = (written + os.read(ours, 1 << 16))[-4000:]
                except OSError:
                    break
        child.wait(10)
        os.close(ours)
        if not report.exists():
            raise SystemExit(f"{case} failed:\n{written.decode('utf-8', 'replace')}")
        figures: dict[str, float] = json.loads(report.read_text())
        return figures


def main() -> None:
    """Measure every case, or be the process that is measured."""
    if len(sys.argv) == 3:
        case, report = sys.argv[1], Path(sys.argv[2])
        if case.startswith("deck"):
            drive_deck(report)
        else:
            drive(case, report)
        return
    figures = {}
    for case, (size, limit) in CASES.items():
        figures[case] = {**measure(case), "limit_ms": limit}
        shown = figures[case]
        verdict = "met" if shown["p50_ms"] <= limit else "MISSED"
        times = f"p50 {shown['p50_ms']:>6} ms  p95 {shown['p95_ms']:>6} ms  ≤ {limit} ms"
        print(f"{case:<14}{size[0]:>4} x {size[1]:<4} {times}  {verdict}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
