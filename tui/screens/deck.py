"""The deck: every panel, what keys do to them, and the path of data from the host to the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from textual import events, on
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from engine.host.protocol import Events, Frame, Hello, LogLine, Watch
from tui.actions import bindings, hints
from tui.arrange import arrange
from tui.mailbox import HostGone, HostLost
from tui.screens.commands import DeckKeys
from tui.screens.palette import DeckCommands
from tui.screens.trading import TradeKeys
from tui.screens.whatif import WhatIfKeys
from tui.session import Session
from tui.text import moment
from tui.travel import Place, Questions, why_not
from tui.trouble import Trouble, troubles
from tui.widgets.banner import Banner
from tui.widgets.board import Board
from tui.widgets.chart import CandleChart
from tui.widgets.features import Features
from tui.widgets.fills import Fills
from tui.widgets.journal import Journal
from tui.widgets.lines import Lines
from tui.widgets.log import Log
from tui.widgets.orders import Orders
from tui.widgets.positions import Positions
from tui.widgets.signals import Signals
from tui.widgets.table import Table
from tui.widgets.tabs import Tabs
from tui.widgets.titleline import TitleLine
from tui.widgets.transport import Transport
from tui.widgets.watchlist import Watchlist
from tui.widgets.why import Why
from tui.widgets.wireframe import Wireframe, joints, tone_of

if TYPE_CHECKING:
    from tui.app import DeckApp


class DeckScreen(DeckKeys, TradeKeys, WhatIfKeys, Screen[None]):
    """One deck for every mode: `apply` shows a frame, `hear` what happened, and `lay_out` fits the panels to the terminal."""

    BINDINGS = [*bindings()]
    COMMANDS = {DeckCommands}
    AUTO_FOCUS = "#watch"

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.tab = self.tab_before = "orders"
        self.count = ""
        self.condition = ""
        self.questions = Questions()
        self.way: list[Place] = []
        self.explained: tuple[str, int, int] = ("", 0, 0)
        self.explaining = False
        self.declined = False
        self._rewound = False
        self.gone: HostGone | HostLost | None = None
        self._told = False
        self.speed: float | None = None
        self._features = 4
        self.stale = ""
        self._lag_ms = 0.0
        self._troubles: list[Trouble] = []
        self._watching: tuple[str, int] = ("", 0)
        self.wireframe = Wireframe(id="wireframe")
        self.title_line = TitleLine(session, id="title")
        self.banner = Banner(id="banner")
        self.watchlist = Watchlist(session, id="watch")
        self.chart = CandleChart(session, id="chart")
        self.features = Features(id="features")
        self.signals = Signals(session, id="signals")
        self.positions = Positions(session, id="positions")
        self.tabs = Tabs(id="tabs")
        self.orders = Orders(session, id="orders")
        self.fills = Fills(session, id="fills")
        self.journal = Journal(id="journal")
        self.why = Why(session, id="why")
        self.log_lines = Log(id="log")
        self.transport = Transport(session, id="transport")
        self.tables: dict[str, Table[Any]] = {
            "watch": self.watchlist,
            "orders": self.orders,
            "fills": self.fills,
            "signals": self.signals,
            "features": self.features,
            "journal": self.journal,
            "why": self.why,
            "log": self.log_lines,
        }

    @property
    def deck_app(self) -> DeckApp:
        """The app, which owns the link to the engine."""
        return cast("DeckApp", self.app)

    def compose(self) -> ComposeResult:
        """Yield the board with every panel on it, the wireframe lowest."""
        panels: list[Widget] = [self.wireframe, self.title_line, self.banner, self.watchlist, self.chart, self.features]
        panels += [self.signals, self.positions, self.tabs, self.orders, self.fills, self.journal, self.why, self.log_lines]
        panels.append(self.transport)
        self.board = Board(*panels, id="board")
        yield self.board

    # Data

    def greet(self, hello: Hello) -> None:
        """Show what is flown, also where a host comes back to a deck that has shown it already."""
        self.session.greet(hello)
        self.gone, self.stale, self.speed = None, "", None
        self.questions.forget()
        self.explaining, self.explained = False, ("", 0, 0)
        self.way.clear()
        self._watching = ("", 0)
        for table in self.tables.values():
            table.forget_columns()
        self.hear(Events([], [], [LogLine(0, "rule", text) for text in reversed(hello.fill_rules)]))
        self._features = len(hello.features)
        self.lay_out()
        self.watch_coin(self.session.coin)

    def apply(self, frame: Frame) -> None:
        """Show the world of this frame in every panel in sight; the layout moves only for a banner or a feature more."""
        self.session.see(frame)
        if self.speed == frame.speed:
            self.speed = None
        if len(frame.features) != self._features:
            self._features = len(frame.features)
            self.lay_out()
        regions = self.board.plan.regions
        self.tell_trouble()
        self.title_line.show(self.stale, self.gone is not None)
        self.watchlist.show(frame.watch)
        if "chart" in regions:
            self.chart.show(frame.chart)
        if "features" in regions:
            self.features.show(frame.features, tuple(frame.chart.overlays))
        if "positions" in regions:
            self.positions.show(frame.positions, frame.account)
        if self._rewound:
            self._rewound = False
            self.fills.show(self.session.fills)
            self.signals.show(self.session.signals)
        self.orders.show_all(frame.orders, frame.trade.externals if frame.trade is not None else ())
        self._show_tabs()
        self.show_transport()
        if frame.playing:
            self.way.clear()
        self.follow_why()

    def hear(self, happened: Events) -> None:
        """Take in what happened, and show the tables it belongs to."""
        self.session.hear(happened)
        if happened.fills:
            self.fills.show(self.session.fills)
        if happened.signals:
            self.signals.show(self.session.signals)
        if happened.journal:
            self.journal.show(self.session.journal)
        if happened.log:
            self.log_lines.tell(self.session.log)
        self._show_tabs()

    def rewind(self) -> None:
        """Forget what has happened so far; the next frame shows what is told instead."""
        self.session.rewind()
        self._rewound = True

    def show_transport(self) -> None:
        """Show how time runs, whether the engine is there, and what has been typed of a number of bars."""
        trouble = "gone" if self.gone else "stale" if self.stale else ""
        if trouble and (isinstance(self.gone, HostLost) or (not self.gone and self.session.trade is not None)):
            trouble += ", waits"
        self.transport.show(self.count, self._lag_ms, trouble)

    def tell_lag(self, lag_ms: float) -> None:
        """Show how far the screen is behind the host, in milliseconds."""
        self._lag_ms = lag_ms
        self.show_transport()

    def tell_stale(self, since: str) -> None:
        """Mark the screen as stale, or with "" as live again."""
        if since != self.stale:
            self.stale = since
            self.title_line.show(since, self.gone is not None)
            self.tell_trouble()
            self.show_transport()

    def tell_gone(self, gone: HostGone | HostLost, *, banner: bool = True) -> None:
        """Show that the engine has gone and its last words, without a banner where a panel tells why already."""
        self.gone, self._told = gone, not banner
        self.title_line.show(self.stale, True)
        self.show_transport()
        self.tell_trouble()

    def tell_trouble(self) -> None:
        """Show what is wrong, the most dangerous first; the layout moves only where there is more of it, or less."""
        told = self.gone is not None and self._told
        found = [] if told else troubles(self.session.frame, self.gone, self.stale) + self.offer()
        if found != self._troubles:
            moves = len(found) != len(self._troubles)
            self._troubles = found
            if moves:
                self.lay_out()
            self.banner.show(found)

    # Layout

    def on_mount(self) -> None:
        """Lay the panels out for the first time."""
        self.lay_out()

    def on_resize(self, event: events.Resize) -> None:
        """Fit the panels to the new size."""
        self.lay_out()

    def lay_out(self) -> None:
        """Give every panel its place for the terminal's size, the tab chosen and whether there is a banner."""
        width, height = self.app.size
        coins = len(self.session.infos) or 3
        live, trade, banner = self.session.live, self.session.trade is not None, len(self._troubles)
        plan = arrange(width, height, coins=coins, features=self._features, banner=banner, tab=self.tab, live=live, trade=trade)
        self.tab = plan.tab or self.tab
        self.board.follow(plan)
        self._keep_focus_in_sight()
        self.call_after_refresh(self._refill)

    def _keep_focus_in_sight(self) -> None:
        regions = self.board.plan.regions
        if self.focused is None or self.focused.id not in regions:
            target = self.tables.get(self.tab) if "watch" not in regions else self.watchlist
            if target is not None and target.id in regions:
                target.focus()

    def _refill(self) -> None:
        frame = self.session.frame
        if frame is not None:
            self.apply(frame)
        self.fills.show(self.session.fills)
        self.signals.show(self.session.signals)
        self.journal.show(self.session.journal)
        self.log_lines.tell(self.session.log)
        self.why.tell()
        self.show_wireframe()
        self.watch_coin(self.session.coin)

    def show_wireframe(self) -> None:
        """Draw rules, titles and hints, and light the title of the panel that has the keys."""
        hello = self.session.hello
        titles = {name: name.capitalize() for name in self.board.plan.regions}
        if hello is not None:
            titles["chart"] = f"{self.session.coin} {hello.interval}"
        session = self.session
        keys = hints(self.deck_app.settings.keys, live=session.live, trade=session.trade is not None)
        self.wireframe.show(self.board.plan, titles, self._focused_panel(), keys, live=session.mode == "live")
        self._show_tabs()

    def _focused_panel(self) -> str:
        return (self.focused.id or "") if self.focused is not None else ""

    def _show_tabs(self) -> None:
        region = self.board.plan.regions.get("tabs")
        if region is None or self.board.plan.size != self.app.size:
            return
        frame = self.session.frame
        counts = {"orders": self.orders.open, "fills": frame.n_fills, "signals": frame.n_signals} if frame else {}
        plan, live, focused = self.board.plan, self.session.mode == "live", self._focused_panel() == self.tab
        rule = joints(plan, live)[region.y][region.x : region.right]
        self.tabs.show(plan.tabs, self.tab, counts, focused=focused, rule=rule, tone=tone_of(live))

    def on_descendant_focus(self) -> None:
        """Light the title of the panel that got the keys."""
        self.show_wireframe()

    def show_tab(self, tab: str) -> None:
        """Bring a panel to the front and give it the keys."""
        if tab in self.board.plan.tabs and tab != self.tab:
            self.tab_before = self.tab if self.tab != "why" else self.tab_before
            self.tab = tab
            self.lay_out()
        elif tab not in self.board.plan.regions:
            self.notify("this panel has no room in a terminal so small", severity="warning", markup=False)
            return
        self.query_one(f"#{tab}").focus()
        self.show_wireframe()

    # Coins

    def watch_coin(self, coin: str) -> None:
        """Show this coin on the chart, with as many bars as there is room for."""
        if not coin:
            return
        self.session.coin = coin
        wanted = (coin, self.chart.bars_wanted())
        if wanted != self._watching and self.deck_app.send(Watch(*wanted)):
            self._watching = wanted
        if self.session.frame is not None:
            self.watchlist.show(self.session.frame.watch)
        self.show_wireframe()

    @on(Table.Pointed, "#watch")
    def _pointed_at_coin(self, message: Table.Pointed) -> None:
        row = self.watchlist.current
        if row is not None and row.coin != self.session.coin:
            self.watch_coin(row.coin)

    @on(Table.Chosen)
    def _chose_row(self, message: Table.Chosen) -> None:
        self.action_choose()

    @on(Transport.Sought)
    def _sought(self, message: Transport.Sought) -> None:
        self.seek(str(message.step))

    @on(CandleChart.Marked)
    def _marked(self, message: CandleChart.Marked) -> None:
        if not why_not(self.session):
            self.go_and_explain(moment(message.at, "%Y-%m-%dT%H:%M:%S"))

    @on(Tabs.Asked)
    async def _asked_for_tab(self, message: Tabs.Asked) -> None:
        await self.run_action(message.tab)

    @on(Lines.Pressed)
    async def _pressed(self, message: Lines.Pressed) -> None:
        await self.run_action(message.action)
