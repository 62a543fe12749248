"""The other engines of `make bench-peers`: what each does at a bar, and how it fills, so that its money can be checked."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from benchmarks.reference import TICK, Rule


class Peer(NamedTuple):
    """An engine: `name` is that of its environment, of its script peer_NAME.py and of its needs peer_NAME.txt."""

    name: str
    does: str
    fills: str
    rule: Rule = Rule()
    cases: tuple[str, ...] = ("cross",)


PEERS = (
    Peer("backtesting", "Python at every bar", "at the next open", cases=("cross", "reading")),
    Peer("backtrader", "Python at every bar", "at the next open"),
    Peer("nautilus", "Python at every bar, event by event", "at the bar's close", Rule(next_open=False)),
    Peer(
        "freqtrade",
        "candle by candle, signals of all candles first",
        "at the next open, units by its price",
        Rule(sized_late=True),
    ),
    Peer("hftbacktest", "compiled strategy, a quote a bar", "at the next open, sells a tick below", Rule(below=TICK)),
    Peer(
        "vectorbt",
        "all bars at once, no steps",
        "at the next open, units by its price and fee",
        Rule(sized_late=True, fee_aside=True),
    ),
)
MOST_REPEATS = 3
"""Some of them take half a minute for what takes tickdeck one second."""


def installed(folder: Path) -> dict[Peer, Path]:
    """Return the Python of every peer that has an environment in the folder."""
    pythons = {peer: folder.absolute() / peer.name / "bin" / "python" for peer in PEERS}
    return {peer: python for peer, python in pythons.items() if (python.parents[1] / ".installed").exists()}
