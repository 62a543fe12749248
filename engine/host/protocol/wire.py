"""The wire: messages as bytes, a length before each."""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from engine.errors import HostError
from engine.host.protocol.message import Message

_LENGTH = struct.Struct(">I")
MAX_MESSAGE = 64 * 1024 * 1024
_encoder = msgspec.msgpack.Encoder()


def pack(message: Message) -> bytes:
    """Return the message as it goes on the wire, length first."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


class Reader:
    """Cuts a byte stream into messages of a kind (`Command` or `Report`); `feed` takes any chunk of it."""

    def __init__(self, kind: Any) -> None:
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(kind)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Any]:
        """Return the messages that `data` completes; raises HostError on bytes that are no message."""
        self._buffer += data
        messages = []
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._buffer, start)
            if size > MAX_MESSAGE:
                raise HostError(f"a message of {size} bytes came over the engine socket")
            end = start + _LENGTH.size + size
            if len(self._buffer) < end:
                break
            try:
                messages.append(self._decoder.decode(memoryview(self._buffer)[start + _LENGTH.size : end]))
            except msgspec.DecodeError as error:
                raise HostError(f"an unreadable message came over the engine socket: {error}") from None
            start = end
        del self._buffer[:start]
        return messages
