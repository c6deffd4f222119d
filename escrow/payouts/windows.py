"""The days of a month on which a release may be asked for, on the wall clock of Asia/Shanghai."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

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


def window_of(month: Month, rule: Rule) -> ReleaseWindow:
    """The window that stands in a calendar month.

    Where none of its days is a working day (as in February 2024), it runs on through the first working day after
    it, so that everybody finds an open bank and bureau in it.
    """
    named = _named(month, rule)
    day = named.opens.date()
    while not is_working_day(day):
        day += timedelta(days=1)
    return ReleaseWindow(opens=named.opens, closes=max(named.closes, _start(day + timedelta(days=1))))


def must_be_inside(now: datetime, *, rulebook: Rulebook, jurisdiction: str) -> Rule:
    """The window rule in force, when `now` is inside its window; else raises OutsideReleaseWindow with the next one."""
    rule = rulebook.require("release.window", jurisdiction=jurisdiction, on=now.astimezone(SHANGHAI).date())
    month = Month.containing(now)
    if now in _named(month, rule) or now in window_of(month, rule):
        return rule
    upcoming = next_window(now, rule)
    raise OutsideReleaseWindow(
        first=rule.window.first,
        last=rule.window.last,
        now=_local(now),
        next_opens=_local(upcoming.opens),
        next_closes=_local(upcoming.closes),
        rule=rule.version,
        citation=f"{rule.citation.title} {rule.citation.number}".strip(),
    )


def next_window(now: datetime, rule: Rule) -> ReleaseWindow:
    """The first window that has not closed yet: the one `now` is in, or the next to open.

    In December next year's calendar may not be published: then the days that the rule names are what is certain.
    """
    month = Month.containing(now)
    if now >= _named(month, rule).closes and now >= window_of(month, rule).closes:
        month = month.plus(1)
    try:
        return window_of(month, rule)
    except CalendarUnknown:
        return _named(month, rule)


def expected_month(known_from: datetime, rule: Rule) -> Month:
    """The month whose window can first hold a lesson that will be confirmed at `known_from`."""
    return Month.containing(next_window(known_from, rule).opens)


def _named(month: Month, rule: Rule) -> ReleaseWindow:
    """The days that the rule names: always inside the window, and almost always the whole of it."""
    # A month without that day has its last one in its place.
    first, last = (
        month.first_day.replace(day=min(day, month.last_day.day)) for day in (rule.window.first, rule.window.last)
    )
    return ReleaseWindow(opens=_start(first), closes=_start(last + timedelta(days=1)))


def _start(day: date) -> datetime:
    return datetime.combine(day, time.min, SHANGHAI)


def _local(at: datetime) -> str:
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")
