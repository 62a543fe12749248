"""`tickdeck backtest`: a session run to its end without the deck."""

from __future__ import annotations

import contextlib
import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import ConfigError, RecordingError, TickdeckError, UsageError

if TYPE_CHECKING:
    from engine.result import Result

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the config (fills.taker_bps=5) or a parameter (fast=40)."),
]
Config = Annotated[
    str, typer.Argument(metavar="CONFIG", help="A session config's path, or a bundled one: demo, rsi, momentum.")
]
RecordingName = Annotated[str | None, typer.Option("--recording", help="Another recording than the config's.")]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("backtest")(backtest_command)


def overrides_of(texts: list[str] | None, recording: str | None) -> dict[str, str]:
    """Return `--set` and `--recording` as overrides; raises UsageError for one that is not KEY=VALUE."""
    overrides = {}
    for text in texts or []:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {text!r} is not KEY=VALUE", hint="--set fast=40, or --set fills.taker_bps=5")
        overrides[key.strip()] = value.strip()
    if recording is not None:
        overrides["recording"] = json.dumps(recording)
    return overrides


def replayed(overrides: dict[str, str]) -> dict[str, str]:
    """Return overrides with which a flight's config is replayed where they name a recording."""
    return {"mode": '"replay"', **overrides} if "recording" in overrides else overrides


def backtest_command(
    config: Config,
    recording: RecordingName = None,
    changes: Set = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    fills: Annotated[
        Path | None, typer.Option("--fills", metavar="F.csv", help="Write every fill, exact, to this file.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="S.toml", help="Save the session, to be opened again where it ended.")
    ] = None,
) -> None:
    """Run a session to the end of its recording and tell what came of it."""
    from tui.console import fail, out
    from tui.figures import figures_of

    try:
        for name, path in (("--fills", fills), ("--save", save)):
            if path is not None:
                _see_that_it_can_be_written(path, name)
        if save is not None:
            from engine.config.saved import spare

            spare(save)
        result = _run(config, replayed(overrides_of(changes, recording)))
        if fills is not None:
            write_fills(result, fills)
        if save is not None:
            from engine.session_file import save_run

            save_run(save, result.session)
    except (ConfigError, RecordingError, UsageError) as error:
        fail(error, 2)
    except TickdeckError as error:
        fail(error, 3)
    if as_json:
        sys.stdout.write(json.dumps(result.summary()) + "\n")
    else:
        out.print(figures_of(result))


def _run(config: str, overrides: dict[str, str]) -> Result:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from tui.console import err, loading

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    progress_bar = Progress(*columns, TimeRemainingColumn(), console=err, transient=True, disable=not err.is_terminal)
    # what a strategy prints is no result
    with contextlib.redirect_stdout(sys.stderr):
        with loading():
            from engine.loop import backtest
            from engine.session import prepare

            session = prepare(config, overrides=overrides)
        with progress_bar as bar:
            task = bar.add_task("flying", total=len(session.feed), rate="")

            def progress(done: int, steps: int) -> None:
                speed = bar.tasks[0].speed
                bar.update(task, completed=done, total=steps, rate=f"{speed / 1e6:.2f} M steps/s" if speed else "")

            return backtest(session, progress=progress)


def _see_that_it_can_be_written(path: Path, name: str = "--fills") -> None:
    """Raise UsageError where a file cannot be written, before a run is spent on it; leaves what is there as it is."""
    there = path.exists()
    try:
        path.open("a").close()
    except OSError as error:
        raise _unwritable(path, error, name) from None
    if not there:
        path.unlink()


def _unwritable(path: Path, error: OSError, name: str = "--fills") -> UsageError:
    return UsageError(f"{path} cannot be written: {error.strerror}", hint=f"{name} takes the path of a file to write")


def write_fills(result: Result, path: Path) -> None:
    """Write the fills as CSV, numbers exact; raises UsageError where the file cannot be written."""
    from engine.result import FILL_COLUMNS

    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(FILL_COLUMNS)
            writer.writerows(result.fill_rows())
    except OSError as error:
        raise _unwritable(path, error) from None
