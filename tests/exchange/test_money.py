"""Fees, locks, roundings and units: who pays what, to the last unit."""

import pytest
from desk import D, coin
from reference import FILLED, INSUFFICIENT, REJECTED


def traded(desk, price="100"):
    desk.bar(price, price, price, price)
    return desk


def test_a_fee_in_quote_comes_on_top_of_the_cost(open_desk):
    desk = traded(open_desk(USDT="1000", taker="7.5"))
    desk.buy("3")
    assert desk.locked() == D("300.225")
    fills = desk.bar("100", "100", "100", "100")
    assert (desk.fees(fills), fills[0]["fee_in"]) == ([D("0.225")], 0)
    assert (desk.free(), desk.free("AAA"), desk.position()) == (D("699.775"), 3, 3)


def test_a_fee_in_the_received_asset_is_taken_off_what_is_bought(open_desk):
    desk = traded(open_desk(USDT="300", taker="7.5", fee_asset="received"))
    desk.buy("3")
    assert (desk.free(), desk.locked()) == (0, 300)
    fills = desk.bar("100", "100", "100", "100")
    assert (desk.fees(fills), fills[0]["fee_in"]) == ([D("0.00225")], 1)
    assert (desk.free(), desk.free("AAA"), desk.position()) == (0, D("2.99775"), D("2.99775"))


def test_a_sale_pays_its_fee_in_quote_in_both_modes(open_desk):
    for fee_asset in ("quote", "received"):
        desk = traded(open_desk(AAA="3", taker="7.5", fee_asset=fee_asset))
        desk.sell("3")
        fills = desk.bar("100", "100", "100", "100")
        assert (desk.fees(fills), fills[0]["fee_in"]) == ([D("0.225")], 0)
        assert desk.free() == D("299.775")


def test_a_limits_lock_covers_the_dearer_of_both_fees(open_desk):
    for maker, taker in (("10", "20"), ("20", "10")):
        desk = traded(open_desk(USDT="1000", maker=maker, taker=taker))
        desk.buy("1", limit="99")
        assert desk.locked() == D("99.198")
        desk.buy("1", maker="90")
        assert desk.locked() == D("99.198") + D("90.18")
        desk.buy("1", stop="110")
        assert desk.locked() == D("189.378") + D("110") * (1 + D(taker) / 10000)
        desk.buy("1")
        assert desk.locked() == D("189.378") + D("210") * (1 + D(taker) / 10000)


def test_the_notional_is_floored_and_the_fee_goes_up_to_the_next_unit(open_desk):
    # 0.00000003 at 0.51 is 1.53 units: worth 1, locked 2; a tenth of a percent of anything is still a whole unit.
    desk = traded(open_desk(USDT="1", AAA="1"), "0.51")
    desk.buy("0.00000003")
    assert desk.locked() == D("0.00000003")
    fills = desk.bar("0.51", "0.51", "0.51", "0.51")
    assert (fills[0]["notional"], fills[0]["fee"]) == (1, 1)
    assert desk.free() == D("0.99999998")
    desk.sell("0.00000003")
    fills = desk.bar("0.51", "0.51", "0.51", "0.51")
    assert (fills[0]["notional"], fills[0]["fee"]) == (1, 1)
    assert desk.free() == D("0.99999998")


def test_a_fee_in_base_goes_up_to_the_next_unit(open_desk):
    desk = traded(open_desk(USDT="1", fee_asset="received"))
    desk.buy("0.00001001")
    fills = desk.bar("100", "100", "100", "100")
    assert fills[0]["fee"] == 2  # 1.001 units
    assert desk.free("AAA") == D("0.00000999")


def test_a_fee_in_bnb_goes_up_to_the_next_unit(open_desk):
    desk = traded(open_desk(BNB="1", USDT="1000", AAA="1", taker="7.5", fee_asset="bnb"))
    desk.buy("1")
    assert desk.locked() == 100
    fills = desk.bar("100", "100", "100", "100", bnb="300")
    assert (desk.fees(fills), fills[0]["fee_in"]) == ([D("0.00025")], 2)
    assert (desk.free("BNB"), desk.free(), desk.free("AAA"), desk.position()) == (D("0.99975"), 900, 2, 1)
    desk.sell("1")
    fills = desk.bar("100", "100", "100", "100", bnb="700")
    assert (desk.fees(fills), fills[0]["fee_in"]) == ([D("0.00010715")], 2)  # 0.075 / 700 is 0.000107142...
    assert (desk.free("BNB"), desk.free(), desk.free("AAA")) == (D("0.99964285"), 1000, 1)


def test_a_fee_in_bnb_of_a_coarser_unit(open_desk):
    desk = traded(open_desk(BNB="10", USDT="1000", decimals={"BNB": 2}, taker="100", fee_asset="bnb"))
    for price, fee in (("0.501", 200), ("0.5", 200), ("0.499", 201), ("100", 1)):  # of 1 USDT, in hundredths of a BNB
        desk.buy("1")
        (fill,) = desk.bar("100", "100", "100", "100", bnb=price)
        assert (fill["fee"], fill["fee_in"]) == (fee, 2)
    assert desk.free("BNB") == D("3.98")


