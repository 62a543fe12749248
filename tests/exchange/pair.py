"""The reference and the engine's exchange side by side, compared in all that either shows after every action."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from flows import Action, Flow, Setup
from reference import FILLED, Fill, OutOfRange, Reference

from engine.errors import AmountOverflow

OVERFLOW = "overflow"
ORDER_FIELDS = (
    *("coin", "side", "amount", "price", "stop", "trail", "tif", "parent", "mark", "step", "time"),
    *("filled", "lock", "status", "refusal", "arrived", "triggered", "extreme", "sibling", "received"),
)
FILL_FIELDS = tuple(Fill.__dataclass_fields__)


def act(exchange: Any, action: Action) -> Any:
    """Apply the action; its answer, or OVERFLOW."""
    name, args, how = action
    try:
        return getattr(exchange, name)(*args, **how)
    except (OutOfRange, AmountOverflow):
        return OVERFLOW


def order_row(order: Any) -> dict[str, int]:
    return {name: int(getattr(order, name)) for name in ORDER_FIELDS}


def fill_row(fill: Any) -> dict[str, int]:
    return {name: int(getattr(fill, name)) for name in FILL_FIELDS}


def account(exchange: Any, assets: Iterable[str], n_coins: int) -> dict[str, Any]:
    return {
        "free": {asset: exchange.free(asset) for asset in assets},
        "locked": {asset: exchange.locked(asset) for asset in assets},
        "position": [exchange.position(coin) for coin in range(n_coins)],
    }


class Pair:
    """One account at both exchanges."""

    def __init__(self, setup: Setup, reference: Reference | None = None) -> None:
        self.setup = setup
        self.reference = reference or setup.reference()
        self.exchange = setup.exchange()
        self.script: list[tuple[Action, Any]] = []
        self.n_fills = 0

    def act(self, action: Action) -> Any:
        touched, before = {o.id for o in self.reference.orders if o.status < FILLED}, self.reference.n_orders
        name, args, how = action
        judged = None
        if name == "place":
            judged = act(self.exchange, ("judge", args[:-2], {key: how[key] for key in how if key == "trail"}))
        expected = act(self.reference, action)
        got = act(self.exchange, action)
        self.script.append((action, expected))
        self.same("answer", expected, got)
        self.same("number of orders", self.reference.n_orders, self.exchange.n_orders)
        self.same("number of fills", self.reference.n_fills, self.exchange.n_fills)
        touched.update(range(before, self.reference.n_orders))
        if name == "place" and expected != OVERFLOW:
            self.same("judgement", self.reference.order(expected).refusal, judged)
        for oid in touched:
            self.same("order", order_row(self.reference.order(oid)), order_row(self.exchange.order(oid)))
        for n in range(self.n_fills, self.reference.n_fills):
            self.same("fill", fill_row(self.reference.fills[n]), fill_row(self.exchange.fill(n)))
        self.n_fills = self.reference.n_fills
        if expected != OVERFLOW:
            self.same("ambiguous bars", self.reference.ambiguous_bars, self.exchange.ambiguous_bars)
        self.same_account()
        return expected

    def same_account(self) -> None:
        assets, n = self.reference.balance, len(self.reference.coins)
        self.same("account", account(self.reference, assets, n), account(self.exchange, assets, n))
        self.same("open orders", [o.id for o in self.reference.orders if o.open], sorted(self.exchange.open_orders))

    def same_history(self) -> None:
        """Nothing done is undone: every order and fill so far, ended ones too."""
        for oid in range(self.reference.n_orders):
            self.same("order", order_row(self.reference.order(oid)), order_row(self.exchange.order(oid)))
        for n in range(self.reference.n_fills):
            self.same("fill", fill_row(self.reference.fills[n]), fill_row(self.exchange.fill(n)))

    def same(self, what: str, expected: Any, got: Any) -> None:
        if expected == got:
            return
        lines = [f"{name}{args} {how} -> {answer}" for (name, args, how), answer in self.script]
        raise AssertionError(
            "\n".join([f"{what}: the reference says {expected}", f"the exchange {got}, after", str(self.setup), *lines])
        )


def run(seed: int) -> Pair:
    """Play one seed's flow on both, comparing after every action, up to its end or its first overflow."""
    flow = Flow(seed)
    pair = Pair(flow.setup, flow.world)
    for action in flow.actions():
        if pair.act(action) == OVERFLOW:
            break
    pair.same_history()
    return pair


def digest(seeds: Iterable[int]) -> str:
    """Return one hash over the exchange's logs and accounts at the end of each seed's flow."""
    state = hashlib.sha256()
    for seed in seeds:
        pair = run(seed)
        assets, n = pair.reference.balance, len(pair.reference.coins)
        state.update(f"{pair.exchange.log_hash} {account(pair.exchange, assets, n)}\n".encode())
    return state.hexdigest()
