"""Fingerprint: what a recording holds, in a few lines, so that another can be told from it, and in what it differs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from engine.model import CoinName
from engine.recordings.bars import COLUMNS, interval_name, stamp
from engine.recordings.recording import Recording

DIGEST = 8
"""Bytes of a column's hash: enough to see that it was changed, short enough to read."""

Fingerprint = dict[str, dict[str, Any]]


def fingerprint(recording: Recording, coins: Sequence[CoinName]) -> Fingerprint:
    """Return for each coin how many bars it has, from when to when, a hash of each column, and of what trades under."""
    return {coin: _of_coin(recording, coin) for coin in coins}


def _of_coin(recording: Recording, coin: CoinName) -> dict[str, Any]:
    bars = recording.bars(coin)
    columns = {name: _digest(getattr(bars, name).tobytes()) for name in COLUMNS}
    if len(late := recording.late(coin)):
        columns["late"] = _digest(late.tobytes())
    instrument = msgspec.json.encode((recording.instruments[coin], bars.volume_decimals))
    return {
        "interval": interval_name(bars.interval),
        "bars": len(bars),
        "first": stamp(int(bars.time[0])),
        "last": stamp(int(bars.time[-1])),
        "filters": _digest(instrument),
        "columns": columns,
    }


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=DIGEST).hexdigest()


def differences(saved: Mapping[str, Any], recording: Recording) -> Iterator[str]:
    """Yield in words what a recording has otherwise than the one a fingerprint is of."""
    for coin, before in saved.items():
        if coin not in recording.coins:
            yield f"it has no {coin}"
            continue
        now = _of_coin(recording, coin)
        for name in ("interval", "bars", "first", "last"):
            if before.get(name) != now[name]:
                yield f"{coin}: {WORDS[name]} {now[name]}, not {before.get(name)}"
        columns: Mapping[str, str] = before.get("columns", {})
        if before.get("bars") == now["bars"]:
            names = [name for name in (*COLUMNS, "late") if columns.get(name) != now["columns"].get(name)]
            if names:
                yield f"{coin}: other {', '.join(names)}"
        if before.get("filters") != now["filters"]:
            yield f"{coin}: it trades under other filters or units"


WORDS = {"interval": "its bars are of", "bars": "bars:", "first": "it begins at", "last": "it ends at"}
