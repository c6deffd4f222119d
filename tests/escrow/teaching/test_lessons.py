"""Class sessions: recorded when they are over, once, for open contracts of the course with lessons left."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import Connection

from escrow.enrolment.contracts import Contract
from escrow.payouts import refunds
from escrow.refusals import Unknown
from escrow.registry import courses
from escrow.rules.holidays import Notice
from escrow.teaching import confirmations, lessons
from escrow.teaching.lessons import (
    BeforeFirstLesson,
    LessonAlreadyRecorded,
    LessonNotOver,
    LessonWithoutTime,
    NoLessonsLeft,
    NotOfThisCourse,
    RecordedLesson,
    Session,
)
from ledger.money import Money
from tests.escrow.county import BUREAU, RULEBOOK, School, at, breaches, enrolled, school, teach


def record(db: Connection, of: School, contract: Contract, **changes: object) -> RecordedLesson:
    session = Session(
        course_id=of.course.id,
        class_no="A",
        starts_at=at(8, 3, 9),
        ends_at=at(8, 3, 10),
        contract_ids=[contract.id],
    )
    return lessons.record(
        db,
        replace(session, **changes),  # type: ignore[arg-type]  # one thing of a session at a time
        rulebook=RULEBOOK,
        by=of.caller,
        now=at(8, 3),
    )


def test_a_session_is_kept_with_who_was_there_and_until_when_they_may_speak(db: Connection) -> None:
    of = school(db)
    (_, first), (_, second) = enrolled(db, of, 1), enrolled(db, of, 2)
    recorded = record(db, of, first, contract_ids=[second.id, first.id, first.id])

    assert recorded.contract_ids == sorted([first.id, second.id])
    assert (recorded.lesson.held_on, recorded.silent_on) == (date(2026, 8, 3), date(2026, 8, 10))
    assert lessons.get(db, recorded.lesson.id) == recorded.lesson


@pytest.mark.parametrize(
    ("told", "silent_on"),
    [
        (at(9, 24), date(2026, 10, 9)),  # 25 September is the Mid-Autumn holiday, 1 to 7 October the National Day's
        (at(9, 30, 23, 59), date(2026, 10, 13)),  # 10 October, a Saturday, is worked for the holiday
        (at(8, 7), date(2026, 8, 14)),
    ],
)
def test_the_guardians_days_are_working_days_by_the_state_councils_calendar(
    db: Connection, told: object, silent_on: date
) -> None:
    of = school(db)
    _, contract = enrolled(db, of)
    session = Session(
        course_id=of.course.id, class_no="A", starts_at=at(8, 3, 9), ends_at=at(8, 3, 10), contract_ids=[contract.id]
    )
    recorded = lessons.record(db, session, rulebook=RULEBOOK, by=of.caller, now=told)  # type: ignore[arg-type]  # a datetime
    assert recorded.silent_on == silent_on


def test_the_days_on_which_the_place_itself_is_closed_are_no_working_days_of_its_guardians(db: Connection) -> None:
    of = school(db)
    _, contract = enrolled(db, of)
    citation = next(iter(RULEBOOK.years.values())).citation
    typhoon = Notice(
        works={date(2026, 8, 5): False, date(2026, 8, 6): False, date(2026, 8, 8): True}, citation=citation
    )
    closed = replace(RULEBOOK, closures={of.institution.jurisdiction: (typhoon,)})
    session = Session(
        course_id=of.course.id, class_no="A", starts_at=at(8, 3, 9), ends_at=at(8, 3, 10), contract_ids=[contract.id]
    )
    recorded = lessons.record(db, session, rulebook=closed, by=of.caller, now=at(8, 3))
    assert recorded.silent_on == date(2026, 8, 11), "two days closed, one Saturday worked"


def test_a_lesson_before_the_first_one_that_was_agreed_is_not_counted_and_the_first_day_is(db: Connection) -> None:
    of = school(db)
    _, contract = enrolled(db, of)
    with pytest.raises(BeforeFirstLesson, match="2026-07-31"):
        record(db, of, contract, starts_at=at(7, 31, 9), ends_at=at(7, 31, 10))
    assert record(db, of, contract, starts_at=at(8, 1, 9), ends_at=at(8, 1, 10)).lesson.held_on == date(2026, 8, 1)


def test_a_lesson_that_is_not_over_cannot_be_recorded(db: Connection) -> None:
    of = school(db)
    _, contract = enrolled(db, of)
    with pytest.raises(LessonNotOver) as refused:
        record(db, of, contract, ends_at=at(8, 3) + timedelta(seconds=1))
    assert "2026-08-03T12:00+08:00" in refused.value.chinese
    record(db, of, contract, ends_at=at(8, 3))


@pytest.mark.parametrize("minutes", [0, -1])
def test_a_lesson_that_ends_before_it_begins_is_refused(db: Connection, minutes: int) -> None:
    of = school(db)
    _, contract = enrolled(db, of)
    with pytest.raises(LessonWithoutTime):
        record(db, of, contract, ends_at=at(8, 3, 9) + timedelta(minutes=minutes))


def test_the_same_session_is_recorded_once_and_names_the_first(db: Connection) -> None:
    of = school(db)
    _, contract = enrolled(db, of)
    first = record(db, of, contract)
    with pytest.raises(LessonAlreadyRecorded) as refused:
        record(db, of, contract)
    assert refused.value.facts["lesson"] == first.lesson.id
    record(db, of, contract, class_no="B")


def test_a_contract_of_another_course_or_institution_or_an_ended_one_is_no_attendance(db: Connection) -> None:
    of, other = school(db, 1), school(db, 2)
    child, contract = enrolled(db, of)
    _, foreign = enrolled(db, other, 2)
    second_course = courses.file(
        db, of.institution.id, name="水彩", subject="x", list_price=Money(1), by=of.caller, now=at(7, 1)
    )
    for wrong in ({"contract_ids": [contract.id, foreign.id]}, {"contract_ids": [1]}, {"course_id": second_course.id}):
        with pytest.raises(NotOfThisCourse):
            record(db, of, contract, **wrong)
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(8, 1))
    with pytest.raises(NotOfThisCourse) as refused:
        record(db, of, contract)
    assert refused.value.facts["contracts"] == [contract.id]


def test_a_school_records_its_own_lessons_only(db: Connection) -> None:
    of, other = school(db, 1), school(db, 2)
    _, contract = enrolled(db, of)
    with pytest.raises(Unknown):
        record(db, replace(of, caller=other.caller), contract)


def test_a_contract_has_as_many_lessons_as_were_paid_and_gifted_and_a_struck_one_may_be_held_again(
    db: Connection,
) -> None:
    of = school(db)
    child, contract = enrolled(db, of, lessons=2, gifted=1)
    for day in (3, 4, 5):
        lesson = teach(db, of, [contract], on=(8, day))
    with pytest.raises(NoLessonsLeft, match=str(contract.id)):
        teach(db, of, [contract], on=(8, 6))
    confirmations.dispute(db, lesson, contract.id, reason="没上课", by=child.caller, now=at(8, 6))
    with pytest.raises(NoLessonsLeft):
        teach(db, of, [contract], on=(8, 6))
    confirmations.decide(db, lesson, contract.id, taught=False, reason="查实", by=BUREAU, now=at(8, 6))
    teach(db, of, [contract], on=(8, 6))
    assert breaches(db) == []
