"""Closing an institution in good order: freeze, review, and every family repaid what was not taught, first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, insert, select, update

from escrow.access import four_eyes, trail
from escrow.access.caller import Caller
from escrow.enrolment import contracts, orders
from escrow.payouts import refunds
from escrow.payouts.refunds import Refund, Refundable
from escrow.payouts.tables import closure as table
from escrow.refusals import AlreadyDecided, Conflict, ReasonMissing, Unknown
from escrow.registry import institutions
from escrow.rules.rulebook import Rulebook


class AlreadyClosing(Conflict):
    """The institution {name} is {state} already."""

    zh = "机构「{name}」已处于 {state} 状态。"


class NotTheOneWhoAsked(Conflict):
    """Closure {closure} was asked for by {name}, who alone withdraws it. Somebody else at the bureau rejects it."""

    zh = "终止办学申请 {closure} 由 {name} 提出，仅本人可撤回；教育局其他人员可予驳回。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """The closing of an institution (终止办学)."""

    id: int
    institution_id: int
    state: Literal["requested", "approved", "withdrawn", "rejected"]
    reason: str
    requested_by: str
    requested_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None
    ended_why: str | None


def freeze(db: Connection, institution_id: int, *, reason: str, by: Caller, now: datetime) -> Closure:
    """Start to close: from now on no contract, order, lesson or payment is taken.

    Raises AlreadyClosing, ReasonMissing, Unknown.
    """
    if not reason.strip():
        raise ReasonMissing
    by.must_act_for("institution", institution_id, "institution", institution_id)
    institution = institutions.get(db, institution_id, lock=True)
    if institution.state != "open":
        raise AlreadyClosing(name=institution.name, state=institution.state)
    institutions.set_state(db, institution_id, "closing")
    held = contracts.open_of_institution(db, institution_id)
    orders.cancel_of_contracts(db, [each.id for each in held])
    made = insert(table).values(
        institution_id=institution_id, state="requested", reason=reason, requested_by=by.name, requested_at=now
    )
    closure = Closure(**db.execute(made.returning(table)).one()._asdict())
    trail.record(db, by, "closure.requested", f"institution:{institution_id}", now=now, reason=reason)
    return closure


def roster(db: Connection, closure_id: int) -> list[Refundable]:
    """The list that the bureau reviews: each open contract, what of it is untaught, what must still be decided.

    A look, nothing is locked: `approve` computes it again.
    """
    institution_id = get(db, closure_id).institution_id
    return refunds.refundable(db, contracts.open_of_institution(db, institution_id, lock=False), lock=False)


def approve(db: Connection, closure_id: int, *, rulebook: Rulebook, by: Caller, now: datetime) -> list[Refund]:
    """The bureau approves: all untaught money of all families is instructed in one act, the institution is closed.

    Raises FourEyes, SamePerson, AlreadyDecided, Unknown. Source: 民办教育促进法, art. 59.
    """
    by.must_be("bureau")
    closure = get(db, closure_id, lock=True)
    if closure.state != "requested":
        raise AlreadyDecided(what="closure", what_zh="终止办学", key=closure.id, state=closure.state)
    four_eyes.must_be_another(db, by, closure.requested_by, what="closure", what_zh="终止办学申请")
    institution = institutions.get(db, closure.institution_id, lock=True)
    found = refunds.refundable(db, contracts.open_of_institution(db, institution.id))
    repaid = refunds.repay(
        db,
        found,
        rule=refunds.price_rule(rulebook, institution.jurisdiction, now),
        supervised_account=institution.supervised_account,
        by=by,
        now=now,
        closure_id=closure.id,
    )
    institutions.set_state(db, institution.id, "closed")
    db.execute(
        update(table).where(table.c.id == closure_id).values(state="approved", approved_by=by.name, approved_at=now)
    )
    amount = sum(each.amount for each in repaid)
    subject = f"institution:{institution.id}"
    trail.record(db, by, "closure.approved", subject, now=now, refunds=len(repaid), amount=amount)
    return repaid


def withdraw(db: Connection, closure_id: int, *, reason: str, by: Caller, now: datetime) -> Closure:
    """Who asked for the closure takes it back: the institution is open again. Cancelled orders stay cancelled.

    Raises Unknown, AlreadyDecided, NotTheOneWhoAsked, ReasonMissing.
    """
    closure = _to_be_ended(db, closure_id, reason)
    by.must_act_for("institution", closure.institution_id, "closure", closure_id)
    if closure.requested_by != by.name:
        raise NotTheOneWhoAsked(closure=closure.id, name=closure.requested_by)
    return _reopen(db, closure, "withdrawn", reason=reason, by=by, now=now)


def reject(db: Connection, closure_id: int, *, reason: str, by: Caller, now: datetime) -> Closure:
    """The bureau, and not who asked, rejects a closure with a reason: the institution is open again.

    Raises Unknown, AlreadyDecided, FourEyes, SamePerson, ReasonMissing.
    """
    by.must_be("bureau")
    closure = _to_be_ended(db, closure_id, reason)
    four_eyes.must_be_another(db, by, closure.requested_by, what="closure", what_zh="终止办学申请")
    return _reopen(db, closure, "rejected", reason=reason, by=by, now=now)


def _to_be_ended(db: Connection, closure_id: int, reason: str) -> Closure:
    closure = get(db, closure_id, lock=True)
    if closure.state != "requested":
        raise AlreadyDecided(what="closure", what_zh="终止办学", key=closure.id, state=closure.state)
    if not reason.strip():
        raise ReasonMissing
    return closure


def _reopen(
    db: Connection,
    closure: Closure,
    state: Literal["withdrawn", "rejected"],
    *,
    reason: str,
    by: Caller,
    now: datetime,
) -> Closure:
    institutions.get(db, closure.institution_id, lock=True)
    institutions.set_state(db, closure.institution_id, "open")
    ended = update(table).where(table.c.id == closure.id)
    ended_values = {"state": state, "ended_by": by.name, "ended_at": now, "ended_why": reason}
    row = db.execute(ended.values(ended_values).returning(table)).one()
    trail.record(db, by, f"closure.{state}", f"institution:{closure.institution_id}", now=now, reason=reason)
    return Closure(**row._asdict())


def get(db: Connection, closure_id: int, *, lock: bool = False) -> Closure:
    """One closure. Raises Unknown."""
    query = select(table).where(table.c.id == closure_id)
    row = db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise Unknown(what="closure", key=closure_id)
    return Closure(**row._asdict())
