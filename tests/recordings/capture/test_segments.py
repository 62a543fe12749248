"""A segment gives what was written up to its first bad block, and never anything else."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import RecordingError
from engine.recordings.capture import segments
from engine.recordings.capture.segments import HEAD, MAGIC, Record, SegmentReader, What
from tests.recordings.capture.conftest import START, heading, read_segment, trade, write_segment

BLOCKS = [
    [Record(START + n, What.FRAME, "market", trade(n)) for n in range(3)],
    [Record(START + 10, What.CONTROL, "connect", b'{"event":"connect","socket":"market"}')],
    [Record(START + 20, What.REPLY, "depth BTCUSDT", b'{"lastUpdateId":1,"bids":[],"asks":[]}'), *[
        Record(START + 20 + n, What.FRAME, "market", trade(n)) for n in range(3, 12)
    ]],
    [Record(START + 40, What.FRAME, "user", b"\x00\xff not JSON")],
]  # fmt: skip
WRITTEN = [record for block in BLOCKS for record in block]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_segment(tmp_path_factory.mktemp("small") / "a.segment", BLOCKS)


Read = Callable[[bytes], tuple[list[Record], SegmentReader]]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """Read a segment of this content, out of memory: opening a file takes longer than all the rest."""
    content = b""
    monkeypatch.setattr(segments, "open", lambda *_: io.BytesIO(content), raising=False)

    def read(its: bytes) -> tuple[list[Record], SegmentReader]:
        nonlocal content
        content = its
        return read_segment(Path("x.segment"))

    return read


def places(content: bytes) -> list[int]:
    """Where each block ends, the heading's first."""
    ends, at = [], len(MAGIC)
    while at < len(content):
        at += HEAD + struct.unpack_from("<I", content, at)[0]
        ends.append(at)
    return ends


def test_what_was_written_is_read(small: Path) -> None:
    records, reader = read_segment(small)
    assert records == WRITTEN
    assert (reader.heading, reader.records, reader.last) == (heading(), len(WRITTEN), START + 40)
    assert (reader.ended, reader.problem, reader.whole) == (True, "", small.stat().st_size)


RECORDS = st.builds(
    Record, st.integers(0, 2**62), st.sampled_from([1, 2, 3]), st.text(max_size=20), st.binary(max_size=300)
)  # fmt: skip


@settings(max_examples=50)
@given(blocks=st.lists(st.lists(RECORDS, min_size=1, max_size=5), max_size=5), whole=st.booleans())
def test_anything_at_all_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[list[Record]], whole: bool
) -> None:
    path = write_segment(tmp_path_factory.mktemp("any") / "a.segment", blocks, whole=whole)
    records, reader = read_segment(path)
    assert records == [record for block in blocks for record in block]
    assert (reader.ended, reader.problem) == (whole, "")


def test_every_truncation_leaves_the_blocks_before_it(small: Path, read: Read) -> None:
    content = small.read_bytes()
    ends = places(content)
    counts = [0, *(sum(map(len, BLOCKS[:n])) for n in range(1, len(BLOCKS) + 1))]
    for size in range(len(content)):
        records, reader = read(content[:size])
        there = sum(end <= size for end in ends)
        assert records == WRITTEN[: counts[max(there - 1, 0)]], size
        assert reader.whole == (ends[there - 1] if there else len(MAGIC) if size >= len(MAGIC) else 0)
        assert reader.cut == (size not in (len(MAGIC), *ends)), size
        assert (reader.damage, reader.ended) == ("", False)
        assert (reader.heading is None) == (there == 0)


def test_5000_flipped_bits_leave_the_blocks_before_them(small: Path, read: Read) -> None:
    content = small.read_bytes()
    ends = places(content)
    counts = [0, 0, *(sum(map(len, BLOCKS[:n])) for n in range(1, len(BLOCKS) + 1))]
    dice = random.Random(11)
    for _ in range(5000):
        place = dice.randrange(len(content))
        damaged = bytearray(content)
        damaged[place] ^= 1 << dice.randrange(8)
        records, reader = read(bytes(damaged))
        hit = sum(end <= place for end in ends)
        assert records == WRITTEN[: counts[hit]], place
        assert reader.damage
        assert not reader.cut
        assert reader.problem.startswith("x.segment ")


def test_blocks_that_are_moved_left_out_doubled_or_anothers_are_refused(small: Path, tmp_path: Path) -> None:
    content = small.read_bytes()
    head, *rest = (content[a:b] for a, b in zip([0, *places(content)], places(content), strict=False))
    other = write_segment(tmp_path / "other.segment", [*BLOCKS[:1], BLOCKS[1], *BLOCKS[2:]], number=1).read_bytes()
    foreign = [other[a:b] for a, b in zip([0, *places(other)], places(other), strict=False)][1:]
    a, b, c, d, end = rest
    path = tmp_path / "mixed.segment"
    for parts, kept in (
        ([b, a, c, d, end], 0),
        ([a, c, d, end], 1),
        ([a, a, b, c, d, end], 1),
        ([a, b, foreign[2], d, end], 2),
        ([a, b, c, end], 3),
        ([a, b, c, d, end, a], 4),
        ([a, b, c, d, end, end], 4),
        ([a, b, c, d, b"\0" * 4096], 4),
    ):
        path.write_bytes(head + b"".join(parts))
        records, reader = read_segment(path)
        assert records == [record for block in BLOCKS[:kept] for record in block]
        assert reader.damage


def test_what_is_no_segment_gives_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.segment"
    dice = random.Random(3)
    for content in (b"", b"\0", b"tickdeck", MAGIC[:-1] + b"X", b"PAR1" * 99, MAGIC + b"\0" * HEAD, dice.randbytes(5000)):
        path.write_bytes(content)
        records, reader = read_segment(path)
        assert (records, reader.heading) == ([], None)
        assert reader.cut == MAGIC.startswith(content)
    with pytest.raises(RecordingError, match="cannot be read"):
        read_segment(tmp_path / "nothing.segment")


def forge(payload: bytes, length: int, records: int, number: int = 0, crc: int = 0) -> bytes:
    """A block whose checksums are right."""
    checked = struct.pack("<IIIQqI", len(payload), length, records, number, 0, zlib.crc32(payload))
    return checked + struct.pack("<I", zlib.crc32(checked, crc)) + payload


def test_a_block_that_only_looks_right_is_refused(tmp_path: Path) -> None:
    import pyarrow as pa

    packed = pa.Codec("zstd").compress(b"\0" * 1000, asbytes=True)
    path = tmp_path / "forged.segment"
    for block in (
        forge(packed, segments.LARGEST_BLOCK + 1, 1),
        forge(packed, 999, 1),
        forge(packed, 1000, 10**6),
        forge(b"no zstd", 1000, 1),
        forge(pa.Codec("zstd").compress(segments.pack(0, What.HEADING, b"", b"{}"), asbytes=True), 16, 1),
    ):
        path.write_bytes(MAGIC + block)
        reader = SegmentReader(path)
        assert list(reader.blocks()) == []
        assert reader.damage
