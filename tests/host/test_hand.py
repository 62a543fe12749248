"""Orders by hand as the host obeys them: every type, their exits, changes of open orders, and what is answered and logged."""

from __future__ import annotations

from typing import Any

import pytest

from engine.host import protocol as p
from engine.host.player import Player
from engine.trading.risk import Limits
from tests.host.test_player import hand, player_of
from tests.worlds import market, units

FLAT = [100] * 10


def ready(rows: Any = FLAT, **more: Any) -> Player:
    """A player five bars into a market that stands at 100, with some of the coin to sell."""
    player = player_of(market(rows), account={"cash": {"USDT": 10_000, "BTC": 5}}, **more)
    player.act(p.Step(5))
    return player


def asked(player: Player, command: p.HandCommand) -> p.Reply:
    (reply,) = player.act(command)
    assert isinstance(reply, p.Reply)
    assert reply.id == command.id
    return reply


def rows(player: Player) -> list[p.OrderRow]:
    return player.frame().orders


def log(player: Player) -> list[str]:
    events = player.events()
    return [line.text for line in events.log] if events else []


@pytest.mark.parametrize(
    ("given", "price", "stop", "away"),
    [
        ({"type": "stop_limit", "price": "121", "stop": "120"}, "121", "120", 20.0),
        ({"type": "take_profit", "stop": "80"}, None, "80", -20.0),
        ({"type": "take_profit_limit", "price": "79", "stop": "80"}, "79", "80", -20.0),
        ({"type": "stop", "trail_bps": 150}, None, "101.5", 1.5),
        ({"type": "limit", "price": "90", "tif": "IOC"}, "90", None, -10.0),
        ({"type": "stop_limit", "price": "121", "stop": "120", "tif": "FOK"}, "121", "120", 20.0),
    ],
)
def test_every_type_is_placed_and_shown(given: dict[str, Any], price: str | None, stop: str | None, away: float) -> None:
    player = ready()
    reply = hand(player, **given)
    assert reply.text == "order #0: buy 1 BTCUSDT; it can act from the next bar on"
    (row,) = rows(player)
    assert (row.type, row.tif, row.trail_bps) == (given["type"], given.get("tif", "GTC"), given.get("trail_bps"))
    assert (row.price and float(row.price), row.stop and float(row.stop)) == (price and float(price), stop and float(stop))
    assert row.away_pct == pytest.approx(away)
    assert row.waits == (stop is not None)
    (given_,) = player.engine.inputs
    assert given_.what == "place_order"


def test_a_triggered_stop_limit_waits_for_its_limit() -> None:
    player = ready([100] * 6 + [(100, 121, 100, 121)] + [121] * 3)
    hand(player, type="stop_limit", price="110", stop="120")
    player.act(p.Step(3))
    (row,) = rows(player)
    assert not row.waits
    assert row.away_pct == pytest.approx(100 * (110 / 121 - 1))
    assert asked(player, p.ReplaceOrder(2, 0, "1", "111")).ok
    assert [(row.id, row.type, row.price) for row in rows(player)] == [(1, "limit", "111.00000000")]


def test_an_entry_shows_its_exits_and_they_become_a_pair_when_it_has_filled() -> None:
    player = ready()
    reply = hand(player, stop_loss="90", take_profit="120")
    assert reply.text == "order #0: buy 1 BTCUSDT; it can act from the next bar on, its exits when it has filled"
    assert [(row.id, row.status, row.entry, row.pair) for row in rows(player)] == [
        (0, "NEW", None, None),
        (1, "PENDING_NEW", 0, None),
        (2, "PENDING_NEW", 0, None),
    ]
    player.act(p.Step())
    assert [(row.id, row.type, row.entry, row.pair) for row in rows(player)] == [(1, "stop", 0, 2), (2, "limit", 0, 1)]
    assert log(player) == ["order #0 by hand: buy 1 BTCUSDT, market"]


def test_a_trailing_exit() -> None:
    player = ready()
    assert hand(player, trailing_stop_bps=200).ok
    assert [(row.id, row.trail_bps) for row in rows(player)] == [(0, None), (1, 200)]


