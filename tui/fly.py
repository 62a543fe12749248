"""Opening the deck in the terminal this process has."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from engine.errors import UsageError
from tui.link import EngineLink, HostSpec, Link

_WITHOUT = "`tickdeck backtest CONFIG` runs without one"


def fly(spec: HostSpec, connect: Callable[[HostSpec], Link] = EngineLink) -> None:
    """Run the deck on what `spec` names until it is left; ends the process with the deck's exit code.

    Raises UsageError where there is no terminal, or none to draw on, and ConfigError where the user's settings are wrong.
    """
    if not (sys.__stdin__ and sys.__stdin__.isatty() and sys.__stderr__ and sys.__stderr__.isatty()):
        raise UsageError("the deck needs a terminal", hint=_WITHOUT)
    if os.environ.get("TERM") == "dumb":
        raise UsageError("the deck cannot be drawn on this terminal: TERM is dumb", hint=_WITHOUT)
    from tui import crash
    from tui.app import DeckApp
    from tui.settings import load_settings

    deck = DeckApp(connect, spec, load_settings())
    try:
        deck.run()
    finally:
        deck.put_away()
    if deck.crashed is not None:
        print(crash.summary(deck.crashed, deck.crash_report), file=sys.stderr)
    sys.exit(deck.return_code or 0)
