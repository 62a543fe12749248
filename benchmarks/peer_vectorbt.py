"""The cross by vectorbt, run by the Python of its own environment: `python peer_vectorbt.py CASE MARKET.npz BARS`.

It works on whole columns and cannot be stepped. Signals are moved on by a bar and fill at the open; the units come from the
price of the fill, with the fee kept back. Its statistics are not made, in its favour.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
from measure import measured, timed

warnings.simplefilter("ignore")
import vectorbt  # noqa: E402

CASH = 1_000_000_000
FEE = 0.001


def cross(frame: pd.DataFrame) -> tuple[Any, float]:
    """Return the portfolio of the cross and what it is worth in the end."""
    fast = vectorbt.MA.run(frame["close"], 50).ma
    slow = vectorbt.MA.run(frame["close"], 200).ma
    portfolio = vectorbt.Portfolio.from_signals(
        frame["close"],
        entries=(fast > slow).vbt.fshift(1),
        exits=(fast < slow).vbt.fshift(1),
        price=frame["open"],
        size=0.99,
        size_type="percent",
        size_granularity=1,
        fees=FEE,
        init_cash=CASH,
        freq="1min",
    )
    return portfolio, float(portfolio.final_value())


def main(case: str, market: str, bars: int) -> dict[str, Any]:
    """Run the cross on the market's first coin and return its figures."""
    with np.load(market) as arrays:
        columns = arrays[arrays.files[0]][:, :bars]
    index = pd.date_range("2024-01-01", periods=columns.shape[1], freq="min")
    frame = pd.DataFrame(columns.T, index=index, columns=["open", "high", "low", "close", "volume"])
    _, first = timed(lambda: cross(frame.iloc[:1000]))  # it compiles
    (portfolio, equity), figures = timed(lambda: cross(frame))
    return figures | {
        "first_s": first["wall_s"],
        "equity": equity,
        "fills": int(portfolio.orders.count()),
    }


if __name__ == "__main__":
    print(json.dumps(measured("vectorbt", main, *sys.argv[1:])))
