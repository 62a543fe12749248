"""What the exchange says of its coins, as instruments with their filters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.binance.numbers import units
from engine.errors import ConfigError
from engine.model import CoinName, Instrument
from engine.params import did_you_mean

TRADING = "TRADING"


def instruments(info: dict[str, Any], coins: Iterable[CoinName]) -> list[Instrument]:
    """Return the instruments of coins from an exchangeInfo; raises ConfigError for one that is not there or not traded."""
    symbols = {symbol["symbol"]: symbol for symbol in info["symbols"]}
    made = []
    for coin in coins:
        symbol = symbols.get(coin)
        if symbol is None:
            raise ConfigError(f"the exchange has no coin {coin}{did_you_mean(coin, symbols)}", hint="name coins as BTCUSDT")
        if symbol["status"] != TRADING:
            raise ConfigError(f"{coin} is not traded now: the exchange says {symbol['status']}")
        made.append(instrument(symbol))
    return made


def instrument(symbol: dict[str, Any]) -> Instrument:
    """Return one symbol of an exchangeInfo as an instrument."""
    filters = {its["filterType"]: its for its in symbol["filters"]}
    price, lot = filters.get("PRICE_FILTER", {}), filters.get("LOT_SIZE", {})
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    band = filters.get("PERCENT_PRICE_BY_SIDE") or {}
    return Instrument(
        coin=symbol["symbol"],
        base=symbol["baseAsset"],
        quote=symbol["quoteAsset"],
        tick=max(units(price.get("tickSize", "0")), 1),
        lot=max(units(lot.get("stepSize", "0")), 1),
        min_notional=units(notional.get("minNotional", "0")),
        price_up=min(units(band.get("bidMultiplierUp", "0")), units(band.get("askMultiplierUp", "0"))),
        price_down=max(units(band.get("bidMultiplierDown", "0")), units(band.get("askMultiplierDown", "0"))),
        max_orders=int(filters.get("MAX_NUM_ORDERS", {}).get("maxNumOrders", 0)),
        max_stops=int(filters.get("MAX_NUM_ALGO_ORDERS", {}).get("maxNumAlgoOrders", 0)),
    )
