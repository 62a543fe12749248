"""Fees and turnover against a slow walk in fractions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.analysis.fees import fees_paid, traded
from engine.loop import Engine
from tests.analysis.slow import Walk, floored, notional
from tests.analysis.worlds import CROSS, PLAIN, WITH_BNB, busy, cross


@pytest.mark.parametrize(
    ("flown", "cash"),
    [
        (lambda: busy(300, fee_asset="received"), PLAIN),
        (lambda: busy(300, fee_asset="quote"), PLAIN),
        (lambda: busy(300, fee_asset="bnb", cash=WITH_BNB), WITH_BNB),
        (cross, CROSS),
    ],
)
def test_each_fill_s_fee_and_what_it_moved(flown: Any, cash: dict[str, Any]) -> None:
    its: Engine = flown()
    account = its.trade.account
    slow = Walk(its, cash)
    rows = [
        (
            slow.fee(fill) * slow.price(slow.instrument(fill.coin).quote),
            notional(fill) * slow.price(slow.instrument(fill.coin).quote),
        )
        for _, fills in slow
        for fill in fills
    ]
    paid = fees_paid(account)
    assert paid == [floored(fee) * 10**8 for fee, _ in rows]
    np.testing.assert_allclose(traded(account, its.raw.latest.step + 1), [float(moved) for _, moved in rows], rtol=1e-12)
    assert fees_paid(account, 10) == paid[10:]
    assert fees_paid(account, len(paid)) == []
