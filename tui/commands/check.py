"""`tickdeck check`: everything that can be said against a session before it is flown."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from engine.errors import TickdeckError
from engine.exact import to_text
from tui.commands.backtest import Config, RecordingName, Set, overrides_of, replayed
from tui.figures import outcomes_of

if TYPE_CHECKING:
    from engine.config import SessionConfig
    from engine.session import Session
    from engine.strategy import Strategy

TRIAL_STEPS = 2000


class Finding(NamedTuple):
    """One thing looked at: whether it is well, worth knowing or wrong, and what there is to say."""

    level: str
    what: str
    text: str


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("check")(check_command)


def check_command(
    config: Config,
    recording: RecordingName = None,
    changes: Set = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Validate a session: its config, recording, strategy and features, and fly its first bars. Or a rehearsal's settings.

    Exit 1 where something is wrong.
    """
    from engine.config import find_config
    from tui.console import fail, loading

    try:
        path = find_config(config)
        overrides = overrides_of(changes, recording)
    except TickdeckError as error:
        fail(error, 2)
    # what a strategy prints is no finding
    with contextlib.redirect_stdout(sys.stderr):
        with loading():
            importlib.import_module("engine.loop")
        findings = list(findings_of(str(path), overrides))
    if as_json:
        sys.stdout.write(json.dumps({"config": config, "findings": [its._asdict() for its in findings]}) + "\n")
    else:
        _show(findings)
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


def findings_of(config: str, overrides: dict[str, str]) -> Iterator[Finding]:
    """Yield what there is to say about a session; an error ends it, as what comes after stands on it."""
    from engine.config import load_config
    from engine.loop import Engine
    from engine.rehearsal.settings import are_settings
    from engine.session import prepare

    try:
        if are_settings(config):
            yield from _about_rehearsal(config, overrides)
            return
        settings = load_config(config).with_overrides(replayed(overrides))
        if settings.mode != "replay":
            yield from _about_live(settings)
            return
        session = prepare(settings)
    except TickdeckError as error:
        yield Finding("error", error.title.lower(), str(error))
        return
    yield from _about_market(session)
    yield from _about_strategy(session)
    engine = Engine(session.feed, session.trade, session.strategy)
    try:
        steps = engine.run(max(TRIAL_STEPS, 2 * max(session.strategy.stats.features.warmup.values(), default=0)))
    except TickdeckError as error:
        yield Finding("error", error.title.lower(), str(error))
        return
    if engine.halted is not None:
        yield Finding("error", "strategy", str(engine.halted))
    else:
        signals, fills = len(session.trade.signals), session.trade.exchange.n_fills
        told = f"{steps:,} steps flown, {signals:,} signals, {fills:,} fills"
        vain = signals > 0 and not fills and not session.trade.exchange.n_open
        yield Finding("warning" if vain else "ok", "trial", f"{told}: {outcomes_of(session.trade.signals)}" if vain else told)


def _about_market(session: Session) -> Iterator[Finding]:
    from engine.recordings.bars import stamp

    recording, feed = session.recording, session.feed
    assert recording is not None, "a replay has one"
    kind = "synthetic" if recording.synthetic else "real"
    yield Finding("ok", "recording", f"{recording.name}: {', '.join(feed.latest.coins)}, {len(feed):,} steps, {kind}")
    if not recording.spot:
        yield Finding("warning", "recording", "it is not of a spot market; fills are simulated as spot all the same")
    gaps = sum(len(recording.gaps(coin)) for coin in feed.latest.coins)
    if gaps:
        yield Finding("warning", "recording", f"it has {gaps} gaps; `tickdeck recordings show {recording.name}` lists them")
    for coin in feed.latest.coins:
        if feed.interval in recording.intervals(coin)[1:]:
            steps, longer = recording.bars(coin), recording.bars(coin, feed.interval)
            (begin, end), (first, last) = ((int(its.time[0]), int(its.time[-1]) + its.interval) for its in (steps, longer))
            if first <= begin - longer.interval or last >= end + longer.interval:
                yield Finding(
                    "warning",
                    "recording",
                    f"its {feed.interval} bars of {coin} reach from {stamp(first)} to {stamp(last)}; flown are its shortest, "
                    f"{stamp(begin)} to {stamp(end)}, and longer bars made of them",
                )
    for its in feed.instruments:
        if its.min_notional == 0:
            yield Finding(
                "warning",
                "filters",
                f"{its.coin} has no minimum notional; an exchange has. Import with --lot and --min-notional",
            )


