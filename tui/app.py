"""The Textual app: owns the link to the engine, the data path into the deck, and the ways out."""

from __future__ import annotations

import asyncio
import gc
import itertools
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from msgspec import structs
from textual.binding import Binding
from textual.driver import Driver
from textual.timer import Timer
from textual.worker import Worker, WorkerFailed

from engine.host.protocol import (
    SIGN_OF_LIFE,
    BranchReport,
    Command,
    Completions,
    Events,
    Failure,
    Frame,
    Halt,
    Hello,
    LogLine,
    Progress,
    Reply,
    Rewound,
    Travels,
    WhyReport,
)
from tui import crash
from tui.departure import Departure
from tui.mailbox import HostGone, HostLost, HostSpec, Link, Printed, Received
from tui.screens.deck import DeckScreen
from tui.screens.download import DownloadScreen
from tui.screens.error import ErrorScreen
from tui.screens.halt import HaltScreen
from tui.screens.start import StartScreen
from tui.session import Session
from tui.settings import Settings
from tui.text import clean, span
from tui.theme import THEMES, VARIABLES
from tui.watchman import Watchman

SHORTEST = 1 / 15
"""Least time between two frames shown, in seconds; the first after a pause is shown at once."""
LAST_SECONDS = 2.0
"""How long an engine that flies may take to end where the deck is ended by force."""
STALE_SECONDS = 2.5 * SIGN_OF_LIFE


