"""What the exchange does as REST alone tells it, beside what its rules make of the same orders: reckoned by hand, and by the
reference exchange over random orders.

`python tests/mutants/mutants.py --rest` plants faults in the kernel: those in matching and in balances are to fail here too.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from engine.recordings import Bars
from engine.rehearsal.market import CoinMarket
from tests.exchange.reference import FILLED, REJECTED, Reference, Rules
from tests.rehearsal.day import BALANCES, FEE, GTC, Case, balances, day, each_case, fall, order, rise
from tests.rehearsal.hall import SECOND, hall
from tests.rehearsal.trader import Trader
from tests.worlds import candles, market, units, walk

COIN = "BTCUSDT"


class Client(Trader):
    """A trader who expects to be obeyed."""

    async def do(self, method: str, path: str, **asked: Any) -> Any:
        """What is answered to what is not refused."""
        answer = await self.ask(method, path, **asked)
        assert answer.status == 200, answer
        return answer.body

    async def place(self, asked: dict[str, str], **more: str) -> Any:
        """The reply to an order."""
        return await self.do("POST", "order", symbol=COIN, newOrderRespType="FULL", **asked | more)

    async def told(self, id: int) -> tuple[str, Decimal, Decimal]:
        """How an order stands, and what it has filled and cost."""
        its = await self.do("GET", "order", symbol=COIN, orderId=id)
        return its["status"], Decimal(its["executedQty"]), Decimal(its["cummulativeQuoteQty"])

    async def held(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Free and locked of each asset."""
        its = (await self.do("GET", "account"))["balances"]
        return {row["asset"]: (Decimal(row["free"]), Decimal(row["locked"])) for row in its}

    async def trades(self) -> list[tuple[Decimal, Decimal, Decimal, str, bool]]:
        """Price, amount, fee, what that was taken in, and whether it rested, of each trade."""
        rows = await self.do("GET", "myTrades", symbol=COIN)
        return [
            (Decimal(its["price"]), Decimal(its["qty"]), Decimal(its["commission"]), its["commissionAsset"], its["isMaker"])
            for its in rows
        ]


@asynccontextmanager
async def opened(**settings: Any) -> AsyncIterator[Client]:
    async with day(**settings) as its:
        yield Client(its)


def number(text: str) -> Decimal:
    return Decimal(text)


@each_case
async def test_an_order_of_each_type(case: Case) -> None:
    async with opened() as client:
        placed = await client.place(case.order)
        assert (placed["status"], number(placed["executedQty"])) == (case.at_once[0], number(case.at_once[1]))
        for move, expected in ((fall, case.after_fall), (rise, case.at_end)):
            move(client.hall)
            assert (await client.told(placed["orderId"]))[:2] == (expected[0], number(expected[1]))
        held = await client.held()
        assert {asset: free + locked for asset, (free, locked) in held.items()} == balances(case)
        assert all(locked == 0 for _, locked in held.values())


