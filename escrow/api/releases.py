"""Releases: the institution asks for what it has taught, once a month inside the window; the bureau decides."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field, model_validator
from sqlalchemy import Connection, select

from escrow.access.four_eyes import SamePerson
from escrow.api.asking import Act, Look, looking, moving_money
from escrow.api.description import PAYOUTS, may_refuse
from escrow.api.findings import FindingShown
from escrow.api.shapes import Asked, Day, Fen, MonthText, PathId, Reason, Shown, month
from escrow.monitoring import alerts
from escrow.monitoring.alerts import Sighting
from escrow.payouts import releases
from escrow.payouts.cycles import AskedByTheMonth, MonthNotOver, PeriodNotOver
from escrow.payouts.release_drafts import (
    AlreadyRequested,
    FamiliesFirst,
    LeftOut,
    NothingToRelease,
    PaidThoughRejected,
    ReleaseRequest,
    RosterMissing,
)
from escrow.payouts.release_drafts import Reason as LeftOutReason
from escrow.payouts.windows import OutsideReleaseWindow
from escrow.refusals import AlreadyDecided, FourEyes, ReasonMissing, Unknown
from escrow.registry import institutions, rosters
from escrow.rules.finding import Finding
from escrow.rules.months import Month
from escrow.teaching import confirmations
from escrow.teaching.tables import attendance
from ledger.chunks import chunks

routes = APIRouter(tags=[PAYOUTS])


class PeriodAsked(Asked):
    """The month whose lessons are asked for; where releases are more frequent, the day until which they are. Older ones
    that were left out come along."""

    month: MonthText | None = None
    until: Day | None = Field(default=None, description="Not where releases are monthly. By the week: that day's week.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.month is None) == (self.until is None):
            raise ValueError("a month or a day is wanted, one of them")
        return self

    @property
    def period(self) -> Month | date:
        """Whichever was asked."""
        if self.until is not None:
            return self.until
        return month(str(self.month))


class RejectionAsked(Asked):
    """Why not."""

    reason: Reason


class LeftOutShown(Shown):
    """A lesson of one student that the request does not hold."""

    lesson_id: int
    contract_id: int
    reason: LeftOutReason
    expected: str | None = Field(description="The month whose request can hold it; null: unknown yet.")


class ReleaseShown(Shown):
    """A request for a period's confirmed lessons (拨付申请)."""

    id: int
    institution_id: int
    period: str = Field(description="2026-10, 2026-W41 or 2026-10-14: all lessons up to its end.")
    month: str | None = Field(description="The period, where it is a month.")
    amount: Fen
    lessons: int
    window_rule: str = Field(description="The rule version that let it in.")
    state: Literal["requested", "approved", "rejected", "bounced"]
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    approval: str = Field(description="Whose approvals it needs, by release.approval.")
    first_approved_by: str | None = Field(description="Who gave the first of two approvals.")
    first_approved_at: datetime | None


class ReleaseWithLeftOut(ReleaseShown):
    """A request with what it left out, as it stood when it was asked."""

    left_out: list[LeftOutShown]


class ReleaseRequested(ReleaseWithLeftOut):
    """A new request, and what the rules found: as that no roster was filed for its month."""

    findings: list[FindingShown]


Deciding = Annotated[Act, Depends(moving_money("bureau", "bank"))]


