"""Explanations: how a contract stands to every fee rule, with the version, the arithmetic and the source of each."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy import Connection

from escrow.api.asking import Look, looking
from escrow.api.description import CONTRACTS, may_refuse
from escrow.api.findings import CitationShown
from escrow.api.shapes import PathId, Shown
from escrow.enrolment import contracts, explaining
from escrow.enrolment.explaining import Silence, Verdict
from escrow.refusals import Unknown

routes = APIRouter(tags=[CONTRACTS])


class RuleLookShown(Shown):
    """One fee rule held against the contract."""

    rule: str = Field(examples=["prepayment.max_lessons"])
    verdict: Verdict
    version: str | None = Field(description="What decided; where nothing did, the version that came closest.")
    citation: CitationShown | None
    decided_by: str | None = Field(description="Which of the contract's days chooses the version.")
    decided_on: date | None
    why: Silence | None = Field(description="Why the rule does not apply.")
    limit: str | None
    found: str | None
    evidence: Mapping[str, Any] = Field(description="The figures of the arithmetic; money in fen.")
    zh: str
    en: str

    @classmethod
    def of(cls, look: explaining.Look) -> Self:
        told = {name: getattr(look, name) for name in cls.model_fields if hasattr(look, name)}
        rule = look.rule
        citation = None if rule is None else CitationShown.model_validate(rule.citation)
        return cls(
            **told | {"rule": look.name, "version": None if rule is None else rule.version, "citation": citation}
        )


class ExplanationShown(Shown):
    """Every fee rule that a contract is under, in the order in which they are examined."""

    contract_id: int
    jurisdiction: str
    enforcement: Literal["refuse", "flag"]
    broken: int
    rules: list[RuleLookShown]


@routes.get(
    "/contracts/{contract_id}/explanation",
    responses=may_refuse(Unknown),
    summary="Why a contract keeps or breaks the fee rules 合同合规说明",
)
def explanation(
    contract_id: PathId,
    look: Annotated[Look, Depends(looking("family", "institution", "bureau", "auditor"))],
) -> ExplanationShown:
    """The contract as it stands now, beside the open ones of its course that were signed before it: for each rule its
    version, the arithmetic with the numbers, and a paragraph in Chinese and in English; for a rule that does not apply,
    why not. For its guardian, its institution, the bureau and the auditor."""

    def read(db: Connection) -> ExplanationShown:
        contracts.must_be_party(contracts.get(db, contract_id), look.by)
        found = explaining.explain(db, contract_id, rulebook=look.desk.rulebook)
        return ExplanationShown(
            contract_id=contract_id,
            jurisdiction=found.jurisdiction.code,
            enforcement=found.jurisdiction.enforcement,
            broken=len(found.broken),
            rules=[RuleLookShown.of(each) for each in found.looks],
        )

    return look(read)
