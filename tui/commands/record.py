"""`tickdeck record`: live market data into a recording, until it is stopped."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.errors import RecordingError, TickdeckError

if TYPE_CHECKING:
    from rich.table import Table

    from engine.binance.feed import Health
    from engine.flight import Recorded
    from engine.recordings.capture import Metrics

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("record")(record_command)


def record_command(
    coins: Annotated[list[str], typer.Argument(metavar="COIN...", help="Coins of the spot market, as BTCUSDT.")],
    into: Annotated[str, typer.Option("--into", metavar="RECORDING", help="The recording to make or go on with.")],
    kinds: Annotated[
        str, typer.Option(help="What to listen to besides klines, with commas between: trade, bookTicker, depth.")
    ] = "trade,bookTicker",
    interval: Annotated[str, typer.Option(help="The bars' interval.")] = "1m",
    environment: Annotated[str, typer.Option(help="live, data, demo or testnet.")] = "live",
    url: Annotated[str | None, typer.Option(help="A rehearsal's address in place of an environment.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout at the end.")] = False,
) -> None:
    """Record live market data until ctrl+c: at most a second of it is lost whatever happens, and every hole is noted."""
    from engine.config import SessionConfig
    from engine.recordings.find import destination
    from tui.commands.recordings import print_json
    from tui.console import err, fail, out
    from tui.text import clean

    names = [coin.strip().upper().replace("/", "") for coin in coins]
    live: dict[str, Any] = {"environment": environment, "streams": [kind.strip() for kind in kinds.split(",") if kind.strip()]}
    if url is not None:
        live["url"] = url
    try:
        settings = SessionConfig.from_dict(
            {"mode": "paper", "coins": names, "interval": interval, "binance": live}, source="tickdeck record"
        )
        done = asyncio.run(_record(names, destination(into), settings, interval))
    except TickdeckError as error:
        fail(error, 2 if not isinstance(error, RecordingError) else 3)
    if as_json:
        told = {"path": str(done.folder), "messages": done.health.messages, "bytes": done.metrics.bytes}
        print_json(told | {"reconnects": done.health.reconnects, "gaps": done.health.gaps, "bad": done.health.bad})
    else:
        text = f"{done.health.messages:,} messages, {done.metrics.bytes / 1e6:,.1f} MB received"
        out.print(f"{text}; recorded in {clean(str(done.folder))}", markup=False)
    if done.failure:
        err.print(clean(done.failure), style="red", markup=False)
        raise typer.Exit(3)


async def _record(coins: list[str], into: Any, settings: Any, interval: str) -> Recorded:
    """Record with a display on stderr, where that is a terminal, until a signal says to stop."""
    from rich.live import Live

    from engine.flight import record
    from tui.console import err

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOPS:
        loop.add_signal_handler(number, stop.set)
    began = loop.time()
    with Live(console=err, transient=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as display:

        def show(health: Health, metrics: Metrics) -> None:
            if err.is_terminal:
                display.update(table_of(health, metrics, loop.time() - began), refresh=True)

        def tell(text: str) -> None:
            if not err.is_terminal:
                err.print(text, markup=False)

        return await record(coins, into, settings.binance, interval=interval, stop=stop, show=show, tell=tell)


def table_of(health: Health, metrics: Metrics, seconds: float) -> Table:
    """Return how a recording fares: a line a coin, and one of it all."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rate = health.messages / seconds if seconds > 0 else 0.0
    state = "connected" if health.alive else "reconnecting"
    title = f"{state} · {rate:,.0f} messages/s · {metrics.bytes / 1e6:,.1f} MB · {metrics.disk_left / 1e9:,.0f} GB left on disk"
    foot = f"reconnects {health.reconnects} · holes {health.gaps} · bad frames {health.bad} · ctrl+c stops"
    table = Table(box=box.SIMPLE, title=Text(title), caption=Text(foot), pad_edge=False)
    for name in ("coin", "last", "late"):
        table.add_column(name, justify="left" if name == "coin" else "right")
    for coin in health.coins:
        style = "yellow" if coin.stale else ""
        table.add_row(Text(coin.coin), Text(f"{coin.age_s:.1f} s ago", style), Text(f"{coin.lag_ms:,.0f} ms", style))
    return table