@pytest.mark.parametrize(
    ("asked", "asset", "locked"),
    [
        (order("BUY", "LIMIT", "2", price="97", **GTC), "USDT", "194"),
        (order("BUY", "LIMIT", "0.333", price="97.01", **GTC), "USDT", "32.30433"),
        (order("SELL", "LIMIT", "2", price="105", **GTC), "BTC", "2"),
        (order("SELL", "LIMIT_MAKER", "2", price="105"), "BTC", "2"),
        (order("BUY", "STOP_LOSS", "2", stopPrice="105"), "USDT", "210"),
        (order("BUY", "STOP_LOSS_LIMIT", "2", stopPrice="105", price="106", **GTC), "USDT", "212"),
        (order("BUY", "TAKE_PROFIT", "2", stopPrice="97"), "USDT", "194"),
        (order("BUY", "TAKE_PROFIT_LIMIT", "2", stopPrice="97", price="98", **GTC), "USDT", "196"),
        (order("SELL", "STOP_LOSS", "2", stopPrice="97"), "BTC", "2"),
        (order("BUY", "STOP_LOSS", "2", trailingDelta="500"), "USDT", "210"),
    ],
)
async def test_what_an_order_locks_until_it_is_cancelled(asked: dict[str, str], asset: str, locked: str) -> None:
    async with opened() as client:
        placed = await client.place(asked)
        held = await client.held()
        assert held[asset] == (BALANCES[asset] - number(locked), number(locked))
        gone = await client.do("DELETE", "order", symbol=COIN, orderId=placed["orderId"])
        assert gone["status"] == "CANCELED"
        assert {name: free for name, (free, _) in (await client.held()).items()} == BALANCES
        again = await client.ask("DELETE", "order", symbol=COIN, orderId=placed["orderId"])
        assert again.refusal == (400, -2011, "Unknown order sent.")


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (order("BUY", "LIMIT", "100.001", price="100", **GTC), "Account has insufficient balance for requested action."),
        (order("BUY", "LIMIT", "103.093", price="97", **GTC), "Account has insufficient balance for requested action."),
        (order("SELL", "LIMIT", "20.001", price="105", **GTC), "Account has insufficient balance for requested action."),
        (order("BUY", "MARKET", "100.001"), "Account has insufficient balance for requested action."),
        (order("SELL", "MARKET", "20.001"), "Account has insufficient balance for requested action."),
        (order("BUY", "STOP_LOSS", "95.239", stopPrice="105"), "Account has insufficient balance for requested action."),
        (order("BUY", "LIMIT_MAKER", price="100"), "Order would immediately match and take."),
        (order("SELL", "LIMIT_MAKER", price="99.99"), "Order would immediately match and take."),
        (order("SELL", "STOP_LOSS", stopPrice="100"), "Order would trigger immediately."),
        (order("BUY", "STOP_LOSS", stopPrice="100"), "Order would trigger immediately."),
        (order("SELL", "TAKE_PROFIT", stopPrice="100"), "Order would trigger immediately."),
        (order("BUY", "TAKE_PROFIT", stopPrice="100"), "Order would trigger immediately."),
        (order("BUY", "LIMIT", "0.0515", price="97", **GTC), "Filter failure: LOT_SIZE"),
        (order("BUY", "LIMIT", "1", price="97.005", **GTC), "Filter failure: PRICE_FILTER"),
        (order("SELL", "STOP_LOSS", "1", stopPrice="97.005"), "Filter failure: PRICE_FILTER"),
        (order("BUY", "LIMIT", "0.051", price="97", **GTC), "Filter failure: NOTIONAL"),
        (order("SELL", "MARKET", "0.05"), "Filter failure: NOTIONAL"),
    ],
)
async def test_what_is_refused_changes_nothing(asked: dict[str, str], text: str) -> None:
    async with opened() as client:
        answer = await client.order(**asked)
        assert (answer.status, answer.body["msg"]) == (400, text)
        assert {name: free for name, (free, _) in (await client.held()).items()} == BALANCES
        assert await client.do("GET", "allOrders", symbol=COIN) == []


@pytest.mark.parametrize(
    "asked",
    [
        order("BUY", "LIMIT", "100", price="100", **GTC),
        order("BUY", "LIMIT", "103.092", price="97", **GTC),
        order("SELL", "LIMIT", "20", price="105", **GTC),
        order("BUY", "MARKET", "100"),
        order("SELL", "MARKET", "20"),
        order("BUY", "LIMIT_MAKER", price="99.99"),
        order("SELL", "LIMIT_MAKER", price="100"),
        order("SELL", "STOP_LOSS", stopPrice="99.99"),
        order("BUY", "TAKE_PROFIT", stopPrice="99.99"),
        order("BUY", "LIMIT", "0.052", price="97", **GTC),
        order("SELL", "MARKET", "0.051"),
    ],
)
async def test_what_is_just_not_refused(asked: dict[str, str]) -> None:
    async with opened() as client:
        assert (await client.order(**asked)).status == 200


