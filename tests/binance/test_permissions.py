"""The gate before trading: what a key may do, as the exchange tells it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine.binance import permissions
from engine.binance.client import Client
from engine.binance.hosts import rehearsal_hosts
from engine.binance.keys import Keys, Secret
from engine.binance.permissions import MS_PER_DAY, Permissions, Restrictions, check, judge
from engine.errors import ExchangeError
from engine.rehearsal.faults import Scenario
from tests.binance.floor import HandClock
from tests.rehearsal.day import ACCOUNT, day

DAY = 86_400 * 10**9


@asynccontextmanager
async def client(
    *, key: str = "", fault: dict[str, Any] | None = None, later: int = 0, **restrictions: bool
) -> AsyncIterator[Client]:
    async with day(accounts=[ACCOUNT | {"restrictions": restrictions}]) as its:
        there = its.server.addresses
        keys = Keys(Secret(key or there.api_key), Secret(there.api_secret or ""), None)
        made = Client(rehearsal_hosts(its.url), clock=HandClock(lambda: its.venue.now + later), keys=keys)
        await made.open()
        if fault is not None:
            its.server.inject(Scenario.model_validate({"requests": (fault,)}))
        try:
            yield made
        finally:
            await made.close()


async def test_a_key_that_may_trade_and_nothing_else_is_fine() -> None:
    async with client(ipRestrict=True, later=3 * DAY + 1) as its:
        found = await check(its)
    assert found == Permissions([], [], 3)
    assert found.ok


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("enableWithdrawals", True, "the key may withdraw; take that from it"),
        ("enableReading", False, "the key may not read the account"),
        ("enableSpotAndMarginTrading", False, "the key may not trade"),
    ],
)
async def test_what_refuses_a_key(name: str, value: bool, words: str) -> None:
    async with client(ipRestrict=True, **{name: value}) as its:
        found = await check(its)
    assert not found.ok
    assert [text.startswith(words) for text in found.refusals] == [True]
    assert found.warnings == []


@pytest.mark.parametrize(("name", "words"), permissions.UNWANTED.items())
async def test_what_a_key_may_do_and_need_not_is_warned_of(name: str, words: str) -> None:
    async with client(ipRestrict=True, **{name: True}) as its:
        found = await check(its)
    assert found.ok
    assert len(found.warnings) == 1
    assert f"never needs: {words};" in found.warnings[0]


async def test_a_key_that_works_from_anywhere_is_warned_of() -> None:
    async with client() as its:
        found = await check(its)
    assert found.ok
    assert found.warnings == ["the key works from any address; restrict it to this machine's in the exchange's API management"]


async def test_a_key_that_the_exchange_does_not_take_is_refused() -> None:
    async with client(key="x" * 64) as its:
        found = await check(its)
    assert not found.ok
    assert "-2015" in found.refusals[0]
    assert "x" * 10 not in found.refusals[0]


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "body": "<html>503</html>"},
        {"status": 200, "body": "{}"},
        {"status": 200, "body": '{"enableWithdrawals": "no"}'},
        {"status": 200, "body": "[]"},
        {"lose": "reply"},
        {"code": -1021},
    ],
)
async def test_what_cannot_be_read_says_nothing_and_so_lets_nothing_through(fault: dict[str, Any]) -> None:
    async with client(fault={"of": "GET /sapi/v1/account/apiRestrictions"} | fault) as its:
        with pytest.raises(ExchangeError, match="account/apiRestrictions: "):
            await check(its)


async def test_practice_exchanges_tell_only_whether_the_account_may_trade(monkeypatch: pytest.MonkeyPatch) -> None:
    unchecked = ["permissions were not checked: the exchange does not tell them here"]
    async with client(enableWithdrawals=True) as its:
        monkeypatch.setattr(permissions, "PRACTICE", (its.hosts,))
        assert await check(its) == Permissions([], unchecked)
    async with client(fault={"of": "GET /api/v3/account", "status": 200, "body": '{"canTrade": false}'}) as its:
        monkeypatch.setattr(permissions, "PRACTICE", (its.hosts,))
        assert await check(its) == Permissions(["the exchange does not let this account trade"], unchecked)
    async with client(key="x" * 64) as its:
        monkeypatch.setattr(permissions, "PRACTICE", (its.hosts,))
        found = await check(its)
        assert not found.ok
        assert "-2015" in found.refusals[0]
    async with client(fault={"of": "GET /api/v3/account", "status": 503}) as its:
        monkeypatch.setattr(permissions, "PRACTICE", (its.hosts,))
        with pytest.raises(ExchangeError):
            await check(its)


def test_trading_that_ends_on_a_day_is_told() -> None:
    now = 1_750_000_000_000
    its = {
        "ipRestrict": True,
        "createTime": now,
        "enableReading": True,
        "enableSpotAndMarginTrading": True,
        "enableWithdrawals": False,
    }
    soon = judge(Restrictions(**its, tradingAuthorityExpirationTime=now + MS_PER_DAY), now)
    assert soon.ok
    assert soon.warnings[0].startswith("the key may trade until 2025-06-16 only")
    assert not judge(Restrictions(**its, tradingAuthorityExpirationTime=now), now).ok
    assert (
        judge(Restrictions(**its, tradingAuthorityExpirationTime=2**62), now)
        .warnings[0]
        .startswith("the key may trade until a day")
    )
