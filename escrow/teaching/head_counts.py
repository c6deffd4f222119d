"""Heads counted in a class, by an inspector or the institution: the books of paid contracts are held against them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection, insert

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.refusals import Invalid
from escrow.teaching import lessons
from escrow.teaching.tables import head_count as table

MOST: Final = 1_000


class ImpossibleHeadCount(Invalid):
    """{heads} pupils cannot have sat in one class: a count is from 0 to {most}."""

    zh = "一个班不可能有 {heads} 名学员：人数应为 0 至 {most}。"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadCount:
    """How many pupils somebody counted in a class (到课人数), and in which role."""

    id: int
    lesson_id: int
    heads: int
    counted_by: str
    role: Literal["institution", "bureau"]
    counted_at: datetime


def count(db: Connection, lesson_id: int, *, heads: int, by: Caller, now: datetime) -> HeadCount:
    """Write down how many pupils sat in a recorded class. A second count stands beside the first; the larger counts.

    Raises Unknown, Forbidden, ImpossibleHeadCount.
    """
    by.must_be("institution", "bureau")
    lesson = lessons.get(db, lesson_id)
    by.must_act_for("institution", lesson.institution_id, "lesson", lesson_id)
    if not 0 <= heads <= MOST:
        raise ImpossibleHeadCount(heads=heads, most=MOST)
    made = insert(table).values(lesson_id=lesson_id, heads=heads, counted_by=by.name, role=by.role, counted_at=now)
    counted = HeadCount(**db.execute(made.returning(table)).one()._asdict())
    trail.record(db, by, "class.counted", f"lesson:{lesson_id}", now=now, heads=heads)
    return counted
