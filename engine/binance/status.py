"""Status: how trading on an account fares, and what its journal says, told for whoever shows it."""

from __future__ import annotations

from typing import Any, NamedTuple

from engine.binance.journal import Entry
from engine.exact import to_text
from engine.exchange import kernel as k
from engine.model import CoinName, Timestamp

KINDS = ("market", "limit", "limit_maker", "stop", "stop_limit", "take_profit", "take_profit_limit")


class External(NamedTuple):
    """An open order of the account that did not come from here: shown, and left alone."""

    order_id: int
    coin: CoinName
    side: str
    type: str
    amount: str
    filled: str
    price: str


class TradeStatus(NamedTuple):
    """How trading fares: why no order may go out ("" where it may); whether orders, trades and balances have been asked for,
    and how long ago; whether the account's stream is up, how old its last word is and how often it came back; orders nobody
    knows the fate of, and for how long; requests without an answer yet; orders sent in 10 s and how many may be.
    """

    disarmed: str
    reconciled: bool
    reconciled_age_s: float
    alive: bool
    age_s: float
    reconnects: int
    unknown: int
    unknown_age_s: float
    out: int
    orders_10s: int
    orders_limit: int
    externals: list[External]


class JournalLine(NamedTuple):
    """An entry of the journal: its number, when it was written (ns of the wall), what it tells of which order, in words.

    `order` is -1 where it is of none of this session.
    """

    seq: int
    time: Timestamp
    what: str
    order: int
    text: str


def words(entry: Entry) -> str:
    """Return what an entry says, in words."""
    facts = entry.facts
    match entry.what:
        case "intent":
            return _intent(facts)
        case "outcome" | "cancel":
            return " ".join(str(it) for it in (facts.get("outcome", ""), facts.get("code") or "", facts.get("text", "")) if it)
        case "news":
            return f"{facts['stage']}, {_plain(facts['filled'])} filled" + (f": {facts['text']}" if facts.get("text") else "")
        case "fill":
            fee = f"fee {_plain(facts['fee'])} {facts['fee_asset']}"
            told = f"{_plain(facts['amount'])} at {_plain(facts['price'])}, {fee}, trade {facts['trade_id']}"
            return told if facts["final"] else f"{told}, to be confirmed"
        case "amend":
            return f"to {_plain(facts['amount'])} in all"
        case _:
            return str(facts.get("text", ""))


def _intent(facts: dict[str, Any]) -> str:
    parts = ["buy" if facts["side"] == k.BUY else "sell", _plain(facts["amount"]), facts["coin"], KINDS[facts["kind"]]]
    parts += [f"at {_plain(facts['price'])}"] if facts["price"] else []
    parts += (
        [f"trailing {facts['trail']} bps"] if facts["trail"] else [f"stop {_plain(facts['stop'])}"] if facts["stop"] else []
    )
    return " ".join([*parts, f"by {facts['by']}"]) + (f": {facts['reason']}" if facts["reason"] not in ("", "by hand") else "")


def _plain(units: int) -> str:
    text = to_text(units)
    return text.rstrip("0").rstrip(".") if "." in text else text
