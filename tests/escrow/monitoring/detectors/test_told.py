"""Complaints, takings, static codes and head counts, each with what stands close to it."""

from datetime import date
from typing import Any

import pandas as pd
import pytest

from escrow.monitoring.detectors.ground import Ground
from escrow.monitoring.detectors.told import (
    crowded_classes,
    outside_complaints,
    repeated_complaints,
    static_codes,
    unswept_takings,
)
from escrow.monitoring.frames import AHEAD, DAY, number_of
from tests.escrow.county import RULEBOOK, at
from tests.escrow.monitoring.detectors.columns import GROUND, HABITS, PLACE, columns, day, facts, second


def told(*complaints: dict[str, Any]) -> pd.DataFrame:
    """Complaints of different families about late lessons in August."""
    row = {"about": "late_lesson", "filed_at": second(at(8, 20)), "happened_on": day(8, 19)}
    return columns([PLACE | row | {"id": n, "family": n} | given for n, given in enumerate(complaints, 1)])


def taken(*takings: dict[str, Any]) -> pd.DataFrame:
    """Cash of 500.00 taken on Thursday 20 August and not swept in yet."""
    row = {"amount": 50000, "taken_on": day(8, 20), "swept_on": -1}
    return columns([PLACE | row | {"id": n} | given for n, given in enumerate(takings, 1)])


def scanned(*payments: dict[str, Any]) -> pd.DataFrame:
    """Payments of 300.00 by one payer's static codes on 20 August."""
    rows = []
    for number, given in enumerate(payments, 1):
        row: dict[str, Any] = (
            PLACE | {"id": number, "amount": 30000, "paid_at": second(at(8, 20)), "payer": "a"} | given
        )
        rows.append(row | {"paid_on": (row["paid_at"] + AHEAD) // DAY})
    return columns(rows)


def ground(when: date, place: str = "900001") -> Ground:
    return Ground(rulebook=RULEBOOK, habits=HABITS, jurisdiction=place, now=at(when.month, when.day))


def test_one_complaint_of_money_outside_the_account_is_enough() -> None:
    (found,) = outside_complaints(told({"about": "personal_code"}), GROUND)
    finding = found.sighting.finding
    assert finding.fact == "outside_complaints:institution:7:personal_code:month:2026-08"
    assert finding.rule.name == "account.personal_code", "there is a law against it, so the law is quoted"
    assert finding.rule.citation.number == "银发〔2021〕259号"
    assert outside_complaints(told({}), GROUND) == []


def test_many_complaints_of_one_kind_in_one_month_are_one_fact() -> None:
    rows = told(*[{"about": "cash"}] * 3, {"about": "cash", "filed_at": second(at(9, 1, 0))})
    assert facts(outside_complaints(rows, GROUND)) == [
        "outside_complaints:institution:7:cash:month:2026-08",
        "outside_complaints:institution:7:cash:month:2026-09",
    ]


def test_three_families_that_say_the_same_are_no_misunderstanding() -> None:
    (found,) = repeated_complaints(told({}, {}, {}), GROUND)
    assert found.sighting.finding.evidence["complaints"] == [1, 2, 3]
    assert repeated_complaints(told({}, {}, {"family": 1}), GROUND) == [], "two families"
    assert repeated_complaints(told({}, {}, {"about": "not_taught"}), GROUND) == [], "two things"
    assert repeated_complaints(told({}, {}, {"filed_at": second(at(9, 1, 0))}), GROUND) == [], "two months"


@pytest.mark.parametrize(
    ("today", "swept_on", "late"),
    [
        ((8, 25), None, False),  # Thursday; Friday, Monday and Tuesday are the three working days
        ((8, 26), None, True),
        ((9, 1), (8, 25), False),
        ((9, 1), (8, 26), True),
    ],
)
def test_money_taken_elsewhere_has_three_working_days(
    today: tuple[int, int], swept_on: tuple[int, int] | None, late: bool
) -> None:
    rows = taken({"swept_on": -1 if swept_on is None else day(*swept_on)})
    assert bool(unswept_takings(rows, ground(date(2026, *today)))) is late


def test_the_days_of_a_holiday_are_no_working_days() -> None:
    rows = taken({"taken_on": day(9, 30)})
    assert unswept_takings(rows, ground(date(2026, 10, 10))) == [], "a Saturday on which offices work"
    assert len(unswept_takings(rows, ground(date(2026, 10, 11)))) == 1


def test_where_a_law_sets_the_days_it_is_quoted_and_elsewhere_the_habit_says_that_it_is_none() -> None:
    code = next(each.code for each in RULEBOOK.jurisdictions.values() if each.folder == "quanzhou")
    subject = taken({"category": "subject"})
    (by_law,) = unswept_takings(subject, ground(date(2026, 8, 26), code))
    (by_habit,) = unswept_takings(subject, ground(date(2026, 8, 26)))
    assert by_law.sighting.finding.rule.version == "quanzhou/cash.sweep:subject@2021-08-16"
    assert by_habit.sighting.finding.rule.version == "watch/unswept_takings@2025-01-01"
    assert "非法律条文" in by_habit.sighting.finding.zh


def test_more_than_five_hundred_yuan_a_day_by_static_codes_is_seen() -> None:
    (found,) = static_codes(scanned({}, {"amount": 20001}), GROUND)
    assert (found.sighting.finding.limit, found.sighting.finding.found) == ("500.00 CNY", "500.01 CNY")
    assert found.sighting.finding.evidence["payments"] == [1, 2]
    assert static_codes(scanned({}, {"amount": 20000}), GROUND) == []
    assert static_codes(scanned({}, {"payer": "b"}), GROUND) == []
    assert static_codes(scanned({}, {"paid_at": second(at(8, 21, 0))}), GROUND) == [], "the next day"


def test_two_guests_may_sit_in_a_class_and_a_third_may_not() -> None:
    row = PLACE | {"held_on": day(8, 20), "counted_at": second(at(8, 20)), "paid": 8}
    classes = columns([row | {"id": 1, "heads": 10}, row | {"id": 2, "heads": 11}, row | {"id": 3, "heads": 5}])
    assert facts(crowded_classes(classes, GROUND)) == ["crowded_class:lesson:2"]
    assert number_of(date(2026, 8, 20)) == day(8, 20)
