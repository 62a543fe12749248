"""The broadcast: who listens to which market stream, and each stream's frames to all of them, made once."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from engine.model import Timestamp
from engine.rehearsal.lines import Line
from engine.rehearsal.market import CoinMarket
from engine.rehearsal.sources import Payload, Source, find
from engine.rehearsal.venue import MarketEvent, Venue

NEVER = 2**63 - 1


class Listener:
    """A connection with the `streams` it is told of, in the order it asked for them; wrapped with their names if `combined`."""

    def __init__(self, line: Line, combined: bool) -> None:
        self.line = line
        self.combined = combined
        self.streams: dict[str, None] = {}


class Channel:
    """A stream in one unit of time, and those who listen to it."""

    def __init__(self, name: str, coins: Iterable[CoinMarket], source: Source) -> None:
        self.name = name
        self.coins = coins
        self.source = source
        self.listeners: dict[Listener, None] = {}

    def send(self, payload: Payload) -> None:
        """Send a payload to all listeners."""
        raw = msgspec.json.encode(payload)
        wrapped = b""
        for listener in self.listeners:
            if listener.combined:
                wrapped = wrapped or wrap(self.name, raw)
            listener.line.outbox.put(self.name, wrapped if listener.combined else raw)


class Broadcast:
    """All channels of a venue that anyone listens to."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._channels: dict[tuple[str, int], Channel] = {}
        self._of_coin: dict[CoinMarket, dict[Channel, None]] = {coin: {} for coin in venue.market.coins}
        self._waiting: dict[int, dict[Channel, None]] = {}
        self._due: dict[int, Timestamp] = {}
        self._next = NEVER
        venue.listeners.append(self._on_event)
        venue.timers.append(self._on_time)

    def add(self, listener: Listener, name: str) -> None:
        """Let a connection listen to a stream from now on; to a name that no stream has, in vain."""
        listener.streams[name] = None
        key = name, listener.line.unit
        channel = self._channels.get(key)
        if channel is None:
            self._venue.catch_up()
            found = find(name, self._venue.market, listener.line.unit, self._venue.now)
            if found is None:
                return
            channel = self._channels[key] = Channel(name, *found)
            for coin in channel.coins:
                self._of_coin[coin][channel] = None
            self._await(channel, self._venue.now)
        channel.listeners[listener] = None

    def remove(self, listener: Listener, name: str) -> None:
        """Let a connection no longer listen to a stream."""
        listener.streams.pop(name, None)
        key = name, listener.line.unit
        channel = self._channels.get(key)
        if channel is None:
            return
        channel.listeners.pop(listener, None)
        if not channel.listeners:
            del self._channels[key]
            for coin in channel.coins:
                del self._of_coin[coin][channel]
            self._waiting.get(channel.source.every, {}).pop(channel, None)

    def _on_event(self, event: MarketEvent) -> None:
        for channel in self._of_coin[event.coin]:
            for payload in channel.source.take(event):
                channel.send(payload)
            if channel.source.waits:
                self._await(channel, event.time)

    def _await(self, channel: Channel, now: Timestamp) -> None:
        """Have what has gathered told when its time has come."""
        if not channel.source.waits:
            return
        every = channel.source.every
        waiting = self._waiting.setdefault(every, {})
        if not waiting:
            self._due[every] = (now // every + 1) * every
            self._next = min(self._next, self._due[every])
        waiting[channel] = None

    def _on_time(self, at: Timestamp) -> None:
        while self._next <= at:
            due = self._next
            for every in [every for every, when in self._due.items() if when == due]:
                del self._due[every]
                for channel in self._waiting.pop(every):
                    payload = channel.source.tell(due)
                    if payload is not None:
                        channel.send(payload)
            self._next = min(self._due.values(), default=NEVER)


def wrap(name: str, payload: bytes) -> bytes:
    """Return a frame that tells the stream with its payload."""
    return b'{"stream":"%b","data":%b}' % (name.encode(), payload)
