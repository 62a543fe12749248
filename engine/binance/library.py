"""python-binance, imported once and in silence: it warns of what it uses itself, which is no user's business."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from binance import AsyncClient
    from binance.exceptions import BinanceAPIException

__all__ = ["AsyncClient", "BinanceAPIException"]