def test_what_bnb_cannot_pay_is_paid_as_received(open_desk):
    for held, bnb, fee_in, sold_in in (
        ("0.00025", "300", 2, 2),
        ("0.00024999", "300", 1, 0),
        ("1", "0", 1, 0),
        (None, "300", 1, 0),
    ):
        for side, paid_in in (("buy", fee_in), ("sell", sold_in)):
            desk = traded(open_desk(USDT="1000", AAA="1", taker="7.5", fee_asset="bnb", **({"BNB": held} if held else {})))
            getattr(desk, side)("1")
            (fill,) = desk.bar("100", "100", "100", "100", bnb=bnb)
            assert fill["fee_in"] == paid_in
            assert fill["fee"] == {0: 7_500_000, 1: 75_000, 2: 25_000}[paid_in]


def test_bnb_does_not_pay_for_a_trade_in_bnb(open_desk):
    for base, quote, tick in (("BNB", "USDT", "0.01"), ("AAA", "BNB", "0.01")):
        desk = traded(open_desk(coin(base, tick, quote=quote), USDT="1000", BNB="1000", taker="10", fee_asset="bnb"))
        desk.buy("1")
        (fill,) = desk.bar("100", "100", "100", "100", bnb="100")
        assert (fill["fee_in"], fill["fee"]) == (1, 100_000)


def test_bnb_is_no_fee_unless_it_is_asked_for(open_desk):
    for fee_asset, fee_in in (("quote", 0), ("received", 1)):
        desk = traded(open_desk(USDT="1000", BNB="1", fee_asset=fee_asset))
        desk.buy("1")
        (fill,) = desk.bar("100", "100", "100", "100", bnb="300")
        assert (fill["fee_in"], desk.free("BNB")) == (fee_in, 1)


def test_without_fees_there_is_no_fee(open_desk):
    desk = traded(open_desk(USDT="100", maker="0", taker="0"))
    desk.buy("1")
    assert desk.fees(desk.bar("100", "100", "100", "100")) == [0]
    assert (desk.free(), desk.free("AAA")) == (0, 1)


def test_dust_worth_nothing_is_given_and_taken_for_nothing(open_desk):
    desk = traded(open_desk(USDT="1", AAA="1"), "0.01")
    desk.sell("0.00000099")
    fills = desk.bar("0.01", "0.01", "0.01", "0.01")
    assert (fills[0]["notional"], fills[0]["fee"]) == (0, 0)
    assert (desk.free(), desk.free("AAA")) == (1, D("0.99999901"))


def test_a_coarser_unit_changes_no_price(open_desk):
    pepe = coin("PEPE", tick="0.00000001", lot="1")
    desk = traded(open_desk(pepe, decimals={"PEPE": 0}, USDT="100", fee_asset="received"), "0.00001234")
    desk.buy("1000001")
    assert desk.locked() == D("12.34001234")
    fills = desk.bar("0.00001234", "0.00001234", "0.00001234", "0.00001234")
    assert fills[0]["amount"] == 1000001
    assert desk.fees(fills) == [1001]  # 1000.001 goes up to the unit
    assert (desk.free(), desk.free("PEPE")) == (D("87.65998766"), 999000)


def test_a_coarser_unit_floors_the_notional_too(open_desk):
    desk = traded(open_desk(coin(tick="0.00000001", lot="0.01"), decimals={"AAA": 2}, USDT="100", AAA="1"), "0.00000099")
    desk.buy("0.99")
    assert desk.locked() == D("0.00000100")  # 98.01 units up to 99, and a unit of fee
    desk.sell("1")
    fills = desk.bar("0.00000099", "0.00000099", "0.00000099", "0.00000099")
    assert [fill["notional"] for fill in fills] == [98, 99]


def test_a_volume_share_is_floored_to_a_coarser_unit(open_desk):
    desk = traded(open_desk(coin(lot="1"), decimals={"AAA": 0}, USDT="10000", share="0.5"))
    desk.buy("9")
    assert desk.amounts(desk.bar("100", "100", "100", "100", volume="7.99999999")) == [3]


def test_what_is_locked_cannot_be_spent_again(open_desk):
    desk = traded(open_desk(USDT="150", AAA="1"))
    desk.buy("1", limit="99")
    assert desk.state(desk.buy("1", limit="50.86")) == (REJECTED, INSUFFICIENT)
    assert desk.state(desk.buy("1", limit="50.85"))[0] != REJECTED
    desk.sell("0.6", limit="101")
    assert desk.state(desk.sell("0.40000001", stop="90")) == (REJECTED, INSUFFICIENT)
    assert desk.state(desk.sell("0.4", stop="90"))[0] != REJECTED
    assert (desk.free("AAA"), desk.locked("AAA")) == (0, 1)


def test_cash_and_position_of_each_fill_are_those_after_it(open_desk):
    desk = traded(open_desk(USDT="1000"))
    desk.buy("1")
    desk.buy("2")
    desk.buy("1", limit="50")
    fills = desk.bar("100", "100", "100", "100")
    assert [D(fill["position"]).scaleb(-8) for fill in fills] == [1, 3]
    assert [D(fill["cash"]).scaleb(-8) for fill in fills] == [D("649.65")] * 2  # 50.05 of it waits for the limit
    assert desk.free() == D("649.65")


@pytest.mark.parametrize("fee_asset", ["quote", "received"])
def test_a_round_trip_leaves_only_the_fees_behind(open_desk, fee_asset):
    desk = traded(open_desk(USDT="1000", fee_asset=fee_asset))
    desk.buy("2")
    fills = desk.bar("100", "100", "100", "100")
    order = desk.sell(str(desk.position()))
    fills += desk.bar("100", "100", "100", "100")
    assert desk.state(order) == (FILLED, 0)
    assert desk.free() == (D("999.6") if fee_asset == "quote" else D("999.6002"))
    assert (desk.position(), desk.free("AAA")) == (0, 0)
