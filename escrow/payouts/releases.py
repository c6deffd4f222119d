"""Releases: the institution asks for what it has taught; those whom the place names, never who asked, decide."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from escrow.access import four_eyes, trail
from escrow.access.caller import Caller
from escrow.payouts import instructions
from escrow.payouts.cycles import Period, Terms, approvers
from escrow.payouts.instructions import Wanted
from escrow.payouts.release_drafts import (
    AlreadyRequested,
    Draft,
    FamiliesFirst,
    LeftOut,
    PaidThoughRejected,
    ReleaseRequest,
    RosterMissing,
    drafted,
    nothing_to_release,
)
from escrow.payouts.tables import release_line
from escrow.payouts.tables import release_request as table
from escrow.payouts.whole_orders import last_lessons
from escrow.refusals import AlreadyDecided, ReasonMissing, Unknown
from escrow.registry import institutions, rosters
from escrow.registry.institutions import Institution
from escrow.rules.months import Month
from escrow.rules.rulebook import Rulebook
from escrow.teaching.tables import attendance, lesson
from ledger.chunks import chunks
from ledger.entries import Resolution, Transfer
from ledger.posting import post_all


def submit(
    db: Connection, institution_id: int, *, period: Month | date, rulebook: Rulebook, by: Caller, now: datetime
) -> ReleaseRequest:
    """Ask for the confirmed lessons up to the end of a month, or a day, to be paid out, on the place's own terms.

    Raises Unknown, OutsideReleaseWindow, AskedByTheMonth, MonthNotOver, PeriodNotOver, AlreadyRequested, FamiliesFirst,
    RosterMissing, NothingToRelease.
    """
    by.must_act_for("institution", institution_id, "institution", institution_id)
    institution = institutions.get(db, institution_id, lock=True)
    terms = Terms.in_force(rulebook, jurisdiction=institution.jurisdiction, now=now)
    asked = terms.period(period, now)
    _must_be_askable(db, institution, asked)
    if isinstance(period, Month):
        _must_have_its_roster(db, institution, period, rulebook=rulebook, now=now)

    lessons = _lessons(db, institution_id, asked)
    whole = last_lessons(db, {each.contract_id for each in lessons}) if terms.only_whole_orders else None
    draft = drafted(lessons, terms, whole=whole, now=now)
    if draft.amount == 0:
        raise nothing_to_release(draft, asked)

    request = _add(db, institution_id, draft, asked=asked, terms=terms, by=by, now=now)
    hold = Transfer(
        debit=institution.earned_path,
        credit=institution.payout_path,
        amount=request.amount,
        kind="release",
        reference=request.hold,
        effective=now,
        hold=True,
    )
    post_all(db, [hold], now=now, caller_key=by.key)
    trail.record(db, by, "release.requested", f"release:{request.id}", now=now, period=asked.name, amount=draft.amount)
    return request


def approve(db: Connection, request_id: int, *, by: Caller, now: datetime) -> ReleaseRequest:
    """Approve: the hold is settled and the bank is instructed. Where two sides must, the first one's word is kept.

    Raises Unknown, Forbidden, FourEyes, SamePerson, AlreadyDecided, FamiliesFirst, PaidThoughRejected.
    """
    request = _to_be_decided(db, request_id, by)
    by.must_be(*approvers(request.approval))
    institution = institutions.get(db, request.institution_id, lock=True)
    _must_let_families_go_first(db, institution)  # it may have begun to close after it asked
    _must_not_be_contested(db, institution)
    if len(approvers(request.approval)) > 1 and request.first_approved_role in {None, by.role}:
        return _approve_first(db, request, by=by, now=now)
    approved = _decide(db, request, state="approved", reason=None, by=by, now=now)
    settled = Resolution(
        hold=request.hold, phase="settled", reference=f"{request.hold}/approved", effective=now, kind="release"
    )
    post_all(db, [settled], now=now, caller_key=by.key)
    instructions.add(db, [_wanted(request, institution)], now=now)
    trail.record(db, by, "release.approved", f"release:{request.id}", now=now, amount=request.amount)
    return approved


def reject(db: Connection, request_id: int, *, reason: str, by: Caller, now: datetime) -> ReleaseRequest:
    """Reject with a reason: the lessons are free to be asked for again. The bureau may, and whoever may approve.

    Raises Forbidden, FourEyes, SamePerson, AlreadyDecided, ReasonMissing, Unknown.
    """
    if not reason.strip():
        raise ReasonMissing
    request = _to_be_decided(db, request_id, by)
    by.must_be("bureau", *approvers(request.approval))
    rejected = _decide(db, request, state="rejected", reason=reason, by=by, now=now)
    voided = Resolution(
        hold=request.hold, phase="voided", reference=f"{request.hold}/rejected", effective=now, kind="release"
    )
    post_all(db, [voided], now=now, caller_key=by.key)
    db.execute(update(attendance).where(attendance.c.release_id == request_id).values(release_id=None))
    trail.record(db, by, "release.rejected", f"release:{request.id}", now=now, reason=reason)
    return rejected


def get(db: Connection, request_id: int, *, lock: bool = False) -> ReleaseRequest:
    """One request. Raises Unknown."""
    query = select(table).where(table.c.id == request_id)
    row = db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise Unknown(what="release request", key=request_id)
    return ReleaseRequest(**row._asdict())


def left_out_of(db: Connection, request_id: int) -> list[LeftOut]:
    """What a request left out, as it was when it was asked."""
    query = select(release_line).where(release_line.c.request_id == request_id, release_line.c.left_out.is_not(None))
    return [
        LeftOut(
            attendance_id=row.attendance_id,
            reason=row.left_out,
            expected=None if row.expected is None else Month.parse(row.expected),
        )
        for row in db.execute(query.order_by(release_line.c.id))
    ]


def _must_be_askable(db: Connection, institution: Institution, asked: Period) -> None:
    live = select(table).where(
        table.c.institution_id == institution.id,
        table.c.period == asked.name,
        table.c.state.not_in(("rejected", "bounced")),
    )
    before = db.execute(live).one_or_none()
    if before is not None:
        raise AlreadyRequested(period=asked.name, request=before.id, state=before.state)
    _must_let_families_go_first(db, institution)


def _must_have_its_roster(
    db: Connection, institution: Institution, month: Month, *, rulebook: Rulebook, now: datetime
) -> None:
    """Where the jurisdiction only flags, the request goes on, and the finding is the bureau's to follow."""
    if rulebook.enforcement("roster.deadline", jurisdiction=institution.jurisdiction) == "refuse":
        finding = rosters.finding(db, institution, month, rulebook=rulebook, now=now)
        if finding is not None:
            raise RosterMissing(sentence=finding.en, sentence_zh=finding.zh, rule=finding.rule.version)


