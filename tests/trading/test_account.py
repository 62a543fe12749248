"""The account against a slow bookkeeper in fractions: balances, equity, positions, entry prices, to the last unit."""

from __future__ import annotations

import random
from collections import deque
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from engine import Signal, Strategy
from engine.errors import ConfigError, UsageError
from engine.loop import Engine
from engine.recordings import Bars, Recording
from tests.worlds import Scripted, candles, engine, fills_of, instrument, market, restless, units, walk


class Books:
    """What an account comes to by its fills, one at a time."""

    def __init__(self, cash: dict[str, Decimal]) -> None:
        self.assets = {asset: Fraction(amount) for asset, amount in cash.items()}
        self.lots: dict[str, deque[list[Fraction]]] = {}
        self.done = 0

    def take(self, its: Engine) -> None:
        fills = its.trade.account.fills
        for fill in fills[self.done :]:
            base, quote = fill.coin.removesuffix("USDT"), "USDT"
            amount, price, fee = Fraction(fill.amount), Fraction(fill.price), Fraction(fill.fee)
            notional = Fraction(int(amount * price * 10**8), 10**8)
            lots = self.lots.setdefault(fill.coin, deque())
            if fill.side == "buy":
                received = amount - fee if fill.fee_asset == base else amount
                self.move(quote, -notional - (fee if fill.fee_asset == quote else 0))
                self.move(base, received)
                lots.append([received, price])
            else:
                assert fill.fee_asset == quote
                self.move(quote, notional - fee)
                self.move(base, -amount)
                while amount:
                    part = min(amount, lots[0][0])
                    lots[0][0] -= part
                    amount -= part
                    if not lots[0][0]:
                        lots.popleft()
        self.done = len(fills)

    def move(self, asset: str, amount: Fraction) -> None:
        self.assets[asset] = self.assets.get(asset, Fraction(0)) + amount

    def position(self, coin: str) -> Fraction:
        return sum((amount for amount, _ in self.lots.get(coin, ())), Fraction(0))

    def entry(self, coin: str) -> float:
        held = self.position(coin)
        return float(sum(amount * price for amount, price in self.lots[coin]) / held) if held else 0.0


def agrees(its: Engine, books: Books) -> None:
    books.take(its)
    account, raw = its.trade.account, its.raw.latest
    locked: dict[str, Fraction] = {}
    for order in account.orders():
        if order.side == "sell":
            base = order.coin.removesuffix("USDT")
            locked[base] = locked.get(base, Fraction(0)) + Fraction(order.amount) - Fraction(order.filled)
    equity = Fraction(0)
    for asset, (free, held_back) in account.balances.items():
        assert free >= 0
        assert held_back >= 0
        assert Fraction(free) + Fraction(held_back) == books.assets.get(asset, 0), asset
        if asset != "USDT":
            assert Fraction(held_back) == locked.get(asset, 0)
        mark = 1 if asset == "USDT" else Fraction(raw.mark_units(raw.coins.index(f"{asset}USDT")), 10**8)
        equity += books.assets.get(asset, 0) * mark
    assert Fraction(account.equity_exact) == equity
    assert account.equity == pytest.approx(float(equity), rel=1e-15)
    assert account.cash == float(account.balances["USDT"][0])
    for coin in raw.coins:
        position = account.position(coin)
        assert Fraction(position.amount) == books.position(coin)
        lot = Fraction(raw.instruments[raw.coins.index(coin)].lot, 10**8)
        assert Fraction(position.sellable) == books.position(coin) // lot * lot
        assert position.entry_price == pytest.approx(books.entry(coin), rel=1e-12)
        if position.amount:
            gained = float(books.position(coin)) * (position.mark - books.entry(coin))
            assert position.unrealized == pytest.approx(gained, abs=1e-6)
    assert [its.coin for its in account.positions] == [coin for coin in raw.coins if books.position(coin)]


@pytest.mark.parametrize("fee_asset", ["received", "quote"])
def test_the_account_is_what_its_fills_come_to_at_every_step(fee_asset: str) -> None:
    flown = restless(500)
    flown.trade.rules = flown.trade.rules._replace(fee_asset=fee_asset, taker=123_457)
    books = Books({"USDT": Decimal(10_000)})
    while flown.step():
        agrees(flown, books)
    assert books.done > 50


def test_entry_price_is_of_the_lots_not_yet_sold_first_in_first_out() -> None:
    its = engine(market([100, 100, 200, 300, 400, 500]), maker=0, taker=0)
    its.run(1)
    entries = []
    for amount in (1, 1, 1, -1.5, None):
        if amount is not None:
            its.place_order("BTCUSDT", amount)
        its.step()
        entries.append(its.trade.account.position("BTCUSDT").entry_price)
    assert entries == [100.0, 150.0, 200.0, (0.5 * 200 + 300) / 1.5, (0.5 * 200 + 300) / 1.5]
    assert its.trade.account.position("BTCUSDT").unrealized == pytest.approx(1.5 * (500 - 400 / 1.5))


def test_a_fee_taken_from_what_is_bought_does_not_shift_the_entry_price() -> None:
    """Half of each purchase goes in fees: the two lots held are of equal size, so the entry lies midway."""
    its = engine(market([100, 100, 200, 300]), taker=5 * 10**7)
    its.run(1)
    for _ in range(2):
        its.place_order("BTCUSDT", 2)
        its.step()
    position = its.trade.account.position("BTCUSDT")
    assert position.amount == 2
    assert position.entry_price == 150.0


