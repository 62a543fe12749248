"""An errand: a flight with real orders through everything an exchange can answer, and a crash, all logged in full.

It writes as much as it can: the canary looks through what it wrote. `python -m tests.errand FOLDER`
"""

from __future__ import annotations

import asyncio
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

from engine.binance.keys import find_keys, store_keys
from engine.config import load_config
from engine.errors import ExchangeError, TickdeckError
from engine.flight.real import fly_for_real
from engine.redaction import guard
from engine.rehearsal.faults import Scenario
from engine.rehearsal.server import RehearsalServer
from engine.rehearsal.settings import RehearsalSettings
from tests.canary import API_KEY, API_SECRET
from tests.rehearsal.day import recording
from tests.worlds import MINUTE, START
from tui import crash

PAGE = f"<html><body>cannot serve /api/v3/order?apiKey={API_KEY}&signature={API_SECRET[:40]}</body></html>"
REPLIES: list[dict[str, Any]] = [
    {"code": -1102, "msg": f"Mandatory parameter 'x' was not sent; X-MBX-APIKEY: {API_KEY}"},
    {"code": -2010, "msg": "Account has insufficient balance for requested action."},
    {"code": -2015},
    {"code": -1021},
    {"code": -1006},
    {"code": -1007, "msg": f"Timeout waiting for {API_SECRET}"},
    {"status": 500, "code": -1000},
    {"status": 502, "body": PAGE},
    {"status": 503, "body": PAGE},
    {"status": 403, "body": PAGE},
    {"status": 404, "body": PAGE},
    {"status": 200, "body": PAGE},
    {"status": 200, "body": ""},
    {"status": 200, "body": f'["{API_KEY}"]'},
    {"status": 400, "body": f'["{API_KEY}"]'},
    {"status": 400, "body": f'{{"code": "{API_KEY}"}}'},
    {"status": 200, "body": f'{{"orderId": "{API_KEY}", "clientOrderId": "{API_SECRET}"}}'},
    {"cut": 30},
    {"lose": "request"},
    {"lose": "reply"},
    {"status": 429, "code": -1003, "retry_s": 1},
]
CONFIG = """
mode = "rehearsal"
coins = ["BTCUSDT", "ETHUSDT"]
[strategy]
use = "engine.strategy.examples:SmaCross"
params = {{ fast = 3, slow = 5 }}
[account]
cash = {{ USDT = 1000 }}
[binance]
url = "{url}"
speed = 60
history = 5
"""
log = logging.getLogger("errand")


class Wreck(Exception):
    """An exception that tells all it knows."""

    def __init__(self, **facts: object) -> None:
        super().__init__(facts)


async def fly(folder: Path) -> None:
    """Fly, and let every kind of request meet every kind of reply."""
    account = {"name": "main", "balances": {"USDT": 10_000, "BTC": 20}, "api_key": API_KEY, "api_secret": API_SECRET}
    settings = {"recording": "day", "begin": (START + 20 * MINUTE) // 10**9, "speed": 60, "loop": True, "accounts": [account]}
    from engine.recordings.bars import stamp

    settings["begin"] = stamp(START + 20 * MINUTE)
    server = RehearsalServer(
        RehearsalSettings.from_dict(settings), recording(), sink=lambda entry: log.debug("server: %r", entry)
    )
    await server.start()
    config = folder / "errand.toml"
    config.write_text(CONFIG.format(url=server.addresses.rest))
    async with fly_for_real(load_config(config), find_keys("rehearsal"), print) as flight:
        feed, trade = flight.session.feed, flight.trade
        for time in feed.upcoming(None):
            feed.advance(time)
        for _ in range(500):
            if flight.ledger.status().reconciled:
                break
            await asyncio.sleep(0.01)
        trade.arm()
        trade.place_order("BTCUSDT", 0.5, 50)
        trade.place_order("BTCUSDT", 0.5)
        await asyncio.sleep(0.3)
        trade.cancel_order("BTCUSDT")
        print(flight, trade, trade.client, trade.client.keys, vars(trade.client), flight.session, file=sys.stderr)
        for reply in REPLIES:
            server.inject(Scenario.model_validate({"requests": [{"of": "*", "times": 12, **reply}]}))
            await ask(flight.trade.client)
            try:
                trade.place_order("ETHUSDT", 0.1, 50)
            except TickdeckError as error:
                log.info("refused: %s", error)
            await asyncio.sleep(0.05)
            server.inject(Scenario())
        server.inject(Scenario.model_validate({"frames": [{"of": "*", "close": 1006, "times": 3}]}))
        await asyncio.sleep(0.5)
        print(await trade.halt(False), flight.ledger.status(), trade.disarmed)
    await server.stop()


async def ask(client: Any) -> None:
    """Ask all kinds of questions, and show what comes of each as loudly as can be."""
    order = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.1", "price": "50", "timeInForce": "GTC"}
    for asking in (
        client.signed("post", "order", 1, **order),
        client.signed("delete", "openOrders", 1, symbol="ETHUSDT"),
        client.query("account", 20),
        client.wallet("account/apiRestrictions", 1),
        client.depth("ETHUSDT"),
    ):
        client.budget._until = 0
        try:
            await asyncio.wait_for(asking, 5)
        except Exception as error:
            log.exception("with %s", getattr(error, "response", None) or getattr(error, "request", None))
            log.debug("as %r, %r, %s", error, error.args, vars(error))
            if isinstance(error, ExchangeError):
                print(error, repr(error))


def main() -> int:
    """Fly and crash."""
    folder = Path(sys.argv[1])
    guard()
    logging.basicConfig(level=logging.DEBUG, filename=folder / "debug.log")
    logging.getLogger().addHandler(logging.StreamHandler())
    print(store_keys("rehearsal", {"api_key": API_KEY, "api_secret": API_SECRET}))
    asyncio.run(fly(folder), debug=True)
    keys = find_keys("rehearsal")
    warnings.warn(f"about to crash with {keys.api_key.reveal()}", stacklevel=1)
    try:
        raise Wreck(keys=keys, secret=API_SECRET, header={"X-MBX-APIKEY": API_KEY})
    except Wreck as error:
        print(crash.summary(error, crash.report(error)))
    raise Wreck(keys=keys, secret=API_SECRET)


if __name__ == "__main__":
    sys.exit(main())