class DeckApp(Departure):
    """Runs the deck on an engine: `connect` makes the link for a spec, `clock` tells the host's wall clock in ns."""

    TITLE = "tickdeck"
    ENABLE_COMMAND_PALETTE = False
    # Textual's own commands would open its help over the deck, or leave one list of it; the deck's palette has its own.
    COMMANDS = set()
    # The kill switch takes this key from whatever has the keys, a field that is typed in too.
    BINDINGS = [Binding("ctrl+k", "halt", "Halt", show=False, priority=True)]
    # All of it at once: a screen with a sheet of its own has every style worked out anew when it first opens.
    CSS_PATH = ["screens/deck.tcss", "screens/panels.tcss"]

    def __init__(
        self,
        connect: Callable[[HostSpec], Link],
        spec: HostSpec,
        settings: Settings,
        *,
        clock: Callable[[], int] = time.time_ns,
        driver_class: type[Driver] | None = None,
    ) -> None:
        super().__init__(driver_class=driver_class)
        self.settings = settings
        self.crash_report: Path | None = None
        self.crashed: BaseException | None = None
        self._connect = connect
        self._spec = spec
        self._clock = clock
        self._ids = itertools.count(1)
        self._replayed = None
        self._link = None
        self._ends = False
        self._flight: Worker[None] | None = None
        self._heard = self._asked = 0.0
        self._worst_lag = 0.0
        self._watchman: Watchman | None = None
        self._timer: Timer | None = None
        self.deck = DeckScreen(Session(spec.mode))
        for theme in THEMES:
            self.register_theme(theme)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the deck's own colours for themes that do not know of them."""
        return VARIABLES

    async def on_mount(self) -> None:
        """Show the deck under the start-up screen, and start the engine."""
        self.theme = self.settings.theme
        self.set_keymap(self.settings.keys)
        self._event_loop = asyncio.get_running_loop()
        if not self.is_headless:
            self._watchman = Watchman(self._leave_by_signal, self.drop_engine)
        await self.push_screen(self.deck)
        self._timer = self.set_interval(1.0, self._every_second)
        self._fly()

    # The engine

    def _fly(self) -> None:
        self.push_screen(StartScreen(self.deck.session.progress, self._spec.mode))
        self._link = link = self._connect(self._spec)
        self._heard = time.monotonic()
        self._flight = self.run_worker(self._follow(link), name="link", group="link", exclusive=True)

    async def _follow(self, link: Link) -> None:
        running = asyncio.create_task(link.run())
        try:
            while self._link is link:
                await link.changed()
                if self._link is not link:
                    break
                reports, frame = link.take()
                # what is printed comes of an engine that does not answer too
                if frame is not None or not reports or any(not isinstance(report, Printed) for report in reports):
                    self._heard = time.monotonic()
                for report in reports:
                    self._receive(report)
                if frame is not None:
                    self._worst_lag = max(self._worst_lag, (self._clock() - frame.ts) / 1e6)
                    self.deck.apply(frame)
                # what comes ahead of a frame, as an answer does, does not hold it up
                await asyncio.sleep(SHORTEST if frame is not None else 0)
        finally:
            if not running.done():
                await self._part(link)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def _receive(self, report: Received) -> None:
        match report:
            case Progress():
                self.deck.session.progress.append(report.text)
            case Hello():
                self._greet(report)
            case Events():
                self.deck.hear(report)
            case Rewound():
                self.deck.rewind()
            case Travels():
                self.deck.travel(report)
            case Reply() | Completions() | WhyReport() | BranchReport() if self.deck.questions.answer(report):
                pass
            case Completions() | WhyReport() | BranchReport():
                pass
            case Reply():
                self.notify(clean(report.text, 300), severity="information" if report.ok else "error", markup=False)
            case Failure():
                self._fail(report)
            case Printed():
                now = self.deck.session.frame.time if self.deck.session.frame else 0
                self.deck.hear(Events([], [], [LogLine(now, "print", line) for line in report.lines]))
            case HostGone():
                self._gone(report)
            case HostLost() if self.deck.session.hello is None:
                # nothing has flown yet: it is still on its way, or ends with what was told
                self.deck.session.progress.append("the engine has gone")
            case HostLost():
                self.deck.tell_gone(report)
            case Frame():
                pass

    def _greet(self, hello: Hello) -> None:
        self._drop_start_screen()
        self.deck.greet(hello)
        # What is there now stays: the collector need not look at it again while data runs.
        gc.collect()
        gc.freeze()

    def _drop_start_screen(self) -> None:
        if isinstance(self.screen, StartScreen):
            self.pop_screen()

    def _fail(self, failure: Failure) -> None:
        self._drop_start_screen()
        if isinstance(self.screen, ErrorScreen | DownloadScreen):
            return
        if failure.fatal and self._spec.mode:
            flew = self.deck.session.hello is not None
            # one that has flown is tried again by its supervisor
            failure = structs.replace(failure, title=failure.title if flew else "The flight did not start", fatal=not flew)
        self.push_screen(ErrorScreen(failure), partial(self._leave_failure, failure))

    def _leave_failure(self, failure: Failure, way: str | None) -> None:
        if way == "quit":
            self.exit(0)
        elif way == "restart":
            self.restart()
        elif way == "download":
            self.download(failure)

    def download(self, failure: Failure | None = None) -> None:
        """Open the form that downloads a recording, be it the one a failure wants, and fly what comes of it."""
        today = datetime.fromtimestamp(self._clock() // 10**9, UTC).date()
        wanted = failure.wanted if failure is not None else None
        self.push_screen(DownloadScreen(wanted, today), partial(self._downloaded, failure))

    def _downloaded(self, failure: Failure | None, path: str | None) -> None:
        if path is not None:
            self.notify(f"downloaded into {clean(path, 200)}", markup=False)
            # what was wanted is flown as it was meant to be, anything else by itself
            self._fly_anew(replace(self._spec, recording=path) if failure is not None else HostSpec(recording=path))
        elif failure is not None:
            self._fail(failure)

    def _gone(self, gone: HostGone) -> None:
        self._link = None
        self.deck.tell_stale("")
        started = self.deck.session.hello is not None
        if not started:
            hint = gone.last and f"its last words: {gone.last}"
            self._fail(Failure("The engine did not start", gone.how, hint, fatal=True))
        told = not started or (isinstance(self.screen, ErrorScreen) and self.screen.failure.fatal)
        self.deck.tell_gone(gone, banner=not told)

    def restart(self) -> None:
        """Start the engine again, at the step where it was last seen; orders by hand are not repeated.

        What still runs of it is ended at once: it does not answer, so it is not asked.
        """
        if self._stray:
            self.notify("the flight has ended: `tickdeck trade CONFIG` starts another", severity="warning", markup=False)
            return
        self.kill_engine()
        frame = self.deck.session.frame
        if frame is None or frame.step < 0:
            self._fly_anew(self._spec)
            return
        self._fly_anew(replace(self._spec, at=str(frame.step)))
        self.notify(f"the engine starts again, at step {frame.step:,}, where it was last seen", markup=False)

    def take_up(self, path: str) -> None:
        """Open a saved session in the stead of what is flown."""
        self._fly_anew(HostSpec(config=path))

    def _fly_anew(self, spec: HostSpec) -> None:
        """End the engine, if there is one, and start another on an empty deck."""
        while self.screen is not self.deck and len(self.screen_stack) > 1:
            self.pop_screen()
        self._spec = spec
        self._link = None
        self._ends = False
        theme = self.theme
        self.deck = DeckScreen(Session(spec.mode))
        self.switch_screen(self.deck)
        self.theme = theme
        self._fly()

    def send(self, command: Command) -> bool:
        """Send a command to the engine; False where there is none."""
        if self._link is None or not self._link.send(command):
            return False
        self._asked = time.monotonic()
        return True

    def next_id(self) -> int:
        """Return a number for a command that will be answered by a reply."""
        return next(self._ids)

    def _every_second(self) -> None:
        self.deck.tell_lag(max(0.0, self._worst_lag))
        self._worst_lag = 0.0
        silent = time.monotonic() - self._heard
        frame = self.deck.session.frame
        owed = frame is not None and (frame.playing or self._asked > self._heard)
        stale = self._link is not None and owed and silent > STALE_SECONDS
        self.deck.tell_stale(span(silent) if stale else "")

    def kill_engine(self) -> None:
        """End the engine at once, from whatever thread."""
        if self._link is not None:
            self._link.kill()

    def drop_engine(self) -> None:
        """End the engine from whatever thread: at once, but for one that flies, which has a recording to close.

        One that trades sees for itself that its deck is lost, and does with its orders what the config says.
        """
        if self._link is None or (self._trades and not self._ends):
            return
        if self.deck.session.live:
            self._link.end(LAST_SECONDS)
        else:
            self.kill_engine()

    def put_away(self) -> None:
        """End what the deck did not come to end, as after a crash; for when it has been left and the terminal is back."""
        self.drop_engine()
        if self._watchman is not None:
            self._watchman.stop()

    # The ways out

    def _leave_by_signal(self, number: int) -> None:
        if not self.deck.session.live and not self._trades:
            self.kill_engine()
        asyncio.run_coroutine_threadsafe(self._leave(128 + number), self._event_loop)

    async def _leave(self, code: int) -> None:
        self.exit(code, return_code=code)

    def action_halt(self) -> None:
        """Open the kill switch, whatever is on the screen."""
        if self.deck.session.trade is None:
            text = "orders are simulated here: C cancels them" if self.deck.session.hello else "the engine is not there yet"
            self.notify(text, markup=False)
        elif not isinstance(self.screen, HaltScreen):
            self.push_screen(HaltScreen(self.deck.session, self.next_id), self._halt)

    def _halt(self, command: Halt | None) -> None:
        if command is not None:
            self.deck.send(command)

    async def on_unmount(self) -> None:
        """See that the engine ends with the deck, or flies on without it."""
        if self._link is not None:
            await self._part(self._link)
        # Not before: a signal that comes meanwhile is to end the engine at once.
        self._link = None

    def _fatal_error(self) -> None:
        """Leave after an unexpected exception: a redacted report goes to a file, one line to the terminal, locals nowhere."""
        error = self._exception or sys.exc_info()[1]
        if isinstance(error, WorkerFailed):
            error = error.error
        if error is not None:
            self.crashed = error
            self.crash_report = crash.report(error)
        self._close_messages_no_wait()
