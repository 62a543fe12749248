"""`tickdeck paper`: a strategy on live prices, its orders simulated, on the deck."""

from __future__ import annotations

import typer

from tui.commands.backtest import Config, Set, overrides_of


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("paper")(paper)


def paper(config: Config, changes: Set = None) -> None:
    """Open the deck on live prices, with orders that are simulated; what is received is recorded."""
    from tui.fly import fly
    from tui.link import HostSpec

    fly(HostSpec(config=config, overrides={**overrides_of(changes, None), "mode": '"paper"'}))
