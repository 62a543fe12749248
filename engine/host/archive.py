"""The archive: what of a replay is saved: in its own file when asked, and by itself beside it within a second."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from engine.breakpoints import Breakpoint
from engine.config.saved import is_session
from engine.errors import RecordingError, TickdeckError, UsageError
from engine.paths import user_data
from engine.session_file import Keeper, SavedSession, read_session

if TYPE_CHECKING:
    from engine.loop import Engine
    from engine.session import Session

FOLDER = "sessions"
LEFT = "-left"
Note = Callable[[str, str], None]


class Archive:
    """Keeps one replay: its breakpoints and notes, and with them what was done by hand.

    `path` is the session's file, "" while it has none; `unsaved` a session that was left unsaved, in words, and where it is.
    """

    def __init__(self, session: Session, engine: Engine, note: Note) -> None:
        self._session = session
        self._engine = engine
        self._note = note
        self.breakpoints: list[Breakpoint] = []
        self.bookmarks: dict[int, str] = {}
        self.path = ""
        self.unsaved = ("", "")
        self._taken_up: Path | None = None
        self._keeper: Keeper | None = None

    def keep_by_itself(self) -> None:
        """Save by itself from now on what is done by hand, within a second; what was left so before is offered."""
        session = self._session
        if session.recording is None or session.recording.path is None or not session.config.replay.memory_mb:
            return
        named = f"{self.path or session.config.source} {Path(session.recording.path).absolute()}"
        stem = f"{session.recording.name}-{hashlib.sha256(named.encode()).hexdigest()[:8]}"
        if self._taken_up is not None:
            # it goes on under the name it had, so that it is offered again where it is left once more
            stem = self._taken_up.stem.removesuffix(LEFT)
        folder = user_data() / FOLDER
        path, left = folder / f"{stem}.toml", folder / f"{stem}{LEFT}.toml"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if is_session(path) and self._taken_up is None:
                path.replace(left)
            if is_session(left) and self._taken_up is None:
                self.unsaved = (_told(read_session(left)), str(left))
            self._keeper = Keeper(path, session, self._engine)
        except (OSError, TickdeckError) as error:
            self._note("warning", f"the session is not saved by itself: {error}")

    def take_up(self, path: str, saved: SavedSession) -> None:
        """Take up what a session file keeps beside what was done by hand; one that saved itself has no file of its own yet."""
        if Path(path).parent == user_data() / FOLDER:
            self._taken_up = Path(path)
        else:
            self.path = path
        self.breakpoints = [Breakpoint.from_table(table) for table in saved.breakpoints]
        self.bookmarks = {int(its["step"]): str(its["text"]) for its in saved.bookmarks}

    def close(self) -> None:
        """Save what was done last."""
        if self._keeper is not None:
            self._fill(self._keeper)
            with suppress(TickdeckError):
                self._keeper.finish()

    def look(self) -> None:
        """Save what was done by hand since the last look."""
        if self._keeper is not None:
            self._fill(self._keeper)
            try:
                self._keeper.look()
            except TickdeckError as error:
                self._keeper = None
                self._note("error", f"the session is no longer saved by itself: {error.message}")

    def save(self, path: str) -> str:
        """Save the session; returns where. Raises UsageError without a file, RecordingError where it cannot be written."""
        where = path.strip() or self.path
        if not where:
            raise UsageError("the session has no file yet", hint="name one, such as my-session.toml")
        file = Path(where).expanduser()
        file = file if file.suffix == ".toml" else file.with_name(file.name + ".toml")
        if not file.parent.is_dir():
            raise RecordingError(f"there is no folder {file.parent}", hint="make it, or name another")
        keeper = Keeper(file, self._session, self._engine)
        self._fill(keeper)
        keeper.save()
        self.path = str(file)
        return self.path

    def _fill(self, keeper: Keeper) -> None:
        keeper.breakpoints = [its.to_table() for its in self.breakpoints]
        keeper.bookmarks = [{"step": step, "text": text} for step, text in sorted(self.bookmarks.items())]


def _told(saved: SavedSession) -> str:
    """Return a session that was left in a few words."""
    count = sum(len(branch["inputs"]) for branch in saved.branches)
    inputs = "1 input by hand" if count == 1 else f"{count} inputs by hand"
    return (
        f"{inputs}, {len(saved.branches)} branches, at step {saved.step:,}"
        if len(saved.branches) > 1
        else f"{inputs}, at step {saved.step:,}"
    )
