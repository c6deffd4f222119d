"""The caps on prepaid tuition at work: what a contract would make a family prepay, held against the rules in force.

What counts is what the institution holds of one student for one subject. Two readings of that are taken, and the
larger one is held against the cap:

- every single contract at its full size, whatever has been taught since: the law forbids collecting too much at
  once, and teaching afterwards doesn't undo the collection;
- all open contracts together at what is not yet taught, so that instalment contracts don't pass, and a family
  that has used up most of one course may renew.

At signing nothing of the new contract is taught, so the second reading is never the smaller one. Gifted lessons
count like paid ones. All that is taught counts as paid lessons first, as the gifts come at the end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from escrow.rules.finding import Finding
from escrow.rules.months import add_months
from escrow.rules.parameters import CATEGORIES, MODES
from escrow.rules.rule import Rule
from escrow.rules.rulebook import Rulebook
from ledger.money import Money


class ImpossibleTerms(ValueError):
    """The terms contradict themselves, so no cap can be computed from them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What the caps need to know of a contract (合同要件). `contract_id` is None while it is a draft.

    `lessons` are paid, `gifted` come on top; `taught` of both are over. `price_minor` is all that the family prepays
    in fen, materials and boarding included. `last_lesson` is the last one of all, a gifted one too. `subject` is
    the registry's word for it: two contracts are of one subject when the words are equal.
    """

    contract_id: int | None
    institution_id: int
    student_id: int
    subject: str
    category: str
    mode: str
    lessons: int
    gifted: int
    price_minor: int
    signed_on: date
    first_lesson: date
    last_lesson: date
    taught: int = 0

    def __post_init__(self) -> None:
        for name in ("lessons", "gifted", "price_minor", "taught"):
            if getattr(self, name) < 0:
                raise ImpossibleTerms(f"{name} is {getattr(self, name)}; it must be zero or more")
        if self.last_lesson < self.first_lesson:
            raise ImpossibleTerms(f"last_lesson {self.last_lesson} is before first_lesson {self.first_lesson}")
        for name, allowed in (("category", CATEGORIES), ("mode", MODES)):
            if getattr(self, name) not in allowed:
                raise ImpossibleTerms(f"{name} is {getattr(self, name)!r}; allowed: {', '.join(allowed)}")

    @property
    def key(self) -> str:
        """The contract as a fact: "contract:123". A draft is named by its course, it has no number yet."""
        return f"draft:{self.course_key}" if self.contract_id is None else f"contract:{self.contract_id}"

    @property
    def course_key(self) -> str:
        """What the sums run over: one student, one institution, one subject."""
        return f"student:{self.student_id}:institution:{self.institution_id}:subject:{self.subject}"


def examine(terms: Terms, others: Sequence[Terms], *, rulebook: Rulebook, jurisdiction: str) -> list[Finding]:
    """Hold one contract, signed or drafted, against the caps of the jurisdiction with this code.

    `others` are the student's other open contracts; those of another student, subject or institution, and the
    contract itself, are left out of the sums. Each rule says which of the contract's days decides its version;
    where none is in force on that day there is nothing to find. No finding means: inside every cap.
    """
    course = (terms, *(other for other in others if is_same_course(terms, other)))
    findings: list[Finding] = []
    for name, check in _CAPS.items():
        rule = rulebook.deciding(
            name,
            {"signed": terms.signed_on, "first_lesson": terms.first_lesson},
            jurisdiction=jurisdiction,
            category=terms.category,
            mode=terms.mode,
        )
        finding = None if rule is None else check(course, rule)
        if finding is not None:
            findings.append(finding)
    return findings


# ---- the arithmetic --------------------------------------------------------------------------------------------


def is_same_course(terms: Terms, other: Terms) -> bool:
    """Whether `other` is another contract of the same student, institution and subject."""
    is_itself = other.contract_id is not None and other.contract_id == terms.contract_id
    return not is_itself and other.course_key == terms.course_key


def contracted_lessons(terms: Terms) -> int:
    """All lessons of the contract, gifts included."""
    return terms.lessons + terms.gifted


def untaught_lessons(terms: Terms) -> int:
    """The lessons still owed, gifts included."""
    return max(0, contracted_lessons(terms) - terms.taught)


def untaught_minor(terms: Terms) -> int:
    """The fen not yet earned: rounded up, so that nothing is left exactly when the last paid lesson is taught."""
    if terms.lessons == 0:
        return terms.price_minor
    return terms.price_minor - terms.price_minor * min(terms.taught, terms.lessons) // terms.lessons


def last_day_inside(first_lesson: date, months: int) -> date:
    """The last day on which a span of so many calendar months may end: its anniversary day, or that month's end."""
    return add_months(first_lesson, months)


def first_day_to_sign(first_lesson: date, months: int) -> date:
    """The first day on which a contract may be signed so many calendar months ahead of its first lesson."""
    return add_months(first_lesson, -months)


# ---- the checks: the contract comes first in its course ----------------------------------------------------------


