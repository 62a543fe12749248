"""Strategies that behave badly, each in its own way."""

from __future__ import annotations

import sys
from typing import Any

from engine import Signal, Strategy


class Steady(Strategy):
    """Buys once, and remembers at how many steps it was asked."""

    asked = 0

    def gen_signal(self) -> dict[str, Signal]:
        self.asked += 1
        return {coin: Signal.buy(value=100, reason=f"asked {self.asked}") for coin, now in self.bars() if not now.position}


class Raises(Strategy):
    def gen_signal(self) -> dict[str, Signal]:
        raise ValueError("no")


class Leaves(Strategy):
    def gen_signal(self) -> dict[str, Signal]:
        sys.exit(3)


class Breaks(Strategy):
    def gen_signal(self) -> dict[str, Signal]:
        raise BaseException("no")


class Interrupts(Strategy):
    def gen_signal(self) -> dict[str, Signal]:
        raise KeyboardInterrupt


class Loops(Strategy):
    def gen_signal(self) -> dict[str, Signal]:
        while True:
            pass


class Holds(Strategy):
    """Holds the interpreter, so that nothing can interrupt it."""

    def gen_signal(self) -> dict[str, Signal]:
        sum(range(10**12))
        return {}


class Wants(Strategy):
    """Wants what cannot be."""

    what: str = "nan"

    def gen_signal(self) -> dict[str, Any]:
        coin = next(coin for coin, _ in self.bars())
        match self.what:
            case "nan":
                return {coin: Signal.buy(value=float("nan"))}
            case "coin":
                return {"ZZZUSDT": Signal.buy(value=100)}
            case "huge":
                return {coin: Signal.buy(amount=1e30)}
            case _:
                return {coin: "buy"}
