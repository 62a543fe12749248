"""Explanation: one step taken again, and what there is to say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import UsageError
from engine.exact import plain, to_decimal
from engine.explain.orders import fates
from engine.explain.refusals import by_how_much, money
from engine.explain.tracing import Trace, tracing
from engine.explain.why import AccountView, CoinView, ReadView, SignalWhy, Why, number
from engine.model import Bar, CoinName
from engine.state import FIELDS, Raw
from engine.strategy import Strategy
from engine.trading.account import Account
from engine.trading.notes import SignalNote

if TYPE_CHECKING:
    from engine.loop import Engine


def explain(engine: Engine, step: int) -> Why:
    """Return the why of a step, by going to the step before and doing it once more under watch.

    The engine is left where it was. Raises UsageError where there is no such step, or where the engine only goes forward.
    """
    raw = engine.raw.latest
    last = len(raw.times) - 1 if raw.times is not None else -1
    if not 0 <= step <= last:
        raise UsageError(f"there is no step {step} to explain", hint=f"this replay has steps 0 to {last}")
    here = raw.step
    engine.seek(step - 1)
    try:
        return _taken(engine)
    finally:
        engine.seek(here)


def _taken(engine: Engine) -> Why:
    """Do the next step, and return its why."""
    account, trade, raw = engine.trade.account, engine.trade, engine.raw.latest
    before = account_view(account)
    open_before = [account.order(order) for order in account.exchange.open_orders]
    n_orders, n_fills, n_signals = account.exchange.n_orders, account.exchange.n_fills, len(trade.signals)
    grounded = engine.halted
    with tracing(engine) as trace:
        engine.run(1)
    notes = [trade.signals[n] for n in range(n_signals, len(trade.signals))]
    signals = [_signal(engine, trace, note) for note in notes]
    fills = account.fills[n_fills:]
    orders = fates(account, open_before, n_orders, {fill.order_id for fill in fills}, trace.sent, _said(engine, notes))
    nothing = [] if signals or orders or fills else _nothing(engine, trace, grounded is not None)
    if engine.halted is not None:
        nothing.append(f"the strategy is halted: {engine.halted.message}")
    return Why(
        step=raw.step,
        time=raw.time,
        strategy=type(engine.strategy).__name__,
        currency=account.currency,
        coins=coins_view(raw),
        reads=_reads(engine, trace),
        signals=signals,
        orders=orders,
        fills=fills,
        before=before,
        after=account_view(account),
        nothing=nothing,
    )


def account_view(account: Account) -> AccountView:
    """Return the account as it is."""
    exchange = account.exchange
    own = {
        its.coin: (units, exchange.scale(n))
        for n, (its, units) in enumerate(zip(exchange.instruments, account.held(), strict=True))
    }
    return AccountView(
        equity=plain(account.equity_exact),
        cash=plain(to_decimal(exchange.free(account.currency))),
        balances={asset: (plain(free), plain(locked)) for asset, (free, locked) in account.balances.items()},
        positions={coin: plain(to_decimal(units, len(str(scale)) - 1)) for coin, (units, scale) in own.items() if units},
    )


def coins_view(raw: Raw) -> list[CoinView]:
    """Return each coin's market at the cursor."""
    views = []
    for coin, track in zip(raw.coins, raw.decisions, strict=True):
        bars, seen = raw[coin], track.last_row(raw.step) >= 0
        bar = Bar(int(bars.time[-1]), *(float(bars[name][-1]) for name in FIELDS)) if seen else None
        views.append(CoinView(coin, track.row(raw.step) >= 0, bar, number(raw.price(coin))))
    return views


def _reads(engine: Engine, trace: Trace) -> list[ReadView]:
    raw, frames = engine.raw.latest, engine.strategy.stats.features.frames
    views = []
    for coin, name, row in trace.reads:
        if name == "time":
            continue
        n = raw.coins.index(coin)
        column = frames[n].column(name)
        earlier = number(float(column[row - 1])) if row else None
        value = number(float(column[row])) if row >= 0 else None
        views.append(ReadView(coin, name, value, earlier, raw.decisions[n].last_row(raw.step) - row))
    return views


def _signal(engine: Engine, trace: Trace, note: SignalNote) -> SignalWhy:
    coin = engine.raw.latest.coins[note.coin]
    sent = next((its for its in trace.sent if its.coin == note.coin and its.by == "strategy"), None)
    detail = by_how_much(engine.trade.account, sent) if sent is not None and sent.code else ""
    if note.outcome == "nothing to do":
        detail = _idle(engine, note)
    return SignalWhy(coin, trace.signals[coin], note.outcome, detail, note.order if note.order >= 0 else None)


def _said(engine: Engine, notes: list[SignalNote]) -> dict[CoinName, str]:
    """Return what has withdrawn the orders of each coin at this step, if anything of the engine's has."""
    raw = engine.raw.latest
    stopped = any(stop.time == raw.time for stop in engine.trade.risk.stops)
    said = dict.fromkeys(raw.coins, "by a limit of [risk]") if stopped else {}
    return said | {raw.coins[note.coin]: f"by the {note.kind} signal" for note in notes}


def _idle(engine: Engine, note: SignalNote) -> str:
    """Return why a signal had nothing to do."""
    coin = engine.raw.latest.coins[note.coin]
    if note.kind == "cancel":
        return f"no order of {coin} is open"
    account = engine.trade.account
    base, units = account.exchange.instruments[note.coin].base, account.held()[note.coin]
    if not units:
        return f"the position is flat already: there is no {base} to sell"
    places = account.exchange.decimals[base]
    lot = money(account.exchange.lot(note.coin), places)
    return f"{money(units, places)} {base} is less than can be sold: a lot is {lot}"


def _nothing(engine: Engine, trace: Trace, grounded: bool) -> list[str]:
    """Return why nothing came of a step."""
    raw, strategy = engine.raw.latest, engine.strategy
    if grounded or engine.halted is not None:
        return []
    if trace.asked is None:
        return ["it is not asked before the session's begin: its features warm up"]
    if not trace.asked:
        if type(strategy).needs_update is not Strategy.needs_update:
            return ["needs_update said no"]
        return ["no decision bar closed, so it was not asked"]
    store = strategy.stats.features
    cold = []
    for coin, name, row in trace.reads:
        left = store.warmup.get(name, 0) - row
        if left > 0:
            cold.append(f"{coin} {name} is still warming up, {left} bar{'s' if left > 1 else ''} to go")
    return [*dict.fromkeys(cold), "gen_signal was asked and gave no signal"] if raw.step >= 0 else []