@pytest.mark.parametrize(
    ("fees", "asked", "trade", "after"),
    [
        ({}, order("BUY", "MARKET"), ("100", "0.001", "BTC", False), {"USDT": "9900", "BTC": "20.999"}),
        ({}, order("SELL", "MARKET"), ("99.99", "0.09999", "USDT", False), {"USDT": "10099.89001", "BTC": "19"}),
        ({}, order("BUY", "LIMIT", price="97", **GTC), ("97", "0.0002", "BTC", True), {"USDT": "9903", "BTC": "20.9998"}),
        ({}, order("SELL", "LIMIT", price="105", **GTC), ("105", "0.021", "USDT", True), {"USDT": "10104.979", "BTC": "19"}),
        ({"fee_asset": "quote"}, order("BUY", "MARKET"), ("100", "0.1", "USDT", False), {"USDT": "9899.9", "BTC": "21"}),
        (
            {"fee_asset": "quote"},
            order("BUY", "LIMIT", price="97", **GTC),
            ("97", "0.0194", "USDT", True),
            {"USDT": "9902.9806", "BTC": "21"},
        ),
        ({"slippage_bps": 10}, order("BUY", "MARKET"), ("100.1", "0.001", "BTC", False), {"USDT": "9899.9", "BTC": "20.999"}),
        (
            {"slippage_bps": 10},
            order("SELL", "STOP_LOSS", stopPrice="97"),
            ("96.9", "0.0969", "USDT", False),
            {"USDT": "10096.8031", "BTC": "19"},
        ),
    ],
)
async def test_fees_and_slippage(fees: dict[str, Any], asked: dict[str, str], trade: Any, after: dict[str, str]) -> None:
    async with opened(fills={"maker_bps": 2, "taker_bps": 10} | fees) as client:
        await client.place(asked)
        rise(client.hall)
        price, fee, asset, maker = trade
        assert await client.trades() == [(number(price), 1, number(fee), asset, maker)]
        held = await client.held()
        assert {name: free for name, (free, _) in held.items() if name in after} == {n: number(a) for n, a in after.items()}
        assert all(locked == 0 for _, locked in held.values())


async def test_a_fee_in_quote_is_locked_too() -> None:
    async with opened(fills={"maker_bps": 20, "taker_bps": 10, "fee_asset": "quote"}) as client:
        await client.place(order("BUY", "LIMIT", price="97", **GTC))
        assert (await client.held())["USDT"] == (number("9902.806"), number("97.194"))
        await client.place(order("BUY", "STOP_LOSS", stopPrice="105"))
        assert (await client.held())["USDT"][1] == number("97.194") + number("105.105")


async def test_a_touch_fills_only_where_it_is_so_set() -> None:
    for how, filled in (("through", 0), ("touch", 1)):
        async with opened(fills={"limit_fill": how}) as client:
            placed = await client.place(order("BUY", "LIMIT", price="94", **GTC))
            other = await client.place(order("SELL", "LIMIT", price="112", **GTC))
            rise(client.hall)
            assert (await client.told(placed["orderId"]))[1] == (await client.told(other["orderId"]))[1] == filled


async def test_what_cannot_be_paid_when_it_would_fill_is_never_filled() -> None:
    async with opened(fills={"slippage_bps": 10}) as client:
        # 9,996 USDT are there and locked, with the slippage it would be 10,006
        placed = await client.place(order("BUY", "STOP_LOSS", "95.2", stopPrice="105"))
        rise(client.hall)
        assert await client.told(placed["orderId"]) == ("EXPIRED", 0, 0)
        assert {name: free for name, (free, _) in (await client.held()).items()} == BALANCES