def test_a_pair() -> None:
    player = ready([100] * 6 + [130] * 4)
    reply = asked(player, p.PlaceOco(7, "BTCUSDT", "sell", "2", "120", "90", "89.5"))
    assert reply.text == "orders #0 and #1: sell 2 BTCUSDT; it can act from the next bar on"
    assert [(row.id, row.type, row.pair) for row in rows(player)] == [(0, "limit_maker", 1), (1, "stop_limit", 0)]
    assert player.engine.inputs[0].what == "place_oco"
    player.act(p.Step(2))
    assert rows(player) == []
    assert log(player) == ["orders #0 and #1 by hand: sell 2 BTCUSDT, a pair"], "that the other leg went is no news"
    assert asked(player, p.PlaceOco(8, "BTCUSDT", "sell", "2", "140", trail_bps=150)).ok
    assert [row.trail_bps for row in rows(player)] == [None, 150]


def test_a_pair_that_cannot_be_is_refused_whole() -> None:
    player = ready()
    for command, told in (
        (p.PlaceOco(1, "BTCUSDT", "sell", "2", "120"), "needs a stop"),
        (p.PlaceOco(2, "BTCUSDT", "sell", "2", "120", "110"), "-2010 Order would trigger immediately."),
        (p.PlaceOco(3, "BTCUSDT", "hold", "2", "120", "90"), "there is no hold"),
        (p.PlaceOco(4, "BTCUSDT", "sell", "2", "dear", "90"), "'dear' is not a number"),
    ):
        reply = asked(player, command)
        assert not reply.ok
        assert told in reply.text
    assert rows(player) == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"tif": "GTD", "type": "limit", "price": "90"}, "there is no time in force GTD"),
        ({"tif": "IOC"}, "only a limit order can be IOC"),
        ({"type": "stop", "trail_bps": 0}, "trails by 0"),
        ({"type": "stop", "trail_bps": 100, "stop": "120"}, "leave its stop out"),
        ({"side": "sell", "stop_loss": "90"}, "opens nothing"),
        ({"stop_loss": "90", "trailing_stop_bps": 100}, "two stops"),
        ({"stop_loss": "110"}, "-2010 The relationship of the prices"),
        ({"stop_loss": "low"}, "stop loss 'low' is not a number"),
    ],
)
def test_terms_that_cannot_be_are_answered(given: dict[str, Any], told: str) -> None:
    player = ready()
    reply = hand(player, **given)
    assert not reply.ok
    assert told in reply.text
    assert rows(player) == []


def test_a_limit_of_the_session_is_told_by_how_much() -> None:
    player = ready(limits=Limits(order_notional=units(150)))
    reply = hand(player, amount="2", stop_loss="90")
    assert not reply.ok
    assert reply.text == (
        "buy 2 BTCUSDT refused: risk: an order worth 200.00 USDT; max_order_notional is 150.00, 50.00 USDT too much"
    )
    assert log(player) == [f"order #0 by hand: {reply.text.replace(' refused', '')}"]


def test_an_order_that_ends_without_a_fill_is_logged_with_the_reason() -> None:
    player = ready()
    hand(player, type="limit", price="90", tif="FOK")
    player.events()
    player.act(p.Step())
    assert log(player) == ["order #0 by hand: expired: it could not be filled at once"]
    player.act(p.Step())
    assert log(player) == []


# changes


def test_less_of_an_order_keeps_it() -> None:
    player = ready()
    hand(player, type="limit", price="90", amount="2")
    reply = asked(player, p.AmendOrder(4, 0, "1.5"))
    assert (reply.ok, reply.text) == (True, "order #0 reduced to 1.5; it keeps its place")
    assert [(row.id, float(row.amount)) for row in rows(player)] == [(0, 1.5)]
    assert player.engine.inputs[-1].what == "amend_order"
    for amount, told in (("2", "-2038"), ("-1", "more than 0"), ("x", "not a number")):
        reply = asked(player, p.AmendOrder(5, 0, amount))
        assert not reply.ok
        assert told in reply.text
    assert "no order #9" in asked(player, p.AmendOrder(6, 9, "1")).text


@pytest.mark.parametrize(
    ("given", "change"),
    [
        ({"type": "limit", "price": "90"}, {"price": "91"}),
        ({"type": "limit_maker", "price": "90"}, {"price": "91"}),
        ({"type": "stop", "stop": "120"}, {"stop": "121"}),
        ({"type": "stop_limit", "stop": "120", "price": "122"}, {"stop": "121", "price": "122"}),
        ({"type": "take_profit", "stop": "80"}, {"stop": "81"}),
    ],
)
def test_another_price_is_another_order_of_its_type(given: dict[str, str], change: dict[str, str]) -> None:
    player = ready()
    hand(player, **given)
    reply = asked(player, p.ReplaceOrder(4, 0, "1", **change))
    assert (reply.ok, reply.text) == (True, "order #1 in place of #0: buy 1 BTCUSDT")
    (row,) = rows(player)
    assert (row.id, row.type, row.by) == (1, given["type"], "hand")
    assert {name: f"{float(getattr(row, name)):g}" for name in change} == change
    assert player.engine.inputs[-1].what == "replace_order"


