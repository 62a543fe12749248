"""Columns on disk: one Parquet file of int64 columns a coin and interval, checked as it is read."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import RecordingError
from engine.recordings.bars import COLUMNS, Bars, Column
from engine.recordings.names import printable

ROW_GROUP = 100_000
VOLUME_DECIMALS = "volume_decimals"
_MAGIC = b"PAR1"


def encode(bars: Bars) -> bytes:
    """Return the bars as the bytes of a Parquet file: int64, delta-encoded, zstd, with page checksums.

    Its metadata say `volume_decimals`.
    """
    return encode_columns({name: bars.column(name) for name in COLUMNS}, {VOLUME_DECIMALS: str(bars.volume_decimals)})


def encode_columns(numbers: Mapping[str, Column], metadata: dict[str, str], others: Mapping[str, Any] | None = None) -> bytes:
    """Return columns of int64, and `others` that are arrow's, as the bytes of such a file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    others = others or {}
    fields = [pa.field(name, pa.int64(), nullable=False) for name in numbers]
    fields += [pa.field(name, column.type, nullable=False) for name, column in others.items()]
    arrays = [*map(_from_numpy, numbers.values()), *others.values()]
    table = pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=metadata))
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        row_group_size=ROW_GROUP,
        compression="zstd",
        compression_level=3,
        use_dictionary=False,
        column_encoding=dict.fromkeys(numbers, "DELTA_BINARY_PACKED"),
        write_page_checksum=True,
        version="2.6",
    )
    return bytes(sink.getvalue())


def checksums(content: bytes | memoryview) -> dict[str, int]:
    """Return the CRC-32 of a Parquet file's footer and of each of its columns, in the manifest's order.

    Page checksums leave out page headers and the footer, where one flipped bit can change what the pages mean.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    view = memoryview(content)
    metadata = pq.read_metadata(pa.BufferReader(content))
    return {"footer": zlib.crc32(_footer(view)), **{name: _column_crc(view, metadata, name) for name in COLUMNS}}


def digest(content: bytes) -> str:
    """Return the sha256 as hex."""
    return hashlib.sha256(content).hexdigest()


def _footer(view: memoryview) -> memoryview:
    length = int.from_bytes(view[-8:-4], "little")
    return view[max(len(view) - 8 - length, 0) :]


def _column_crc(view: memoryview, metadata: Any, name: str) -> int:
    crc = 0
    for group in range(metadata.num_row_groups):
        chunk = metadata.row_group(group).column(COLUMNS.index(name))
        start = chunk.data_page_offset
        crc = zlib.crc32(view[start : start + chunk.total_compressed_size], crc)
    return crc


# pyarrow's own ways to and from numpy import pandas, a fifth of a second; these do not.


def _to_numpy(chunk: Any) -> Column:
    return np.frombuffer(chunk.buffers()[1], np.int64, count=len(chunk), offset=8 * chunk.offset)


def _from_numpy(column: Column) -> Any:
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int64(), len(column), [None, pa.py_buffer(column)])


class ColumnFile:
    """A coin's Parquet file, mapped into memory at the first look; each column is checked before it is believed."""

    def __init__(self, path: Path, rows: int, size: int, crc32: dict[str, int]) -> None:
        self.path = path
        self._rows = rows
        self._size = size
        self._crc32 = crc32
        self._view: memoryview | None = None
        self._parquet: Any = None

    def check_size(self) -> None:
        """Raise RecordingError where the file is not there or not as long as it was."""
        try:
            size = self.path.stat().st_size
        except OSError as error:
            raise self._damaged(error.strerror or "cannot be read") from None
        if size != self._size:
            raise self._damaged(f"is {size} bytes long, not {self._size}")

    def volume_decimals(self) -> int:
        """Return what the file says of its volumes, 8 where it says nothing; raises RecordingError where it is damaged."""
        _, parquet = self._open()
        said = (parquet.metadata.metadata or {}).get(VOLUME_DECIMALS.encode(), b"8")
        return int(said) if said.isdigit() else -1

    def load(self, name: str) -> Column:
        """Return a column; raises RecordingError naming the file where it is not what was written."""
        import pyarrow as pa

        try:
            view, parquet = self._open()
            if _column_crc(view, parquet.metadata, name) != self._crc32[name]:
                raise self._damaged(f"has other bytes in its column {name} than were written")
            chunks = parquet.read(columns=[name], use_threads=False).column(0).chunks
        except (OSError, pa.ArrowException) as error:
            raise self._damaged(f"cannot be read: {printable(error)}") from None
        if any(chunk.type != pa.int64() or chunk.null_count for chunk in chunks):
            raise self._damaged(f"has a column {name} that is not of integers")
        column = np.concatenate([_to_numpy(chunk) for chunk in chunks])
        if len(column) != self._rows:
            raise self._damaged(f"has {len(column)} rows, not {self._rows}")
        return column

    def _open(self) -> tuple[memoryview, Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._view is None:
            self.check_size()
            mapped = pa.memory_map(str(self.path))
            view = memoryview(mapped.read_buffer())
            if view[:4] != _MAGIC or zlib.crc32(_footer(view)) != self._crc32["footer"]:
                raise self._damaged("has another beginning or end than was written")
            mapped.seek(0)
            self._parquet = pq.ParquetFile(mapped, page_checksum_verification=True)
            self._view = view
        return self._view, self._parquet

    def _damaged(self, reason: str) -> RecordingError:
        return RecordingError(
            f"{printable(self.path)} {reason}",
            hint="the file is damaged or was replaced; import its sources again into a new recording",
        )
