"""The benchmarks run, and what they measure is the work they say: a plain loop in floats comes to the same money."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import talib

from benchmarks import breaking, flight, live, orders, ours, rehearsal, rewind, rows
from benchmarks.capture import run_capture
from benchmarks.history import run_history
from benchmarks.market import SEED, YEAR, make_coin, times
from benchmarks.peers import PEERS, installed
from benchmarks.reference import Rule, reference

BARS = 3000
SOAK_S = int(os.environ.get("TICKDECK_SOAK_S", "60"))
FLOWN = {"order_ms": 2.0, "order_p99_ms": 10.0, "orders": 200, "cancel_ms": 3.0, "cancel_p99_ms": 50.0, "rate": 5000.0}
FLOWN |= {"grown_mb": 1.0, "host_mb": 200.0}
WELL = {
    "messages_s": 5000, "age_ms": 110, "age_p99_ms": 125, "key_ms": 3, "key_max_ms": 9, "host_mb": 290, "grown_mb": 0.1,
    "holes": 0, "reconnects": 0, "bad": 0, "unrecorded": "",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("bench")
    ours.prepare(made, BARS)
    return made


def by_hand(bars: np.ndarray) -> tuple[float, int]:
    """Final equity and fills of the cross in whole units, orders filling at the next open, 10 bps of each."""
    opening, _, _, close, _ = bars
    fast, slow = talib.SMA(close, 50), talib.SMA(close, 200)
    cash, held, fills, order = float(ours.CASH), 0, 0, 0
    for row in range(bars.shape[1]):
        if order:
            cash -= order * opening[row] + abs(order) * opening[row] * 0.001
            held += order
            fills += 1
            order = 0
        if row >= 199:
            if fast[row] > slow[row] and not held:
                order = int(0.99 * cash / close[row])
            elif fast[row] < slow[row] and held:
                order = -held
    return cash + held * close[-1], fills


def test_the_reference_is_the_work_too() -> None:
    bars = make_coin(BARS, SEED)
    assert reference(bars, Rule()) == pytest.approx(by_hand(bars), abs=1e-4)


def test_the_reference_fills_as_other_engines_do() -> None:
    close = np.concatenate([np.full(200, 100.0), [110.0, 110.0], np.full(200, 10.0)])
    opening = np.concatenate([close[:1], close[:-1]]) + 1.0
    opening[201] = 120.0
    bars = np.array([opening, close, close, close, close])
    # the averages part after bar 200; the fast one is below from bar 202 on, whose close is 10 and the next open 11
    assert [reference(bars, rule) for rule in (Rule(), Rule(next_open=False), Rule(below=0.01))] == [
        (pytest.approx(1e9 - 9_000_000 * 120 * 1.001 + 9_000_000 * 11 * 0.999), 2),
        (pytest.approx(1e9 - 9_000_000 * 110 * 1.001 + 9_000_000 * 10 * 0.999), 2),
        (pytest.approx(1e9 - 9_000_000 * 120 * 1.001 + 9_000_000 * 10.99 * 0.999), 2),
    ]
    late, aside = int(0.99e9 / 120), int(0.99e9 / 120 / 1.001)
    assert reference(bars, Rule(sized_late=True))[0] == pytest.approx(1e9 - late * 120 * 1.001 + late * 11 * 0.999)
    assert reference(bars, Rule(sized_late=True, fee_aside=True))[0] == pytest.approx(
        1e9 - aside * 120 * 1.001 + aside * 11 * 0.999
    )


@pytest.mark.parametrize("reading", [False, True])
def test_backtest_is_the_work_it_is_compared_with(folder: Path, reading: bool) -> None:
    figures = ours.run_backtest(folder, 1, ours.reading_strategy if reading else ours.cross_strategy)
    equity, fills = by_hand(make_coin(BARS, SEED))
    assert fills > 10
    assert figures["fills"] == fills
    assert figures["equity"] == pytest.approx(equity, abs=0.01)
    assert figures["bars"] == BARS
    assert (figures["read"] != 0) is reading


def test_every_other_case_runs(folder: Path) -> None:
    portfolio = ours.CASES["portfolio"](folder)
    assert portfolio["bars"] == BARS * ours.COINS
    assert portfolio["fills"] > 100
    assert ours.run_backtest(folder, 1, ours.ordering_strategy)["fills"] == BARS - 1
    assert ours.run_indicators(folder)["talib_s"] > 0
    opened = ours.run_opening(folder)
    assert opened["last"] == round(make_coin(BARS, SEED + ours.COINS - 1)[3, -1] * 1e8)


def test_every_case_has_its_rows(folder: Path) -> None:
    figures = {case: work(folder) for case, work in ours.CASES.items()} | {"kernel": {"wall_s": 1.0}, "host": {"wall_s": 1.0}}
    figures["streams"] = rehearsal.streams(speed=100, seconds=0.5)
    assert figures["streams"]["messages_s"] > 0
    assert figures["streams"]["lost"] == 0
    figures["orders"] = orders.orders(seconds=0.3)
    assert figures["orders"]["orders"] == figures["orders"]["fills"] > 0
    figures["rehearsal"] = {"wall_s": 1.0}
    figures["breaking"] = breaking.run_breaking(folder)
    figures["history"] = run_history(folder, moves=50, checked=200)
    assert figures["history"]["wrong"] == 0
    figures["rewind"] = rewind.run_rewind(folder, keys=15)
    assert figures["rewind"]["keys"] == 15
    figures["capture"] = run_capture(folder, 3000)
    assert (figures["capture"]["lost"], figures["capture"]["sealed"]) == (0, 3000)
    figures["live"] = WELL
    figures["flight"] = FLOWN
    told = {row[0].strip("… "): row[-1] for row in rows.judge(figures)}
    assert {"a far stop under every entry", "an order at every bar", "10 coins, one account"} <= set(told)
    assert told["equity"] is True


@pytest.mark.timeout(180)
def test_ten_live_coins_at_5000_messages_a_second_are_shown_and_recorded_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """For ten seconds; how fast exactly is for `make bench` to say, on a machine that does nothing else."""
    monkeypatch.setattr(live, "SETTLE_S", 2.0)
    figures = live.fly(seconds=10.0)
    told = {row[0].strip(): row[-1] for row in live.live_rows(figures)}
    assert told["lost"] is True
    assert told["the engine's memory grows by"] is True
    assert figures["messages_s"] > 0.9 * live.RATE
    assert figures["trades"] == figures["trade_ids"] > 12 * 0.9 * live.RATE * 0.3
    assert figures["age_ms"] < 1000
    assert figures["key_ms"] < 500


@pytest.mark.timeout(180 + SOAK_S)
def test_a_flight_keeps_up_and_takes_no_more_room_the_longer_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute of 2,000 messages a second with an order and a cancel again and again; how fast it is, `make bench` says.

    `make chaos` has it last an hour.
    """
    monkeypatch.setattr(flight, "QUIET_S", 5.0)
    monkeypatch.setattr(flight, "BUSY_S", float(SOAK_S))
    monkeypatch.setattr(flight, "BUSY_SPEED", 900)
    figures = flight.fly()
    told = {row[0].strip(): row[-1] for row in flight.flight_rows(figures)}
    assert told["the engine's memory grows by"] is True
    assert figures["files"] <= 2
    assert (figures["unknown"], figures["holes"]) == (0, 0)
    assert figures["rate"] > 1000
    assert figures["orders"] > 10
    assert figures["cancels"] > 50
    assert figures["cancel_ms"] < 500


