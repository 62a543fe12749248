"""`tickdeck doctor`: whether all is well with this machine, the keys and the exchange, and what to do where it is not."""

from __future__ import annotations

import asyncio
import json
import locale
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import TickdeckError
from tui.commands.backtest import Set, overrides_of

if TYPE_CHECKING:
    from engine.config import SessionConfig
    from engine.doctor import Check

SMALLEST = (80, 24)
NO_CONFIG = "not asked: `tickdeck doctor CONFIG` asks the exchange of a config, and looks what its keys may do"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("doctor")(doctor_command)


def doctor_command(
    config: Annotated[str | None, typer.Argument(metavar="[CONFIG]", help="A session; its exchange is asked, too.")] = None,
    changes: Set = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Look whether all is well, and tell what to do where it is not. Exit 1 where something fails.

    Without a config nothing but this machine is looked at; with one, the exchange that it names is asked, and nobody else.
    """
    from engine.config import find_config, load_config
    from tui.console import fail

    try:
        overrides = overrides_of(changes, None)
        settings = load_config(find_config(config)).with_overrides(overrides) if config is not None else None
    except TickdeckError as error:
        fail(error, 2)
    checks = asyncio.run(checks_of(settings))
    well = all(check.status != "fail" for check in checks)
    if as_json:
        sys.stdout.write(json.dumps({"checks": [check._asdict() for check in checks], "ok": well}) + "\n")
    else:
        _show(checks)
    if not well:
        raise typer.Exit(1)


async def checks_of(settings: SessionConfig | None) -> list[Check]:
    """Return all there is to say, of this machine and of a config."""
    from engine import doctor

    checks = [doctor.installation(), doctor.kernel(), terminal()]
    if settings is None:
        checks += [doctor.disk(), doctor.all_keys(), *doctor.journals(), doctor.Check("exchange", "ok", NO_CONFIG)]
    elif settings.mode == "replay":
        checks += [doctor.disk(), doctor.recording_of(settings), *await doctor.exchange(settings, None)]
    else:
        checks += [*await doctor.live_checks(settings), *doctor.journals(_journal(settings))]
    return [*checks, *doctor.recordings()]


def _journal(settings: SessionConfig) -> Path | None:
    """Return the journal of a config's account, where that can be told."""
    from engine import doctor
    from engine.binance.journal import journal_file

    if not settings.trades or doctor.own_exchange(settings):
        return None
    _, keys = doctor.keys_of(settings.mode)
    return journal_file(settings.mode, keys) if keys is not None else None


def terminal() -> Check:
    """Look what the terminal can show."""
    from engine.doctor import Check

    if not sys.stderr.isatty():
        return Check("terminal", "ok", "none here; the deck needs one, the other commands do not")
    size = shutil.get_terminal_size()
    term, encoding = os.environ.get("TERM", ""), locale.getpreferredencoding(False)
    colours = "none (NO_COLOR)" if os.environ.get("NO_COLOR") else os.environ.get("COLORTERM") or "256"
    seen = f"{size.columns}x{size.lines}, {term or 'of no name'}, colours {colours}, {encoding}"
    if term in ("", "dumb"):
        return Check("terminal", "warn", seen, "the deck cannot be drawn here; set TERM to what the terminal is")
    if encoding.upper().replace("-", "") != "UTF8":
        return Check("terminal", "warn", seen, "set LANG to a locale of UTF-8, such as C.UTF-8")
    if size.columns < SMALLEST[0] or size.lines < SMALLEST[1]:
        return Check(
            "terminal", "warn", seen, f"make the window {SMALLEST[0]}x{SMALLEST[1]} or larger; below that the deck is cut"
        )
    return Check("terminal", "ok", seen)


def _show(checks: list[Check]) -> None:
    from rich.text import Text

    from tui.console import out
    from tui.text import clean

    styles = {"ok": "green", "warn": "yellow", "fail": "bold red"}
    for check in checks:
        line = Text.assemble((f"{check.status:<5}", styles[check.status]), (f"{check.name:<13}", "bold"), clean(check.text))
        out.print(line)
        if check.remedy:
            out.print(Text(f"{'':18}{clean(check.remedy)}", style="dim"))
