"""However often and late and in whatever order an order is told of: one question in the end, and it is what it is there."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.binance.life import ENDED, OWN, Execution, Life, News, Stage
from engine.binance.numbers import NotExact

AMOUNT = 6
Story = tuple[list[tuple[News, list[Execution]]], News]


def execution(trade_id: int, amount: int, *, final: bool = True, maker: bool = True) -> Execution:
    return Execution(trade_id, 100, amount, 100 * amount, 0, "AAA", maker and final, 10 + trade_id, final)


def told(stage: Stage, filled: int, time: int, amount: int = AMOUNT) -> News:
    return News(stage, filled, time, order_id=7, amount=amount)


def life(stage: Stage = Stage.SENT) -> Life:
    return Life(cid="td-1", coin="AAAUSDT", side=1, amount=AMOUNT, created=1, stage=stage, since=1)


@pytest.mark.parametrize(
    ("news", "can_be"),
    [
        (told(Stage.NEW, 0, 10), True),
        (told(Stage.NEW, 0, 10, AMOUNT - 1), False),
        (told(Stage.NEW, 0, 10)._replace(coin="AAAUSDT", side=1), True),
        (told(Stage.NEW, 0, 10)._replace(coin="AAAUSDT", side=-1), False),
        (told(Stage.NEW, 0, 10)._replace(coin="BBBUSDT", side=1), False),
    ],
)
def test_until_its_id_is_known_an_order_is_known_by_what_was_meant(news: News, can_be: bool) -> None:
    assert life().can_be(news) is can_be


def test_by_its_id_an_order_is_known_though_it_was_reduced() -> None:
    its = life()
    its.hear(told(Stage.NEW, 0, 10))
    assert its.can_be(told(Stage.NEW, 0, 11, AMOUNT - 1))
    assert not its.can_be(told(Stage.NEW, 0, 11)._replace(order_id=8))
    reduced = life()
    reduced.amended = True
    assert reduced.can_be(told(Stage.NEW, 0, 10, AMOUNT - 1)), "before anything was heard of it"


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """What an exchange tells of an order from its beginning to some moment, and what it answers at that moment."""
    steps: list[tuple[News, list[Execution]]] = [(told(Stage.NEW, 0, 10), [])]
    filled = amount = 0
    amount = AMOUNT
    for n, part in enumerate(draw(st.lists(st.integers(1, 3), max_size=3))):
        if filled + part > amount:
            break
        filled += part
        stage = Stage.FILLED if filled == amount else Stage.PARTIALLY_FILLED
        steps.append((told(stage, filled, 11 + n, amount), [execution(n + 1, part)]))
        if filled + 1 < amount and draw(st.booleans()):
            amount -= 1
            steps.append((told(stage, filled, 11 + n, amount), []))
    if steps[-1][0].stage is not Stage.FILLED and draw(st.booleans()):
        end = draw(st.sampled_from(sorted(ENDED - {Stage.FILLED, Stage.NOT_PLACED})))
        steps.append((told(end, filled, 20, amount), []))
    return steps, steps[-1][0]


@given(stories(), st.data())
def test_the_end_is_the_same_whatever_was_dropped_repeated_or_late(story: Story, data: st.DataObject) -> None:
    steps, answer = story
    heard = data.draw(st.lists(st.sampled_from(steps), max_size=12))
    its = life()
    ended: Stage | None = None
    for news, executions in heard:
        for fill in executions:
            its.fill(fill)
            its.fill(fill._replace(final=False, quote=0, maker=False))
        its.hear(news)
        if ended is not None:
            assert its.stage is ended or its.stage is Stage.FILLED, "an order that ended stays so"
        ended = its.stage if its.stage in ENDED else None
        assert its.accounted <= its.filled <= AMOUNT
    # then one question, which brings the trades that are missing
    for _, executions in steps:
        for fill in executions:
            its.fill(fill)
    its.hear(answer)
    assert (its.stage, its.filled, its.accounted, its.amount) == (answer.stage, answer.filled, answer.filled, answer.amount)
    assert set(its.trades) == {fill.trade_id for _, executions in steps for fill in executions}
    assert all(fill.maker for fill in its.trades.values())


def test_a_late_new_never_reopens() -> None:
    for end in sorted(ENDED - {Stage.NOT_PLACED}):
        its = life()
        its.hear(told(end, AMOUNT if end is Stage.FILLED else 2, 20))
        assert not its.hear(told(Stage.NEW, 0, 30))
        assert not its.hear(told(Stage.PARTIALLY_FILLED, 3, 30))
        assert its.stage is end


def test_that_all_of_it_filled_is_the_last_word() -> None:
    its = life()
    its.hear(told(Stage.CANCELED, 2, 20))
    assert its.hear(told(Stage.FILLED, AMOUNT, 19))
    assert its.stage is Stage.FILLED
    assert not its.complete
    assert its.fill(execution(1, AMOUNT))
    assert its.complete


def test_a_fill_counts_once_and_learns_who_made_it() -> None:
    its = life()
    assert its.fill(execution(1, 2, final=False))
    assert (its.stage, its.filled) == (Stage.PARTIALLY_FILLED, 2)
    assert not its.fill(execution(1, 2, final=False))
    assert its.fill(execution(1, 2)), "for certain now"
    assert its.trades[1].maker
    assert not its.fill(execution(1, 2))
    assert not its.fill(execution(1, 2, final=False))
    assert its.accounted == 2
    assert its.fill(execution(2, 4))
    assert its.stage is Stage.FILLED


def test_more_than_was_ordered_cannot_have_filled() -> None:
    its = life()
    its.fill(execution(1, 4))
    with pytest.raises(NotExact, match="8 filled of 6"):
        its.fill(execution(2, 4))
    with pytest.raises(NotExact, match="7 filled of 6"):
        its.hear(told(Stage.FILLED, 7, 20))
    assert (its.accounted, its.filled) == (4, 4)


def test_a_status_nobody_knows_makes_it_unknown_until_the_next_word() -> None:
    its = life()
    its.hear(told(Stage.NEW, 0, 10))
    assert its.hear(News(Stage.UNKNOWN, 0, 11, 7, text="the exchange calls it 'ODD'"))
    assert (its.stage, its.text) == (Stage.UNKNOWN, "the exchange calls it 'ODD'")
    assert its.hear(told(Stage.NEW, 0, 12))
    assert (its.stage, its.text) == (Stage.NEW, "")


def test_what_was_concluded_here_gives_way_to_the_exchange() -> None:
    for stage in (Stage.REJECTED, Stage.NOT_PLACED):
        its = life(Stage.UNKNOWN)
        assert its.conclude(stage, 30, "nobody has it")
        assert not its.conclude(Stage.EXPIRED, 31, "again"), "it has ended"
        assert its.complete
        assert its.hear(told(Stage.NEW, 0, 10))
        assert (its.stage, its.concluded, its.text) == (Stage.NEW, False, "")


def test_an_order_the_exchange_has_is_not_concluded_to_be_refused() -> None:
    its = life()
    its.hear(told(Stage.PARTIALLY_FILLED, 2, 10))
    assert not its.conclude(Stage.REJECTED, 20, "no")
    assert not its.conclude(Stage.NOT_PLACED, 20, "no")
    assert its.conclude(Stage.EXPIRED, 20, "forgotten there")
    assert its.complete, "what it filled without a trade will never be told"
    its.lost(30)
    assert its.stage is Stage.EXPIRED


def test_what_happens_here_moves_it_only_before_the_exchange_spoke() -> None:
    its = life(Stage.INTENT)
    its.sent(5)
    assert (its.stage, its.left, its.since) == (Stage.SENT, 5, 5)
    its.lost(6, "no answer")
    assert (its.stage, its.text) == (Stage.UNKNOWN, "no answer")
    its.sent(7)
    assert its.stage is Stage.UNKNOWN
    its.hear(told(Stage.NEW, 0, 8))
    its.lost(9)
    assert its.stage is Stage.NEW
    its.cancels += 1
    assert its.word == "CANCEL_SENT"
    its.hear(told(Stage.CANCELED, 0, 9))
    assert its.word == "CANCELED"


def test_a_trigger_is_as_it_was_told_last() -> None:
    its = life()
    its.hear(told(Stage.NEW, 0, 10)._replace(stop=90))
    assert its.hear(told(Stage.NEW, 0, 12)._replace(stop=95))
    assert not its.hear(told(Stage.NEW, 0, 11)._replace(stop=92))
    assert its.stop == 95


def test_every_stage_is_one_of_ours_one_of_an_end_or_one_on_the_way() -> None:
    assert ENDED | OWN | {Stage.PENDING_NEW, Stage.NEW, Stage.PARTIALLY_FILLED} == set(Stage)
    for order in itertools.permutations((told(Stage.PENDING_NEW, 0, 9), told(Stage.NEW, 0, 10))):
        its = life()
        for news in order:
            its.hear(news)
        assert its.stage is Stage.NEW