def test_what_has_filled_counts_in_a_replacement() -> None:
    """A limit of 2000 meets a volume of 1000, half of which may be taken."""
    from engine import FillRules

    player = player_of(market([(1, 1, 0.5, 1, 1000)] * 10, min_notional=1), account={"cash": {"USDT": 10_000}})
    player.session.trade.rules = FillRules(max_volume_share=units("0.5"))
    player.act(p.Step(2))
    hand(player, type="limit", price="0.9", amount="2000")
    player.act(p.Step())
    assert [(row.amount, row.filled) for row in rows(player)] == [("2000.00000000", "500.00000000")]
    assert "has filled 500 already" in asked(player, p.ReplaceOrder(3, 0, "500", "0.8")).text
    assert asked(player, p.ReplaceOrder(4, 0, "2000", "0.8")).ok
    assert [(row.id, row.amount, row.filled) for row in rows(player)] == [(1, "1500.00000000", "0.00000000")]


@pytest.mark.parametrize(
    ("given", "change"),
    [
        ({"type": "market"}, ""),
        ({"type": "limit", "price": "90"}, "any"),
        ({"type": "limit", "price": "90", "tif": "IOC"}, "less"),
        ({"type": "stop", "trail_bps": 100}, "less"),
        ({"type": "limit", "price": "90", "stop_loss": "80"}, "less"),
    ],
)
def test_what_would_be_lost_in_another_order_can_only_be_reduced(given: dict[str, Any], change: str) -> None:
    player = ready()
    hand(player, **given)
    assert rows(player)[0].change == change
    assert [row.change for row in rows(player)[1:]] == [""] * len(rows(player)[1:])
    reply = asked(player, p.ReplaceOrder(4, 0, "1", "91"))
    assert reply.ok == (change == "any")
    if change == "less":
        assert reply.text == "order #0 can only be reduced\ncancel it and place another"


def test_a_pair_cannot_be_changed() -> None:
    player = ready()
    asked(player, p.PlaceOco(1, "BTCUSDT", "sell", "2", "120", "90"))
    assert [row.change for row in rows(player)] == ["", ""]
    assert "one of a pair" in asked(player, p.AmendOrder(2, 0, "1")).text
    assert "one of a pair" in asked(player, p.ReplaceOrder(3, 0, "2", "121")).text
    assert "no order #7" in asked(player, p.ReplaceOrder(4, 7, "2", "121")).text


def test_cancelling_all_ends_pairs_and_pending_exits_too() -> None:
    player = ready()
    asked(player, p.PlaceOco(1, "BTCUSDT", "sell", "2", "120", "90"))
    hand(player, type="limit", price="90", stop_loss="80", take_profit="110")
    assert len(rows(player)) == 5
    assert asked(player, p.CancelAll(2)).text == "3 orders cancelled"
    assert rows(player) == []
    hand(player, type="limit", price="90")
    assert asked(player, p.CancelAll(3, "BTCUSDT")).text == "1 order cancelled"


def test_a_pending_exit_can_be_cancelled() -> None:
    player = ready()
    hand(player, type="limit", price="90", stop_loss="80", take_profit="110")
    assert asked(player, p.CancelOrder(2, 1)).ok
    assert [row.id for row in rows(player)] == [0, 2]


@pytest.mark.parametrize("text", ["1E+9999999", "-1E+9999999", "1e19", "9" * 400])
def test_a_number_that_nothing_can_be_worked_out_with_is_refused(text: str) -> None:
    player = ready()
    hand(player, side="sell", price="110", type="limit")
    for command in (
        p.PlaceOrder(2, "BTCUSDT", "sell", "limit", text, "110"),
        p.PlaceOrder(2, "BTCUSDT", "sell", "limit", "1", text),
        p.PlaceOco(2, "BTCUSDT", "sell", text, "120", "90"),
        p.AmendOrder(2, 0, text),
        p.ReplaceOrder(2, 0, text, "111"),
    ):
        reply = asked(player, command)
        assert not reply.ok
        assert "does not fit 64 bits" in reply.text
