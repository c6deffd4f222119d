"""The caps on days: how long the lessons of a contract may run, and how far ahead of them it may be signed. Pure."""

from datetime import date

from escrow.enrolment.measured import Case, Measured
from escrow.rules.months import add_months
from escrow.rules.rule import Rule


def last_day_inside(first_lesson: date, months: int) -> date:
    """The last day on which a span of so many calendar months may end: its anniversary day, or that month's end."""
    return add_months(first_lesson, months)


def first_day_to_sign(first_lesson: date, months: int) -> date:
    """The first day on which a contract may be signed so many calendar months ahead of its first lesson."""
    return add_months(first_lesson, -months)


def span(case: Case, rule: Rule) -> Measured:
    """First to last lesson: at most so many calendar months, the anniversary day inside."""
    terms, months = case.terms, rule.integer
    first, last = terms.first_lesson, terms.last_lesson
    allowed = last_day_inside(first, months)
    return Measured(
        rule=rule,
        broken=last > allowed,
        fact=terms.key,
        limit=allowed.isoformat(),
        found=last.isoformat(),
        working_zh=f"首课为{first}，其后{months}个月为{allowed}；末课（含赠送课时）为{last}。",
        working_en=f"The first lesson is on {first}, and {months} calendar months later is {allowed}; "
        f"the last lesson, a gifted one too, is on {last}.",
        breach_zh=f"课程自{first}起，至{last}止，时间跨度超过{months}个月的上限（最迟应于{allowed}结束）。",
        breach_en=f"The lessons run from {first} to {last}; a prepaid course may span {months} calendar months, "
        f"here until {allowed}.",
        evidence={
            **case.evidence,
            "contracts": [terms.key],
            "first_lesson": first.isoformat(),
            "last_lesson": last.isoformat(),
            "last_day_allowed": allowed.isoformat(),
            "months_allowed": months,
        },
    )


def earliest(case: Case, rule: Rule) -> Measured:
    """Signed no earlier than so many calendar months before the first lesson."""
    terms, months = case.terms, rule.integer
    first, signed = terms.first_lesson, terms.signed_on
    allowed = first_day_to_sign(first, months)
    return Measured(
        rule=rule,
        broken=signed < allowed,
        fact=terms.key,
        limit=allowed.isoformat(),
        found=signed.isoformat(),
        working_zh=f"首课为{first}，其前{months}个月为{allowed}；合同于{signed}签订。",
        working_en=f"The first lesson is on {first}, and {months} calendar month(s) before is {allowed}; "
        f"the contract was signed on {signed}.",
        breach_zh=f"合同于{signed}签订，早于首课{first}前{months}个月（最早可于{allowed}签订）。",
        breach_en=f"The contract was signed on {signed}; {months} calendar month(s) before its first lesson on {first} "
        f"is the earliest, here {allowed}.",
        evidence={
            **case.evidence,
            "contracts": [terms.key],
            "signed_on": signed.isoformat(),
            "first_lesson": first.isoformat(),
            "first_day_allowed": allowed.isoformat(),
            "months_allowed": months,
        },
    )
