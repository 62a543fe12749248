"""The pictures of docs/fills.md: each case is flown by the engine, and what it did is drawn. Run: python docs/fills.py"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from engine import Engine, Order, OrderType
from engine.model import TimeInForce
from engine.session import prepare

FOLDER = Path(__file__).with_suffix("")
WIDTH, HEIGHT, LEFT, TOP, BOTTOM, SLOT = 250, 190, 66, 34, 36, 44
UP, DOWN, LINE, INK, FAINT = "#2a9d76", "#c8553d", "#4a62c8", "#222222", "#8a8a8a"

Bar = tuple[float, float, float, float] | tuple[float, float, float, float, float]


class Case(NamedTuple):
    """A panel: the first bar has been seen, the orders are placed at its close, the others come."""

    title: str
    bars: list[Bar]
    orders: list[dict[str, Any]]
    rules: dict[str, Any] = {}
    volume: bool = False


class Flown(NamedTuple):
    """What became of a case: its fills, all its orders, each order's level over each bar, and whether that was in doubt."""

    fills: list[Any]
    orders: list[Order]
    levels: list[tuple[int, int, str, float, bool]]
    ambiguous: bool


SEEN = (100, 101, 99, 100)
PICTURES: dict[str, list[Case]] = {
    "market": [
        Case("at the next open", [SEEN, (101, 103, 100, 102)], [{"amount": 1}]),
        Case("and slippage", [SEEN, (101, 103, 100, 102)], [{"amount": 1}], {"slippage_bps": 100}),
        Case("no volume, no fill", [SEEN, (101, 101, 101, 101, 0), (102, 103, 101, 102)], [{"amount": 1}], volume=True),
        Case("costs more than there is", [SEEN, (104, 105, 103, 104)], [{"amount": 98}]),
    ],
    "limit": [
        Case("a touch is not enough", [SEEN, (100, 101, 98, 99)], [{"amount": 1, "price": 98}]),
        Case("traded through: at its price", [SEEN, (100, 101, 97, 98)], [{"amount": 1, "price": 98}]),
        Case("opened beyond: at the open", [SEEN, (100, 101, 99, 99), (97, 99, 96, 98)], [{"amount": 1, "price": 98}]),
        Case("a touch, where asked for", [SEEN, (100, 101, 98, 99)], [{"amount": 1, "price": 98}], {"limit_fill": "touch"}),
        Case("at once: takes the open", [SEEN, (99.5, 101, 99, 100)], [{"amount": 1, "price": 101}]),
        Case(
            "limit-maker: never takes",
            [SEEN, (97, 99, 96, 98)],
            [{"amount": 1, "price": 98, "type": OrderType.LIMIT_MAKER}],
        ),
    ],
    "at_once": [
        Case("IOC: offered at the open", [SEEN, (99.5, 101, 97, 98)], [{"amount": 1, "price": 100, "tif": TimeInForce.IOC}]),
        Case("IOC: only later", [SEEN, (101, 102, 97, 98)], [{"amount": 1, "price": 100, "tif": TimeInForce.IOC}]),
        Case(
            "FOK: not all of it",
            [SEEN, (99.5, 101, 97, 98, 20)],
            [{"amount": 3, "price": 100, "tif": TimeInForce.FOK}],
            {"max_volume_share": 0.1},
            volume=True,
        ),
    ],
    "stop": [
        Case("reached: at the stop", [SEEN, (99, 100, 95, 96)], [{"amount": -1, "stop": 97}]),
        Case("a gap: at the open", [SEEN, (95, 96, 93, 94)], [{"amount": -1, "stop": 97}]),
        Case("and slippage", [SEEN, (99, 100, 95, 96)], [{"amount": -1, "stop": 97}], {"slippage_bps": 100}),
        Case("stop-limit, reached", [SEEN, (99, 100, 95, 96)], [{"amount": -1, "stop": 97, "price": 96}]),
        Case("stop-limit, gap", [SEEN, (95, 95.5, 94, 95), (95, 98, 95, 97)], [{"amount": -1, "stop": 97, "price": 96}]),
        Case("take-profit", [SEEN, (101, 104, 100, 103)], [{"amount": -1, "stop": 103, "type": OrderType.TAKE_PROFIT}]),
    ],
    "trailing": [
        Case(
            "follows closed bars",
            [SEEN, (100, 104, 100, 103), (103, 106, 102, 105), (105, 105, 101, 102)],
            [{"amount": -1, "trail_bps": 300}],
        ),
        Case(
            "does not know this bar's high",
            [SEEN, (100, 106, 98, 105), (105, 106, 102, 103)],
            [{"amount": -1, "trail_bps": 300}],
        ),
    ],
    "exits": [
        Case(
            "in at the open: stopped in the bar",
            [SEEN, (100, 101, 96, 98)],
            [{"amount": 1, "stop_loss": 97, "take_profit": 103}],
        ),
        Case("both reached: the worse", [SEEN, (100, 104, 96, 102)], [{"amount": 1, "stop_loss": 97, "take_profit": 103}]),
        Case(
            "in within the bar: no target yet",
            [SEEN, (100, 104, 98, 103), (103, 105, 102, 104)],
            [{"amount": 1, "price": 99, "stop_loss": 97, "take_profit": 103}],
        ),
        Case(
            "in within the bar: the stop may act",
            [SEEN, (100, 101, 96, 98)],
            [{"amount": 1, "price": 99, "stop_loss": 97, "take_profit": 103}],
        ),
    ],
    "pairs": [
        Case(
            "one acts, the other goes",
            [SEEN, (100, 102, 99, 101), (101, 104, 100, 103)],
            [{"oco": True, "amount": -1, "price": 103, "stop": 97}],
        ),
        Case(
            "both reached: the worse",
            [SEEN, (100, 102, 99, 101), (101, 104, 96, 99)],
            [{"oco": True, "amount": -1, "price": 103, "stop": 97}],
        ),
        Case(
            "the open decides",
            [SEEN, (100, 102, 99, 101), (104, 105, 96, 99)],
            [{"oco": True, "amount": -1, "price": 103, "stop": 97}],
        ),
    ],
    "together": [
        Case(
            "stops, then market, then limits",
            [SEEN, (100, 104, 96, 101)],
            [{"amount": -1, "price": 103}, {"amount": -1}, {"amount": -1, "stop": 97}],
        ),
        Case(
            "they share the bar's volume",
            [SEEN, (100, 104, 96, 101, 20)],
            [{"amount": -2, "price": 103}, {"amount": -1}],
            {"max_volume_share": 0.1},
            volume=True,
        ),
    ],
}


