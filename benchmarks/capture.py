"""A market captured as fast as it comes: every frame through the writer onto the disk, read back, and sealed.

`python -m benchmarks.capture` prints the figures.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import pin, timed

MESSAGES = 300_000
START_NS = 1_735_689_600 * 10**9
LEVELS = 6
"""Levels that a change of the book changes."""


def frames(count: int) -> list[bytes]:
    """Return frames as the exchange sends them: of ten, six are quotes, three trades, and one is a change of the book."""
    rng = np.random.default_rng(7)
    price = 6_000_000 + np.cumsum(rng.integers(-3, 4, count))
    amount = rng.integers(1, 10**6, (count, LEVELS))
    made = []
    for n in range(count):
        cents, sizes = int(price[n]), amount[n].tolist()
        at = START_NS // 10**6 + n // 20
        bid, ask = f"{cents // 100}.{cents % 100:02d}000000", f"{(cents + 1) // 100}.{(cents + 1) % 100:02d}000000"
        size = [f"0.{its:06d}00" for its in sizes]
        if n % 10 == 0:
            bids = ",".join(f'["{(cents - k) // 100}.{(cents - k) % 100:02d}000000","{its}"]' for k, its in enumerate(size))
            change = f'"E":{at},"s":"BTCUSDT","U":{2 * n},"u":{2 * n + 1},"b":[{bids}],"a":[]'
            text = f'depth@100ms","data":{{"e":"depthUpdate",{change}}}}}'
        elif n % 10 < 4:
            sold = "true" if sizes[0] % 2 else "false"
            deal = f'"t":{n},"p":"{bid}","q":"{size[0]}","T":{at},"m":{sold},"M":true'
            text = f'trade","data":{{"e":"trade","E":{at},"s":"BTCUSDT",{deal}}}}}'
        else:
            text = f'bookTicker","data":{{"u":{2 * n},"s":"BTCUSDT","b":"{bid}","B":"{size[0]}","a":"{ask}","A":"{size[1]}"}}}}'
        made.append(f'{{"stream":"btcusdt@{text}'.encode())
    return made


def run_capture(folder: Path, messages: int = MESSAGES) -> dict[str, Any]:
    """Capture so many frames on the core this process has, count what is on the disk, and seal it."""
    from engine.model import Instrument
    from engine.recordings.capture import CaptureWriter, seal
    from engine.recordings.capture.segments import SegmentReader, segments_of

    coin = Instrument(coin="BTCUSDT", base="BTC", quote="USDT", tick=10**6, lot=1000)
    sent = frames(messages)

    def work(into: Path, its: list[bytes]) -> None:
        shutil.rmtree(into, ignore_errors=True)
        with CaptureWriter(into, [coin], source="benchmarks", synthetic=True, sealing=False) as capture:
            for n, frame in enumerate(its):
                capture.frame("market", START_NS + n, frame)

    work(folder / "warm", sent[:1000])
    target = folder / "captured"
    _, spent = timed(lambda: work(target, sent))
    found = [its for path in segments_of(target) for block in SegmentReader(path).blocks() for its in block]
    kept = sum(its.body == frame for its, frame in zip(found, sent, strict=False))
    size = sum(path.stat().st_size for path in segments_of(target))
    sealed, sealing = timed(lambda: seal(target))
    return {
        **spent,
        "messages": messages,
        "lost": messages - kept,
        "bytes_each": size / messages,
        "sealed": sealed.records - 1,
        "seal_cpu_s": sealing["cpu_s"],
    }


def capture_rows(figures: dict[str, Any]) -> list[tuple[str, str, str, str, str, bool | None]]:
    """Return the table's rows on capturing; see benchmarks.rows."""
    messages, lost = figures["messages"], figures["lost"]
    rate = messages / figures["wall_s"]
    shown = (
        f"{rate:,.0f} messages/s",
        f"{messages / figures['cpu_s']:,.0f} a second of CPU, {figures['bytes_each']:.0f} bytes each",
    )
    sealing = figures["sealed"] / figures["seal_cpu_s"]
    return [
        ("capture onto disk, one core", *shown, "", "≥ 20,000 messages/s", rate >= 20_000),
        ("  lost", f"{lost:,} of {messages:,}", "", "", "0", lost == 0),
        ("  sealed into Parquet", f"{sealing:,.0f} messages/s", "", "", "all", figures["sealed"] == messages),
    ]


if __name__ == "__main__":
    pin()
    with tempfile.TemporaryDirectory(prefix="tickdeck-bench-") as made:
        print(json.dumps(run_capture(Path(made))))