def test_what_a_flight_misses_is_told() -> None:
    assert all(row[-1] for row in flight.flight_rows(FLOWN))
    for worse in ({"order_ms": 2.1}, {"order_p99_ms": 11}, {"cancel_p99_ms": 51}, {"grown_mb": 6}):
        assert [row[-1] for row in flight.flight_rows(FLOWN | worse)].count(False) == 1


def test_what_live_prices_miss_is_told() -> None:
    assert all(row[-1] for row in live.live_rows(WELL))
    for worse in ({"age_p99_ms": 201}, {"messages_s": 4000}, {"holes": 1}, {"key_max_ms": 300}, {"grown_mb": 6}):
        assert [row[-1] for row in live.live_rows(WELL | worse)].count(False) == 1


def test_the_age_of_a_price_is_the_time_since_it_was_sent() -> None:
    for ms in (0, 1_795_699_939_905, 99_999_999, 100_000_000):
        assert live.age_of(float(live.price_of(ms)), ms + 137) == 137


def test_the_market_is_a_year_of_possible_bars() -> None:
    opening, high, low, close, volume = make_coin(YEAR, SEED)
    assert (low <= np.minimum(opening, close)).all()
    assert (high >= np.maximum(opening, close)).all()
    assert low.min() > 0
    assert volume.min() > 0
    assert np.unique(np.diff(times(YEAR))).tolist() == [60_000_000_000]


def test_what_is_missed_is_told() -> None:
    fast, slow = {"bars": 100, "cpu_s": 1.0}, {"bars": 100, "cpu_s": 5.0}
    assert rows.compare("x", fast, slow)[-1] is False
    assert rows.compare("x", fast, {"bars": 100, "cpu_s": 6.0})[-1] is True
    assert rows.compare("x", fast, None)[-1] is None
    same = {"equity": 1.0, "fills": 2, "read": 3.0}
    assert rows.agree(same, same)[-1] is True
    assert rows.agree(same, same | {"equity": 1.02})[-1] is False
    assert rows.agree(same, same | {"fills": 3})[-1] is False
    due = {"equity": 1.0, "fills": 2}
    its = due | {"engine": "other 1.0", "bars": 100, "cpu_s": 2.0}
    assert [row[-1] for row in rows.beside(PEERS[0], fast, its, due)] == [None, True]
    assert [row[-1] for row in rows.beside(PEERS[0], fast, its | {"equity": 2.0}, due)] == [None, False]


def test_a_far_stop_changes_no_money(folder: Path) -> None:
    resting = ours.run_backtest(folder, 1, ours.resting_strategy)
    assert rows.same(resting, ours.run_backtest(folder, 1))


def test_engines_that_are_not_installed_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "backtrader").mkdir()
    (tmp_path / "nautilus").mkdir()
    (tmp_path / "nautilus" / ".installed").touch()
    assert {peer.name: python for peer, python in installed(tmp_path).items()} == {
        "nautilus": tmp_path / "nautilus" / "bin" / "python"
    }


def test_every_engine_has_its_script_and_its_needs() -> None:
    beside = Path(ours.__file__).parent
    for peer in PEERS:
        assert (beside / f"peer_{peer.name}.py").exists()
        assert (beside / f"peer_{peer.name}.txt").read_text()
