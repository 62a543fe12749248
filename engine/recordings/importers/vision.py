"""Klines as data.binance.vision packs them: 12 columns, spot without a header, USD-M futures with one."""

from __future__ import annotations

from engine.errors import RecordingError
from engine.recordings.importers.source import Source
from engine.recordings.importers.table import Rows
from engine.recordings.importers.text import Layout, read_lines

WIDTH = 12
HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
_COLUMNS = (0, 1, 2, 3, 4, 5)


def read(source: Source, body: bytes, first_line: int, header: list[str] | None) -> Rows:
    """Return the rows of `body`, the lines after the header if there is one.

    A header tells a futures archive, which the rows are marked as. Raises RecordingError naming file and line.
    """
    if header is not None and ",".join(header) != HEADER:
        raise RecordingError(f"{source.name}, line 1: 12 columns, but not those of a kline archive", hint=f"they are {HEADER}")
    spot = header is None
    kind = f"data.binance.vision, {'spot' if spot else 'USD-M futures'}"
    return read_lines(source.name, body, Layout(WIDTH, _COLUMNS, first_line), kind, spot)
