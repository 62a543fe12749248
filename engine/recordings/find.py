"""Where recordings lie: what a name on the command line or in a config means."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from engine.errors import NoRecording, RecordingError
from engine.paths import bundled, user_data
from engine.recordings.manifest import MANIFEST
from engine.recordings.names import printable
from engine.recordings.recording import Recording, open_recording

FOLDER = "recordings"


class Found(NamedTuple):
    """A recording that was found: opened, or None with the `problem` it has."""

    path: Path
    recording: Recording | None
    problem: str


def find_recording(name: str | Path, beside: Path | None = None, coins: Sequence[str] | None = None) -> Path:
    """Return the folder of the recording that `name` means.

    Looked for beside the config (`beside`, a folder), in the current folder, in the user's data folder and among what ships
    with tickdeck, there first for a config that ships with it; in each, a bare name in `recordings/` first. Raises NoRecording
    telling where it was looked for, and how to download one with the `coins` that are wanted of it.
    """
    wanted = Path(name).expanduser()
    tried: list[Path] = []
    for place in [Path()] if wanted.is_absolute() else _places(beside):
        for folder in _candidates(place, wanted):
            if os.path.isfile(folder / MANIFEST):
                return folder
            tried.append(folder)
    half = next((folder for folder in tried if os.path.isdir(folder) and str(wanted) != "."), None)
    if half is not None:
        raise RecordingError(
            f"{printable(half)} is not a recording: it has no {MANIFEST}", hint="`tickdeck recordings` lists those there are"
        )
    places = ", ".join(dict.fromkeys(printable(folder) for folder in tried))
    raise NoRecording(
        f"there is no recording {printable(name)}; looked for {places}",
        name=str(name),
        coins=coins or (),
        hint=f"{ways_to(name, coins)}; `tickdeck recordings` lists those there are",
    )


def ways_to(name: str | Path = "NAME", coins: Sequence[str] | None = None) -> str:
    """Return the commands that make a recording of this name with these coins, for a hint."""
    into = _typed(str(name), "NAME")
    these = " ".join(_typed(coin, "COIN") for coin in coins or ("BTCUSDT",))
    return (
        f"`tickdeck download {these} --from 2025-01 --to 2025-03 --into {into}` fetches the exchange's history, "
        f"`tickdeck import FILES --into {into}` takes files in"
    )


def _typed(text: str, instead: str) -> str:
    """Return a text as a shell takes it, `instead` of one that cannot be typed."""
    good = text == printable(text) and 0 < len(text) <= 80 and text != "." and text[0] != "-"
    return shlex.quote(text) if good else instead


def destination(name: str | Path) -> Path:
    """Return the folder that `--into name` means.

    A path is a path; a bare name lies in `./recordings` where there is such a folder, else in the user's data folder.
    """
    wanted = Path(name).expanduser()
    if len(wanted.parts) != 1 or str(name).endswith("/") or str(name).startswith("."):
        return wanted
    here = Path(FOLDER)
    return (here if here.is_dir() else user_data() / FOLDER) / wanted


def list_recordings(beside: Path | None = None) -> list[Found]:
    """Return every recording in the `recordings` folders of the places find_recording looks in, in that order."""
    found: dict[Path, Found] = {}
    for place in _places(beside):
        root = place / FOLDER
        for path in _inside(root):
            if path.resolve() in found or not os.path.isfile(path / MANIFEST):
                continue
            try:
                found[path.resolve()] = Found(path, open_recording(path), "")
            except RecordingError as error:
                found[path.resolve()] = Found(path, None, error.message)
    return list(found.values())


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _places(beside: Path | None) -> list[Path]:
    first = [] if beside is None else [beside]
    if beside == bundled() / "configs":
        # what ships with tickdeck flies on what ships with it, whatever the user calls a recording
        first.append(bundled())
    return [*first, Path(), user_data(), bundled()]


def _candidates(place: Path, wanted: Path) -> list[Path]:
    bare = len(wanted.parts) == 1
    return [*([place / FOLDER / wanted] if bare else []), place / wanted]
