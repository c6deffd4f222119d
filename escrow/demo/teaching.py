"""Teaching: sessions are recorded in the evening, some guardians confirm, the others' silence counts."""

from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from escrow.demo.agenda import clock
from escrow.demo.town import AUTOMATIC, Class, Enrolled, Town
from escrow.rules.working_days import is_working_day
from escrow.teaching import confirmations, lessons
from escrow.teaching.lessons import Session

RECORDED_AFTER: Final = timedelta(minutes=20)
ABSENT: Final = 25
"""One in so many misses a lesson."""


def put_on_agenda(town: Town, first: date, last: date) -> None:
    """Every session of every class, and the nightly look for guardians who have let their days pass."""
    for school in town.schools:
        for each in school.classes:
            for begins, ends in each.plan.taught():
                town.later(ends + RECORDED_AFTER, partial(hold, town, each, begins))
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        if is_working_day(day - timedelta(days=1)):  # the last day of silence is a working day
            town.later(clock(day, 0, 10), partial(listen_to_silence, town))


def hold(town: Town, klass: Class, begins: datetime, now: datetime) -> None:
    """Record a session with those who came."""
    came = [each for each in klass.roll if each.family.steady or town.rng.randrange(ABSENT)]
    if not klass.school.is_teaching or not came:
        return
    session = Session(
        course_id=klass.course.id,
        class_no=klass.plan.class_no,
        starts_at=begins,
        ends_at=now - RECORDED_AFTER,
        contract_ids=[each.contract.id for each in came],
    )
    with town.request() as db:
        recorded = lessons.record(db, session, rulebook=town.rulebook, by=klass.school.caller, now=now)
    klass.held[begins] = recorded.lesson.id
    for each in came:
        if each.family.diligent:
            soon = now + timedelta(minutes=town.rng.randint(10, 120))
            town.later(soon, partial(confirm, town, recorded.lesson.id, each))


def confirm(town: Town, lesson_id: int, enrolled: Enrolled, now: datetime) -> None:
    """A guardian confirms what was taught."""
    with town.request() as db:
        confirmations.confirm(db, lesson_id, enrolled.contract.id, by=enrolled.guardian, now=now)


def listen_to_silence(town: Town, now: datetime) -> None:
    """Confirm what guardians have let pass."""
    with town.request() as db:
        confirmations.confirm_by_silence(db, by=AUTOMATIC, now=now)