async def test_who_comes_first_and_bids_best_is_filled_first() -> None:
    async with opened(fills={"max_volume_share": "0.01"}) as client:
        ids = [
            (await client.place(order("BUY", "LIMIT", amount, price=price, **GTC)))["orderId"]
            for amount, price in (("4", "96"), ("2", "97"), ("50", "96"))
        ]
        fall(client.hall)
        told = [await client.told(id) for id in ids]
        assert told[0] == ("FILLED", 4, 384)
        assert told[1] == ("FILLED", 2, 194)
        status, filled, cost = told[2]
        assert status == "PARTIALLY_FILLED"
        assert cost == filled * 96
        volumes = [Decimal(row["qty"]) for row in (await client.get("trades", symbol=COIN, limit=3)).body]
        taken = [number for _, number, *_ in await client.trades()]
        assert sum(taken) == 6 + filled
        # a hundredth of each trade at 96 or below, whole lots of a thousandth
        assert sum(taken) == sum((volume / 100).quantize(Decimal("0.001"), "ROUND_DOWN") for volume in volumes[-2:])
        assert (await client.held())["USDT"][1] == (50 - filled) * 96


@pytest.mark.parametrize(
    ("side", "legs", "first", "second", "after"),
    [
        ("SELL", {"abovePrice": "105", "belowStopPrice": "97"}, "STOP_LOSS", "97", {"USDT": "10096.903", "BTC": "19"}),
        ("SELL", {"abovePrice": "105", "belowStopPrice": "93"}, "LIMIT_MAKER", "105", {"USDT": "10104.895", "BTC": "19"}),
        ("BUY", {"belowPrice": "97", "aboveStopPrice": "105"}, "LIMIT_MAKER", "97", {"USDT": "9903", "BTC": "20.999"}),
        ("BUY", {"belowPrice": "90", "aboveStopPrice": "105"}, "STOP_LOSS", "105", {"USDT": "9895", "BTC": "20.999"}),
    ],
)
async def test_a_pair(side: str, legs: dict[str, str], first: str, second: str, after: dict[str, str]) -> None:
    above, below = ("LIMIT_MAKER", "STOP_LOSS") if side == "SELL" else ("STOP_LOSS", "LIMIT_MAKER")
    async with opened() as client:
        asked = {"symbol": COIN, "side": side, "quantity": "1", "aboveType": above, "belowType": below, **legs}
        await client.do("POST", "orderList/oco", **asked)
        held = await client.held()
        # a pair locks what its dearer order needs, once
        assert held["BTC"][1] == (1 if side == "SELL" else 0)
        assert held["USDT"][1] == (0 if side == "SELL" else 105)
        rise(client.hall)
        told = {its["type"]: its["status"] for its in await client.do("GET", "allOrders", symbol=COIN)}
        assert told == {"STOP_LOSS": "EXPIRED", "LIMIT_MAKER": "EXPIRED"} | {first: "FILLED"}
        assert [its[0] for its in await client.trades()] == [number(second)]
        held = await client.held()
        assert {name: free for name, (free, _) in held.items() if name in after} == {n: number(a) for n, a in after.items()}
        assert all(locked == 0 for _, locked in held.values())


NOT_LESS = "Order amend (quantity increase) is not supported."
INSUFFICIENT = "Account has insufficient balance for requested action."


