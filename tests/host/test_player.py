"""The player with a clock of the tests' own: pace, steps, races, hand orders, what is told and how often."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from engine import LocalTradeSystem, ReplayFeed, Signal, Strategy
from engine.config import SessionConfig
from engine.host import protocol as p
from engine.host.player import Player
from engine.host.reporter import NEWEST
from engine.recordings import Recording
from engine.session import Session
from engine.trading.risk import Limits
from tests.worlds import MINUTE, START, Scripted, market, units, walk


class Clock:
    """Stands still, or goes on by `tick` seconds each time it is read."""

    def __init__(self, tick: float = 0.0) -> None:
        self.now = 1000.0
        self.tick = tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


def player_of(
    recording: Recording | None = None,
    strategy: Strategy | None = None,
    tick: float = 0.0,
    limits: Limits | None = None,
    **tables: Any,
) -> Player:
    recording = recording or market(walk(5000))
    config = SessionConfig.from_dict({"recording": "memory", **tables})
    pilot = strategy or Strategy()
    feed = ReplayFeed(recording, config.coins, config.interval)
    account = config.account
    trade = LocalTradeSystem(strategy=pilot, cash=account.cash, adopt=account.adopt, limits=limits)
    return Player(Session(config, recording, feed, trade, pilot), Clock(tick))


def clock_of(player: Player) -> Clock:
    clock = player._clock
    assert isinstance(clock, Clock)
    return clock


class Slow(Strategy):
    """Takes a tenth of a millisecond a step."""

    clock: ClassVar[Clock]

    def gen_signal(self) -> dict[str, Signal]:
        self.clock.now += 0.0001
        return {}


def slow_player() -> Player:
    player = player_of(strategy=Slow())
    Slow.clock = clock_of(player)
    return player


class Fails(Strategy):
    """Fails at step 20."""

    def gen_signal(self) -> dict[str, Signal]:
        if self.step == 20:
            raise ValueError("boom")
        return {}


# pace


@pytest.mark.parametrize("speed", [1, 2, 7, 10, 1000])
def test_playing_does_its_bars_a_second_however_often_it_is_looked_after(speed: float) -> None:
    for looks in (1, 3, 100):
        player = player_of()
        player.act(p.SetSpeed(speed))
        player.act(p.Play())
        clock = clock_of(player)
        start = clock.now
        for look in range(1, 3 * looks + 1):
            clock.now = start + look / looks + 1e-9
            player.advance()
            assert player.done == int(look * speed / looks + 1e-6)


def test_it_says_how_long_nothing_is_due() -> None:
    player = player_of()
    player.act(p.SetSpeed(4))
    player.act(p.Play())
    assert player.advance() == pytest.approx(0.25)
    clock_of(player).now += 0.1
    assert player.advance() == pytest.approx(0.15)
    assert player.done == 0
    clock_of(player).now += 0.15001
    assert player.advance() == pytest.approx(0.25, abs=1e-3)
    assert player.done == 1


def test_pausing_stops_and_playing_goes_on_without_catching_up() -> None:
    player = player_of()
    player.act(p.SetSpeed(10))
    player.act(p.Play())
    clock_of(player).now += 1.01
    player.advance()
    player.act(p.Pause())
    clock_of(player).now += 60
    assert player.advance() > 0
    assert (player.done, player.playing) == (10, False)
    player.act(p.Play())
    player.advance()
    assert player.done == 10
    clock_of(player).now += 1.01
    player.advance()
    assert player.done == 20


def test_a_change_of_speed_counts_from_now_on() -> None:
    player = player_of()
    player.act(p.SetSpeed(10))
    player.act(p.Play())
    clock_of(player).now += 2.01
    player.advance()
    player.act(p.SetSpeed(100))
    player.advance()
    assert player.done == 20
    clock_of(player).now += 1.001
    player.advance()
    assert player.done == 120
    player.act(p.SetSpeed(-5))
    assert player.speed == 0


def test_stepping_pauses_first() -> None:
    player = player_of()
    player.act(p.Play())
    player.act(p.Step(3))
    assert (player.done, player.playing) == (3, False)
    clock_of(player).now += 60
    player.advance()
    assert player.done == 3
    player.act(p.Step())
    assert player.done == 4
    for n in (0, -5):
        player.act(p.Step(n))
        assert player.done == 4
    player.act(p.Step(10**18))
    assert (player.done, player.at_end) == (5000, True)


def test_a_race_runs_in_slices_and_leaves_room_between_them() -> None:
    player = slow_player()
    player.act(p.RunToEnd())
    slices = 0
    while player.playing:
        before = clock_of(player).now
        assert player.advance() == 0.0
        slices += 1
        assert clock_of(player).now - before < 0.05
        assert slices < 10_000
    assert slices > 1
    assert player.at_end
    assert player.advance() > 0


def test_a_race_is_stopped_by_a_pause() -> None:
    player = slow_player()
    player.act(p.RunToEnd())
    player.advance()
    done = player.done
    assert 0 < done < 5000
    player.act(p.Pause())
    player.advance()
    assert player.done == done


def test_speed_zero_is_as_fast_as_it_goes_and_the_end_stops_it() -> None:
    player = slow_player()
    player.act(p.SetSpeed(0))
    player.act(p.Play())
    while player.playing:
        player.advance()
    assert player.at_end
    player.act(p.Play())
    assert not player.playing, "there is nothing left to play"
    player.act(p.RunToEnd())
    assert not player.playing


def test_too_high_a_speed_does_not_hold_the_host_for_longer_than_a_slice() -> None:
    player = slow_player()
    player.act(p.SetSpeed(10**6))
    player.act(p.Play())
    clock_of(player).now += 1
    before = clock_of(player).now
    player.advance()
    assert clock_of(player).now - before < 0.05
    assert 0 < player.done < 5000


def test_the_measured_rate_is_of_the_last_while() -> None:
    player = player_of()
    player.act(p.SetSpeed(100))
    player.act(p.Play())
    for _ in range(20):
        clock_of(player).now += 0.1
        player.advance()
        frame = player.frame()
    assert frame.rate == pytest.approx(100, rel=0.1)
    assert (frame.playing, frame.speed) == (True, 100)
    player.act(p.Pause())
    assert player.frame().rate == 0.0


# orders by hand


def hand(player: Player, number: int = 1, **given: Any) -> p.Reply:
    (reply,) = player.act(
        p.PlaceOrder(**({"id": number, "coin": "BTCUSDT", "side": "buy", "type": "market", "amount": "1"} | given))
    )
    assert isinstance(reply, p.Reply)
    assert reply.id == number
    return reply


def test_an_order_by_hand_is_answered_logged_and_acts_at_the_next_bar() -> None:
    player = player_of()
    player.act(p.Step(5))
    reply = hand(player, 7, amount="0.5")
    assert reply.ok
    assert "order #0: buy 0.5" in reply.text
    assert player.engine.inputs[0].step == 4
    (line,) = player.events().log
    assert (line.level, line.time) == ("info", START + 5 * MINUTE)
    assert "#0 by hand" in line.text
    player.act(p.Step())
    (fill,) = player.events().fills
    assert (fill.n, fill.order_id, fill.step, fill.side, fill.amount) == (0, 0, 5, "buy", "0.50000000")
    assert fill.fee_asset == "BTC"


def test_every_kind_of_order_can_be_placed_and_cancelled() -> None:
    player = player_of()
    player.act(p.Step(5))
    assert hand(player, type="limit", price="50").ok
    assert hand(player, type="limit_maker", price="51").ok
    assert hand(player, type="stop", stop="500").ok
    frame = player.frame()
    assert [(order.id, order.type, order.price, order.stop, order.by) for order in frame.orders] == [
        (0, "limit", "50.00000000", None, "hand"),
        (1, "limit_maker", "51.00000000", None, "hand"),
        (2, "stop", None, "500.00000000", "hand"),
    ]
    (reply,) = player.act(p.CancelOrder(9, 1))
    assert (reply.id, reply.ok) == (9, True)
    (reply,) = player.act(p.CancelOrder(10, 1))
    assert (reply.id, reply.ok) == (10, False)
    assert "no longer open" in reply.text
    (reply,) = player.act(p.CancelAll(11, "BTCUSDT"))
    assert (reply.ok, reply.text) == (True, "2 orders cancelled")
    (reply,) = player.act(p.CancelAll(12))
    assert reply.text == "there are no open orders"
    assert player.frame().orders == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"amount": "0"}, "more than 0"),
        ({"amount": "-1"}, "more than 0"),
        ({"amount": "one"}, "'one' is not a number"),
        ({"amount": ""}, "is not a number"),
        ({"amount": "nan"}, "not a finite number"),
        ({"amount": "inf"}, "not a finite number"),
        ({"amount": "1e999999999"}, "64 bits"),
        ({"amount": "1e30"}, "64 bits"),
        ({"amount": "90000000000"}, "64 bits"),
        ({"coin": "XRPUSDT"}, "XRPUSDT is not in this session"),
        ({"side": "hold"}, "there is no hold market order"),
        ({"type": "iceberg"}, "there is no buy iceberg order"),
        ({"type": "limit"}, "needs a price"),
        ({"type": "limit", "price": "cheap"}, "'cheap' is not a number"),
        ({"type": "market", "price": "5"}, "needs"),
        ({"type": "stop"}, "needs a stop"),
        ({"type": "limit", "price": "5", "stop": "6"}, "stop"),
        ({"amount": "1000"}, "-2010"),
        ({"amount": "0.0000001"}, "LOT_SIZE"),
        ({"side": "sell"}, "-2010"),
    ],
)
def test_an_order_that_cannot_be_is_answered_and_nothing_falls(given: dict[str, str], told: str) -> None:
    player = player_of()
    player.act(p.Step(5))
    reply = hand(player, 3, **given)
    assert not reply.ok
    assert told in reply.text
    assert player.frame().orders == []
    player.act(p.Step())
    assert player.done == 6


def test_before_the_first_bar_there_is_nothing_to_trade() -> None:
    player = player_of()
    reply = hand(player)
    assert not reply.ok
    (reply,) = player.act(p.CancelOrder(2, 0))
    assert not reply.ok


def test_a_cancel_of_what_never_was_is_answered() -> None:
    player = player_of()
    player.act(p.Step(5))
    for order in (0, -1, 10**6):
        (reply,) = player.act(p.CancelOrder(2, order))
        assert not reply.ok


# a strategy that fails


def test_a_failure_pauses_is_told_and_the_market_goes_on() -> None:
    player = player_of(strategy=Fails(), tick=0.001)
    assert player.failure is None
    player.act(p.RunToEnd())
    while player.playing:
        player.advance()
    assert player.done == 21
    failure = player.failure
    assert failure is not None
    assert "ValueError: boom" in failure.message
    assert not failure.fatal
    assert "boom" in player.frame().halted
    (line,) = player.events().log
    assert line.level == "error"
    assert player.events() is None, "it is told once"
    assert hand(player).ok
    player.act(p.Step(5))
    assert player.done == 26
    assert [line.level for line in player.events().log] == ["info"], "the order by hand, and no failure again"
    player.act(p.RunToEnd())
    while player.playing:
        player.advance()
    assert player.at_end
    assert player.frame().n_fills == 1


def test_a_failure_on_the_way_to_the_start_is_told_there() -> None:
    player = player_of(strategy=Fails())
    player.fly_to(1000)
    assert player.done == 21
    assert player.failure is not None


# what is told


class Busy(Strategy):
    """Trades at every bar."""

    def gen_signal(self) -> dict[str, Signal]:
        return {coin: Signal.close() if now.position else Signal.buy(amount=1, reason="again") for coin, now in self.bars()}


def test_events_come_once_in_order_and_of_very_many_the_newest() -> None:
    player = player_of(strategy=Busy())
    player.act(p.Step(50))
    first = player.events()
    assert [fill.n for fill in first.fills] == list(range(len(first.fills)))
    assert [signal.n for signal in first.signals] == list(range(50))
    assert first.signals[0].reason == "again"
    assert [signal.time for signal in first.signals[:2]] == [START + MINUTE, START + 2 * MINUTE]
    assert player.events() is None
    player.act(p.Step(2000))
    then = player.events()
    total = player.frame().n_fills
    assert [fill.n for fill in then.fills] == list(range(total - NEWEST, total))
    assert [signal.n for signal in then.signals] == list(range(2050 - NEWEST, 2050))
    player.act(p.Step(1))
    assert [signal.n for signal in player.events().signals] == [2050]


def test_frames_are_numbered_and_tell_the_moment() -> None:
    bars = {"AAAUSDT": walk(3000, 1), "BBBUSDT": walk(3000, 2, price=50, keep=0.5)}
    player = player_of(market(bars), Busy())
    player.act(p.Step(1500))
    one, two = player.frame(), player.frame()
    assert two.seq == one.seq + 1
    assert two.ts >= one.ts
    raw = player.session.feed.latest
    assert (one.step, one.time, one.at_end, one.halted) == (1499, raw.time, False, "")
    assert [row.coin for row in one.watch] == list(bars)
    assert [row.price for row in one.watch] == [raw.price(coin) for coin in bars]
    assert one.n_signals == len(player.session.trade.signals)
    account = player.session.trade.account
    assert one.account.equity == account.equity
    assert {row.asset: (row.free, row.locked) for row in one.account.balances} == {
        asset: tuple(format(amount, "f") for amount in both) for asset, both in account.balances.items()
    }
    assert one.positions == []  # or dust; see below
    player.act(p.Watch("BBBUSDT", 40))
    chart = player.frame().chart
    assert chart.coin == "BBBUSDT"
    columns = (chart.time, chart.open, chart.high, chart.low, chart.close, chart.volume)
    assert {len(column) for column in columns} == {40}
    assert chart.close == raw["BBBUSDT"].close[-40:].tolist()
    assert chart.time == raw["BBBUSDT"].time[-40:].tolist()
    player.act(p.Watch("XRPUSDT", 40))
    assert player.frame().chart.coin == "BBBUSDT"
    player.act(p.Watch("AAAUSDT", -3))
    assert len(player.frame().chart.time) == 1


def test_the_watchlist_tells_the_day_and_the_age() -> None:
    """Two days of minutes, closing at 100 + hours; then the other coin goes on alone for ten minutes."""
    rows = [100 + n // 60 for n in range(2880)]
    player = player_of(market({"AAAUSDT": rows, "BBBUSDT": [*rows, *[5] * 10]}))
    player.act(p.Step(600))
    early = player.frame().watch[0]
    assert early.change_pct != early.change_pct, "there is no price of a day ago"
    assert early.volume_24h == 600 * 1000
    player.act(p.Step(2290))
    first, second = player.frame().watch
    closed_a_day_ago = rows[2890 - 1440 - 1]
    assert first.change_pct == pytest.approx(100 * (rows[-1] / closed_a_day_ago - 1))
    assert (first.age_s, second.age_s) == (600.0, 0.0)
    assert second.volume_24h == 1440 * 1000
    assert first.volume_24h == 1430 * 1000


def test_drawdown_counts_every_step_between_two_frames() -> None:
    player = player_of(
        market([100, 100, 400, 100, 200, 200]), Scripted({0: Signal.buy(amount=10)}), account={"cash": {"USDT": 1000}}
    )
    player.act(p.Step(1))
    assert player.frame().account.drawdown_pct == 0.0
    player.act(p.Step(4))
    account = player.frame().account
    held = float(player.session.trade.account.position("BTCUSDT").amount)
    assert account.drawdown_pct == pytest.approx(100 * (1 - 200 / 400))
    assert account.return_pct == pytest.approx(100 * (held * 200 / 1000 - 1))
    assert account.fees == pytest.approx(1.0)


def test_the_chart_marks_the_fills_in_view_at_their_bars() -> None:
    player = player_of(market([100 + n for n in range(50)]), Scripted({10: Signal.buy(amount=1), 30: Signal.close()}))
    player.act(p.Watch("BTCUSDT", 25))
    player.act(p.Step(12))
    assert player.frame().chart.marks == [(11, "buy", 111.0)]
    player.act(p.Step(28))
    # bars 15..39 are in view: the purchase at bar 11 is not, the sale at bar 31 is the seventeenth of them
    assert player.frame().chart.marks == [(16, "sell", 131.0)]


def test_a_fill_inside_a_bar_that_is_still_forming_is_marked_when_that_has_closed() -> None:
    player = player_of(market([100] * 40), Scripted({14: Signal.buy(amount=1)}), interval="5m")
    player.act(p.Step(17))
    assert player.frame().n_fills == 1
    assert player.frame().chart.marks == []
    player.act(p.Step(3))
    assert player.frame().chart.marks == [(3, "buy", 100.0)]


def test_positions_and_features_are_told() -> None:
    from engine import MovingAverage

    class Averages(Scripted):
        def features(self) -> list[Any]:
            return [MovingAverage(window=10, name="mean")]

    player = player_of(market([100] * 30), Averages({1: Signal.buy(amount=2)}))
    player.act(p.Step(4))
    frame = player.frame()
    (feature,) = frame.features
    assert (feature.name, feature.warmup_left, len(feature.recent)) == ("mean", 6, 4)
    assert feature.value != feature.value
    (position,) = frame.positions
    assert (position.coin, position.amount, position.sellable) == ("BTCUSDT", "1.99800000", "1.99800000")
    assert position.value == pytest.approx(199.8)
    player.act(p.Step(10))
    (feature,) = player.frame().features
    assert (feature.value, feature.warmup_left) == (100.0, 0)
    assert player.frame().chart.overlays["mean"][-1] == 100.0


def test_a_frame_can_be_made_before_the_first_bar_and_of_a_coin_without_one() -> None:
    bars = {"AAAUSDT": walk(30), "BBBUSDT": walk(10, start=START + 20 * MINUTE)}
    player = player_of(market(bars))
    player.act(p.Step(1))
    player.act(p.Watch("BBBUSDT", 10))
    frame = player.frame()
    assert frame.chart.time == []
    assert frame.watch[1].price != frame.watch[1].price
    p.pack(frame)


def test_what_is_flown_is_said_once_and_in_full() -> None:
    bars = {"AAAUSDT": walk(30, keep=0.6), "BBBUSDT": walk(30, 1)}
    player = player_of(market(bars), Busy(), fills={"taker_bps": 7.5, "slippage_bps": 2})
    hello = player.hello()
    assert isinstance(hello, p.Hello)
    assert [coin.coin for coin in hello.coins] == list(bars)
    assert (hello.coins[0].tick, hello.coins[0].lot, hello.coins[0].min_notional) == ("0.01", "0.001", "5")
    assert hello.coins[0].gaps
    assert (hello.steps, hello.interval, hello.currency, hello.mode) == (30, "1m", "USDT", "replay")
    assert hello.gaps == []
    assert any("taker 7.5 bps" in line for line in hello.fill_rules)
    assert any("2 bps slippage" in line for line in hello.fill_rules)
    assert hello.fill_rules[-1] == "risk: no limits"
    p.pack(hello)


def test_the_limits_in_force_are_said() -> None:
    risk = {
        "max_order_notional": 1000,
        "price_collar_pct": 2.5,
        "max_orders_per_minute": 30,
        "max_daily_loss_pct": 3,
        "max_drawdown_pct": 20,
        "on_loss": "flatten",
    }
    told = [line for line in player_of(risk=risk).hello().fill_rules if line.startswith("risk:")]
    assert told == [
        "risk: an order to buy is worth at most 1000 USDT",
        "risk: an order's price is worse than the market's by at most 2.5 %",
        "risk: in a minute there are at most 30 orders",
        "risk: nothing more is bought in a UTC day and everything is sold after a loss of 3 %",
        "risk: nothing more is bought and everything is sold once equity is below its highest by 20 %",
    ]


def test_a_market_that_is_not_spot_is_said() -> None:
    recording = market(walk(30))
    recording.spot = False
    hello = player_of(recording).hello()
    assert not hello.spot
    assert hello.fill_rules[0] == "market: not spot; orders fill as on spot all the same"


# what is risked


def test_a_stop_for_the_day_is_told_and_over_at_midnight() -> None:
    """A minute market that falls by 10 % at 23:00 and goes on for two hours; at most 5 % may be lost in a day."""
    rows = [100] * 1380 + [90] * 120
    player = player_of(market(rows), Scripted({0: Signal.buy(amount=90)}), limits=Limits(daily_loss=units("0.05")))
    player.act(p.Step(1380))
    assert (player.frame().stopped, player.frame().stopped_today) == ("", False)
    player.act(p.Step(10))
    frame = player.frame()
    assert "max_daily_loss_pct is 5" in frame.stopped
    assert frame.stopped_today
    (line,) = player.events().log
    assert (line.level, line.time) == ("error", START + 1381 * MINUTE)
    assert line.text == f"{frame.stopped}; nothing more is bought this UTC day"
    reply = hand(player)
    assert (reply.ok, reply.text) == (False, f"buy 1 BTCUSDT refused: {frame.stopped}")
    player.act(p.Step(50))
    assert player.frame().stopped
    player.act(p.Step(1))
    assert (player.frame().time, player.frame().stopped) == (START + 1441 * MINUTE, "")
    assert hand(player).ok


def test_a_stop_for_good_stays() -> None:
    rows = [100] * 10 + [70] * 3000
    player = player_of(market(rows), Scripted({0: Signal.buy(amount=91.5)}), limits=Limits(drawdown=units("0.2"), flatten=True))
    player.fly_to(3000)
    frame = player.frame()
    assert "max_drawdown_pct is 20" in frame.stopped
    assert not frame.stopped_today
    assert [line.text for line in player.events().log] == [f"{frame.stopped}; nothing more is bought"]
    assert frame.positions[0].dust, "what was bought has been sold but for what is less than a lot"


def test_what_is_too_little_to_be_sold_is_dust() -> None:
    rows = [100] * 10 + [3] * 10
    bars = {"AAAUSDT": rows, "BBBUSDT": rows}
    signals = {"AAAUSDT": Signal.buy(amount=1), "BBBUSDT": Signal.buy(amount=2)}
    cash = {"USDT": 10_000, "AAA": 5}
    account = {"cash": cash, "adopt": {"AAA": 0.5}}
    player = player_of(market(bars), Scripted({1: signals}), account=account)
    player.act(p.Step(5))
    assert [(row.coin, row.amount, row.dust) for row in player.frame().positions] == [
        ("AAAUSDT", "1.49900000", False),
        ("BBBUSDT", "1.99800000", False),
    ]
    assert player.frame().positions[0].entry_price == 100.0
    player.act(p.Step(10))
    # 1.499 at 3 is 4.497, below the least of 5; 1.998 is worth 5.994
    assert [row.dust for row in player.frame().positions] == [True, False]
