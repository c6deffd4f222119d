"""Money that is nobody's yet, as people work it off: who looks for its owner, since when, and by which day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, func, insert, select

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.enrolment import payments
from escrow.enrolment.payments import Payment
from escrow.enrolment.tables import payment as payment_table
from escrow.refusals import AlreadyDecided, Unknown
from escrow.rules.months import SHANGHAI
from escrow.rules.working_days import due_day
from escrow.settlement.tables import suspense_owner as table

DAYS_TO_PLACE: Final = 5
"""Working days until money in suspense has found its owner or is on its way back. The bureau's own habit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A payment in suspense (待查款项) with its owner; "" while nobody has taken it."""

    payment: Payment
    owner: str
    assigned_by: str
    assigned_at: datetime | None

    @property
    def since(self) -> date:
        """The local day on which it came into the books."""
        return self.payment.recorded_at.astimezone(SHANGHAI).date()

    @property
    def due_on(self) -> date:
        return due_day(self.since, DAYS_TO_PLACE)

    def age(self, on: date) -> int:
        """Days that it has waited, at the end of a local day."""
        return (on - self.since).days

    def overdue(self, on: date) -> bool:
        return on > self.due_on


def waiting(db: Connection, account: str | None = None) -> list[Waiting]:
    """All of it, the oldest first."""
    last = select(func.max(table.c.id)).group_by(table.c.payment_id)
    owners = {row.payment_id: row for row in db.execute(select(table).where(table.c.id.in_(last)))}
    return [_waiting(each, owners.get(each.id)) for each in payments.in_suspense(db, account)]


def assign(db: Connection, payment_id: int, *, owner: str, by: Caller, now: datetime) -> Waiting:
    """Give money in suspense to somebody to look into, or take it. Raises Unknown, AlreadyDecided.

    The bureau gives it to anybody; the bank's people take it themselves.
    """
    by.must_be("bureau", *(("bank",) if owner == by.name else ()))
    row = db.execute(select(payment_table).where(payment_table.c.id == payment_id)).one_or_none()
    if row is None:
        raise Unknown(what="payment", key=payment_id)
    found = payments.as_payment(row)
    if found.state != "suspense":
        raise AlreadyDecided(what="payment", what_zh="到账记录", key=payment_id, state=found.state)
    made = insert(table).values(payment_id=payment_id, owner=owner, assigned_by=by.name, assigned_at=now)
    given = db.execute(made.returning(table)).one()
    trail.record(db, by, "suspense.assigned", f"payment:{payment_id}", now=now, owner=owner)
    return _waiting(found, given)


def overdue(found: Sequence[Waiting], on: date) -> list[Waiting]:
    """Those that should have been placed before this local day. Pure."""
    return [each for each in found if each.overdue(on)]


def _waiting(found: Payment, given: object) -> Waiting:
    return Waiting(
        payment=found,
        owner=getattr(given, "owner", ""),
        assigned_by=getattr(given, "assigned_by", ""),
        assigned_at=getattr(given, "assigned_at", None),
    )
