"""Enrolling: a recording knows of a capture from its beginning, before there is anything to read of it."""

from __future__ import annotations

from pathlib import Path

from msgspec import UNSET

from engine.errors import RecordingError
from engine.recordings.capture.segments import Heading
from engine.recordings.importing import ASSUMED
from engine.recordings.manifest import MANIFEST, Capture, Coin, Manifest, load, to_datetime
from engine.recordings.names import printable
from engine.recordings.store import save


def enroll(folder: Path, heading: Heading) -> None:
    """Write the capture and its coins into the manifest of the recording in `folder`, which is made if it is none yet.

    The caller holds the folder's lock. The exchange's filters take the place of those that are known. Raises RecordingError
    where what is recorded there is of another kind.
    """
    old = load(folder) if (folder / MANIFEST).exists() else None
    if not heading.coins:
        raise RecordingError("a capture needs at least one coin")
    for coin in heading.coins:
        if "/" in coin.coin or coin.coin.startswith(".") or printable(coin.coin) != coin.coin or len(coin.coin) > 40:
            raise RecordingError(f"{printable(coin.coin)!r} cannot be the name of a coin's files")
    if old is not None:
        _check(printable(folder), old, heading)
    captures = list(old.captures or ()) if old else []
    if any(capture.id == heading.capture for capture in captures):
        return
    begun = to_datetime(heading.created)
    captures.append(Capture(id=heading.capture, source=heading.source, config=heading.config, start=begun, end=begun))
    now = {coin.coin: coin for coin in heading.coins}
    before = {coin.coin: coin for coin in old.coins} if old else {}
    coins = list((before | now).values())
    guessed = any(coin.inferred for coin in coins)
    sources = old.source.split("; ") if old else []
    save(
        folder,
        {},
        coins=coins,
        source="; ".join(dict.fromkeys([*sources, f"captured from {heading.source}"])),
        synthetic=heading.synthetic,
        spot=heading.spot,
        notes=[note for note in old.notes if guessed or note != ASSUMED] if old else (),
        kept=old.files if old else (),
        sources=old.sources if old else (),
        captures=captures,
        events=old.events if old else UNSET,
    )


def _check(folder: str, old: Manifest, heading: Heading) -> None:
    if old.synthetic != heading.synthetic:
        which = "synthetic" if old.synthetic else "of a real market"
        raise RecordingError(f"{folder} is {which}, what is to be captured is not", hint="capture into another recording")
    if old.spot != heading.spot:
        raise RecordingError(
            f"{folder} is of a {'spot' if old.spot else 'futures'} market, what is to be captured is not",
            hint="a recording holds one kind of market; capture into another",
        )
    known: dict[str, Coin] = {coin.coin: coin for coin in old.coins}
    for coin in heading.coins:
        its = known.get(coin.coin, coin)
        if (its.base, its.quote) != (coin.base, coin.quote):
            raise RecordingError(f"{folder}: {coin.coin} is {its.base}/{its.quote} there and {coin.base}/{coin.quote} here")
