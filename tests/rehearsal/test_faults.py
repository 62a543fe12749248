"""Faults, each as a client meets it, beside what the event log says of what really happened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from binance import AsyncClient
from binance.exceptions import (
    BinanceAPIException,
    BinanceRequestException,
    BinanceWebsocketUnableToConnect,
)
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from engine.errors import ConfigError
from engine.rehearsal.faults import FrameFault, Happening, RequestFault, Scenario, load_scenario
from tests.rehearsal.caller import ACCOUNTS, Caller, calling
from tests.rehearsal.clients import python_binance, sockets
from tests.rehearsal.day import day, fall, rise
from tests.rehearsal.hall import SECOND, Hall, hall, until
from tests.worlds import market, walk

COIN = "BTCUSDT"
PLACE = "POST /api/v3/order"


@pytest.fixture
async def it() -> AsyncIterator[Hall]:
    async with day() as its:
        yield its


@pytest.fixture
async def client(it: Hall) -> AsyncIterator[AsyncClient]:
    async with python_binance(it) as its:
        yield its


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    async with day(accounts=ACCOUNTS) as its, calling(its) as caller:
        yield caller


def inject(it: Hall, *faults: RequestFault | FrameFault | Happening, seed: int = 0) -> None:
    it.server.inject(
        Scenario(
            seed=seed,
            requests=[its for its in faults if isinstance(its, RequestFault)],  # type: ignore[arg-type]
            frames=[its for its in faults if isinstance(its, FrameFault)],  # type: ignore[arg-type]
            happenings=[its for its in faults if isinstance(its, Happening)],  # type: ignore[arg-type]
        )
    )


def accepted(it: Hall) -> list[str]:
    """The client ids of the orders that really were placed."""
    return [entry["client_id"] for entry in it.venue.log.of("accepted")]


def lost(it: Hall) -> list[Any]:
    """The replies that did not arrive as they were."""
    return [json.loads(entry["reply"]) for entry in it.venue.log.of("reply lost")]


async def buy(client: AsyncClient, id: str = "mine", **more: Any) -> dict[str, Any]:
    asked = {"symbol": COIN, "quantity": "1", "price": "97", "newClientOrderId": id}
    return await client.order_limit_buy(**asked | more)


async def refused(asking: Any) -> BinanceAPIException:
    with pytest.raises(BinanceAPIException) as raised:
        await asking
    return raised.value


# 1 to 3: the way there and the way back


async def test_an_order_is_accepted_and_the_connection_drops_before_the_reply(it: Hall, client: AsyncClient) -> None:
    inject(it, RequestFault(of=PLACE, lose="reply", times=1))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await buy(client)
    assert accepted(it) == ["mine"]
    found = await client.get_order(symbol=COIN, origClientOrderId="mine")
    assert [its["orderId"] for its in lost(it)] == [found["orderId"]]


async def test_an_order_is_accepted_and_the_reply_comes_too_late(it: Hall) -> None:
    async with python_binance(it, requests_params={"timeout": 0.2}) as client:
        inject(it, RequestFault(of=PLACE, after_s=0.5, times=1))
        with pytest.raises(TimeoutError):
            await buy(client)
        assert accepted(it) == ["mine"]
        assert (await client.get_order(symbol=COIN, origClientOrderId="mine"))["status"] == "NEW"


async def test_a_request_never_arrives(it: Hall, client: AsyncClient) -> None:
    inject(it, RequestFault(of=PLACE, lose="request", times=1))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await buy(client)
    assert accepted(it) == []
    assert (await refused(client.get_order(symbol=COIN, origClientOrderId="mine"))).code == -2013


async def test_a_request_by_websocket_loses_its_reply_and_connection(caller: Caller) -> None:
    it = caller.ear.hall
    inject(it, RequestFault(of="order.place", lose="reply"))
    asked = caller.signed("main", symbol=COIN, side="BUY", type="MARKET", quantity="1", newClientOrderId="mine")
    await caller.ear.socket.send_str(json.dumps({"id": 1, "method": "order.place", "params": asked}))
    assert (await caller.ear.socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSED
    assert accepted(it) == ["mine"]
    assert [its["status"] for its in lost(it)] == ["FILLED"]
    await until(lambda: [its["why"] for its in it.venue.log.of("closed")] == ["aborted"])


# 4 to 6: other answers


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ({"status": 502, "body": "<html>Bad Gateway</html>"}, 502, 0),
        ({"status": 504, "body": ""}, 504, 0),
        ({"status": 503, "body": '{"code":0,"msg":"Service unavailable"}'}, 503, 0),
        ({"code": -1000}, 500, -1000),
        ({"code": -1001}, 500, -1001),
        ({"code": -1006}, 500, -1006),
        ({"code": -1007}, 408, -1007),
        ({"code": -1008}, 503, -1008),
        ({"code": -1016}, 503, -1016),
    ],
)
async def test_an_order_whose_fate_is_not_told(
    it: Hall, client: AsyncClient, answer: dict[str, Any], status: int, code: int, done: bool
) -> None:
    inject(it, RequestFault(of="place", accepted=done, times=1, **answer))
    told = await refused(buy(client))
    assert (told.status_code, told.code) == (status, code)
    assert accepted(it) == ["mine"] * done
    assert [its["clientOrderId"] for its in lost(it)] == ["mine"] * done
    again = await buy(client, "again")
    assert again["status"] == "NEW"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"status": 429, "code": -1003, "retry_s": 7}, 429, -1003),
        ({"status": 418, "code": -1003, "retry_s": 120}, 418, -1003),
        ({"code": -1015, "retry_s": 3}, 429, -1015),
    ],
)
async def test_one_who_is_told_to_wait(it: Hall, client: AsyncClient, fault: dict[str, Any], status: int, code: int) -> None:
    inject(it, RequestFault(of="*", **fault))
    told = await refused(buy(client))
    assert (told.status_code, told.code) == (status, code)
    assert told.response.headers["Retry-After"] == str(fault["retry_s"])
    assert (await refused(client.get_account())).status_code == status
    assert accepted(it) == []


async def test_a_ban_ends(it: Hall, client: AsyncClient) -> None:
    inject(it, RequestFault(status=418, code=-1003, retry_s=1, lasts_s=0.2))
    assert (await refused(client.ping())).status_code == 418
    assert (await refused(client.ping())).status_code == 418
    await asyncio.sleep(0.25)
    assert await client.ping() == {}


async def test_a_wall_before_the_exchange(it: Hall, client: AsyncClient) -> None:
    inject(it, RequestFault(of="POST *", status=403, body="<html>403 Forbidden</html>"))
    told = await refused(buy(client))
    assert (told.status_code, told.code, accepted(it)) == (403, 0, [])
    assert told.response.headers["Content-Type"] == "text/html"


# 7: clocks


@pytest.mark.parametrize(("jump", "text"), [(-30, "ahead of the server's time"), (30, "outside of the recvWindow")])
async def test_the_exchanges_clock_jumps(jump: int, text: str) -> None:
    async with day(check_timestamps=True) as it, python_binance(it) as client:
        client.REQUEST_RECVWINDOW = 5000
        assert await client.get_account()
        inject(it, Happening(clock_s=jump))
        told = await refused(client.get_account())
        assert told.code == -1021
        assert text in told.message
        seen = (await client.get_server_time())["serverTime"]
        assert seen == it.venue.now // 10**6 + jump * 1000
        client.timestamp_offset += jump * 1000
        assert await client.get_account()
        assert it.venue.log.of("fault")[-1]["clock_s"] == jump


async def test_the_exchanges_clock_drifts() -> None:
    async with day(check_timestamps=True) as it, python_binance(it) as client:
        inject(it, Happening(drift=0.1))
        before = await client.get_server_time()
        it.wait(10 * SECOND)
        after = await client.get_server_time()
        assert after["serverTime"] - before["serverTime"] == 11_000


async def test_a_timestamp_is_refused_once(it: Hall, client: AsyncClient) -> None:
    inject(it, RequestFault(of="place", code=-1021, times=1))
    assert (await refused(buy(client))).code == -1021
    assert accepted(it) == []
    assert (await buy(client))["status"] == "NEW"


# 8: garbled replies


async def test_garbled_replies(it: Hall, client: AsyncClient) -> None:
    inject(
        it,
        RequestFault(of=PLACE, client_id="empty", cut=0),
        RequestFault(of=PLACE, client_id="torn", cut=40),
        RequestFault(of=PLACE, client_id="list", body="[]", accepted=True),
    )
    assert await buy(client, "empty") == {}
    with pytest.raises(BinanceRequestException):
        await buy(client, "torn")
    assert await buy(client, "list") == []
    assert accepted(it) == ["empty", "torn", "list"]
    assert [its["clientOrderId"] for its in lost(it)] == ["empty", "torn", "list"]


# 9: a replica that lags


async def test_a_replica_lags_behind(it: Hall, client: AsyncClient) -> None:
    inject(it, *(RequestFault(of=name, lag_s=10) for name in ("status", "open_orders", "account", "my_trades")))
    it.wait(SECOND)
    await buy(client)
    it.wait(5 * SECOND)
    assert (await refused(client.get_order(symbol=COIN, origClientOrderId="mine"))).code == -2013
    assert await client.get_open_orders() == []
    assert (await client.get_asset_balance("USDT"))["locked"] == "0.00000000"
    it.wait(6 * SECOND)
    assert (await client.get_order(symbol=COIN, origClientOrderId="mine"))["status"] == "NEW"
    assert len(await client.get_open_orders()) == 1
    assert (await client.get_asset_balance("USDT"))["locked"] == "97.00000000"
    assert accepted(it) == ["mine"]


async def test_an_order_is_archived(it: Hall, client: AsyncClient) -> None:
    placed = await buy(client)
    await client.cancel_order(symbol=COIN, orderId=placed["orderId"])
    inject(it, RequestFault(of="status", code=-2026))
    assert (await refused(client.get_order(symbol=COIN, orderId=placed["orderId"]))).code == -2026


# 10: events of the account


@asynccontextmanager
async def followed(it: Hall, client: AsyncClient) -> AsyncIterator[list[dict[str, Any]]]:
    """The account's events as they come, replies' marks among them."""
    events: list[dict[str, Any]] = []
    async with sockets(it, client).user_socket() as socket:

        async def take() -> None:
            while True:
                events.append(await socket.recv())

        taking = asyncio.create_task(take())
        try:
            yield events
        finally:
            taking.cancel()


def reports(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(its["x"], its["c"]) for its in events if its["e"] == "executionReport"]


async def test_a_report_comes_before_the_reply(it: Hall, client: AsyncClient) -> None:
    async with followed(it, client) as events:
        inject(it, RequestFault(of=PLACE, after_s=0.1))
        placing = asyncio.create_task(buy(client))
        await until(lambda: bool(reports(events)))
        assert not placing.done()
        assert (await placing)["clientOrderId"] == "mine"


async def test_a_report_comes_after_the_reply(it: Hall, client: AsyncClient) -> None:
    async with followed(it, client) as events:
        inject(it, FrameFault(of="executionReport", delay_s=0.1))
        await buy(client)
        assert reports(events) == []
        await until(lambda: bool(reports(events)))


async def test_reports_are_doubled_lost_and_out_of_order(it: Hall, client: AsyncClient) -> None:
    async with followed(it, client) as events:
        inject(
            it,
            FrameFault(of="executionReport", client_id="twice", copies=2),
            FrameFault(of="executionReport", client_id="never", copies=0),
            FrameFault(of="executionReport", client_id="later", behind=3),
        )
        for id in ("twice", "never", "later", "plain"):
            await buy(client, id)
        await until(lambda: len(reports(events)) == 4)
        assert [id for _, id in reports(events)] == ["twice", "twice", "plain", "later"]
    (entry,) = (its for its in it.venue.log.of("fault") if its["client_id"] == "never")
    assert json.loads(entry["frame"])["event"]["c"] == "never"
    assert accepted(it) == ["twice", "never", "later", "plain"]


async def test_a_report_is_late_until_after_the_cancel(it: Hall, client: AsyncClient) -> None:
    async with followed(it, client) as events:
        inject(it, FrameFault(of="executionReport", delay_s=0.2, times=1))
        await buy(client)
        await client.cancel_order(symbol=COIN, origClientOrderId="mine", newClientOrderId="no")
        await until(lambda: len(reports(events)) == 2)
        assert reports(events) == [("CANCELED", "no"), ("NEW", "mine")]


# 11: the user stream


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1012])
async def test_a_user_stream_is_cut(it: Hall, client: AsyncClient, code: int) -> None:
    async with it.listen("/ws-api/v3") as ear:
        inject(it, Happening(close=code))
        it.venue.catch_up()
        message = await ear.socket.receive(timeout=5)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        assert ear.socket.close_code == code
    await until(lambda: bool(it.venue.log.of("closed")))


async def test_a_connection_is_half_open(it: Hall) -> None:
    async with it.listen("/ws/btcusdt@trade") as ear:
        inject(it, FrameFault(of="btcusdt@trade", freeze=True, copies=0))
        rise(it)
        await ear.socket.ping(b"there?")
        with pytest.raises(TimeoutError):
            await ear.socket.receive(timeout=0.2)
        assert it.venue.log.of("closed") == []


async def test_a_connection_ends_after_its_day() -> None:
    async with day(connections={"life_s": 0.2}) as it, it.listen("/ws/btcusdt@trade") as ear:
        assert (await ear.socket.receive(timeout=5)).data == 1001


@pytest.mark.parametrize(
    ("path", "wrapping"), [("/ws/btcusdt@trade", "e"), ("/stream?streams=btcusdt@trade", "data"), ("/ws-api/v3", "event")]
)
async def test_the_server_says_that_it_goes(it: Hall, path: str, wrapping: str) -> None:
    async with it.listen(path) as ear:
        inject(it, Happening(shutdown=True))
        it.venue.catch_up()
        told = await ear.next()
        assert told["e" if wrapping == "e" else wrapping] in ("serverShutdown", told.get("data"), told.get("event"))
        assert "serverShutdown" in json.dumps(told)
        assert (await ear.socket.receive(timeout=5)).data == 1001


async def test_connections_are_refused_for_a_while(it: Hall) -> None:
    inject(it, FrameFault(of="open", path="/ws*", copies=0, lasts_s=0.2))
    for _ in range(2):
        with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
            await it.http.ws_connect(it.url + "/ws-api/v3")
        assert raised.value.status == 503
    await asyncio.sleep(0.25)
    async with it.listen("/ws-api/v3"):
        pass


async def test_a_subscription_that_says_nothing(it: Hall, client: AsyncClient) -> None:
    async with followed(it, client) as events:
        inject(it, *(FrameFault(of=name, path="/ws-api/*", copies=0) for name in ("executionReport", "outbound*")))
        await buy(client)
        await client.ws_get_time()
        assert events == []
    assert accepted(it) == ["mine"]


async def test_a_subscription_is_there_already(it: Hall, client: AsyncClient) -> None:
    inject(it, RequestFault(of="userDataStream.subscribe.signature", code=-2035, times=1))
    with pytest.raises(BinanceAPIException, match="subscription already active"):
        async with followed(it, client):
            pass
    async with followed(it, client) as events:
        await buy(client)
        await until(lambda: bool(reports(events)))


async def test_a_subscription_is_ended_by_the_exchange(it: Hall, client: AsyncClient) -> None:
    event = '{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1}}'
    async with followed(it, client) as events:
        inject(it, FrameFault(of="outboundAccountPosition", times=1, then=event))
        await buy(client)
        await until(lambda: bool(events) and events[-1]["e"] == "eventStreamTerminated")


# 12: frames that nobody asked for


async def test_an_error_comes_too_late(it: Hall, client: AsyncClient) -> None:
    client.ws_api.TIMEOUT = 0.2
    await client.ws_get_time()
    inject(it, RequestFault(of="order.place", code=-1001, accepted=True, after_s=0.3, times=1))
    with pytest.raises(BinanceWebsocketUnableToConnect, match="timed out"):
        await client.ws_create_order(symbol=COIN, side="BUY", type="MARKET", quantity="1", newClientOrderId="mine")
    assert accepted(it) == ["mine"]
    await asyncio.sleep(0.2)
    # the client's reader has died of it, as its own defects go
    with pytest.raises(BinanceWebsocketUnableToConnect):
        await client.ws_get_time()


async def test_frames_that_nobody_asked_for(caller: Caller) -> None:
    inject(caller.ear.hall, FrameFault(of="time", then='{"id":"who","status":200,"result":{}}', pad=2_000_000))
    reply = await caller.ask("time")
    assert reply["status"] == 200
    assert (await caller.heard())[0] == {"id": "who", "status": 200, "result": {}}


async def test_a_frame_too_large_for_most(it: Hall) -> None:
    inject(it, FrameFault(of="time", pad=2**20))
    async with connect(it.server.addresses.ws_api) as socket:
        await socket.send('{"id":1,"method":"time"}')
        with pytest.raises(ConnectionClosedError):
            await socket.recv()
    await until(lambda: bool(it.venue.log.of("closed")))
    assert it.venue.log.of("closed")[0]["code"] == 1009


# 13: the book


async def depths(it: Hall, *faults: FrameFault) -> list[Any]:
    """Five changes of the book, as they are told with these faults."""
    async with it.listen("/ws/btcusdt@depth@100ms") as ear:
        inject(it, *faults)
        while it.venue.market.coins[0].book.id < 5:
            it.venue.step()
            it.wait(SECOND)
        return await ear.all()


async def test_the_book_has_holes_doubles_and_overlaps() -> None:
    recording = market({COIN: walk(50)})
    async with hall(recording) as it:
        true = await depths(it)
    async with hall(recording) as it:
        told = await depths(
            it,
            FrameFault(of="btcusdt@depth*", nth=2, times=1, copies=0),
            FrameFault(of="btcusdt@depth*", nth=2, times=1, copies=2),
            FrameFault(of="btcusdt@depth*", nth=2, times=1, add={"U": -2}),
        )
    assert told == [true[0], true[2], true[2], true[3] | {"U": true[3]["U"] - 2}, *true[4:]]


async def test_a_snapshot_older_than_the_stream(it: Hall, client: AsyncClient) -> None:
    rise(it)
    true = await client.get_order_book(symbol=COIN)
    inject(it, RequestFault(of="depth", add={"lastUpdateId": -2}))
    assert await client.get_order_book(symbol=COIN) == true | {"lastUpdateId": true["lastUpdateId"] - 2}


# 14: bursts


async def test_a_burst(it: Hall) -> None:
    async with it.listen("/ws/btcusdt@trade") as ear:
        inject(it, FrameFault(of="btcusdt@trade", times=1, copies=10_000))
        fall(it)
        assert len([its for its in await ear.all() if its["p"] == "100.00000000"]) >= 10_000


async def test_a_burst_that_python_binance_does_not_survive(it: Hall, client: AsyncClient) -> None:
    socket = sockets(it, client).trade_socket(COIN)
    await socket.__aenter__()
    await until(lambda: bool(it.lines.open))
    inject(it, FrameFault(of="btcusdt@trade", times=1, copies=200))
    rise(it)
    await until(lambda: socket._handle_read_loop is None)
    await socket.__aexit__(None, None, None)


async def test_a_reader_too_slow_is_cut_off(it: Hall) -> None:
    it.lines.terms.most_waiting = 1000
    async with it.listen("/ws/btcusdt@trade"):
        inject(it, FrameFault(of="btcusdt@trade", times=1, copies=2000))
        fall(it)
        await until(lambda: bool(it.venue.log.of("closed")))
    assert it.venue.log.of("closed")[0]["why"] == "1000 frames waited"


# 15: fills at bad times


async def test_an_order_fills_while_it_is_being_cancelled(it: Hall, client: AsyncClient) -> None:
    placed = await buy(client)
    inject(it, RequestFault(of="cancel", before_s=0.2))
    canceling = asyncio.create_task(client.cancel_order(symbol=COIN, orderId=placed["orderId"]))
    await until(lambda: bool(it.venue.log.of("fault")))
    fall(it)
    told = await refused(canceling)
    assert (told.code, told.message) == (-2011, "Unknown order sent.")
    assert (await client.get_order(symbol=COIN, orderId=placed["orderId"]))["status"] == "FILLED"
    assert len(it.venue.log.of("fill")) == 1


async def test_a_stop_sells_a_part_and_the_rest_expires() -> None:
    async with day(fills={"max_volume_share": "0.01"}) as it, python_binance(it) as client:
        asked = {"symbol": COIN, "side": "SELL", "type": "STOP_LOSS", "quantity": "20", "stopPrice": "97"}
        placed = await client.create_order(**asked)
        fall(it)
        told = await client.get_order(symbol=COIN, orderId=placed["orderId"])
        assert told["status"] == "EXPIRED"
        assert 0 < Decimal(told["executedQty"]) < 20


# 16: the exchange changes


@pytest.mark.parametrize("status", ["HALT", "BREAK", "CANCEL_ONLY"])
async def test_a_coin_is_halted(it: Hall, client: AsyncClient, status: str) -> None:
    placed = await buy(client)
    other = await buy(client, "other", price="96")
    inject(it, Happening(coin=COIN, status=status), Happening(at_s=660, coin=COIN, status="TRADING"))
    it.venue.catch_up()
    assert (await client.get_symbol_info(COIN))["status"] == status
    told = await refused(buy(client, "more"))
    assert (told.code, told.message) == (-1013, "Market is closed.")
    canceling = client.cancel_order(symbol=COIN, orderId=other["orderId"])
    if status == "CANCEL_ONLY":
        assert (await canceling)["status"] == "CANCELED"
    else:
        assert (await refused(canceling)).message == "Market is closed."
    fall(it)
    assert it.venue.log.of("fill") == []
    assert (await client.get_symbol_ticker(symbol=COIN))["price"] == "100.00000000"
    rise(it)
    assert (await client.get_symbol_info(COIN))["status"] == "TRADING"
    # the market had fallen and is back at 95 when trade goes on: filled there, not where it would have been
    (fill,) = [its for its in await client.get_my_trades(symbol=COIN) if its["orderId"] == placed["orderId"]]
    assert fill["price"] == "95.00000000"
    assert accepted(it) == ["mine", "other"]


async def test_filters_change(it: Hall, client: AsyncClient) -> None:
    resting = await buy(client, quantity="0.5")
    inject(it, Happening(coin=COIN, filters={"lot": Decimal("0.1"), "min_notional": Decimal(50)}))  # type: ignore[arg-type]
    it.venue.catch_up()
    filters = {its["filterType"]: its for its in (await client.get_symbol_info(COIN))["filters"]}
    assert (filters["LOT_SIZE"]["stepSize"], filters["NOTIONAL"]["minNotional"]) == ("0.10000000", "50.00000000")
    assert (await refused(buy(client, "a", quantity="0.75"))).message == "Filter failure: LOT_SIZE"
    assert (await refused(buy(client, "b", quantity="0.5"))).message == "Filter failure: NOTIONAL"
    assert (await buy(client, "c", quantity="0.6"))["status"] == "NEW"
    assert (await client.get_order(symbol=COIN, orderId=resting["orderId"]))["status"] == "NEW"


async def test_words_and_keys_that_nobody_knows(it: Hall, client: AsyncClient) -> None:
    async with followed(it, client) as events:
        inject(
            it,
            RequestFault(of="place", set={"status": "PENDING_NOVEL", "novelty": {"a": 1}}),
            RequestFault(of="account", set={"balances.frozen": "1"}, add={"balances.free": 1}),
            FrameFault(of="executionReport", set={"x": "NOVEL", "zz": True}),
        )
        told = await buy(client)
        assert (told["status"], told["novelty"]) == ("PENDING_NOVEL", {"a": 1})
        await until(lambda: bool(reports(events)))
        assert (events[0]["x"], events[0]["zz"], events[0]["i"]) == ("NOVEL", True, told["orderId"])
        balances = (await client.get_account())["balances"]
        assert [its["frozen"] for its in balances] == ["1"] * 3
        assert [its["free"] for its in balances] == ["9904.00000000", "21.00000000", "1.00000000"]
    assert (await client.get_order(symbol=COIN, orderId=told["orderId"]))["status"] == "NEW"
    assert [its["status"] for its in lost(it) if "status" in its] == ["NEW"]


# 17: the account is used by other means


async def test_the_account_is_used_by_other_means(it: Hall, client: AsyncClient) -> None:
    await buy(client)
    order = {"symbol": COIN, "side": "SELL", "type": "MARKET", "quantity": "2", "newClientOrderId": "web_1"}
    async with followed(it, client) as events:
        inject(
            it,
            Happening(at_s=1, order=order),
            Happening(at_s=2, deposit={"USDT": Decimal("12.5")}, withdraw={"BTC": Decimal(1)}),
            Happening(at_s=3, cancel=True),
            Happening(at_s=4, withdraw={"ETH": Decimal(1)}),
        )
        it.wait(4 * SECOND)
        await until(lambda: sum(its["e"] == "balanceUpdate" for its in events) == 2)
        await until(lambda: any(kind == "CANCELED" for kind, _ in reports(events)))
    assert ("TRADE", "web_1") in reports(events)
    assert [(its["a"], its["d"]) for its in events if its["e"] == "balanceUpdate"] == [
        ("USDT", "12.50000000"),
        ("BTC", "-1.00000000"),
    ]
    assert accepted(it) == ["mine", "web_1"]
    sold = Decimal((await client.get_my_trades(symbol=COIN))[0]["quoteQty"])
    held = {its["asset"]: (its["free"], its["locked"]) for its in (await client.get_account())["balances"]}
    assert (Decimal(held["USDT"][0]), held["BTC"]) == (
        10_000 + Decimal("12.5") + sold * Decimal("0.999"),
        ("17.00000000", "0.00000000"),
    )
    assert "refused" in it.venue.log.of("fault")[-1]
    assert [(its["asset"], its["amount"]) for its in it.venue.log.of("transfer")] == [
        ("USDT", 1_250_000_000),
        ("BTC", -(10**8)),
    ]


# which, when and how often


async def answers(it: Hall, client: AsyncClient, count: int = 30) -> list[bool]:
    """Whether each of so many requests is answered."""
    told = []
    for _ in range(count):
        try:
            await client.ping()
            told.append(True)
        except BinanceAPIException:
            told.append(False)
    return told


async def test_chance_follows_from_the_seed(it: Hall, client: AsyncClient) -> None:
    fault = RequestFault(of="ping", status=500, chance=0.5)
    told = []
    for seed in (1, 1, 2):
        inject(it, fault, seed=seed)
        told.append(await answers(it, client))
    assert told[0] == told[1] != told[2]
    assert 5 < sum(told[0]) < 25


async def test_from_the_nth_on_so_many_times(it: Hall, client: AsyncClient) -> None:
    inject(it, RequestFault(of="GET /api/v3/ping", status=500, nth=3, times=2))
    assert await answers(it, client, 6) == [True, True, False, False, True, True]
    assert [its["request"] for its in it.venue.log.of("fault")] == ["GET /api/v3/ping"] * 2


async def test_only_what_is_of_one_client_id(it: Hall, client: AsyncClient) -> None:
    inject(it, RequestFault(of="*order*", client_id="bad-*", code=-1007))
    assert (await buy(client, "good-1"))["status"] == "NEW"
    assert (await refused(buy(client, "bad-1"))).code == -1007
    assert (await refused(client.cancel_order(symbol=COIN, origClientOrderId="bad-2"))).code == -1007
    assert accepted(it) == ["good-1"]


async def test_the_first_that_is_chosen_acts_and_nothing_goes_wrong_once_it_is_over(it: Hall, client: AsyncClient) -> None:
    inject(it, RequestFault(of="ping", status=500), RequestFault(of="*", status=501))
    assert (await refused(client.ping())).status_code == 500
    assert (await refused(client.get_server_time())).status_code == 501
    inject(it)
    assert await client.ping() == {}


# scenarios as they are written


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_scenario_is_read(tmp_path: Path) -> None:
    text = """
        seed = 7
        [[requests]]
        of = "order.place"
        nth = 2
        after_s = 1.5
        set = { price = 1.10 }
        [[frames]]
        of = "executionReport"
        copies = 0
        [[happenings]]
        at_s = 60
        coin = "BTCUSDT"
        filters = { lot = 0.1 }
        order = { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.50 }
    """
    read = load_scenario(written(tmp_path / "f.toml", text))
    assert read.requests == (RequestFault(of="order.place", nth=2, after_s=1.5, set={"price": Decimal("1.10")}),)
    assert read.frames == (FrameFault(of="executionReport", copies=0),)
    assert read.happenings[0].order == {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.50"}
    assert read.happenings[0].filters is not None
    assert read.happenings[0].filters.lot == Decimal("0.1")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[requests]]\nlose = 'all'", 'f.toml:2: requests.0.lose should be "request" or "reply", not \'all\''),
        ("[[request]]\n", "f.toml:1: request is not a known key (did you mean 'requests'?)"),
        ("requests = 1", "f.toml:1: requests should be a list of tables; head each with [[requests]]"),
        ("[[frames]]\ncopy = 2", "f.toml:2: frames.0.copy is not a known key"),
        ("[[frames]]\nchance = 2", "f.toml:2: frames.0.chance should be above 0 and at most 1, not 2"),
        ("[[requests]]\nnth = 0", "f.toml:2: requests.0.nth should be at least 1, not 0"),
        ("[[requests]]\nmsg = 'no'", "f.toml:2: requests.0.msg goes with a code"),
        ("[[requests]]\ncode = 7", "f.toml:2: requests.0.code should be one of the exchange's, which are below 0, not 7"),
        ("[[requests]]\nafter_s = -1", "f.toml:2: requests.0.after_s should be a number of seconds, 0 or more, not -1"),
        ("[[happenings]]\nstatus = 'HALT'", "f.toml:2: happenings.0.status needs a coin beside it"),
        ("[[happenings]]\norder = 1", "f.toml:2: happenings.0.order should be a table of an order's parameters"),
    ],
)
def test_what_is_wrong_with_a_scenario(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_scenario(written(tmp_path / "f.toml", text))
    assert told in str(raised.value)


async def test_a_scenario_that_does_not_fit_the_exchange(it: Hall) -> None:
    with pytest.raises(ConfigError, match="there is no coin NOUSDT"):
        inject(it, Happening(coin="NOUSDT", status="HALT"))
    with pytest.raises(ConfigError, match="there is no account nobody"):
        inject(it, Happening(account="nobody", cancel=True))
