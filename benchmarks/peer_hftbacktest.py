"""The cross by hftbacktest, run by the Python of its own environment: `python peer_hftbacktest.py CASE MARKET.npz BARS`.

It knows order books, no bars. So each bar's open is one quote, the ask at the open and the bid a tick below, and an order sent
0.1 s before the next bar takes 0.2 s to arrive: it meets the next open, and a sell gets a tick less. The strategy is compiled,
the quotes are made before the clock starts. It can do far more than this asks of it: latencies, queues, depth.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    GTC,
    LOCAL_EVENT,
    MARKET,
    SELL_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
)
from hftbacktest.types import event_dtype
from measure import measured, timed
from numba import njit

CASH = 1_000_000_000
FEE = 0.001
TICK = 0.01
MINUTE_NS = 60_000_000_000
EARLY_NS = 100_000_000
BOOK = EXCH_EVENT | LOCAL_EVENT | DEPTH_EVENT


def quotes(opening: np.ndarray) -> np.ndarray:
    """Return four events a bar: the last quote's two sides are taken away, the new one's are put there."""
    n = len(opening)
    events = np.zeros((n, 4), event_dtype)
    events["exch_ts"] = events["local_ts"] = (MINUTE_NS * np.arange(1, n + 1))[:, None]
    events["ev"] = (BOOK | BUY_EVENT, BOOK | SELL_EVENT, BOOK | BUY_EVENT, BOOK | SELL_EVENT)
    ask = np.round(opening, 2)
    events["px"][:, 2], events["px"][:, 3] = np.round(ask - TICK, 2), ask
    events["px"][1:, :2] = events["px"][:-1, 2:]
    events["px"][0, :2] = events["px"][0, 2:]
    events["qty"][:, 2:] = 1e12
    return events.reshape(-1)


@njit
def cross(market: Any, close: np.ndarray, fast: np.ndarray, slow: np.ndarray) -> int:
    """Trade the cross bar by bar and return the number of orders."""
    sent = 0
    market.elapse(MINUTE_NS - EARLY_NS)
    for row in range(len(close) - 1):
        held = market.position(0)
        if row >= 199:
            if fast[row] > slow[row] and held == 0:
                values = market.state_values(0)
                units = np.floor(0.99 * (CASH + values.balance - values.fee) / close[row])
                market.submit_buy_order(0, sent, close[row], units, GTC, MARKET, False)
                sent += 1
            elif fast[row] < slow[row] and held > 0:
                market.submit_sell_order(0, sent, close[row], held, GTC, MARKET, False)
                sent += 1
        market.elapse(MINUTE_NS)
        market.clear_inactive_orders(0)
    return sent


def average(close: np.ndarray, window: int) -> np.ndarray:
    """Return the mean of the last so many closes, NaN before there are so many."""
    sums = np.cumsum(np.concatenate(([0], np.rint(close * 100).astype(np.int64))))
    return np.concatenate((np.full(window - 1, np.nan), (sums[window:] - sums[:-window]) / (100 * window)))


def run(events: np.ndarray, close: np.ndarray) -> tuple[Any, int]:
    """Run the cross over the quotes and return what the account came to, and its fills."""
    asset = (
        BacktestAsset()
        .data(events)
        .linear_asset(1.0)
        .constant_order_latency(2 * EARLY_NS, 2 * EARLY_NS)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(FEE, FEE)
        .tick_size(TICK)
        .lot_size(1.0)
        .last_trades_capacity(0)
    )
    market = HashMapMarketDepthBacktest([asset])
    sent = cross(market, close, average(close, 50), average(close, 200))
    values = market.state_values(0)
    equity = CASH + values.balance - values.fee + values.position * close[-1]
    fills = int(values.num_trades)
    market.close()
    return equity, fills if fills == sent else -1


def main(case: str, market: str, bars: int) -> dict[str, Any]:
    """Run the cross on the market's first coin and return its figures."""
    with np.load(market) as arrays:
        columns = arrays[arrays.files[0]][:, :bars]
    opening, close = np.ascontiguousarray(columns[0]), np.ascontiguousarray(columns[3])
    _, first = timed(lambda: run(quotes(opening[:1000]), close[:1000]))  # it compiles
    events = quotes(opening)
    (equity, fills), figures = timed(lambda: run(events, close))
    return figures | {"first_s": first["wall_s"], "equity": float(equity), "fills": fills}


if __name__ == "__main__":
    print(json.dumps(measured("hftbacktest", main, *sys.argv[1:])))
