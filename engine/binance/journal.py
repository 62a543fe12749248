"""The journal: what this machine meant to do at the exchange and what came of it, on disk before it is done.

One SQLite file an account, one connection, write-ahead with every commit on disk; nothing in it is ever changed or taken away.
What an order is now is a fold over its entries.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from engine import seam
from engine.binance.keys import Keys
from engine.errors import JournalError
from engine.paths import user_data

SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY, ts_ns INTEGER NOT NULL, what TEXT NOT NULL, cid TEXT NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS by_cid ON entries (cid, seq);
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'the journal is never changed'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'the journal is never changed'); END;
"""


class Entry(NamedTuple):
    """One entry: its number, when it was written (ns of the wall), what it tells of which order, and its facts."""

    seq: int
    time: int
    what: str
    cid: str
    facts: dict[str, Any]


def journal_file(mode: str, keys: Keys) -> Path:
    """Return where an account's journal is, named by its environment and its key."""
    return user_data() / "journals" / f"{mode}-{hashlib.sha256(keys.api_key.reveal().encode()).hexdigest()[:8]}.db"


class Journal:
    """The journal in a file, made where there is none. `write` returns when the entry is on disk.

    Only one process has it at a time: raises JournalError where another does, where the file is no journal, and where the disk
    takes nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            os.close(handle)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=0.2, check_same_thread=False)
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise self._failure(error) from None

    def write(self, what: str, cid: str = "", **facts: Any) -> int:
        """Append an entry and return its number, once it is on disk."""
        return self.append([(what, cid, facts)])

    def append(self, entries: Sequence[tuple[str, str, dict[str, Any]]]) -> int:
        """Append entries, all or none, and return the number of the last, once they are on disk."""
        rows = [(seam.wall_ns(), what, cid, msgspec.json.encode(facts)) for what, cid, facts in entries]
        try:
            with self._whole() if len(rows) > 1 else contextlib.nullcontext():
                for row in rows:
                    written = self._db.execute("INSERT INTO entries (ts_ns, what, cid, body) VALUES (?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            raise self._failure(error) from None
        assert written.lastrowid is not None
        return written.lastrowid

    @contextlib.contextmanager
    def _whole(self) -> Iterator[None]:
        """Let what is done within be done as a whole, or not at all."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise

    def entries(self, cid: str | None = None) -> Iterator[Entry]:
        """Yield the entries, of one order or all, oldest first."""
        yield from self._read("WHERE cid = ?", cid) if cid is not None else self._read("")

    def since(self, seq: int, limit: int = 1000) -> list[Entry]:
        """Return up to so many entries after one, oldest first."""
        return list(self._read("WHERE seq > ?", seq, limit=limit))

    def _read(self, where: str, *args: Any, limit: int = -1) -> Iterator[Entry]:
        try:
            query = f"SELECT seq, ts_ns, what, cid, body FROM entries {where} ORDER BY seq LIMIT ?"
            rows = self._db.execute(query, (*args, limit)).fetchall()
        except sqlite3.Error as error:
            raise self._failure(error) from None
        for seq, time, what, named, body in rows:
            yield Entry(seq, time, what, named, msgspec.json.decode(body))

    def close(self) -> None:
        """Let go of the file."""
        with contextlib.suppress(sqlite3.Error):
            self._db.close()

    def _failure(self, error: Exception) -> JournalError:
        if "locked" in str(error):
            return JournalError(
                f"{self.path} is in use: another engine trades on this account",
                hint="`tickdeck attach` looks at it, `tickdeck halt` stops it",
            )
        return JournalError(
            f"the journal {self.path} takes nothing: {error}", hint="nothing is traded without it; is the disk full?"
        )
