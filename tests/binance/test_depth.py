"""The order book: real differences joined to a real snapshot are the exchange's own best quotes, and a gap is never hidden."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.binance.depth import OrderBook
from engine.binance.events import DepthEvent, QuoteEvent, levels, read_frame

AT = 1_735_689_600 * 10**9


def recorded(path: Path) -> Iterator[Any]:
    """Events as they came; a snapshot as what `join` takes."""
    for line in gzip.decompress(path.read_bytes()).splitlines():
        raw = line.split(b" ", 1)[1]
        if b'"stream"' in raw[:12]:
            yield read_frame(raw)
        else:
            said = json.loads(raw)
            yield said["lastUpdateId"], levels(said["bids"]), levels(said["asks"])


@pytest.mark.parametrize(
    ("files", "quotes"), [(("spot_btcusdt_20240808", "spot_btcusdt_20240809"), 1072), (("spot_ethusdt_20240808",), 577)]
)
def test_the_book_of_a_recorded_market_has_the_best_quotes_the_exchange_told(
    data: Path, files: tuple[str, ...], quotes: int
) -> None:
    """The oracle of the data's README: every bookTicker with the update id of a difference, price and amount of either side."""
    book = OrderBook()
    told: dict[int, QuoteEvent] = {}
    met = 0
    for event in chain.from_iterable(recorded(data / "raw-ws" / "hftbacktest" / f"{name}.gz") for name in files):
        if isinstance(event, QuoteEvent):
            told[event.id] = event
        elif isinstance(event, DepthEvent):
            book.hear(event)
        elif type(event) is tuple:
            assert book.join(*event)
        else:
            continue
        quote = told.get(book.last) if book.whole else None
        if quote is not None:
            bid, ask = book.bid, book.ask
            assert (bid, book.bids[bid], ask, book.asks[ask]) == (quote.bid, quote.bid_amount, quote.ask, quote.ask_amount)
            assert bid < ask
            met += 1
            del told[book.last]
    assert book.torn == []
    assert book.whole
    assert met == quotes


def change(first: int, last: int, price: int = 100, amount: int = 1) -> DepthEvent:
    return DepthEvent("BTCUSDT", first, last, {price: amount}, {}, AT)


def test_differences_wait_for_a_snapshot_and_those_in_it_are_dropped() -> None:
    book = OrderBook()
    assert not book.wants
    for event in (change(5, 8, 99), change(9, 11, 98), change(12, 14, 97)):
        book.hear(event)
        assert book.wants
    assert not book.whole
    assert book.join(10, {100: 7}, {})
    assert (book.bids, book.last) == ({100: 7, 98: 1, 97: 1}, 14)


def test_a_snapshot_older_than_the_differences_is_asked_for_again() -> None:
    book = OrderBook()
    book.hear(change(12, 14))
    assert not book.join(10, {}, {})
    assert not book.whole
    assert book.join(11, {}, {})


def test_a_difference_that_does_not_follow_tears_the_book_until_it_is_joined_anew() -> None:
    book = OrderBook()
    assert book.join(10, {100: 7}, {})
    book.hear(change(11, 12))
    book.hear(change(15, 16, 90))
    assert not book.whole
    assert book.torn == [(13, 14)]
    assert book.join(15, {100: 3}, {})
    assert book.bids == {100: 3, 90: 1}


def test_a_lost_connection_tears_it_and_what_was_missed_is_told() -> None:
    book = OrderBook()
    assert book.join(10, {}, {})
    book.hear(change(11, 12))
    book.tear()
    book.hear(change(20, 21))
    assert book.torn == [(13, 19)]
    assert book.join(21, {100: 1}, {})
    book.hear(change(22, 22, 100, 0))
    assert book.bids == {}


def test_what_two_connections_both_told_counts_once() -> None:
    book = OrderBook()
    assert book.join(10, {}, {})
    for event in (change(11, 12, 90, 5), change(13, 14, 90, 6), change(11, 12, 90, 5), change(13, 14, 90, 6)):
        book.hear(event)
    assert book.whole
    assert book.bids == {90: 6}


@given(st.data())
def test_the_book_is_the_exchange_s_wherever_the_snapshot_was_taken_and_whatever_was_lost(data: st.DataObject) -> None:
    """Against a plain replay of every update: whenever the book says it is whole, it is."""
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=30))
    changes = data.draw(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3)), min_size=sum(sizes), max_size=sum(sizes)))
    truth: list[dict[int, int]] = [{}, {}]  # no exchange has an update 0
    for price, amount in changes:
        truth.append({at: its for at, its in {**truth[-1], price: amount}.items() if its})
    book = OrderBook()
    lost: set[int] = set()
    at = 1
    for size in sizes:
        first, at = at + 1, at + size
        if data.draw(st.sampled_from([False, False, False, True])):
            lost |= set(range(first, at + 1))
        else:
            changed = dict(changes[first - 2 : at - 1])
            book.hear(DepthEvent("BTCUSDT", first, at, changed, {}, AT))
        if not book.whole and data.draw(st.booleans()):
            then = data.draw(st.integers(1, at))
            book.join(then, truth[then], {})
        if book.whole:
            assert book.bids == truth[book.last]
    heard = book.last if book.whole else 0
    assert all(not (first <= it <= last) or it in lost for first, last in book.torn for it in range(1, heard + 1))
