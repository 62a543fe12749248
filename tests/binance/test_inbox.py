"""The inbox: what conflates and what is never lost."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.binance.inbox import Inbox, Overflow


@given(st.lists(st.tuples(st.sampled_from(["trade", "a", "b"]), st.integers())))
def test_what_may_not_be_lost_is_all_there_and_of_the_rest_the_newest(news: list[tuple[str, int]]) -> None:
    inbox: Inbox[tuple[str, int]] = Inbox()
    for event in news:
        inbox.put(event, None if event[0] == "trade" else event[0])
    expected = [
        event for n, event in enumerate(news) if event[0] == "trade" or all(later[0] != event[0] for later in news[n + 1 :])
    ]
    assert len(inbox) == len(expected)
    assert inbox.take() == expected
    assert inbox.conflated == len(news) - len(expected)
    assert inbox.take() == []


def test_without_room_nothing_is_dropped_in_silence() -> None:
    inbox: Inbox[int] = Inbox(most=3)
    for n in range(3):
        inbox.put(n)
    inbox.put(9, "quote")
    with pytest.raises(Overflow, match="3 events wait"):
        inbox.put(3)
    assert inbox.take() == [0, 1, 2, 9]
    inbox.put(3)
    assert inbox.take() == [3]


async def test_waiting_ends_when_something_comes() -> None:
    inbox: Inbox[int] = Inbox()
    waiting = asyncio.create_task(inbox.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    inbox.put(1)
    await waiting
