"""Students and their guardians. The guardian is the party to the contract (法释〔2025〕4号, art. 3)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

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
    known = select(guardian.c.id).where(guardian.c.name == guardian_name, guardian.c.mobile == mobile)
    guardian_id = db.execute(known).scalar()
    if guardian_id is None:
        entered = insert(guardian).values(name=guardian_name, mobile=mobile).returning(guardian.c.id)
        guardian_id = db.execute(entered).scalar_one()
    found = db.execute(
        select(student).where(student.c.guardian_id == guardian_id, student.c.name == name)
    ).one_or_none()
    if found is not None:
        return Student(**found._asdict())
    made = Student(
        **db.execute(insert(student).values(guardian_id=guardian_id, name=name).returning(student)).one()._asdict()
    )
    trail.record(db, by, "student.entered", f"student:{made.id}", now=now)
    return made


def get(db: Connection, student_id: int, *, lock: bool = False) -> Student:
    """One student; with `lock` nobody else signs for this child until the transaction ends. Raises Unknown."""
    query = select(student).where(student.c.id == student_id)
    row = db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise Unknown(what="student", key=student_id)
    return Student(**row._asdict())
