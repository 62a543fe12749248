"""The deck's widgets, each alone, as lines of text."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from fake_world import GAP, MINUTE, START, World
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.widget import Widget

from engine.host import protocol as p
from tui.arrange import arrange
from tui.session import Session
from tui.theme import THEMES, VARIABLES
from tui.trouble import Trouble
from tui.widgets.banner import Banner
from tui.widgets.chart import CandleChart
from tui.widgets.choice import Choice
from tui.widgets.features import Features
from tui.widgets.fills import Fills
from tui.widgets.lines import Lines
from tui.widgets.log import Log
from tui.widgets.orders import Orders
from tui.widgets.positions import Positions
from tui.widgets.signals import Signals
from tui.widgets.tabs import Tabs
from tui.widgets.titleline import TitleLine
from tui.widgets.transport import Transport
from tui.widgets.watchlist import Watchlist
from tui.widgets.wireframe import Wireframe


class Stage(App[None]):
    """Shows one widget over the whole terminal."""

    def __init__(self, widget: Lines) -> None:
        super().__init__()
        self.widget = widget
        for theme in THEMES:
            self.register_theme(theme)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return VARIABLES

    def on_mount(self) -> None:
        self.theme = "deck-dark"

    def compose(self) -> ComposeResult:
        yield self.widget


async def drawn(widget: Lines, size: tuple[int, int], *feeds: Callable[[], Any]) -> list[str]:
    """Return the lines of a widget of this size after it was fed."""
    async with Stage(widget).run_test(size=size) as pilot:
        for feed in feeds:
            feed()
            await pilot.pause()
        assert all(widget.render_line(y).cell_length == size[0] for y in range(size[1]))
        return [widget.render_line(y).text.rstrip() for y in range(size[1])]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def session(world: World) -> Session:
    made = Session()
    made.greet(world.hello())
    made.see(world.frame())
    made.hear(world.events())
    return made


def frame_of(session: Session) -> p.Frame:
    assert session.frame is not None
    return session.frame


async def test_watchlist(session: Session) -> None:
    widget = Watchlist(session)
    assert await drawn(widget, (25, 4), lambda: widget.show(frame_of(session).watch)) == [
        " BTC  107,423.11  +2.28%",
        " ETH    2,467.56  -2.54%",
        " SOL      161.91  2h old",
        "",
    ]


async def test_a_wide_watchlist_has_volumes_and_a_price_that_is_none_is_a_dash(session: Session) -> None:
    widget = Watchlist(session)
    rows = [p.WatchRow("BTCUSDT", 0.0, 0.0, 0.0, 0.0), p.WatchRow("ETHUSDT", 2467.5, math.nan, 1234.0, 0.0)]
    assert await drawn(widget, (36, 2), lambda: widget.show(rows)) == [
        " BTC              –   0.00%       0",
        " ETH       2,467.50       –    1.2k",
    ]


async def test_positions(session: Session) -> None:
    widget = Positions(session)
    frame = frame_of(session)
    assert await drawn(widget, (25, 8), lambda: widget.show(frame.positions, frame.account)) == [
        " BTC   0.0939906 +274.77",
        "   at 104,500.00  +2.80%",
        " USDT       499.10318274",
        "   in orders       5,205",
        " drawdown         -2.50%",
        " fees paid         31.87",
        "",
        "",
    ]
    widget = Positions(session)
    assert (await drawn(widget, (25, 4), lambda: widget.show(frame.positions, frame.account)))[:2] == [
        " BTC   0.0939906 +274.77",
        " USDT       499.10318274",
    ]
    widget = Positions(session)
    assert (await drawn(widget, (25, 4), lambda: widget.show([], frame.account)))[0] == "  flat: no positions"


async def test_a_balance_that_is_not_all_of_a_position_is_told(session: Session) -> None:
    frame = frame_of(session)
    balances = [p.BalanceRow("BTC", "0.50000000", "0.00000000"), p.BalanceRow("ETH", "0.00000000", "0.10000000")]
    account = msgspec.structs.replace(frame.account, balances=balances)
    widget = Positions(session)
    assert (await drawn(widget, (25, 7), lambda: widget.show(frame.positions, account)))[2:5] == [
        " BTC                 0.5",
        " ETH                   0",
        "   in orders         0.1",
    ]


async def test_dust_is_listed_apart(session: Session) -> None:
    frame = frame_of(session)
    rows = [
        p.PositionRow("ETHUSDT", "0.00003100", "0.00000000", True, 2500.0, 2467.5, 0.08, 0.0, 0.0),
        *frame.positions,
    ]
    balances = [*frame.account.balances, p.BalanceRow("ETH", "0.00003100", "0.00000000")]
    account = msgspec.structs.replace(frame.account, balances=balances)
    widget = Positions(session)
    assert (await drawn(widget, (25, 8), lambda: widget.show(rows, account)))[:4] == [
        " BTC   0.0939906 +274.77",
        "   at 104,500.00  +2.80%",
        " dust ETH       0.000031",
        " USDT       499.10318274",
    ]
    widget = Positions(session)
    assert (await drawn(widget, (25, 7), lambda: widget.show(rows[:1], account)))[:2] == [
        "  flat: no positions",
        " dust ETH       0.000031",
    ]


async def test_features(session: Session) -> None:
    widget = Features()
    rows = [
        p.FeatureRow("fast", 105402.13, 0, [1, 2, 3, 4, 5, 6, 7, 8]),
        p.FeatureRow("macd_12_26_9.signal", -0.00123, 0, []),
        p.FeatureRow("slow", math.nan, 1163, []),
    ]
    assert await drawn(widget, (30, 3), lambda: widget.show(rows, ("fast",))) == [
        " fast        105,402.1 ▁▂▄▅▇█",
        " macd_12_2…  -0.001230",
        " slow         in 1,163",
    ]


async def test_signals_narrow_and_wide(session: Session) -> None:
    widget = Signals(session)
    assert await drawn(widget, (30, 2), lambda: widget.show(session.signals)) == [
        " 16:05 ▲ SOL  fast above slow",
        " 15:41 ▼ ETH  fast below slow",
    ]
    widget = Signals(session)
    assert await drawn(widget, (78, 3), lambda: widget.show(session.signals)) == [
        " time        coin   signal reason                what became of it",
        " 06-14 16:05 SOL    buy    fast above slow       ordered #20",
        " 06-14 15:41 ETH    close  fast below slow       refused: below the least no…",
    ]


async def test_orders(session: Session, world: World) -> None:
    world.bracket()
    rows = world.frame().orders
    wide = Orders(session)
    assert await drawn(wide, (118, 10), lambda: wide.show(rows)) == [
        "      # coin  side type            amount     filled        price     away   bars by       terms",
        "     42 BTC   buy  limit             0.05          0   104,100.00   +0.43%      3 strategy fast above slow",
        "     43 ETH   sell stop               1.2          0    ≤2,490.00   +0.43%      3 hand",
        "     44 BTC   buy  stop-limit        0.01          0  ≥108,000.00   +0.43%      3 hand     then 108,100.00 · IOC",
        "     45 BTC   buy  limit             0.02          0   105,000.00   +0.43%      3 strategy dip",
        "     46 BTC   sell stop              0.02          0  ≤102,000.00   +0.43%      3 strategy exit of #45 · pending · d…",
        "     47 BTC   sell limit             0.02          0   112,000.00   +0.43%      3 strategy exit of #45 · pending · d…",
        "     48 SOL   sell trail 1.5%        12.5          0      ≤158.35   +0.43%      3 hand",
        "     49 ETH   sell maker                1          0     2,600.00   +0.43%      3 hand     exit of #12 · pair with #…",
        "     50 ETH   sell stop                 1          0    ≤2,400.00   +0.43%      3 hand     exit of #12 · pair with #…",
    ]
    assert wide.open == 7, "an exit that waits for its entry is not open yet"
    narrow = Orders(session)
    assert (await drawn(narrow, (78, 10), lambda: narrow.show(rows)))[3:7] == [
        "     44 BTC   buy  stop-limit        0.01  ≥108,000.00   +0.43% then 108,100…",
        "     45 BTC   buy  limit             0.02   105,000.00   +0.43% dip",
        "     46 BTC   sell stop              0.02  ≤102,000.00   +0.43% exit of #45 …",
        "     47 BTC   sell limit             0.02   112,000.00   +0.43% exit of #45 …",
    ]


async def test_fills(session: Session) -> None:
    widget = Fills(session)
    lines = await drawn(widget, (118, 3), lambda: widget.show(session.fills))
    assert lines == [
        " time        coin  side        amount        price               fee      position               cash   order",
        " 06-14 15:50 BTC   sell     0.0939906   107,588.37    0.00009399 BTC     0.0000006       499.10318274     #13",
        " 06-14 15:15 BTC   buy      0.0939906   107,673.70    0.00009399 BTC     0.0939906       499.10318274     #12",
    ]


async def test_log() -> None:
    widget = Log()
    rows = [p.LogLine(GAP[1], "warning", "BTCUSDT: no data"), p.LogLine(0, "print", "hello")]
    assert await drawn(widget, (40, 2), lambda: widget.tell(rows)) == [
        " 06-14 08:45 warning BTCUSDT: no data",
        "             print   hello",
    ]


async def test_the_log_cuts_nothing() -> None:
    widget = Log()
    long = "strategy Dip failed in dip.py, line 41: KeyError: 'SOLUSDT'; the strategy stands still"
    rows = [p.LogLine(GAP[1], "error", long), p.LogLine(0, "print", "价格" * 11), p.LogLine(0, "print", "x" * 30)]
    assert await drawn(widget, (44, 9), lambda: widget.tell(rows)) == [
        " 06-14 08:45 error   strategy Dip failed in",
        "                     dip.py, line 41:",
        "                     KeyError: 'SOLUSDT';",
        "                     the strategy stands",
        "                     still",
        "             print   价格价格价格价格价格价",
        "                     格价格价格价格价格价格",
        "             print   xxxxxxxxxxxxxxxxxxxxxx",
        "                     xxxxxxxx",
    ]


@pytest.mark.parametrize(
    "widget",
    [Watchlist(Session()), Features(), Signals(Session()), Orders(Session()), Fills(Session()), Log(), CandleChart(Session())],
)
async def test_where_nothing_is_there_the_panel_says_so(widget: Lines) -> None:
    lines = await drawn(widget, (60, 8), widget.redraw)
    assert any(line.strip().startswith(("no ", "nothing", "waiting")) for line in lines)


async def test_title(session: Session) -> None:
    wide = TitleLine(session)
    assert await drawn(wide, (120, 1), lambda: wide.show("")) == [
        " REPLAY   SYNTHETIC  demo  SmaCross fast=50 slow=200 size=0.99           "
        "2025-06-14 16:24 UTC  equity  10,687.32 +6.88%"
    ]
    narrow = TitleLine(session)
    assert await drawn(narrow, (80, 1), lambda: narrow.show("")) == [
        " REPLAY   SYNTHETIC  demo  SmaCross fast=50   06-14 16:24 UTC  10,687.32 +6.88%"
    ]
    stale = TitleLine(session)
    assert (await drawn(stale, (80, 1), lambda: stale.show("3s")))[0].startswith(" REPLAY   STALE 3s   SYNTHETIC ")


@pytest.mark.parametrize("width", [80, 120])
async def test_the_title_says_what_must_not_be_missed(session: Session, world: World, width: int) -> None:
    session.greet(msgspec.structs.replace(world.hello(), synthetic=False, spot=False))
    for today, word in ((True, "STOPPED TODAY"), (False, "STOPPED")):
        world.stopped, world.stopped_today = "risk: too much lost", today
        session.see(world.frame())
        title = TitleLine(session)
        assert (await drawn(title, (width, 1), lambda shown=title: shown.show("")))[0].startswith(  # type: ignore[misc]
            f" REPLAY   {word}   NOT SPOT  demo"
        )


async def test_transport(session: Session, world: World) -> None:
    widget = Transport(session)
    assert await drawn(widget, (118, 1), lambda: widget.show("", 3, "")) == [
        " ‖ paused   ›1  »10  ⇥end  −  10x  +  ━━░░━━━●━━━━━━━━━━━━━━━━━━━━━━━░━━━━━━━━━━━━    699 / 3,999     –/s  lag   3 ms"
    ]
    world.playing, world.speed = True, 0
    session.see(world.frame())
    widget = Transport(session)
    assert await drawn(widget, (78, 1), lambda: widget.show("25", 1500, "")) == [
        " ▶ playing  ×25  −  max  +  ━░━━●━━━━━━━━━━━━░━━━━━━━    699 / 3,999  52.0k/s"
    ]
    world.step(5000)
    session.see(world.frame())
    widget = Transport(session)
    assert await drawn(widget, (50, 1), lambda: widget.show("", 0, "")) == [" ■ end      ━░━━━━━━━━━━━━━░━━━━━●  3,999 / 3,999"]


async def test_tabs_and_wireframe(session: Session) -> None:
    tabs = Tabs()
    counts = {"orders": 2, "fills": 1234}
    rule = "─" * 38
    assert await drawn(
        tabs, (38, 1), lambda: tabs.show(("orders", "fills", "log"), "fills", counts, focused=True, rule=rule, tone="rule")
    ) == ["─ Orders 2 ─ Fills 1,234 ─ Log ───────"]
    plan = arrange(40, 12, coins=3, features=4, banner=0, tab="orders")
    frame = Wireframe()
    assert await drawn(frame, (40, 12), lambda: frame.show(plan, {"chart": "BTCUSDT 1m"}, "chart", "q quit")) == [
        "",
        "┌─ BTCUSDT 1m ─────────────────────────┐",
        *["│                                      │"] * 7,
        "├──────────────────────────────────────┤",
        "│                                      │",
        "└─ q quit ─────────────────────────────┘",
    ]


async def test_a_choice_takes_a_second_line_where_there_is_one() -> None:
    options = ("market", "limit", "maker", "stop", "stop-limit")
    tall = Choice(options, "maker", rows=2)
    assert await drawn(tall, (40, 2), tall.redraw) == [
        " market   limit   maker   stop",
        " stop-limit",
    ]
    low = Choice(options, "maker")
    assert await drawn(low, (40, 1), low.redraw) == [" maker   3 of 5"]


async def test_banner_keeps_the_remedy_in_sight() -> None:
    banner = Banner()
    gone = Trouble("ENGINE GONE", "killed by " + "x" * 90, "r restarts", "badge-live")
    assert await drawn(banner, (60, 1), lambda: banner.show([gone])) == [
        " ENGINE GONE  killed by xxxxxxxxxxxxxxxxxxxxxx…  r restarts",
    ]


async def test_banner_tells_how_many_lines_it_has_no_room_for() -> None:
    banner = Banner()
    found = [Trouble(word, "so it is", "K halts", "quiet") for word in ("UNKNOWN", "STALE", "HALTED")]
    assert await drawn(banner, (40, 2), lambda: banner.show(found)) == [
        " UNKNOWN  so it is              K halts",
        " STALE +1  so it is             K halts",
    ]


def chart_of(times: list[int], closes: list[float], **more: Any) -> p.Chart:
    opens = [closes[0], *closes[:-1]]
    high = [max(a, b) + 0.4 for a, b in zip(opens, closes, strict=True)]
    low = [min(a, b) - 0.4 for a, b in zip(opens, closes, strict=True)]
    return p.Chart("BTCUSDT", times, opens, high, low, closes, [float(n % 4 + 1) for n in range(len(times))], **more)


async def test_chart(session: Session) -> None:
    closes = [100.0, 101, 102, 103, 104, 105, 104, 103, 102, 101, 102, 103, 104, 105, 106, 107, 108, 107, 106, 105]
    times = [START + n * MINUTE for n in range(20)]
    overlay = [math.nan] * 5 + [101.0 + n / 4 for n in range(15)]
    chart = chart_of(
        times, closes, overlays={"slow": overlay}, marks=[(3, "buy", 102.0), (16, "sell", 108.0), (99, "buy", 1.0)]
    )
    session._decimals["BTCUSDT"] = 1
    widget = CandleChart(session)
    assert await drawn(widget, (38, 14), lambda: widget.show(chart)) == [
        " O 106.0 H 106.4 L 104.6 C 105.0 V 4",
        " ⠤⠤ slow",
        "                           ▼╻",
        "                          ╽┃┃╽",
        "                         ╽┃╵╵┃╽",
        "┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈╽╽┈┈┈┈┈┈╽┃╵┈┈╵┃┈ 105.0",
        "               ┃╿╿┃    ┃╿ ⣀⠤⠒⠒⠉",
        "             ╷┃╿  ╿┃╷╷┃╿⠒⠉",
        "            ╷┃╿  ⣀⠤╿┃┃╿",
        "           ╷┃╿▲ ⠉   ╿╿",
        "           ╹╹                    100.0",
        "             ▄█  ▄█  ▄█  ▄█  ▄█      4",
        "           ▄███▄███▄███▄███▄███",
        "           14 Jun         00:15",
    ]


async def test_without_colours_shapes_tell_what_rises_and_which_line_is_which(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    closes = [100.0, 102, 104, 106, 104, 102, 100, 98, 100, 102, 104, 106]
    times = [START + n * MINUTE for n in range(12)]
    chart = chart_of(times, closes, overlays={"fast": [107.4] * 12, "slow": [108.6] * 12}, marks=[])
    session._decimals["BTCUSDT"] = 1
    drawings = {}
    for no_color in (False, True):
        if no_color:
            monkeypatch.setenv("NO_COLOR", "1")
        widget = CandleChart(session)
        drawings[no_color] = await drawn(widget, (30, 24), lambda shown=widget: shown.show(chart))  # type: ignore[misc]
    plain, coloured = drawings[True], drawings[False]
    assert coloured[1] == " ⠤⠤ fast  ⠤⠤ slow"
    assert plain[1] == " ⠤⠤⠤⠤⠤ fast  ⠤ ⠤ ⠤ slow"
    solid, hollow = set("┃╽╿╹╻"), set("║╥╨")
    columns = [{line[n] for line in plain[2:20] if n < len(line)} for n in range(30)]
    bars = [column for column in columns if column & (solid | hollow)]
    assert [bool(column & hollow) for column in bars] == [b >= a for a, b in zip([100.0, *closes], closes, strict=False)]
    assert not any(column & solid and column & hollow for column in bars)
    assert not any(set(line) & hollow for line in coloured)
    dots = [sum("\u2801" <= cell <= "\u28ff" for cell in line) for line in plain[2:] if any(c > "\u2800" for c in line)]
    assert sorted(dots) == [6, 12], "every column of one line, every second of the other"


async def test_a_gap_is_shaded_and_told(session: Session) -> None:
    times = [START + n * MINUTE + (0 if n < 12 else 30 * MINUTE) for n in range(20)]
    chart = chart_of(times, [100.0 + n % 7 for n in range(20)], overlays={}, marks=[])
    session._decimals["BTCUSDT"] = 1
    widget = CandleChart(session)
    lines = await drawn(widget, (50, 12), lambda: widget.show(chart))
    assert lines[1] == " ░░ gap 00:12–00:42 (30m)"
    assert all(line[33:35] == "░░" for line in lines[2:11])
    assert lines[11] == "                     14 Jun           00:45"


async def test_the_last_bars_are_the_ones_shown(session: Session) -> None:
    times = [START + n * MINUTE for n in range(500)]
    chart = chart_of(times, [100.0] * 400 + [200.0] * 100, overlays={}, marks=[])
    widget = CandleChart(session)
    lines = await drawn(widget, (60, 20), lambda: widget.show(chart))
    assert not any("100." in line[50:] for line in lines)


async def test_only_what_changed_is_painted_again(session: Session, world: World) -> None:
    widget = Watchlist(session)
    rows = frame_of(session).watch
    async with Stage(widget).run_test(size=(25, 10)) as pilot:
        widget.show(rows)
        await pilot.pause()
        before = [widget.render_line(y) for y in range(10)]
        painted: list[Region] = []
        refresh = widget.refresh

        def note(*regions: Region, **more: bool) -> Widget:
            painted.extend(regions)
            return refresh(*regions, **more)

        widget.refresh = note  # type: ignore[method-assign, assignment]
        widget.show([rows[0], msgspec.structs.replace(rows[1], price=2500.0), rows[2]])
        assert painted == [Region(0, 1, 25, 1)]
        after = [widget.render_line(y) for y in range(10)]
        assert [a is b for a, b in zip(before, after, strict=True)] == [True, False, *[True] * 8]
        painted.clear()
        widget.show([rows[0], msgspec.structs.replace(rows[1], price=2500.0), rows[2]])
        assert painted == []


async def test_colours_follow_the_theme(session: Session) -> None:
    widget = Watchlist(session)
    stage = Stage(widget)
    async with stage.run_test(size=(25, 3)) as pilot:
        widget.show(frame_of(session).watch)
        for theme in THEMES:
            stage.theme = theme.name
            await pilot.pause()
            up = next(segment for segment in widget.render_line(0) if "+2.28%" in segment.text)
            assert up.style is not None
            assert up.style.color is not None
            assert up.style.color.name == theme.variables["up"]
