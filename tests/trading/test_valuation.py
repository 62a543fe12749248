"""Worth over several coins: paths, pairs quoted in a coin, what is adopted, fees in BNB."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from engine import Signal, Strategy
from engine.errors import ConfigError
from engine.loop import Engine
from engine.trading.valuation import Hop, closes, find_path, worth, worths
from tests.worlds import Scripted, engine, fills_of, instrument, market, outcomes, walk

PAIRS = [instrument(name) for name in ("ETH/BTC", "BTC/USDT", "USDT/TRY", "BTC/EUR", "SOL/EUR")]


def marks(**prices: int) -> Any:
    return lambda coin: int(prices.get(PAIRS[coin].coin, 0)) * 10**8


@pytest.mark.parametrize(
    ("asset", "currency", "way"),
    [
        ("USDT", "USDT", ()),
        ("BTC", "USDT", (Hop(1, False),)),
        ("ETH", "USDT", (Hop(0, False), Hop(1, False))),
        ("ETH", "EUR", (Hop(0, False), Hop(3, False))),
        ("USDT", "BTC", (Hop(1, True),)),
        ("EUR", "USDT", (Hop(3, True), Hop(1, False))),
        ("SOL", "TRY", (Hop(4, False), Hop(3, True), Hop(1, False), Hop(2, False))),
        ("XRP", "USDT", None),
    ],
)
def test_the_shortest_way_is_taken(asset: str, currency: str, way: Any) -> None:
    assert find_path(PAIRS, asset, currency) == way


def test_of_two_ways_as_short_the_session_s_first_coins_are_taken() -> None:
    pairs = [instrument(name) for name in ("ETH/EUR", "ETH/BTC", "BTC/USDT", "EUR/USDT")]
    assert find_path(pairs, "ETH", "USDT") == (Hop(0, False), Hop(3, False))
    assert find_path(pairs[::-1], "ETH", "USDT") == (Hop(2, False), Hop(1, False))


def test_worth_is_the_product_of_the_prices_to_the_last_unit() -> None:
    way = find_path(PAIRS, "SOL", "TRY")
    assert way is not None
    value = worth(3 * 10**8, 8, way, marks(SOLEUR=140, BTCEUR=90_000, BTCUSDT=100_000, USDTTRY=40))
    exact = Fraction(3 * 140 * 100_000 * 40, 90_000)
    assert 0 <= exact - Fraction(value, 10**16) < Fraction(1, 10**9)
    assert worth(3, 0, way[:1], marks(SOLEUR=140)) == 420 * 10**16
    assert worth(5, 8, way, marks(SOLEUR=140)) == 0


def test_worth_over_many_steps_is_the_worth_at_each() -> None:
    its = engine(three(), cash={"USDT": 1000, "BTC": 1, "ETH": 2})
    its.run()
    raw, account = its.raw.latest, its.trade.account
    for _, _, way in account.ways:
        curve = worths(np.full(100, 2.0), way, lambda coin: closes(raw, coin, 0, 100))
        for step in (0, 50, 99):
            exact = worth(2 * 10**8, 8, way, lambda coin, step=step: int(raw.events[coin].bars.close[step]))
            assert curve[step] == pytest.approx(exact / 10**16, rel=1e-12)


def three() -> Any:
    return market({"BTC/USDT": walk(100, 1), "ETH/BTC": walk(100, 2, price=20)})


def test_equity_is_told_over_a_pair_quoted_in_a_coin() -> None:
    its = engine(three(), cash={"USDT": 1000, "BTC": 1, "ETH": 2})
    its.run(50)
    btc, ethbtc = (Decimal(its.raw.latest.mark_units(n)) / 10**8 for n in range(2))
    assert its.trade.account.equity_exact == 1000 + btc + 2 * ethbtc * btc


def test_equity_can_be_told_in_a_coin() -> None:
    its = engine(three(), cash={"USDT": 1000, "BTC": 1}, currency="BTC")
    its.run(50)
    btc = Fraction(its.raw.latest.mark_units(0), 10**8)
    assert Fraction(its.trade.account.equity_exact) == pytest.approx(float(1 + 1000 / btc), abs=1e-15)
    assert its.trade.account.cash == 1.0


class AllIn(Strategy):
    """Puts half of the equity into the coin quoted in a coin."""

    def gen_signal(self) -> dict[str, Signal]:
        return {"ETHBTC": Signal.buy(value=self.equity / 2)} if self.step == 1 else {}


def test_a_value_is_in_the_account_s_currency_whatever_the_quote() -> None:
    recording = market({"BTC/USDT": [50] * 4, "ETH/BTC": [2] * 4}, min_notional=0)
    its = engine(recording, AllIn(), cash={"USDT": 500, "BTC": 10}, taker=0)
    its.run()
    # 1,000 USDT of equity: 500 are 10 BTC, which buy 5 ETH
    assert fills_of(its) == [(2, "ETHBTC", "buy", Decimal(5), Decimal(2))]
    assert its.trade.account.equity_exact == 1000


def test_what_another_coin_s_purchase_spent_is_no_position_any_more() -> None:
    recording = market({"BTC/USDT": [50] * 6, "ETH/BTC": [2] * 6}, min_notional=0)
    script = {0: {"BTCUSDT": Signal.buy(amount=10)}, 2: {"ETHBTC": Signal.buy(amount=3)}, 4: {"BTCUSDT": Signal.close()}}
    its = engine(recording, Scripted(script), taker=0)
    its.run()
    assert [(coin, side, amount) for _, coin, side, amount, _ in fills_of(its)] == [
        ("BTCUSDT", "buy", 10),
        ("ETHBTC", "buy", 3),
        ("BTCUSDT", "sell", 4),
    ]
    assert its.trade.account.balances["BTC"] == (0, 0)


# adopted


def test_what_is_adopted_is_the_strategy_s_to_sell_and_the_rest_is_not() -> None:
    seen: list[float] = []

    class Looks(Scripted):
        def gen_signal(self) -> dict[str, Signal]:
            seen.extend(now.position for _, now in self.bars())
            return super().gen_signal()

    its = engine(
        market([100, 110, 120, 120, 120]), Looks({2: Signal.close()}), cash={"USDT": 0, "BTC": 2}, adopt={"BTC": "0.5"}, taker=0
    )
    its.run(1)
    position = its.trade.account.position("BTCUSDT")
    assert (position.amount, position.entry_price, position.unrealized) == (Decimal("0.5"), 100.0, 0.0)
    its.run(1)
    assert its.trade.account.position("BTCUSDT").unrealized == 5.0
    its.run()
    assert seen == [0.5, 0.5, 0.5, 0.0, 0.0]
    assert [amount for *_, amount, _ in fills_of(its)] == [Decimal("0.5")]
    assert its.trade.account.balances["BTC"] == (Decimal("1.5"), 0)


def test_adopted_lots_are_the_first_to_be_sold() -> None:
    its = engine(market([100, 200, 300, 300]), cash={"USDT": 1000, "BTC": 1}, adopt={"BTC": 1}, taker=0)
    its.run(1)
    its.place_order("BTCUSDT", 1)
    its.step()
    assert its.trade.account.position("BTCUSDT").entry_price == 150.0
    its.place_order("BTCUSDT", -1)
    its.step()
    assert its.trade.account.position("BTCUSDT").entry_price == 200.0


def test_what_no_coin_trades_cannot_be_adopted() -> None:
    its = engine(three(), cash={"USDT": 10}, adopt={"USDT": 1})
    with pytest.raises(ConfigError, match="USDT cannot be adopted"):
        its.run()


# fees in BNB


def with_bnb(coins: dict[str, Any], cash: dict[str, Any]) -> Engine:
    return engine(market(coins), Scripted({0: Signal.buy(amount=1)}), cash=cash, fee_asset="bnb", taker=100_000)


def test_fees_in_bnb_are_priced_over_the_session_s_coins() -> None:
    straight = with_bnb({"BTC/USDT": [1000] * 3, "BNB/USDT": [500] * 3}, {"USDT": 10_000, "BNB": 1})
    across = with_bnb({"BTC/USDT": [1000] * 3, "BNB/BTC": ["0.5"] * 3}, {"USDT": 10_000, "BNB": 1})
    for its in (straight, across):
        its.run()
        (fill,) = its.trade.account.fills
        assert (fill.fee, fill.fee_asset) == (Decimal("0.002"), "BNB")
        assert its.trade.account.balances["BTC"][0] == 1


def test_without_enough_bnb_the_fee_is_of_what_is_received() -> None:
    its = with_bnb({"BTC/USDT": [1000] * 3, "BNB/USDT": [500] * 3}, {"USDT": 10_000, "BNB": "0.001"})
    its.run()
    (fill,) = its.trade.account.fills
    assert (fill.fee, fill.fee_asset) == (Decimal("0.001"), "BTC")
    assert outcomes(its) == [(0, "buy", "order #0")]
