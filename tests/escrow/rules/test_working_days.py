"""Working days of 2026, across both long holidays and the days made up for them."""

from datetime import UTC, date, datetime

import pytest

from escrow.rules.working_days import CalendarUnknown, after_working_days, due_day, is_working_day


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-02-14", True),  # Saturday, made up for the Spring Festival
        ("2026-02-15", False),
        ("2026-02-16", False),  # Monday, eve of the Spring Festival
        ("2026-02-23", False),
        ("2026-02-24", True),
        ("2026-02-28", True),  # Saturday, made up
        ("2026-03-01", False),
        ("2026-09-20", True),  # Sunday, made up for the National Day
        ("2026-10-01", False),
        ("2026-10-07", False),
        ("2026-10-08", True),
        ("2026-10-10", True),  # Saturday, made up
        ("2026-10-11", False),
    ],
)
def test_a_day_of_2026(day: str, works: bool) -> None:
    assert is_working_day(date.fromisoformat(day)) is works


@pytest.mark.parametrize(
    ("start", "n", "found"),
    [
        ("2026-02-13", 1, "2026-02-14"),
        ("2026-02-13", 5, "2026-02-27"),
        ("2026-02-14", 5, "2026-02-28"),
        ("2026-09-30", 5, "2026-10-13"),
        ("2026-10-03", 1, "2026-10-08"),
        ("2026-10-31", 5, "2026-11-06"),
        ("2026-10-31", 15, "2026-11-20"),
        ("2026-10-03", 0, "2026-10-03"),
    ],
)
def test_the_count_starts_the_day_after_and_passes_over_holidays(start: str, n: int, found: str) -> None:
    assert after_working_days(date.fromisoformat(start), n) == date.fromisoformat(found)


def test_a_count_that_runs_into_a_year_without_data_is_refused_and_names_the_year() -> None:
    with pytest.raises(CalendarUnknown, match="calendar of 2099 is not known; upgrade chinesecalendar") as refused:
        after_working_days(date(2099, 1, 1), 5)
    assert refused.value.year == 2099


def test_an_instant_is_refused_since_its_day_depends_on_the_zone() -> None:
    with pytest.raises(TypeError, match="give the local day"):
        is_working_day(datetime(2026, 9, 30, 16, tzinfo=UTC))


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 working days"):
        after_working_days(date(2026, 10, 8), -1)


def test_our_own_due_days_are_working_days_and_go_on_by_weekdays_where_the_calendar_ends() -> None:
    assert due_day(date(2026, 9, 30), 1) == date(2026, 10, 8), "after the National Day holiday"
    with pytest.raises(CalendarUnknown):
        after_working_days(date(2030, 12, 31), 2)
    assert due_day(date(2030, 12, 30), 5) == date(2031, 1, 6), "a Monday; Saturday and Sunday are left out"