@routes.post(
    "/institutions/{institution_id}/release-requests",
    status_code=201,
    response_model=ReleaseRequested,
    responses=may_refuse(
        *(Unknown, OutsideReleaseWindow, AskedByTheMonth, MonthNotOver, PeriodNotOver),
        *(AlreadyRequested, FamiliesFirst, RosterMissing, NothingToRelease),
        keyed=True,
    ),
    summary="Ask for a month's release 拨付申请",
)
def submit(
    institution_id: PathId,
    asked: PeriodAsked,
    act: Annotated[Act, Depends(moving_money("institution", "bureau"))],
) -> Response:
    """Only inside the jurisdiction's window, as from the 10th 00:00 to the 15th 24:00 in Asia/Shanghai; a refusal names
    the next one. Lessons whose guardians have been silent long enough are confirmed first. It holds exactly the
    confirmed, undisputed and unreleased lessons, and tells what it leaves out, why, and which month can hold it. One
    without a roster for its month is refused or flagged, as the jurisdiction has it."""

    def do(db: Connection) -> ReleaseRequested:
        silence = replace(confirmations.THE_RULE, key=act.by.key)
        confirmations.confirm_by_silence(db, institution_id=institution_id, by=silence, now=act.now)
        request = releases.submit(
            db, institution_id, period=asked.period, rulebook=act.rulebook, by=act.by, now=act.now
        )
        findings = _findings(db, institution_id, asked.period, act)
        seen = [Sighting(finding=each, institution_id=institution_id, contract_id=None) for each in findings]
        alerts.raise_(db, seen, rulebook=act.rulebook, now=act.now)
        shown = _with_left_out(db, request)
        return ReleaseRequested(**dict(shown), findings=[FindingShown.of(each) for each in findings])

    return act(do, status=201)


@routes.get("/release-requests/{request_id}", responses=may_refuse(Unknown), summary="A release request 拨付申请查询")
def show(
    request_id: PathId, look: Annotated[Look, Depends(looking("institution", "bureau", "auditor"))]
) -> ReleaseWithLeftOut:
    """For its institution, the bureau and the auditor."""

    def read(db: Connection) -> ReleaseWithLeftOut:
        request = releases.get(db, request_id)
        if look.by.role == "institution" and look.by.party != request.institution_id:
            raise Unknown(what="release request", key=request_id)
        return _with_left_out(db, request)

    return look(read)


@routes.post(
    "/release-requests/{request_id}/approval",
    response_model=ReleaseShown,
    responses=may_refuse(Unknown, AlreadyDecided, FourEyes, SamePerson, FamiliesFirst, PaidThoughRejected, keyed=True),
    summary="Approve a release 批准拨付",
)
def approve(request_id: PathId, act: Deciding) -> Response:
    """Somebody who did not ask for it, at the bureau or the bank as the place has it: then the payout is instructed.
    Where both must, the first approval is kept and the second one pays."""
    return act(lambda db: ReleaseShown.model_validate(releases.approve(db, request_id, by=act.by, now=act.now)))


@routes.post(
    "/release-requests/{request_id}/rejection",
    response_model=ReleaseShown,
    responses=may_refuse(Unknown, AlreadyDecided, FourEyes, SamePerson, ReasonMissing, keyed=True),
    summary="Reject a release 驳回拨付",
)
def reject(request_id: PathId, asked: RejectionAsked, act: Deciding) -> Response:
    """With a reason; the lessons are free to be asked for again."""

    def do(db: Connection) -> ReleaseShown:
        rejected = releases.reject(db, request_id, reason=asked.reason, by=act.by, now=act.now)
        return ReleaseShown.model_validate(rejected)

    return act(do)


def _findings(db: Connection, institution_id: int, period: Month | date, act: Act) -> list[Finding]:
    if not isinstance(period, Month):
        return []
    of = institutions.get(db, institution_id)
    found = rosters.finding(db, of, period, rulebook=act.rulebook, now=act.now)
    return [] if found is None else [found]


def _with_left_out(db: Connection, request: ReleaseRequest) -> ReleaseWithLeftOut:
    return ReleaseWithLeftOut(
        **dict(ReleaseShown.model_validate(request)), left_out=_left_out(db, releases.left_out_of(db, request.id))
    )


def _left_out(db: Connection, left_out: Sequence[LeftOut]) -> list[LeftOutShown]:
    a = attendance.c
    of = {
        row.id: row
        for ids in chunks([each.attendance_id for each in left_out])
        for row in db.execute(select(a.id, a.lesson_id, a.contract_id).where(a.id.in_(ids)))
    }
    return [
        LeftOutShown(
            lesson_id=of[each.attendance_id].lesson_id,
            contract_id=of[each.attendance_id].contract_id,
            reason=each.reason,
            expected=None if each.expected is None else str(each.expected),
        )
        for each in left_out
    ]
