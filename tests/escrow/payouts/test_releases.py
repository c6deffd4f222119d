"""Releases: exactly the confirmed, undisputed, unreleased lessons, once, decided by somebody else."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import IntegrityError

import ledger.accounts
from escrow.access.caller import Caller
from escrow.payouts import closures, releases
from escrow.payouts.cycles import MonthNotOver
from escrow.payouts.release_drafts import AlreadyRequested, FamiliesFirst, LeftOut, NothingToRelease
from escrow.payouts.tables import instruction, release_line, release_request
from escrow.payouts.windows import OutsideReleaseWindow
from escrow.refusals import AlreadyDecided, Forbidden, FourEyes, ReasonMissing, Unknown
from escrow.rules.months import Month
from escrow.teaching import confirmations
from escrow.teaching.tables import attendance
from tests.escrow.county import (
    BUREAU,
    RULEBOOK,
    SECOND,
    at,
    balances,
    breaches,
    confirmed,
    enrolled,
    family,
    requested,
    school,
    signed,
    teach,
)


def held(db: Connection, request_id: int) -> set[int]:
    lines = release_line.c
    query = select(lines.attendance_id).where(lines.request_id == request_id, lines.share.is_not(None))
    return set(db.execute(query).scalars())


def attendances(db: Connection, *lessons: int) -> set[int]:
    return set(db.execute(select(attendance.c.id).where(attendance.c.lesson_id.in_(lessons))).scalars())


def test_a_request_holds_exactly_the_confirmed_lessons_and_says_of_the_rest_why_and_until_when(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of, lessons=8, price="800.00")
    whose = (child, contract)
    taken = [confirmed(db, of, whose, on=(8, day)) for day in (3, 4)]
    disputed = teach(db, of, [contract], on=(8, 5))
    confirmations.dispute(db, disputed, contract.id, reason="没上", by=child.caller, now=at(8, 5))
    struck = teach(db, of, [contract], on=(8, 6))
    confirmations.dispute(db, struck, contract.id, reason="没上", by=child.caller, now=at(8, 6))
    confirmations.decide(db, struck, contract.id, taught=False, reason="属实", by=BUREAU, now=at(8, 7))
    late = teach(db, of, [contract], on=(8, 31), now=at(9, 8))  # told on the 8th: silent until the 15th
    unpaid = teach(db, of, [signed(db, of, family(db, 2))], on=(8, 7))
    next_month = confirmed(db, of, whose, on=(9, 1))
    request = requested(db, of, now=at(9, 10, 0))

    assert (request.amount, request.lessons, held(db, request.id)) == (20000, 2, attendances(db, *taken))
    told = {each.attendance_id: (each.reason, each.expected) for each in releases.left_out_of(db, request.id)}
    assert told == {
        attendances(db, disputed).pop(): ("disputed", None),
        attendances(db, late).pop(): ("awaiting_confirmation", Month(2026, 10)),
        attendances(db, unpaid).pop(): ("not_paid_for", None),
    }
    assert not attendances(db, next_month, struck) & (held(db, request.id) | told.keys())
    assert breaches(db) == []


def test_a_lesson_heard_of_before_the_window_closes_still_waits_for_the_next_one(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    confirmed(db, of, (child, contract), on=(8, 3))
    teach(db, of, [contract], on=(8, 31), now=at(9, 4))  # silent until the 11th; the window is open until the 15th
    request = requested(db, of, now=at(9, 10, 0))
    assert [each.expected for each in releases.left_out_of(db, request.id)] == [Month(2026, 10)]


def test_what_was_left_out_is_carried_over_to_the_next_month(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    confirmed(db, of, (child, contract), on=(8, 3))
    late = teach(db, of, [contract], on=(8, 31), now=at(9, 8))
    first = requested(db, of)
    releases.approve(db, first.id, by=BUREAU, now=at(9, 11))
    confirmations.confirm(db, late, contract.id, by=child.caller, now=at(9, 12))
    second = requested(db, of, "2026-09", now=at(10, 10))

    assert (second.amount, held(db, second.id)) == (33333, attendances(db, late))
    assert breaches(db) == []


def test_a_held_release_is_not_available_and_an_approved_one_is_instructed(db: Connection) -> None:
    of = school(db)
    confirmed(db, of, enrolled(db, of), on=(8, 3))
    request = requested(db, of)
    earned = ledger.accounts.find(db, [of.institution.earned_path])[of.institution.earned_path]
    assert (earned.balance, earned.available) == (33333, 0)
    approved = releases.approve(db, request.id, by=BUREAU, now=at(9, 11))

    assert (approved.state, approved.decided_by) == ("approved", BUREAU.name)
    assert balances(db)[of.institution.payout_path] == 33333
    line = db.execute(select(instruction)).one()
    assert (line.kind, line.amount, line.creditor_account, line.state) == (
        "release",
        33333,
        of.institution.settlement_account,
        "instructed",
    )
    assert breaches(db) == []


def test_a_month_is_asked_for_once_and_again_after_a_rejection(db: Connection) -> None:
    of = school(db)
    confirmed(db, of, enrolled(db, of), on=(8, 3))
    first = requested(db, of)
    with pytest.raises(AlreadyRequested) as refused:
        requested(db, of)
    assert (refused.value.facts["request"], "待审批" in refused.value.chinese) == (first.id, True)
    rejected = releases.reject(db, first.id, reason="缺少点名册", by=BUREAU, now=at(9, 11))
    second = requested(db, of, now=at(9, 12))

    assert (rejected.reason, second.amount) == ("缺少点名册", first.amount)
    releases.approve(db, second.id, by=BUREAU, now=at(9, 13))
    with pytest.raises(AlreadyRequested, match="approved"):
        requested(db, of, now=at(9, 14))
    assert breaches(db) == []


def test_a_request_is_decided_once(db: Connection) -> None:
    of = school(db)
    confirmed(db, of, enrolled(db, of), on=(8, 3))
    request = requested(db, of)
    with pytest.raises(ReasonMissing):
        releases.reject(db, request.id, reason=" ", by=BUREAU, now=at(9, 11))
    releases.approve(db, request.id, by=BUREAU, now=at(9, 11))
    with pytest.raises(AlreadyDecided) as refused:
        releases.approve(db, request.id, by=SECOND, now=at(9, 11))
    assert refused.value.chinese.startswith(f"拨付申请 {request.id} 的状态为 已批准")
    with pytest.raises(AlreadyDecided):
        releases.reject(db, request.id, reason="反悔", by=SECOND, now=at(9, 11))
    with pytest.raises(Unknown):
        releases.approve(db, request.id + 1, by=BUREAU, now=at(9, 11))


def test_who_asked_never_decides_whatever_the_role(db: Connection) -> None:
    of = school(db)
    confirmed(db, of, enrolled(db, of), on=(8, 3))
    request = releases.submit(db, of.institution.id, period=Month(2026, 8), rulebook=RULEBOOK, by=BUREAU, now=at(9, 10))
    with pytest.raises(FourEyes):
        releases.approve(db, request.id, by=BUREAU, now=at(9, 11))
    with pytest.raises(FourEyes):
        releases.reject(db, request.id, reason="x", by=BUREAU, now=at(9, 11))
    for by in (of.caller, Caller(name="x", role="bank"), Caller(name="x", role="auditor")):
        with pytest.raises(Forbidden):
            releases.approve(db, request.id, by=by, now=at(9, 11))
    releases.approve(db, request.id, by=SECOND, now=at(9, 11))


@pytest.mark.parametrize("state", ["approved", "rejected"])
def test_the_database_itself_refuses_that_who_asked_decides(db: Connection, state: str) -> None:
    of = school(db)
    confirmed(db, of, enrolled(db, of), on=(8, 3))
    request = requested(db, of)
    wanted = update(release_request).values(
        state=state, decided_by=request.requested_by, decided_at=at(9, 11), reason="x"
    )
    with pytest.raises(IntegrityError, match="four_eyes"), db.begin_nested():
        db.execute(wanted)
    with pytest.raises(IntegrityError, match="decided"), db.begin_nested():
        db.execute(update(release_request).values(state=state, reason="x"))
    assert releases.get(db, request.id) == request


def test_the_database_itself_refuses_a_second_live_request_for_a_month(db: Connection) -> None:
    of = school(db)
    confirmed(db, of, enrolled(db, of), on=(8, 3))
    requested(db, of)
    columns = [each for each in release_request.c if each.name != "id"]
    twin = insert(release_request).from_select([each.name for each in columns], select(*columns))
    with pytest.raises(IntegrityError), db.begin_nested():
        db.execute(twin)


def test_outside_the_window_and_before_the_months_end_nothing_is_asked_for(db: Connection) -> None:
    of = school(db)
    confirmed(db, of, enrolled(db, of), on=(9, 3))
    with pytest.raises(MonthNotOver, match="2026-10"):
        requested(db, of, "2026-09", now=at(9, 12))
    with pytest.raises(OutsideReleaseWindow):
        requested(db, of, "2026-09", now=at(10, 16, 0))
    assert requested(db, of, "2026-09", now=at(10, 15, 23, 59)).window_rule == "county/release.window@2025-01-01"


def test_with_nothing_confirmed_the_refusal_says_what_waits(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    teach(db, of, [contract], on=(8, 31), now=at(9, 9))
    disputed = teach(db, of, [contract], on=(8, 30), now=at(9, 9))
    confirmations.dispute(db, disputed, contract.id, reason="没上", by=child.caller, now=at(9, 9))
    with pytest.raises(NothingToRelease, match="awaiting_confirmation, disputed") as refused:
        requested(db, of)
    assert "未纳入 2 课时：待家长确认、有争议" in refused.value.chinese


def test_another_school_sees_no_institution_here(db: Connection) -> None:
    of, other = school(db, 1), school(db, 2)
    confirmed(db, of, enrolled(db, of), on=(8, 3))
    with pytest.raises(Unknown):
        requested(db, replace(of, caller=other.caller))


def test_a_december_request_leaves_out_what_can_only_be_released_next_year(db: Connection) -> None:
    """The calendar of 2027 is not published when a school asks in December 2026."""
    of = school(db)
    whose = enrolled(db, of)
    confirmed(db, of, whose, on=(11, 3))
    teach(db, of, [whose[1]], on=(11, 30), now=at(12, 9))
    request = requested(db, of, "2026-11", now=at(12, 10))
    (left_out,) = releases.left_out_of(db, request.id)
    assert (left_out.reason, left_out.expected) == ("awaiting_confirmation", Month(2027, 1))
    assert isinstance(left_out, LeftOut)


def test_a_release_asked_for_before_a_closure_waits_until_the_families_are_repaid(db: Connection) -> None:
    of = school(db)
    confirmed(db, of, enrolled(db, of), on=(8, 3))
    request = requested(db, of)
    closures.freeze(db, of.institution.id, reason="停业", by=of.caller, now=at(9, 10, 15))
    with pytest.raises(FamiliesFirst):
        releases.approve(db, request.id, by=BUREAU, now=at(9, 11))
    assert releases.get(db, request.id).state == "requested"
    assert of.institution.payout_path not in balances(db)


def test_no_statement_of_ours_is_needed_to_see_that_a_release_line_stays_as_it_is(db: Connection) -> None:
    of = school(db)
    confirmed(db, of, enrolled(db, of), on=(8, 3))
    requested(db, of)
    with pytest.raises(IntegrityError, match="append-only"), db.begin_nested():
        db.execute(text("UPDATE release_line SET share = share + 1"))
