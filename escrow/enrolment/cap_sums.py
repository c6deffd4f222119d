"""The caps on sums: lessons and money that one institution holds of one student for one subject. Pure.

Two readings of that are taken, and the larger one is held against the cap:

- every single contract at its full size, whatever has been taught since: the law forbids collecting too much at
  once, and teaching afterwards doesn't undo the collection;
- all open contracts together at what is not yet taught, so that instalment contracts don't pass, and a family
  that has used up most of one course may renew.

At signing nothing of the new contract is taught, so the second reading is never the smaller one. Gifted lessons
count like paid ones. All that is taught counts as paid lessons first, as the gifts come at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from escrow.enrolment.cap_days import charged_otherwise
from escrow.enrolment.measured import Case, Exempt, Measured
from escrow.enrolment.terms import Terms
from escrow.rules.rule import Rule
from ledger.money import Money


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One of the two readings: what each contract counts, by its key, and what the sum is called."""

    parts: Sequence[tuple[str, int]]
    zh: str
    en: str

    @property
    def total(self) -> int:
        return sum(figure for _, figure in self.parts)


def lessons(case: Case, rule: Rule) -> Measured | Exempt:
    """At most so many lessons of one subject, gifts and all open contracts counted."""
    terms, limit = case.terms, rule.integer
    if case.only_as_charged and terms.charged_by == "period":
        return charged_otherwise("合同按培训周期计费", "the contract is charged by period")
    counted = _larger(
        case, full=terms.contracted_lessons, left=[each.untaught_lessons for each in (terms, *case.others)]
    )
    found, over = counted.total, counted.total - limit
    parts_zh, parts_en = _added([(key, str(figure)) for key, figure in counted.parts])
    return Measured(
        rule=rule,
        broken=found > limit,
        fact=terms.course_key,
        limit=f"{limit} lessons",
        found=f"{found} lessons",
        working_zh=f"{counted.zh}：{parts_zh} = {found}课时；上限{limit}课时。",
        working_en=f"{counted.en}: {parts_en} = {found} lessons; the limit is {limit} lessons.",
        breach_zh=f"该学员同一科目在同一机构预付的课时（含赠送及其他未结合同）为{found}课时，"
        f"超过{limit}课时的上限，应减少{over}课时。",
        breach_en=f"{found} lessons of one subject are prepaid at one institution, gifts and other open contracts "
        f"counted; the limit is {limit} lessons, {over} fewer are needed.",
        evidence={
            **case.evidence,
            "contracts": [key for key, _ in counted.parts],
            "lessons_counted": [figure for _, figure in counted.parts],
            "lessons_found": found,
            "lessons_allowed": limit,
        },
    )


def amount(case: Case, rule: Rule) -> Measured:
    """At most so many fen for one subject, all open contracts counted, and materials and boarding with them."""
    limit = rule.integer
    course = [(each, prepaid_minor(each, with_materials=case.counts_materials)) for each in (case.terms, *case.others)]
    counted = _larger(case, full=course[0][1], left=[each.untaught_of(minor) for each, minor in course])
    terms, found = case.terms, counted.total
    parts_zh, parts_en = _added([(key, Money(figure).major) for key, figure in counted.parts])
    most, has, over = (Money(minor).major for minor in (limit, found, found - limit))
    return Measured(
        rule=rule,
        broken=found > limit,
        fact=terms.course_key,
        limit=str(Money(limit)),
        found=str(Money(found)),
        working_zh=f"{counted.zh}：{parts_zh} = {has}元；上限{most}元。",
        working_en=f"{counted.en}: {parts_en} = {has} CNY; the limit is {most} CNY.",
        breach_zh=f"该学员同一科目在同一机构预付的费用（含其他未结合同）为{has}元，"
        f"超过{most}元的上限，应减少{over}元。",
        breach_en=f"{has} CNY are prepaid for one subject at one institution, other open contracts counted; "
        f"the limit is {most} CNY, {over} CNY less is needed.",
        evidence={
            **case.evidence,
            "contracts": [key for key, _ in counted.parts],
            "minor_counted": [figure for _, figure in counted.parts],
            "minor_found": found,
            "minor_allowed": limit,
        },
    )


def prepaid_minor(terms: Terms, *, with_materials: bool) -> int:
    """What a contract makes the family prepay, in fen."""
    return terms.price_minor if with_materials else terms.price_minor - terms.materials_minor


def _larger(case: Case, *, full: int, left: Sequence[int]) -> Reading:
    """The larger of the two readings above; where they are equal, the one of all contracts."""
    keys = [each.key for each in (case.terms, *case.others)]
    together = Reading(
        parts=list(zip(keys, left, strict=True)),
        zh="各未结合同尚未授课的部分合计",
        en="What is not yet taught of all open contracts",
    )
    alone = Reading(parts=[(keys[0], full)], zh="本合同一次预收的全部", en="All that this contract prepays at once")
    return max(together, alone, key=lambda reading: reading.total)


def _added(parts: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """The sum written out in both languages, each figure with its contract's number."""
    named = [(key.removeprefix("contract:") if key.startswith("contract:") else "", figure) for key, figure in parts]
    zh = " + ".join(f"{figure}（{f'合同{number}' if number else '本合同'}）" for number, figure in named)
    en = " + ".join(f"{figure} ({f'contract {number}' if number else 'this draft'})" for number, figure in named)
    return zh, en
