"""An exchange of its own for the SIM, small and plain: accounts, orders and trades in whole numbers, told as Binance does.

It shares no code with the engine, so that it can be its oracle. Orders that rest fill by a plan that was drawn when they came.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable
from random import Random
from typing import Any

UNIT = 10**8
MS = 10**6
COINS = {"AAAUSDT": ("AAA", "USDT", 100 * UNIT), "BBBUSDT": ("BBB", "USDT", 20 * UNIT)}
OPEN = ("NEW", "PARTIALLY_FILLED")
Json = dict[str, Any]


class Refusal(Exception):
    """The exchange's no: HTTP status, code, words, and the data of a replacement."""

    def __init__(self, code: int, msg: str, status: int = 400, data: Any = None) -> None:
        super().__init__(msg)
        self.status = status
        self.body = {"code": code, "msg": msg} | ({} if data is None else {"data": data})


def text(units: int) -> str:
    return f"{units // UNIT}.{units % UNIT:08d}"


def count(number: str) -> int:
    whole, _, part = number.partition(".")
    return int(whole) * UNIT + int(part.ljust(8, "0") or 0)


class Exchange:
    """One account. `tell` is given each event of its stream, `later` calls something after so many seconds.

    `strikes` tells whether a fault of a name does now."""

    def __init__(
        self,
        dice: Random,
        now: Callable[[], int],
        later: Callable[[float, Callable[[], None]], None],
        strikes: Callable[[str], bool],
    ) -> None:
        self.dice, self.now, self.later, self.strikes = dice, now, later, strikes
        self.plan: list[tuple[float, float]] | None = None
        """When every order that rests fills from now on, and how much of it, in place of what is drawn."""
        self.tell: Callable[[Json], None] = lambda event: None
        self.balances = {"USDT": [10**6 * UNIT, 0], "AAA": [500 * UNIT, 0], "BBB": [500 * UNIT, 0], "BNB": [0, 0]}
        self.orders: dict[int, Json] = {}
        self.open: dict[int, Json] = {}
        self.by_cid: dict[str, list[Json]] = {}
        self.trades: list[Json] = []
        self.history: dict[int, list[tuple[int, Json]]] = {}
        self.ledger: list[tuple[int, dict[str, list[int]]]] = [(0, {a: list(b) for a, b in self.balances.items()})]
        self.ids = itertools.count(1)
        self.trade_ids = {coin: itertools.count(1) for coin in COINS}
        self.lists = itertools.count(1)

    # what is asked

    def place(self, p: Json) -> Json:
        self._judge(p["symbol"], p["side"], p)
        order = self._enter(p["symbol"], p["side"], p["type"], count(p["quantity"]), p, p["newClientOrderId"])
        return self._reply(order, self._take(order))

    def place_pair(self, p: Json) -> Json:
        pair = next(self.lists)
        asked, legs = [], []
        for word in ("above", "below"):
            its = {name[len(word) :]: value for name, value in p.items() if name.startswith(word)}
            asked.append({name[0].lower() + name[1:]: value for name, value in its.items()})
            self._judge(p["symbol"], p["side"], asked[-1])
        for its in asked:
            cid = its.pop("clientOrderId")
            legs.append(self._enter(p["symbol"], p["side"], its["type"], count(p["quantity"]), its, cid, pair, bool(legs)))
        plans = [leg.pop("plan") for leg in legs]
        self._plan(legs[0], plans[0])
        return {"orderListId": pair, "orderReports": [self._told(leg) | {"transactTime": leg["updateTime"]} for leg in legs]}

    def cancel(self, p: Json) -> Json:
        order = self._find(p, -2011, "Unknown order sent.")
        if order["status"] not in OPEN:
            raise Refusal(-2011, "Unknown order sent.")
        ended = [its for its in list(self.open.values()) if its is order or 0 < order["orderListId"] == its["orderListId"]]
        for its in ended:
            self._end(its, "CANCELED")
        self._tell_balances()
        told = [self._told(its) | {"origClientOrderId": its["cid"], "clientOrderId": "x"} for its in ended]
        return told[0] if order["orderListId"] < 0 else {"orderListId": order["orderListId"], "orderReports": told}

    def cancel_replace(self, p: Json) -> Json:
        try:
            if self._find(p | {"origClientOrderId": p["cancelOrigClientOrderId"]}, -2011, "Unknown order sent.")["filled"]:
                assert p["cancelRestrictions"] == "ONLY_NEW"
                raise Refusal(-2011, "Order was not canceled due to cancel restrictions.")
            ended = self.cancel({"symbol": p["symbol"], "origClientOrderId": p["cancelOrigClientOrderId"]})
        except Refusal as no:
            parts = {"cancelResult": "FAILURE", "newOrderResult": "NOT_ATTEMPTED"}
            data = parts | {"cancelResponse": no.body, "newOrderResponse": None}
            raise Refusal(-2022, "Order cancel-replace failed.", 400, data) from None
        try:
            if self.strikes("half"):
                raise Refusal(-2010, "Account has insufficient balance for requested action.")
            placed = self.place(p)
        except Refusal as no:
            parts = {"cancelResult": "SUCCESS", "newOrderResult": "FAILURE"}
            data = parts | {"cancelResponse": ended, "newOrderResponse": no.body}
            raise Refusal(-2021, "Order cancel-replace partially failed.", 409, data) from None
        return {
            "cancelResult": "SUCCESS",
            "newOrderResult": "SUCCESS",
            "cancelResponse": ended,
            "newOrderResponse": placed,
        }

    def amend(self, p: Json) -> Json:
        order = self._find(p, -2013, "Order does not exist.")
        amount = count(p["newQty"])
        if order["status"] not in OPEN:
            raise Refusal(-2013, "Order does not exist.")
        if not order["filled"] < amount < order["amount"]:
            raise Refusal(-2038, "Order amend (quantity increase) is not supported.")
        self._unlock(order)
        order["amount"] = amount
        self._lock(order)
        self._keep(order, "REPLACED")
        self._tell_balances()
        return {"amendedOrder": self._told(order)}

    def ask(self, path: str, p: Json, lag: int) -> Any:
        """A query as of a while ago, as a replica that lags behind would answer it."""
        at = self.now() - lag
        match path:
            case "order":
                found = [self.orders[int(p["orderId"])]] if "orderId" in p else self.by_cid.get(p["origClientOrderId"], [])
                seen = [told for its in found if (told := self._as_of(its, at)) is not None]
                if not seen:
                    raise Refusal(-2013, "Order does not exist.")
                return seen[-1] | ({"status": "PENDING_SOMETHING"} if self.strikes("strange") else {})
            case "openOrders":
                if not lag:
                    return [self._told(its) for its in self.open.values() if its["coin"] == p["symbol"]]
                return [its for its in self._all(p["symbol"], at) if its["status"] in OPEN]
            case "allOrders":
                return [its for its in self._all(p["symbol"], at) if its["time"] >= p["startTime"]][: p["limit"]]
            case "myTrades":
                mine = [its for its in self.trades if its["symbol"] == p["symbol"] and its["time"] * MS <= at]
                mine = [its for its in mine if its["orderId"] == p.get("orderId", its["orderId"])]
                mine = [its for its in mine if its["id"] >= p.get("fromId", 0) and its["time"] >= p.get("startTime", 0)]
                return mine[: p.get("limit", 500)]
            case "account":
                time, balances = self.ledger[bisect_right(self.ledger, at, key=lambda entry: entry[0]) - 1]
                rows = [{"asset": a, "free": text(b[0]), "locked": text(b[1])} for a, b in balances.items()]
                return {"updateTime": time // MS, "balances": rows}
            case "account/commission":
                rates = {"maker": "0.00100000", "taker": "0.00100000"}
                none = {"maker": "0.00000000", "taker": "0.00000000"}
                return {"standardCommission": rates, "specialCommission": none, "taxCommission": none}
        raise AssertionError(path)

    # what the account's holder does by other means

    def somebody_else(self) -> None:
        coin = self.dice.choice(list(COINS))
        mine = [its for its in self.open.values() if its["cid"].startswith("web")]
        if mine and self.dice.random() < 0.5:
            self._end(self.dice.choice(mine), "CANCELED")
            self._tell_balances()
            return
        price = COINS[coin][2] * self.dice.randrange(50, 99) // 100
        p = {"price": text(price), "timeInForce": "GTC"} if self.dice.random() < 0.6 else {}
        kind = "LIMIT" if p else "MARKET"
        order = self._enter(
            coin, self.dice.choice(("BUY", "SELL")) if not p else "BUY", kind, UNIT, p, f"web_{next(self.lists)}"
        )
        self._take(order)

    # orders

    def _judge(self, coin: str, side: str, p: Json) -> None:
        """Refuse a sell that the market has gone past."""
        mark = COINS[coin][2]
        if side == "SELL" and p["type"] == "STOP_LOSS" and "stopPrice" in p and count(p["stopPrice"]) >= mark:
            raise Refusal(-2010, "Stop price would trigger immediately.")
        if side == "SELL" and p["type"] == "LIMIT_MAKER" and count(p["price"]) <= mark:
            raise Refusal(-2010, "Order would immediately match and take.")

    def _enter(
        self, coin: str, side: str, kind: str, amount: int, p: Json, cid: str, pair: int = -1, second: bool = False
    ) -> Json:
        if any(its["status"] in OPEN for its in self.by_cid.get(cid, ())):
            raise Refusal(-2010, "Duplicate order sent.")
        base, quote, mark = COINS[coin]
        price = count(p["price"]) if "price" in p else 0
        at = price or (count(p["stopPrice"]) if "stopPrice" in p else mark)
        lock = 0 if second else amount if side == "SELL" else -(-amount * at // UNIT)
        asset = base if side == "SELL" else quote
        if self.balances[asset][0] < lock:
            raise Refusal(-2010, "Account has insufficient balance for requested action.")
        order = {"orderId": next(self.ids), "coin": coin, "side": side, "type": kind, "amount": amount, "cid": cid}
        order |= {"price": price, "at": at, "stop": count(p.get("stopPrice", "0")), "orderListId": pair, "asset": asset}
        order |= {"filled": 0, "status": "NEW", "locked": 0, "second": second, "time": self.now() // MS}
        self.orders[order["orderId"]] = self.open[order["orderId"]] = order
        self.by_cid.setdefault(cid, []).append(order)
        self.history[order["orderId"]] = []
        self._lock(order)
        order["plan"] = self._draw(order)
        self._keep(order, "NEW")
        return order

    def _draw(self, order: Json) -> list[tuple[float, float]]:
        """When an order that rests will fill, and how much of what is left of it: often never, sometimes in parts."""
        if self.plan is not None:
            return list(self.plan)
        roll = self.dice.random()
        if roll < 0.4:
            return []
        parts = 1 if roll < 0.7 else self.dice.randrange(2, 4)
        return [(self.dice.expovariate(1 / 15), 1.0 if n == parts - 1 and roll < 0.9 else 0.5) for n in range(parts)]

    def _take(self, order: Json) -> list[Json]:
        """Let an order take what is there, or rest."""
        plan = order.pop("plan")
        mark = COINS[order["coin"]][2]
        crosses = order["price"] >= mark if order["side"] == "BUY" else 0 < order["price"] <= mark
        taken: list[Json] = []
        if order["type"] == "MARKET" or (order["type"] == "LIMIT" and crosses):
            parts = self.dice.randrange(1, 4)
            for n in range(parts):
                left = order["amount"] - order["filled"]
                part = left if n == parts - 1 else left // 2 // 10**5 * 10**5
                if part:
                    taken.append(self._fill(order, part, mark, maker=False))
                if order["type"] == "MARKET" and self.dice.random() < 0.03:
                    break
            if order["status"] in OPEN:
                self._end(order, "EXPIRED")
        elif order["type"] == "LIMIT" and self.dice.random() < 0.02:
            self._end(order, "EXPIRED_IN_MATCH")
        else:
            self._plan(order, plan)
        self._tell_balances()
        return taken

    def _plan(self, order: Json, plan: list[tuple[float, float]]) -> None:
        at = 0.0
        for wait, share in plan:
            at += wait
            self.later(at, lambda share=share: self._happen(order, share))  # type: ignore[misc]
        self._tell_balances()

    def _happen(self, order: Json, share: float) -> None:
        if order["status"] not in OPEN:
            return
        left = order["amount"] - order["filled"]
        part = left if share == 1.0 else max(int(left * share) // 10**5 * 10**5, 10**5)
        for its in list(self.open.values()):
            if its is not order and 0 < order["orderListId"] == its["orderListId"]:
                self._end(its, "EXPIRED", keep_lock=True)
        self._fill(order, min(part, left), order["price"] or order["stop"], maker=True)
        self._tell_balances()

    def _fill(self, order: Json, amount: int, price: int, *, maker: bool) -> Json:
        base, quote, _ = COINS[order["coin"]]
        self._unlock(order)
        order["filled"] += amount
        order["status"] = "FILLED" if order["filled"] == order["amount"] else "PARTIALLY_FILLED"
        cost = amount * price // UNIT
        buys = order["side"] == "BUY"
        got, gross, paid, spent = (base, amount, quote, cost) if buys else (quote, cost, base, amount)
        fee = -(-gross // 1000)
        self.balances[paid][0] -= spent
        self.balances[got][0] += gross - fee
        if order["status"] == "FILLED":
            self.open.pop(order["orderId"], None)
        else:
            self._lock(order)
        assert all(min(both) >= 0 for both in self.balances.values()), "the exchange never lets anybody overdraw"
        its = {"symbol": order["coin"], "id": next(self.trade_ids[order["coin"]]), "orderId": order["orderId"]}
        its |= {"price": text(price), "qty": text(amount), "quoteQty": text(cost), "commission": text(fee)}
        its |= {"commissionAsset": got, "isMaker": maker, "time": self.now() // MS}
        self.trades.append(its)
        self._keep(order, "TRADE", its)
        return its

    def _end(self, order: Json, status: str, *, keep_lock: bool = False) -> None:
        pair = [its for its in self.open.values() if its is not order and 0 < order["orderListId"] == its["orderListId"]]
        held = order["locked"]
        self._unlock(order)
        order["status"] = status
        self.open.pop(order["orderId"], None)
        if keep_lock and pair and held:
            # the leg that fills now holds back what both did
            pair[0]["second"] = False
            self._lock(pair[0])
        self._keep(order, "CANCELED" if status == "CANCELED" else "EXPIRED")

    def _lock(self, order: Json) -> None:
        left = order["amount"] - order["filled"]
        order["locked"] = 0 if order["second"] else left if order["side"] == "SELL" else -(-left * order["at"] // UNIT)
        self.balances[order["asset"]][0] -= order["locked"]
        self.balances[order["asset"]][1] += order["locked"]

    def _unlock(self, order: Json) -> None:
        self.balances[order["asset"]][0] += order["locked"]
        self.balances[order["asset"]][1] -= order["locked"]
        order["locked"] = 0

    # what is told

    def _keep(self, order: Json, kind: str, trade: Json | None = None) -> None:
        now = self.now()
        order["updateTime"] = now // MS
        status = "PENDING_SOMETHING" if self.strikes("strange") else order["status"]
        self.history[order["orderId"]].append((now, self._told(order)))
        event = {"e": "executionReport", "E": now // MS, "s": order["coin"], "c": order["cid"], "C": "", "S": order["side"]}
        if kind == "CANCELED":
            event |= {"c": "a cancel", "C": order["cid"]}
        event |= {"o": order["type"], "x": kind, "X": status, "i": order["orderId"], "z": text(order["filled"])}
        event |= {"q": text(order["amount"]), "p": text(order["price"]), "P": text(order["stop"]), "T": now // MS, "t": -1}
        if trade is not None:
            event |= {"t": trade["id"], "L": trade["price"], "l": trade["qty"], "Y": trade["quoteQty"], "m": trade["isMaker"]}
            event |= {"n": trade["commission"], "N": trade["commissionAsset"]}
        self.tell(event)

    def _tell_balances(self) -> None:
        now, before = self.now(), self.ledger[-1][1]
        changed = {asset: list(both) for asset, both in self.balances.items() if before[asset] != both}
        if changed:
            self.ledger.append((now, {asset: list(both) for asset, both in self.balances.items()}))
            rows = [{"a": asset, "f": text(both[0]), "l": text(both[1])} for asset, both in changed.items()]
            self.tell({"e": "outboundAccountPosition", "E": now // MS, "u": now // MS, "B": rows})

    def _told(self, order: Json) -> Json:
        told = {"symbol": order["coin"], "orderId": order["orderId"], "clientOrderId": order["cid"], "status": order["status"]}
        told |= {"executedQty": text(order["filled"]), "origQty": text(order["amount"]), "stopPrice": text(order["stop"])}
        told |= {"price": text(order["price"]), "side": order["side"], "type": order["type"], "time": order["time"]}
        return told | {"updateTime": order.get("updateTime", order["time"]), "orderListId": order["orderListId"]}

    def _reply(self, order: Json, trades: list[Json]) -> Json:
        fills = [
            {"tradeId": its["id"]} | {k: its[k] for k in ("price", "qty", "commission", "commissionAsset")} for its in trades
        ]
        return self._told(order) | {"transactTime": order["updateTime"], "fills": fills}

    def _find(self, p: Json, code: int, words: str) -> Json:
        found = self.by_cid.get(p["origClientOrderId"])
        if not found:
            raise Refusal(code, words)
        return found[-1]

    def _as_of(self, order: Json, at: int) -> Json | None:
        versions = self.history[order["orderId"]]
        n = bisect_right(versions, at, key=lambda version: version[0])
        return versions[n - 1][1] if n else None

    def _all(self, coin: str, at: int) -> list[Json]:
        mine = (self._as_of(its, at) for its in self.orders.values() if its["coin"] == coin)
        return [told for told in mine if told is not None]
