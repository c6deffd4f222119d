"""Releases: once a month the institution asks for what it has taught; the bureau, never the one who asked, decides."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.payouts import instructions, windows
from escrow.payouts.instructions import Wanted
from escrow.payouts.release_drafts import (
    AlreadyRequested,
    Draft,
    FamiliesFirst,
    LeftOut,
    MonthNotOver,
    PaidThoughRejected,
    ReleaseRequest,
    RosterMissing,
    drafted,
    nothing_to_release,
)
from escrow.payouts.tables import release_line
from escrow.payouts.tables import release_request as table
from escrow.refusals import AlreadyDecided, FourEyes, ReasonMissing, Unknown
from escrow.registry import institutions, rosters
from escrow.registry.institutions import Institution
from escrow.rules.months import Month
from escrow.rules.rule import Rule
from escrow.rules.rulebook import Rulebook
from escrow.teaching.tables import attendance, lesson
from ledger.chunks import chunks
from ledger.entries import Resolution, Transfer
from ledger.posting import post_all


def submit(
    db: Connection, institution_id: int, *, month: Month, rulebook: Rulebook, by: Caller, now: datetime
) -> ReleaseRequest:
    """Ask for the confirmed lessons up to the end of `month` to be paid out. Only inside the jurisdiction's window.

    Raises Unknown, OutsideReleaseWindow, MonthNotOver, AlreadyRequested, FamiliesFirst, RosterMissing,
    NothingToRelease.
    """
    by.must_act_for("institution", institution_id, "institution", institution_id)
    institution = institutions.get(db, institution_id, lock=True)
    rule = windows.must_be_inside(now, rulebook=rulebook, jurisdiction=institution.jurisdiction)
    _must_be_askable(db, institution, month, now)
    _must_have_its_roster(db, institution, month, rulebook=rulebook, now=now)

    draft = drafted(_lessons(db, institution_id, month), rule, now=now)
    if draft.amount == 0:
        raise nothing_to_release(draft, month)

    request = _add(db, institution_id, draft, month=month, rule=rule, by=by, now=now)
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
    trail.record(db, by, "release.requested", f"release:{request.id}", now=now, month=str(month), amount=draft.amount)
    return request


def approve(db: Connection, request_id: int, *, by: Caller, now: datetime) -> ReleaseRequest:
    """The bureau approves: the hold is settled and the bank is instructed.

    Raises Unknown, FourEyes, AlreadyDecided, FamiliesFirst, PaidThoughRejected.
    """
    request = _to_be_decided(db, request_id, by)
    institution = institutions.get(db, request.institution_id, lock=True)
    _must_let_families_go_first(db, institution)  # it may have begun to close after it asked
    _must_not_be_contested(db, institution)
    approved = _decide(db, request, state="approved", reason=None, by=by, now=now)
    settled = Resolution(
        hold=request.hold, phase="settled", reference=f"{request.hold}/approved", effective=now, kind="release"
    )
    post_all(db, [settled], now=now, caller_key=by.key)
    instructions.add(db, [_wanted(request, institution)], now=now)
    trail.record(db, by, "release.approved", f"release:{request.id}", now=now, amount=request.amount)
    return approved


def reject(db: Connection, request_id: int, *, reason: str, by: Caller, now: datetime) -> ReleaseRequest:
    """The bureau rejects with a reason: the lessons are free to be asked for again.

    Raises FourEyes, AlreadyDecided, ReasonMissing, Unknown.
    """
    if not reason.strip():
        raise ReasonMissing
    request = _to_be_decided(db, request_id, by)
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


def _must_be_askable(db: Connection, institution: Institution, month: Month, now: datetime) -> None:
    if month.end > now:
        raise MonthNotOver(month=month, next_month=month.plus(1))
    live = select(table).where(
        table.c.institution_id == institution.id,
        table.c.month == str(month),
        table.c.state.not_in(("rejected", "bounced")),
    )
    before = db.execute(live).one_or_none()
    if before is not None:
        raise AlreadyRequested(month=month, request=before.id, state=before.state)
    _must_let_families_go_first(db, institution)


def _must_have_its_roster(
    db: Connection, institution: Institution, month: Month, *, rulebook: Rulebook, now: datetime
) -> None:
    """Where the jurisdiction only flags, the request goes on, and the finding is the bureau's to follow."""
    if rulebook.jurisdiction(institution.jurisdiction).enforcement == "refuse":
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


def _lessons(db: Connection, institution_id: int, month: Month) -> list[Row[Any]]:
    """Every lesson up to the end of the month that no live request holds, locked: older ones are carried over."""
    query = (
        select(attendance.c.id, attendance.c.state, attendance.c.share, attendance.c.silent_on)
        .join(lesson, lesson.c.id == attendance.c.lesson_id)
        .where(
            lesson.c.institution_id == institution_id,
            lesson.c.held_on <= month.last_day,
            attendance.c.release_id.is_(None),
            attendance.c.state != "struck",
        )
        .order_by(attendance.c.id)
    )
    return list(db.execute(query.with_for_update(of=attendance)))


def _add(
    db: Connection, institution_id: int, draft: Draft, *, month: Month, rule: Rule, by: Caller, now: datetime
) -> ReleaseRequest:
    made = insert(table).values(
        institution_id=institution_id,
        month=str(month),
        amount=draft.amount,
        lessons=len(draft.held),
        window_rule=rule.version,
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
    by.must_be("bureau")
    request = get(db, request_id, lock=True)
    if request.state != "requested":
        raise AlreadyDecided(what="release request", what_zh="拨付申请", key=request.id, state=request.state)
    if request.requested_by == by.name:
        raise FourEyes(what="release request", what_zh="拨付申请", name=by.name)
    return request


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