def test_what_was_there_at_the_start_is_worth_its_price_and_nobody_s_position() -> None:
    its = engine(market([100, 110, 120]), cash={"USDT": 1000, "BTC": Decimal("0.5")})
    its.run()
    account = its.trade.account
    assert account.equity_exact == 1060
    assert account.balances["BTC"] == (Decimal("0.5"), 0)
    assert account.position("BTCUSDT").amount == 0
    assert account.positions == []


def test_equity_is_exact_where_floats_are_not() -> None:
    cash = {"USDT": Decimal("9123456789.12345678"), "BTC": Decimal("12345.67890123")}
    its = engine(market(candles([(98765.43210987,) * 4] * 2), tick="0.00000001"), cash=cash)
    its.run()
    assert its.trade.account.equity_exact == cash["USDT"] + cash["BTC"] * Decimal("98765.43210987")


def test_an_asset_that_no_coin_of_the_session_prices_is_refused() -> None:
    its = engine(market([100, 100]), cash={"USDT": 1000, "BNB": 1})
    with pytest.raises(ConfigError, match="BNB cannot be valued in USDT"):
        its.run()


def test_fills_are_a_sequence_of_their_own() -> None:
    its = engine(market([100] * 6), Scripted({n: Signal.buy(amount=1) for n in range(4)}))
    its.run()
    fills = its.trade.account.fills
    assert len(fills) == 4
    assert [fill.step for fill in fills] == [1, 2, 3, 4]
    assert fills[-1] == fills[3] == list(fills)[3]
    assert fills[1:3] == [fills[1], fills[2]]
    for n in (4, -5):
        with pytest.raises(IndexError):
            fills[n]
    with pytest.raises(UsageError, match="XRPUSDT is not in this session"):
        its.trade.account.position("XRPUSDT")


# an asset of huge amounts


def shib(rows: int = 200) -> Recording:
    """A market where a 10,000 dollar account holds hundreds of millions of a coin, and a whale more than 64 bits of 1e-8."""
    bars = walk(rows, 4)
    cheap = {name: bars.column(name) // 10**7 for name in ("open", "high", "low", "close")}
    series = Bars(time=bars.time, volume=[units(10**10)] * rows, interval=bars.interval, **cheap)
    its = instrument("SHIBUSDT", tick="0.00000001", lot=1, min_notional=1)
    return Recording.from_bars({"SHIBUSDT": series}, {"SHIBUSDT": its})


class Whale(Strategy):
    """Buys and sells all it can, now and then."""

    def gen_signal(self) -> dict[str, Signal]:
        kind = self.step % 10
        if kind == 2:
            return {"SHIBUSDT": Signal.buy(value=self.cash * 0.9)}
        return {"SHIBUSDT": Signal.close()} if kind == 7 else {}


def test_a_coarser_unit_holds_what_64_bits_of_the_finest_do_not() -> None:
    cash = {"USDT": Decimal(9_000_000)}
    fine = engine(shib(), Whale(), cash=cash)
    fine.run()
    assert fine.halted is not None
    assert "[account] decimals" in fine.halted.hint
    coarse = engine(shib(), Whale(), cash=cash, decimals={"SHIB": 2})
    books = Books(cash)
    while coarse.step():
        agrees(coarse, books)
    assert coarse.halted is None
    assert len(fills_of(coarse)) > 20
    assert max(fill.amount for fill in coarse.trade.account.fills) > 9 * 10**10
    for fill in coarse.trade.account.fills:
        assert fill.amount == int(fill.amount)
        if fill.fee_asset == "SHIB":
            assert fill.fee == (fill.amount / 1000).quantize(Decimal("0.01"), "ROUND_UP")


def test_with_a_coarser_unit_the_same_small_trades_come_to_the_same_but_for_rounding() -> None:
    runs = []
    for decimals in ({}, {"SHIB": 0}, {"SHIB": 5}):
        its = engine(shib(), Whale(), cash={"USDT": 1000}, decimals=decimals, taker=0)
        its.run()
        runs.append((fills_of(its), its.trade.account.equity_exact))
    assert len(runs[0][0]) > 20
    assert runs[0] == runs[1] == runs[2]


def test_rows_tell_the_same_position_whatever_the_unit() -> None:
    def rows(decimals: Any) -> list[float]:
        class Looks(Whale):
            def gen_signal(self) -> dict[str, Signal]:
                self._seen = [*getattr(self, "_seen", []), *(now.position for _, now in self.bars())]
                return super().gen_signal()

        its = engine(shib(), Looks(), cash={"USDT": 1000}, decimals=decimals, taker=0)
        its.run()
        return list(its.strategy._seen)

    assert rows({}) == rows({"SHIB": 1})
    assert max(rows({})) > 10**7


def test_a_unit_coarser_than_the_lot_is_refused() -> None:
    its = engine(market([100, 100]), decimals={"BTC": 2})
    with pytest.raises(ConfigError, match="coarser than the lot of BTCUSDT"):
        its.run()


def test_random_hand_orders_keep_the_books() -> None:
    dice = random.Random(5)
    flown = engine(market({"AAAUSDT": walk(300, 1), "BBBUSDT": walk(300, 2, price=7)}), slippage=10**5, taker=77_777)
    books = Books({"USDT": Decimal(10_000)})
    while flown.step():
        coin = dice.choice(["AAAUSDT", "BBBUSDT"])
        mark = flown.raw.latest.price(coin)
        amount = dice.uniform(-1, 1.2) * 1000 / mark
        held = float(flown.trade.account.position(coin).amount)
        flown.place_order(coin, max(amount, -held), dice.choice([None, mark * dice.uniform(0.99, 1.01)]))
        if dice.random() < 0.2:
            flown.trade.cancel_order(coin)
        agrees(flown, books)
    assert books.done > 100
