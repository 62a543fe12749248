"""`tickdeck record`: live market data into a recording, until it is stopped."""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from engine.errors import ConfigError, RecordingError, TickdeckError, UsageError
from tui.text import clean

if TYPE_CHECKING:
    from rich.console import Group

    from engine.binance.feed import Health
    from engine.config import SessionConfig
    from engine.flight.record import Recorded
    from engine.recordings.capture import Metrics, Sealed

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SECONDS = 5.0
"""What a rate is taken over."""
TRADING = "TRADING"


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
    environment: Annotated[Literal["live", "data", "demo", "testnet"], typer.Option(help="Whose prices.")] = "live",
    url: Annotated[str | None, typer.Option(help="A rehearsal's address in place of an environment.")] = None,
    speed: Annotated[float, typer.Option(help="How fast the rehearsal's time goes by.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout at the end.")] = False,
) -> None:
    """Record live market data until ctrl+c: at most a second of it is lost whatever happens, and every hole is noted."""
    from engine.config import SessionConfig
    from engine.recordings.find import destination
    from tui.captures import seal_into
    from tui.commands.recordings import print_json
    from tui.console import err, fail

    live: dict[str, Any] = {"environment": environment, "streams": _words(kinds), "speed": speed}
    if url is not None:
        live["url"] = url
    try:
        settings = SessionConfig.from_dict(
            {"mode": "paper", "coins": list(dict.fromkeys(map(_name, coins))), "interval": interval, "binance": live},
            source="tickdeck record",
        )
        done = asyncio.run(_record(destination(into), settings))
        if done is None:
            err.print("Stopped before anything was recorded.")
            raise typer.Exit(130)
        sealed = seal_into(done.folder)
    except KeyboardInterrupt:
        err.print(f"Not sealed: `tickdeck recordings seal {clean(into)}` makes what came part of the recording.", markup=False)
        raise typer.Exit(130) from None
    except TickdeckError as error:
        fail(error, 2 if isinstance(error, ConfigError | UsageError) else 3)
    if as_json:
        print_json(_told(done, sealed, settings))
    else:
        _print(done)
    if done.failure:
        fail(RecordingError(done.failure), 3)


def _told(done: Recorded, sealed: Sealed, settings: SessionConfig) -> dict[str, Any]:
    health, metrics = done.health, done.metrics
    return {
        "recording": done.folder.resolve().name,
        "path": str(done.folder),
        "coins": list(settings.coins or ()),
        "seconds": round(done.seconds, 3),
        "messages": health.messages,
        "records": metrics.records,
        "bytes": metrics.bytes,
        "rows": sealed.rows,
        "reconnects": health.reconnects,
        "gaps": health.gaps,
        "bad_frames": health.bad,
        "notes": sealed.notes,
        "failure": done.failure,
    }


def _print(done: Recorded) -> None:
    from rich.filesize import decimal

    from tui.console import out

    health = done.health
    trouble = f"reconnects {health.reconnects}, holes {health.gaps}, bad frames {health.bad}"
    out.print(f"{health.messages:,} messages, {decimal(done.metrics.bytes)} in {done.seconds:,.0f} s; {trouble}", markup=False)
    out.print(f"recorded in {clean(str(done.folder))}", markup=False)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _name(coin: str) -> str:
    return coin.strip().upper().replace("/", "")


async def _record(into: Path, settings: SessionConfig) -> Recorded | None:
    """Record with a display on stderr until a signal says to stop; None where that came before there was anything."""
    from rich.live import Live
    from rich.text import Text

    from engine.flight.record import record
    from tui.console import err

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOPS:
        loop.add_signal_handler(number, stop.set)
    seen: deque[Sight] = deque()
    with Live(console=err, transient=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as display:

        def show(health: Health, metrics: Metrics) -> None:
            seen.append(Sight(loop.time(), health, metrics))
            while seen[-1].at - seen[0].at > SECONDS:
                seen.popleft()
            if err.is_terminal:
                display.update(display_of(seen[0], seen[-1]), refresh=True)

        def tell(text: str) -> None:
            if err.is_terminal:
                display.update(Text(text), refresh=True)
            else:
                err.print(text, markup=False)

        coins, interval = settings.coins or (), settings.interval or "1m"
        recording = loop.create_task(record(coins, into, settings.binance, interval=interval, stop=stop, show=show, tell=tell))
        stopping = loop.create_task(stop.wait())
        await asyncio.wait({recording, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not seen and stop.is_set():
            recording.cancel()
        try:
            return await recording
        except asyncio.CancelledError:
            return None


class Sight(NamedTuple):
    """How a recording fared at a time, in seconds of the loop's clock."""

    at: float
    health: Health
    metrics: Metrics


def display_of(before: Sight, now: Sight) -> Group:
    """Return how a recording fares: what it all comes to, with the rates since an earlier look, and a line a coin."""
    from rich.console import Group
    from rich.filesize import decimal
    from rich.table import Table
    from rich.text import Text

    health, metrics = now.health, now.metrics
    lasted = now.at - before.at or 1.0
    messages = (health.messages - before.health.messages) / lasted
    taken = (metrics.bytes - before.metrics.bytes) / lasted
    state = ("● connected", "green") if health.alive else ("× no connection, trying again", "bold yellow")
    head = Text.assemble(
        state, f"   {messages:,.0f} messages/s   {decimal(int(taken))}/s", (f"   {decimal(metrics.disk_left)} left", "dim")
    )
    sums = f"{health.messages:,} messages   {decimal(metrics.bytes)}, {decimal(metrics.written)} on disk"
    trouble = f"reconnects {health.reconnects}   holes {health.gaps}   bad frames {health.bad}"
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("coin")
    for name in ("heard", "late"):
        table.add_column(name, justify="right")
    table.add_column("")
    for coin in health.coins:
        style = "bold yellow" if coin.stale else ""
        word = coin.status if coin.status != TRADING else "STALE" if coin.stale else ""
        age, late = f"{coin.age_s:,.1f} s ago", f"{coin.lag_ms:,.0f} ms"
        table.add_row(*(Text(text, style) for text in (clean(coin.coin), age, late, clean(word))))
    lines = [head, Text(sums), Text(trouble, "yellow" if health.gaps or health.reconnects else "dim")]
    if health.waits_for:
        lines.append(Text(f"requests wait: {health.waits_for}", "yellow"))
    return Group(*lines, table, Text("ctrl+c stops", "dim"))
