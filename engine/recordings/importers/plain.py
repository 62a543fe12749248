"""Plain CSV with a header line that names time, open, high, low, close and volume, in any order."""

from __future__ import annotations

from engine.errors import RecordingError
from engine.recordings.bars import COLUMNS
from engine.recordings.importers.source import Source
from engine.recordings.importers.table import Rows
from engine.recordings.importers.text import Layout, read_lines
from engine.recordings.names import printable

TIMES = ("open_time", "datetime", "date", "time", "timestamp")


def read(source: Source, body: bytes, first_line: int, header: list[str]) -> Rows:
    """Return the rows of `body`, the lines after the header; raises RecordingError naming file and line."""
    names = [name.lower().replace(" ", "_") for name in header]
    times = [name for name in names if name in TIMES]
    wanted = (times[0] if times else "", *COLUMNS[1:])
    if len(times) != 1 or any(names.count(name) != 1 for name in wanted) or len(names) != len(wanted):
        raise RecordingError(
            f"{source.name}, line {first_line - 1}: cannot tell its columns from {printable(','.join(header))[:200]!r}",
            hint=f"name them {','.join(('open_time', *COLUMNS[1:]))}",
        )
    layout = Layout(len(names), tuple(names.index(name) for name in wanted), first_line)
    return read_lines(source.name, body, layout, "csv")
