"""The engine's process: reads what to fly as one JSON object from stdin, then serves the deck on a socket."""

from __future__ import annotations

import asyncio
import sys

import msgspec

from engine.errors import TickdeckError
from engine.host.leash import end_with_parent
from engine.host.server import serve
from engine.host.spec import Spec
from engine.redaction import guard


def main() -> int:
    """Serve one deck, or fly whether there is one or not; returns the exit code.

    What goes wrong before a deck is there goes to stderr, a line.
    """
    guard()
    try:
        spec = msgspec.json.decode(sys.stdin.buffer.readline(), type=Spec)
    except msgspec.DecodeError as error:
        print(f"the host got no spec on stdin: {error}", file=sys.stderr)
        return 2
    try:
        if spec.flight:
            from engine.host.tower import serve_flight

            return asyncio.run(serve_flight(spec))
        end_with_parent()
        return asyncio.run(serve(spec))
    except TickdeckError as error:
        print(error.message, file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
