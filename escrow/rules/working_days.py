"""Working days of mainland China (工作日): weekdays without the State Council's holidays, and the days made up for."""

from datetime import date, datetime, timedelta
from typing import Final

import chinese_calendar  # type: ignore[import-untyped]  # it ships no types; one call, made into a bool below

_WEEKEND: Final = (5, 6)  # Saturday and Sunday, as date.weekday() counts


class CalendarUnknown(LookupError):
    """The State Council's holiday arrangement of a year is not in the calendar, and it is never guessed."""

    def __init__(self, year: int) -> None:
        super().__init__(
            f"the working calendar of {year} is not known; upgrade chinesecalendar to a release that holds {year} "
            f"(the State Council publishes the arrangement in the autumn before), then repeat"
        )
        self.year = year


def is_working_day(day: date) -> bool:
    """Whether offices and banks work on this local day. Raises CalendarUnknown for a year without data."""
    if isinstance(day, datetime):
        raise TypeError(f"{day.isoformat()} is an instant; give the local day, it depends on the zone")
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError as error:
        raise CalendarUnknown(day.year) from error


def after_working_days(start: date, n: int) -> date:
    """The n-th working day after `start`, the day of the start not counted; n = 0 gives `start`.

    Raises CalendarUnknown when the count runs into a year without data.
    """
    if n < 0:
        raise ValueError(f"{n} working days; a count of days is not negative")
    day = start
    while n > 0:
        day += timedelta(days=1)
        if is_working_day(day):
            n -= 1
    return day


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
