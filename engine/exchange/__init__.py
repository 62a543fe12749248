"""The simulated exchange: one compiled kernel and its Python face."""

from engine.exchange.exchange import REFUSALS, STATUSES, TYPES, Exchange, FillRules, FillView, OrderView

__all__ = ["REFUSALS", "STATUSES", "TYPES", "Exchange", "FillRules", "FillView", "OrderView"]
