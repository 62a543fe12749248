"""Hostile strings: what a terminal, a markup parser or a layout could be made to obey, put into every text of a message."""

from __future__ import annotations

import random
import unicodedata
from typing import Any

import msgspec
from textual.app import App

ESC = (
    "\x1b]0;owned\x07", "\x1b]2;owned\x1b\\", "\x1b]52;c;Y2xpcA==\x07", "\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]1337;x\x07", "\x1b[31m", "\x1b[2J", "\x1b[H", "\x1b[?1049l", "\x1b[?1000h", "\x1b[6n", "\x1b[c", "\x1bc", "\x1b(0",
    "\x1bP+q\x1b\\", "\x1b_x\x1b\\", "\x1b^x\x1b\\", "\x1b", "\x1b[", "\x1b]",
)  # fmt: skip
C1 = tuple(chr(code) for code in range(0x80, 0xA0))
C0 = tuple(chr(code) for code in (*range(0x20), 0x7F))
BIDI = tuple("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
UNSEEN = tuple(
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\ufff9\U000e0001\U000e0041\u2028\u2029\ufffe\ue000\U0010ffff\u115f\u3164"
)
WIDE = ("测试币456", "🚀\u200d🚀", "e\u0301\u0327", "a" + "\u0300" * 300, "ｗｉｄｅ", "\U0001f1e9\U0001f1ea", "﷽", "𒐫")
MARKUP = (
    "[/", "[/red]", "[red]x[/]", "[@click=app.quit]x[/]", "$up [b", "\\[", "[[", "]]", "[/]", "[link=http://x]y[/link]",
    "[on red]", "[bold", "[#ff0000]x", "[not a tag]", "[b][/i]", "{x}", "%s%n", "&amp;<b>", "[0]", "[$error]",
    "\\[/", "[=]", "[:",
)  # fmt: skip
LONG = ("x" * 1_000_000, "é" * 5000, "\x1b[31m" * 2000, "[" * 5000, "🚀" * 3000, "a b " * 5000)
ALONE = (*ESC, *C0, *C1, *BIDI, *UNSEEN, *WIDE, *MARKUP, *LONG)


def strings(number: int = 500) -> list[str]:
    """So many of them: each by itself, then woven into one another, always the same."""
    rng = random.Random(7)
    found = list(ALONE[:number])
    short = [its for its in ALONE if len(its) < 400]
    while len(found) < number:
        found.append("".join(rng.choices([*short, "BTCUSDT", "1.5", " "], k=rng.randint(2, 6))))
    return found


class Poison:
    """Puts a string of `evil` into every text of a message, another into each; over as many messages each text gets them all.

    The texts that choose behaviour stay now and then.
    """

    def __init__(self, evil: list[str]) -> None:
        self.evil = evil
        self.round = 0
        self.put: set[int] = set()
        self._field = 0
        self._rng = random.Random(1)

    def __call__(self, message: Any) -> Any:
        """Return a copy of a message, poisoned."""
        self._field = 0
        return self._of(message)

    def _of(self, value: Any) -> Any:
        if isinstance(value, str):
            self._field += 1
            if self._rng.random() < 0.15:
                return value
            number = (self.round + 7 * self._field) % len(self.evil)
            self.put.add(number)
            return self.evil[number] + value[:3]
        if isinstance(value, list):
            return [self._of(item) for item in value]
        if isinstance(value, dict):
            return {self._of(str(key)): item for key, item in value.items()}
        if isinstance(value, msgspec.Struct):
            return type(value)(**{name: self._of(getattr(value, name)) for name in value.__struct_fields__})
        return value


def obeyed(app: App[Any]) -> list[str]:
    """Return the characters on the screen that a terminal would obey rather than show."""
    text = "".join(strip.text for strip in app.screen._compositor.render_strips())
    return sorted({hex(ord(c)) for c in text if unicodedata.category(c)[0] == "C" or unicodedata.category(c) in ("Zl", "Zp")})