def _about_live(settings: SessionConfig) -> Iterator[Finding]:
    """Say what there is to say without asking the exchange."""
    from engine.binance.hosts import hosts_of
    from engine.market import PushFeed
    from engine.model import INTERVALS, Instrument
    from engine.recordings.bars import stamp
    from engine.session import assemble

    coins = settings.coins or ()
    own = settings.mode == "rehearsal" and settings.binance.url is None
    if own:
        from engine.host.ground import stage_of

        stage = stage_of(settings)
        where = f"a rehearsal of {stage.recording.name}, from {stamp(stage.begin)}"
    else:
        where = hosts_of(settings.binance, settings.mode).rest
    yield Finding("ok", "prices", f"{', '.join(coins)} live from {where}; what else there is is known once it is asked")
    if settings.trades:
        yield Finding("ok", "orders", f"go to {where}; `tickdeck doctor` asks whether they may")
    # any assets will do to make the strategy with
    feed = PushFeed([Instrument(coin=coin, base=coin, quote=settings.account.currency) for coin in coins], INTERVALS["1m"])
    yield from _about_strategy(assemble(settings, None, feed))


def _about_strategy(session: Session) -> Iterator[Finding]:
    feed = session.feed
    strategy = session.strategy
    if mute := _mute(type(strategy)):
        yield mute
    yield Finding(
        "ok", "strategy", f"{type(strategy).__name__}, features {', '.join(strategy.stats.features.labels) or 'none'}"
    )
    warmup = max(strategy.stats.features.warmup.values(), default=0)
    live, who = session.config.binance, "[binance] history fetches" if session.recording is None else "a coin has"
    shortest = live.history if session.recording is None else min(track.rows for track in feed.latest.decisions)
    if warmup >= shortest:
        yield Finding(
            "error",
            "warm-up",
            f"features need {warmup} bars before their first value; {who} {shortest}",
        )


def _mute(kind: type[Strategy]) -> Finding | None:
    """Say of a strategy's class that it never signals, which is an error where gen_signal stands there in other letters."""
    from engine.params import did_you_mean, place_of
    from engine.strategy import Strategy

    if kind is Strategy or kind.gen_signal is not Strategy.gen_signal:
        return None
    own = {name for owner in kind.__mro__ for name in vars(owner)} - set(dir(Strategy))
    near = [name for name in own if callable(getattr(kind, name)) and did_you_mean(name, ["gen_signal"])]
    written = f"; is {near[0]} to be it?" if near else ""
    return Finding(
        "error" if near else "warning", "strategy", f"{place_of(kind)} has no gen_signal, so it never signals{written}"
    )


def _about_rehearsal(config: str, overrides: dict[str, str]) -> Iterator[Finding]:
    from engine.config.text import parse_value
    from engine.recordings.bars import stamp
    from engine.rehearsal.opening import open_exchange
    from engine.rehearsal.settings import load_settings

    settings = load_settings(config, {key: parse_value(text) for key, text in overrides.items()})
    venue = open_exchange(settings).office.venue
    yield Finding("ok", "rehearsal", f"{venue.market.recording.name}: {', '.join(venue.market.index)}, from {stamp(venue.now)}")
    for name, desk in venue.desks.items():
        free = (f"{to_text(amounts[0])} {asset}" for asset, amounts in desk.records.balances().items() if amounts[0])
        yield Finding("ok", "account", f"{name}: {', '.join(free) or 'nothing'}")


def _show(findings: list[Finding]) -> None:
    from rich.text import Text

    from tui.console import out
    from tui.text import clean_lines

    styles = {"ok": "green", "warning": "yellow", "error": "red"}
    for finding in findings:
        line = Text(f"{finding.level:>7}  ", style=styles[finding.level])
        line.append(f"{finding.what:<10} ", style="bold")
        line.append(clean_lines(finding.text))
        out.print(line)
