"""Operations that tell of the account: balances, rates, limits and filters."""

from __future__ import annotations

from typing import Any

from engine.rehearsal.calls import Call, Security, operation
from engine.rehearsal.operations.general import filters_of
from engine.rehearsal.payloads import accounts, exchange


@operation("omitZeroBalances", security=Security.SIGNED, weight=20)
def account(call: Call) -> Any:
    """Tell balances and rates."""
    desk, at = call.desk, call.at
    balances = desk.records.balances(at)
    if call.params.flag("omitZeroBalances"):
        balances = {asset: amounts for asset, amounts in balances.items() if any(amounts)}
    return accounts.account(balances, desk.rules, desk.records.balances_time(at), call.owner.uid, call.unit)


@operation("symbol", security=Security.SIGNED, weight=20)
def commission(call: Call) -> Any:
    """Tell the rates the account pays on a symbol."""
    return accounts.commission(call.venue.market.coins[call.coin()].instrument.coin, call.desk.rules)


@operation("", security=Security.SIGNED, weight=40)
def order_limits(call: Call) -> Any:
    """Tell how many unfilled orders the account has."""
    return [exchange.usage(its) for its in call.office.limits.order_usage(call.desk)]


@operation("symbol", security=Security.SIGNED, weight=40)
def my_filters(call: Call) -> Any:
    """Tell the filters that bind the account on a symbol."""
    return {"exchangeFilters": [], "symbolFilters": filters_of(call), "assetFilters": []}
