"""Whole orders: contracts whose lessons are all taught and confirmed, where nothing is released before."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import Connection, func, or_, select

from escrow.enrolment.tables import contract
from escrow.teaching.tables import attendance, lesson
from ledger.among import among


def last_lessons(db: Connection, contract_ids: Collection[int]) -> dict[int, date]:
    """Of these contracts, those that are over, each with the day of its last lesson; in one query.

    A contract is over when every lesson that was recorded is confirmed, and as many were as it holds, gifts included;
    or when it was ended before that.
    """
    a, c = attendance.c, contract.c
    confirmed = func.count().filter(a.state == "confirmed")
    query = (
        select(c.id, func.max(lesson.c.held_on).label("last"))
        .join(attendance, a.contract_id == c.id)
        .join(lesson, lesson.c.id == a.lesson_id)
        .where(among(db, c.id, sorted(contract_ids)), a.state != "struck")
        .group_by(c.id, c.lessons, c.gifted, c.state)
        .having(confirmed == func.count())
        .having(or_(c.state == "ended", confirmed == c.lessons + c.gifted))
    )
    return {row.id: row.last for row in db.execute(query)}
