"""Money taken elsewhere: reported by the institution, swept in by a credit that the bank told of."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest
from sqlalchemy import Connection, Engine, insert
from sqlalchemy.exc import IntegrityError

from escrow.db import transaction
from escrow.enrolment import takings
from escrow.enrolment.tables import taking as table
from escrow.enrolment.takings import (
    NoSuchCredit,
    NothingTaken,
    SweepTooSmall,
    SweptBeforeTaken,
    TakenInTheFuture,
    Taking,
)
from escrow.refusals import AlreadyDecided, Forbidden, Unknown
from ledger.money import Money
from tests.escrow.county import BUREAU, School, at, breaches, credit, family, receive, school, signed


def took(db: Connection, of: School, amount: str = "500.00", *, taken_on: date = date(2026, 7, 20)) -> Taking:
    return takings.report(
        db,
        of.institution.id,
        amount=Money.parse(amount),
        means="cash",
        taken_on=taken_on,
        contract_id=None,
        by=of.caller,
        now=at(7, 20, 18),
    )


def test_the_day_of_the_sweep_is_the_banks(db: Connection) -> None:
    of = school(db)
    taking = took(db, of)
    receive(db, credit(amount=50000, serial="S1", paid_at=at(7, 22)))
    swept = takings.sweep(db, taking.id, serial="S1", by=of.caller, now=at(7, 30))
    assert (swept.swept_on, swept.amount) == (date(2026, 7, 22), 50000)
    assert takings.page(db, of.institution.id) == [swept]
    assert breaches(db) == []


def test_one_credit_sweeps_several_takings_and_each_fen_once(db: Connection) -> None:
    of = school(db)
    first, second, third = took(db, of, "300.00"), took(db, of, "200.00"), took(db, of, "0.01")
    receive(db, credit(amount=50000, serial="S1", paid_at=at(7, 22)))
    for each in (first, second):
        takings.sweep(db, each.id, serial="S1", by=of.caller, now=at(7, 23))
    with pytest.raises(SweepTooSmall, match=r"of 500.00.*0.00 are left, this taking is\s+of 0.01"):
        takings.sweep(db, third.id, serial="S1", by=of.caller, now=at(7, 23))
    with pytest.raises(AlreadyDecided, match="is swept"):
        takings.sweep(db, first.id, serial="S1", by=of.caller, now=at(7, 23))


def test_a_credit_that_the_bank_never_told_of_or_of_another_account_or_an_earlier_day_sweeps_nothing(
    db: Connection,
) -> None:
    of, other = school(db), school(db, 2)
    taking = took(db, of)
    receive(
        db,
        credit(amount=50000, serial="theirs", account=other.account, paid_at=at(7, 22)),
        credit(amount=50000, serial="before", paid_at=at(7, 19, 23, 59)),
    )
    for serial in ("invented", "theirs"):
        with pytest.raises(NoSuchCredit):
            takings.sweep(db, taking.id, serial=serial, by=of.caller, now=at(7, 23))
    with pytest.raises(SweptBeforeTaken):
        takings.sweep(db, taking.id, serial="before", by=of.caller, now=at(7, 23))


def test_what_was_not_taken_yet_or_not_at_all_is_no_taking(db: Connection) -> None:
    of = school(db)
    with pytest.raises(NothingTaken):
        took(db, of, "0.00")
    with pytest.raises(TakenInTheFuture):
        took(db, of, taken_on=date(2026, 7, 21))


def test_only_the_institution_and_the_bureau_know_of_it(db: Connection) -> None:
    of, other, child = school(db), school(db, 2), family(db)
    taking = took(db, of)
    with pytest.raises(Unknown, match="no taking"):
        takings.sweep(db, taking.id, serial="S1", by=other.caller, now=at(7, 23))
    with pytest.raises(Forbidden):
        takings.get(db, taking.id, by=child.caller)
    assert takings.get(db, taking.id, by=BUREAU) == taking
    with pytest.raises(Unknown):
        takings.get(db, taking.id + 1, by=BUREAU)


def test_a_contract_of_another_institution_is_unknown(db: Connection) -> None:
    of, other = school(db), school(db, 2)
    theirs = signed(db, other, family(db))
    with pytest.raises(Unknown, match="no contract"):
        takings.report(
            db,
            of.institution.id,
            amount=Money(1),
            means="wallet",
            taken_on=date(2026, 7, 20),
            contract_id=theirs.id,
            by=of.caller,
            now=at(7, 20),
        )


def test_the_database_refuses_a_sweep_without_a_day_and_one_before_the_taking(db: Connection) -> None:
    of = school(db)
    (receipt,) = receive(db, credit(amount=50000))
    row = {
        "institution_id": of.institution.id,
        "amount": 1,
        "means": "cash",
        "taken_on": date(2026, 7, 20),
        "reported_at": at(7, 20),
        "reported_by": "x",
        "payment_id": receipt.payment.id,
    }
    for swept_on in (None, date(2026, 7, 19)):
        with pytest.raises(IntegrityError, match="ck_taking"), db.begin_nested():
            db.execute(insert(table).values(**row, swept_on=swept_on))


def test_two_takings_at_once_do_not_share_a_fen(postgres_engine: Engine) -> None:
    with transaction(postgres_engine) as db:
        of = school(db)
        ids = [took(db, of).id, took(db, of).id]
        receive(db, credit(amount=99999, paid_at=at(7, 22)))
    together = Barrier(2)

    def swept(taking_id: int) -> bool:
        with transaction(postgres_engine) as db:
            together.wait(timeout=30)
            try:
                takings.sweep(db, taking_id, serial="S1", by=of.caller, now=at(7, 23))
            except SweepTooSmall:
                return False
            return True

    with ThreadPoolExecutor(2) as people:
        assert sorted(people.map(swept, ids)) == [False, True]
