"""The recorder: who keeps what is received, and how a feed goes on where nothing can be kept any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from engine.errors import TickdeckError
from engine.model import CoinName, Timestamp


class Recorder(Protocol):
    """Who keeps what is received: frames and replies as they came, and notes of what happened to them."""

    def frame(self, socket: str, received: Timestamp, frame: bytes) -> None: ...
    def klines(self, coin: CoinName, interval: str, received: Timestamp, body: bytes, asked: Timestamp) -> None: ...
    def trades(self, coin: CoinName, received: Timestamp, body: bytes) -> None: ...
    def depth(self, coin: CoinName, received: Timestamp, body: bytes) -> None: ...
    def note(self, what: str, **facts: Any) -> None: ...


class Keeping:
    """Gives a recorder what is to be kept, if there is one; `failure` tells why it takes nothing any more, "" while it does."""

    def __init__(self) -> None:
        self.failure = ""
        self._recorder: Recorder | None = None

    def begin(self, recorder: Recorder) -> None:
        """Have everything kept from now on."""
        self._recorder = recorder

    def keep(self, what: Callable[[Recorder], None]) -> None:
        """Give the recorder something."""
        if self._recorder is None:
            return
        try:
            what(self._recorder)
        except TickdeckError as error:
            self._recorder, self.failure = None, error.message

    def note(self, what: str, **facts: Any) -> None:
        """Have it kept what happened."""
        self.keep(lambda to: to.note(what, **facts))
