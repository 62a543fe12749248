"""`tickdeck import` and `tickdeck recordings`: files in, and what there is, what is inside, whether it is whole."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.errors import TickdeckError
from tui.captures import print_captures, repair_command, seal_command

if TYPE_CHECKING:
    from engine.recordings import Found, Imported, Summary
    from engine.recordings.describe import Description
    from engine.recordings.manifest import Coin

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Name = Annotated[
    str,
    typer.Argument(
        metavar="RECORDING",
        help="A folder, or a name looked for in the current folder, the user's data folder and what ships with tickdeck.",
    ),
]
SHOWN_GAPS = 20


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("import")(import_command)
    recordings = typer.Typer(
        help="List recordings, look inside one, check one, seal or repair one.", invoke_without_command=True
    )
    recordings.callback()(list_command)
    recordings.command("show")(show_command)
    recordings.command("verify")(verify_command)
    recordings.command("seal")(seal_command)
    recordings.command("repair")(repair_command)
    app.add_typer(recordings, name="recordings")


def import_command(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE...",
            help="Files, or folders of files: klines of data.binance.vision (.csv, .csv.gz, .zip, its .CHECKSUM beside it), "
            "freqtrade (.feather, .json, .json.gz), CSV with a header line (.csv, .csv.gz).",
        ),
    ],
    into: Annotated[
        str,
        typer.Option(
            "--into",
            metavar="RECORDING",
            help="The recording to make or extend. A path is a path; a bare name lies in ./recordings if there is such a "
            "folder, else in the user's data folder.",
        ),
    ],
    coin: Annotated[str | None, typer.Option(help="The coin, as BTCUSDT or BTC/USDT, if file names do not tell.")] = None,
    interval: Annotated[str | None, typer.Option(help="The bars' interval, such as 1m, if the file names do not tell.")] = None,
    tick: Annotated[str | None, typer.Option(help="Price step in quote currency; else inferred from the prices.")] = None,
    lot: Annotated[str | None, typer.Option(help="Amount step in base units; else 0.00000001.")] = None,
    min_notional: Annotated[str | None, typer.Option(help="Least value of an order in quote currency; else none.")] = None,
    spot: Annotated[bool | None, typer.Option("--spot/--futures", help="The market, if the files do not tell.")] = None,
    as_json: AsJson = False,
) -> None:
    """Import archives and other tools' files into a recording, exactly or not at all."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from engine.recordings import destination, import_files
    from tui.console import err, fail
    from tui.text import clean

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    try:
        with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
            task = bar.add_task("reading", total=None)

            def progress(name: str, n: int, of: int) -> None:
                bar.update(task, description=clean(name), completed=n - 1, total=of)

            summary = import_files(
                sources,
                destination(into),
                coin=coin,
                interval=interval,
                tick=tick,
                lot=lot,
                min_notional=min_notional,
                spot=spot,
                progress=progress,
            )
    except TickdeckError as error:
        fail(error, 2)
    if as_json:
        print_json(summary)
    else:
        _print_summary(summary)


def list_command(context: typer.Context, as_json: AsJson = False) -> None:
    """List the recordings in the current folder, the user's data folder and what ships with tickdeck."""
    if context.invoked_subcommand is not None:
        return
    from engine.recordings import list_recordings
    from engine.recordings.find import ways_to
    from tui.console import add_row, err, make_table, out
    from tui.text import clean

    found = list_recordings()
    if as_json:
        print_json({"recordings": [_found(item) for item in found]})
        return
    if not found:
        err.print(f"There are no recordings here; {ways_to()}.", markup=False)
        return
    # a folder is a line of its own: beside the rest no terminal has the room for it
    for folder, inside in groupby(found, key=lambda item: item.path.parent):
        out.print(clean(_at_home(folder)), style="dim", markup=False)
        table = make_table("recording", "coins", "bars", "from", "to (UTC)", "kind")
        for item in inside:
            recording = item.recording
            if recording is None:
                add_row(table, item.path.name, "", "", "", "", "damaged", style="red")
                continue
            coins = recording.coins[0] + (f" +{len(recording.coins) - 1}" if len(recording.coins) > 1 else "")
            bars = recording.interval if recording.has_bars else ""
            start, end = _when(recording.start)[:10], _when(recording.end)[:10]
            # in one word, so that a flight's own name has room for all of it beside
            kind = "synthetic" if recording.synthetic and recording.spot else _kind(recording.synthetic, recording.spot)
            add_row(table, recording.name, coins, bars, start, end, kind)
        out.print(table)
    for item in found:
        if item.problem:
            err.print(clean(item.problem), style="red", markup=False)


def show_command(name: Name, as_json: AsJson = False) -> None:
    """Show what is inside a recording: coins with their filters, bars, gaps, coverage, sources."""
    from engine.recordings import find_recording
    from engine.recordings.describe import describe
    from tui.console import fail

    try:
        description = describe(find_recording(name))
    except TickdeckError as error:
        fail(error, 2)
    if as_json:
        print_json(description)
    else:
        _print_description(description)


