"""What an API key may do at the exchange: enough to trade spot, and nothing that could carry the money away."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from engine.binance.client import NOT_HIS, Client
from engine.binance.hosts import ENVIRONMENTS
from engine.errors import ExchangeError

NS_PER_MS = 1_000_000
MS_PER_DAY = 86_400_000
PRACTICE = (ENVIRONMENTS["testnet"], ENVIRONMENTS["demo"])
"""They do not tell what a key may do."""
REMEDY = "in the exchange's API management"


class Restrictions(msgspec.Struct):
    """The exchange's answer, as far as it is read (GET /sapi/v1/account/apiRestrictions; wallet documentation, 2026-07)."""

    ipRestrict: bool
    createTime: int
    enableReading: bool
    enableSpotAndMarginTrading: bool
    enableWithdrawals: bool
    enableInternalTransfer: bool = False
    permitsUniversalTransfer: bool = False
    enableMargin: bool = False
    enableFutures: bool = False
    enableVanillaOptions: bool = False
    enablePortfolioMarginTrading: bool = False
    tradingAuthorityExpirationTime: int = 0


UNWANTED = {
    "enableInternalTransfer": "internal transfers",
    "permitsUniversalTransfer": "universal transfers",
    "enableMargin": "margin",
    "enableFutures": "futures",
    "enableVanillaOptions": "options",
    "enablePortfolioMarginTrading": "portfolio margin",
}


class Permissions(NamedTuple):
    """Why nothing is traded with a key, what is to be known of it, and how many days ago it was made, None where that is not
    told.
    """

    refusals: list[str]
    warnings: list[str]
    age_days: int | None = None

    @property
    def ok(self) -> bool:
        """Whether there is nothing against trading with it."""
        return not self.refusals


async def check(client: Client) -> Permissions:
    """Ask the exchange what the client's key may do, and judge it; testnet and demo tell only whether it may trade.

    Raises ExchangeError where the exchange cannot be reached, or its answer not be read: then nothing is known.
    """
    if client.hosts in PRACTICE:
        return await _practice(client)
    try:
        said = msgspec.convert(await client.wallet("account/apiRestrictions", 1), Restrictions)
    except msgspec.ValidationError:
        raise ExchangeError(f"account/apiRestrictions: {NOT_HIS}") from None
    except ExchangeError as error:
        if not error.refused:
            raise
        hint = "is it this environment's key, whole, and is this machine's address among those it is restricted to?"
        return Permissions([f"the exchange does not take the key: {error.message}; {hint}"], [])
    return judge(said, client.clock.now // NS_PER_MS)


def judge(its: Restrictions, now: int) -> Permissions:
    """Return what a key's restrictions come to at a time, ms."""
    refusals, warnings = [], []
    if its.enableWithdrawals:
        refusals.append(f"the key may withdraw; take that from it {REMEDY}, tickdeck never needs it")
    if not its.enableReading:
        refusals.append(f"the key may not read the account; enable reading {REMEDY}")
    if not its.enableSpotAndMarginTrading:
        refusals.append(f"the key may not trade; enable spot trading {REMEDY}")
    if unwanted := [words for name, words in UNWANTED.items() if getattr(its, name)]:
        warnings.append(f"the key may do what tickdeck never needs: {', '.join(unwanted)}; take it from it {REMEDY}")
    if not its.ipRestrict:
        warnings.append(f"the key works from any address; restrict it to this machine's {REMEDY}")
    if ends := its.tradingAuthorityExpirationTime:
        day = f"{datetime.fromtimestamp(ends // 1000, UTC):%Y-%m-%d}" if 0 < ends < 10**14 else "a day unknown"
        (refusals if ends <= now else warnings).append(
            f"the key may trade until {day} only; restrict it to addresses, or renew it"
        )
    return Permissions(refusals, warnings, max(0, now - its.createTime) // MS_PER_DAY)


async def _practice(client: Client) -> Permissions:
    """Ask what an exchange for practice does tell: whether the account may trade."""
    warnings = ["permissions were not checked: the exchange does not tell them here"]
    try:
        account = await client.query("account", 20, omitZeroBalances="true")
    except ExchangeError as error:
        if not error.refused:
            raise
        return Permissions([f"the exchange does not take the key: {error.message}; is it one of this environment's?"], warnings)
    may = account.get("canTrade") if isinstance(account, dict) else None
    return Permissions([] if may is True else ["the exchange does not let this account trade"], warnings)
