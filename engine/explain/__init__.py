"""Explain: the why of a step, found by going to the step before and doing it once more under watch."""

from engine.explain.explanation import explain
from engine.explain.why import AccountView, CoinView, OrderWhy, ReadView, SignalWhy, Why

__all__ = ["AccountView", "CoinView", "OrderWhy", "ReadView", "SignalWhy", "Why", "explain"]
