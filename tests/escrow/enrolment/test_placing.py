"""Where a payment belongs: every reason why a credit is not placed, and what a batch does to itself. Pure."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.enrolment.orders import Order
from escrow.enrolment.placing import IN_CHINESE, Payable, place, why_not
from tests.escrow.county import at, credit

ORDER = Order(
    id=1,
    reference="XF0004K7Q84",
    contract_id=7,
    amount=100000,
    expires_at=at(7, 22),
    created_at=at(7, 21),
    state="open",
)
PAYABLE = Payable(order=ORDER, supervised_account="6200000001", contract_open=True, due=100000)
RIGHT = credit(ORDER.reference, 100000, paid_at=at(7, 21, 13))


def test_the_right_amount_in_the_right_account_in_time_is_placed() -> None:
    assert why_not(RIGHT, PAYABLE) == ""
    assert why_not(replace(RIGHT, paid_at=ORDER.expires_at), PAYABLE) == "", "the last instant counts"


@pytest.mark.parametrize(
    ("reason", "told", "payable"),
    [
        ("no_reference", replace(RIGHT, reference=""), None),
        ("unknown_order", RIGHT, None),
        ("other_account", replace(RIGHT, supervised_account="6200000002"), PAYABLE),
        ("wrong_amount", replace(RIGHT, amount=99999), PAYABLE),
        ("wrong_amount", replace(RIGHT, amount=100001), PAYABLE),
        ("order_paid_already", RIGHT, replace(PAYABLE, order=replace(ORDER, state="paid"))),
        ("order_cancelled", RIGHT, replace(PAYABLE, order=replace(ORDER, state="cancelled"))),
        ("contract_ended", RIGHT, replace(PAYABLE, contract_open=False)),
        ("order_expired", replace(RIGHT, paid_at=at(7, 22, second=1)), PAYABLE),
        ("contract_paid_already", RIGHT, replace(PAYABLE, due=99999)),
    ],
)
def test_every_obstacle_has_its_reason_and_its_chinese_words(reason: str, told: object, payable: Payable) -> None:
    assert why_not(told, payable) == reason  # type: ignore[arg-type]  # a Credit
    assert IN_CHINESE[reason]


def test_an_order_that_was_paid_in_time_is_placed_however_late_the_bank_says_so() -> None:
    (placing,) = place([replace(RIGHT, paid_at=at(7, 21, 13))], {ORDER.reference: PAYABLE})
    assert placing.order == ORDER


def test_the_second_payment_of_an_order_in_one_batch_finds_it_paid() -> None:
    first, second = place([RIGHT, replace(RIGHT, serial="S2")], {ORDER.reference: PAYABLE})
    assert (first.reason, second.reason) == ("", "order_paid_already")


def test_an_expired_order_and_the_one_that_took_its_place_do_not_both_fill_one_contract() -> None:
    later = replace(ORDER, id=2, reference="XF000000195", created_at=at(7, 23), expires_at=at(7, 24))
    both = {each.reference: replace(PAYABLE, order=each) for each in (ORDER, later)}
    placings = place([replace(RIGHT, serial="S2", reference=later.reference, paid_at=at(7, 23)), RIGHT], both)
    assert [each.reason for each in placings] == ["", "contract_paid_already"]


@given(
    due=st.integers(1, 300000),
    credits=st.lists(
        st.tuples(st.sampled_from(["XF0004K7Q84", "XF000000195", ""]), st.sampled_from([50000, 100000, 100001])),
        max_size=8,
    ),
)
def test_a_batch_never_pays_an_order_twice_nor_a_contract_beyond_what_is_due(
    due: int, credits: list[tuple[str, int]]
) -> None:
    orders = {
        reference: replace(ORDER, id=number, reference=reference, amount=amount)
        for number, (reference, amount) in enumerate([("XF0004K7Q84", 100000), ("XF000000195", 50000)])
    }
    told = [
        replace(RIGHT, serial=f"S{number}", reference=reference, amount=amount)
        for number, (reference, amount) in enumerate(credits)
    ]
    payables = {reference: replace(PAYABLE, order=each, due=due) for reference, each in orders.items()}
    placings = place(told, payables)

    assert [each.credit for each in placings] == told, "none is lost, none is made"
    placed = [each for each in placings if each.order is not None]
    assert len({each.order.id for each in placed if each.order}) == len(placed)
    assert sum(each.credit.amount for each in placed) <= due
    assert all(each.credit.amount == each.order.amount for each in placed if each.order)
    assert all(bool(each.reason) == (each.order is None) for each in placings)


@given(lateness=st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=400)))
def test_nothing_paid_after_the_expiry_is_placed(lateness: timedelta) -> None:
    assert why_not(replace(RIGHT, paid_at=ORDER.expires_at + lateness), PAYABLE) == "order_expired"
