"""A storm: everything that can go wrong between an exchange and who listens to it, one thing after another, by chance."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

from engine.rehearsal.faults import Scenario
from engine.rehearsal.outbox import Fate, Frame
from engine.rehearsal.server import RehearsalServer

FINE = Fate()
Blow = Callable[["Storm"], Awaitable[None]]


class Storm:
    """Blows at the exchange: each of `BLOWS` as often as the others, in an order that follows from `seed`.

    A blow is over when the exchange is well again; what it did is counted.
    """

    def __init__(self, server: RehearsalServer, sleep: Callable[[float], None], seed: int) -> None:
        self.server = server
        self.dice = random.Random(seed)
        self.blown: Counter[str] = Counter()
        self.lay_down = sleep
        self._left: list[str] = []

    async def blow(self) -> str:
        """Let the next thing go wrong; return which it was."""
        if not self._left:
            self._left = sorted(BLOWS)
            self.dice.shuffle(self._left)
        name = self._left.pop()
        self.blown[name] += 1
        await BLOWS[name](self)
        return name

    def fate(self, frames: int, fate: Callable[[Frame], Fate]) -> None:
        """Let this become of the next so many frames that tell something."""
        left = [frames]

        def judge(frame: Frame) -> Fate:
            if not left[0] or not frame.payload or frame.what == "reply":
                return FINE
            left[0] -= 1
            return fate(frame)

        self.server.lines.terms.judge = judge

    async def until_spent(self) -> None:
        """Wait while frames go out that something becomes of."""
        await asyncio.sleep(0.4)
        self.server.lines.terms.judge = None


async def cut(its: Storm) -> None:
    code = its.dice.choice((1000, 1001, 1006, 1011, 1012))
    for line in list(its.server.lines.open):
        line.outbox.close(code)


async def cut_again_and_again(its: Storm) -> None:
    for _ in range(3):
        await cut(its)
        await asyncio.sleep(its.dice.uniform(0.05, 0.4))


async def stall(its: Storm) -> None:
    for line in its.server.lines.open:
        line.outbox.freeze()


async def say_goodbye(its: Storm) -> None:
    its.server.lines.shut_down(its.server.venue.now)


async def refuse(its: Storm) -> None:
    its.server.lines.terms.judge = lambda frame: Fate(copies=0) if frame.what == "open" else FINE
    await cut(its)
    await asyncio.sleep(its.dice.uniform(0.3, 1.2))
    its.server.lines.terms.judge = None


async def restart(its: Storm) -> None:
    await its.server.stop()
    await asyncio.sleep(its.dice.uniform(0.0, 1.5))
    await its.server.start()


async def garble(its: Storm) -> None:
    def garbled(frame: Frame) -> Fate:
        at = its.dice.randrange(len(frame.payload))
        cut_short = frame.payload[:at]
        return Fate(payload=its.dice.choice((cut_short, b"\xff" + cut_short, b"{", b"null", b"[" * 2000, b'{"stream":1}')))

    its.fate(its.dice.randrange(1, 40), garbled)
    await its.until_spent()


async def tell_what_is_no_number(its: Storm) -> None:
    bad = (b'"NaN"', b"NaN", b'"1e400"', b'"-1"', b"null", b'"1_0"', b"1e999", '"١"'.encode())

    def told(frame: Frame) -> Fate:
        parts = frame.payload.split(b'":"')
        at = its.dice.randrange(1, len(parts)) if len(parts) > 1 else 0
        rest = parts[at].partition(b'"')[2] if at else b""
        payload = (
            b'":"'.join(parts[:at]) + b'":' + its.dice.choice(bad) + rest + b"".join(b'":"' + part for part in parts[at + 1 :])
        )
        return Fate(payload=payload)

    its.fate(its.dice.randrange(1, 40), told)
    await its.until_spent()


async def swell(its: Storm) -> None:
    its.fate(5, lambda frame: Fate(payload=frame.payload + b" " * ((1 << 20) + its.dice.randrange(1 << 20))))
    await its.until_spent()


async def burst(its: Storm) -> None:
    its.fate(1, lambda frame: Fate(copies=10_000))
    await its.until_spent()


async def lose(its: Storm) -> None:
    its.fate(its.dice.randrange(1, 60), lambda frame: Fate(copies=0))
    await its.until_spent()


async def double(its: Storm) -> None:
    its.fate(40, lambda frame: Fate(copies=its.dice.randrange(1, 4)))
    await its.until_spent()


async def mix_up(its: Storm) -> None:
    its.fate(40, lambda frame: Fate(behind=its.dice.randrange(4)))
    await its.until_spent()


async def break_rest(its: Storm) -> None:
    """Cut the line while nothing that is asked for is answered as it should."""
    fault = its.dice.choice(
        (
            {"status": 503, "body": "<html>busy</html>"},
            {"status": 500, "code": -1000},
            {"lose": "reply"},
            {"lose": "request"},
            {"status": 200, "body": "[1"},
            {"status": 429, "code": -1003, "retry_s": 1},
        )
    )
    its.server.inject(Scenario.model_validate({"requests": ({"of": "*", **fault},)}))
    await cut(its)
    await asyncio.sleep(its.dice.uniform(0.3, 1.0))
    its.server.inject(Scenario())


async def fall_asleep(its: Storm) -> None:
    its.lay_down(its.dice.choice((-600.0, 2.0, 8 * 3600.0)))


BLOWS: dict[str, Blow] = {
    blow.__name__: blow
    for blow in (
        *(cut, cut_again_and_again, stall, say_goodbye, refuse, restart, garble, tell_what_is_no_number, swell, burst),
        *(lose, double, mix_up, break_rest, fall_asleep),
    )
}

CUTS = {"cut", "cut_again_and_again", "stall", "say_goodbye", "refuse", "restart", "break_rest", "fall_asleep"}
"""After which a connection is another than before."""
