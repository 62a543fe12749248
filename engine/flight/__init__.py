"""Flights: sessions on live prices, with orders that are simulated or real, and the recording of prices alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.config import SessionConfig
from engine.flight.prices import Tell, prices
from engine.session import Session, assemble


@asynccontextmanager
async def fly(settings: SessionConfig, tell: Tell = lambda text: None) -> AsyncIterator[Session]:
    """Yield the session of a config on live prices, its history waiting to be flown over; what comes is recorded meanwhile.

    Raises ExchangeError where there is no way to the exchange, ConfigError and RecordingError for what is wrong here.
    """
    async with prices(settings, tell) as feed:
        yield assemble(settings, None, feed)
