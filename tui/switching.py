"""Switching: from a replay to live prices and back, on the same deck."""

from __future__ import annotations

from dataclasses import replace

from engine.host.protocol import Hello
from tui.link import HostSpec


def live_spec(spec: HostSpec, hello: Hello) -> HostSpec:
    """Return what flies the strategy of a replay on live prices of the same coins, orders simulated."""
    coins = ", ".join(its.coin for its in hello.coins)
    overrides = {**spec.overrides, "mode": '"paper"', "coins": coins, "interval": f'"{hello.interval}"'}
    return replace(spec, overrides=overrides, recording=None, at=None, speed=None)


def question(hello: Hello, cash: str) -> str:
    """Return what is to be said before a strategy flies live."""
    coins = ", ".join(its.coin for its in hello.coins)
    return (
        f"{hello.strategy or 'No strategy'} on live prices of {coins}, from Binance unless the config says where.\n\n"
        f"Orders are simulated; the account begins with {cash}, as the config has it. "
        "What is received is recorded. The replay ends; F comes back to it."
    )
