"""Students and their guardians. The guardian is the party to the contract (法释〔2025〕4号, art. 3)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.enrolment.tables import guardian, student
from escrow.refusals import Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Student:
    """A learner (学员), the beneficiary of contracts that the guardian signs."""

    id: int
    guardian_id: int
    name: str


def enter(db: Connection, *, name: str, guardian_name: str, mobile: str, by: Caller, now: datetime) -> Student:
    """Enter a student and the guardian; the same child of the same guardian is found, not entered twice."""
    by.must_be("institution", "bureau")
    insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    # Two entries at once must find each other: two guardians of one child would be two children to the caps.
    given = {"name": guardian_name, "mobile": mobile}
    db.execute(insert(guardian).values(given).on_conflict_do_nothing(index_elements=["name", "mobile"]))
    known = select(guardian.c.id).where(guardian.c.name == guardian_name, guardian.c.mobile == mobile)
    child = {"guardian_id": db.execute(known).scalar_one(), "name": name}
    added = insert(student).values(child).on_conflict_do_nothing(index_elements=["guardian_id", "name"])
    row = db.execute(added.returning(student)).one_or_none()
    if row is not None:
        trail.record(db, by, "student.entered", f"student:{row.id}", now=now)
        return Student(**row._asdict())
    s = student.c
    standing = select(student).where(s.guardian_id == child["guardian_id"], s.name == name)
    return Student(**db.execute(standing).one()._asdict())


def get(db: Connection, student_id: int, *, lock: bool = False) -> Student:
    """One student; with `lock` nobody else signs for this child until the transaction ends. Raises Unknown."""
    query = select(student).where(student.c.id == student_id)
    row = db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise Unknown(what="student", key=student_id)
    return Student(**row._asdict())
