"""The caps on prepaid tuition at work: what a contract would make a family prepay, held against the rules in force."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final

from escrow.enrolment import cap_days, cap_prices, cap_sums
from escrow.enrolment.measured import Act, Case, Exempt, Measured
from escrow.enrolment.terms import ImpossibleTerms, Terms, is_same_course
from escrow.rules.finding import Finding
from escrow.rules.rule import Rule
from escrow.rules.rulebook import Rulebook

__all__ = ["CAPS", "SETTINGS", "Act", "ImpossibleTerms", "Terms", "case_of", "deciding_days", "examine", "refused"]

CAPS: Final[Mapping[str, Callable[[Case, Rule], Measured | Exempt]]] = {
    "prepayment.max_span": cap_days.span,
    "prepayment.max_lessons": cap_sums.lessons,
    "prepayment.max_amount": cap_sums.amount,
    "prepayment.earliest": cap_days.earliest,
    "prepayment.renew_at": cap_days.renewal,
    "prepayment.cross_term": cap_days.cross_term,
    "prepayment.loan": cap_prices.loan,
    "course.filed": cap_prices.above_list,
}
"""By parameter, in the order in which they are told. Each measures one contract by one version of its rule."""

SETTINGS: Final = ("prepayment.materials", "prepayment.both_bases", "prepayment.renew_at")
"""The parameters that say how others count."""


def examine(
    terms: Terms, others: Sequence[Terms], *, rulebook: Rulebook, jurisdiction: str, act: Act | None = None
) -> list[Finding]:
    """Hold one contract, signed or drafted, against the caps of the jurisdiction with this code.

    `others` are the student's other open contracts; those of another student, subject or institution, and the
    contract itself, are left out of the sums. Each rule says which of the contract's days decides its version;
    where none is in force on that day there is nothing to find. No finding means: inside every cap. `act` is what is
    being done with the contract; without it, the signing.
    """
    case = case_of(terms, others, rulebook=rulebook, jurisdiction=jurisdiction, act=act)
    findings = []
    for name, measure in CAPS.items():
        rule = version_for(terms, name, rulebook=rulebook, jurisdiction=jurisdiction)
        measured = None if rule is None else measure(case, rule)
        if isinstance(measured, Measured) and measured.finding is not None:
            findings.append(measured.finding)
    return findings


def refused(findings: Sequence[Finding], *, rulebook: Rulebook, jurisdiction: str) -> list[Finding]:
    """Those of the findings that the jurisdiction does not let pass; the others are flagged."""
    return [each for each in findings if rulebook.enforcement(each.rule.name, jurisdiction=jurisdiction) == "refuse"]


def case_of(
    terms: Terms, others: Sequence[Terms], *, rulebook: Rulebook, jurisdiction: str, act: Act | None = None
) -> Case:
    """The contract with those of `others` that are of its course, in the order of their signing, and how they count."""
    course = [other for other in others if is_same_course(terms, other)]
    settings = {name: version_for(terms, name, rulebook=rulebook, jurisdiction=jurisdiction) for name in SETTINGS}
    return Case(
        terms=terms,
        others=sorted(course, key=lambda other: (other.signed_on, other.contract_id or 0)),
        act=Act(kind="signed", on=terms.signed_on) if act is None else act,
        settings={name: rule for name, rule in settings.items() if rule is not None},
        school_terms=rulebook.school_terms(jurisdiction),
    )


def version_for(terms: Terms, name: str, *, rulebook: Rulebook, jurisdiction: str) -> Rule | None:
    """The version of a rule that decides about a contract, by the day that the rule says decides."""
    on = deciding_days(terms).get(rulebook.decided_by(name) or "")
    if on is None:
        return None
    return rulebook.in_force(name, jurisdiction=jurisdiction, on=on, category=terms.category, mode=terms.mode)


def deciding_days(terms: Terms) -> dict[str, date]:
    """The days of a contract that may decide the version of a rule, by the names that rules use.

    Money counts as received from the day on which it was agreed. What decides about an order decides where there is one
    that a rule speaks of: one by training loan.
    """
    days = {"signed": terms.signed_on, "received": terms.signed_on, "first_lesson": terms.first_lesson}
    return days if terms.loan_on is None else days | {"ordered": terms.loan_on}
