"""The caps on days: how long lessons may run, how far ahead money may be taken, and over which school terms. Pure."""

from datetime import date
from typing import Final

from escrow.enrolment.measured import Case, Exempt, Measured
from escrow.rules.months import add_months
from escrow.rules.rule import Rule
from escrow.rules.values import Renewal

ACTS: Final = {
    "signed": ("合同于{day}签订", "the contract was signed on {day}"),
    "ordered": ("订单于{day}生成", "the order was made on {day}"),
    "paid": ("款项于{day}支付", "the money was paid on {day}"),
}


def last_day_inside(first_lesson: date, months: int) -> date:
    """The last day on which a span of so many calendar months may end: its anniversary day, or that month's end."""
    return add_months(first_lesson, months)


def first_day_to_sign(first_lesson: date, months: int) -> date:
    """The first day on which a contract may be signed so many calendar months ahead of its first lesson."""
    return add_months(first_lesson, -months)


def span(case: Case, rule: Rule) -> Measured | Exempt:
    """First to last lesson: at most so many calendar months, the anniversary day inside."""
    terms, months = case.terms, rule.integer
    if case.only_as_charged and terms.charged_by == "lessons":
        return charged_otherwise("合同按课时计费", "the contract is charged by lessons")
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


def earliest(case: Case, rule: Rule) -> Measured | Exempt:
    """Signed, ordered and paid no earlier than so many calendar months before the first lesson.

    A renewal charged by lessons has a rule of its own, which gives a second way to be in time.
    """
    if case.renewed_by_lessons:
        return Exempt(
            why="renewal_governs",
            zh="本合同为按课时收费的续费，适用 prepayment.renew_at。",
            en="this is the renewal of a course charged by lessons, which is under prepayment.renew_at.",
        )
    terms, months, act = case.terms, rule.integer, case.act
    first, allowed = terms.first_lesson, first_day_to_sign(terms.first_lesson, months)
    done_zh, done_en = (words.format(day=act.on) for words in ACTS[act.kind])
    return Measured(
        rule=rule,
        broken=act.on < allowed,
        fact=terms.key,
        limit=allowed.isoformat(),
        found=act.on.isoformat(),
        working_zh=f"首课为{first}，其前{months}个月为{allowed}；{done_zh}。",
        working_en=f"The first lesson is on {first}, and {months} calendar month(s) before is {allowed}; {done_en}.",
        breach_zh=f"{done_zh}，早于首课{first}前{months}个月（最早可于{allowed}）。",
        breach_en=f"{done_en[0].upper()}{done_en[1:]}; {months} calendar month(s) before its first lesson on {first} "
        f"is the earliest, here {allowed}.",
        evidence={
            **case.evidence,
            "contracts": [terms.key],
            f"{act.kind}_on": act.on.isoformat(),
            "first_lesson": first.isoformat(),
            "first_day_allowed": allowed.isoformat(),
            "months_allowed": months,
        },
    )


def renewal(case: Case, rule: Rule) -> Measured | Exempt:
    """A course charged by lessons is renewed when few of them are left, or shortly before the new course begins."""
    terms, act, allowed = case.terms, case.act, rule.as_a(Renewal)
    if terms.charged_by == "period":
        return charged_otherwise("合同按培训周期计费", "the contract is charged by period")
    left = case.remaining
    if left == 0:
        return Exempt(
            why="no_renewal",
            zh="此前没有同一科目尚未消完的合同，不是续费。",
            en="no contract of this subject with lessons left stands before it, so it is no renewal.",
        )
    first, most = terms.first_lesson, allowed.lessons_left
    opens = first_day_to_sign(first, allowed.months_before_start)
    done_zh, done_en = (words.format(day=act.on) for words in ACTS[act.kind])
    return Measured(
        rule=rule,
        broken=left > most and act.on < opens,
        fact=terms.key,
        limit=f"{most} lessons left, or from {opens}",
        found=f"{left} lessons left, on {act.on}",
        working_zh=f"同一科目此前合同尚余{left}课时（上限{most}课时）；{done_zh}，新课首课为{first}，"
        f"其前{allowed.months_before_start}个月为{opens}。两者满足其一即可。",
        working_en=f"{left} lessons of the subject are left of the contracts before (at most {most}); {done_en}, and "
        f"{allowed.months_before_start} calendar month(s) before the new start on {first} is {opens}. "
        f"Either is enough.",
        breach_zh=f"续费过早：同一科目尚余{left}课时，多于{most}课时，且早于{opens}。",
        breach_en=f"Renewed too early: {left} lessons of the subject are left, more than {most}, and it is before "
        f"{opens}.",
        evidence={
            **case.evidence,
            "contracts": [terms.key, *(other.key for other in case.others)],
            "lessons_left": [other.untaught_lessons for other in case.others],
            "lessons_found": left,
            "lessons_allowed": most,
            f"{act.kind}_on": act.on.isoformat(),
            "first_day_allowed": opens.isoformat(),
        },
    )


def cross_term(case: Case, rule: Rule) -> Measured | Exempt:
    """The lessons of one contract lie in one school term; its holidays belong to the term before them."""
    terms, calendar = case.terms, case.school_terms
    first, last = terms.first_lesson, terms.last_lesson
    if not calendar or first < calendar[0].first_day or last > calendar[-1].last_day:
        return Exempt(
            why="no_calendar",
            zh="本辖区没有覆盖该课程全部日期的学期校历。",
            en="no term calendar of this place covers all days of the course.",
        )
    before = [term for term in calendar if term.first_day <= first][-1]
    within = [term for term in calendar if first < term.first_day <= last]
    names = "、".join(f"{term.name}（{term.first_day}）" for term in within) or "无"
    crossed = ", ".join(f"{term.name} ({term.first_day})" for term in within) or "none"
    return Measured(
        rule=rule,
        broken=bool(within) and not rule.flag,
        fact=terms.key,
        limit=before.name,
        found="、".join([before.name, *(term.name for term in within)]),
        working_zh=f"首课{first}在{before.name}；其后至末课{last}开始的学期：{names}。",
        working_en=f"The first lesson on {first} is in {before.name}; terms that begin after it until the last lesson "
        f"on {last}: {crossed}.",
        breach_zh="一次收费跨越了学期。",
        breach_en="The fee reaches into another school term.",
        evidence={
            **case.evidence,
            "contracts": [terms.key],
            "first_lesson": first.isoformat(),
            "last_lesson": last.isoformat(),
            "terms_begun": [term.first_day.isoformat() for term in within],
        },
    )


def charged_otherwise(zh: str, en: str) -> Exempt:
    """The rule is for a course that is charged in another way."""
    return Exempt(
        why="charged_otherwise", zh=f"{zh}，此规则针对另一种计费方式。", en=f"{en}; the rule is for the other way."
    )
