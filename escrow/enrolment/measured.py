"""Measured: what the arithmetic of one rule gives for one contract, broken or kept, with the numbers it used. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias

from escrow.enrolment.terms import Terms
from escrow.rules.finding import Finding
from escrow.rules.rule import Rule, SchoolTerm

Evidence: TypeAlias = Mapping[str, str | int | Sequence[str] | Sequence[int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """What is being done with the contract when it is examined, and on which local day."""

    kind: Literal["signed", "ordered", "paid"]
    on: date


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A contract under examination (待审合同), and the open contracts of its course that stood before it.

    `settings` are the rules in force that say how others count, by parameter; `school_terms` the term calendar of the
    place, empty where none is known.
    """

    terms: Terms
    others: Sequence[Terms]
    act: Act
    settings: Mapping[str, Rule] = field(default_factory=dict)
    school_terms: Sequence[SchoolTerm] = ()

    @property
    def remaining(self) -> int:
        """The lessons of the course that the contracts before this one still owe: a renewal has some."""
        return sum(other.untaught_lessons for other in self.others)

    @property
    def counts_materials(self) -> bool:
        """Whether materials and boarding are prepayment here: they are, unless a rule in force says they are not."""
        rule = self.settings.get("prepayment.materials")
        return rule is None or rule.flag

    @property
    def only_as_charged(self) -> bool:
        """Whether a course obeys the limit of its own reckoning alone. Else both hold: the shorter one binds."""
        rule = self.settings.get("prepayment.both_bases")
        return rule is not None and rule.text == "as_charged"

    @property
    def renewed_by_lessons(self) -> bool:
        """Whether this is the renewal of a course charged by lessons, for which a rule of its own is in force."""
        return self.terms.charged_by == "lessons" and self.remaining > 0 and "prepayment.renew_at" in self.settings

    @property
    def evidence(self) -> dict[str, str | int]:
        """Whose contract it is."""
        terms = self.terms
        return {"institution": terms.institution_id, "student": terms.student_id, "subject": terms.subject}


@dataclass(frozen=True, kw_only=True, slots=True)
class Exempt:
    """Why a rule that is in force says nothing about this very contract, in a sentence."""

    why: Literal["charged_otherwise", "no_renewal", "renewal_governs", "no_calendar", "no_loan", "no_list_price"]
    zh: str
    en: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A rule held against a contract (核算): the limit, what was found, and whether that breaks the rule.

    `working` is the arithmetic with its numbers, in whole sentences; `breach` says what is wrong and by how much, and
    holds only of a rule that is broken. `fact` and `evidence` are those of a finding.
    """

    rule: Rule
    broken: bool
    fact: str
    limit: str
    found: str
    working_zh: str
    working_en: str
    breach_zh: str
    breach_en: str
    evidence: Evidence

    @property
    def finding(self) -> Finding | None:
        """The breach as a finding, its rule and citation quoted; None where the rule is kept."""
        if not self.broken:
            return None
        return Finding(
            rule=self.rule,
            fact=self.fact,
            limit=self.limit,
            found=self.found,
            zh=f"{self.breach_zh}{quoted_zh(self.rule)}",
            en=f"{self.breach_en} {quoted_en(self.rule)}",
            evidence=self.evidence,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A finding, and the contract that it was found at."""

    finding: Finding
    institution_id: int
    contract_id: int


def quoted_zh(rule: Rule) -> str:
    """The rule's citation and version, as the Chinese sentence ends."""
    return f"依据：{rule.citation.title}（{rule.citation.number}），规则版本{rule.version}。"


def quoted_en(rule: Rule) -> str:
    """The same in English."""
    return f"Rule {rule.version}, by {rule.citation.title} ({rule.citation.number})."
