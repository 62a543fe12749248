"""Departure: leaving the deck, a flight with real orders, or one mode for another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from engine.host.protocol import Hello
from tui.mailbox import HostSpec, Link
from tui.modes import word_of
from tui.screens.leave import LeaveScreen
from tui.screens.modes import ModesScreen
from tui.switching import spec_for
from tui.turns import KeysInTurn

if TYPE_CHECKING:
    from tui.screens.deck import DeckScreen


class Departure(KeysInTurn):
    """An app's ways out and over, and what becomes of the engine on each; the deck's app flies what they lead to."""

    deck: DeckScreen
    _spec: HostSpec
    _replayed: HostSpec | None
    _link: Link | None
    _ends: bool

    def _fly_anew(self, spec: HostSpec) -> None:
        raise NotImplementedError

    async def action_quit(self) -> None:
        """Leave, and end the engine; one that trades only where that is the answer."""
        if self._link is None or not self._trades:
            self.exit(0)
        elif not isinstance(self.screen, LeaveScreen):
            self._ask_to_leave("", self._quit)

    @property
    def _trades(self) -> bool:
        """Whether orders are real, or will be once the engine is there."""
        return bool(self._spec.mode) or self.deck.session.trade is not None

    @property
    def _stray(self) -> bool:
        """Whether the deck came to a flight that another started: what that was asked to fly is not known here."""
        return bool(self._spec.mode) and self._spec.config is None

    def _ask_to_leave(self, then: str, act: Callable[[str | None], None]) -> None:
        self.push_screen(LeaveScreen(self.deck.session.trade, self.deck.session.frame, then), act)

    def _quit(self, way: str | None) -> None:
        if way:
            self._ends = way == "end"
            self.exit(0)

    async def _part(self, link: Link) -> None:
        """Part with an engine: one that trades flies on, unless it is to end."""
        if self._trades and not self._ends:
            await link.leave()
        else:
            await link.close()

    def switch(self) -> None:
        """Choose another mode; what it would be is shown before, and a flight with real orders is left as when quitting."""
        hello = self.deck.session.hello
        if hello is None:
            return
        if self._stray:
            text = "this deck came to a flight under way, and does not know its config: `tickdeck` opens another"
            self.notify(text, severity="warning", markup=False)
            return
        ends = "The replay ends; F and replay come back to it." if hello.mode == "replay" else "The flight ends."
        if hello.trade is not None:
            ends = "Whether this flight ends or flies on is asked next."
        spec_of = partial(spec_for, spec=self._spec, hello=hello, replayed=self._replayed)
        self.push_screen(ModesScreen(hello.mode, ends, spec_of), partial(self._chose_mode, hello))

    def _chose_mode(self, hello: Hello, chosen: tuple[str, HostSpec] | None) -> None:
        if chosen is None:
            return
        mode, spec = chosen
        if hello.trade is None or self._link is None:
            self._switch_to(hello, spec)
        else:
            self._ask_to_leave(f" for {word_of(mode)}", partial(self._left_for, hello, spec))

    def _left_for(self, hello: Hello, spec: HostSpec, way: str | None) -> None:
        if way and self._link is not None:
            link, self._link = self._link, None
            self._ends = way == "end"
            self.notify("ending the flight" if self._ends else "leaving the flight", markup=False)
            self.run_worker(self._switch_from(link, hello, spec), name="switch")

    async def _switch_from(self, link: Link, hello: Hello, spec: HostSpec) -> None:
        """Leave a flight with real orders before another host comes, perhaps to the same account."""
        await self._part(link)
        self._switch_to(hello, spec)

    def _switch_to(self, hello: Hello, spec: HostSpec) -> None:
        frame = self.deck.session.frame
        if hello.mode == "replay":
            self._replayed = replace(self._spec, at=str(frame.step)) if frame is not None and frame.step >= 0 else self._spec
        self._fly_anew(spec)
