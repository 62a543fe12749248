"""Accounts: a desk, the API key that opens it, and the key that signs for it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from engine.rehearsal.desk import Desk
from engine.rehearsal.signing import ED25519, Key


class Account(NamedTuple):
    """A desk, the API key it is opened with, and the key of whoever signs for it; `uid` is the account's number.

    `restrictions` is what the wallet tells of the API key otherwise than it would.
    """

    desk: Desk
    api_key: str
    signer: Key
    uid: int = 1
    restrictions: Mapping[str, bool] = MappingProxyType({})

    @property
    def can_log_on(self) -> bool:
        """Whether a session can be opened for it: with a key of Ed25519 alone, as on the exchange."""
        return self.signer.kind == ED25519
