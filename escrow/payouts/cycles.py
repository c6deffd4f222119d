"""How often a release may be asked for, of what, and who approves it: the jurisdiction's terms, one engine for all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Self

from escrow.access.caller import Role
from escrow.payouts.windows import Windows, start_of
from escrow.refusals import Conflict
from escrow.rules.months import SHANGHAI, Month
from escrow.rules.rule import Rule
from escrow.rules.rulebook import Rulebook
from escrow.rules.working_days import after_working_days


class MonthNotOver(Conflict):
    """The month {month} is not over; its lessons can be asked for from {next_month} on."""

    zh = "{month} 尚未结束，其课时须自 {next_month} 起申请拨付。"


class PeriodNotOver(Conflict):
    """The lessons until {last_day} cannot be asked for yet: that is not over. Ask from {from_day} on, or for an earlier
    day."""

    zh = "截至 {last_day} 的课时尚不能申请拨付；请自 {from_day} 起申请，或改填更早的日期。"


class AskedByTheMonth(Conflict):
    """Here a release is asked for by the month, as {{"month": "2026-10"}}, not for the lessons until {until}.
    Rule: {rule}."""

    zh = "本辖区按月申请拨付，请填写月份（如 2026-10），不能按 {until} 之前的课时申请。依据：{rule}。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What a request is for: all lessons up to `last_day`. Its name is 2026-10, 2026-W41 or 2026-10-14."""

    name: str
    last_day: date

    @classmethod
    def of_month(cls, month: Month) -> Self:
        return cls(name=str(month), last_day=month.last_day)

    @classmethod
    def of_week(cls, day: date) -> Self:
        """The week from Monday to Sunday (ISO 8601) that the day is in."""
        year, week, weekday = day.isocalendar()
        return cls(name=f"{year}-W{week:02d}", last_day=day + timedelta(days=7 - weekday))

    @property
    def end(self) -> datetime:
        """The first instant after it."""
        return start_of(self.last_day + timedelta(days=1))


_APPROVERS: Final[Mapping[str, tuple[Role, ...]]] = {
    "bureau": ("bureau",),
    "bank_after_guardian": ("bank",),
    "tripartite": ("bank", "bureau"),
}
"""Who approves, each of them once, in any order; never the person who asked."""


def approvers(approval: str) -> tuple[Role, ...]:
    """The roles whose approvals a request needs, by release.approval. Raises KeyError for what is none."""
    return _APPROVERS[approval]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms releases are asked for in a place on a day (拨付规则).

    `cycle` (release.cycle) says how often, `windows` when in the month where it is monthly, `wait` (release.wait) how
    many working days an order rests when it is over, `approval` (release.approval) who approves.
    """

    cycle: Rule
    windows: Windows | None
    wait: int
    approval: str

    @classmethod
    def in_force(cls, rulebook: Rulebook, *, jurisdiction: str, now: datetime) -> Self:
        """Those of the jurisdiction with this code. Where no rule says who approves, the bureau does.

        Raises NoRuleInForce where no rule says how often.
        """
        on = now.astimezone(SHANGHAI).date()
        cycle = rulebook.require("release.cycle", jurisdiction=jurisdiction, on=on)
        wait = rulebook.in_force("release.wait", jurisdiction=jurisdiction, on=on)
        approval = rulebook.in_force("release.approval", jurisdiction=jurisdiction, on=on)
        monthly = cycle.text == "monthly"
        return cls(
            cycle=cycle,
            windows=Windows.in_force(rulebook, jurisdiction=jurisdiction, on=on) if monthly else None,
            wait=0 if wait is None else wait.integer,
            approval="bureau" if approval is None else approval.text,
        )

    @property
    def let_in_by(self) -> Rule:
        """The rule that lets a request in: the window's, or that of the cycle where there is no window."""
        return self.cycle if self.windows is None else self.windows.rule

    @property
    def only_whole_orders(self) -> bool:
        return self.cycle.text == "after_whole_order"

    def period(self, asked: Month | date, now: datetime) -> Period:
        """The period that is asked for, when it may be asked for now.

        A month may be asked for in every cycle; a day, for all lessons until it, where the cycle is shorter: there it
        may stand for its week. Raises AskedByTheMonth, MonthNotOver, PeriodNotOver, OutsideReleaseWindow.
        """
        if self.windows is not None:
            self.windows.must_hold(now)
        if isinstance(asked, Month):
            period = Period.of_month(asked)
        elif self.cycle.text == "monthly":
            raise AskedByTheMonth(until=asked, rule=self.cycle.version)
        elif self.cycle.text == "weekly":
            period = Period.of_week(asked)
        else:
            period = Period(name=asked.isoformat(), last_day=asked)
        if isinstance(asked, Month):
            if period.end > now:
                raise MonthNotOver(month=asked, next_month=asked.plus(1))
            return period
        # What was taught today may be asked for today, where it need not wait for its week.
        opens = period.end if self.cycle.text == "weekly" else start_of(period.last_day)
        if opens > now:
            raise PeriodNotOver(last_day=period.last_day, from_day=opens.date())
        return period

    def rests_until(self, last_lesson: date) -> datetime:
        """When an order whose last lesson was on this day may be released."""
        return start_of(after_working_days(last_lesson, self.wait) + timedelta(days=1))

    def expected(self, heard: datetime, now: datetime) -> Month:
        """The month in which a lesson can be asked for that will be confirmed at `heard`.

        Not in this window any more, even if it is heard of before the window closes: the month's request is this one.
        """
        if self.windows is None:
            return Month.containing(heard)
        return self.windows.expected(max(heard, self.windows.next(now).closes))
