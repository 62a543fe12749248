"""What must hold whatever happened: the engine and the exchange tell the same, and each order was sent once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from engine.binance.life import ENDED, Stage
from tests.binance.sim_exchange import OPEN, count

if TYPE_CHECKING:
    from tests.binance.sim import World


def judge(world: World) -> None:
    """Compare what the engine knows with what the exchange did, to the last unit."""
    world.wrong += differences(world)
    trade, exchange = world.flight.trade, world.exchange
    meant = {entry.cid: entry for entry in world.flight.journal.entries() if entry.what == "intent"}
    for cid, orders in exchange.by_cid.items():
        if cid.startswith("td-") and cid not in meant:
            world.wrong.append(f"{cid} is an orphan")
        if len(orders) > 1:
            world.wrong.append(f"{cid} was placed {len(orders)} times")
    closing: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for cid, its in meant.items():
        if "entry" in its.facts and cid in exchange.by_cid:
            # the legs of a pair are for the same
            closing[its.facts["entry"]][its.facts.get("pair", cid)] = its.facts["amount"]
    for cid, sent in closing.items():
        if sum(sent.values()) > _received(world, cid):
            world.wrong.append(f"the exits of {cid} were sent for {sum(sent.values())}, more than it brought in")
    for n, base in enumerate(("AAA", "BBB")):
        if trade.mirror.position(n) < 0:
            world.wrong.append(f"{base} of the holder was sold: {trade.mirror.position(n)}")


def owing(world: World) -> list[str]:
    """The entries that have exits to come for something that could be sold now."""
    trade = world.flight.trade
    told = []
    for cid in [cid for cid, its in trade.lives.meant.items() if its.asked.exits]:
        life = trade.lives.by_cid[cid]
        n = trade.mirror.index[life.coin]
        could = min(trade.following._rest(life, n), trade.purse.sellable(n)) if life.complete else 0
        if not trade.account.is_dust(n, could, trade.raw.mark_units(n)):
            told.append(cid)
    return told


def _received(world: World, cid: str) -> int:
    order = world.exchange.by_cid[cid][0]
    mine = [its for its in world.exchange.trades if its["orderId"] == order["orderId"]]
    return sum(count(its["qty"]) - count(its["commission"]) for its in mine)


def differences(world: World) -> list[str]:
    """What the engine and the exchange tell differently of orders, fills and balances."""
    trade, exchange = world.flight.trade, world.exchange
    told = []
    for cid, life in trade.lives.by_cid.items():
        there = exchange.by_cid.get(cid)
        if not there:
            if life.stage not in (Stage.REJECTED, Stage.NOT_PLACED):
                told.append(f"{cid} is {life.stage} here and nowhere there")
        elif (life.stage.value, life.filled) != (there[0]["status"], there[0]["filled"]):
            told.append(f"{cid} is {life.stage} {life.filled} here, {there[0]['status']} {there[0]['filled']} there")
    numbers = {its["orderId"]: its["cid"] for its in exchange.orders.values() if its["cid"].startswith("td-")}
    theirs = {(its["symbol"], its["id"]): _fill(its) for its in exchange.trades if its["orderId"] in numbers}
    ours = {(life.coin, it.trade_id): it[1:7] for life in trade.lives.by_cid.values() for it in life.trades.values()}
    if ours != theirs:
        told.append(f"fills differ: {sorted(set(ours.items()) ^ set(theirs.items()))[:4]}")
    for asset in ("USDT", "AAA", "BBB"):
        here = [trade.mirror.free(asset), trade.mirror.locked(asset)]
        if here != exchange.balances[asset]:
            told.append(f"{asset} is {here} here, {exchange.balances[asset]} there")
    outside = {(its["coin"], its["orderId"]) for its in exchange.open.values() if not its["cid"].startswith("td-")}
    if set(world.flight.ledger.books.externals) != outside:
        told.append(f"externals are {sorted(world.flight.ledger.books.externals)} here, {sorted(outside)} there")
    open_here = {life.cid for life in trade.lives.by_cid.values() if life.stage not in ENDED}
    open_there = {its["cid"] for its in exchange.orders.values() if its["status"] in OPEN and its["cid"].startswith("td-")}
    if open_here != open_there:
        told.append(f"open here alone {sorted(open_here - open_there)}, there alone {sorted(open_there - open_here)}")
    return told


def _fill(its: Any) -> tuple[Any, ...]:
    numbers = [int(its[name].replace(".", "")) for name in ("price", "qty", "quoteQty", "commission")]
    return (*numbers, its["commissionAsset"], its["isMaker"])
