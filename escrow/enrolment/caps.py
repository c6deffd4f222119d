"""The caps on prepaid tuition at work: what a contract would make a family prepay, held against the rules in force."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final

from escrow.enrolment import cap_days, cap_sums
from escrow.enrolment.measured import Case, Measured
from escrow.enrolment.terms import ImpossibleTerms, Terms, is_same_course
from escrow.rules.finding import Finding
from escrow.rules.rule import Rule
from escrow.rules.rulebook import Rulebook

__all__ = ["CAPS", "ImpossibleTerms", "Terms", "case_of", "deciding_days", "examine"]

CAPS: Final[Mapping[str, Callable[[Case, Rule], Measured]]] = {
    "prepayment.max_span": cap_days.span,
    "prepayment.max_lessons": cap_sums.lessons,
    "prepayment.max_amount": cap_sums.amount,
    "prepayment.earliest": cap_days.earliest,
}
"""By parameter, in the order in which they are told. Each measures one contract by one version of its rule."""


def examine(terms: Terms, others: Sequence[Terms], *, rulebook: Rulebook, jurisdiction: str) -> list[Finding]:
    """Hold one contract, signed or drafted, against the caps of the jurisdiction with this code.

    `others` are the student's other open contracts; those of another student, subject or institution, and the
    contract itself, are left out of the sums. Each rule says which of the contract's days decides its version;
    where none is in force on that day there is nothing to find. No finding means: inside every cap.
    """
    case, days = case_of(terms, others), deciding_days(terms)
    findings = []
    for name, measure in CAPS.items():
        rule = rulebook.deciding(name, days, jurisdiction=jurisdiction, category=terms.category, mode=terms.mode)
        found = None if rule is None else measure(case, rule).finding
        if found is not None:
            findings.append(found)
    return findings


def case_of(terms: Terms, others: Sequence[Terms]) -> Case:
    """The contract with those of `others` that are of its course, in the order of their signing."""
    course = [other for other in others if is_same_course(terms, other)]
    return Case(terms=terms, others=sorted(course, key=lambda other: (other.signed_on, other.contract_id or 0)))


def deciding_days(terms: Terms) -> dict[str, date]:
    """The days of a contract that may decide the version of a rule, by the names that rules use."""
    return {"signed": terms.signed_on, "first_lesson": terms.first_lesson}
