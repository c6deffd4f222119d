"""Courses with their published price: nothing may be sold that is not filed (明码标价)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.refusals import Conflict, Unknown
from escrow.registry import institutions
from escrow.registry.tables import course
from ledger.money import Money


class CourseAlreadyFiled(Conflict):
    """The institution has filed a course named {name} already."""

    zh = "该机构已备案同名课程「{name}」。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A filed course (备案课程). `list_price` is the published price of one lesson in fen."""

    id: int
    institution_id: int
    name: str
    subject: str
    list_price: int
    filed_at: datetime


def file(
    db: Connection,
    institution_id: int,
    *,
    name: str,
    subject: str,
    list_price: Money,
    by: Caller,
    now: datetime,
) -> Course:
    """File a course with its published price of one lesson. Raises CourseAlreadyFiled, InstitutionClosed."""
    by.must_act_for("institution", institution_id, "institution", institution_id)
    institutions.get(db, institution_id, lock=True).must_be_open()
    taken = select(course.c.id).where(course.c.institution_id == institution_id, course.c.name == name)
    if db.execute(taken).first() is not None:
        raise CourseAlreadyFiled(name=name)
    made = insert(course).values(
        institution_id=institution_id, name=name, subject=subject, list_price=list_price.minor, filed_at=now
    )
    filed = Course(**db.execute(made.returning(course)).one()._asdict())
    trail.record(db, by, "course.filed", f"course:{filed.id}", now=now, list_price=filed.list_price)
    return filed


def get(db: Connection, course_id: int) -> Course:
    """One course. Raises Unknown."""
    row = db.execute(select(course).where(course.c.id == course_id)).one_or_none()
    if row is None:
        raise Unknown(what="course", key=course_id)
    return Course(**row._asdict())
