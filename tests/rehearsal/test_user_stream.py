"""The user stream: an account's story event by event, to whom it is told, and its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from engine.errors import AmountOverflow, OrderError
from engine.exact import INT64_MAX
from engine.rehearsal import user_stream
from tests.rehearsal.caller import ACCOUNTS, KEY, Caller, calling, sign
from tests.rehearsal.hall import MS, Hall, hall, until
from tests.rehearsal.shapes import differences, fixture
from tests.worlds import candles, market, units

FALLING = [100, 100, (100, 101, 99, 100), (100, 100, 95, 96), (96, 97, 89, 90), (90, 112, 90, 111), 111]


@pytest.fixture
async def it() -> AsyncIterator[Hall]:
    fees = {"maker_bps": 10, "taker_bps": 10}
    async with hall(market(candles(FALLING)), accounts=ACCOUNTS, fills=fees) as its:
        its.venue.step(1)
        yield its


@pytest.fixture
async def caller(it: Hall) -> AsyncIterator[Caller]:
    async with calling(it) as caller:
        await caller.do("userDataStream.subscribe.signature")
        yield caller


ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "90"}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}


async def events(caller: Caller) -> list[Any]:
    """What was told since the last time, without the wrapper."""
    frames = await caller.heard()
    assert all(frame.keys() == {"subscriptionId", "event"} for frame in frames)
    return [frame["event"] for frame in frames]


async def reports(caller: Caller) -> list[Any]:
    return [event for event in await events(caller) if event["e"] == "executionReport"]


# what is told


async def test_a_new_order_key_by_key(it: Hall, caller: Caller) -> None:
    placed = await caller.do("order.place", **ORDER, newClientOrderId="mine", strategyId=7, strategyType=1_000_000)
    report, moved = await events(caller)
    now = it.venue.now // MS
    assert report == {
        "e": "executionReport",
        "E": now,
        "s": "BTCUSDT",
        "c": "mine",
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "1.00000000",
        "p": "90.00000000",
        "P": "0.00000000",
        "F": "0.00000000",
        "g": -1,
        "C": "",
        "x": "NEW",
        "X": "NEW",
        "r": "NONE",
        "i": placed["orderId"],
        "l": "0.00000000",
        "z": "0.00000000",
        "L": "0.00000000",
        "n": "0",
        "N": None,
        "T": now,
        "t": -1,
        "I": report["I"],
        "w": True,
        "m": False,
        "M": False,
        "O": now,
        "Z": "0.00000000",
        "Y": "0.00000000",
        "Q": "0.00000000",
        "j": 7,
        "J": 1_000_000,
        "W": now,
        "V": "NONE",
    }
    assert moved == {
        "e": "outboundAccountPosition",
        "E": now,
        "u": now,
        "B": [{"a": "USDT", "f": "99910.00000000", "l": "90.00000000"}],
    }


async def test_a_market_order_is_told_twice_before_its_reply(caller: Caller) -> None:
    placed = await caller.do("order.place", **MARKET)
    told = [frame["event"] for frame in caller.events]
    assert [(event["e"], event.get("x")) for event in told] == [
        ("executionReport", "NEW"),
        ("executionReport", "TRADE"),
        ("outboundAccountPosition", None),
    ]
    trade = told[1]
    (fill,) = placed["fills"]
    assert (trade["X"], trade["l"], trade["z"], trade["L"], trade["t"]) == (
        "FILLED",
        "1.00000000",
        "1.00000000",
        fill["price"],
        fill["tradeId"],
    )
    assert (trade["n"], trade["N"]) == (fill["commission"], fill["commissionAsset"]) == ("0.00100000", "BTC")
    assert (trade["Y"], trade["Z"], trade["m"], trade["w"]) == ("100.00000000", "100.00000000", False, False)
    assert {balance["a"]: (balance["f"], balance["l"]) for balance in told[2]["B"]} == {
        "USDT": ("99900.00000000", "0.00000000"),
        "BTC": ("10.99900000", "0.00000000"),
    }


async def test_a_resting_order_is_filled_by_the_market(it: Hall, caller: Caller) -> None:
    order = await caller.do("order.place", **ORDER)
    await events(caller)
    it.venue.step(100)
    told = await events(caller)
    assert [(event["e"], event.get("x"), event.get("X")) for event in told] == [
        ("executionReport", "TRADE", "FILLED"),
        ("outboundAccountPosition", None, None),
    ]
    assert (told[0]["i"], told[0]["m"], told[0]["L"]) == (order["orderId"], True, "90.00000000")
    assert told[0]["T"] == told[0]["E"] == told[1]["u"]
    (trade,) = await caller.do("myTrades", symbol="BTCUSDT")
    assert (trade["id"], trade["time"], trade["commission"]) == (told[0]["t"], told[0]["T"], told[0]["n"])


async def test_a_cancel_has_a_name_of_its_own(caller: Caller) -> None:
    await caller.do("order.place", **ORDER, newClientOrderId="mine")
    await events(caller)
    await caller.do("order.cancel", symbol="BTCUSDT", origClientOrderId="mine", newClientOrderId="no-more")
    report, moved = await events(caller)
    assert (report["x"], report["X"], report["c"], report["C"], report["w"]) == (
        "CANCELED",
        "CANCELED",
        "no-more",
        "mine",
        False,
    )
    assert moved["B"] == [{"a": "USDT", "f": "100000.00000000", "l": "0.00000000"}]


async def test_an_amended_order_has_a_new_name(caller: Caller) -> None:
    order = await caller.do("order.place", **ORDER, newClientOrderId="mine")
    await events(caller)
    await caller.do(
        "order.amend.keepPriority", symbol="BTCUSDT", orderId=order["orderId"], newQty="0.4", newClientOrderId="less"
    )
    report, moved = await events(caller)
    assert (report["x"], report["X"], report["c"], report["C"], report["q"]) == (
        "REPLACED",
        "NEW",
        "less",
        "mine",
        "0.40000000",
    )
    assert moved["B"] == [{"a": "USDT", "f": "99964.00000000", "l": "36.00000000"}]


async def test_an_order_that_may_not_wait_expires(caller: Caller) -> None:
    await caller.do("order.place", **ORDER | {"timeInForce": "IOC"})
    new, expired = await reports(caller)
    assert (new["x"], new["X"]) == ("NEW", "NEW")
    assert (expired["x"], expired["X"], expired["z"], expired["w"]) == ("EXPIRED", "EXPIRED", "0.00000000", False)


async def test_a_trailing_stop_waits_and_works(it: Hall, caller: Caller) -> None:
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "1", "trailingDelta": 100}
    await caller.do("order.place", **stop)
    (new,) = await reports(caller)
    placed = it.venue.now // MS
    assert (new["d"], new["D"], new["w"], new["P"]) == (100, placed, False, "99.00000000")
    assert "W" not in new
    it.venue.step(100)
    works, trade = await reports(caller)
    assert (works["x"], works["X"], works["w"]) == ("NEW", "NEW", True)
    assert (trade["x"], trade["X"], trade["o"]) == ("TRADE", "FILLED", "STOP_LOSS")
    assert works["W"] == trade["W"] == trade["T"] > placed


async def test_a_pair_is_told_as_a_list(it: Hall, caller: Caller) -> None:
    oco = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "1", "aboveType": "LIMIT_MAKER", "abovePrice": "110"}
    oco |= {"belowType": "STOP_LOSS_LIMIT", "belowStopPrice": "94", "belowPrice": "93", "belowTimeInForce": "GTC"}
    placed = await caller.do("orderList.place.oco", **oco, listClientOrderId="both")
    status, *rest = await events(caller)
    orders = [{"s": "BTCUSDT", "i": order["orderId"], "c": order["clientOrderId"]} for order in placed["orders"]]
    now = it.venue.now // MS
    assert status == {
        "e": "listStatus",
        "E": now,
        "s": "BTCUSDT",
        "g": placed["orderListId"],
        "c": "OCO",
        "l": "EXEC_STARTED",
        "L": "EXECUTING",
        "r": "NONE",
        "C": "both",
        "T": now,
        "O": orders,
    }
    assert [(event["e"], event.get("g")) for event in rest] == [
        ("executionReport", placed["orderListId"]),
        ("executionReport", placed["orderListId"]),
        ("outboundAccountPosition", None),
    ]
    it.venue.step(100)
    told = await events(caller)
    assert [event.get("x") for event in told if event["e"] == "executionReport"] == ["NEW", "TRADE", "EXPIRED"]
    (done,) = [event for event in told if event["e"] == "listStatus"]
    assert (done["l"], done["L"], done["O"]) == ("ALL_DONE", "ALL_DONE", orders)


async def test_what_comes_from_outside_is_told(it: Hall, caller: Caller) -> None:
    desk = it.venue.desks["main"]
    now = it.venue.now // MS
    desk.transfer("BTC", units(2), it.venue.now)
    desk.transfer("USDT", -units("0.5"), it.venue.now)
    assert await events(caller) == [
        {"e": "balanceUpdate", "E": now, "a": "BTC", "d": "2.00000000", "T": now},
        {"e": "outboundAccountPosition", "E": now, "u": now, "B": [{"a": "BTC", "f": "12.00000000", "l": "0.00000000"}]},
        {"e": "balanceUpdate", "E": now, "a": "USDT", "d": "-0.50000000", "T": now},
        {"e": "outboundAccountPosition", "E": now, "u": now, "B": [{"a": "USDT", "f": "99999.50000000", "l": "0.00000000"}]},
    ]
    with pytest.raises(OrderError, match="100100000000 units of ETH cannot be taken out: 10000000000 are free"):
        desk.transfer("ETH", -units(1001), it.venue.now)
    with pytest.raises(AmountOverflow):
        desk.transfer("BTC", INT64_MAX, it.venue.now)
    assert await events(caller) == []


async def test_executions_are_numbered_in_order_over_all_accounts(it: Hall, caller: Caller) -> None:
    await caller.do("userDataStream.subscribe.signature", "other")
    for account in ("main", "other", "main"):
        await caller.do("order.place", account, **MARKET)
    numbers = [report["I"] for report in await reports(caller)]
    assert len(numbers) == 6
    assert numbers == sorted(set(numbers))


async def test_orders_by_rest_are_told_too(it: Hall, caller: Caller) -> None:
    form = urlencode(ORDER | {"timestamp": it.venue.now // MS})
    form += f"&signature={sign(form.encode())}"
    headers = {"X-MBX-APIKEY": KEY["main"], "Content-Type": "application/x-www-form-urlencoded"}
    async with it.http.post(f"{it.url}/api/v3/order", data=form, headers=headers) as reply:
        placed = await reply.json()
    (report,) = await reports(caller)
    assert (report["i"], report["c"]) == (placed["orderId"], placed["clientOrderId"])


async def test_the_story_is_the_one_that_queries_tell(it: Hall, caller: Caller) -> None:
    """Balances and fills that were told add up to what the account then shows."""
    for n in range(8):
        await caller.do("order.place", **ORDER | {"price": str(100 - n), "quantity": f"0.{n + 1}"})
        it.venue.step(3)
    it.venue.step(100)
    told = await events(caller)
    trades = {event["t"]: event for event in told if event.get("x") == "TRADE"}
    mine = await caller.do("myTrades", symbol="BTCUSDT")
    assert [(its["id"], its["price"], its["qty"], its["commission"], its["quoteQty"], its["isMaker"]) for its in mine] == [
        (its["t"], its["L"], its["l"], its["n"], its["Y"], its["m"]) for its in trades.values()
    ]
    balances = {"USDT": ("100000.00000000", "0.00000000"), "BTC": ("10.00000000", "0.00000000")}
    for event in told:
        if event["e"] == "outboundAccountPosition":
            balances |= {its["a"]: (its["f"], its["l"]) for its in event["B"]}
    shown = {its["asset"]: (its["free"], its["locked"]) for its in (await caller.do("account.status"))["balances"]}
    assert balances.items() <= shown.items()


# to whom, and until when


async def test_an_account_is_told_once_a_connection(it: Hall, caller: Caller) -> None:
    again = await caller.sign("userDataStream.subscribe.signature")
    assert (again["status"], again["error"]) == (400, {"code": -2035, "msg": "User Data Stream subscription already active."})
    assert await caller.do("userDataStream.subscribe.signature", "other") == {"subscriptionId": 1}
    assert (await caller.ask("session.subscriptions"))["result"] == [{"subscriptionId": 0}, {"subscriptionId": 1}]
    async with calling(it) as another:
        assert await another.do("userDataStream.subscribe.signature") == {"subscriptionId": 0}
        await caller.do("order.place", **MARKET)
        await caller.do("order.place", "other", **MARKET)
        assert {frame["subscriptionId"] for frame in await caller.heard()} == {0, 1}
        assert len(await another.heard()) == 3


async def test_who_is_not_subscribed_is_told_nothing(it: Hall, caller: Caller) -> None:
    await caller.do("order.place", "other", **MARKET)
    assert await events(caller) == []


async def test_a_subscription_ends_when_it_is_asked_to(it: Hall, caller: Caller) -> None:
    await caller.do("userDataStream.subscribe.signature", "other")
    assert (await caller.ask("userDataStream.unsubscribe", subscriptionId=1))["result"] == {}
    (ended,) = await caller.heard()
    assert ended == {"subscriptionId": 1, "event": {"e": "eventStreamTerminated", "E": it.venue.now // MS}}
    await caller.do("order.place", "other", **MARKET)
    assert await caller.heard() == []
    gone = await caller.ask("userDataStream.unsubscribe", subscriptionId=1)
    assert gone["error"] == {"code": -2036, "msg": "User Data Stream subscription not active."}
    # all that are left, and a new one has a new id
    assert (await caller.ask("userDataStream.unsubscribe"))["result"] == {}
    assert [frame["subscriptionId"] for frame in await caller.heard()] == [0]
    assert (await caller.ask("userDataStream.unsubscribe"))["error"]["code"] == -2036
    assert await caller.do("userDataStream.subscribe.signature") == {"subscriptionId": 2}


async def test_a_session_can_subscribe_and_its_end_ends_it(it: Hall, caller: Caller) -> None:
    assert (await caller.ask("userDataStream.subscribe"))["error"]["code"] == -1002
    await caller.do("session.logon", "pair")
    assert (await caller.ask("userDataStream.subscribe"))["result"] == {"subscriptionId": 1}
    assert (await caller.ask("userDataStream.subscribe"))["error"]["code"] == -2035
    assert (await caller.ask("session.status"))["result"]["userDataStream"] is True
    await caller.ask("order.place", **MARKET, timestamp=it.venue.now // MS)
    assert {frame["subscriptionId"] for frame in await caller.heard()} == {1}
    await caller.ask("session.logout")
    (ended,) = await caller.heard()
    assert (ended["subscriptionId"], ended["event"]["e"]) == (1, "eventStreamTerminated")
    # what a signature opened stays
    assert (await caller.ask("session.subscriptions"))["result"] == [{"subscriptionId": 0}]


async def test_there_is_an_end_to_subscriptions(it: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_stream, "MOST_ACTIVE", 1)
    async with calling(it) as caller:
        await caller.do("userDataStream.subscribe.signature")
        assert (await caller.sign("userDataStream.subscribe.signature", "other"))["error"]["code"] == -2042
        await caller.ask("userDataStream.unsubscribe")
        monkeypatch.setattr(user_stream, "MOST_EVER", 1)
        assert (await caller.sign("userDataStream.subscribe.signature"))["error"]["code"] == -2042


async def test_who_has_gone_is_told_nothing_more(it: Hall) -> None:
    listeners = it.venue.desks["main"].listeners
    before = len(listeners)
    async with calling(it) as caller:
        await caller.do("userDataStream.subscribe.signature")
        assert len(listeners) == before + 1
    await until(lambda: len(listeners) == before)


async def test_times_can_be_had_in_microseconds(it: Hall) -> None:
    async with calling(it, "?timeUnit=MICROSECOND") as caller:
        await caller.do("userDataStream.subscribe.signature")
        await caller.do("order.place", **ORDER)
        report, moved = await events(caller)
    assert {report[key] for key in "ETOW"} | {moved[key] for key in "Eu"} == {it.venue.now // 1000}


# shapes


async def test_events_have_the_shape_of_the_documented_ones(it: Hall, caller: Caller, data: Path) -> None:
    folder = data / "payloads" / "binance-net" / "Subscriptions" / "Spot" / "Account"
    oco = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "1", "aboveType": "LIMIT_MAKER", "abovePrice": "110"}
    oco |= {"belowType": "STOP_LOSS_LIMIT", "belowStopPrice": "94", "belowPrice": "93", "belowTimeInForce": "GTC"}
    await caller.do("order.place", **ORDER | {"newClientOrderId": "mine"})
    await caller.do("orderList.place.oco", **oco)
    it.venue.desks["main"].transfer("BTC", units(1), it.venue.now)
    told: dict[str, Any] = {}
    for frame in await caller.heard():
        told.setdefault(frame["event"]["e"], frame)
    pairs = {
        "Order": "executionReport",
        "AccountPosition": "outboundAccountPosition",
        "Balance": "balanceUpdate",
        "OcoOrder": "listStatus",
    }
    assert {name: differences(told[event], fixture(folder / f"{name}.txt")) for name, event in pairs.items()} == {
        name: [] for name in pairs
    }
