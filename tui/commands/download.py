"""`tickdeck download`: the exchange's public history into a recording; no key is needed."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.errors import DownloadError, TickdeckError
from tui.downloading import Far, Trouble, parse_day

if TYPE_CHECKING:
    from engine.recordings.download import Downloaded


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("download")(download_command)


def download_command(
    coins: Annotated[list[str], typer.Argument(metavar="COIN...", help="Coins of the spot market, as BTCUSDT or BTC/USDT.")],
    first: Annotated[
        str, typer.Option("--from", metavar="DAY", help="The first day (UTC) as 2025-01-31, or 2025-01 for a month's first.")
    ],
    into: Annotated[
        str,
        typer.Option(
            "--into",
            metavar="RECORDING",
            help="The recording to make or extend; what it has already is not fetched. A path is a path; a bare name lies in "
            "./recordings if there is such a folder, else in the user's data folder.",
        ),
    ],
    last: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="DAY", help="The last day, included, or 2025-01 for a month's last; by default yesterday."
        ),
    ] = None,
    interval: Annotated[str, typer.Option(help="The bars' interval; longer bars are made of them as asked for.")] = "1m",
    tick: Annotated[str | None, typer.Option(help="Price step in quote currency; else inferred from the prices.")] = None,
    lot: Annotated[str | None, typer.Option(help="Amount step in base units; else 0.00000001.")] = None,
    min_notional: Annotated[str | None, typer.Option(help="Least value of an order in quote currency; else none.")] = None,
    base_url: Annotated[
        str | None,
        typer.Option(
            "--base-url", envvar="TICKDECK_ARCHIVE_URL", help="Where the archive is; else https://data.binance.vision."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    lines: Annotated[
        bool, typer.Option("--progress", help="Tell how far it is, and what is wrong, in lines of JSON on stderr.")
    ] = False,
) -> None:
    """Download the public archive's bars into a recording: verified, resumed where it was cut, nothing twice."""
    from engine.recordings.find import destination
    from tui.commands.recordings import print_json
    from tui.console import err, fail

    try:
        done = _download(
            coins,
            parse_day("--from", first),
            parse_day("--to", last, end=True) if last is not None else date.max,
            into=destination(into),
            interval=interval,
            tick=tick,
            lot=lot,
            min_notional=min_notional,
            lines=lines,
            **({"base_url": base_url} if base_url else {}),
        )
    except TickdeckError as error:
        if lines:
            _tell(Trouble(error.message, error.hint))
            raise typer.Exit(3 if isinstance(error, DownloadError) else 2) from None
        fail(error, 3 if isinstance(error, DownloadError) else 2)
    except KeyboardInterrupt:
        err.print("Stopped; nothing was imported. What was fetched is kept: the same command goes on from there.")
        raise typer.Exit(130) from None
    if as_json:
        print_json(done)
    else:
        _print(done)


def _tell(report: Far | Trouble) -> None:
    import msgspec

    sys.stderr.write(msgspec.json.encode(report).decode() + "\n")
    sys.stderr.flush()


def _download(coins: list[str], first: date, last: date, *, into: Path, lines: bool, **options: Any) -> Downloaded:
    """Download with a progress bar on stderr, where that is a terminal, or with a line for each piece that came."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from engine.recordings.download import Progress as Progressed
    from engine.recordings.download import download
    from tui.console import err
    from tui.text import clean

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[size]}"),
    )
    with Progress(*columns, console=err, transient=True, disable=lines or not err.is_terminal) as bar:
        task = bar.add_task("looking", total=None, size="")

        def progress(far: Progressed) -> None:
            if lines:
                _tell(Far(far.file, far.done, far.wanted, far.bytes))
            size = f"{far.bytes / 1e6:,.1f} MB"
            bar.update(task, description=clean(far.file), completed=far.done, total=far.wanted, size=size)

        def reading(name: str, n: int, of: int) -> None:
            if lines:
                _tell(Far(f"reading {name}", n - 1, of, 0))
            bar.update(task, description=f"reading {clean(name)}", completed=n - 1, total=of)

        return download(coins, first, last, into=into, progress=progress, reading=reading, **options)


def _print(done: Downloaded) -> None:
    from tui.commands.recordings import SHOWN_GAPS, print_imported
    from tui.console import out
    from tui.text import clean

    print_imported(done.coins, done.notes)
    for absent in done.absent[:SHOWN_GAPS]:
        days = f"{absent.start} to {absent.end} ({absent.days:,} days)" if absent.days > 1 else absent.start
        out.print(f"gap: the archive has nothing of {clean(absent.coin)} on {days}", style="yellow", markup=False)
    if len(done.absent) > SHOWN_GAPS:
        out.print(f"gap: {len(done.absent) - SHOWN_GAPS:,} more; --json lists all", style="yellow", markup=False)
    fetched = f"{done.fetched} file{'s' if done.fetched != 1 else ''} fetched ({done.bytes / 1e6:,.1f} MB)"
    cached = f", {done.cached} taken from the cache" if done.cached else ""
    new = sum(coin.added for coin in done.coins)
    out.print(f"{fetched}{cached}; {new:,} new bars in {clean(done.path)}, {done.start} to {done.end}", markup=False)