@pytest.mark.parametrize(
    ("amount", "limit", "stop", "text"),
    [
        ("100", "97", {"aboveStopPrice": "105"}, INSUFFICIENT),
        ("104", "97", {"aboveStopPrice": "105", "abovePrice": "90", "aboveTimeInForce": "GTC"}, INSUFFICIENT),
        ("1", "100", {"aboveStopPrice": "105"}, "Order would immediately match and take."),
        ("1", "97", {"aboveStopPrice": "100"}, "Order would trigger immediately."),
        ("1", "97.005", {"aboveStopPrice": "105"}, "Filter failure: PRICE_FILTER"),
        ("0.05", "97", {"aboveStopPrice": "105"}, "Filter failure: NOTIONAL"),
        ("80", "97", {"aboveStopPrice": "125"}, None),
        ("103", "97", {"aboveStopPrice": "105", "abovePrice": "90", "aboveTimeInForce": "GTC"}, None),
    ],
)
async def test_what_a_pair_needs(amount: str, limit: str, stop: dict[str, str], text: str | None) -> None:
    kind = "STOP_LOSS_LIMIT" if "abovePrice" in stop else "STOP_LOSS"
    async with opened() as client:
        asked = {"symbol": COIN, "side": "BUY", "quantity": amount, "belowType": "LIMIT_MAKER", "belowPrice": limit}
        answer = await client.ask("POST", "orderList/oco", aboveType=kind, **asked, **stop)
        assert answer.body.get("msg") == text
        need = max(number(limit), number(stop.get("abovePrice", stop["aboveStopPrice"]))) * number(amount)
        assert (await client.held())["USDT"][1] == (0 if text else need)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.1", None),
        ("1.999", None),
        ("0.099", "Filter failure: NOTIONAL"),
        ("0.5005", "Filter failure: LOT_SIZE"),
        ("2", NOT_LESS),
        ("2.001", NOT_LESS),
        ("0", NOT_LESS),
    ],
)
async def test_how_small_an_order_may_become(amount: str, text: str | None) -> None:
    async with opened() as client:
        placed = await client.place(order("BUY", "LIMIT", "2", price="50", **GTC))
        answer = await client.ask("PUT", "order/amend/keepPriority", symbol=COIN, orderId=placed["orderId"], newQty=amount)
        assert answer.body.get("msg") == text
        assert (await client.held())["USDT"][1] == 50 * (number(amount) if text is None else 2)


async def test_no_order_of_a_pair_becomes_smaller() -> None:
    async with opened() as client:
        legs = {"aboveType": "LIMIT_MAKER", "abovePrice": "105", "belowType": "STOP_LOSS", "belowStopPrice": "97"}
        pair = await client.do("POST", "orderList/oco", symbol=COIN, side="SELL", quantity="2", **legs)
        for its in pair["orders"]:
            answer = await client.ask("PUT", "order/amend/keepPriority", symbol=COIN, orderId=its["orderId"], newQty="1")
            assert answer.status == 400
        assert (await client.held())["BTC"] == (18, 2)


async def test_a_pair_is_cancelled_by_one_of_its_orders() -> None:
    async with opened() as client:
        legs = {"aboveType": "LIMIT_MAKER", "abovePrice": "105", "belowType": "STOP_LOSS_LIMIT", "belowStopPrice": "97"}
        legs |= {"belowPrice": "96", "belowTimeInForce": "GTC"}
        pair = await client.do("POST", "orderList/oco", symbol=COIN, side="SELL", quantity="1", **legs)
        await client.do("DELETE", "order", symbol=COIN, orderId=pair["orders"][0]["orderId"])
        assert {its["status"] for its in await client.do("GET", "allOrders", symbol=COIN)} == {"CANCELED"}
        assert (await client.held())["BTC"] == (20, 0)


async def test_an_order_is_made_smaller_and_keeps_its_place() -> None:
    async with opened(fills={"max_volume_share": "0.001"}) as client:
        first = await client.place(order("BUY", "LIMIT", "2", price="97", **GTC))
        second = await client.place(order("BUY", "LIMIT", "2", price="97", **GTC))
        asked = {"symbol": COIN, "orderId": first["orderId"], "newQty": "0.1"}
        await client.do("PUT", "order/amend/keepPriority", **asked)
        assert (await client.held())["USDT"][1] == number("203.7")
        refused = await client.ask("PUT", "order/amend/keepPriority", **asked)
        assert refused.status == 400
        fall(client.hall)
        assert (await client.told(first["orderId"]))[0] == "FILLED"
        status, filled, _ = await client.told(second["orderId"])
        assert status == "PARTIALLY_FILLED"
        assert 0 < filled < 2


