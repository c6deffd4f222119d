"""Releases: each institution files its roster and asks in the window for what it taught, and the bureau decides."""

from datetime import date, datetime
from functools import partial
from typing import Final

from escrow.demo.agenda import clock, next_morning
from escrow.demo.town import OFFICER, SECOND, School, Town
from escrow.payouts import releases
from escrow.payouts.release_drafts import NothingToRelease, ReleaseRequest
from escrow.registry import rosters
from escrow.registry.rosters import TaughtClass, Teacher
from escrow.rules.months import Month

MONTHS: Final = (Month(2026, 8), Month(2026, 9), Month(2026, 10))
"""Months of teaching; each is asked for in the window of the next."""


ROSTERS_ON: Final = 8


def put_on_agenda(town: Town, otherwise: set[tuple[str, str]]) -> None:
    """Each institution asks on some working hour of the window's first days, but for those of `otherwise`: pairs of
    a supervised account and a month that a case asks for itself."""
    for month in MONTHS:
        following = month.plus(1)
        for number, school in enumerate(town.schools):
            filing = clock(date(following.year, following.month, ROSTERS_ON), 9, number)
            town.later(filing, partial(file_roster, town, school, month))
            if (school.account, str(month)) in otherwise:
                continue
            day = date(following.year, following.month, town.rng.randint(10, 12))
            at = clock(day, town.rng.randrange(9, 15), town.rng.randrange(60))
            town.later(at, partial(ask_and_decide, town, school, month))


def file_roster(town: Town, school: School, month: Month, now: datetime) -> None:
    """An institution files who taught which classes in the month, before its day (名册更新)."""
    classes = [
        TaughtClass(
            course_id=each.course.id, name=each.plan.class_no, teacher=f"{each.plan.class_no}班教师", pupils=pupils
        )
        for each in school.classes
        if (pupils := len(each.roll))
    ]
    teachers = [Teacher(name=each.teacher, subject=school.plan.subject) for each in classes]
    with town.request() as db:
        rosters.file(
            db,
            school.institution.id,
            month=month,
            teachers=teachers,
            classes=classes,
            rulebook=town.rulebook,
            by=school.caller,
            now=now,
        )


def ask_and_decide(town: Town, school: School, month: Month, now: datetime) -> None:
    """Ask, and be approved on the next working morning. An institution that taught nothing has nothing to ask."""
    try:
        request = ask(town, school, month, now)
    except NothingToRelease:
        return
    town.later(next_morning(now), partial(approve, town, request.id))


def ask(town: Town, school: School, month: Month, now: datetime) -> ReleaseRequest:
    """An institution asks for a month. Raises what the service answers."""
    with town.request() as db:
        return releases.submit(
            db, school.institution.id, period=month, rulebook=town.rulebook, by=school.caller, now=now
        )


def approve(town: Town, request_id: int, now: datetime) -> None:
    """The bureau approves; the next payout file carries it."""
    with town.request() as db:
        releases.approve(db, request_id, by=SECOND if request_id % 2 else OFFICER, now=now)
