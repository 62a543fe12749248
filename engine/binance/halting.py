"""Halting: everything that works is withdrawn and, where that is asked for, what is held is sold."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from engine.binance.life import Life, Stage
from engine.exact import floor_to
from engine.exchange import REFUSALS
from engine.exchange import kernel as k
from engine.trading.notes import REFUSED
from engine.trading.terms import AT_MARKET

if TYPE_CHECKING:
    from engine.binance.trading import BinanceTradeSystem

PATIENCE_S = 10.0
"""How long the ends of orders are waited for."""
LOOK_S, AGAIN_S = 0.005, 2.0
REASON = "halted"


async def halt(trade: BinanceTradeSystem, flatten: bool) -> str:
    """Disarm, cancel every own order at once, and with `flatten` sell every own position at market; return what came of it.

    What could not be brought about within PATIENCE_S is said.
    """
    trade.disarm(REASON)
    # what waits for a cancel is refused from now on
    trade.following.look()
    working = [life for life in trade.lives.unsettled if life.is_open]
    for life in working:
        trade.wire.cancel(life)
    await _ended(trade, working)
    said = [_told(trade, working, "cancelled" if working else "no order was open")]
    if flatten:
        said.append(await _flatten(trade))
    return "; ".join(said)


async def _flatten(trade: BinanceTradeSystem) -> str:
    await _balanced(trade)
    sold: list[Life] = []
    kept: list[str] = []
    for n, coin in enumerate(trade.raw.coins):
        amount = floor_to(trade.purse.sellable(n), trade.mirror.lot(n))
        if trade.account.is_dust(n, amount, trade.raw.mark_units(n)):
            if trade.account.sellable(n):
                kept.append(f"{coin} is not sold: what is free of it is less than can be sold")
            continue
        code, order = trade.send_anyway(n, AT_MARKET[k.SELL], amount, REASON)
        life = trade.lives.of_number(order) if order >= 0 else None
        if life is not None:
            sold.append(life)
        else:
            why = trade.notes.reason(code - REFUSED) if code >= REFUSED else REFUSALS[code]
            kept.append(f"{coin} is not sold: {why}")
    await _ended(trade, sold)
    if not sold and not kept:
        return "nothing was held"
    return "; ".join(([_told(trade, sold, "sold")] if sold else []) + kept)


async def _ended(trade: BinanceTradeSystem, lives: Iterable[Life]) -> None:
    """Wait until orders have ended and all their fills are known, but not for ever; a cancel that failed is asked for again."""
    clock = asyncio.get_running_loop().time
    until = clock() + PATIENCE_S
    while any(not life.complete for life in lives) and clock() < until:
        await asyncio.sleep(LOOK_S)
        trade.wire.press()


async def _balanced(trade: BinanceTradeSystem) -> None:
    """Wait until all that is held is free, but not for ever: some may be held back elsewhere, or its balance not be told."""
    clock = asyncio.get_running_loop().time
    began = clock()
    again = began + AGAIN_S
    held = {n: amount for n in range(len(trade.raw.coins)) if (amount := trade.account.sellable(n))}
    while short := [n for n, amount in held.items() if not trade.purse.is_free(n, amount)]:
        await asyncio.sleep(LOOK_S)
        if clock() > again:
            waited, again = clock() - began, again + AGAIN_S
            if waited > PATIENCE_S or (waited > 2 * AGAIN_S and all(map(trade.purse.is_told, short))):
                return
            trade.ask_account()


def _told(trade: BinanceTradeSystem, lives: list[Life], what: str) -> str:
    if not lives:
        return what
    wanted = Stage.FILLED if what == "sold" else Stage.CANCELED
    done = sum(life.stage is wanted for life in lives)
    told = [f"{done} of {len(lives)} {what}"]
    for life in lives:
        number = trade.lives.numbers[life.cid]
        if life.is_open:
            told.append(f"#{number} {life.coin} is {life.word} still")
        elif life.stage is not wanted:
            why = " ".join(str(it) for it in (life.code or "", life.text) if it)
            told.append(f"#{number} {life.coin} {life.stage}" + (f": {why}" if why else ""))
    return ", ".join(told)
