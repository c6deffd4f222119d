"""Lessons that end late, and lessons that nobody paid for."""

from typing import Any

import pandas as pd
import pytest

from escrow.monitoring.detectors.teaching import late_lessons, unfunded_lessons
from tests.escrow.county import at
from tests.escrow.monitoring.detectors.columns import GROUND, PLACE, columns, day, facts, second


def held(*ends: dict[str, Any]) -> pd.DataFrame:
    return columns(
        [
            PLACE | {"id": number, "course": 1, "held_on": day(8, 20), "ends_at": second(at(8, 20, 20, 30))} | given
            for number, given in enumerate(ends, 1)
        ]
    )


def had(**given: int) -> pd.DataFrame:
    """Ten of ten lessons for 1,000.00, nine days after the last, with 900.00 paid."""
    row = {"id": 1, "student": 1, "lessons": 10, "price": 100000, "taught": 10, "paid": 90000}
    return columns([PLACE | row | {"last": second(at(8, 23))} | given])


def test_the_minute_itself_is_in_time_and_the_next_second_is_late() -> None:
    on_time, late = {"id": 1}, {"ends_at": second(at(8, 20, 20, 30, second=1))}
    (found,) = late_lessons(held(on_time, late), GROUND)
    finding = found.sighting.finding
    assert (finding.fact, finding.limit, finding.found) == ("late_lesson:lesson:2", "20:30", "2026-08-20 20:30:01")
    assert finding.rule.version == "nation/lesson.latest_end:offline@2022-01-01"
    assert "教监管〔2022〕4号" in finding.en


def test_online_lessons_may_end_half_an_hour_later() -> None:
    online = {"mode": "online"}
    rows = held(online | {"ends_at": second(at(8, 20, 21))}, online | {"ends_at": second(at(8, 20, 21, 1))})
    assert facts(late_lessons(rows, GROUND)) == ["late_lesson:lesson:2"]


def test_a_lesson_that_ends_after_midnight_is_late_too() -> None:
    assert facts(late_lessons(held({"ends_at": second(at(8, 21, 0, 30))}), GROUND)) == ["late_lesson:lesson:1"]


def test_before_the_rules_first_day_no_hour_was_too_late() -> None:
    long_ago = {"held_on": day(8, 20) - 365 * 5, "ends_at": second(at(8, 20, 22)) - 365 * 5 * 86_400}
    assert late_lessons(held(long_ago), GROUND) == []


def test_lessons_beyond_what_was_paid_are_seen() -> None:
    (found,) = unfunded_lessons(had(), GROUND)
    finding = found.sighting.finding
    assert (finding.limit, finding.found) == ("900.00 CNY paid", "10 lessons, 1000.00 CNY")


@pytest.mark.parametrize(
    "close",
    [
        pytest.param({"paid": 100000}, id="paid in full"),
        pytest.param({"taught": 9}, id="nine lessons are what nine tenths pay for"),
        pytest.param({"taught": 12, "paid": 100000}, id="two gifted ones after the paid"),
        pytest.param({"last": second(at(8, 25))}, id="a week ago"),
    ],
)
def test_lessons_that_are_paid_for_or_may_still_be_are_not(close: dict[str, int]) -> None:
    assert unfunded_lessons(had(**close), GROUND) == []
    assert facts(unfunded_lessons(had(last=second(at(8, 24))), GROUND)) == ["unfunded_lessons:contract:1"]
