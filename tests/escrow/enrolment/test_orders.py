"""Payment orders: instalments, never more than is due, one code for one amount until it expires."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

import qrpay.reference
from escrow.access.caller import Caller
from escrow.enrolment import orders
from escrow.enrolment.contracts import ContractEnded
from escrow.enrolment.orders import VALID_FOR, NothingToPay, OrderNotOpen
from escrow.payouts import closures, refunds
from escrow.refusals import Forbidden, Unknown
from escrow.registry.institutions import InstitutionClosed
from ledger.money import Money
from tests.escrow.county import (
    BUREAU,
    ORDERED,
    RULEBOOK,
    at,
    balances,
    breaches,
    enrolled,
    family,
    order,
    pay,
    school,
    signed,
)


def test_an_order_is_for_all_that_is_due_and_names_itself(db: Connection) -> None:
    of = school(db)
    placed = order(db, signed(db, of, family(db)))

    assert (placed.amount, placed.expires_at - placed.created_at) == (100000, timedelta(hours=24))
    assert qrpay.reference.is_valid(placed.reference)
    assert orders.get(db, placed.reference) == placed


def test_instalments_fill_the_price_exactly_and_not_a_fen_more(db: Connection) -> None:
    of = school(db)
    contract = signed(db, of, family(db))
    pay(db, of, contract, "300.00", serial="1")
    first = order(db, contract, "300.00", now=at(7, 22))
    with pytest.raises(NothingToPay) as refused:
        order(db, contract, "400.01", now=at(7, 22))
    second = order(db, contract, now=at(7, 22))

    assert (first.amount, second.amount) == (30000, 40000)
    assert refused.value.facts == {
        "price": "1000.00",
        "paid": "300.00",
        "ordered": "300.00",
        "due": "400.00",
        "asked": "400.01",
    }
    with pytest.raises(NothingToPay, match=r"0\.00 can be ordered, not 0\.00"):
        order(db, contract, now=at(7, 22))


@pytest.mark.parametrize("fen", [0, -1, 100001])
def test_nothing_less_than_nothing_and_more_than_due_cannot_be_ordered(db: Connection, fen: int) -> None:
    contract = signed(db, school(db), family(db))
    with pytest.raises(NothingToPay):
        orders.place(db, contract.id, amount=Money(fen), rulebook=RULEBOOK, by=BUREAU, now=at(7, 21))


def test_an_order_that_expired_makes_room_for_another(db: Connection) -> None:
    contract = signed(db, school(db), family(db))
    order(db, contract, now=at(7, 21))
    with pytest.raises(NothingToPay):
        order(db, contract, now=at(7, 22, 11, 59))
    assert order(db, contract, now=at(7, 21) + VALID_FOR).amount == 100000


def test_an_ended_contract_and_a_closing_institution_take_no_orders(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(7, 23))
    with pytest.raises(ContractEnded):
        order(db, contract, now=at(7, 23))
    other = signed(db, of, family(db, 2))
    closures.freeze(db, of.institution.id, reason="停业", by=of.caller, now=at(7, 23))
    with pytest.raises(InstitutionClosed):
        order(db, other, now=at(7, 23))


def test_the_parties_order_a_stranger_sees_nothing_and_an_auditor_only_looks(db: Connection) -> None:
    of = school(db)
    child = family(db)
    contract = signed(db, of, child)
    for by in (child.caller, of.caller):
        orders.place(db, contract.id, amount=Money(100), rulebook=RULEBOOK, by=by, now=at(7, 21))
    with pytest.raises(Unknown):
        orders.place(db, contract.id, rulebook=RULEBOOK, by=family(db, 2).caller, now=at(7, 21))
    for role in ("auditor", "bank"):
        with pytest.raises(Forbidden):
            orders.place(db, contract.id, rulebook=RULEBOOK, by=Caller(name="x", role=role), now=at(7, 21))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.integers(1, 60000), min_size=1, max_size=6))
def test_whatever_is_ordered_and_paid_the_contract_holds_what_was_paid_and_never_more_than_its_price(
    db: Connection, parts: list[int]
) -> None:
    with db.begin_nested() as example:
        of = school(db)
        contract = signed(db, of, family(db))
        paid = 0
        for number, part in enumerate(parts):
            if paid + part > 100000:
                with pytest.raises(NothingToPay):
                    orders.place(db, contract.id, amount=Money(part), rulebook=RULEBOOK, by=BUREAU, now=at(7, 21))
                continue
            pay(db, of, contract, Money(part).major, serial=f"S{number}")
            paid += part
        assert balances(db) == ({"bank/6200000001": paid, contract.prepaid_path: paid} if paid else {})
        assert breaches(db) == []
        example.rollback()


def test_an_order_that_nobody_has_paid_is_cancelled_once_by_its_parties(db: Connection) -> None:
    of, child = school(db), family(db)
    contract = signed(db, of, child)
    placed = order(db, contract)
    for stranger in (family(db, 2).caller, school(db, 2).caller):
        with pytest.raises(Unknown, match="order"):
            orders.cancel(db, placed.reference, by=stranger, now=ORDERED)
    with pytest.raises(Forbidden):
        orders.cancel(db, placed.reference, by=Caller(name="x", role="auditor"), now=ORDERED)
    assert orders.cancel(db, placed.reference, by=child.caller, now=ORDERED).state == "cancelled"
    with pytest.raises(OrderNotOpen) as refused:
        orders.cancel(db, placed.reference, by=of.caller, now=ORDERED)
    assert "已取消" in refused.value.chinese
    assert order(db, contract).amount == contract.price, "its amount can be ordered again"


def test_a_paid_order_is_not_cancelled_but_refunded(db: Connection) -> None:
    of = school(db)
    contract = signed(db, of, family(db))
    placed = pay(db, of, contract).payment
    (paid,) = orders.of_contract(db, contract.id)
    with pytest.raises(OrderNotOpen, match="refund"):
        orders.cancel(db, paid.reference, by=BUREAU, now=ORDERED)
    assert placed.order_id == paid.id


def test_instalments_come_to_the_price_and_never_to_more(db: Connection) -> None:
    of = school(db)
    contract = signed(db, of, family(db))
    placed = [order(db, contract, part) for part in ("300.00", "300.00", "400.00")]
    with pytest.raises(NothingToPay):
        order(db, contract, "0.01")
    orders.cancel(db, placed[1].reference, by=BUREAU, now=ORDERED)
    with pytest.raises(NothingToPay):
        order(db, contract, "300.01")
    order(db, contract, "300.00")
    listed = orders.of_contract(db, contract.id)
    assert [each.amount for each in listed] == [30000, 30000, 40000, 30000]
    assert orders.of_contract(db, contract.id, after=listed[1].id, limit=1) == [listed[2]]