@pytest.mark.parametrize(
    ("asked", "price"),
    [
        # set off by the fall, their limits out of reach until the market is back
        (order("SELL", "STOP_LOSS_LIMIT", stopPrice="97", price="98", **GTC), "98"),
        (order("BUY", "STOP_LOSS_LIMIT", stopPrice="105", price="101", **GTC), None),
        (order("BUY", "TAKE_PROFIT_LIMIT", stopPrice="97", price="96", **GTC), "96"),
        (order("SELL", "TAKE_PROFIT_LIMIT", stopPrice="105", price="113", **GTC), None),
        (order("BUY", "STOP_LOSS_LIMIT", stopPrice="105", price="106", **GTC), "105"),
        (order("BUY", "TAKE_PROFIT", trailingDelta="300"), "97"),
        # from the low of 94 on
        (order("SELL", "TAKE_PROFIT", trailingDelta="500"), "98.7"),
        (order("BUY", "STOP_LOSS", trailingDelta="500"), "98.7"),
        (order("SELL", "STOP_LOSS", trailingDelta="200"), "98"),
        (order("SELL", "STOP_LOSS_LIMIT", trailingDelta="200", price="97", **GTC), "98"),
    ],
)
async def test_orders_that_wait_for_a_trigger(asked: dict[str, str], price: str | None) -> None:
    async with opened() as client:
        placed = await client.place(asked)
        rise(client.hall)
        status, filled, cost = await client.told(placed["orderId"])
        assert (status, filled, cost) == (("FILLED", 1, number(price)) if price else ("NEW", 0, 0))


async def test_what_rests_is_not_met_by_the_past() -> None:
    async with opened() as client:
        fall(client.hall)
        placed = await client.place(order("SELL", "LIMIT", price="99", **GTC))
        assert placed["status"] == "NEW"
        rise(client.hall)
        assert await client.told(placed["orderId"]) == ("FILLED", 1, 99)
        assert (await client.held())["USDT"][0] == 10_000 + 99 * (1 - FEE)


# beside the reference

SESSIONS = [
    ({"max_volume_share": "0.001"}, 2),
    ({"fee_asset": "quote", "maker_bps": 20, "taker_bps": 5, "slippage_bps": 3}, 5),
    ({"fee_asset": "quote", "maker_bps": 5, "taker_bps": 20, "max_volume_share": "0.001"}, 3),
    ({"fee_asset": "bnb", "maker_bps": 7, "taker_bps": 10, "max_volume_share": "0.002"}, 2),
    ({"limit_fill": "touch", "slippage_bps": 10, "max_volume_share": "0.01"}, 5),
]
"""How orders fill, and the decimals of prices and amounts."""
HELD = {"USDT": 20_000, "BTC": 30, "BNB": "0.004"}
STATUSES = ("NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "REJECTED", "EXPIRED")


class Mirror:
    """An account's exchange, whatever is done to it done to the reference too."""

    def __init__(self, exchange: Any, reference: Reference) -> None:
        self._exchange = exchange
        self.reference = reference

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exchange, name)

    def place(self, coin: int, *args: int, keep: bool, **how: int) -> int:
        id = self.reference.place(coin, *args, **how)
        if self.reference.orders[id].status == REJECTED:
            del self.reference.orders[-1], self.reference.coins[coin].orders[-1]
        return self._exchange.place(coin, *args, keep=keep, **how)

    def place_pair(self, *args: int, **how: int) -> tuple[int, int]:
        self.reference.place_pair(*args, **how)
        return self._exchange.place_pair(*args, **how)

    def cancel(self, *args: int) -> bool:
        self.reference.cancel(*args)
        return self._exchange.cancel(*args)

    def amend(self, *args: int) -> int:
        self.reference.amend(*args)
        return self._exchange.amend(*args)

    def on_tick(self, *args: int, **how: Any) -> int:
        self.reference.on_tick(*args, **how)
        return self._exchange.on_tick(*args, **how)


