"""Closing an institution: frozen at once, every family repaid in one act, and only then its own money."""

import pytest
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from escrow.access.caller import Caller
from escrow.enrolment import contracts, orders
from escrow.payouts import batches, closures, outcomes, releases
from escrow.payouts.closures import AlreadyClosing, NotTheOneWhoAsked
from escrow.payouts.outcomes import Told
from escrow.payouts.release_drafts import FamiliesFirst
from escrow.payouts.tables import closure as closure_table
from escrow.payouts.tables import instruction
from escrow.refusals import AlreadyDecided, Forbidden, FourEyes, ReasonMissing, Unknown
from escrow.registry import institutions
from escrow.teaching import confirmations
from tests.escrow.county import (
    BUREAU,
    RULEBOOK,
    SECOND,
    School,
    at,
    balances,
    breaches,
    confirmed,
    enrolled,
    family,
    order,
    requested,
    school,
    signed,
    teach,
)


def frozen(db: Connection, of: School) -> closures.Closure:
    return closures.freeze(db, of.institution.id, reason="停业", by=of.caller, now=at(8, 20))


def test_all_families_are_repaid_what_was_not_taught_in_one_act(db: Connection) -> None:
    of, untouched = school(db, 1), school(db, 2)
    enrolled(db, untouched, 9)
    families = [enrolled(db, of, number) for number in (1, 2, 3)]
    confirmed(db, of, families[0], on=(8, 3))
    waiting = teach(db, of, [families[1][1]], on=(8, 4))
    unpaid = signed(db, of, family(db, 4))
    closure = frozen(db, of)
    roster = {each.contract.id: (each.amount, each.held_back) for each in closures.roster(db, closure.id)}
    repaid = closures.approve(db, closure.id, rulebook=RULEBOOK, by=BUREAU, now=at(8, 21))

    assert [(each.amount, each.held_back) for each in repaid] == [(66667, 0), (66667, 33333), (100000, 0)]
    assert roster == {each.contract_id: (each.amount, each.held_back) for each in repaid} | {unpaid.id: (0, 0)}
    assert institutions.get(db, of.institution.id).state == "closed"
    assert {each.state for each in contracts.by_id(db, [*roster]).values()} == {"ended"}
    confirmations.confirm(db, waiting, families[1][1].id, by=families[1][0].caller, now=at(8, 22))
    assert balances(db) == {
        "bank/6200000001": 300000,
        "bank/6200000002": 100000,
        of.institution.earned_path: 66666,
        f"contract/{families[0][1].id}/refund": 66667,
        f"contract/{families[1][1].id}/refund": 66667,
        f"contract/{families[2][1].id}/refund": 100000,
        f"contract/{_only_contract(db, untouched).id}/prepaid": 100000,
    }
    assert breaches(db) == []


def test_the_institution_is_paid_when_all_repayments_have_left_and_not_before(db: Connection) -> None:
    of = school(db)
    confirmed(db, of, enrolled(db, of), on=(8, 3))
    closure = frozen(db, of)
    with pytest.raises(FamiliesFirst):
        requested(db, of)
    closures.approve(db, closure.id, rulebook=RULEBOOK, by=BUREAU, now=at(8, 21))
    with pytest.raises(FamiliesFirst) as refused:
        requested(db, of)
    assert refused.value.facts["refunds"] == 1

    batches.make(db, by=BUREAU, now=at(9, 1))
    with pytest.raises(FamiliesFirst):
        requested(db, of)  # sent is not seen leaving
    gone = [Told(instruction_id=each, at=at(9, 2)) for each in db.execute(select(instruction.c.id)).scalars()]
    outcomes.left(db, gone, by=BUREAU, now=at(9, 2))
    assert releases.approve(db, requested(db, of).id, by=BUREAU, now=at(9, 11)).amount == 33333


def test_who_asked_for_a_closure_never_approves_it(db: Connection) -> None:
    of = school(db)
    enrolled(db, of)
    closure = closures.freeze(db, of.institution.id, reason="查封", by=BUREAU, now=at(8, 20))
    with pytest.raises(FourEyes):
        closures.approve(db, closure.id, rulebook=RULEBOOK, by=BUREAU, now=at(8, 21))
    with pytest.raises(Forbidden):
        closures.approve(db, closure.id, rulebook=RULEBOOK, by=of.caller, now=at(8, 21))
    with pytest.raises(IntegrityError, match="four_eyes"), db.begin_nested():
        db.execute(update(closure_table).values(state="approved", approved_by=BUREAU.name, approved_at=at(8, 21)))
    assert breaches(db) == []


