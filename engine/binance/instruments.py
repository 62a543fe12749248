"""What the exchange says of its coins, as instruments with their filters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.binance.numbers import units
from engine.errors import ConfigError, ExchangeError
from engine.model import CoinName, Instrument

TRADING = "TRADING"

Symbols = list[dict[str, Any]]


def instruments(symbols: Symbols, coins: Iterable[CoinName]) -> list[Instrument]:
    """Return the instruments of coins from an exchangeInfo; raises ConfigError for one that is not there."""
    by_name = known(symbols)
    for coin in coins:
        if coin not in by_name:
            raise ConfigError(f"the exchange has no coin {coin}", hint="name coins as BTCUSDT")
    return [by_name[coin] for coin in coins]


def statuses(symbols: Symbols) -> dict[CoinName, str]:
    """Return what may be done with each coin, in the exchange's word; raises ExchangeError for what is no exchangeInfo."""
    return {str(symbol.get("symbol")): str(symbol.get("status")) for symbol in symbols}


def known(symbols: Symbols) -> dict[CoinName, Instrument]:
    """Return every coin of an exchangeInfo as an instrument; raises ExchangeError for what is none."""
    try:
        return {symbol["symbol"]: _instrument(symbol) for symbol in symbols}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ExchangeError(f"exchangeInfo: a coin's filters cannot be read: {error}"[:300]) from None


def _instrument(symbol: dict[str, Any]) -> Instrument:
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
