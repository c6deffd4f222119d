"""The law as data, open to all: what is in force where, on which day, by which document; and who stands below whom."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query
from pydantic import Field

from escrow.api.description import RULES, may_refuse
from escrow.api.desk import AtDesk, Desk
from escrow.api.findings import CitationShown
from escrow.api.shapes import After, Day, Limit, Page, Shown, following, place
from escrow.refusals import Unknown
from escrow.rules.looking_up import listed
from escrow.rules.parameters import PARAMETERS
from escrow.rules.rule import Rule
from escrow.rules.values import plain, told

routes = APIRouter(tags=[RULES])

OfPlace = Annotated[
    str | None,
    Query(
        max_length=20,
        alias="jurisdiction",
        examples=["900001"],
        description="A place by its code: its own rules and those it inherits.",
    ),
]
OnDay = Annotated[Day | None, Query(description="Only what is in force on this day of Asia/Shanghai.")]


class RuleShown(Shown):
    """One version of a rule in one place (规则版本)."""

    version: str = Field(examples=["nation/prepayment.max_lessons@2021-01-01"], description="What a decision records.")
    rule: str = Field(examples=["prepayment.max_lessons"])
    zh: str
    jurisdiction: str
    jurisdiction_zh: str
    jurisdiction_en: str
    category: str | None = Field(description="Only for this category, where the law sets them apart.")
    mode: str | None
    first_day: date
    last_day: date | None = Field(description="Inside; null: until further notice.")
    decided_by: str = Field(examples=["signed"], description="Whose day decides which version holds.")
    value: int | bool | str | dict[str, Any] = Field(description="Exact: ratios and times are texts.")
    told: str = Field(examples=["60"])
    unit: str
    in_use: bool = Field(description="False for what stands only in memory or in a draft: it decides nothing.")
    enforcement: Literal["refuse", "flag"] = Field(
        description="What a breach does in the place asked of, or else the rule's own."
    )
    severity: Literal["notice", "serious", "grave"]
    citation: CitationShown
    draft: bool
    about: str | None
    note: str | None

    @classmethod
    def of(cls, rule: Rule, desk: Desk, *, asked_of: str | None) -> Self:
        """The version, with what a breach does in the place that was asked of: the rule may be inherited there."""
        where, name = rule.jurisdiction, rule.name
        there = asked_of or where.code
        return cls(
            version=rule.version,
            rule=name,
            zh=PARAMETERS[name].zh,
            jurisdiction=where.code,
            jurisdiction_zh=where.name_zh,
            jurisdiction_en=where.name_en,
            category=rule.category,
            mode=rule.mode,
            first_day=rule.first_day,
            last_day=rule.last_day,
            decided_by=rule.decided_by,
            value=plain(rule.value),
            told=told(rule.value),
            unit=rule.unit,
            in_use=rule.enabled,
            enforcement=desk.rulebook.enforcement(name, jurisdiction=there),
            severity=desk.rulebook.severity(name, jurisdiction=there),
            citation=CitationShown.model_validate(rule.citation),
            draft=rule.citation.draft,
            about=rule.about,
            note=rule.note,
        )


class ParameterShown(Shown):
    """One thing that the law sets, with its versions in every place (规则项)."""

    rule: str
    zh: str
    kind: str
    unit: str
    choices: list[str]
    versions: list[RuleShown]


class JurisdictionShown(Shown):
    """A place with rules of its own (辖区)."""

    code: str = Field(description="GB/T 2260; the nation is cn.")
    name_zh: str
    name_en: str
    parent: str | None
    enforcement: Literal["refuse", "flag"] = Field(description="What a breach does where no rule says another word.")


@routes.get("/rules", responses=may_refuse(Unknown, public=True), summary="The rules 规则库")
def everything(
    *, desk: AtDesk, jurisdiction: OfPlace = None, on: OnDay = None, after: After = None, limit: Limit = 50
) -> Page[RuleShown]:
    """Every version of every rule; with a place, its own and inherited ones; with a day, those in force. A place and a
    day together: what decides there then."""
    start = place(after)
    found = list(enumerate(_listed(desk, jurisdiction, on), start=1))[start : start + limit]
    return Page(
        items=[RuleShown.of(rule, desk, asked_of=jurisdiction) for _, rule in found],
        next=following([number for number, _ in found], limit),
    )


@routes.get("/rules/{name}", responses=may_refuse(Unknown, public=True), summary="One rule 单项规则")
def one(name: str, desk: AtDesk, jurisdiction: OfPlace = None, on: OnDay = None) -> ParameterShown:
    """What the rule sets, and its versions: in every place, or for a place, or on a day."""
    if name not in PARAMETERS:
        raise Unknown(what="rule", key=name[:60])
    spec = PARAMETERS[name]
    return ParameterShown(
        rule=name,
        zh=spec.zh,
        kind=spec.kind,
        unit=spec.unit,
        choices=list(spec.choices),
        versions=[
            RuleShown.of(rule, desk, asked_of=jurisdiction)
            for rule in _listed(desk, jurisdiction, on)
            if rule.name == name
        ],
    )


@routes.get("/jurisdictions", responses=may_refuse(public=True), summary="The places 辖区")
def places(desk: AtDesk) -> list[JurisdictionShown]:
    """Every place with rules of its own, and below which it stands: what it does not set, it inherits."""
    return [JurisdictionShown.model_validate(each) for _, each in sorted(desk.rulebook.jurisdictions.items())]


def _listed(desk: Desk, jurisdiction: str | None, on: date | None) -> Sequence[Rule]:
    if jurisdiction is not None and jurisdiction not in desk.rulebook.jurisdictions:
        raise Unknown(what="jurisdiction", key=jurisdiction)
    return listed(desk.rulebook, jurisdiction=jurisdiction, on=on)
