from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import EXPONENT, CurrencyMismatch, Money, NotAnAmount

MOST = 10**18 - 1
fen = st.integers(min_value=0, max_value=MOST)


@given(fen)
def test_an_amount_written_out_is_read_back_to_the_fen(minor: int) -> None:
    assert Money.parse(Money(minor).major) == Money(minor)


@given(st.integers(min_value=-MOST, max_value=MOST))
def test_an_amount_is_written_with_its_sign_and_two_decimals(minor: int) -> None:
    sign, digits = ("-", str(-minor)) if minor < 0 else ("", str(minor))
    padded = digits.rjust(3, "0")
    assert Money(minor).major == f"{sign}{padded[:-2]}.{padded[-2:]}"
    assert Money(minor).decimal == Decimal(Money(minor).major)


@pytest.mark.parametrize(
    ("text", "minor"),
    [("1280.00", 128000), ("0", 0), ("0.01", 1), ("0.1", 10), ("12", 1200), ("9999999999999999.99", MOST)],
)
def test_amounts_as_json_carries_them_are_read(text: str, minor: int) -> None:
    assert Money.parse(text) == Money(minor, "CNY")


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", ".", "1.", ".5", "01", "00.10", "1.005", "1.000", "1,280.00", "1 280.00", "1_000", "1'000"),
        *("-1", "+1", "-0", "−1", "1e2", "1E2", "0x10", "NaN", "Infinity", "1/2", "¥1.00", "1.00 CNY", "1.00元"),
        *(" 1.00", "1.00 ", "1.00\n", "\n1.00", "1.00\0", "1..0", "1.0.0", "None", "10000000000000000"),
        *("１.00", "1．00", "٣.00", "一百", "²", "1.0０"),
    ],
)
def test_anything_that_is_not_plainly_an_amount_is_refused_and_shown(text: str) -> None:
    with pytest.raises(NotAnAmount) as refusal:
        Money.parse(text)
    assert repr(text) in str(refusal.value)
    assert "1280.00" in str(refusal.value)


@given(st.text())
def test_text_is_read_exactly_or_refused(text: str) -> None:
    try:
        read = Money.parse(text)
    except NotAnAmount:
        return
    whole, _, decimals = text.partition(".")
    assert read.major == f"{whole}.{decimals:0<2}"


@given(fen, fen)
def test_sums_and_orders_are_those_of_whole_numbers(one: int, other: int) -> None:
    assert Money(one) + Money(other) == Money(one + other)
    assert Money(one) - Money(other) == Money(one - other)
    assert (Money(one) < Money(other), Money(one) <= Money(other)) == (one < other, one <= other)
    assert (Money(one) > Money(other), Money(one) >= Money(other)) == (one > other, one >= other)


@pytest.mark.parametrize("minor", [1.0, True, "1", None])
def test_minor_units_are_whole_numbers_and_nothing_else(minor: object) -> None:
    with pytest.raises(TypeError, match="minor units are an int"):
        Money(minor)  # type: ignore[arg-type]  # what an unchecked caller might pass


def test_a_currency_whose_decimals_are_unknown_is_refused() -> None:
    with pytest.raises(NotAnAmount, match=r"'JPY'.*CNY"):
        Money(1, "JPY")


def test_two_currencies_never_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXPONENT, "USD", 2)
    yuan, dollars = Money(100), Money(100, "USD")
    assert yuan != dollars
    for meet in (Money.__add__, Money.__sub__, Money.__lt__, Money.__le__):
        with pytest.raises(CurrencyMismatch, match=r"1\.00 CNY and 1\.00 USD"):
            meet(yuan, dollars)
