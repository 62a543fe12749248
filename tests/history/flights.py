"""Flights that go back and forth, and the slow way to the same place: always from the start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import Engine
from engine.errors import TickdeckError
from tests.worlds import hashes

Action = tuple[str, tuple[Any, ...], dict[str, Any]]
"""A method of Engine with its arguments."""


def act(flown: Engine, action: Action) -> bool:
    """Do something by hand; False where the account does not take it."""
    name, arguments, terms = action
    try:
        done: bool | None = getattr(flown, name)(*arguments, **terms)
    except TickdeckError:
        return False
    return done is not False


def shown(flown: Engine) -> Any:
    """All that can be seen of a flight at its step, by its hash and by itself."""
    step = flown.raw.latest.step
    if step < 0:
        return step
    trade, strategy = flown.trade, flown.strategy
    account, raw = trade.account, flown.raw.latest
    rows = [
        frame.block[: track.rows_by(step + 1)].tobytes()
        for frame, track in zip(strategy.stats.features.frames, raw.decisions, strict=True)
    ]
    columns = {name: strategy.timeline[name].tobytes() for name in strategy.timeline.names}
    return {
        "step": (step, raw.time),
        "hash": hashes(flown),
        "halted": str(flown.halted),
        "orders": [account.order(n) for n in range(trade.exchange.n_orders)],
        "fills": list(account.fills),
        "signals": list(trade.signals),
        "stops": list(trade.risk.stops),
        "money": (account.equity_exact, account.balances, account.positions),
        "trades": {name: trade.timeline[name].tolist() for name in trade.timeline.names},
        "recorded": (strategy.timeline.time.tolist(), columns),
        "rows": rows,
    }


def slowly(make: Callable[[], Engine], step: int, actions: list[tuple[int, Action]]) -> Any:
    """What is shown at a step by an engine that begins there and only goes forward, with what is done by hand on the way."""
    flown = make()
    assert flown.raw.latest.step == -1
    for at, action in actions:
        if at > step:
            break
        flown.run(at - flown.raw.latest.step)
        assert act(flown, action)
    while flown.raw.latest.step < step:
        flown.run(step - flown.raw.latest.step)
    return shown(flown)