def fly(case: Case) -> Flown:
    """Return what the engine makes of a case, on an account with 10 coins and 10,000 USDT that pays no fees."""
    index = pd.date_range("2025-01-01", periods=len(case.bars), freq="1h")
    rows = [(*map(float, bar), 1000.0)[:5] for bar in case.bars]
    data = pd.DataFrame(rows, columns=["open", "high", "low", "close", "volume"], index=index)
    # prices of two decimals, so that the tick is a cent
    data.iloc[0, 1] += 0.01
    fills = {"maker_bps": 0, "taker_bps": 0, **case.rules}
    session = prepare({"account": {"cash": {"USDT": 10_000, "AAA": 10}}, "fills": fills}, data={"AAAUSDT": data})
    engine = Engine(session.feed, session.trade, session.strategy)
    engine.step()
    for order in case.orders:
        how = {name: value for name, value in order.items() if name != "oco"}
        (engine.place_oco if "oco" in order else engine.place_order)("AAAUSDT", **how)
    levels = []
    account = session.trade.latest.trade
    for bar in range(1, len(case.bars)):
        for order in map(account.order, range(account.exchange.n_orders)):
            if order.status.is_open:
                waits = order.status.value == "PENDING_NEW"
                levels += [(order.id, bar, "stop", order.stop, waits)] if order.stop else []
                levels += [(order.id, bar, "limit", order.price, waits)] if order.price else []
        engine.step()
    return Flown(
        list(account.fills),
        [account.order(n) for n in range(account.exchange.n_orders)],
        levels,
        account.exchange.ambiguous_bars > 0,
    )


