"""Reopening a signed day: one asks, with the reason, another approves; what came late for it is taken in then."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select, update

from escrow.access import four_eyes, trail
from escrow.access.caller import Caller
from escrow.refusals import AlreadyDecided, Conflict, ReasonMissing, Unknown
from escrow.registry import institutions
from escrow.settlement import frozen, late_lines
from escrow.settlement.tables import reopening as table
from escrow.settlement.tables import signoff


class NotSigned(Conflict):
    """Account {account} is not signed off on {day} or later; there is nothing to reopen."""

    zh = "账户 {account} 在 {day} 及以后没有已签核的日期，无需重开。"


class ReopeningWaits(Conflict):
    """A request to reopen days of account {account} waits for a decision already: request {reopening}."""

    zh = "账户 {account} 已有待审批的重开申请 {reopening}。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopening:
    """A request to reopen a day and all later ones (重开申请)."""

    id: int
    account: str
    day: date
    reason: str
    state: Literal["requested", "approved", "rejected"]
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None


def ask(db: Connection, account: str, day: date, *, reason: str, by: Caller, now: datetime) -> Reopening:
    """Ask for a signed day, and all signed days after it, to be reopened. Raises ReasonMissing, NotSigned,
    ReopeningWaits."""
    by.must_be("bureau", "bank")
    if not reason.strip():
        raise ReasonMissing
    institutions.by_account(db, account, lock=True)
    signed = frozen.signed_until(db, account)
    if signed is None or day > signed:
        raise NotSigned(account=account, day=day)
    waiting = select(table.c.id).where(table.c.account == account, table.c.state == "requested")
    if (standing := db.execute(waiting).scalar()) is not None:
        raise ReopeningWaits(account=account, reopening=standing)
    made = insert(table).values(
        account=account, day=day, reason=reason, state="requested", asked_by=by.name, asked_at=now
    )
    asked = _as_reopening(db.execute(made.returning(table)).one())
    trail.record(
        db,
        by,
        "day.reopening_asked",
        f"account:{account}",
        now=now,
        day=day.isoformat(),
        reason=reason,
        request=asked.id,
    )
    return asked


def approve(db: Connection, reopening_id: int, *, by: Caller, now: datetime) -> Reopening:
    """Approve what somebody else asked: the days are open again, their late lines are taken in.

    The account should be reconciled after it. Raises Unknown, AlreadyDecided, FourEyes, SamePerson.
    """
    asked = _to_be_decided(db, reopening_id, by)
    decided = _decide(db, asked, state="approved", by=by, now=now)
    standing = signoff.c.account == asked.account, signoff.c.reopening_id.is_(None), signoff.c.day >= asked.day
    db.execute(update(signoff).where(*standing).values(reopening_id=asked.id))
    taken = late_lines.take_in(db, asked.account, now=now)
    trail.record(
        db,
        by,
        "day.reopened",
        f"account:{asked.account}",
        now=now,
        day=asked.day.isoformat(),
        request=asked.id,
        late=taken,
    )
    return decided


def reject(db: Connection, reopening_id: int, *, by: Caller, now: datetime) -> Reopening:
    """Leave the days signed, against what somebody else asked. Raises Unknown, AlreadyDecided, FourEyes, SamePerson."""
    asked = _to_be_decided(db, reopening_id, by)
    trail.record(db, by, "day.reopening_rejected", f"account:{asked.account}", now=now, request=asked.id)
    return _decide(db, asked, state="rejected", by=by, now=now)


def _to_be_decided(db: Connection, reopening_id: int, by: Caller) -> Reopening:
    by.must_be("bureau")
    row = db.execute(select(table).where(table.c.id == reopening_id)).one_or_none()
    if row is None:
        raise Unknown(what="reopening", key=reopening_id)
    institutions.by_account(db, row.account, lock=True)
    asked = _as_reopening(db.execute(select(table).where(table.c.id == reopening_id).with_for_update()).one())
    if asked.state != "requested":
        raise AlreadyDecided(what="reopening", what_zh="重开申请", key=asked.id, state=asked.state)
    four_eyes.must_be_another(db, by, asked.asked_by, what="reopening", what_zh="重开申请")
    return asked


def _decide(
    db: Connection, asked: Reopening, *, state: Literal["approved", "rejected"], by: Caller, now: datetime
) -> Reopening:
    decided = update(table).where(table.c.id == asked.id).values(state=state, decided_by=by.name, decided_at=now)
    return _as_reopening(db.execute(decided.returning(table)).one())


def _as_reopening(row: Row[Any]) -> Reopening:
    return Reopening(**row._asdict())