def verify_command(name: Name, as_json: AsJson = False) -> None:
    """Check every byte and every bar of a recording; exit code 1 if something is wrong."""
    from engine.recordings import find_recording, verify
    from tui.console import err, fail, out
    from tui.text import clean

    try:
        path = find_recording(name)
        problems = verify(path)
    except TickdeckError as error:
        fail(error, 2)
    if as_json:
        print_json({"recording": path.resolve().name, "path": str(path), "problems": problems})
    elif problems:
        for problem in problems:
            err.print(clean(problem), style="red", markup=False)
    else:
        out.print(f"{clean(str(path))} is whole: checksums, order, sanity and gaps are right.", markup=False)
    if problems:
        raise typer.Exit(1)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON, and nothing else, on stdout."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def _print_summary(summary: Summary) -> None:
    from tui.console import out
    from tui.text import clean

    print_imported(summary.coins, summary.notes)
    files = f"{summary.files} file{'s' if summary.files != 1 else ''}"
    market = "" if summary.spot else ", not a spot market"
    out.print(f"{files} imported into {clean(summary.path)}{market}", markup=False)


def print_imported(coins: list[Imported], notes: list[str]) -> None:
    """Print what an import made of each coin, its gaps and filters, and what is to be known of the data."""
    from tui.console import add_row, make_table, out
    from tui.text import clean

    table = make_table("coin", "bars", "rows>", "new>", "from", "to (UTC)", "gaps>")
    for coin in coins:
        add_row(
            table,
            coin.coin,
            coin.interval,
            f"{coin.rows:,}",
            f"{coin.added:,}",
            coin.start[:16],
            coin.end[:16],
            str(len(coin.gaps)),
        )
    out.print(table)
    for coin in coins:
        _print_gaps(coin.coin, coin.interval, coin.gaps)
        if coin.duplicates_dropped or coin.rows_sorted:
            done = f"{coin.duplicates_dropped:,} exact duplicates dropped, {coin.rows_sorted:,} rows sorted into place"
            out.print(f"note: {clean(coin.coin)} {coin.interval}: {done}", style="yellow", markup=False)
    for name, filters in {coin.coin: coin for coin in coins}.items():
        out.print(f"filters: {clean(name)} {_filters(filters)}", markup=False)
    for note in notes:
        out.print(f"note: {clean(note)}", style="yellow", markup=False)


def _print_description(description: Description) -> None:
    from tui.console import add_row, make_table, out
    from tui.text import clean

    kind = _kind(description.synthetic, description.spot)
    out.print(
        f"{clean(description.recording)}: {kind}, {description.start} to {description.end} UTC", style="bold", markup=False
    )
    out.print(f"folder {clean(description.path)}\nsource {clean(description.source)}", markup=False)
    table = make_table("coin", "bars", "rows>", "from", "to (UTC)", "gaps>", "coverage>")
    for its in description.series:
        coverage = f"{its.coverage_pct:.2f} %"
        when = its.start[:16], its.end[:16]
        add_row(table, its.coin, its.interval, f"{its.rows:,}", *when, str(len(its.gaps)), coverage)
    if description.series:
        out.print(table)
    for coin in description.coins:
        out.print(f"filters: {clean(coin.coin)} {_filters(coin)}", markup=False)
    for its in description.series:
        _print_gaps(its.coin, its.interval, its.gaps)
    print_captures(description)
    for note in description.notes:
        out.print(f"note: {clean(note)}", style="yellow", markup=False)


def _print_gaps(coin: str, interval: str, gaps: list[tuple[str, str, int]]) -> None:
    from tui.console import out
    from tui.text import clean

    for start, end, missing in gaps[:SHOWN_GAPS]:
        out.print(f"gap: {clean(coin)} {interval} has no bars from {start} to {end} ({missing:,} missing)", markup=False)
    if len(gaps) > SHOWN_GAPS:
        out.print(f"gap: {clean(coin)} {interval} has {len(gaps) - SHOWN_GAPS:,} more; --json lists all", markup=False)


def _filters(coin: Imported | Coin) -> str:
    from tui.text import clean

    words = [
        f"{name.replace('_', ' ')} {clean(getattr(coin, name))}{' (inferred)' if name in coin.inferred else ''}"
        for name in ("tick", "lot", "min_notional")
    ]
    return ", ".join(words)


def _kind(synthetic: bool, spot: bool) -> str:
    return ("synthetic " if synthetic else "") + ("spot" if spot else "not spot")


def _at_home(folder: Path) -> str:
    home = Path.home()
    return f"~/{folder.relative_to(home)}" if folder.is_relative_to(home) else str(folder)


def _when(time: int) -> str:
    from engine.recordings.bars import stamp

    return stamp(time)[:16]


def _found(item: Found) -> dict[str, Any]:
    recording = item.recording
    known: dict[str, Any] = {}
    if recording is not None:
        known = {
            "coins": recording.coins,
            "interval": recording.interval if recording.has_bars else "",
            "start": _when(recording.start),
            "end": _when(recording.end),
            "synthetic": recording.synthetic,
            "spot": recording.spot,
        }
    return {"recording": item.path.name, "path": str(item.path), **known, "problem": item.problem}
