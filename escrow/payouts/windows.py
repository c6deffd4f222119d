"""The days of a month on which a release may be asked for, on the wall clock of Asia/Shanghai."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self

from escrow.refusals import Conflict
from escrow.rules.months import SHANGHAI, Month
from escrow.rules.rule import Rule
from escrow.rules.rulebook import Rulebook
from escrow.rules.working_days import CalendarUnknown, is_working_day


class OutsideReleaseWindow(Conflict):
    """A release is asked for from {first} to {last} of a month, Shanghai time, both days inside; now it is {now}. The
    next window opens at {next_opens} and closes at {next_closes}. Rule: {rule} ({citation})."""

    zh = (
        "拨付申请须在每月{first}日至{last}日（含首尾两日，北京时间）提出，当前时间为 {now}。"
        "下一个申请窗口：{next_opens} 至 {next_closes}。依据：{rule}（{citation}）。"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseWindow:
    """One month's window: open at t when opens <= t < closes."""

    opens: datetime
    closes: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.opens <= at < self.closes


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """The windows of a place (申请窗口): the days that `rule` names (release.window).

    `shifts` (release.shift): where none of a window's days is a working day, as in February 2024, it runs on through
    the first working day after it, so that everybody finds an open bank and bureau in it.
    """

    rule: Rule
    shifts: bool

    @classmethod
    def in_force(cls, rulebook: Rulebook, *, jurisdiction: str, on: date) -> Self | None:
        """Those of the jurisdiction with this code, or None where no rule names any."""
        rule = rulebook.in_force("release.window", jurisdiction=jurisdiction, on=on)
        if rule is None:
            return None
        shift = rulebook.in_force("release.shift", jurisdiction=jurisdiction, on=on)
        return cls(rule=rule, shifts=shift is not None and shift.text == "until_a_working_day")

    def of(self, month: Month) -> ReleaseWindow:
        """The window that stands in a calendar month. Raises CalendarUnknown where it may have to shift."""
        named = self._named(month)
        if not self.shifts:
            return named
        day = named.opens.date()
        while not is_working_day(day):
            day += timedelta(days=1)
        return ReleaseWindow(opens=named.opens, closes=max(named.closes, start_of(day + timedelta(days=1))))

    def next(self, now: datetime) -> ReleaseWindow:
        """The first window that has not closed yet: the one `now` is in, or the next to open.

        In December next year's calendar may not be published: then the days that the rule names are what is certain.
        """
        month = Month.containing(now)
        if now >= self._named(month).closes and now >= self.of(month).closes:
            month = month.plus(1)
        try:
            return self.of(month)
        except CalendarUnknown:
            return self._named(month)

    def expected(self, known_from: datetime) -> Month:
        """The month whose window can first hold a lesson that will be confirmed at `known_from`."""
        return Month.containing(self.next(known_from).opens)

    def must_hold(self, now: datetime) -> None:
        """Raises OutsideReleaseWindow, with the next one, when `now` is in no window."""
        month = Month.containing(now)
        if now in self._named(month) or now in self.of(month):
            return
        upcoming = self.next(now)
        raise OutsideReleaseWindow(
            first=self.rule.window.first,
            last=self.rule.window.last,
            now=_local(now),
            next_opens=_local(upcoming.opens),
            next_closes=_local(upcoming.closes),
            rule=self.rule.version,
            citation=f"{self.rule.citation.title} {self.rule.citation.number}".strip(),
        )

    def _named(self, month: Month) -> ReleaseWindow:
        """The days that the rule names: always inside the window, and almost always the whole of it."""
        # A month without that day has its last one in its place.
        first, last = (
            month.first_day.replace(day=min(day, month.last_day.day))
            for day in (self.rule.window.first, self.rule.window.last)
        )
        return ReleaseWindow(opens=start_of(first), closes=start_of(last + timedelta(days=1)))


def start_of(day: date) -> datetime:
    """The first instant of a local day."""
    return datetime.combine(day, time.min, SHANGHAI)


def _local(at: datetime) -> str:
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")
