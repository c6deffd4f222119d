"""Calendar months: their ends, their leap years, and the local clock they belong to."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.rules.months import Month, NotAMonth, add_months

DAYS = st.dates(min_value=date(1950, 1, 1), max_value=date(2150, 12, 31))
COUNTS = st.integers(min_value=-60, max_value=60)


@pytest.mark.parametrize(
    ("day", "months", "found"),
    [
        ("2026-01-31", 3, "2026-04-30"),
        ("2026-09-01", 3, "2026-12-01"),
        ("2026-11-30", 3, "2027-02-28"),
        ("2027-11-30", 3, "2028-02-29"),
        ("2026-03-31", -1, "2026-02-28"),
        ("2028-03-31", -1, "2028-02-29"),
        ("2026-01-15", -1, "2025-12-15"),
        ("2026-12-31", 0, "2026-12-31"),
    ],
)
def test_a_month_without_that_day_gives_its_last(day: str, months: int, found: str) -> None:
    assert add_months(date.fromisoformat(day), months) == date.fromisoformat(found)


@given(day=DAYS, months=COUNTS)
def test_the_day_is_kept_or_it_is_the_last_of_a_shorter_month(day: date, months: int) -> None:
    found = add_months(day, months)
    assert (found.year * 12 + found.month) - (day.year * 12 + day.month) == months
    assert found.day == min(day.day, monthrange(found.year, found.month)[1])


@given(day=DAYS, months=COUNTS)
def test_a_later_day_never_comes_out_earlier(day: date, months: int) -> None:
    assert add_months(day, months) <= add_months(day + timedelta(days=1), months)


def test_a_month_begins_and_ends_at_local_midnight() -> None:
    october = Month.parse("2026-10")

    assert october.start == datetime(2026, 9, 30, 16, tzinfo=UTC)
    assert october.end == datetime(2026, 10, 31, 16, tzinfo=UTC)
    assert [at in october for at in (october.start, october.end)] == [True, False]
    assert (str(october), october.first_day, october.last_day) == ("2026-10", date(2026, 10, 1), date(2026, 10, 31))


def test_an_evening_in_utc_is_already_the_next_local_month() -> None:
    assert Month.containing(datetime(2026, 9, 30, 15, 59, tzinfo=UTC)) == Month.parse("2026-09")
    assert Month.containing(datetime(2026, 9, 30, 16, 0, tzinfo=UTC)) == Month.parse("2026-10")


def test_december_is_followed_by_january() -> None:
    assert Month.parse("2026-12").plus(1) == Month.parse("2027-01")
    assert Month.parse("2026-12").end == Month.parse("2027-01").start
    assert Month.parse("2026-12") < Month.parse("2027-01")


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "2026-1", "2026-10-01", " 2026-10", "2026/10", "２０２６-10", "0000-01"]
)
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(NotAMonth):
        Month.parse(text)


def test_an_instant_without_a_zone_has_no_month() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        Month.containing(datetime(2026, 10, 1))  # noqa: DTZ001 -- the naive time is what is refused
