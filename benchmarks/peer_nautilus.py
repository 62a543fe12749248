"""The cross by nautilus_trader, run by the Python of its own environment: `python peer_nautilus.py CASE MARKET.npz BARS`.

A bar moves its market through the bar's prices before the strategy sees it closed: a market order fills at that very close. Its
risk engine is bypassed and its log is off, both in its favour; the bar objects are made before the clock starts.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from measure import measured, timed
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

CASH = 1_000_000_000
FEE = Decimal("0.001")
VENUE = Venue("SIM")


def coin() -> CurrencyPair:
    """Return the market's first coin, traded in whole units."""
    return CurrencyPair(
        instrument_id=InstrumentId(Symbol("C00USDT"), VENUE),
        raw_symbol=Symbol("C00USDT"),
        base_currency=BTC,
        quote_currency=USDT,
        price_precision=2,
        size_precision=0,
        price_increment=Price.from_str("0.01"),
        size_increment=Quantity.from_int(1),
        maker_fee=FEE,
        taker_fee=FEE,
        ts_event=0,
        ts_init=0,
    )


class SmaCross(Strategy):
    """Whole units for 99 % of the cash while the average of 50 is above that of 200."""

    def __init__(self, instrument: CurrencyPair, bars: BarType) -> None:
        super().__init__()
        self.instrument = instrument
        self.bars = bars
        self.fast = SimpleMovingAverage(50)
        self.slow = SimpleMovingAverage(200)
        self.held = Decimal(0)
        self.fills = 0

    def on_start(self) -> None:
        self.register_indicator_for_bars(self.bars, self.fast)
        self.register_indicator_for_bars(self.bars, self.slow)
        self.subscribe_bars(self.bars)

    def on_bar(self, bar: Bar) -> None:
        if not self.slow.initialized:
            return
        fast, slow = self.fast.value, self.slow.value
        if fast > slow:
            if not self.held:
                cash = self.portfolio.account(VENUE).balance_free(USDT).as_double()
                self._order(OrderSide.BUY, int(0.99 * cash / bar.close.as_double()))
        elif fast < slow and self.held:
            self._order(OrderSide.SELL, int(self.held))

    def _order(self, side: OrderSide, units: int) -> None:
        self.submit_order(self.order_factory.market(self.instrument.id, side, Quantity.from_int(units)))

    def on_order_filled(self, event: OrderFilled) -> None:
        self.held += event.last_qty.as_decimal() * (1 if event.order_side == OrderSide.BUY else -1)
        self.fills += 1


def main(case: str, market: str, bars: int) -> dict[str, Any]:
    """Run the cross on the market's first coin and return its figures."""
    with np.load(market) as arrays:
        columns = arrays[arrays.files[0]][:, :bars]
    instrument = coin()
    kind = BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")
    index = pd.date_range("2024-01-01", periods=columns.shape[1], freq="min", tz="UTC", name="timestamp")
    frame = pd.DataFrame(columns.T, index=index, columns=["open", "high", "low", "close", "volume"])
    frame["volume"] = 1_000_000_000.0  # what a market order of whole units finds is not to be cut
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True),
            risk_engine=RiskEngineConfig(bypass=True),
            run_analysis=False,
        )
    )
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        base_currency=None,
        starting_balances=[Money(CASH, USDT)],
    )
    engine.add_instrument(instrument)
    engine.add_data(BarDataWrangler(kind, instrument).process(frame))
    strategy = SmaCross(instrument, kind)
    engine.add_strategy(strategy)
    _, figures = timed(engine.run)
    cash = engine.portfolio.account(VENUE).balance_total(USDT).as_double()
    return figures | {"equity": cash + float(strategy.held) * columns[3, -1], "fills": strategy.fills}


if __name__ == "__main__":
    print(json.dumps(measured("nautilus_trader", main, *sys.argv[1:])))
