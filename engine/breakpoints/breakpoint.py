"""Breakpoint: a condition with a name, as it is listed, toggled, edited and kept in a session's file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from engine.errors import UsageError
from engine.model import CoinName


class Breakpoint(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Stops a run where the condition `text` becomes true; of one coin, or of any where `coin` is empty."""

    text: str
    name: str = ""
    coin: CoinName = ""
    enabled: bool = True

    @property
    def label(self) -> str:
        """What it is called: its name, else its condition."""
        return self.name or self.text

    def to_table(self) -> dict[str, Any]:
        """Return it as a plain table, without what is as ever."""
        table: dict[str, Any] = msgspec.to_builtins(self)
        return table

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Breakpoint:
        """Return the breakpoint of a table; raises UsageError where it is none."""
        try:
            return msgspec.convert(dict(table), cls)
        except msgspec.ValidationError as error:
            raise UsageError(f"{dict(table)!r} is no breakpoint: {error}", hint='write { text = "rsi < 30" }') from None
