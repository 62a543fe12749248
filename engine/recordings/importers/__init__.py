"""Other tools' files: each kind is told by what is in it, read exactly or refused."""

from __future__ import annotations

from pathlib import Path

from engine.errors import RecordingError
from engine.recordings.importers import freqtrade, plain, vision
from engine.recordings.importers.source import Source, read_source
from engine.recordings.importers.table import Rows
from engine.recordings.importers.text import split_lines
from engine.recordings.names import printable

SUFFIXES = (".csv", ".csv.gz", ".zip", ".feather", ".json", ".json.gz")


def read_file(path: Path) -> tuple[Source, Rows]:
    """Return a file's content and its rows, whichever of the known kinds it is of.

    Raises RecordingError naming the file, and the line where it can be told.
    """
    if not path.name.endswith(SUFFIXES):
        raise RecordingError(f"{printable(path)} is of no kind that can be imported", hint=f"kinds are {', '.join(SUFFIXES)}")
    source = read_source(path)
    if path.name.endswith(".feather"):
        return source, freqtrade.read_feather(source)
    if path.name.endswith((".json", ".json.gz")):
        return source, freqtrade.read_json(source)
    return source, _read_csv(source)


def _read_csv(source: Source) -> Rows:
    blank = len(source.content) - len(source.content.lstrip())
    first_line = 1 + source.content.count(b"\n", 0, blank)
    content = source.content[blank:]
    first, _, rest = content.partition(b"\n")
    _, fields = next(split_lines(first, first_line))
    header = None if fields[0][:1].isdigit() else fields
    body, body_line = (content, first_line) if header is None else (rest, first_line + 1)
    if header is not None and not rest.strip():
        raise RecordingError(f"{source.name} has a header and no rows")
    if len(fields) == vision.WIDTH:
        return vision.read(source, body, body_line, header)
    if header is not None:
        return plain.read(source, body, body_line, header)
    if len(fields) == 6:
        raise RecordingError(
            f"{source.name}, line {first_line}: 6 columns and no header that says which is which",
            hint="put a line open_time,open,high,low,close,volume at its top",
        )
    raise RecordingError(
        f"{source.name}, line {first_line}: {len(fields)} columns; a kline archive has {vision.WIDTH}, plain CSV 6 and a header"
    )
