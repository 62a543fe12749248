"""The streams' door: what a client may ask for, how it is answered, and what it then hears."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.rehearsal.streams import MOST_STREAMS
from tests.rehearsal.hall import Ear, Hall, hall
from tests.worlds import market, walk


@pytest.fixture
async def it() -> AsyncIterator[Hall]:
    async with hall(market({"BTCUSDT": walk(50), "ETHUSDT": walk(50, seed=1)})) as its:
        its.venue.step(10)
        yield its


@pytest.fixture
async def ear(it: Hall) -> AsyncIterator[Ear]:
    async with it.listen("/ws") as ear:
        yield ear


def heard(frames: list[Any]) -> set[str]:
    """Which events there are in frames."""
    return {frame["e"] if "e" in frame else frame.get("stream", "bookTicker") for frame in frames}


async def test_raw_streams_in_the_path(it: Hall) -> None:
    async with it.listen("/ws/btcusdt@trade/ethusdt@aggTrade") as ear:
        it.venue.step(60)
        frames = await ear.all()
    assert {(frame["s"], frame["e"]) for frame in frames} == {("BTCUSDT", "trade"), ("ETHUSDT", "aggTrade")}


async def test_combined_streams_in_the_query(it: Hall) -> None:
    async with it.listen("/stream?streams=btcusdt@trade/ethusdt@bookTicker") as ear:
        it.venue.step(60)
        frames = await ear.all()
    assert {frame["stream"] for frame in frames} == {"btcusdt@trade", "ethusdt@bookTicker"}
    assert all(frame.keys() == {"stream", "data"} for frame in frames)


async def test_one_event_is_one_frame_for_all_who_hear_it(it: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    import msgspec

    made: list[Any] = []
    encode = msgspec.json.encode
    async with it.listen("/ws/btcusdt@trade") as one, it.listen("/ws/btcusdt@trade") as two, it.listen("/stream") as three:
        await three.ask(method="SUBSCRIBE", params=["btcusdt@trade"], id=1)
        monkeypatch.setattr(msgspec.json, "encode", lambda value: made.append(value) or encode(value))
        it.venue.step(60)
        heard = [await ear.all() for ear in (one, two, three)]
    assert len(made) == len(heard[0]) > 10
    assert heard[0] == heard[1] == [frame["data"] for frame in heard[2]]


async def test_subscriptions_come_and_go(it: Hall, ear: Ear) -> None:
    assert await ear.ask(method="SUBSCRIBE", params=["btcusdt@trade", "btcusdt@bookTicker"], id=1) == {"result": None, "id": 1}
    assert await ear.ask(method="LIST_SUBSCRIPTIONS", id=2) == {"result": ["btcusdt@trade", "btcusdt@bookTicker"], "id": 2}
    it.venue.step(30)
    assert heard(await ear.all()) == {"trade", "bookTicker"}
    assert await ear.ask(method="UNSUBSCRIBE", params=["btcusdt@trade"], id=3) == {"result": None, "id": 3}
    assert await ear.ask(method="LIST_SUBSCRIPTIONS", id=4) == {"result": ["btcusdt@bookTicker"], "id": 4}
    it.venue.step(30)
    assert heard(await ear.all()) == {"bookTicker"}


@pytest.mark.parametrize("path", ["/ws/0", "/ws/", "/ws", "/stream"])
async def test_streams_can_be_asked_for_later(it: Hall, path: str) -> None:
    async with it.listen(path) as ear:
        before = await ear.ask(method="LIST_SUBSCRIPTIONS", id=1)
        await ear.ask(method="SUBSCRIBE", params=["btcusdt@trade"], id=2)
        it.venue.step(30)
        frames = await ear.all()
    assert before["result"] == ([path.removeprefix("/ws/")] if path == "/ws/0" else [])
    assert heard(frames) == ({"btcusdt@trade"} if path == "/stream" else {"trade"})


async def test_what_no_stream_is_called_is_taken_in_silence(it: Hall, ear: Ear) -> None:
    names = [
        *("nousdt@trade", "BTCUSDT@trade", "btcusdt@nothing", "btcusdt", "", "!ticker@arr", "!avgPrice@arr"),
        *("btcusdt@kline_7m", "btcusdt@kline_1s", "btcusdt@kline_1m@+09:00", "btcusdt@depth7", "btcusdt@depth@50ms"),
        *("btcusdt@ticker_2h", "!miniTicker"),
    ]
    assert await ear.ask(method="SUBSCRIBE", params=names, id=None) == {"result": None, "id": None}
    assert (await ear.ask(method="LIST_SUBSCRIPTIONS", id=1))["result"] == names
    it.venue.step(60)
    assert await ear.all() == []


async def test_the_wrapping_is_a_property(it: Hall, ear: Ear) -> None:
    assert await ear.ask(method="GET_PROPERTY", params=["combined"], id=1) == {"result": False, "id": 1}
    assert await ear.ask(method="SET_PROPERTY", params=["combined", True], id=2) == {"result": None, "id": 2}
    assert await ear.ask(method="GET_PROPERTY", params=["combined"], id=3) == {"result": True, "id": 3}
    await ear.ask(method="SUBSCRIBE", params=["btcusdt@trade"], id=4)
    it.venue.step(30)
    assert heard(await ear.all()) == {"btcusdt@trade"}


@pytest.mark.parametrize("id", [1, 0, -(2**63), 2**63 - 1, "a" * 36, "", "7c2f-uuid", None])
async def test_ids_come_back(ear: Ear, id: Any) -> None:
    assert await ear.ask(method="LIST_SUBSCRIPTIONS", id=id) == {"result": [], "id": id}


BAD_ID = "Invalid request: request ID must be an unsigned integer"


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        ({"method": "LIST_SUBSCRIPTIONS", "id": "a" * 37}, 2, BAD_ID),
        ({"method": "LIST_SUBSCRIPTIONS", "id": 2**63}, 2, BAD_ID),
        ({"method": "LIST_SUBSCRIPTIONS", "id": 1.5}, 2, BAD_ID),
        ({"method": "LIST_SUBSCRIPTIONS", "id": True}, 2, BAD_ID),
        ({"method": "LIST_SUBSCRIPTIONS"}, 2, BAD_ID),
        ({"method": "LIST_SUBSCRIPTIONS", "params": [1], "id": 1}, 2, "Invalid request: too many parameters"),
        ({"params": [], "id": 1}, 2, "Invalid request: missing field `method` at line 1 column 23"),
        ({"method": "GET_PROPERTY", "params": ["mood"], "id": 1}, 0, "Unknown property"),
        ({"method": "SET_PROPERTY", "params": ["mood", True], "id": 1}, 0, "Unknown property"),
        ({"method": "SET_PROPERTY", "params": ["combined", 1], "id": 1}, 1, "Invalid value type: expected Boolean"),
        ({"method": "SET_PROPERTY", "params": ["combined"], "id": 1}, 1, "Invalid value type: expected Boolean"),
        ({"method": "SET_PROPERTY", "params": [True], "id": 1}, 2, "Invalid request: property name must be a string"),
        ({"method": "GET_PROPERTY", "id": 1}, 2, "Invalid request: property name must be a string"),
        ({"method": "GET_PROPERTY", "params": ["combined", 1], "id": 1}, 2, "Invalid request: too many parameters"),
        ({"method": "SUBSCRIBE", "params": [1], "id": 1}, 2, "Invalid request: stream names must be strings"),
        ({"method": "SUBSCRIBE", "params": "btcusdt@trade", "id": 1}, 2, "Invalid request: params must be a list"),
        ([], 2, "Invalid request: expected an object"),
    ],
)
async def test_what_makes_no_sense_is_said_so(ear: Ear, request_: Any, code: int, message: str) -> None:
    await ear.socket.send_str(json.dumps(request_))
    told = await ear.next()
    assert told["error"] == {"code": code, "msg": message}
    if message != BAD_ID and isinstance(request_, dict) and "method" in request_:
        assert told["id"] == 1


async def test_a_method_that_there_is_not(ear: Ear) -> None:
    error = (await ear.ask(method="subscribe", params=["btcusdt@trade"], id=1))["error"]
    assert error["code"] == 2
    assert error["msg"].startswith("Invalid request: unknown variant `subscribe`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, ")


@pytest.mark.parametrize("text", ["nonsense", "", '{"method": "SUBSCRIBE"', "\N{SNOWMAN}"])
async def test_what_is_no_json(ear: Ear, text: str) -> None:
    await ear.socket.send_str(text)
    assert await ear.next() == {"error": {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}}


async def test_a_connection_hears_so_many_streams(ear: Ear) -> None:
    names = [f"coin{n}@trade" for n in range(MOST_STREAMS)]
    assert "result" in await ear.ask(method="SUBSCRIBE", params=names, id=1)
    assert "result" in await ear.ask(method="SUBSCRIBE", params=names[:1], id=2)
    assert (await ear.ask(method="SUBSCRIBE", params=["btcusdt@trade"], id=3))["error"]["code"] == 2
    assert len((await ear.ask(method="LIST_SUBSCRIPTIONS", id=4))["result"]) == MOST_STREAMS


async def test_who_has_gone_is_told_nothing_more(it: Hall) -> None:
    broadcast = it.venue.listeners[0].__self__  # type: ignore[attr-defined]
    async with it.listen("/ws/btcusdt@trade/btcusdt@depth/!miniTicker@arr"):
        assert len(broadcast._channels) == 3
        it.venue.step(5)
    async with it.listen("/ws") as ear:
        await ear.all()
        assert broadcast._channels == {}
        assert not any(broadcast._of_coin.values())
        it.venue.step(30)
        assert await ear.all() == []
