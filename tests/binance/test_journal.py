"""The journal: on disk before anything is done, never changed, one at a time, told in words."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from engine.binance.journal import Entry, Journal
from engine.binance.status import words
from engine.errors import JournalError


def test_entries_come_back_as_they_were_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep" / "j.db")
    assert journal.write("intent", "td-1", amount=5) == 1
    assert journal.append([("intent", "td-2", {"amount": 6}), ("intent", "td-3", {"pair": "td-2"})]) == 3
    assert [(its.seq, its.what, its.cid, its.facts) for its in journal.entries()] == [
        (1, "intent", "td-1", {"amount": 5}),
        (2, "intent", "td-2", {"amount": 6}),
        (3, "intent", "td-3", {"pair": "td-2"}),
    ]
    assert [its.cid for its in journal.entries("td-2")] == ["td-2"]
    assert [its.seq for its in journal.since(1)] == [2, 3]
    assert [its.seq for its in journal.since(0, limit=2)] == [1, 2]
    assert (tmp_path / "deep" / "j.db").stat().st_mode & 0o777 == 0o600
    journal.close()


def test_entries_that_belong_together_are_written_together_or_not_at_all(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.db")
    journal._db.execute(
        "CREATE TRIGGER full BEFORE INSERT ON entries WHEN NEW.cid = 'td-2' BEGIN SELECT RAISE(ABORT, 'full'); END"
    )
    with pytest.raises(JournalError, match="takes nothing: full"):
        journal.append([("intent", "td-1", {}), ("intent", "td-2", {})])
    assert list(journal.entries()) == []
    with pytest.raises(JournalError, match="takes nothing: full"):
        journal.write("intent", "td-2")
    assert journal.write("intent", "td-3") == 1
    journal.close()


@pytest.mark.parametrize("change", ["UPDATE entries SET cid = 'x'", "DELETE FROM entries"])
def test_nothing_in_it_is_ever_changed(tmp_path: Path, change: str) -> None:
    journal = Journal(tmp_path / "j.db")
    journal.write("intent", "td-1")
    with pytest.raises(sqlite3.IntegrityError, match="the journal is never changed"):
        journal._db.execute(change)
    journal.close()


def test_only_one_has_it_and_a_closed_one_says_so(tmp_path: Path) -> None:
    first = Journal(tmp_path / "j.db")
    with pytest.raises(JournalError, match="another engine trades on this account"):
        Journal(tmp_path / "j.db")
    first.close()
    for use in (lambda: first.write("intent"), lambda: list(first.entries()), lambda: first.since(0)):
        with pytest.raises(JournalError, match="takes nothing"):
            use()
    second = Journal(tmp_path / "j.db")
    second.close()


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j.db").write_bytes(b"something else" * 1000)
    with pytest.raises(JournalError, match="file is not a database"):
        Journal(tmp_path / "j.db")
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="takes nothing"):
        Journal(tmp_path / "file" / "j.db")


STOP = {"kind": 3, "price": 0, "reason": ""}
FILL = {"amount": 10**8, "price": 2 * 10**8, "fee": 10**5, "fee_asset": "AAA", "trade_id": 7, "final": True}
TERMS = {"side": 1, "kind": 1, "price": 50 * 10**8, "stop": 0, "trail": 0, "amount": 10**7, "coin": "AAAUSDT", "by": "hand"}


@pytest.mark.parametrize(
    ("what", "facts", "told"),
    [
        ("intent", TERMS | {"reason": "cheap"}, "buy 0.1 AAAUSDT limit at 50 by hand: cheap"),
        (
            "intent",
            TERMS | STOP | {"side": -1, "stop": 10**8},
            "sell 0.1 AAAUSDT stop stop 1 by hand",
        ),
        (
            "intent",
            TERMS | STOP | {"stop": 9, "trail": 50},
            "buy 0.1 AAAUSDT stop trailing 50 bps by hand",
        ),
        ("outcome", {"outcome": "rejected", "code": -2010, "text": "No."}, "rejected -2010 No."),
        ("cancel", {"outcome": "accepted", "code": 0, "text": ""}, "accepted"),
        ("news", {"stage": "NEW", "filled": 0, "text": ""}, "NEW, 0 filled"),
        ("news", {"stage": "UNKNOWN", "filled": 10**8, "text": "odd"}, "UNKNOWN, 1 filled: odd"),
        ("fill", FILL, "1 at 2, fee 0.001 AAA, trade 7"),
        ("fill", FILL | {"final": False}, "1 at 2, fee 0.001 AAA, trade 7, to be confirmed"),
        ("amend", {"amount": 10**8}, "to 1 in all"),
        ("disarm", {"text": "halted"}, "halted"),
        ("arm", {}, ""),
    ],
)
def test_an_entry_is_told_in_words(what: str, facts: dict[str, object], told: str) -> None:
    assert words(Entry(1, 2, what, "td-1", facts)) == told