def rough(rows: int, seed: int) -> Bars:
    """Bars around 100 that open away from where the last one closed."""
    rng = random.Random(seed)
    told, last = [], 10_000
    for _ in range(rows):
        open_ = max(last + rng.choice((0, rng.randint(-60, 60))), 9000)
        close = open_ + rng.randint(-30, 30)
        high, low = max(open_, close) + rng.randint(0, 30), min(open_, close) - rng.randint(0, 30)
        told.append((*(f"{price / 100}" for price in (open_, high, low, close)), rng.randint(50, 9000)))
        last = close
    return candles(told)


def turns_of(coin: CoinMarket, bars: int) -> list[Decimal]:
    """The prices at which the market turns in this bar and those after it."""
    rows = slice(coin.row, coin.row + bars)
    prices = [price for name in ("open", "high", "low") for price in getattr(coin.bars, name)[rows].tolist()]
    return [Decimal(price).scaleb(-8) for price in prices]


def between(rng: random.Random, low: float, high: float, places: int) -> Decimal:
    """A number of so many places."""
    return Decimal(rng.randint(int(low * 10**places), int(high * 10**places))).scaleb(-places)


def asked_at_random(rng: random.Random, bid: Decimal, ask: Decimal, places: int, soon: list[Decimal]) -> dict[str, str]:
    """An order somewhere around the market, most of them possible; some at just the prices where it will `soon` be."""

    def near() -> str:
        return f"{rng.choice(soon) if rng.random() < 0.4 else rng.choice((bid, ask)) + between(rng, -0.6, 0.6, places)}"

    side, amount = rng.choice(("BUY", "SELL")), f"{between(rng, 0.04, 4, places)}"
    rises = side == "BUY"
    above, below = f"{ask + between(rng, 0, 0.8, places)}", f"{bid - between(rng, 0, 0.8, places)}"
    stop, target = (above, below) if rises else (below, above)
    tif = {"timeInForce": rng.choice(("GTC", "GTC", "GTC", "IOC", "FOK"))}
    trail = {"trailingDelta": str(rng.randint(10, 60))} if rng.random() < 0.3 else None
    return rng.choice(
        (
            order(side, "MARKET", amount),
            order(side, "LIMIT", amount, price=near(), **tif),
            order(side, "LIMIT", amount, price=near(), **GTC),
            order(side, "LIMIT_MAKER", amount, price=target),
            order(side, "STOP_LOSS", amount, **trail or {"stopPrice": stop}),
            order(side, "STOP_LOSS_LIMIT", amount, price=near(), **GTC, **trail or {"stopPrice": stop}),
            order(side, "TAKE_PROFIT", amount, **trail or {"stopPrice": target}),
            order(side, "TAKE_PROFIT_LIMIT", amount, price=near(), **GTC, **trail or {"stopPrice": target}),
        )
    )


def pair_at_random(rng: random.Random, bid: Decimal, ask: Decimal, places: int) -> dict[str, str]:
    """A pair around the market."""
    above, below = f"{ask + between(rng, -0.1, 0.6, places)}", f"{bid - between(rng, -0.1, 0.6, places)}"
    limit, stop = ("above", "below") if rng.random() < 0.5 else ("below", "above")
    asked = {f"{limit}Type": "LIMIT_MAKER", f"{limit}Price": above if limit == "above" else below}
    asked |= {f"{stop}Type": "STOP_LOSS", f"{stop}StopPrice": above if stop == "above" else below}
    if rng.random() < 0.4:
        asked |= {f"{stop}Type": "STOP_LOSS_LIMIT", f"{stop}Price": asked[f"{stop}StopPrice"], f"{stop}TimeInForce": "GTC"}
    if rng.random() < 0.3:
        asked[f"{stop}TrailingDelta"] = str(rng.randint(10, 60))
        del asked[f"{stop}StopPrice"]
    amount = f"{between(rng, 0.04, rng.choice((3, 3, 150)), places)}"
    return {"side": "SELL" if limit == "above" else "BUY", "quantity": amount, **asked}


