"""What clients ask for beside the spot API when they start: told as of an account that has nothing but spot."""

from __future__ import annotations

from typing import Any

from engine.rehearsal.calls import Call, Security, operation
from engine.rehearsal.payloads import accounts
from engine.rehearsal.payloads.numbers import text


@operation()
def system_status(call: Call) -> Any:
    """Tell that all is well."""
    return {"status": 0, "msg": "normal"}


@operation("symbol", security=Security.KEY)
def margin_pairs(call: Call) -> Any:
    """Tell of the pairs there is margin on: none."""
    return []


@operation("symbol", security=Security.SIGNED)
def isolated_margin_pairs(call: Call) -> Any:
    """Tell of the pairs there is isolated margin on: none."""
    return []


@operation()
def futures_info(call: Call) -> Any:
    """Tell of the futures there are: none."""
    return {
        "timezone": "UTC",
        "serverTime": call.time(call.now),
        "rateLimits": [],
        "exchangeFilters": [],
        "assets": [],
        "symbols": [],
    }


@operation("", security=Security.SIGNED, weight=10)
def coins(call: Call) -> Any:
    """Tell of each asset, which can be neither deposited nor withdrawn."""
    return [accounts.coin(asset, *amounts) for asset, amounts in call.desk.records.balances(call.at).items()]


@operation("symbol", security=Security.SIGNED)
def trade_fee(call: Call) -> Any:
    """Tell the rates of each symbol."""
    rules = call.desk.rules
    rates = {"makerCommission": text(rules.maker), "takerCommission": text(rules.taker)}
    return [{"symbol": coin.instrument.coin, **rates} for coin in call.coins()]


@operation("", security=Security.SIGNED)
def api_restrictions(call: Call) -> Any:
    """Tell what the API key may do."""
    return {
        "ipRestrict": False,
        "createTime": call.time(call.office.opened),
        "enableReading": True,
        "enableSpotAndMarginTrading": True,
        "enableWithdrawals": False,
        "enableInternalTransfer": False,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enableFutures": False,
        "enableMargin": False,
        "enablePortfolioMarginTrading": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "tradingAuthorityExpirationTime": 0,
        **call.owner.restrictions,
    }
