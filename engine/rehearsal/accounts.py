"""Accounts: a desk, the API key that opens it, and how what is signed with the key is checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from engine.rehearsal.desk import Desk


class Account(NamedTuple):
    """A desk with the key it is opened by; `verify` tells whether a signature is of a payload.

    A WebSocket session `can_log_on` with the exchange's own kind of key alone, Ed25519.
    """

    desk: Desk
    key: str
    verify: Callable[[bytes, str], bool]
    can_log_on: bool = False
