"""A live coin: which of its bars and trades are there, and which it owes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.binance.coin import Hole, LiveCoin
from engine.binance.events import KlineEvent, QuoteEvent, TradeEvent
from engine.market.push import UnitBar
from tests.worlds import MINUTE, START

NAME = "AAAUSDT"


def coin() -> LiveCoin:
    made = LiveCoin(NAME, MINUTE)
    made.begin_at(START - MINUTE)
    return made


def opened(place: int) -> int:
    return START + place * MINUTE


def bar(place: int) -> UnitBar:
    return UnitBar(opened(place), 1, 1, 1, 1, 1)


def kline(place: int, closed: bool = True) -> KlineEvent:
    return KlineEvent(NAME, "1m", bar(place), closed, 1, opened(place) + MINUTE)


def trade(id: int, time: int = 0, price: int = 5) -> TradeEvent:
    return TradeEvent(NAME, id, price, 1, False, START + (time or id), START + (time or id))


def missing(first: int, last: int) -> Hole:
    return Hole(NAME, "klines", opened(first), opened(last))


def test_bars_that_follow_on_leave_nothing_owed() -> None:
    its = coin()
    for place in range(5):
        assert its.hear(kline(place, closed=False), 0) is None
        assert its.owes is None
        assert its.hear(kline(place), 0) == bar(place)
    assert (its.whole, its.owed) == (opened(4), [])


def test_a_bar_is_news_once() -> None:
    its = coin()
    assert its.hear(kline(0), 0) == bar(0)
    assert its.hear(kline(0), 0) is None
    assert its.hear(kline(2), 0) == bar(2)
    assert its.hear(kline(2), 0) is None
    assert its.fill([bar(1), bar(2)]) == ([bar(1)], [])
    assert its.hear(kline(1), 0) is None


def test_a_bar_that_forms_tells_that_those_before_it_are_over() -> None:
    its = coin()
    its.hear(kline(3, closed=False), 0)
    assert its.owes == opened(0)
    assert its.owed == [missing(0, 2)]
    assert its.fill([bar(0), bar(2)]) == ([bar(0), bar(2)], [missing(1, 1)])
    assert its.owes is None


def test_what_the_exchange_does_not_have_yet_stays_owed() -> None:
    its = coin()
    its.hear(kline(3), 0)
    assert its.fill([bar(0)]) == ([bar(0)], [])
    assert its.owes == opened(1)
    assert its.fill([]) == ([], [])
    assert its.forgive() == [missing(1, 2)]
    assert its.whole == opened(3)


@given(st.lists(st.tuples(st.sampled_from("cfr"), st.integers(0, 12), st.integers(0, 4)), max_size=40))
def test_every_bar_is_news_at_most_once_and_whole_is_never_beyond_a_hole(news: list[tuple[str, int, int]]) -> None:
    """`c` a bar that closed, `f` one that forms, `r` an answer up to there, asked for while `whole` was some bars behind."""
    its = coin()
    told: list[int] = []
    holes: set[int] = set()
    for kind, place, behind in news:
        before = its.whole
        if kind == "r":
            asked = range((its.whole - START) // MINUTE + 1 - behind, place + 1)
            fresh, missed = its.fill([bar(at) for at in asked if at % 3])
            told += [(it.time - START) // MINUTE for it in fresh]
            holes |= {at for hole in missed for at in range((hole.first - START) // MINUTE, (hole.last - START) // MINUTE + 1)}
        else:
            heard = its.hear(kline(place, closed=kind == "c"), 0)
            told += [place] if heard is not None else []
        assert len(told) == len(set(told))
        assert holes.isdisjoint(told)
        assert its.whole >= before
        up_to = (its.whole - START) // MINUTE
        assert set(range(up_to + 1)) <= set(told) | holes


def test_trades_that_follow_on_are_whole_and_those_that_do_not_are_missing() -> None:
    its = coin()
    for id in (7, 8, 9, 9, 8, 13, 14, 16):
        its.hear(trade(id), 0)
    assert its.missing == [Hole(NAME, "trades", 10, 12), Hole(NAME, "trades", 15, 15)]


def test_an_older_trade_does_not_bring_its_price_back() -> None:
    its = coin()
    its.hear(trade(8, price=80), 0)
    its.hear(trade(7, price=70), 0)
    assert its.price == 80


def test_an_exchange_that_counts_its_trades_anew_is_followed() -> None:
    its = coin()
    its.hear(trade(900), 0)
    its.hear(trade(3, time=2000, price=33), 0)
    its.hear(trade(4, time=2001, price=34), 0)
    assert (its.price, its.missing) == (34, [])


def test_the_newest_quote_counts_until_the_connection_is_lost() -> None:
    its = coin()
    its.hear(QuoteEvent(NAME, 5, 10, 1, 11, 1), 0)
    its.hear(QuoteEvent(NAME, 4, 8, 1, 9, 1), 0)
    assert (its.health(15).bid, its.health(15).ask) == (10, 11)
    its.lose()
    assert (its.health(15).bid, its.health(15).ask) == (0, 0)
    its.hear(QuoteEvent(NAME, 2, 8, 1, 9, 1), 0)
    assert its.health(15).bid == 8


def test_data_that_came_late_is_as_old_as_it_is_late() -> None:
    its = coin()
    its.hear(trade(1), 20.0)
    assert its.health(15).stale
    assert its.health(15).lag_ms == 20_000
    its.hear(trade(2), 0.1)
    assert not its.health(15).stale
    its.age(16 * 10**9)
    assert its.health(15).stale
    assert its.health(15).age_s > 16
