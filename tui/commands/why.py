"""`tickdeck why`: what the strategy saw, said and did at a step, and why."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import ConfigError, RecordingError, TickdeckError, UsageError
from tui.commands.backtest import RecordingName, Set, overrides_of, replayed

if TYPE_CHECKING:
    from engine.explain import Why


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("why")(why_command)


def why_command(
    what: Annotated[
        str,
        typer.Argument(metavar="SESSION|CONFIG", help="A saved session, or a session config's path or a bundled one's name."),
    ],
    at: Annotated[str, typer.Option("--at", metavar="STEP|TIME", help="A step, or a UTC time such as 2025-06-14T12:30.")],
    recording: RecordingName = None,
    changes: Set = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Explain a step: what the strategy read, its signals, what became of each order, and why nothing came of it."""
    from tui.console import fail, out
    from tui.text import clean

    try:
        why = _explained(what, recording, changes, at)
    except (ConfigError, RecordingError, UsageError) as error:
        fail(error, 2)
    except TickdeckError as error:
        fail(error, 3)
    if as_json:
        sys.stdout.write(why.to_json().decode() + "\n")
    else:
        for line in why.lines():
            out.print(clean(line), markup=False)


def _explained(what: str, recording: str | None, changes: list[str] | None, at: str) -> Why:
    from tui.console import err, loading
    from tui.text import clean_lines

    # what a strategy prints is no explanation
    with contextlib.redirect_stdout(sys.stderr), loading():
        from engine.config.saved import is_session
        from engine.explain import explain
        from engine.loop import Engine
        from engine.session import prepare
        from engine.session_file import resume

        if is_session(Path(what)):
            if changes:
                raise UsageError(f"{what} is a saved session and keeps its config", hint="--set is for configs")
            resumed = resume(Path(what), recording)
            for warning in resumed.warnings:
                err.print(clean_lines(warning), markup=False)
            session, engine = resumed.session, resumed.engine
        else:
            session = prepare(what, overrides=replayed(overrides_of(changes, recording)))
            engine = Engine(session.feed, session.trade, session.strategy, session.begin)
        return explain(engine, session.feed.step_of(at))
