"""Class sessions: the institution records what was taught and who was there; from then the families are asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, func, insert, select

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.enrolment import contracts
from escrow.enrolment.contracts import Contract
from escrow.refusals import Conflict, Invalid, Unknown
from escrow.registry import courses, institutions
from escrow.registry.courses import Course
from escrow.rules.months import SHANGHAI
from escrow.rules.rulebook import Rulebook
from escrow.teaching.tables import attendance
from escrow.teaching.tables import lesson as table


class LessonNotOver(Invalid):
    """A lesson is recorded when it is over: this one ends at {ends_at}, it is now {now}."""

    zh = "课程结束后方可记课：本节课结束时间为 {ends_at}，当前时间为 {now}。"


class LessonWithoutTime(Invalid):
    """A lesson ends after it begins: this one would begin at {starts_at} and end at {ends_at}."""

    zh = "下课时间须晚于上课时间：上课 {starts_at}，下课 {ends_at}。"


class LessonAlreadyRecorded(Conflict):
    """The lesson of class {class_no} at {starts_at} was recorded before, as lesson {lesson}."""

    zh = "班级「{class_no}」{starts_at} 的课已记录（课次 {lesson}）。"


class NotOfThisCourse(Conflict):
    """The contracts {contracts} are not open contracts of course {course}; leave them out or correct them."""

    zh = "合同 {contracts} 不是课程 {course} 的有效合同，请剔除或更正。"


class BeforeFirstLesson(Conflict):
    """The lesson was held on {held_on}, before the first lesson that the contracts {contracts} agreed on; nothing was
    due by then. Correct the day, or leave these contracts out."""

    zh = "本节课日期 {held_on} 早于合同 {contracts} 约定的首课日，不能计课；请更正日期或剔除这些合同。"


class NoLessonsLeft(Conflict):
    """All lessons of the contracts {contracts}, gifted ones included, are taught or recorded already."""

    zh = "合同 {contracts} 的课时（含赠课）已全部记录完毕，不能再记课。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A class session as the institution reports it (课次): which class, when, and whose contracts were attended."""

    course_id: int
    class_no: str
    starts_at: datetime
    ends_at: datetime
    contract_ids: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A recorded session. `held_on` is its local day."""

    id: int
    institution_id: int
    course_id: int
    class_no: str
    held_on: date
    starts_at: datetime
    ends_at: datetime
    recorded_at: datetime
    recorded_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedLesson:
    """A lesson with what was noted of it: who attended, and until when the guardians may confirm or dispute."""

    lesson: Lesson
    contract_ids: Sequence[int]
    silent_on: date


def record(db: Connection, session: Session, *, rulebook: Rulebook, by: Caller, now: datetime) -> RecordedLesson:
    """Record a session with its attendance; whole or not at all. The guardians' working days run from now.

    Raises Unknown, InstitutionClosed, LessonWithoutTime, LessonNotOver, LessonAlreadyRecorded, NotOfThisCourse,
    NoLessonsLeft.
    """
    course = courses.get(db, session.course_id)
    by.must_act_for("institution", course.institution_id, "course", course.id)
    institution = institutions.get(db, course.institution_id)
    institution.must_be_open()
    attended = contracts.by_id(db, session.contract_ids, lock=True)
    _must_be_recordable(db, session, course, attended, now=now)

    today = now.astimezone(SHANGHAI).date()
    silence = rulebook.require("confirmation.silence", jurisdiction=institution.jurisdiction, on=today).integer
    silent_on = rulebook.calendar(institution.jurisdiction).after(today, silence)

    lesson = _add(db, session, course, by=by, now=now)
    rows = [
        {"lesson_id": lesson.id, "contract_id": contract_id, "state": "recorded", "silent_on": silent_on}
        for contract_id in sorted(attended)
    ]
    if rows:
        db.execute(insert(attendance), rows)
    trail.record(db, by, "lesson.recorded", f"lesson:{lesson.id}", now=now, attended=sorted(attended))
    return RecordedLesson(lesson=lesson, contract_ids=sorted(attended), silent_on=silent_on)


def get(db: Connection, lesson_id: int) -> Lesson:
    """One lesson. Raises Unknown."""
    row = db.execute(select(table).where(table.c.id == lesson_id)).one_or_none()
    if row is None:
        raise Unknown(what="lesson", key=lesson_id)
    return Lesson(**row._asdict())


def _must_be_recordable(
    db: Connection, session: Session, course: Course, attended: dict[int, Contract], *, now: datetime
) -> None:
    if session.ends_at <= session.starts_at:
        raise LessonWithoutTime(starts_at=_local(session.starts_at), ends_at=_local(session.ends_at))
    if session.ends_at > now:
        raise LessonNotOver(ends_at=_local(session.ends_at), now=_local(now))
    _must_be_new(db, session)
    strangers = [
        each
        for each in sorted(set(session.contract_ids))
        if each not in attended or attended[each].course_id != course.id or attended[each].state != "open"
    ]
    if strangers:
        raise NotOfThisCourse(contracts=strangers, course=course.id)
    held_on = session.starts_at.astimezone(SHANGHAI).date()
    early = [each.id for each in attended.values() if held_on < each.first_lesson]
    if early:
        raise BeforeFirstLesson(held_on=held_on, contracts=early)
    used = _used(db, list(attended))
    full = [each.id for each in attended.values() if used.get(each.id, 0) >= each.lessons + each.gifted]
    if full:
        raise NoLessonsLeft(contracts=full)


def _must_be_new(db: Connection, session: Session) -> None:
    same = select(table.c.id).where(
        table.c.course_id == session.course_id,
        table.c.class_no == session.class_no,
        table.c.starts_at == session.starts_at,
    )
    recorded = db.execute(same).scalar()
    if recorded is not None:
        raise LessonAlreadyRecorded(class_no=session.class_no, starts_at=_local(session.starts_at), lesson=recorded)


def _used(db: Connection, contract_ids: Sequence[int]) -> dict[int, int]:
    """Lessons recorded on each contract and not struck out."""
    a = attendance.c
    query = (
        select(a.contract_id, func.count().label("lessons"))
        .where(a.contract_id.in_(contract_ids), a.state != "struck")
        .group_by(a.contract_id)
    )
    return {row.contract_id: row.lessons for row in db.execute(query)}


def _add(db: Connection, session: Session, course: Course, *, by: Caller, now: datetime) -> Lesson:
    made = insert(table).values(
        institution_id=course.institution_id,
        course_id=course.id,
        class_no=session.class_no,
        held_on=session.starts_at.astimezone(SHANGHAI).date(),
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        recorded_at=now,
        recorded_by=by.name,
    )
    return Lesson(**db.execute(made.returning(table)).one()._asdict())


def _local(at: datetime) -> str:
    return at.astimezone(SHANGHAI).isoformat(timespec="minutes")
