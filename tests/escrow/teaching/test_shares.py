"""What one lesson earns: the shares sum to the price, to the fen, however it is divided."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.teaching.shares import Account, earn, share

PRICES = st.integers(1, 10**12)
LESSONS = st.integers(1, 400)


@given(price=PRICES, lessons=LESSONS)
def test_the_shares_sum_to_the_price_and_each_is_within_a_fen_of_its_exact_part(price: int, lessons: int) -> None:
    shares = [share(price, lessons, ordinal) for ordinal in range(1, lessons + 1)]
    assert sum(shares) == price
    assert all(abs(each - Fraction(price, lessons)) < 1 for each in shares)


@given(price=PRICES, lessons=LESSONS, data=st.data())
def test_at_every_lesson_the_family_has_its_exact_part_left_or_less_than_a_fen_more(
    price: int, lessons: int, data: st.DataObject
) -> None:
    taught = data.draw(st.integers(0, lessons))
    left = price - sum(share(price, lessons, ordinal) for ordinal in range(1, taught + 1))
    assert 0 <= left - Fraction(price * (lessons - taught), lessons) < 1


def test_a_thousand_over_three_lessons_ends_at_nothing() -> None:
    assert [share(100000, 3, ordinal) for ordinal in (1, 2, 3)] == [33333, 33333, 33334]


def test_gifted_lessons_come_after_the_paid_ones_and_move_nothing() -> None:
    assert [share(300000, 30, ordinal) for ordinal in (30, 31, 32)] == [10000, 0, 0]


@pytest.mark.parametrize("ordinal", [0, -1])
def test_lessons_are_counted_from_one(ordinal: int) -> None:
    with pytest.raises(ValueError, match="counted from 1"):
        share(100, 3, ordinal)


@given(
    price=st.integers(1, 10**6),
    lessons=st.integers(1, 12),
    taught=st.integers(0, 14),
    paid=st.integers(0, 10**6),
    asked=st.integers(0, 14),
)
def test_what_is_earned_is_what_the_money_covers_and_after_a_gap_nothing_is(  # noqa: PLR0917  all drawn by name
    price: int, lessons: int, taught: int, paid: int, asked: int
) -> None:
    account = Account(price=price, lessons=lessons, taught=taught, available=paid)
    earned, unfunded = earn([(number, 7) for number in range(asked)], {7: account})

    assert [each.attendance_id for each in earned] + unfunded == list(range(asked)), "in order, and none is lost"
    assert [each.ordinal for each in earned] == list(range(taught + 1, taught + 1 + len(earned)))
    assert sum(each.share for each in earned) <= paid
    assert all(each.share == share(price, lessons, each.ordinal) for each in earned)


def test_contracts_in_one_sweep_do_not_hold_each_other_up() -> None:
    accounts = {
        1: Account(price=300, lessons=3, taught=0, available=50),
        2: Account(price=300, lessons=3, taught=2, available=100),
    }
    earned, unfunded = earn([(11, 1), (21, 2), (12, 1), (22, 2)], accounts)
    assert [(each.attendance_id, each.share) for each in earned] == [(21, 100), (22, 0)]
    assert unfunded == [11, 12]
