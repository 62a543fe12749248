"""Opening the deck in the terminal this process has."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress

from engine.errors import UsageError
from tui.flightlink import FlightLink
from tui.link import EngineLink
from tui.mailbox import HostSpec, Link

_WITHOUT = "`tickdeck backtest CONFIG` runs without one"


def link_for(spec: HostSpec) -> Link:
    """Return the link to a new engine for a spec: one that ends with the deck, or a flight that does not."""
    return FlightLink(spec) if spec.mode else EngineLink(spec)


def fly(spec: HostSpec, connect: Callable[[HostSpec], Link] = link_for) -> None:
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

    flights: list[FlightLink] = []

    def connected(spec: HostSpec) -> Link:
        link = connect(spec) if not flights else link_for(spec)
        if isinstance(link, FlightLink):
            flights.append(link)
        return link

    deck = DeckApp(connected, spec, load_settings())
    try:
        deck.run()
    finally:
        deck.put_away()
    if deck.crashed is not None:
        print(crash.summary(deck.crashed, deck.crash_report), file=sys.stderr)
    for link in flights:
        if link.flying:
            # a terminal that has gone is told nothing
            with suppress(OSError):
                print(f"{link.at.stem} flies on: `tickdeck attach` returns to it, `tickdeck halt` stops it", file=sys.stderr)
    sys.exit(deck.return_code or 0)
