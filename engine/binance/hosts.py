"""Where Binance is: the addresses of each environment."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from engine.config import BinanceConfig
from engine.errors import ConfigError


class Hosts(NamedTuple):
    """The addresses of an environment: REST with its /api, market streams without a path, the WebSocket API whole."""

    rest: str
    streams: str
    ws_api: str


ENVIRONMENTS = {
    "live": Hosts("https://api.binance.com/api", "wss://stream.binance.com:9443", "wss://ws-api.binance.com:443/ws-api/v3"),
    "data": Hosts("https://data-api.binance.vision/api", "wss://data-stream.binance.vision", ""),
    "demo": Hosts(
        "https://demo-api.binance.com/api", "wss://demo-stream.binance.com", "wss://demo-ws-api.binance.com/ws-api/v3"
    ),
    "testnet": Hosts(
        "https://testnet.binance.vision/api",
        "wss://stream.testnet.binance.vision",
        "wss://ws-api.testnet.binance.vision/ws-api/v3",
    ),
}
"""binance-spot-api-docs, general information, 2026-07. `data` has public market data alone, and needs no account."""


LOOPBACK = ("127.0.0.1", "localhost", "::1")


def rehearsal_hosts(url: str) -> Hosts:
    """Return the addresses of a rehearsal at `http://127.0.0.1:PORT`; raises ConfigError for what is not on this machine."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK or not parts.port:
        raise ConfigError(
            f"{url!r} is no rehearsal", hint="it is on this machine: http://127.0.0.1:PORT, as it prints at its start"
        )
    return Hosts(f"http://{parts.netloc}/api", f"ws://{parts.netloc}", f"ws://{parts.netloc}/ws-api/v3")


def hosts_of(settings: BinanceConfig, mode: str = "paper") -> Hosts:
    """Return where a config's prices come from, and its orders go."""
    if settings.url is not None:
        return rehearsal_hosts(settings.url)
    return ENVIRONMENTS[mode if mode in ENVIRONMENTS else settings.environment or "live"]
