"""`tickdeck rehearse`: a recording served as an exchange on loopback, for clients that think it is Binance."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from engine.errors import ConfigError, RecordingError, TickdeckError, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from engine.rehearsal.faults import Scenario
    from engine.rehearsal.log import Entry
    from engine.rehearsal.server import RehearsalServer
    from engine.rehearsal.settings import RehearsalSettings

LOOKS_PER_SECOND = 4


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("rehearse")(rehearse_command)


def rehearse_command(
    recording: Annotated[
        str | None, typer.Argument(metavar="[RECORDING]", help="The market to play; else the one the settings name.")
    ] = None,
    config: Annotated[
        str | None, typer.Option("--config", "-c", help="Settings: accounts, fees, filters, limits. `rehearsal` explains all.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port on this machine; 0 takes a free one.")] = 0,
    speed: Annotated[float | None, typer.Option(help="How many seconds of the market pass in one; else 1.")] = None,
    begin: Annotated[
        str | None, typer.Option(help="When in the recording it opens (UTC), as 2025-06-14T12:30; else after some history.")
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Begin anew where the recording ends.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Tell the recording as if it happened now.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout once it is ready.")] = False,
    faults: Annotated[
        Path | None, typer.Option("--faults", metavar="FILE", help="What goes wrong on purpose: a scenario in TOML.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option("--log", metavar="FILE", help="Write what really happens to this file, a JSON object a line.")
    ] = None,
) -> None:
    """Serve a recording as a Binance Spot compatible exchange on this machine, until Ctrl-C."""
    from tui.console import fail

    said = {"recording": recording, "speed": speed, "begin": begin, "loop": loop or None, "now": now or None}
    changes = {key: value for key, value in said.items() if value is not None}
    try:
        with contextlib.ExitStack() as stack:
            sink = stack.enter_context(_written(log)) if log is not None else None
            asyncio.run(_serve(_settings(config, changes), _scenario(faults), port, as_json, sink))
    except (ConfigError, RecordingError, UsageError) as error:
        fail(error, 2)
    except TickdeckError as error:
        fail(error, 3)


def _settings(config: str | None, changes: dict[str, Any]) -> RehearsalSettings:
    from engine.config import find_config
    from engine.rehearsal.settings import load_settings, parse_settings

    if config is not None:
        return load_settings(find_config(config), changes)
    if "recording" not in changes:
        raise UsageError("there is no market to play", hint="name a recording, such as demo, or settings with --config")
    return parse_settings("", "command line", changes)


def _scenario(path: Path | None) -> Scenario | None:
    from engine.rehearsal.faults import load_scenario

    return None if path is None else load_scenario(path)


@contextlib.contextmanager
def _written(path: Path) -> Any:
    try:
        file = path.open("wb", buffering=0)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    with file:
        yield lambda entry: file.write(msgspec.json.encode(entry) + b"\n")


async def _serve(
    settings: RehearsalSettings, scenario: Scenario | None, port: int, as_json: bool, sink: Callable[[Entry], Any] | None
) -> None:
    from engine.rehearsal.server import RehearsalServer

    server = RehearsalServer(settings, port=port, scenario=scenario, sink=sink)
    await server.start()
    over = asyncio.Event()
    for word in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(word, over.set)
    if server.playing is not None:
        server.playing.add_done_callback(lambda _: over.set())
    try:
        if as_json:
            sys.stdout.write(json.dumps(_ready(server)) + "\n")
            sys.stdout.flush()
            await over.wait()
        else:
            await _show(server, over)
    finally:
        await server.stop()


def _ready(server: RehearsalServer) -> dict[str, Any]:
    """Return where it is and what opens it; the keys of each account where there are several."""
    more = {"accounts": [keys._asdict() for keys in server.credentials]} if len(server.credentials) > 1 else {}
    return server.addresses._asdict() | more


async def _show(server: RehearsalServer, over: asyncio.Event) -> None:
    from rich.live import Live

    from tui.console import err, out

    for name, value in server.addresses._asdict().items():
        out.print(f"{name.replace('_', ' '):>10}  {value or 'of your own'}", markup=False)
    out.file.flush()
    if not err.is_terminal:
        await over.wait()
        return
    with Live(_table(server), console=err, auto_refresh=False, transient=True) as live:
        while not over.is_set():
            live.update(_table(server), refresh=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), 1 / LOOKS_PER_SECOND)


def _table(server: RehearsalServer) -> Table:
    """Return how things stand, as a table of names and numbers."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from engine.recordings.bars import stamp
    from tui.text import clean

    venue = server.venue
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    rows = [
        ("market", f"{venue.market.recording.name}: {', '.join(coin.instrument.coin for coin in venue.market.coins)}"),
        ("time", stamp(venue.now) + (", the recording has ended" if venue.at_end else "")),
        ("speed", f"{venue.clock.speed:g} x" if venue.clock.speed else "standing still"),
        ("connections", f"{server.connections:,}"),
    ]
    for name, desk in venue.desks.items():
        kept = desk.records
        rows.append((f"account {name}", f"{len(kept.orders):,} orders, {len(kept.open):,} open, {len(kept.trades):,} fills"))
    for name, value in rows:
        table.add_row(Text(clean(name)), Text(clean(value)))
    return table
