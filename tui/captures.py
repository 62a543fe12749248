"""`tickdeck recordings seal` and `repair`, and what `show` tells of captures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import TickdeckError

if TYPE_CHECKING:
    from engine.recordings.capture import Sealed
    from engine.recordings.describe import Description
    from engine.recordings.manifest import Capture

SHOWN = 20


def seal_command(
    name: Annotated[str, typer.Argument(metavar="RECORDING", help="A recording that was captured into.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Make what was captured part of a recording, as a capture does at its end; after one that was killed, or a full disk."""
    from engine.recordings import find_recording
    from tui.commands.recordings import print_json
    from tui.console import fail, out

    try:
        path = find_recording(name)
        sealed = seal_into(path)
    except TickdeckError as error:
        fail(error, 2)
    if as_json:
        print_json({"recording": path.resolve().name, "path": str(path), **sealed._asdict()})
        return
    _print_sealed(sealed)
    if not sealed.segments:
        out.print("There is nothing to seal.", markup=False)


def seal_into(path: Path) -> Sealed:
    """Make what was captured part of the recording at a path, with a bar on a terminal; raises RecordingError."""
    from engine.recordings.capture import seal

    with _Progress() as progress:
        return seal(path, progress.tell)


def repair_command(
    name: Annotated[str, typer.Argument(metavar="RECORDING", help="A recording that is damaged; it is not changed.")],
    into: Annotated[str, typer.Option("--into", metavar="COPY", help="The new recording that gets what is whole.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Copy what is whole of a damaged recording; exit code 1 if something had to be left."""
    from engine.recordings import destination, find_recording
    from engine.recordings.capture import repair
    from tui.commands.recordings import print_json
    from tui.console import err, fail, out
    from tui.text import clean

    try:
        path = Path(name) if Path(name).is_dir() else find_recording(name)
        target = destination(into)
        with _Progress() as progress:
            repaired = repair(path, target, progress.tell)
    except TickdeckError as error:
        fail(error, 2)
    if as_json:
        told = {"files": repaired.files, "segments": repaired.segments, "left": repaired.left}
        print_json({"recording": target.resolve().name, "path": str(target), **told, "sealed": repaired.sealed._asdict()})
    else:
        for problem in repaired.left:
            err.print(f"left: {clean(problem)}", style="red", markup=False)
        _print_sealed(repaired.sealed)
        kept = f"{_count(repaired.files, 'file')} and {_count(repaired.segments, 'segment')}"
        out.print(f"{clean(str(target))} has what is whole: {kept}", markup=False)
    if repaired.left:
        raise typer.Exit(1)


def print_captures(description: Description) -> None:
    """Print what was captured: sessions, events by kind, and what is not sealed."""
    from tui.console import add_row, make_table, out
    from tui.text import clean

    for capture in description.captures:
        out.print(f"captured: {clean(_sentence(capture))}", markup=False)
        for gap in capture.gaps[:SHOWN]:
            why = f", {gap.reason}" if gap.reason else ""
            what = f"{gap.coin} {gap.kind} {gap.first} to {gap.last}, told of at {gap.at:%Y-%m-%d %H:%M:%S}{why}"
            out.print(f"gap: {clean(what)}", markup=False)
        if len(capture.gaps) > SHOWN:
            out.print(f"gap: {len(capture.gaps) - SHOWN:,} more; --json lists all", markup=False)
        for lost in capture.lost:
            out.print(f"note: {clean(lost)}", style="yellow", markup=False)
    if description.events:
        table = make_table("coin", "events", "rows>", "from", "to (UTC)", "files>", "MB>")
        for its in description.events:
            kind = f"{its.kind} {its.interval}".strip()
            cells = f"{its.rows:,}", its.start[:16], its.end[:16], str(its.files), f"{its.bytes / 1e6:,.1f}"
            add_row(table, its.coin, kind, *cells)
        out.print(table)
    if description.unsealed:
        size = f"{_count(description.unsealed, 'segment')} of {description.unsealed_bytes / 1e6:,.1f} MB"
        how = "a capture goes on" if description.capturing else "`tickdeck recordings seal` makes them part of it"
        out.print(f"note: {size} not sealed yet: {how}", style="yellow", markup=False)


def _sentence(capture: Capture) -> str:
    parts = [
        f"{capture.start:%Y-%m-%d %H:%M:%S} to {capture.end:%Y-%m-%d %H:%M:%S} from {capture.source}",
        f"{capture.records:,} records",
        _count(capture.reconnects, "reconnect"),
        _count(len(capture.gaps), "gap"),
    ]
    if capture.clock:
        least, most = capture.clock.least / 1e6, capture.clock.most / 1e6
        parts.append(f"clock {least:+.1f} to {most:+.1f} ms")
    parts.append(capture.stopped or "no word of its end")
    return ", ".join(parts)


def _print_sealed(sealed: Sealed) -> None:
    from tui.console import out
    from tui.text import clean

    for note in sealed.notes:
        out.print(f"note: {clean(note)}", style="yellow", markup=False)
    if sealed.segments:
        rows = ", ".join(f"{rows:,} {kind}" for kind, rows in sealed.rows.items())
        out.print(f"{_count(sealed.segments, 'segment')} sealed: {sealed.records:,} records, {rows or 'no rows'}", markup=False)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


class _Progress:
    """A bar on a terminal while segments are sealed."""

    def __enter__(self) -> _Progress:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        from tui.console import err

        shown = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()
        self._bar = Progress(*shown, console=err, transient=True, disable=not err.is_terminal)
        self._bar.start()
        self._task = self._bar.add_task("sealing", total=None)
        return self

    def tell(self, name: str, n: int, of: int) -> None:
        """Show which segment it is."""
        from tui.text import clean

        self._bar.update(self._task, description=clean(name), completed=n - 1, total=of)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
