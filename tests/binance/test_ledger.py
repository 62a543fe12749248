"""The account's ledger: what a stream may say, what may be answered, and that nothing ends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from engine.binance.life import Stage
from engine.errors import ExchangeError, OrderError
from tests.binance.sim import World
from tests.binance.sim_exchange import UNIT, Exchange, Refusal
from tests.binance.sim_judge import differences

Work = Callable[[World], Coroutine[Any, Any, None]]
Play = Callable[..., World]


def say(its: World, frame: bytes) -> None:
    for line in its.listeners:
        line.frames.put_nowait(frame)


def event(**facts: Any) -> bytes:
    return json.dumps({"subscriptionId": 0, "event": facts}).encode()


GARBAGE = [
    b"",
    b"{",
    b"[]",
    b"3",
    b'{"x": 1}',
    b'{"event": 3}',
    event(e="executionReport"),
    event(e="executionReport", x="NEW"),
]
GARBAGE += [
    event(e="outboundAccountPosition", u="x", B=[]),
    event(e="outboundAccountPosition", u=1, B=[{"a": "USDT"}]),
    event(),
]
GARBAGE += [event(e="executionReport", x="TRADE", c="td-sim001-2", C="", i=1, X="FILLED", T=1, z="99", P="0", q="1")]


def test_whatever_the_stream_says_it_lives_and_what_could_not_be_read_is_asked_for(play: Play) -> None:
    async def work(its: World) -> None:
        await its.rests()
        for frame in [*GARBAGE, event(e="somethingNew"), event(e="listStatus"), event(e="balanceUpdate")]:
            say(its, frame)
        its.exchange.tell = lambda event: None
        its.exchange._happen(its.exchange.open[1], 1.0)
        assert await its.until(lambda: its.life(0).complete) < 30
        assert its.flight.ledger.alive
        await asyncio.sleep(60)
        assert differences(its) == []
        assert its.flight.ledger.socket.counters.bad == len(GARBAGE) - 1, "an object without a name is asked about"

    play(work)


def test_the_end_of_a_subscription_is_followed_by_another(play: Play) -> None:
    async def work(its: World) -> None:
        say(its, event(e="eventStreamTerminated", E=1))
        await its.until(lambda: its.flight.ledger.socket.counters.reconnects == 1)
        await its.until(lambda: its.flight.ledger.reconciled)
        assert its.flight.ledger.status().reconnects == 1

    play(work)


def test_a_connection_that_says_nothing_is_made_anew(play: Play) -> None:
    async def work(its: World) -> None:
        await asyncio.sleep(100)
        assert its.flight.ledger.socket.counters.reconnects == 0, "it is asked to say something"
        for line in its.listeners:
            line.send = quietly  # type: ignore[method-assign]
        took = await its.until(lambda: its.flight.ledger.socket.counters.reconnects == 1)
        assert 20 < took < 45

    async def quietly(message: str) -> None:
        return

    play(work)


@pytest.mark.parametrize("frame", [b"{", b"[]", b'{"id": "account", "status": 400, "error": {"code": -1022}}'])
def test_a_refused_subscription_is_tried_again(play: Play, frame: bytes) -> None:
    async def work(its: World) -> None:
        (line,) = its.listeners
        real, tries = type(line).send, [0]

        async def send(self: Any, message: str) -> None:
            tries[0] += 1
            if tries[0] <= 2:
                self.frames.put_nowait(frame)
            else:
                self.frames.put_nowait(event(e="listStatus"))
                await real(self, message)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(line), "send", send)
            line.cut()
            await its.until(lambda: its.flight.ledger.alive and tries[0] >= 3)
        await its.until(lambda: its.flight.ledger.reconciled)

    play(work)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("openOrders", {}),
        ("openOrders", [{"orderId": 1}]),
        ("openOrders", [3]),
        ("account", []),
        ("account", {"balances": [{"asset": "USDT", "free": "1e3", "locked": "0"}]}),
        ("account", {"balances": [{"asset": "USDT"}], "updateTime": "soon"}),
        ("myTrades", [{"id": "x"}]),
        ("myTrades", {"code": 1}),
    ],
)
def test_an_answer_that_cannot_be_read_is_an_error_and_no_end(play: Play, path: str, answer: Any) -> None:
    async def work(its: World) -> None:
        await its.rests()
        real = its.exchange.ask
        its.exchange.ask = lambda asked, p, lag: answer if asked == path else real(asked, p, lag)  # type: ignore[method-assign]
        with pytest.raises(ExchangeError, match="cannot be read"):
            await its.flight.ledger.reconcile()
        its.flight.ledger._due.set()
        await its.until(lambda: not its.flight.ledger.reconciled)
        assert its.trade.kept_in(0).startswith("the account cannot be asked about: the account's answers cannot be read")
        await asyncio.sleep(6)
        its.trade.vigil("")
        assert its.trade.disarmed.startswith("the account cannot be asked about")
        its.exchange.ask = real  # type: ignore[method-assign]
        await its.until(lambda: its.flight.ledger.reconciled)
        its.trade.arm()

    play(work)


def test_whatever_else_goes_wrong_it_goes_on_asking(play: Play) -> None:
    async def work(its: World) -> None:
        async def breaks() -> None:
            raise RuntimeError("as nobody expected")

        its.flight.ledger.books.run = breaks  # type: ignore[method-assign]
        its.flight.ledger._due.set()
        await its.until(lambda: its.flight.ledger._failure == "RuntimeError as nobody expected")
        del its.flight.ledger.books.run
        await its.until(lambda: its.flight.ledger.reconciled)

    play(work)


def test_orders_of_others_are_shown_and_left_alone(play: Play) -> None:
    async def work(its: World) -> None:
        its.exchange.plan = []
        its.exchange._enter("AAAUSDT", "BUY", "LIMIT", UNIT, {"price": "50.00000000"}, "web_1").pop("plan")
        await asyncio.sleep(1)
        (external,) = its.flight.ledger.status().externals
        assert (external.coin, external.side, external.type, float(external.price)) == ("AAAUSDT", "buy", "limit", 50)
        await its.trade.halt(True)
        assert len(its.exchange.open) == 1
        its.exchange._end(its.exchange.open[1], "CANCELED")
        await asyncio.sleep(1)
        assert its.flight.ledger.status().externals == []

    play(work)


def test_an_order_s_id_is_its_coin_s(play: Play) -> None:
    async def work(its: World) -> None:
        await its.rests()
        told = {"e": "executionReport", "x": "NEW", "X": "NEW", "c": "web_1", "C": "", "S": "BUY", "o": "LIMIT", "i": 1}
        told |= {"z": "0", "q": "1", "p": "50", "P": "0", "T": its.now() // 10**6}
        for coin, number in (("BBBUSDT", 1), ("BBBUSDT", 7), ("AAAUSDT", 7)):
            say(its, event(**(told | {"s": coin, "i": number})))
        await asyncio.sleep(1)
        there = [(external.coin, external.order_id) for external in its.flight.ledger.status().externals]
        assert there == [("BBBUSDT", 1), ("BBBUSDT", 7), ("AAAUSDT", 7)]
        assert its.life(0).stage is Stage.NEW
        say(its, event(**(told | {"s": "BBBUSDT", "i": 7, "x": "EXPIRED", "X": "EXPIRED"})))
        await asyncio.sleep(1)
        assert len(its.flight.ledger.status().externals) == 2

    play(work)


def test_an_answer_of_before_takes_back_neither_orders_nor_balances(play: Play) -> None:
    async def work(its: World) -> None:
        await its.rests()
        await asyncio.sleep(10)
        its.exchange._happen(its.exchange.open[1], 1.0)
        await its.until(lambda: its.life(0).complete)
        here = its.trade.mirror.balances.tolist()
        real = its.exchange.ask
        its.exchange.ask = lambda path, p, lag: real(path, p, 5 * 10**9)  # type: ignore[method-assign]
        await its.flight.ledger.reconcile()
        assert its.life(0).stage is Stage.FILLED
        assert its.trade.mirror.balances.tolist() == here
        assert differences(its) == []

    play(work)


def test_balances_are_those_of_the_latest_time_and_of_one_time_the_last_word(play: Play) -> None:
    async def work(its: World) -> None:
        mirror = its.trade.mirror
        at = its.now() + 10**9
        mirror.set_balances({"USDT": (5, 0), "DOGE": (1, 1)}, at)
        mirror.set_balances({"USDT": (7, 0)}, at)
        assert mirror.free("USDT") == 7
        mirror.set_balances({"USDT": (6, 0)}, at - 1)
        mirror.set_balances({"USDT": (6, 0)}, at, asked=mirror.turn - 3)
        assert mirror.free("USDT") == 7
        mirror.set_balances({"USDT": (8, 0)}, at, asked=mirror.turn)
        assert mirror.free("USDT") == 8

    play(work)


def test_what_is_on_its_way_is_held_back_until_the_balances_tell_of_it(play: Play) -> None:
    async def work(its: World) -> None:
        mirror = its.trade.mirror
        its.exchange.plan = []
        its.trade.place_order("AAAUSDT", 1, 90)
        million = 10**6 * UNIT
        assert (mirror.free("USDT"), mirror.locked("USDT")) == (million - 90 * UNIT, 0)
        its.exchange.tell = lambda event: None
        await its.quiet()
        assert (mirror.free("USDT"), mirror.locked("USDT")) == (million - 90 * UNIT, 0), "accepted, and not told of yet"
        await its.flight.ledger.reconcile()
        assert (mirror.free("USDT"), mirror.locked("USDT")) == (million - 90 * UNIT, 90 * UNIT)
        its.soon["filter"] = 1
        its.trade.place_order("AAAUSDT", 1, 90)
        await its.quiet()
        assert mirror.free("USDT") == million - 90 * UNIT

    play(work)


@pytest.mark.parametrize("anew", [0, 1, 4], ids=["nothing", "another trade by then", "more trades by then"])
def test_an_account_that_was_wiped_is_said_to_be_and_begins_anew_with_its_journal(
    play: Play, anew: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.binance.client.LOOPBACK", ())

    async def work(its: World) -> None:
        its.trade.place_order("AAAUSDT", 1)
        await its.quiet()
        await its.flight.ledger.reconcile()
        await its.until(lambda: its.life(0).settled)
        await asyncio.sleep(100)
        its.exchange = Exchange(its.dice, its.now, its._later, its.strikes)
        its.exchange.tell = its.stream
        for _ in range(anew):
            its.exchange._take(its.exchange._enter("AAAUSDT", "BUY", "MARKET", UNIT, {}, "web_1"))
        await asyncio.sleep(70)
        its.trade.vigil("")
        assert "of AAAUSDT any more: the account was wiped" in its.trade.disarmed
        its.flight.kill()
        await its.start()
        await asyncio.sleep(10)
        with pytest.raises(OrderError, match=f"wiped, and what was held is gone; end the flight, move {its.path} away"):
            its.trade.arm()
        its.flight.kill()
        its.path.rename(its.path.with_suffix(".old"))
        await its.start()
        await its.until(lambda: its.flight.ledger.reconciled)
        its.trade.arm()
        assert its.trade.mirror.position(0) == 0
        its.trade.place_order("AAAUSDT", 1)
        await its.until(lambda: its.life(0).complete)
        assert its.trade.mirror.position(0) == 999 * UNIT // 1000

    play(work, adopt={})


def test_a_trade_that_is_not_told_of_yet_is_not_gone(play: Play) -> None:
    async def work(its: World) -> None:
        its.trade.place_order("AAAUSDT", 1)
        await its.until(lambda: its.life(0).settled)
        its.flight.kill()
        await its.start()
        real = its.exchange.ask
        its.exchange.ask = lambda path, p, lag: real(path, p, 60 * 10**9)  # type: ignore[method-assign]
        await its.until(lambda: its.flight.ledger.reconciled)
        its.trade.arm()

    play(work)


def test_many_coins_are_asked_for_at_once_and_many_trades_in_pages(play: Play) -> None:
    async def work(its: World) -> None:
        books = its.flight.ledger.books
        asked: list[Any] = []

        async def query(path: str, weight: int, **params: Any) -> Any:
            asked.append((path, params))
            if path == "myTrades":
                since = params.get("fromId", 1)
                return [{"id": n, "orderId": -1, "time": its.now() // 10**6} for n in range(since, min(since + 1000, 2100))]
            return [{"symbol": "OTHER"}]

        books._query = query  # type: ignore[method-assign]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("engine.binance.reconciling.WEIGHT_OF_ALL", 6)
            assert await books._opened() == []
        its.trade.lives.first["AAAUSDT"] = its.now()
        await books._catch_up("AAAUSDT")
        assert [params.get("fromId") for path, params in asked if path == "myTrades"] == [None, 1000, 1999]
        assert asked[0] == ("openOrders", {})

    play(work)


def test_an_order_that_cannot_be_asked_for_is_asked_for_again(play: Play) -> None:
    async def work(its: World) -> None:
        await its.rests()
        its.exchange.tell = lambda event: None
        its.exchange._happen(its.exchange.open[1], 1.0)
        its.exchange.tell = its.stream
        real = its.exchange.ask

        def no(path: str, p: Any, lag: int) -> Any:
            if path == "order":
                raise Refusal(-1003, "later")
            return real(path, p, lag)

        its.exchange.ask = no  # type: ignore[method-assign]
        with pytest.raises(ExchangeError, match="order #0 of AAAUSDT cannot be asked for"):
            await its.flight.ledger.reconcile()
        its.exchange.ask = real  # type: ignore[method-assign]
        await its.flight.ledger.reconcile()
        assert its.life(0).stage is Stage.FILLED

    play(work)


def test_a_request_that_ended_without_a_word_makes_its_order_unknown(play: Play) -> None:
    async def work(its: World) -> None:
        async def breaks(*args: Any) -> None:
            raise RuntimeError("as nobody expected")

        its.exchange.plan = []
        its.trade.wire._take_answer = breaks  # type: ignore[method-assign]
        its.exchange.tell = lambda event: None
        its.trade.place_order("AAAUSDT", 1, 90)
        await its.quiet()
        assert its.life(0).stage is Stage.SENT
        real = its.exchange.ask
        its.exchange.ask = lambda path, p, lag: [] if path == "openOrders" else real(path, p, lag)  # type: ignore[method-assign]
        await its.flight.ledger.reconcile()
        assert its.life(0).stage is Stage.UNKNOWN
        await its.until(lambda: its.life(0).stage is Stage.NEW)

    play(work)


def test_trouble_is_told_as_it_is(play: Play) -> None:
    async def work(its: World) -> None:
        ledger = its.flight.ledger
        status = ledger.status()
        assert (status.alive, status.reconciled, status.unknown, status.out, status.unknown_age_s) == (True, True, 0, 0, 0.0)
        its.soon["lost_request"] = 1
        its.trade.place_order("AAAUSDT", 1)
        await its.until(lambda: its.trade.lives.unknown != [])
        assert ledger.status().unknown == 1
        assert ledger.trouble() == ""
        ledger.reconciled = False
        ledger._failure = ""
        assert ledger.trouble() == "the account has not been asked about yet"
        ledger.reconciled = True

    play(work)


def test_whatever_ends_the_socket_another_begins(play: Play) -> None:
    async def work(its: World) -> None:
        client, tries = its.flight.client, [0]
        real = client.sign_for_socket

        def sign() -> Any:
            tries[0] += 1
            if tries[0] < 3:
                raise RuntimeError("as nobody expected")
            return real()

        client.sign_for_socket = sign  # type: ignore[method-assign]
        for line in list(its.listeners):
            line.cut()
        await its.until(lambda: tries[0] == 3 and its.flight.ledger.reconciled)

    play(work)