async def compare(client: Client, reference: Reference) -> None:
    """Hold all that is told of the account to the reference."""
    for asset, (free, locked) in (await client.held()).items():
        assert (units(str(free)), units(str(locked))) == (reference.free(asset), reference.locked(asset)), asset
    records = client.desk.records
    for row in await client.do("GET", "allOrders", symbol=COIN, limit=1000):
        its = reference.orders[records.orders[row["orderId"]].number]
        status = "EXPIRED" if its.status == REJECTED else STATUSES[its.status]
        told = row["status"], units(row["origQty"]), units(row["executedQty"]), units(row["price"]), units(row["stopPrice"])
        assert told == (status, its.amount, its.filled, its.price, its.stop), row
    rows = await client.do("GET", "myTrades", symbol=COIN, limit=1000)
    assert len(rows) == len(reference.fills)
    for row, fill in zip(rows, reference.fills, strict=True):
        told = [units(row[name]) for name in ("price", "qty", "quoteQty", "commission")]
        assert told == [fill.price, fill.amount, fill.notional, fill.fee], row
        assert (row["commissionAsset"], row["isMaker"]) == (("USDT", "BTC", "BNB")[fill.fee_in], fill.maker)


@pytest.mark.parametrize(("fills", "places"), SESSIONS)
async def test_a_session_told_twice(fills: dict[str, Any], places: int) -> None:
    rng = random.Random(str(fills))
    bars = {COIN: rough(300, 5), "BNBUSDT": walk(300, seed=6, price=600)}
    limits = {"weight_per_minute": 10**6, "orders_per_10_seconds": 10**6}
    step = str(Decimal(1).scaleb(-places))
    async with hall(market(bars, tick=step, lot=step), fills=fills, accounts=[{"balances": HELD}], limits=limits) as its:
        its.venue.step(10)
        client = Client(its)
        desk, coins = client.desk, its.venue.market.coins
        rules = desk.rules
        reference = Reference(
            [coin.instrument for coin in coins],
            {asset: units(amount) for asset, amount in HELD.items()},
            Rules(rules.maker, rules.taker, rules.fee_asset, rules.slippage, rules.limit_touch, rules.max_volume_share),
        )
        desk.exchange = Mirror(desk.exchange, reference)
        for n in range(400):
            bid, ask = Decimal(coins[0].bid).scaleb(-8), Decimal(coins[0].ask).scaleb(-8)
            soon = turns_of(coins[0], 3)
            resting = [id for id, its in desk.records.open.items()]
            kind = rng.random()
            if kind < 0.6:
                await client.ask("POST", "order", symbol=COIN, **asked_at_random(rng, bid, ask, places, soon))
            elif kind < 0.7:
                await client.ask("POST", "orderList/oco", symbol=COIN, **pair_at_random(rng, bid, ask, places))
            elif resting and kind < 0.76:
                await client.ask("DELETE", "order", symbol=COIN, orderId=rng.choice(resting))
            elif resting and kind < 0.95:
                id = rng.choice(resting)
                its_order = desk.records.orders[id]
                few = Decimal(its_order.filled or its_order.amount) * Decimal(rng.choice(("0.9", "1", "1.1", "0.5")))
                less = few.scaleb(-8)
                asked = {"symbol": COIN, "orderId": id, "newQty": f"{less:.{places}f}"}
                await client.ask("PUT", "order/amend/keepPriority", **asked)
            its.wait(rng.choice((0, 0, rng.randint(0, 90))) * SECOND)
            if n % 40 == 39:
                await compare(client, reference)
        kinds = {its.type for its in reference.orders if its.status == FILLED}
        assert len(kinds) >= 5
