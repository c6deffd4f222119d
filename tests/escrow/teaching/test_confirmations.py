"""The guardian confirms, disputes or is silent; what is confirmed is earned, and nothing else is."""

from datetime import datetime

import pytest
from sqlalchemy import Connection

from escrow.enrolment import contracts
from escrow.payouts import refunds
from escrow.refusals import AlreadyDecided, Forbidden, ReasonMissing, Unknown
from escrow.teaching import confirmations
from escrow.teaching.confirmations import NotPaidFor, Silence
from ledger.balances import trial_balance
from tests.escrow.county import (
    BUREAU,
    RULEBOOK,
    at,
    balances,
    breaches,
    confirmed,
    enrolled,
    family,
    pay,
    school,
    signed,
    teach,
)


def swept(db: Connection, now: datetime) -> Silence:
    return confirmations.confirm_by_silence(db, by=BUREAU, now=now)


def test_a_confirmed_lesson_moves_its_share_and_the_last_one_leaves_nothing(db: Connection) -> None:
    of = school(db)
    whose = enrolled(db, of)
    left = []
    for day in (3, 4, 5):
        confirmed(db, of, whose, on=(8, day))
        left.append(balances(db).get(whose[1].prepaid_path, 0))

    assert left == [66667, 33334, 0]
    assert balances(db) == {"bank/6200000001": 100000, of.institution.earned_path: 100000}
    assert breaches(db) == []


