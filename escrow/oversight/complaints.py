"""Complaints: a family tells the bureau what no book shows, and is answered by somebody with a name."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select, update

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.enrolment import contracts
from escrow.monitoring.tables import complaint as table
from escrow.refusals import AlreadyDecided, Invalid, ReasonMissing, Unknown
from escrow.registry import institutions
from escrow.rules.months import SHANGHAI

Category = Literal[
    "personal_code", "cash", "cheaper_outside", "late_lesson", "refused_refund", "service_fee", "not_taught", "other"
]


class NothingTold(Invalid):
    """A complaint says in words what has happened, for whoever will look into it."""

    zh = "请说明投诉的具体情况，以便核查。"


class NotHappenedYet(Invalid):
    """It would have happened on {happened_on}, and it is {today}: tell of it when it has."""

    zh = "所述日期 {happened_on} 晚于今天 {today}，请在事情发生后再投诉。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a family says, and of which contract if it has one."""

    category: Category
    told: str
    happened_on: date
    contract_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint(Told):
    """A complaint (投诉). Open until the bureau has found that it holds (upheld) or does not (unfounded).

    `guardian_id` is missing where the bureau wrote it down for somebody who is not named.
    """

    id: int
    institution_id: int
    guardian_id: int | None
    filed_at: datetime
    filed_by: str
    state: Literal["open", "upheld", "unfounded"]
    answer: str | None
    answered_at: datetime | None
    answered_by: str | None


def file(db: Connection, institution_id: int, complaint: Told, *, by: Caller, now: datetime) -> Complaint:
    """A family complains about an institution, whether it has a contract there or paid without one.

    The bureau files what it hears by telephone. Raises Unknown, Forbidden, NothingTold, NotHappenedYet.
    """
    by.must_be("family", "bureau")
    institutions.get(db, institution_id)
    today = now.astimezone(SHANGHAI).date()
    if not complaint.told.strip():
        raise NothingTold
    if complaint.happened_on > today:
        raise NotHappenedYet(happened_on=complaint.happened_on, today=today)
    guardian_id = by.party if by.role == "family" else None
    if complaint.contract_id is not None:
        contract = contracts.get(db, complaint.contract_id)
        contracts.must_be_party(contract, by)
        if contract.institution_id != institution_id:
            raise Unknown(what="contract", key=contract.id)
        guardian_id = contract.guardian_id
    made = insert(table).values(
        institution_id=institution_id,
        guardian_id=guardian_id,
        contract_id=complaint.contract_id,
        category=complaint.category,
        told=complaint.told,
        happened_on=complaint.happened_on,
        filed_at=now,
        filed_by=by.name,
        state="open",
    )
    filed = _as_complaint(db.execute(made.returning(table)).one())
    trail.record(db, by, "complaint.filed", f"complaint:{filed.id}", now=now, category=filed.category)
    return filed


def answer(
    db: Connection,
    complaint_id: int,
    *,
    state: Literal["upheld", "unfounded"],
    answer: str,
    by: Caller,
    now: datetime,
) -> Complaint:
    """The bureau has looked into it and says what it found.

    Raises Unknown, Forbidden, ReasonMissing, AlreadyDecided.
    """
    by.must_be("bureau")
    if not answer.strip():
        raise ReasonMissing
    row = db.execute(select(table).where(table.c.id == complaint_id).with_for_update()).one_or_none()
    if row is None:
        raise Unknown(what="complaint", key=complaint_id)
    if row.state != "open":
        raise AlreadyDecided(what="complaint", what_zh="投诉", key=complaint_id, state=row.state)
    closing = {"state": state, "answer": answer, "answered_at": now, "answered_by": by.name}
    changed = update(table).where(table.c.id == complaint_id).values(closing)
    trail.record(db, by, f"complaint.{state}", f"complaint:{complaint_id}", now=now, answer=answer)
    return _as_complaint(db.execute(changed.returning(table)).one())


def page(db: Connection, *, by: Caller, after: int = 0, limit: int = 100) -> list[Complaint]:
    """Complaints in the order they were filed: a family its own, the bureau and the auditor all. Raises Forbidden."""
    by.must_be("family", "bureau", "auditor")
    query = select(table).where(table.c.id > after).order_by(table.c.id).limit(limit)
    if by.role == "family":
        query = query.where(table.c.guardian_id == by.party)
    return [_as_complaint(row) for row in db.execute(query)]


def _as_complaint(row: Row[Any]) -> Complaint:
    return Complaint(**row._asdict())
