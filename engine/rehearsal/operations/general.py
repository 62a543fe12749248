"""Operations that tell of the exchange itself."""

from __future__ import annotations

from typing import Any

from engine.rehearsal import filters
from engine.rehearsal.calls import Call, operation
from engine.rehearsal.errors import error
from engine.rehearsal.market import STATUSES
from engine.rehearsal.payloads import exchange


@operation()
def ping(call: Call) -> Any:
    """Answer."""
    return {}


@operation()
def time(call: Call) -> Any:
    """Tell the exchange's time."""
    return {"serverTime": call.time(call.clock)}


@operation("symbol symbols permissions showPermissionSets symbolStatus", weight=20)
def exchange_info(call: Call) -> Any:
    """Tell the limits, and of each symbol what may be traded on it and how."""
    params = call.params
    if sum(name in params for name in ("symbol", "symbols", "permissions")) > 1:
        raise error(-1128)
    wanted = params.texts.get("permissions", "SPOT")
    status = params.choice("symbolStatus", STATUSES, -1122)
    coins = [coin for coin in call.coins() if "SPOT" in wanted and status in (None, coin.status)]
    sets = params.texts.get("showPermissionSets", "true").lower() == "true"
    return exchange.info(call.time(call.clock), call.office.limits.rules, coins, sets)


@operation("symbol symbols symbolStatus", weight=lambda params: 2 if "symbol" in params else 40)
def execution_rules(call: Call) -> Any:
    """Tell the rules of execution: there are none beside the filters."""
    return {"symbolRules": [{"symbol": coin.instrument.coin, "rules": []} for coin in call.coins()]}


@operation("symbol", weight=2)
def reference_price(call: Call) -> Any:
    """Say that there is no reference price."""
    call.coin()
    raise error(-2043)


def filters_of(call: Call) -> list[Any]:
    """Return the filters of the symbol that is asked for, as they are told."""
    return filters.told(call.venue.market.coins[call.coin()].instrument)
