"""Session files: a replay saved as readable text, and opened again at the step it was at, with everything done by hand.

A file holds the config, what the recording was by its content, the input log of every branch, and what a deck adds:
breakpoints, bookmarks. What came of it all is not in it: it is flown again.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import tomli_w

from engine import seam
from engine.config import SessionConfig
from engine.config.asked import HINT, VERSION, config_in, read_tables
from engine.config.saved import KEY, spare
from engine.errors import NoRecording, RecordingError, UsageError
from engine.history import Input
from engine.history.branches import Branch
from engine.loop import Engine
from engine.model import OrderType, TimeInForce
from engine.recordings.bars import stamp
from engine.recordings.fingerprint import Fingerprint, differences, fingerprint
from engine.recordings.store import write_file
from engine.session import Session, prepare
from engine.statehash import state_hash
from engine.strategy import Strategy
from engine.trading.system import TradeSystem

AUTOSAVE_S = 0.5
SHAPES: dict[str, tuple[str, ...]] = {
    "place_order": ("coin", "amount", "price"),
    "place_oco": ("coin", "amount", "price", "stop"),
    "amend_order": ("order", "amount"),
    "replace_order": ("order", "amount", "price"),
    "cancel": ("order",),
    "set_parameters": (),
}
"""The arguments of each input by their names; terms beyond them have names already."""
WHOLE = ("order", "trail_bps", "trailing_stop_bps")
KINDS: dict[str, Any] = {"coin": str, "type": OrderType, "tif": TimeInForce, **dict.fromkeys(WHOLE, int)}
"""What an argument is made of; prices and amounts, the rest, are exact decimals as text."""

Table = dict[str, Any]


@dataclass
class SavedSession:
    """What a session file says; `path` and `recording` are where the recording was and what it held.

    `breakpoints` and `bookmarks` are plain tables of the deck's.
    """

    config: SessionConfig
    path: Path
    recording: Fingerprint
    step: int
    state_hash: str
    branch: str
    branches: list[Table]
    strategy: str
    breakpoints: list[Table] = field(default_factory=list)
    bookmarks: list[Table] = field(default_factory=list)


class Resumed(NamedTuple):
    """A session opened again: its engine stands where it was left; `warnings` tell what is not as it was."""

    session: Session
    engine: Engine
    saved: SavedSession
    warnings: list[str]


class Keeper:
    """Keeps one session in its file: `save` at once, `look` once and again for what was done by hand since.

    A file is written whole beside the old one and takes its place, so that whatever happens one of the two is there. Raises
    UsageError for a session whose recording is in memory alone, and where it would be saved over what is no session.
    """

    def __init__(self, path: Path, session: Session, engine: Engine) -> None:
        if session.recording is None or session.recording.path is None:
            raise UsageError("a session on data in memory cannot be saved", hint="import the data into a recording first")
        self.path = path
        self.breakpoints: list[Table] = []
        self.bookmarks: list[Table] = []
        self._session = session
        self._engine = engine
        self._content = fingerprint(session.recording, session.feed.latest.coins)
        self._saved: Any = self._by_hand()
        self._fresh = self._saved
        self._looked = seam.stopwatch()

    def save(self) -> None:
        """Write the file; raises RecordingError where it cannot be."""
        spare(self.path)
        self._saved = self._by_hand()
        write_file(self.path, self.text().encode())

    def look(self) -> bool:
        """Save where something was done by hand since, twice a second at most; return whether it was."""
        now = seam.stopwatch()
        if now - self._looked < AUTOSAVE_S:
            return False
        self._looked = now
        if self._by_hand() == self._saved:
            return False
        self.save()
        return True

    def finish(self) -> None:
        """Save where it stands, if anything was done by hand since it began."""
        if self._by_hand() != self._fresh:
            self.save()

    def text(self) -> str:
        """Return what is to be in the file."""
        engine = self._engine
        branches = engine.history.branches
        tables = _tables(self._session, engine.trade, engine.strategy, self._content)
        tables |= {"branch": branches.now.name, "branches": [_table_of(branch) for branch in branches.all]}
        return tomli_w.dumps({**tables, "breakpoints": self.breakpoints, "bookmarks": self.bookmarks})

    def _by_hand(self) -> Any:
        branches = self._engine.history.branches
        made = [(its.name, its.parent, list(its.inputs)) for its in branches.all]
        return branches.now.name, made, [dict(its) for its in self.breakpoints], [dict(its) for its in self.bookmarks]


def save_run(path: Path, session: Session) -> None:
    """Save a session that was run without a break, where it stands; raises UsageError, RecordingError as Keeper does."""
    if session.recording is None or session.recording.path is None:
        raise UsageError("a session on data in memory cannot be saved", hint="import the data into a recording first")
    content = fingerprint(session.recording, session.feed.latest.coins)
    spare(path)
    at = session.feed.latest.step
    main = {"name": "main", "parent": "", "step": -1, "at": at, "head": at, "inputs": []}
    tables = _tables(session, session.trade, session.strategy, content)
    write_file(path, tomli_w.dumps({**tables, "branch": "main", "branches": [main]}).encode())


def read_session(path: Path) -> SavedSession:
    """Return what a session file says; raises UsageError where it is none, or of a version to come."""
    tables = read_tables(path)
    try:
        return SavedSession(
            config_in(tables, path),
            Path(tables["recording"]["path"]),
            dict(tables["recording"]["coins"]),
            int(tables["step"]),
            str(tables["state_hash"]),
            str(tables["branch"]),
            [_branch_of(table) for table in tables["branches"]],
            str(tables["strategy"]),
            [dict(its) for its in tables.get("breakpoints", [])],
            [dict(its) for its in tables.get("bookmarks", [])],
        )
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise UsageError(f"{path} is damaged: {type(error).__name__}: {error}", hint=HINT) from None


def resume(path: Path, recording: str | None = None) -> Resumed:
    """Open a session at the step it was at, on its recording or on another of the same content.

    Raises UsageError where the file is no session, RecordingError telling how the recording differs from that of before.
    """
    saved = read_session(path)
    try:
        session = prepare(saved.config, overrides={"recording": json.dumps(recording)} if recording is not None else None)
    except NoRecording:
        # the config may name it as seen from another folder
        if recording is not None or not saved.path.is_dir():
            raise
        session = prepare(saved.config, overrides={"recording": json.dumps(str(saved.path))})
    assert session.recording is not None, "a saved session is a replay"
    if found := list(differences(saved.recording, session.recording)):
        raise RecordingError(
            f"{session.recording.name} is not the recording {path.name} was made on: {'; '.join(found)}",
            hint="give the one it was made on: --recording NAME",
        )
    engine = Engine(session.feed, session.trade, session.strategy, session.begin)
    branches = engine.history.branches
    for table in saved.branches:
        branches.add(**table)
    branches.switch(saved.branch, saved.step)
    warnings = list(engine.history.warnings)
    if state_hash(engine.trade, engine.strategy) != saved.state_hash:
        edited = _source_hash(engine.strategy) != saved.strategy
        why = "its strategy was edited since" if edited else "`tickdeck verify` tells what does not repeat itself"
        warnings.append(f"step {saved.step} came out otherwise than when {path.name} was saved: {why}")
    return Resumed(session, engine, saved, warnings)


def _tables(session: Session, trade: TradeSystem, strategy: Strategy, content: Fingerprint) -> Table:
    """Return what a file says of a session, but for its branches."""
    config, recording, raw = session.config, session.recording, session.feed.latest
    assert recording is not None, "a saved session is a replay"
    return {
        KEY: VERSION,
        "step": raw.step,
        "time": stamp(raw.time) if raw.step >= 0 else "",
        "state_hash": state_hash(trade, strategy),
        "strategy": _source_hash(strategy),
        "beside": str(config.beside) if config.beside is not None else "",
        "config": config.tables,
        "recording": {"path": str(Path(recording.path or "").absolute()), "coins": content},
    }


def _table_of(branch: Branch) -> Table:
    inputs = [_input_table(its) for its in branch.inputs]
    return {
        "name": branch.name,
        "parent": branch.parent,
        "step": branch.step,
        "at": branch.at,
        "head": branch.head,
        "inputs": inputs,
    }


def _branch_of(table: Mapping[str, Any]) -> Table:
    places: dict[int, int] = {}
    inputs = []
    for its in table["inputs"]:
        step = int(its["step"])
        places[step] = places.get(step, -1) + 1
        inputs.append(_input_of(its, places[step]))
    numbers = {name: int(table[name]) for name in ("step", "at", "head")}
    return {"name": str(table["name"]), "parent": str(table["parent"]), "inputs": inputs, **numbers}


def _input_table(its: Input) -> Table:
    """Return an input as it stands in a file."""
    *given, last = its.arguments
    given, terms = (given, last) if isinstance(last, dict) else ([*given, last], {})
    named = {**dict(zip(SHAPES[its.what], given, strict=False)), **terms}
    told = {name: _written(its.what, name, value) for name, value in named.items() if value is not None}
    if its.what == "set_parameters":
        told = {"params": told, "none": [name for name, value in terms.items() if value is None]}
    return {"step": its.step, "time": its.time, "what": its.what, **told}


def _written(what: str, name: str, value: Any) -> Any:
    if what == "set_parameters":
        value = getattr(value, "value", value)
        return list(value) if isinstance(value, tuple) else value
    kind = KINDS.get(name)
    if kind is not None:
        return int(value) if kind is int else str(getattr(value, "value", value))
    return format(Decimal(repr(value)) if isinstance(value, float) else Decimal(value), "f")


def _input_of(table: Mapping[str, Any], place: int) -> Input:
    what = str(table["what"])
    if what == "set_parameters":
        params = {**table["params"], **dict.fromkeys(table["none"])}
        return Input(int(table["step"]), place, int(table["time"]), what, (params,))
    named = {name: value for name, value in table.items() if name not in ("step", "time", "what")}
    values = {name: KINDS.get(name, Decimal)(value) for name, value in named.items()}
    given = [values.pop(name, None) for name in SHAPES[what]]
    arguments: Sequence[Any] = given if what in ("amend_order", "cancel") else (*given, values)
    return Input(int(table["step"]), place, int(table["time"]), what, tuple(arguments))


def _source_hash(strategy: object) -> str:
    """Return a hash of the file a strategy is in, "" where there is none."""
    try:
        file = inspect.getsourcefile(type(strategy))
        return hashlib.sha256(Path(file or "").read_bytes()).hexdigest()[:16]
    except (OSError, TypeError):
        return ""
