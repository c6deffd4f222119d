"""Working days of mainland China (工作日): weekdays without the State Council's holidays, and the days made up for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Final

import chinese_calendar  # type: ignore[import-untyped]  # it ships no types; one call, made into a bool below

from escrow.rules.holidays import Notice, years_of

_WEEKEND: Final = (5, 6)  # Saturday and Sunday, as date.weekday() counts


class CalendarUnknown(LookupError):
    """The State Council's holiday arrangement of a year is not in the calendar, and it is never guessed."""

    def __init__(self, year: int) -> None:
        super().__init__(
            f"the working calendar of {year} is not known; upgrade chinesecalendar to a release that holds {year}, "
            f"or write escrow/rules/calendar/{year}.yaml with the citation of its notice "
            f"(the State Council publishes the arrangement in the autumn before), then repeat"
        )
        self.year = year


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkingCalendar:
    """The working days of one place (工作日历).

    The nearest word wins: `closures`, the local notices, the place's own first; then our own table of the State
    Council's notices, by year; then the library's. A year in neither raises CalendarUnknown.
    """

    years: Mapping[int, Notice]
    closures: Sequence[Notice] = ()

    def is_working_day(self, day: date) -> bool:
        """Whether offices and banks work on this local day. Raises CalendarUnknown for a year without data."""
        if isinstance(day, datetime):
            raise TypeError(f"{day.isoformat()} is an instant; give the local day, it depends on the zone")
        for notice in self.closures:
            if day in notice.works:
                return notice.works[day]
        if day.year in self.years:
            return self.years[day.year].works.get(day, day.weekday() not in _WEEKEND)
        return _by_the_library(day)

    def after(self, start: date, n: int) -> date:
        """The n-th working day after `start`, the day of the start not counted; n = 0 gives `start`.

        Raises CalendarUnknown when the count runs into a year without data.
        """
        if n < 0:
            raise ValueError(f"{n} working days; a count of days is not negative")
        day = start
        while n > 0:
            day += timedelta(days=1)
            if self.is_working_day(day):
                n -= 1
        return day

    def known_through(self) -> date:
        """The last day of the last year of which every day is known, from our first year on."""
        year = min(self.years)
        while self._knows(year + 1):
            year += 1
        return date(year, 12, 31)

    def _knows(self, year: int) -> bool:
        try:
            self.is_working_day(date(year, 12, 31))
        except CalendarUnknown:
            return False
        return True


@cache
def national() -> WorkingCalendar:
    """The calendar of the nation, read once. Raises BadRuleFile."""
    return WorkingCalendar(years=years_of())


def is_working_day(day: date) -> bool:
    """Whether offices and banks work on this local day, by the nation's calendar. Raises CalendarUnknown."""
    return national().is_working_day(day)


def after_working_days(start: date, n: int) -> date:
    """The n-th working day after `start`, by the nation's calendar. Raises CalendarUnknown."""
    return national().after(start, n)


def due_day(start: date, n: int) -> date:
    """The day by which something on our own lists is due: the n-th working day after `start`.

    Not for what the law counts: where the calendar is not known yet it counts Monday to Friday. Otherwise no statement
    could be imported on the last day of a year.
    """
    try:
        return after_working_days(start, n)
    except CalendarUnknown:
        day = start
        while n > 0:
            day += timedelta(days=1)
            n -= day.weekday() not in _WEEKEND
        return day


def _by_the_library(day: date) -> bool:
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError as error:
        raise CalendarUnknown(day.year) from error
