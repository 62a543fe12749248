"""Whatever is done, in whatever order, every step is what it is when flown there from the start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import Phase, given, settings

from engine import Engine, ReplayFeed
from engine.history import history as marks
from engine.recordings.store import write_recording
from engine.session import Session, prepare
from engine.session_file import Keeper, resume
from tests.history.flights import Action, act, shown, slowly
from tests.worlds import market, walk

ROWS = 240
COINS = ("AAAUSDT", "BBBUSDT")
MARKET = market({"AAAUSDT": walk(ROWS, 11, keep=0.8), "BBBUSDT": walk(ROWS, 12, price=20, keep=0.9)})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("programs")
    write_recording(made / "recording", MARKET)
    return made


def busy(folder: Path, limited: bool, memory: int = 0) -> tuple[Session, Engine]:
    config = {
        "recording": str(folder / "recording"),
        "fills": {"slippage_bps": 5, "max_volume_share": 0.2, "maker_bps": 5},
        "strategy": {"use": str(Path(__file__).with_name("busy.py")) + ":Busy"},
    }
    if limited:
        limits = {"max_drawdown_pct": 5, "max_daily_loss_pct": 1, "max_orders_per_minute": 9, "no_repeat_s": 90}
        config["risk"] = {**limits, "on_loss": "flatten"}
    session = prepare(config)
    return session, Engine(session.feed, session.trade, session.strategy, memory=memory)


LAST = len(ReplayFeed(MARKET)) - 1
AMOUNTS = st.sampled_from([1, -1, 3, -2])
ACTIONS: st.SearchStrategy[Action] = st.one_of(
    st.builds(lambda coin, amount: ("place_order", (coin, amount), {}), st.sampled_from(COINS), AMOUNTS),
    st.builds(
        lambda coin, amount, price: ("place_order", (coin, amount, price), {}),
        st.sampled_from(COINS), AMOUNTS, st.sampled_from([19, 20, 99, 100, 101]),
    ),
    st.builds(lambda amount: ("place_order", ("AAAUSDT", amount), {"stop_loss": 90, "take_profit": 110}), st.just(2)),
    st.builds(lambda amount: ("place_oco", ("AAAUSDT", -amount, 120, 80), {}), st.just(1)),
    st.builds(lambda number: ("cancel", (number,), {}), st.integers(0, 60)),
    st.builds(lambda number: ("amend_order", (number, 1), {}), st.integers(0, 60)),
    st.builds(lambda mean: ("set_parameters", (), {"mean": mean}), st.integers(2, 12)),
    st.builds(lambda eager: ("set_parameters", (), {"eager": eager}), st.sampled_from([0.1, 0.5, 0.9])),
)  # fmt: skip
MOVES = st.one_of(
    st.tuples(st.just("run"), st.sampled_from([1, 2, 7, 50, 1000])),
    st.tuples(st.just("step_back"), st.integers(1, 3)),
    st.tuples(st.just("seek"), st.integers(-1, LAST)),
    st.tuples(st.just("act"), ACTIONS),
    st.tuples(st.just("switch"), st.integers(0, 5)),
    st.tuples(st.just("resume"), st.none()),
)


@pytest.mark.parametrize("limited", [False, True])
@given(moves=st.lists(MOVES, min_size=1, max_size=14), memory=st.sampled_from([marks.MEMORY, 30_000]))
@settings(max_examples=40, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_every_way_to_a_step_comes_to_the_same(folder: Path, moves: list[tuple[str, Any]], memory: int, limited: bool) -> None:
    session, flown = busy(folder, limited, memory)
    flown.history._spacing = 1e-4  # many marks on so short a market
    logs: dict[str, list[tuple[int, Action]]] = {"main": []}
    left: dict[str, int] = {}
    head = -1
    name, step = "main", -1
    for what, how in moves:
        log = logs[name]
        if what == "run":
            step = min(step + flown.run(how), LAST)
            while flown.halted is not None and flown.raw.latest.step < step:
                flown.run(step - flown.raw.latest.step)
        elif what == "step_back":
            for _ in range(how):
                step -= flown.step_back()
        elif what == "seek":
            flown.seek(how)
            step = how
        elif what == "act" and step >= 0:
            ahead = step < head or any(at > step for at, _ in log)
            if act(flown, how):
                if ahead:
                    left[name] = step
                    parted = [(at, action) for at, action in log if at <= step]
                    name = flown.history.branches.now.name
                    assert name not in logs
                    log = logs[name] = parted
                    head = step
                log.append((step, how))
        elif what == "switch":
            other = sorted(logs)[how % len(logs)]
            if other != name:
                left[name] = step
                flown.history.branches.switch(other)
                name, step, head = other, left[other], left[other]
        elif what == "resume":
            Keeper(folder / "saved.toml", session, flown).save()
            session, flown, _, warnings = resume(folder / "saved.toml")
            assert warnings == []
            # what lay ahead is flown again when it is wanted
            head = step
        head = max(head, step)
        assert flown.raw.latest.step == step
        assert shown(flown) == slowly(lambda: busy(folder, limited)[1], step, logs[name])
    assert flown.history.warnings == []
    assert flown.history.size <= max(memory, 60_000)
