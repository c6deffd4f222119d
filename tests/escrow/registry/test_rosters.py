"""Rosters: filed by their day or late, whole or not at all, and what a release without one meets."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from escrow.monitoring.watching import look
from escrow.payouts import releases
from escrow.payouts.release_drafts import RosterMissing
from escrow.refusals import Unknown
from escrow.registry import rosters
from escrow.registry.rosters import BadRoster, MonthNotBegun, Roster, TaughtClass, Teacher
from escrow.rules.months import Month
from escrow.rules.rulebook import SHIPPED, Rulebook
from tests.escrow.county import ASKED, RULEBOOK, School, at, confirmed, enrolled, requested, school
from tests.escrow.monitoring.detectors.columns import HABITS

AUGUST = Month(2026, 8)
LI = Teacher(name="李老师", subject="drawing", certificate="2026500000001")


def filed(db: Connection, of: School, *, now: object = None, rulebook: Rulebook = RULEBOOK, pupils: int = 1) -> Roster:
    classes = [TaughtClass(course_id=of.course.id, name="A", teacher=LI.name, pupils=pupils)]
    return rosters.file(
        db,
        of.institution.id,
        month=AUGUST,
        teachers=[LI],
        classes=classes,
        rulebook=rulebook,
        by=of.caller,
        now=at(9, 8) if now is None else now,  # type: ignore[arg-type]  # an instant
    )


@pytest.fixture
def refusing(tmp_path: Path) -> Rulebook:
    """The shipped rules in a county that refuses what it would else flag."""
    folder = shutil.copytree(SHIPPED, tmp_path / "cn")
    county = folder / "county" / "jurisdiction.yaml"
    county.write_text(county.read_text(encoding="utf-8").replace('"flag"', '"refuse"'), encoding="utf-8")
    return Rulebook.load(folder)


def test_a_roster_is_in_time_through_the_tenth_and_late_from_the_eleventh(db: Connection) -> None:
    of = school(db)
    in_time, late = filed(db, of, now=at(9, 10, 23, 59)), filed(db, of, now=at(9, 11, 0, 0))
    assert (in_time.due_on, in_time.late, late.late) == (date(2026, 9, 10), False, True)
    assert in_time.rule == "county/roster.deadline@2025-01-01"


def test_the_last_roster_of_a_month_stands_and_the_earlier_one_stays(db: Connection) -> None:
    of = school(db)
    filed(db, of, pupils=12)
    newer = filed(db, of, pupils=13, now=at(9, 9))
    assert rosters.latest(db, of.institution.id, AUGUST) == newer
    assert rosters.latest(db, of.institution.id, AUGUST.plus(1)) is None


def test_a_month_that_has_not_begun_has_no_roster(db: Connection) -> None:
    of = school(db)
    with pytest.raises(MonthNotBegun, match="2026-08-01"):
        filed(db, of, now=at(7, 31, 23, 59))
    assert filed(db, of, now=at(8, 1, 0, 0)).month == "2026-08"


def test_a_school_files_for_itself_alone(db: Connection) -> None:
    first, second = school(db, 1), school(db, 2)
    with pytest.raises(Unknown):
        filed(db, replace(first, caller=second.caller))


@pytest.mark.parametrize(
    ("teachers", "change", "why"),
    [
        ([LI, LI], {}, "李老师"),
        ([LI], {"teacher": "王老师"}, "王老师, who teaches A"),
        ([LI], {"course_id": 1}, "the course 1"),
        ([LI], {"pupils": -1}, "-1 pupils"),
    ],
)
def test_a_roster_that_does_not_fit_together_is_refused_whole(
    db: Connection, teachers: list[Teacher], change: dict[str, object], why: str
) -> None:
    of = school(db)
    one = TaughtClass(course_id=of.course.id, name="A", teacher=LI.name, pupils=3)
    file: Callable[..., Roster] = rosters.file
    with pytest.raises(BadRoster, match=why) as refused:
        file(
            db,
            of.institution.id,
            month=AUGUST,
            teachers=teachers,
            classes=[one, replace(one, **change)],  # type: ignore[arg-type]  # one field at a time
            rulebook=RULEBOOK,
            by=of.caller,
            now=at(9, 8),
        )
    assert "名册不能受理" in refused.value.chinese
    assert rosters.latest(db, of.institution.id, AUGUST) is None


def test_where_the_county_refuses_no_release_is_asked_for_without_its_roster(
    db: Connection, refusing: Rulebook
) -> None:
    of = school(db)
    confirmed(db, of, enrolled(db, of), on=(8, 3))
    with pytest.raises(RosterMissing) as refused:
        releases.submit(db, of.institution.id, period=AUGUST, rulebook=refusing, by=of.caller, now=ASKED)
    assert "it was due by 2026-09-10: file it" in refused.value.english
    assert "请先提交名册" in refused.value.chinese
    filed(db, of, rulebook=refusing)
    assert (
        releases.submit(db, of.institution.id, period=AUGUST, rulebook=refusing, by=of.caller, now=ASKED).lessons == 1
    )


def test_where_the_county_flags_the_release_goes_on_and_the_finding_is_told(db: Connection) -> None:
    of = school(db)
    confirmed(db, of, enrolled(db, of), on=(8, 3))
    found = rosters.finding(db, of.institution, AUGUST, rulebook=RULEBOOK, now=ASKED)
    assert found is not None
    assert (found.rule.name, found.fact) == ("roster.deadline", f"institution:{of.institution.id}:roster:2026-08")
    assert requested(db, of).lessons == 1
    filed(db, of)
    assert rosters.finding(db, of.institution, AUGUST, rulebook=RULEBOOK, now=ASKED) is None


def test_the_watch_sees_a_taught_month_without_a_roster_from_the_eleventh_on(db: Connection) -> None:
    of, other = school(db), school(db, 2)
    for each in (of, other):
        confirmed(db, each, enrolled(db, each), on=(8, 3))
    filed(db, other)

    def missing(day: int) -> list[str]:
        seen = look(db, rulebook=RULEBOOK, habits=HABITS, now=at(9, day))
        return [each.sighting.finding.fact for each in seen["missing_rosters"]]

    assert missing(10) == []
    assert missing(11) == [f"institution:{of.institution.id}:roster:2026-08"]
    filed(db, of, now=at(9, 11))
    assert missing(12) == []


def test_the_database_keeps_a_roster_as_it_was_filed(db: Connection) -> None:
    filed(db, school(db))
    for attempt in ("UPDATE roster SET month = '2026-07'", "DELETE FROM roster"):
        with pytest.raises(DBAPIError, match="append-only"), db.begin_nested():
            db.execute(text(attempt))
