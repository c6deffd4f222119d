"""The days of a month on which a release may be asked for, to the second, on Shanghai's clock. Pure."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.payouts.windows import OutsideReleaseWindow, Windows
from escrow.rules.months import SHANGHAI, Month
from escrow.rules.rulebook import Window
from tests.escrow.county import RULEBOOK, at

FOUND = Windows.in_force(RULEBOOK, jurisdiction="900001", on=date(2026, 11, 10))
assert FOUND is not None
WINDOWS: Final[Windows] = FOUND


def ask(moment: str) -> None:
    WINDOWS.must_hold(datetime.fromisoformat(moment))


@pytest.mark.parametrize(
    "moment",
    [
        "2026-11-09T16:00:00Z",
        "2026-11-15T15:59:59Z",
        "2026-11-15T15:59:59.999999Z",
        "2026-11-10T00:00:00+08:00",
        "2026-11-09T10:30:00-05:30",
        "2026-02-10T00:00:00+08:00",
        "2026-12-15T23:59:59+08:00",
        "2027-01-12T12:00:00+08:00",  # its calendar is not published yet, and is not needed on these days
    ],
)
def test_inside_the_window_a_release_may_be_asked_for(moment: str) -> None:
    ask(moment)


@pytest.mark.parametrize(
    ("moment", "opens", "closes"),
    [
        ("2026-11-09T15:59:59Z", "2026-11-10T00:00:00+08:00", "2026-11-16T00:00:00+08:00"),
        ("2026-11-15T16:00:00Z", "2026-12-10T00:00:00+08:00", "2026-12-16T00:00:00+08:00"),
        ("2026-11-01T00:00:00+08:00", "2026-11-10T00:00:00+08:00", "2026-11-16T00:00:00+08:00"),
        ("2026-10-31T16:30:00Z", "2026-11-10T00:00:00+08:00", "2026-11-16T00:00:00+08:00"),
        ("2026-12-16T00:00:00+08:00", "2027-01-10T00:00:00+08:00", "2027-01-16T00:00:00+08:00"),
        ("2026-12-31T23:59:59+08:00", "2027-01-10T00:00:00+08:00", "2027-01-16T00:00:00+08:00"),
    ],
)
def test_outside_it_the_refusal_names_the_next_window_the_rule_and_its_citation(
    moment: str, opens: str, closes: str
) -> None:
    with pytest.raises(OutsideReleaseWindow) as refused:
        ask(moment)
    facts = refused.value.facts
    assert (facts["first"], facts["last"], facts["next_opens"], facts["next_closes"]) == (10, 15, opens, closes)
    assert facts["rule"] == "county/release.window@2025-01-01"
    for told in (opens, closes, facts["rule"], facts["citation"]):
        assert told in refused.value.english
        assert told in refused.value.chinese


def test_a_window_without_a_working_day_runs_on_through_the_first_one_after_it() -> None:
    """10 to 17 February 2024 was the Spring Festival; Sunday the 18th was worked for it."""
    window = WINDOWS.of(Month(2024, 2))
    assert (window.opens, window.closes) == (
        datetime(2024, 2, 10, tzinfo=SHANGHAI),
        datetime(2024, 2, 19, tzinfo=SHANGHAI),
    )
    assert datetime(2024, 2, 18, 23, 59, tzinfo=SHANGHAI) in window
    assert datetime(2024, 2, 19, tzinfo=SHANGHAI) not in window


def test_where_no_rule_shifts_it_a_window_without_a_working_day_stays_where_it_is() -> None:
    window = replace(WINDOWS, shifts=False).of(Month(2024, 2))
    assert (window.opens, window.closes) == (
        datetime(2024, 2, 10, tzinfo=SHANGHAI),
        datetime(2024, 2, 16, tzinfo=SHANGHAI),
    )


@pytest.mark.parametrize("month", [*(Month(2025, number) for number in range(1, 13)), Month(2026, 2), Month(2024, 1)])
def test_every_other_window_is_the_days_that_the_rule_names(month: Month) -> None:
    window = WINDOWS.of(month)
    assert (window.opens, window.closes) == (
        datetime(month.year, month.month, 10, tzinfo=SHANGHAI),
        datetime(month.year, month.month, 16, tzinfo=SHANGHAI),
    )


def test_a_rule_that_names_the_thirty_first_means_the_last_day_of_a_shorter_month() -> None:
    window = replace(WINDOWS, rule=replace(WINDOWS.rule, value=Window(first=25, last=31))).of(Month(2026, 2))
    assert window.closes == datetime(2026, 3, 1, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("known_from", "month"),
    [
        (at(11, 16, 0), "2026-12"),
        (at(11, 15, 23, 59), "2026-11"),
        (at(11, 1), "2026-11"),
        (at(12, 16, 0), "2027-01"),
        (at(12, 31, 23), "2027-01"),
    ],
)
def test_a_lesson_is_expected_in_the_first_window_that_can_hold_it(known_from: datetime, month: str) -> None:
    assert str(WINDOWS.expected(known_from)) == month


@given(minutes=st.integers(0, 699 * 24 * 60))
def test_the_next_window_has_not_closed_and_no_other_lies_before_it(minutes: int) -> None:
    now = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    found = WINDOWS.next(now)
    assert now < found.closes
    assert found.opens - now < timedelta(days=32)
    assert now >= WINDOWS.of(Month.containing(found.opens).plus(-1)).closes