def _must_let_families_go_first(db: Connection, institution: Institution) -> None:
    if institution.state != "open":
        refunds = instructions.unsettled_refunds(db, institution.supervised_account)
        if institution.state == "closing" or refunds:
            raise FamiliesFirst(refunds=refunds)


def _must_not_be_contested(db: Connection, institution: Institution) -> None:
    found = instructions.contested(db, institution.supervised_account)
    if found:
        raise PaidThoughRejected(payouts=", ".join(each.end_to_end for each in found))


def _lessons(db: Connection, institution_id: int, asked: Period) -> list[Row[Any]]:
    """Every lesson up to the period's end that no live request holds, locked: older ones are carried over."""
    query = (
        select(
            attendance.c.id,
            attendance.c.contract_id,
            attendance.c.state,
            attendance.c.share,
            attendance.c.silent_on,
        )
        .join(lesson, lesson.c.id == attendance.c.lesson_id)
        .where(
            lesson.c.institution_id == institution_id,
            lesson.c.held_on <= asked.last_day,
            attendance.c.release_id.is_(None),
            attendance.c.state != "struck",
        )
        .order_by(attendance.c.id)
    )
    return list(db.execute(query.with_for_update(of=attendance)))


def _add(
    db: Connection, institution_id: int, draft: Draft, *, asked: Period, terms: Terms, by: Caller, now: datetime
) -> ReleaseRequest:
    made = insert(table).values(
        institution_id=institution_id,
        period=asked.name,
        approval=terms.approval,
        amount=draft.amount,
        lessons=len(draft.held),
        window_rule=terms.let_in_by.version,
        state="requested",
        requested_by=by.name,
        requested_at=now,
    )
    request = ReleaseRequest(**db.execute(made.returning(table)).one()._asdict())
    rows: list[dict[str, Any]] = [
        {"attendance_id": each, "share": share, "left_out": None, "expected": None} for each, share in draft.held
    ]
    rows += [
        {
            "attendance_id": each.attendance_id,
            "share": None,
            "left_out": each.reason,
            "expected": None if each.expected is None else str(each.expected),
        }
        for each in draft.left_out
    ]
    for chunk in chunks([row | {"request_id": request.id} for row in rows]):
        db.execute(insert(release_line), chunk)
    for ids in chunks([each for each, _ in draft.held]):
        db.execute(update(attendance).where(attendance.c.id.in_(ids)).values(release_id=request.id))
    return request


def _to_be_decided(db: Connection, request_id: int, by: Caller) -> ReleaseRequest:
    by.must_be("bureau", "bank")
    request = get(db, request_id, lock=True)
    if request.state != "requested":
        raise AlreadyDecided(what="release request", what_zh="拨付申请", key=request.id, state=request.state)
    earlier = (request.requested_by, request.first_approved_by)
    four_eyes.must_be_another(db, by, *earlier, what="release request", what_zh="拨付申请")
    return request


def _approve_first(db: Connection, request: ReleaseRequest, *, by: Caller, now: datetime) -> ReleaseRequest:
    """Keep the first of two approvals. Raises AlreadyDecided when this side has given its own."""
    if request.first_approved_role is not None:
        raise AlreadyDecided(what="release request", what_zh="拨付申请", key=request.id, state="half_approved")
    kept = (
        update(table)
        .where(table.c.id == request.id)
        .values(first_approved_by=by.name, first_approved_role=by.role, first_approved_at=now)
    )
    trail.record(db, by, "release.approved_first", f"release:{request.id}", now=now, amount=request.amount)
    return ReleaseRequest(**db.execute(kept.returning(table)).one()._asdict())


def _decide(
    db: Connection, request: ReleaseRequest, *, state: str, reason: str | None, by: Caller, now: datetime
) -> ReleaseRequest:
    decided = (
        update(table)
        .where(table.c.id == request.id)
        .values(state=state, reason=reason, decided_by=by.name, decided_at=now)
    )
    return ReleaseRequest(**db.execute(decided.returning(table)).one()._asdict())


def _wanted(request: ReleaseRequest, institution: Institution) -> Wanted:
    return Wanted(
        kind="release",
        source_id=request.id,
        supervised_account=institution.supervised_account,
        amount=request.amount,
        creditor=institution.name,
        creditor_account=institution.settlement_account,
        owed_path=institution.payout_path,
    )
