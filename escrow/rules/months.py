"""Calendar months as the law counts them: a month is a month, not thirty days, and it belongs to local time."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final, Self
from zoneinfo import ZoneInfo

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
"""The business clock of every jurisdiction here."""

_MONTHS_A_YEAR: Final = 12
_MONTH: Final = re.compile(r"([0-9]{4})-([0-9]{2})", re.ASCII)


class NotAMonth(ValueError):
    """The text is not a calendar month as this service writes it."""


def add_months(day: date, months: int) -> date:
    """The same day `months` later (earlier when negative), or the month's last day where it has no such day.

    31 January + 3 = 30 April; 31 March − 1 = 28 or 29 February. Always counted from the given day: steps of one
    month would lose the 31st on the way.
    """
    year, month0 = divmod(day.year * _MONTHS_A_YEAR + day.month - 1 + months, _MONTHS_A_YEAR)
    last = monthrange(year, month0 + 1)[1]
    return date(year, month0 + 1, min(day.day, last))


@dataclass(frozen=True, order=True, slots=True)
class Month:
    """A calendar month of local time (月份), written "2026-10"."""

    year: int
    month: int

    def __post_init__(self) -> None:
        if not (date.min.year <= self.year < date.max.year and 1 <= self.month <= _MONTHS_A_YEAR):
            raise NotAMonth(f"year {self.year}, month {self.month} is no calendar month")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "2026-10". Raises NotAMonth."""
        found = _MONTH.fullmatch(text)
        if found is None:
            raise NotAMonth(f"{text!r} is not a month such as 2026-10")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def containing(cls, at: datetime) -> Self:
        """The local month of an aware instant: 2026-09-30 16:00 UTC is already October in Shanghai."""
        if at.tzinfo is None:
            raise ValueError(f"{at.isoformat()} has no time zone, so its month cannot be known; give an aware time")
        local = at.astimezone(SHANGHAI)
        return cls(local.year, local.month)

    @property
    def first_day(self) -> date:
        """The month's first day."""
        return date(self.year, self.month, 1)

    @property
    def last_day(self) -> date:
        """The month's last day."""
        return date(self.year, self.month, monthrange(self.year, self.month)[1])

    @property
    def start(self) -> datetime:
        """The first instant of the month, aware, in Asia/Shanghai."""
        return datetime.combine(self.first_day, time.min, SHANGHAI)

    @property
    def end(self) -> datetime:
        """The first instant after the month: an instant is inside when start <= instant < end."""
        return self.plus(1).start

    def plus(self, months: int) -> "Month":
        """The month so many months later, or earlier when negative."""
        later = add_months(self.first_day, months)
        return Month(later.year, later.month)

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"
