"""Heads counted in a class, by the institution or an inspector."""

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from escrow.refusals import Forbidden, Unknown
from escrow.teaching import head_counts
from escrow.teaching.head_counts import ImpossibleHeadCount
from tests.escrow.county import BUREAU, at, enrolled, school, teach


def test_a_count_stands_beside_the_one_before_and_cannot_be_changed(db: Connection) -> None:
    of = school(db)
    lesson = teach(db, of, [enrolled(db, of)[1]], on=(8, 3))
    first = head_counts.count(db, lesson, heads=1, by=of.caller, now=at(8, 3, 18))
    second = head_counts.count(db, lesson, heads=9, by=BUREAU, now=at(8, 3, 19))
    assert [(each.heads, each.role, each.counted_by) for each in (first, second)] == [
        (1, "institution", "校长1"),
        (9, "bureau", "张科长"),
    ]
    for attempt in ("UPDATE head_count SET heads = 1", "DELETE FROM head_count"):
        with pytest.raises(DBAPIError, match="append-only"), db.begin_nested():
            db.execute(text(attempt))


def test_strangers_and_impossible_counts_are_refused(db: Connection) -> None:
    of, other = school(db), school(db, 2)
    child, contract = enrolled(db, of)
    lesson = teach(db, of, [contract], on=(8, 3))
    with pytest.raises(Unknown, match="no lesson"):
        head_counts.count(db, lesson, heads=1, by=other.caller, now=at(8, 3))
    with pytest.raises(Forbidden):
        head_counts.count(db, lesson, heads=1, by=child.caller, now=at(8, 3))
    for heads in (-1, 1001):
        with pytest.raises(ImpossibleHeadCount):
            head_counts.count(db, lesson, heads=heads, by=of.caller, now=at(8, 3))
