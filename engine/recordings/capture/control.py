"""Control events: what a capture tells of itself, beside what it received."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.errors import UsageError
from engine.model import CoinName, Timestamp


class Connect(msgspec.Struct, tag_field="event", tag="connect"):
    """A socket was connected and has subscribed; from the second time on it has come back."""

    socket: str


class Disconnect(msgspec.Struct, tag_field="event", tag="disconnect"):
    """A socket's connection is over."""

    socket: str
    reason: str = ""


class Gap(msgspec.Struct, tag_field="event", tag="gap"):
    """Events of a kind that a coin had and that are not here: `first` to `last` of their ids, or opening times of bars."""

    coin: CoinName
    kind: str
    first: int
    last: int
    reason: str = ""


class Clock(msgspec.Struct, tag_field="event", tag="clock"):
    """By how many ns the exchange's clock is ahead of this machine's, known to within `uncertain`."""

    offset: int
    uncertain: int = 0


class Config(msgspec.Struct, tag_field="event", tag="config"):
    """The sha256 of the session's config, where it is another than at the beginning."""

    sha256: str


class Late(msgspec.Struct, tag_field="event", tag="late"):
    """Closed bars, by their opening times, that came too late for the step they belong to; of the shortest interval if none."""

    coin: CoinName
    opened: list[Timestamp]
    interval: str = ""


class Withheld(msgspec.Struct, tag_field="event", tag="withheld"):
    """A frame that is not here because it carried a key or a signature."""

    socket: str


class Stop(msgspec.Struct, tag_field="event", tag="stop"):
    """The capture ended by itself."""

    reason: str = ""


Control = Connect | Disconnect | Gap | Clock | Config | Late | Withheld | Stop

_decoder: msgspec.json.Decoder[Control] = msgspec.json.Decoder(Control)


def control_event(what: str, facts: dict[str, Any]) -> Control:
    """Return the event of this kind with these facts; raises UsageError where there is none such."""
    try:
        event: Control = msgspec.convert({**facts, "event": what}, Control)
    except msgspec.ValidationError as error:
        raise UsageError(f"a capture has no such note: {what} {facts}: {error}") from None
    return event


def decode(text: bytes) -> Control:
    """Return the event in a JSON text; raises msgspec.MsgspecError where there is none."""
    return _decoder.decode(text)