def test_confirming_again_changes_nothing(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    lesson = confirmed(db, of, (child, contract), on=(8, 3))
    before = balances(db)
    again = confirmations.confirm(db, lesson, contract.id, by=child.caller, now=at(8, 9))
    assert (again.confirmed_at, again.confirmed_by, balances(db)) == (at(8, 3, 18), "guardian", before)


def test_gifted_lessons_are_confirmed_and_move_nothing(db: Connection) -> None:
    of = school(db)
    whose = enrolled(db, of, lessons=2, gifted=2)
    for day in (3, 4, 5, 6):
        confirmed(db, of, whose, on=(8, day))
    assert contracts.get(db, whose[1].id).taught == 4
    assert balances(db)[of.institution.earned_path] == 100000
    assert breaches(db) == []


def test_a_disputed_lesson_earns_nothing_until_the_bureau_has_decided(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    taught, not_taught = (teach(db, of, [contract], on=(8, day)) for day in (3, 4))
    for lesson in (taught, not_taught):
        confirmations.dispute(db, lesson, contract.id, reason="孩子没去", by=child.caller, now=at(8, 5))
    assert swept(db, at(9, 1)) == Silence(confirmed=0, amount=0, unfunded=[]), "a dispute stops the clock"

    decided = confirmations.decide(db, taught, contract.id, taught=True, reason="有签到", by=BUREAU, now=at(9, 2))
    struck = confirmations.decide(db, not_taught, contract.id, taught=False, reason="无签到", by=BUREAU, now=at(9, 2))
    assert (decided.state, decided.share, struck.state, struck.share) == ("confirmed", 33333, "struck", None)
    assert balances(db)[of.institution.earned_path] == 33333
    assert breaches(db) == []


def test_the_day_before_silence_counts_for_nothing_and_the_day_after_confirms(db: Connection) -> None:
    of = school(db)
    _, contract = enrolled(db, of)
    teach(db, of, [contract], on=(8, 3))  # five working days: to the end of Monday the 10th

    assert swept(db, at(8, 10, 23, 59, second=59)).confirmed == 0
    assert swept(db, at(8, 11, 0)) == Silence(confirmed=1, amount=33333, unfunded=[])
    assert swept(db, at(8, 11, 1)).confirmed == 0
    assert breaches(db) == []


def test_over_the_national_day_silence_takes_a_week_longer(db: Connection) -> None:
    of = school(db)
    _, contract = enrolled(db, of)
    teach(db, of, [contract], on=(9, 30))  # 8 and 9 October, Saturday the 10th worked, 12 and 13 October

    assert swept(db, at(10, 13, 23, 59)).confirmed == 0
    assert swept(db, at(10, 14, 0)).confirmed == 1


def test_a_guardian_may_speak_until_the_sweep_has_spoken(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    first, second = (teach(db, of, [contract], on=(8, day)) for day in (3, 4))
    confirmations.dispute(db, first, contract.id, reason="迟到", by=child.caller, now=at(8, 20))
    assert swept(db, at(8, 20)).confirmed == 1
    with pytest.raises(AlreadyDecided) as refused:
        confirmations.dispute(db, second, contract.id, reason="迟到", by=child.caller, now=at(8, 21))
    assert "已确认" in refused.value.chinese


def test_lessons_that_nobody_paid_for_wait_and_hold_up_only_their_own_contract(db: Connection) -> None:
    of = school(db)
    child = family(db)
    half_paid = signed(db, of, child)
    pay(db, of, half_paid, "400.00", serial="half")
    _, paid = enrolled(db, of, 2)
    for day in (3, 4, 5):
        lesson = teach(db, of, [half_paid, paid], on=(8, day))
    outcome = swept(db, at(8, 25))

    assert (outcome.confirmed, outcome.amount, len(outcome.unfunded)) == (4, 33333 + 100000, 2)
    with pytest.raises(NotPaidFor, match=str(half_paid.id)):
        confirmations.confirm(db, lesson, half_paid.id, by=child.caller, now=at(8, 25))
    pay(db, of, half_paid, serial="rest", now=at(8, 26))
    assert swept(db, at(8, 27)).confirmed == 2
    assert balances(db)[of.institution.earned_path] == 200000
    assert breaches(db) == []


def test_a_lesson_paid_for_late_never_makes_an_earlier_balance_negative(db: Connection) -> None:
    of = school(db)
    contract = signed(db, of, family(db))
    teach(db, of, [contract], on=(8, 3))
    swept(db, at(8, 11))
    pay(db, of, contract, now=at(8, 20))
    swept(db, at(8, 21))
    for day in range(3, 25):
        assert all(each.amount >= 0 for each in trial_balance(db, as_of=at(8, day)))


def test_only_the_own_guardian_or_the_bureau_confirms_and_only_the_bureau_decides(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    lesson = teach(db, of, [contract], on=(8, 3))
    with pytest.raises(Forbidden):
        confirmations.confirm(db, lesson, contract.id, by=of.caller, now=at(8, 3))
    with pytest.raises(Unknown):
        confirmations.confirm(db, lesson, contract.id, by=family(db, 2).caller, now=at(8, 3))
    with pytest.raises(Unknown):
        confirmations.confirm(db, lesson + 1, contract.id, by=child.caller, now=at(8, 3))
    confirmations.dispute(db, lesson, contract.id, reason="未上", by=child.caller, now=at(8, 3))
    for by in (child.caller, of.caller):
        with pytest.raises(Forbidden):
            confirmations.decide(db, lesson, contract.id, taught=True, reason="x", by=by, now=at(8, 4))
        with pytest.raises(Forbidden):
            confirmations.confirm_by_silence(db, by=by, now=at(8, 20))


def test_a_dispute_and_its_decision_need_reasons_and_are_made_once(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    lesson = teach(db, of, [contract], on=(8, 3))
    with pytest.raises(ReasonMissing):
        confirmations.dispute(db, lesson, contract.id, reason="  ", by=child.caller, now=at(8, 3))
    with pytest.raises(AlreadyDecided):
        confirmations.decide(db, lesson, contract.id, taught=True, reason="x", by=BUREAU, now=at(8, 3))
    confirmations.dispute(db, lesson, contract.id, reason="没上", by=child.caller, now=at(8, 3))
    with pytest.raises(AlreadyDecided):
        confirmations.confirm(db, lesson, contract.id, by=child.caller, now=at(8, 4))
    with pytest.raises(ReasonMissing):
        confirmations.decide(db, lesson, contract.id, taught=False, reason="", by=BUREAU, now=at(8, 4))
    confirmations.decide(db, lesson, contract.id, taught=False, reason="属实", by=BUREAU, now=at(8, 4))
    with pytest.raises(AlreadyDecided):
        confirmations.decide(db, lesson, contract.id, taught=True, reason="反悔", by=BUREAU, now=at(8, 5))


def test_a_lesson_held_before_the_end_of_a_contract_is_still_confirmed_and_earned(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    lesson = teach(db, of, [contract], on=(8, 3))
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(8, 4))
    confirmations.confirm(db, lesson, contract.id, by=child.caller, now=at(8, 5))
    assert balances(db)[of.institution.earned_path] == 33333
    assert contract.prepaid_path not in balances(db)
    assert breaches(db) == []
