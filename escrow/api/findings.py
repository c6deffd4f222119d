"""Findings as they are told: the rule that is broken, its version and citation, and the two figures."""

from datetime import date
from typing import Self

from pydantic import Field

from escrow.api.shapes import Shown
from escrow.rules.finding import Finding
from escrow.rules.rule import Citation


class CitationShown(Shown):
    """Where a rule was read (依据)."""

    title: str
    number: str
    source: str
    read_on: date
    tag: str = Field(description="P: primary text, R: reprint or report of it.")


class FindingShown(Shown):
    """A fee rule that the contract breaks."""

    rule: str
    version: str
    citation: CitationShown
    limit: str
    found: str
    zh: str
    en: str

    @classmethod
    def of(cls, finding: Finding) -> Self:
        citation: Citation = finding.rule.citation
        return cls(
            rule=finding.rule.name,
            version=finding.rule.version,
            citation=CitationShown.model_validate(citation),
            limit=finding.limit,
            found=finding.found,
            zh=finding.zh,
            en=finding.en,
        )
