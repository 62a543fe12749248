"""The simulated exchange: one compiled kernel and its Python face."""

from engine.exchange.exchange import Exchange
from engine.exchange.tables import Tables
from engine.exchange.views import (
    REFUSALS,
    STATUSES,
    TIMES_IN_FORCE,
    TYPES,
    Exit,
    FillRules,
    FillView,
    OrderView,
)

__all__ = [
    "REFUSALS",
    "STATUSES",
    "TIMES_IN_FORCE",
    "TYPES",
    "Exchange",
    "Exit",
    "FillRules",
    "FillView",
    "OrderView",
    "Tables",
]
