"""The modes: what each is called on the screen, and where its prices come from and its orders go."""

from __future__ import annotations

from typing import NamedTuple

from tui.text import clean


class Mode(NamedTuple):
    """A mode's word, which tells it apart without colours too, and what flying in it means."""

    word: str
    about: str


MODES = {
    "replay": Mode("REPLAY", "a recording; orders are simulated"),
    "paper": Mode("PAPER", "live prices; orders are simulated"),
    "rehearsal": Mode("REHEARSAL", "an exchange on this machine takes the orders and plays a recording; no money"),
    "testnet": Mode("TESTNET", "Binance's testnet takes the orders, at prices of its own; play money"),
    "demo": Mode("DEMO", "Binance's demo takes the orders, at live prices; play money"),
    "live": Mode("!! LIVE !!", "Binance takes the orders: REAL MONEY"),
}
SIMULATED = ("replay", "paper")
"""Modes without an account."""


class Policy(NamedTuple):
    """What becomes of trading and of orders when no deck looks on any more; of a flight that is ended, of orders alone."""

    trading: str
    orders: str

    def __str__(self) -> str:
        return f"{self.trading}; {self.orders}"


ON_LOST = {
    "keep": Policy("trading goes on", "open orders stay"),
    "cancel": Policy("trading stops", "what would buy is canceled, exits stay"),
    "flatten": Policy("trading stops", "every order is canceled, and what is held is sold"),
}
"""The policies by the config's word."""


def word_of(mode: str) -> str:
    """Return a mode's word; one that is not known is told as the host has it."""
    return MODES[mode].word if mode in MODES else clean(mode, 20).upper()


def style_of(mode: str) -> str:
    """Return the style of a mode's word, for `Lines`, and the class of a panel that shows it."""
    return f"mode-{mode}" if mode in MODES else "badge"
