"""Switching: from one mode to another on the same deck, each with a look at what the config makes of it before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from engine.errors import TickdeckError
from engine.host.protocol import Hello
from tui.mailbox import HostSpec
from tui.modes import ON_LOST, SIMULATED
from tui.widgets.facts import Fact

if TYPE_CHECKING:
    from engine.config import SessionConfig


def spec_for(mode: str, spec: HostSpec, hello: Hello, replayed: HostSpec | None) -> HostSpec:
    """Return what flies in `mode` the strategy that `spec` flies, on the same coins; a replay is the one `replayed` before."""
    if mode == "replay" and replayed is not None:
        return replayed
    overrides = {**spec.overrides, "mode": _toml(mode), "interval": _toml(hello.interval)}
    overrides["coins"] = ", ".join(its.coin for its in hello.coins)
    if mode in ("testnet", "demo"):
        overrides["binance.environment"] = _toml(mode)
    if mode == "rehearsal" and hello.mode == "replay" and spec.recording is not None:
        overrides["rehearsal.recording"] = _toml(spec.recording)
    real = mode if mode not in SIMULATED else ""
    return replace(spec, overrides=overrides, recording=None, at=None, speed=None, mode=real)


class Prospect(NamedTuple):
    """What the config makes of a mode, or what is `wrong` with it."""

    facts: list[Fact]
    wrong: str = ""


def look_ahead(mode: str, spec: HostSpec) -> Prospect:
    """Return what would be flown; reads the config, so not for the event loop."""
    try:
        config = _config_of(spec)
    except TickdeckError as error:
        return Prospect([], str(error))
    cash = ", ".join(f"{amount:,f} {asset}" for asset, amount in config.account.cash.items())
    facts = [Fact("config", spec.config or ("none, as every recording is replayed" if spec.recording else "demo"))]
    facts.append(Fact("coins", ", ".join(config.coins) if config.coins else "all of the recording"))
    if mode == "replay":
        return Prospect([*facts, Fact("recording", config.recording), Fact("account", f"simulated, begins with {cash}")])
    if mode == "paper":
        source = config.binance.url or f"Binance {config.binance.environment or 'live'}"
        return Prospect([*facts, Fact("prices from", source), Fact("account", f"simulated, begins with {cash}")])
    own = f"this machine, playing {config.rehearsed}, {config.rehearsal.speed} s a second"
    where = {"rehearsal": config.binance.url or own, "testnet": "Binance's testnet", "demo": "Binance's demo"}
    keys = "" if mode == "rehearsal" else " (`tickdeck keys show` tells which key)"
    return Prospect(
        [
            *facts,
            Fact("orders go to", where.get(mode, "Binance itself: REAL MONEY")),
            Fact("account", f"the {mode} key's{keys}; at most {cash} of it" if cash else f"the {mode} key's{keys}"),
            Fact("without deck", str(ON_LOST[config.trading.on_ui_lost])),
        ]
    )


def _config_of(spec: HostSpec) -> SessionConfig:
    from engine.config.asked import config_of

    return config_of(spec.config, spec.recording, spec.overrides)


def _toml(text: str) -> str:
    return msgspec.json.encode(text).decode()