def _span(course: Sequence[Terms], rule: Rule) -> Finding | None:
    terms = course[0]
    allowed = last_day_inside(terms.first_lesson, rule.integer)
    if terms.last_lesson <= allowed:
        return None
    months, first, last = rule.integer, terms.first_lesson, terms.last_lesson
    return Finding(
        rule=rule,
        fact=terms.key,
        limit=allowed.isoformat(),
        found=last.isoformat(),
        zh=f"课程自{first}起，至{last}止，时间跨度超过{months}个月的上限（最迟应于{allowed}结束）。{_quoted_zh(rule)}",
        en=f"The lessons run from {first} to {last}; a prepaid course may span {months} calendar months, "
        f"here until {allowed}. {_quoted_en(rule)}",
        evidence={
            **_course_of(terms),
            "contracts": [terms.key],
            "first_lesson": first.isoformat(),
            "last_lesson": last.isoformat(),
            "last_day_allowed": allowed.isoformat(),
            "months_allowed": months,
        },
    )


def _earliest(course: Sequence[Terms], rule: Rule) -> Finding | None:
    terms = course[0]
    allowed = first_day_to_sign(terms.first_lesson, rule.integer)
    if terms.signed_on >= allowed:
        return None
    months, first, signed = rule.integer, terms.first_lesson, terms.signed_on
    return Finding(
        rule=rule,
        fact=terms.key,
        limit=allowed.isoformat(),
        found=signed.isoformat(),
        zh=f"合同于{signed}签订，早于首课{first}前{months}个月（最早可于{allowed}签订）。{_quoted_zh(rule)}",
        en=f"The contract was signed on {signed}; {months} calendar month(s) before its first lesson on {first} "
        f"is the earliest, here {allowed}. {_quoted_en(rule)}",
        evidence={
            **_course_of(terms),
            "contracts": [terms.key],
            "signed_on": signed.isoformat(),
            "first_lesson": first.isoformat(),
            "first_day_allowed": allowed.isoformat(),
            "months_allowed": months,
        },
    )


def _lessons(course: Sequence[Terms], rule: Rule) -> Finding | None:
    limit = rule.integer
    counted = _larger_reading(course, full=contracted_lessons, left=untaught_lessons)
    found = sum(lessons for _, lessons in counted)
    if found <= limit:
        return None
    return Finding(
        rule=rule,
        fact=course[0].course_key,
        limit=f"{limit} lessons",
        found=f"{found} lessons",
        zh=f"该学员同一科目在同一机构预付的课时（含赠送及其他未结合同）为{found}课时，"
        f"超过{limit}课时的上限，应减少{found - limit}课时。{_quoted_zh(rule)}",
        en=f"{found} lessons of one subject are prepaid at one institution, gifts and other open contracts counted; "
        f"the limit is {limit} lessons, {found - limit} fewer are needed. {_quoted_en(rule)}",
        evidence={
            **_course_of(course[0]),
            "contracts": [key for key, _ in counted],
            "lessons_counted": [lessons for _, lessons in counted],
            "lessons_found": found,
            "lessons_allowed": limit,
        },
    )


def _amount(course: Sequence[Terms], rule: Rule) -> Finding | None:
    limit = rule.integer
    counted = _larger_reading(course, full=lambda terms: terms.price_minor, left=untaught_minor)
    found = sum(minor for _, minor in counted)
    if found <= limit:
        return None
    most, has, over = (Money(minor).major for minor in (limit, found, found - limit))
    return Finding(
        rule=rule,
        fact=course[0].course_key,
        limit=str(Money(limit)),
        found=str(Money(found)),
        zh=f"该学员同一科目在同一机构预付的费用（含其他未结合同）为{has}元，"
        f"超过{most}元的上限，应减少{over}元。{_quoted_zh(rule)}",
        en=f"{has} CNY are prepaid for one subject at one institution, other open contracts counted; "
        f"the limit is {most} CNY, {over} CNY less is needed. {_quoted_en(rule)}",
        evidence={
            **_course_of(course[0]),
            "contracts": [key for key, _ in counted],
            "minor_counted": [minor for _, minor in counted],
            "minor_found": found,
            "minor_allowed": limit,
        },
    )


def _larger_reading(
    course: Sequence[Terms], *, full: Callable[[Terms], int], left: Callable[[Terms], int]
) -> list[tuple[str, int]]:
    """The larger of the two readings above: each contract's key, and what it counts."""
    together = [(terms.key, left(terms)) for terms in course]
    alone = [(course[0].key, full(course[0]))]
    return max(together, alone, key=lambda reading: sum(figure for _, figure in reading))


def _course_of(terms: Terms) -> dict[str, str | int]:
    return {"institution": terms.institution_id, "student": terms.student_id, "subject": terms.subject}


def _quoted_zh(rule: Rule) -> str:
    return f"依据：{rule.citation.title}（{rule.citation.number}），规则版本{rule.version}。"


def _quoted_en(rule: Rule) -> str:
    return f"Rule {rule.version}, by {rule.citation.title} ({rule.citation.number})."


_CAPS: Final[dict[str, Callable[[Sequence[Terms], Rule], Finding | None]]] = {
    "prepayment.max_span": _span,
    "prepayment.max_lessons": _lessons,
    "prepayment.max_amount": _amount,
    "prepayment.earliest": _earliest,
}