def outcome(flown: Flown, order: Order) -> str:
    """Return what became of an order, in a few words; nothing of a leg whose other leg acted."""
    sold = "sold" if order.side == "sell" else "bought"
    if fills := [fill for fill in flown.fills if fill.order_id == order.id]:
        amount = f" {fills[0].amount.normalize():f} of {order.amount.normalize():f}" if order.filled < order.amount else ""
        return f"{sold}{amount} at {fills[0].price.normalize():f}{', maker' if fills[0].maker else ''}"
    if order.status.is_open:
        return "" if order.entry is not None else "rests"
    if order.refusal.startswith("-"):
        return f"refused: {order.refusal.split()[0]}"
    return "expired" if order.entry is None and order.pair is None else ""


def panel(case: Case, x0: float, y0: float) -> list[str]:
    """Return the drawing of a case at a place."""
    flown = fly(case)
    prices = [price for bar in case.bars for price in bar[1:3]] + [float(its[3]) for its in flown.levels]
    prices += [float(fill.price) for fill in flown.fills]
    low, high = min(prices), max(prices)
    scale = (HEIGHT - TOP - BOTTOM) / ((high - low) or 1)

    def y(price: Any) -> float:
        return round(y0 + TOP + (high - float(price)) * scale, 1)

    def x(bar: float) -> float:
        return round(x0 + LEFT + SLOT * (bar + 0.5), 1)

    floor = y0 + HEIGHT - BOTTOM + 13
    out = [text(x0 + 10, y0 + 18, case.title, weight="bold")]
    if case.volume:
        out.append(text(x0 + LEFT, floor, "volume", FAINT, "end"))
    for n, bar in enumerate(case.bars):
        open_, top, bottom, close = bar[:4]
        colour = UP if close >= open_ else DOWN
        dim = ' opacity="0.35"' if n == 0 else ""
        out.append(f'<path d="M{x(n)} {y(top)}V{y(bottom)}" stroke="{colour}"{dim}/>')
        body = max(abs(y(open_) - y(close)), 1.5)
        out.append(f'<rect x="{x(n) - 7}" y="{y(max(open_, close))}" width="14" height="{body:.1f}" fill="{colour}"{dim}/>')
        if case.volume and n:
            out.append(text(x(n), floor, f"{bar[4] if len(bar) > 4 else 1000:g}", FAINT, "middle"))
    named: set[tuple[int, str]] = set()
    for order, bar, what, price, waits in flown.levels:
        dash = "2 4" if waits else "5 3"
        out.append(
            f'<path d="M{x(bar - 0.75)} {y(price)}H{x(bar + 0.25)}" stroke="{LINE}" stroke-dasharray="{dash}" fill="none"/>'
        )
        if (order, what) not in named:
            named.add((order, what))
            out.append(text(x0 + LEFT - 2 + SLOT * (bar - 1), y(price) + 4, f"{what} {float(price):g}", LINE, "end"))
    for fill in flown.fills:
        at, sign = x(fill.step), -1 if fill.side == "sell" else 1
        tip = y(fill.price)
        out.append(f'<path d="M{at} {tip}l-5 {8 * sign}h10z" fill="{INK}"/>')
        out.append(text(at + 14, tip + 4, f"{'buy' if sign > 0 else 'sell'} {float(fill.price):g}"))
    turns = [fill.order_id for fill in flown.fills]
    told = sorted(flown.orders, key=lambda order: turns.index(order.id) if order.id in turns else len(turns))
    words = "; ".join(filter(None, (outcome(flown, order) for order in told))) + (", ambiguous" if flown.ambiguous else "")
    return [*out, text(x0 + 10, y0 + HEIGHT - 2, words, FAINT)]


def text(x: float, y: float, words: str, colour: str = INK, anchor: str = "start", weight: str = "normal") -> str:
    """Return a line of text."""
    return f'<text x="{x}" y="{y}" fill="{colour}" text-anchor="{anchor}" font-weight="{weight}">{words}</text>'


def picture(cases: list[Case]) -> str:
    """Return the cases side by side as SVG."""
    columns = len(cases) if len(cases) < 5 else 3
    rows = -(-len(cases) // columns)
    width, height = columns * WIDTH + 10, rows * (HEIGHT + 14) + 10
    parts = [
        part for n, case in enumerate(cases) for part in panel(case, 5 + n % columns * WIDTH, 5 + n // columns * (HEIGHT + 14))
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return "\n".join(
        [
            f'{head} font-family="sans-serif" font-size="11">',
            f'<rect width="{width}" height="{height}" rx="6" fill="#ffffff"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, cases in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(picture(cases), encoding="utf-8")
