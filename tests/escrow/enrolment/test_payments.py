"""Every credit that the bank reports is booked once, whatever is repeated, late, out of order or at the same time."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, func, select

from escrow.db import transaction
from escrow.enrolment import payments
from escrow.enrolment.payments import Receipt
from escrow.enrolment.placing import Credit
from escrow.enrolment.tables import payment as payment_table
from escrow.payouts import closures, refunds
from escrow.registry import institutions
from ledger.schema import transfer
from tests.escrow.county import (
    BUREAU,
    RULEBOOK,
    at,
    balances,
    breaches,
    credit,
    enrolled,
    family,
    order,
    paid_school,
    receive,
    registration,
    school,
    signed,
)


def test_a_right_payment_is_booked_on_its_contract(db: Connection) -> None:
    of = school(db)
    contract = signed(db, of, family(db))
    placed = order(db, contract)
    (receipt,) = receive(db, credit(placed.reference))

    assert (receipt.status, receipt.payment.contract_id, receipt.payment.order_id) == ("booked", contract.id, placed.id)
    assert balances(db) == {"bank/6200000001": 100000, contract.prepaid_path: 100000}
    assert breaches(db) == []


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (credit("", 100000), "no_reference"),
        (credit("XF0004K7Q84", 100000), "unknown_order"),
        (credit("the order's", 99999), "wrong_amount"),
        (credit("the order's", 100000, paid_at=at(7, 22, second=1)), "order_expired"),
        (credit("the order's", 100000, account="6200000002"), "other_account"),
    ],
)
def test_money_that_cannot_be_placed_stands_in_suspense_and_on_the_list(
    db: Connection, told: Credit, reason: str
) -> None:
    placed = order(db, signed(db, school(db), family(db)))
    school(db, 2)
    (receipt,) = receive(db, replace(told, reference=told.reference.replace("the order's", placed.reference)))

    assert (receipt.status, receipt.payment.reason) == ("parked", reason)
    assert payments.in_suspense(db) == [receipt.payment]
    assert balances(db) == {f"bank/{told.supervised_account}": told.amount, receipt.payment.suspense_path: told.amount}
    assert breaches(db) == []


def test_money_in_an_account_that_nobody_registered_stands_in_suspense_and_is_found_when_somebody_does(
    db: Connection,
) -> None:
    (receipt,) = receive(db, credit(account="6200000001"))
    assert balances(db) == {"bank/6200000001": 100000, "bank/6200000001/suspense": 100000}
    assert breaches(db) == []
    institutions.register(db, registration(), by=BUREAU, now=at(8, 1))
    assert payments.in_suspense(db, "6200000001") == [receipt.payment]
    assert payments.in_suspense(db, "6200000002") == []


def test_a_repeated_credit_is_booked_once_in_one_batch_and_over_batches(db: Connection) -> None:
    placed = order(db, signed(db, school(db), family(db)))
    told = credit(placed.reference)

    assert [each.status for each in receive(db, told, told, told)] == ["booked", "repeated", "repeated"]
    assert [each.status for each in receive(db, told, credit(serial="S2"))] == ["repeated", "parked"]
    assert [each.status for each in receive(db, told, credit(serial="S2"))] == ["repeated", "repeated"]
    assert balances(db)["bank/6200000001"] == 200000


def test_the_same_serial_with_another_amount_is_a_conflict_and_changes_nothing(db: Connection) -> None:
    told = credit(order(db, signed(db, school(db), family(db))).reference)
    receive(db, told)
    before = balances(db)
    receipts = receive(db, replace(told, amount=1), replace(told, serial="S2", amount=5), replace(told, serial="S2"))

    assert [each.status for each in receipts] == ["conflicting", "parked", "conflicting"]
    assert [each.payment.amount for each in receipts] == [100000, 5, 5], "what the bank had said before"
    assert balances(db)["bank/6200000001"] == before["bank/6200000001"] + 5
    assert breaches(db) == []


def test_the_same_serial_in_two_accounts_is_two_payments(db: Connection) -> None:
    receipts = receive(db, credit(account="6200000001"), credit(account="6200000002"))
    assert [each.status for each in receipts] == ["parked", "parked"]


@pytest.mark.parametrize("ways", sorted(set(itertools.permutations(["notification"] * 2 + ["statement"] * 2))))
def test_whichever_of_the_banks_words_comes_first_the_money_is_booked_once(
    db: Connection, ways: tuple[str, ...]
) -> None:
    told = credit(order(db, signed(db, school(db), family(db))).reference)
    statuses = [
        payments.receive(db, [told], source=way, now=at(7, 21 + day))[0].status  # type: ignore[arg-type]  # a Source
        for day, way in enumerate(ways)
    ]
    assert statuses == ["booked", "repeated", "repeated", "repeated"]
    assert db.execute(select(payment_table.c.source)).scalars().all() == [ways[0]]
    assert balances(db)["bank/6200000001"] == 100000


def test_two_payments_for_one_order_are_one_placed_and_one_in_suspense(db: Connection) -> None:
    placed = order(db, signed(db, school(db), family(db)))
    receipts = receive(db, credit(placed.reference), credit(placed.reference, serial="S2"))
    assert [(each.status, each.payment.reason) for each in receipts] == [
        ("booked", ""),
        ("parked", "order_paid_already"),
    ]


def test_the_late_word_about_an_expired_order_does_not_fill_a_contract_twice(db: Connection) -> None:
    contract = signed(db, school(db), family(db))
    first = order(db, contract, now=at(7, 21))
    second = order(db, contract, now=at(7, 23))
    assert receive(db, credit(second.reference, serial="2", paid_at=at(7, 23, 13)))[0].status == "booked"
    (late,) = receive(db, credit(first.reference, serial="1", paid_at=at(7, 21, 13)), now=at(7, 24))

    assert (late.status, late.payment.reason) == ("parked", "contract_paid_already")
    assert balances(db)[contract.prepaid_path] == contract.price
    assert breaches(db) == []


def test_what_is_paid_after_the_end_stands_in_suspense(db: Connection) -> None:
    of = school(db)
    child = family(db)
    contract = signed(db, of, child)
    first, second = order(db, contract, "400.00"), order(db, contract, "600.00")
    receive(db, credit(first.reference, 40000, serial="1"))
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(7, 21, 15))
    other = order(db, signed(db, of, family(db, 2)), now=at(7, 21, 15))
    closures.freeze(db, of.institution.id, reason="停业", by=of.caller, now=at(7, 21, 16))
    receipts = receive(db, credit(second.reference, 60000, serial="2"), credit(other.reference, serial="3"))

    assert [each.payment.reason for each in receipts] == ["order_cancelled", "order_cancelled"]
    assert breaches(db) == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(
        st.lists(st.tuples(st.integers(1, 5), st.sampled_from([100000, 60000, 40000]), st.integers(0, 3)), max_size=5),
        max_size=5,
    )
)
def test_in_any_batches_each_serial_is_booked_once_with_its_first_amount(
    db: Connection, batches: list[list[tuple[int, int, int]]]
) -> None:
    with db.begin_nested() as example:
        of = school(db)
        references = ["", *(order(db, signed(db, of, family(db, number))).reference for number in (1, 2, 3))]
        first: dict[int, int] = {}
        for batch in batches:
            told = [credit(references[named], amount, serial=str(serial)) for serial, amount, named in batch]
            for receipt, (serial, amount, _) in zip(receive(db, *told), batch, strict=True):
                known = first.setdefault(serial, amount)
                assert (receipt.status == "conflicting") == (known != amount)
        assert balances(db).get("bank/6200000001", 0) == sum(first.values())
        assert breaches(db) == []
        example.rollback()


def test_thirty_two_at_once_with_the_same_credit_leave_one_payment(postgres_engine: Engine) -> None:
    with transaction(postgres_engine) as db:
        placed = order(db, signed(db, school(db), family(db)))
    together = Barrier(32)

    def tell(number: int) -> str:
        named = credit(placed.reference) if number % 2 else credit("", serial="S-nobody")
        together.wait()
        with transaction(postgres_engine) as db:
            return receive(db, named)[0].status

    with ThreadPoolExecutor(32) as threads:
        statuses = sorted(threads.map(tell, range(32)))
    assert statuses == ["booked", "parked", *["repeated"] * 30]
    with transaction(postgres_engine) as db:
        assert db.execute(select(func.count()).select_from(transfer)).scalar_one() == 2
        assert breaches(db) == []


def test_two_payments_of_one_order_at_once_are_one_placed_and_one_in_suspense(postgres_engine: Engine) -> None:
    with transaction(postgres_engine) as db:
        references = [order(db, signed(db, school(db), family(db))).reference]
        references += [order(db, signed(db, school(db, 2), family(db, 2))).reference]
    together = Barrier(8)

    def tell(number: int) -> list[Receipt]:
        # Half of them name the two orders the other way round: locks taken in the caller's order would cross.
        pair = [
            credit(references[0], serial=f"a{number}"),
            credit(references[1], account="6200000002", serial=f"b{number}"),
        ]
        together.wait()
        with transaction(postgres_engine) as db:
            return receive(db, *(pair if number % 2 else reversed(pair)))

    with ThreadPoolExecutor(8) as threads:
        receipts = [each for both in threads.map(tell, range(8)) for each in both]
    assert sorted(each.payment.reason for each in receipts) == ["", "", *["order_paid_already"] * 14]
    with transaction(postgres_engine) as db:
        assert breaches(db) == []


def test_a_payment_and_a_refund_of_one_contract_at_once_wait_for_each_other_and_neither_is_undone(
    postgres_engine: Engine,
) -> None:
    """The refund has the contract and wants its orders; a payment that took the order first would want the contract."""
    with transaction(postgres_engine) as db:
        of, child = school(db), family(db)
        contract = signed(db, of, child)
        first, second = order(db, contract, "400.00"), order(db, contract, "600.00")
        receive(db, credit(first.reference, 40000, serial="1"))
    for round_ in range(6):
        together = Barrier(2)

        def pay(round_: int = round_, together: Barrier = together) -> str:
            together.wait()
            with transaction(postgres_engine) as db:
                return receive(db, credit(second.reference, 1, serial=f"x{round_}"))[0].status

        def refund(together: Barrier = together) -> None:
            together.wait()
            with transaction(postgres_engine) as db:
                held = refunds.refundable(db, [contract])
                refunds.repay(
                    db,
                    [replace(each, held_back=each.prepaid) for each in held],
                    rule=refunds.price_rule(RULEBOOK, "900001", at(7, 22)),
                    supervised_account=of.account,
                    by=child.caller,
                    now=at(7, 22),
                )

        with ThreadPoolExecutor(2) as threads:
            paid, repaid = threads.submit(pay), threads.submit(refund)
            assert (paid.result(20), repaid.result(20)) == ("parked", None)
    with transaction(postgres_engine) as db:
        assert breaches(db) == []


def test_two_batches_with_the_same_credits_in_opposite_order_both_end(postgres_engine: Engine) -> None:
    told = [credit(serial=f"S{number:03d}") for number in range(60)]
    together = Barrier(2)

    def tell(credits: list[Credit]) -> list[str]:
        together.wait()
        with transaction(postgres_engine) as db:
            return [each.status for each in receive(db, *credits)]

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(tell, [told, told[::-1]])
    assert sorted(first + second) == ["parked"] * 60 + ["repeated"] * 60
    with transaction(postgres_engine) as db:
        assert balances(db)["bank/6200000001"] == 60 * 100000


def test_payments_of_a_contract_are_told_oldest_first(db: Connection) -> None:
    of = school(db)
    contract = signed(db, of, family(db))
    halves = [order(db, contract, "500.00") for _ in range(2)]
    receive(db, credit(halves[0].reference, 50000, serial="late", paid_at=at(7, 22)))
    receive(db, credit(halves[1].reference, 50000, serial="early", paid_at=at(7, 21)))
    assert [each.serial for each in payments.of_contract(db, [contract.id])] == ["early", "late"]


def test_what_was_committed_can_be_read_by_another(engine: Engine) -> None:
    of, _, contract = paid_school(engine)
    with transaction(engine) as db:
        assert balances(db) == {of.institution.bank_path: 100000, contract.prepaid_path: 100000}
        enrolled(db, of, 2)
        assert breaches(db) == []
