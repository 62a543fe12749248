"""An order ticket and what can be said against it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.host.protocol import BalanceRow, CoinInfo
from engine.model import OrderType, Side
from tui.ticket import Ticket, judge, number

INFO = CoinInfo("BTCUSDT", "BTC", "USDT", "0.01000000", "0.00001000", "5.00000000", [])
BALANCES = [BalanceRow("USDT", "1000.00000000", "0.00000000"), BalanceRow("BTC", "0.50000000", "0.10000000")]


def verdict(
    side: Side = Side.BUY, type_: OrderType = OrderType.MARKET, amount: str = "0.005", price: str = "", last: float = 100_000.0
):
    return judge(Ticket("BTCUSDT", side, type_, amount, price), INFO, last, BALANCES)


@pytest.mark.parametrize("text", ["1", "0.25", " 12.5 ", "00012", "99999999999999999999.99999999999999999999"])
def test_plain_numbers(text: str) -> None:
    assert number(text) == Decimal(text.strip())


@pytest.mark.parametrize(
    "text",
    ["", " ", "-1", "+1", "1e5", "1_000", "1,000", ".5", "5.", "NaN", "Infinity", "0x10", "１２", "1 2", "\x1b[A", "1" * 21],
)
def test_what_is_no_plain_number(text: str) -> None:
    assert number(text) is None


@given(st.text(max_size=30))
def test_whatever_is_typed_is_judged(text: str) -> None:
    for type_ in OrderType:
        judge(Ticket("BTCUSDT", Side.BUY, type_, text, text), INFO, 100_000.0, BALANCES)


def test_a_good_order_is_only_told_its_worth() -> None:
    good = verdict()
    assert (good.wrong, good.warning, good.cost) == ("", "", Decimal(500))


@pytest.mark.parametrize(
    ("kwargs", "wrong"),
    [
        ({"amount": ""}, "type an amount"),
        ({"amount": "-1"}, "the amount is no plain number, such as 0.25"),
        ({"amount": "0.000"}, "the amount is nothing"),
        ({"amount": "0.000015"}, "the amount is no multiple of the lot, 0.00001 BTC"),
        ({"type_": OrderType.LIMIT}, "type a price"),
        ({"type_": OrderType.LIMIT, "price": "1e5"}, "the price is no plain number, such as 105250.5"),
        ({"type_": OrderType.LIMIT, "price": "0"}, "the price is nothing"),
        ({"type_": OrderType.LIMIT, "price": "99000.005"}, "the price is no multiple of the tick, 0.01 USDT"),
        ({"amount": "0.00004"}, "the order is worth 4, below the least of 5 USDT"),
        ({"last": 0.0}, "BTCUSDT has no price yet"),
    ],
)
def test_what_keeps_an_order_from_being_sent(kwargs: dict, wrong: str) -> None:
    assert verdict(**kwargs).wrong == wrong


@pytest.mark.parametrize(
    ("kwargs", "warning"),
    [
        ({"amount": "0.02"}, "more than the free USDT"),
        ({"side": Side.SELL, "amount": "0.6"}, "more than the free BTC"),
        ({"type_": OrderType.LIMIT, "price": "100000"}, "it takes on the next bar"),
        ({"side": Side.SELL, "type_": OrderType.LIMIT, "price": "99999"}, "it takes on the next bar"),
        ({"type_": OrderType.LIMIT_MAKER, "price": "100000"}, "must not"),
        ({"type_": OrderType.STOP, "price": "100000"}, "beyond this stop"),
        ({"side": Side.SELL, "type_": OrderType.STOP, "price": "100001"}, "beyond this stop"),
        ({"type_": OrderType.LIMIT, "price": "99999.99"}, ""),
        ({"type_": OrderType.STOP, "price": "100000.01"}, ""),
        ({"side": Side.SELL, "type_": OrderType.STOP, "price": "99999.99"}, ""),
    ],
)
def test_what_is_odd_but_the_exchange_s_to_judge(kwargs: dict, warning: str) -> None:
    judged = verdict(**kwargs)
    assert judged.wrong == ""
    assert warning in judged.warning
    assert bool(warning) == bool(judged.warning)
