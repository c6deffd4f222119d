"""Measured: what the arithmetic of one rule gives for one contract, broken or kept, with the numbers it used. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from escrow.enrolment.terms import Terms
from escrow.rules.finding import Finding
from escrow.rules.rule import Rule

Evidence: TypeAlias = Mapping[str, str | int | Sequence[str] | Sequence[int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A contract under examination (待审合同), and the open contracts of its course that stood before it."""

    terms: Terms
    others: Sequence[Terms]

    @property
    def evidence(self) -> dict[str, str | int]:
        """Whose contract it is."""
        terms = self.terms
        return {"institution": terms.institution_id, "student": terms.student_id, "subject": terms.subject}


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


def quoted_zh(rule: Rule) -> str:
    """The rule's citation and version, as the Chinese sentence ends."""
    return f"依据：{rule.citation.title}（{rule.citation.number}），规则版本{rule.version}。"


def quoted_en(rule: Rule) -> str:
    """The same in English."""
    return f"Rule {rule.version}, by {rule.citation.title} ({rule.citation.number})."
