"""`tickdeck verify`: proof that a session repeats itself, however it is flown."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import ConfigError, RecordingError, TickdeckError, UsageError
from tui.commands.backtest import Config, RecordingName, Set, overrides_of, replayed

if TYPE_CHECKING:
    from engine.verifying import Verdict


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("verify")(verify_command)


def verify_command(
    config: Config,
    recording: RecordingName = None,
    changes: Set = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Fly a session in one run, in steps, back and forth, resumed, in other processes: all must come to the same at every step.

    Exit 1 at the first step that differs, telling what does.
    """
    from tui.console import fail

    try:
        verdicts = _verify(config, replayed(overrides_of(changes, recording)))
    except (ConfigError, RecordingError, UsageError) as error:
        fail(error, 2)
    except TickdeckError as error:
        fail(error, 3)
    equal = all(verdict.difference is None for verdict in verdicts)
    if as_json:
        told = [
            {
                "way": verdict.way,
                "steps": verdict.steps,
                "state_hash": verdict.hash,
                "equal": verdict.difference is None,
                "step": verdict.difference.step if verdict.difference else None,
                "differs": list(verdict.difference.what) if verdict.difference else [],
            }
            for verdict in verdicts
        ]
        sys.stdout.write(json.dumps({"config": config, "equal": equal, "ways": told}) + "\n")
    else:
        _show(verdicts)
    if not equal:
        raise typer.Exit(1)


def _verify(config: str, overrides: dict[str, str]) -> list[Verdict]:
    from tui.console import err, loading

    # what a strategy prints is no verdict
    with contextlib.redirect_stdout(sys.stderr):
        with loading():
            from engine.config import find_config, load_config
            from engine.verifying import verify

            settings = load_config(find_config(config)).with_overrides(overrides)
        with err.status("flying") as status:
            return list(verify(settings, lambda way: status.update(f"flying {way}")))


def _show(verdicts: list[Verdict]) -> None:
    from rich.text import Text

    from tui.console import out
    from tui.text import clean

    for verdict in verdicts:
        if verdict.difference is None:
            out.print(Text(f"  same     {verdict.way}, {verdict.steps:,} steps, {verdict.hash}"))
            continue
        step, what = verdict.difference
        out.print(Text(f"  differs  {verdict.way}: from step {step:,} on", "bold red"))
        for name in what:
            out.print(Text(clean(f"           {name}")))
        out.print(
            Text(
                "           it keeps or reads what no replay has: use self.rng, self.time and attributes of the strategy, "
                "and nothing that is ordered by chance"
            )
        )
