"""Explanations: each fee rule for one contract, its version and arithmetic, kept or broken, or why it says nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from sqlalchemy import Connection

from escrow.enrolment import caps, contract_terms
from escrow.enrolment.measured import Case, Evidence, Measured, quoted_en, quoted_zh
from escrow.enrolment.terms import Terms, is_before
from escrow.rules.absence import Absence, Why, absence
from escrow.rules.rule import Jurisdiction, Rule
from escrow.rules.rulebook import Rulebook

Verdict = Literal["kept", "broken", "not_applicable"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One rule looked at for one contract (逐条核查).

    `rule` is the version that decided, or, where none did (`why`), the one that came closest. `decided_on` is the day
    that chose the version. `zh` and `en` are a paragraph each: the arithmetic with its numbers, the verdict, the
    source.
    """

    name: str
    verdict: Verdict
    rule: Rule | None
    decided_by: str | None
    decided_on: date | None
    why: Why | None
    limit: str | None
    found: str | None
    evidence: Evidence
    zh: str
    en: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """How a contract stands to every fee rule today (合同合规说明), each rule in a paragraph."""

    terms: Terms
    jurisdiction: Jurisdiction
    looks: Sequence[Look]

    @property
    def broken(self) -> list[Look]:
        return [each for each in self.looks if each.verdict == "broken"]


def explain(db: Connection, contract_id: int, *, rulebook: Rulebook) -> Explanation:
    """Every fee rule held against a contract as it stands now, beside those of its course before it.

    Raises Unknown. The bounds of the law are what a sweep at this moment would find.
    """
    terms, place = contract_terms.of_contract(db, contract_id)
    others = [other for other in contract_terms.open_of_student(db, terms.student_id) if is_before(other, terms)]
    return explained(terms, others, rulebook=rulebook, jurisdiction=place)


def explained(terms: Terms, others: Sequence[Terms], *, rulebook: Rulebook, jurisdiction: str) -> Explanation:
    """The same for terms and the student's other open contracts. Pure."""
    case = caps.case_of(terms, others)
    looks = [_look(case, name, rulebook, jurisdiction) for name in caps.CAPS]
    return Explanation(terms=terms, jurisdiction=rulebook.jurisdiction(jurisdiction), looks=looks)


def _look(case: Case, name: str, rulebook: Rulebook, jurisdiction: str) -> Look:
    terms, days = case.terms, caps.deciding_days(case.terms)
    scope = {"jurisdiction": jurisdiction, "category": terms.category, "mode": terms.mode}
    rule = rulebook.deciding(name, days, **scope)
    decided_by = rulebook.decided_by(name)
    decided_on = None if decided_by is None else days[decided_by]
    if rule is not None:
        return _measured(name, caps.CAPS[name](case, rule), decided_on)
    missing = Absence(why="unset", nearest=None)
    if decided_on is not None:
        missing = absence(rulebook, name, on=decided_on, **scope)
    return _missing(name, missing, terms, decided_by=decided_by, decided_on=decided_on)


def _measured(name: str, measured: Measured, decided_on: date | None) -> Look:
    rule, (verdict_zh, verdict_en) = measured.rule, _VERDICTS[measured.broken]
    day_zh, day_en = _DAYS[rule.decided_by]
    breach_zh, breach_en = (measured.breach_zh, f" {measured.breach_en}") if measured.broken else ("", "")
    chosen_zh = f"按{day_zh}（{decided_on}）适用。"
    chosen_en = f"The version is that of {day_en}, {decided_on}."
    return Look(
        name=name,
        verdict="broken" if measured.broken else "kept",
        rule=rule,
        decided_by=rule.decided_by,
        decided_on=decided_on,
        why=None,
        limit=measured.limit,
        found=measured.found,
        evidence=measured.evidence,
        zh=f"{measured.working_zh}{verdict_zh}{breach_zh}{chosen_zh}{quoted_zh(rule)}",
        en=f"{measured.working_en} {verdict_en}{breach_en} {chosen_en} {quoted_en(rule)}",
    )


def _missing(name: str, missing: Absence, terms: Terms, *, decided_by: str | None, decided_on: date | None) -> Look:
    zh, en = _reason(missing, terms, decided_by, decided_on)
    return Look(
        name=name,
        verdict="not_applicable",
        rule=missing.nearest,
        decided_by=decided_by,
        decided_on=decided_on,
        why=missing.why,
        limit=None,
        found=None,
        evidence={},
        zh=f"不适用：{zh}",
        en=f"Does not apply: {en}",
    )


def _reason(missing: Absence, terms: Terms, decided_by: str | None, decided_on: date | None) -> tuple[str, str]:
    rule = missing.nearest
    if rule is None or decided_by is None:
        return "本辖区及上级均未设定此规则。", "neither this place nor one above it has set this rule."
    day_zh, day_en = _DAYS[decided_by]
    if missing.why == "switched_off":
        return (
            f"规则版本{rule.version}仅凭记忆记录（M），未经核对原文，已停用。",
            f"the version {rule.version} stands from memory only (M) and is switched off until its source is read.",
        )
    if missing.why == "other_scope":
        words = [_SCOPES[part] for part in (rule.category, rule.mode) if part is not None]
        own = [_SCOPES[part] for part in (terms.category, terms.mode)]
        return (
            f"规则版本{rule.version}只适用于{'、'.join(zh for zh, _ in words)}课程，本合同为"
            f"{'、'.join(zh for zh, _ in own)}课程。",
            f"the version {rule.version} speaks of {', '.join(en for _, en in words)} courses only; this one is "
            f"{', '.join(en for _, en in own)}.",
        )
    until_zh = "" if rule.last_day is None else f"至{rule.last_day}"
    until_en = "" if rule.last_day is None else f" until {rule.last_day}"
    return (
        f"{day_zh}为{decided_on}，而规则版本{rule.version}自{rule.first_day}起{until_zh}施行。",
        f"{day_en} is {decided_on}, and the version {rule.version} is in force from {rule.first_day}{until_en}.",
    )


_VERDICTS: Final = {True: ("结论：违反。", "Broken."), False: ("结论：符合。", "Kept.")}
_DAYS: Final = {
    "signed": ("签订日", "the day of signing"),
    "first_lesson": ("首课日", "the day of the first lesson"),
}
_SCOPES: Final = {
    "subject": ("学科类", "subject"),
    "non_subject": ("非学科类", "non-subject"),
    "offline": ("线下", "offline"),
    "online": ("线上", "online"),
}
