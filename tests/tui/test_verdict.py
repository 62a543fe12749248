"""What can be said against an order ticket before it is sent."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.host.protocol import BalanceRow, CoinInfo, OrderRow
from engine.model import Side
from tui.ticket import KINDS, Ticket
from tui.verdict import Verdict, judge, judge_change

INFO = CoinInfo("BTCUSDT", "BTC", "USDT", "0.01000000", "0.00001000", "5.00000000", [])
BALANCES = [BalanceRow("USDT", "1000.00000000", "0.00000000"), BalanceRow("BTC", "0.50000000", "0.10000000")]
SELL = Side.SELL


def verdict(
    side: Side = Side.BUY, kind: str = "market", amount: str = "0.005", last: float = 100_000.0, **typed: str
) -> Verdict:
    return judge(Ticket("BTCUSDT", side, kind, amount, **typed), INFO, last, BALANCES)


@settings(max_examples=50)
@given(st.text(max_size=30), st.sampled_from(sorted(KINDS)), st.sampled_from(Side))
def test_whatever_is_typed_is_judged(text: str, kind: str, side: Side) -> None:
    fields = ("price", "stop", "then", "trail", "stop_loss", "exit_trail", "take_profit")
    for amount in (text, "0.005"):
        judge(Ticket("BTCUSDT", side, kind, amount, **dict.fromkeys(fields, text)), INFO, 100_000.0, BALANCES)


@pytest.mark.parametrize(
    ("typed", "cost"),
    [
        ({}, 500),
        ({"kind": "limit", "price": "99000"}, 495),
        ({"kind": "stop", "stop": "101000"}, 505),
        ({"kind": "stop-limit", "stop": "101000", "price": "102000"}, 510),
        ({"kind": "take-profit", "stop": "99000"}, 495),
        ({"kind": "trail", "trail": "2%"}, 510),
        ({"side": SELL, "kind": "trail", "trail": "200"}, 490),
        ({"side": SELL, "kind": "oco", "price": "110000", "stop": "90000"}, 550),
        ({"stop_loss": "90000", "take_profit": "110000"}, 500),
    ],
)
def test_a_good_order_is_only_told_its_worth(typed: dict[str, Any], cost: int) -> None:
    good = verdict(**typed)
    assert (good.wrong, good.warning, good.cost) == ("", "", Decimal(cost))


@pytest.mark.parametrize(
    ("typed", "field", "wrong"),
    [
        ({"amount": ""}, "amount", "type an amount"),
        ({"amount": "-1"}, "amount", "the amount is no plain number, such as 0.25"),
        ({"amount": "0.000"}, "amount", "the amount is nothing"),
        ({"amount": "0.000015"}, "amount", "the amount is no multiple of the lot, 0.00001 BTC"),
        ({"kind": "limit"}, "price", "type a price"),
        ({"kind": "limit", "price": "1e5"}, "price", "the price is no plain number, such as 105250.5"),
        ({"kind": "limit", "price": "0"}, "price", "the price is nothing"),
        ({"kind": "limit", "price": "99000.005"}, "price", "the price is no multiple of the tick, 0.01 USDT"),
        ({"kind": "stop-limit", "price": "99000"}, "stop", "type a trigger"),
        ({"kind": "take-profit", "stop": "x"}, "stop", "the trigger is no plain number, such as 105250.5"),
        ({"kind": "trail"}, "trail", "type a trail, such as 1.5% or 150 basis points"),
        ({"kind": "trail", "trail": "1.5"}, "trail", "a trail is whole basis points up to 10000, such as 150, or 1.5%"),
        ({"kind": "oco", "price": "90000"}, "stop", "type a trigger or a trail"),
        (
            {"kind": "oco", "price": "90000", "stop": "110000", "trail": "1%"},
            "trail",
            "it cannot both trail and stay: leave out the trail or the trigger",
        ),
        ({"kind": "oco", "price": "90000", "stop": "110000", "then": "0"}, "then", "the limit is nothing"),
        (
            {"stop_loss": "90000", "exit_trail": "1%"},
            "exit_trail",
            "it cannot both trail and stay: leave out the trail or the stop loss",
        ),
        ({"take_profit": "dear"}, "take_profit", "the take profit is no plain number, such as 105250.5"),
        ({"amount": "0.00004"}, "amount", "the order is worth 4, below the least of 5 USDT"),
        ({"side": SELL, "kind": "oco", "amount": "0.00005", "price": "110000", "stop": "90000"}, "amount",
         "the order is worth 4.5, below the least of 5 USDT"),
        ({"last": 0.0}, "amount", "BTCUSDT has no price yet"),
        ({"last": 0.0, "kind": "trail", "trail": "1%"}, "amount", "BTCUSDT has no price yet"),
    ],
)  # fmt: skip
def test_what_keeps_an_order_from_being_sent(typed: dict[str, Any], field: str, wrong: str) -> None:
    judged = verdict(**typed)
    assert (judged.wrong, judged.field) == (wrong, field)


@pytest.mark.parametrize(
    ("typed", "warning"),
    [
        ({"amount": "0.02"}, "more than the free USDT"),
        ({"side": SELL, "amount": "0.6"}, "more than the free BTC"),
        ({"kind": "oco", "amount": "0.0095", "price": "90000", "stop": "110000"}, "more than the free USDT"),
        ({"kind": "limit", "price": "100000"}, "it takes on the next bar"),
        ({"side": SELL, "kind": "limit", "price": "99999"}, "it takes on the next bar"),
        ({"kind": "limit", "price": "99999", "tif": "FOK"}, "FOK: it expires unless the next bar opens there"),
        ({"kind": "maker", "price": "100000"}, "must not"),
        ({"side": SELL, "kind": "oco", "price": "100000", "stop": "90000"}, "must not"),
        ({"kind": "stop", "stop": "100000"}, "beyond this trigger"),
        ({"side": SELL, "kind": "stop", "stop": "100001"}, "beyond this trigger"),
        ({"kind": "take-profit", "stop": "100000"}, "beyond this trigger"),
        ({"side": SELL, "kind": "tp-limit", "stop": "99999", "price": "99999"}, "beyond this trigger"),
        ({"side": SELL, "kind": "oco", "price": "110000", "stop": "100000"}, "beyond this trigger"),
        ({"kind": "stop-limit", "stop": "101000", "price": "100500"}, "once triggered it rests"),
        ({"side": SELL, "kind": "stop-limit", "stop": "99000", "price": "99500"}, "once triggered it rests"),
        ({"stop_loss": "100000"}, "the stop loss is not below the entry"),
        ({"kind": "limit", "price": "90000", "stop_loss": "95000"}, "the stop loss is not below the entry"),
        ({"kind": "limit", "price": "90000", "take_profit": "90000"}, "the take profit is not above the entry"),
        ({"kind": "limit", "price": "99999.99"}, ""),
        ({"kind": "stop", "stop": "100000.01"}, ""),
        ({"side": SELL, "kind": "stop", "stop": "99999.99"}, ""),
        ({"kind": "limit", "price": "90000", "stop_loss": "89999", "take_profit": "95000"}, ""),
        ({"side": SELL, "stop_loss": "200000"}, ""),
    ],
)
def test_what_is_odd_but_the_exchange_s_to_judge(typed: dict[str, Any], warning: str) -> None:
    judged = verdict(**typed)
    assert judged.wrong == ""
    assert warning in judged.warning
    assert bool(warning) == bool(judged.warning)


# changes

ROW = OrderRow(
    id=9, coin="BTCUSDT", side="buy", type="limit", amount="0.02000000", filled="0.00500000", price="99000.00000000",
    stop=None, waits=False, trail_bps=None, tif="GTC", entry=None, pair=None, change="any", status="NEW", by="hand", bars=1,
    away_pct=0.0, reason="",
)  # fmt: skip


def change(amount: str = "0.02", price: str = "99000", **fields: Any) -> Verdict:
    row = msgspec.structs.replace(ROW, **fields)
    ticket = Ticket("BTCUSDT", Side.BUY, Ticket.of(row).kind, amount, price=price, trail=Ticket.of(row).trail)
    return judge_change(ticket, row, INFO, 100_000.0, BALANCES)


def test_a_good_change() -> None:
    assert change("0.01") == Verdict(cost=Decimal(990))
    # 0.015 are left, for which 1,485 are held back beside the 1,000 that are free
    assert change(price="99500") == Verdict(cost=Decimal("1492.5"))
    assert change("0.03", "98000").warning == ""
    assert "more than the free USDT" in change("0.031").warning


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({}, "type another price, or less to keep its place"),
        ({"change": "less"}, "type less"),
        ({"amount": ""}, "type an amount"),
        ({"amount": "0.005"}, "0.005 of it has filled already"),
        ({"amount": "0.004", "price": "98000"}, "0.005 of it has filled already"),
        ({"amount": "0.010001"}, "the amount is no multiple of the lot, 0.00001 BTC"),
        ({"price": "98000.001"}, "the price is no multiple of the tick, 0.01 USDT"),
        ({"amount": "0.03", "change": "less"}, "only less of it: else cancel it and place another"),
        ({"price": "98000", "change": "less"}, "only less of it: else cancel it and place another"),
    ],
)
def test_what_keeps_a_change_from_being_sent(given: dict[str, str], wrong: str) -> None:
    assert change(**given).wrong == wrong


def test_less_of_what_works_is_not_judged_by_the_market_again() -> None:
    row = msgspec.structs.replace(ROW, type="limit_maker", price="101000.00000000")
    ticket = dataclasses.replace(Ticket.of(row), amount="0.01")
    assert judge_change(ticket, row, INFO, 100_000.0, BALANCES).warning == ""
    more = dataclasses.replace(ticket, amount="0.021")
    assert "must not" in judge_change(more, row, INFO, 100_000.0, BALANCES).warning
