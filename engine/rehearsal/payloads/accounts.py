"""How an account's balances and rates are told."""

from __future__ import annotations

from typing import Any

from engine.exchange import FillRules
from engine.model import Timestamp
from engine.rehearsal.payloads.numbers import text
from engine.rehearsal.records import Balances

Payload = dict[str, Any]
BASIS_POINT = 10_000


def account(balances: Balances, rules: FillRules, updated: Timestamp, uid: int, unit: int) -> Payload:
    """The account: its rates and balances."""
    return {
        "makerCommission": rules.maker // BASIS_POINT,
        "takerCommission": rules.taker // BASIS_POINT,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": text(rules.maker),
            "taker": text(rules.taker),
            "buyer": text(0),
            "seller": text(0),
        },
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": max(updated, 0) // unit,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": text(free), "locked": text(locked)} for asset, (free, locked) in balances.items()
        ],
        "permissions": ["SPOT"],
        "uid": uid,
    }


def commission(symbol: str, rules: FillRules) -> Payload:
    """The rates an account pays on a symbol."""
    rates = {"maker": text(rules.maker), "taker": text(rules.taker), "buyer": text(0), "seller": text(0)}
    none = dict.fromkeys(rates, text(0))
    return {
        "symbol": symbol,
        "standardCommission": rates,
        "specialCommission": none,
        "taxCommission": none,
        "discount": discount(rules),
    }


def order_commission(rules: FillRules) -> Payload:
    """The rates an order would pay."""
    none = {"maker": text(0), "taker": text(0)}
    return {
        "standardCommissionForOrder": {"maker": text(rules.maker), "taker": text(rules.taker)},
        "specialCommissionForOrder": none,
        "taxCommissionForOrder": none,
        "discount": discount(rules),
    }


def discount(rules: FillRules) -> Payload:
    """What paying in BNB saves: nothing, whatever the fee is taken in."""
    paid = rules.fee_asset == "bnb"
    return {"enabledForAccount": paid, "enabledForSymbol": paid, "discountAsset": "BNB", "discount": text(0)}


def coin(asset: str, free: int, locked: int) -> Payload:
    """An asset, which stays where it is."""
    none = text(0)
    return {
        "coin": asset,
        "depositAllEnable": False,
        "free": text(free),
        "freeze": none,
        "ipoable": none,
        "ipoing": none,
        "isLegalMoney": False,
        "locked": text(locked),
        "name": asset,
        "networkList": [],
        "storage": none,
        "trading": True,
        "withdrawAllEnable": False,
        "withdrawing": none,
    }
