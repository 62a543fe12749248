"""Fees and turnover against a slow walk in fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from engine.analysis.fees import fees_paid, traded
from engine.loop import Engine
from tests.analysis.slow import Walk, notional
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
    # rounded down to 1e-8 of the quote, which may be worth more than one of the currency
    unit = Fraction(max(1, *(int(track.bars.close.max()) // 10**8 for track in its.raw.latest.events)), 10**8)
    assert all(0 <= fee - Fraction(got, 10**8) < 2 * unit for got, (fee, _) in zip(paid, rows, strict=True))
    np.testing.assert_allclose(traded(account, its.raw.latest.step + 1), [float(moved) for _, moved in rows], rtol=1e-12)
    assert fees_paid(account, 10) == paid[10:]
    assert fees_paid(account, len(paid)) == []
