"""Keys in turn: where orders are typed, a key takes effect before the next one is looked at."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from textual import events
from textual.app import App
from textual.dom import DOMNode

from tui.screens.order import OrderScreen

LONGEST_S = 0.5
"""How long a key is waited for."""


class KeysInTurn(App[int]):
    """An app whose order form takes the keys one by one.

    Textual hands all that comes in one go, as it does where somebody types fast or the line is slow, to the field that has the
    focus then, and only later does what tab or ctrl+u among them asks for: a price would end up in the amount.
    """

    _typed: asyncio.Queue[events.Key]

    async def on_event(self, event: events.Event) -> None:
        """Put a key that is typed into an order behind those before it."""
        if isinstance(event, events.Key) and not event.is_forwarded and isinstance(self.screen, OrderScreen):
            if not hasattr(self, "_typed"):
                self._typed = asyncio.Queue()
                self.run_worker(self._type(), name="keys", group="keys")
            self._typed.put_nowait(event)
        else:
            await super().on_event(event)

    async def _type(self) -> None:
        while True:
            await super().on_event(await self._typed.get())
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_S):
                    await self._taken_in()

    async def _taken_in(self) -> None:
        """Wait until whatever a key goes through has done its part: the field, all it lies in, the app, and what is drawn."""
        screen = self.screen
        nodes: list[DOMNode] = list((screen.focused or screen).ancestors_with_self)
        for node in nodes:
            # the key first, then what is told because of it
            for _ in range(2):
                done = asyncio.Event()
                if node.call_later(done.set):
                    await done.wait()
        drawn = asyncio.Event()
        if screen.call_after_refresh(drawn.set):
            await drawn.wait()