def test_a_closure_is_asked_for_and_approved_once(db: Connection) -> None:
    of, other = school(db, 1), school(db, 2)
    with pytest.raises(Unknown):
        closures.freeze(db, of.institution.id, reason="x", by=other.caller, now=at(8, 20))
    closure = frozen(db, of)
    with pytest.raises(AlreadyClosing, match="closing"):
        frozen(db, of)
    assert closures.approve(db, closure.id, rulebook=RULEBOOK, by=BUREAU, now=at(8, 21)) == []
    with pytest.raises(AlreadyDecided):
        closures.approve(db, closure.id, rulebook=RULEBOOK, by=Caller(name="x", role="bureau"), now=at(8, 21))
    with pytest.raises(AlreadyClosing, match="closed"):
        frozen(db, of)


def test_a_freeze_cancels_the_orders_that_families_hold(db: Connection) -> None:
    of = school(db)
    placed = order(db, signed(db, of, family(db)))
    frozen(db, of)
    assert orders.get(db, placed.reference).state == "cancelled"


@pytest.mark.parametrize("reason", ["", " ", "\u3000"])
def test_nobody_is_frozen_without_a_reason_that_can_be_read(db: Connection, reason: str) -> None:
    of = school(db)
    with pytest.raises(ReasonMissing):
        closures.freeze(db, of.institution.id, reason=reason, by=BUREAU, now=at(8, 20))
    assert institutions.get(db, of.institution.id).state == "open"


def test_who_asked_takes_a_closure_back_and_the_institution_is_open_again(db: Connection) -> None:
    of = school(db)
    contract = signed(db, of, family(db))
    placed = order(db, contract)
    closure = frozen(db, of)
    with pytest.raises(ReasonMissing):
        closures.withdraw(db, closure.id, reason=" ", by=of.caller, now=at(8, 21))
    with pytest.raises(NotTheOneWhoAsked):
        closures.withdraw(db, closure.id, reason="x", by=BUREAU, now=at(8, 21))
    with pytest.raises(Unknown):
        closures.withdraw(db, closure.id, reason="x", by=school(db, 2).caller, now=at(8, 21))
    back = closures.withdraw(db, closure.id, reason="已续租", by=of.caller, now=at(8, 21))

    assert (back.state, back.ended_by, back.ended_why) == ("withdrawn", of.caller.name, "已续租")
    assert institutions.get(db, of.institution.id).state == "open"
    assert orders.get(db, placed.reference).state == "cancelled"
    assert order(db, contract, now=at(8, 22)).state == "open"
    for late in (closures.withdraw, closures.reject):
        with pytest.raises(AlreadyDecided):
            late(db, closure.id, reason="x", by=BUREAU, now=at(8, 22))
    with pytest.raises(AlreadyDecided):
        closures.approve(db, closure.id, rulebook=RULEBOOK, by=BUREAU, now=at(8, 22))
    assert closures.approve(db, frozen(db, of).id, rulebook=RULEBOOK, by=BUREAU, now=at(8, 23)) == []
    assert breaches(db) == []


def test_somebody_else_at_the_bureau_rejects_a_closure(db: Connection) -> None:
    of = school(db)
    closure = closures.freeze(db, of.institution.id, reason="查封", by=BUREAU, now=at(8, 20))
    with pytest.raises(FourEyes):
        closures.reject(db, closure.id, reason="x", by=BUREAU, now=at(8, 21))
    with pytest.raises(Forbidden):
        closures.reject(db, closure.id, reason="x", by=of.caller, now=at(8, 21))
    ended = {"state": "rejected", "ended_by": BUREAU.name, "ended_at": at(8, 21), "ended_why": "x"}
    with pytest.raises(IntegrityError, match="rejected_by_another"), db.begin_nested():
        db.execute(update(closure_table).values(ended))
    rejected = closures.reject(db, closure.id, reason="整改完成", by=SECOND, now=at(8, 21))
    assert (rejected.state, institutions.get(db, of.institution.id).state) == ("rejected", "open")


def _only_contract(db: Connection, of: School) -> contracts.Contract:
    (found,) = contracts.open_of_institution(db, of.institution.id)
    return found
