"""The simulated exchange: one compiled kernel and its Python face."""

from engine.exchange.exchange import (
    REFUSALS,
    STATUSES,
    TIMES_IN_FORCE,
    TYPES,
    Exchange,
    Exit,
    FillRules,
    FillView,
    OrderView,
)

__all__ = ["REFUSALS", "STATUSES", "TIMES_IN_FORCE", "TYPES", "Exchange", "Exit", "FillRules", "FillView", "OrderView"]
