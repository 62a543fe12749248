"""`tickdeck trade`, `attach` and `halt`: real orders on the deck, and without it."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.errors import UsageError
from engine.host.protocol import Failure, Halt, Hello, Reply, Shutdown
from tui.commands.backtest import Config, Set, overrides_of

ANSWER_SECONDS = 30.0
Name = Annotated[str | None, typer.Argument(metavar="[FLIGHT]", help="Which flight, where there are several.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("trade")(trade)
    app.command("attach")(attach)
    app.command("halt")(halt)


def trade(config: Config, changes: Set = None) -> None:
    """Open the deck on an exchange that takes orders, as the config's mode says; it starts disarmed."""
    from engine.config import find_config, load_config
    from tui.fly import fly
    from tui.link import HostSpec

    overrides = overrides_of(changes, None)
    settings = load_config(find_config(config)).with_overrides(overrides)
    if not settings.trades:
        raise UsageError(
            f'{settings.source} has mode = "{settings.mode}", which sends no orders',
            hint="--set mode=rehearsal practises on this machine; testnet, demo and live are Binance's",
        )
    fly(HostSpec(config=config, overrides=overrides, mode=settings.mode))


def attach(name: Name = None) -> None:
    """Open the deck on a flight that is under way."""
    from tui.flightlink import FlightLink
    from tui.flights import the_flight
    from tui.fly import fly
    from tui.link import HostSpec

    path = the_flight(name)
    fly(HostSpec(mode=path.stem.partition("-")[0]), lambda spec: FlightLink(spec, path))


def halt(
    name: Name = None,
    flatten: Annotated[bool, typer.Option("--flatten", help="Sell what is held, at market.")] = False,
    end: Annotated[bool, typer.Option("--end", help="End the flight too, once all of that is done.")] = False,
) -> None:
    """Stop trading at once: no new orders, every own order cancelled."""
    from tui.console import out
    from tui.flights import talking, the_flight
    from tui.text import clean

    path = the_flight(name)
    with talking(path, ANSWER_SECONDS) as flight:
        while not isinstance(said := flight.next(), Hello):
            if isinstance(said, Failure):
                raise UsageError(f"the flight {path.stem} is not ready: {said.message}")
        flight.send(Halt(0, flatten))
        while not (isinstance(said := flight.next(), Reply) and said.id == 0):
            pass
        # what is not done yet needs somebody to look after it
        if end and said.ok:
            flight.send(Shutdown())
    out.print(clean(said.text, 2000), markup=False)
    if not said.ok:
        if end:
            out.print("the flight goes on: give the command again, or end it on its deck (`tickdeck attach`, q)", markup=False)
        raise typer.Exit(1)
