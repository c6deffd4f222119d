"""Explanations: each fee rule for one contract, its version and arithmetic, kept or broken, or why it says nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

from sqlalchemy import Connection

from escrow.enrolment import cap_prices, caps, contract_terms
from escrow.enrolment.measured import Case, Evidence, Exempt, Measured, quoted_en, quoted_zh
from escrow.enrolment.terms import Terms, is_before
from escrow.rules.absence import Why, absence
from escrow.rules.rule import Jurisdiction, Rule
from escrow.rules.rulebook import Rulebook

Verdict = Literal["kept", "broken", "not_applicable", "setting"]
Silence = Why | Literal["charged_otherwise", "no_renewal", "renewal_governs", "no_calendar", "no_loan", "no_list_price"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One rule looked at for one contract (逐条核查).

    `rule` is the version that decided, or, where none did (`why`), the one that came closest. A setting says how other
    rules count and is neither kept nor broken. `decided_on` is the day that chose the version. `zh` and `en` are a
    paragraph each: the arithmetic with its numbers, the verdict, the source.
    """

    name: str
    verdict: Verdict
    rule: Rule | None
    decided_by: str | None
    decided_on: date | None
    why: Silence | None
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
    """Every fee rule held against a contract as it stands now, beside those of its course before it, as a sweep would.

    Raises Unknown.
    """
    terms, place = contract_terms.of_contract(db, contract_id)
    others = [other for other in contract_terms.open_of_child(db, terms.student_id) if is_before(other, terms)]
    return explained(terms, others, rulebook=rulebook, jurisdiction=place)


def explained(terms: Terms, others: Sequence[Terms], *, rulebook: Rulebook, jurisdiction: str) -> Explanation:
    """The same for terms and the student's other open contracts. Pure."""
    case = caps.case_of(terms, others, rulebook=rulebook, jurisdiction=jurisdiction)
    names = [*caps.CAPS, *(name for name in caps.SETTINGS if name not in caps.CAPS)]
    looks = [_look(case, name, rulebook, jurisdiction) for name in names]
    return Explanation(terms=terms, jurisdiction=rulebook.jurisdiction(jurisdiction), looks=looks)


def _look(case: Case, name: str, rulebook: Rulebook, jurisdiction: str) -> Look:
    terms = case.terms
    rule = caps.version_for(terms, name, rulebook=rulebook, jurisdiction=jurisdiction)
    decided_by = rulebook.decided_by(name)
    decided_on = caps.deciding_days(terms).get(decided_by or "")
    blank = Look(
        name=name,
        verdict="not_applicable",
        rule=rule,
        decided_by=decided_by,
        decided_on=decided_on,
        why=None,
        limit=None,
        found=None,
        evidence={},
        zh="",
        en="",
    )
    if rule is None:
        return _missing(blank, terms, rulebook, jurisdiction)
    measured = caps.CAPS[name](case, rule) if name in caps.CAPS else _setting(rule)
    match measured:
        case Measured():
            return _measured(blank, measured)
        case Exempt(why=why, zh=zh, en=en):
            return _silent(blank, why, rule, (zh, en))
        case zh, en:
            said_zh, said_en = _chosen(blank)
            return replace(
                blank, verdict="setting", zh=f"{zh}{said_zh}{quoted_zh(rule)}", en=f"{en} {said_en} {quoted_en(rule)}"
            )


def _measured(blank: Look, measured: Measured) -> Look:
    verdict_zh, verdict_en = _VERDICTS[measured.broken]
    breach_zh, breach_en = (measured.breach_zh, f" {measured.breach_en}") if measured.broken else ("", "")
    chosen_zh, chosen_en = _chosen(blank)
    return replace(
        blank,
        verdict="broken" if measured.broken else "kept",
        limit=measured.limit,
        found=measured.found,
        evidence=measured.evidence,
        zh=f"{measured.working_zh}{verdict_zh}{breach_zh}{chosen_zh}{quoted_zh(measured.rule)}",
        en=f"{measured.working_en} {verdict_en}{breach_en} {chosen_en} {quoted_en(measured.rule)}",
    )


def _chosen(blank: Look) -> tuple[str, str]:
    """Which day chose the version."""
    day_zh, day_en = _DAYS[blank.decided_by or ""]
    return f"按{day_zh}（{blank.decided_on}）适用。", f"The version is that of {day_en}, {blank.decided_on}."


def _setting(rule: Rule) -> tuple[str, str]:
    """What a rule says about how others count."""
    return _SETTINGS[rule.name, rule.text if isinstance(rule.value, str) else rule.flag]


def _silent(blank: Look, why: Silence, rule: Rule | None, said: tuple[str, str]) -> Look:
    zh, en = said
    return replace(blank, why=why, rule=rule, zh=f"不适用：{zh}", en=f"Does not apply: {en}")


def _missing(blank: Look, terms: Terms, rulebook: Rulebook, jurisdiction: str) -> Look:
    """No version decides: why not."""
    if blank.decided_by == "ordered":
        exempt = cap_prices.NO_LOAN
        return _silent(blank, exempt.why, None, (exempt.zh, exempt.en))
    if blank.decided_on is None:
        return _silent(blank, "unset", None, _UNSET)
    scope = {"jurisdiction": jurisdiction, "category": terms.category, "mode": terms.mode}
    missing = absence(rulebook, blank.name, on=blank.decided_on, **scope)
    said = _UNSET if missing.nearest is None else _reason(missing.why, missing.nearest, terms, blank)
    return _silent(blank, missing.why, missing.nearest, said)


def _reason(why: Why, nearest: Rule, terms: Terms, blank: Look) -> tuple[str, str]:
    version = nearest.version
    if why == "switched_off":
        return (
            f"规则版本{version}未经核对原文或仍为征求意见稿，已停用。",
            f"the version {version} is a draft or from memory only, and switched off until its source is read.",
        )
    if why == "other_scope":
        words = [_SCOPES[part] for part in (nearest.category, nearest.mode) if part is not None]
        own = [_SCOPES[part] for part in (terms.category, terms.mode)]
        return (
            f"规则版本{version}只适用于{'、'.join(zh for zh, _ in words)}课程，本合同为"
            f"{'、'.join(zh for zh, _ in own)}课程。",
            f"the version {version} speaks of {', '.join(en for _, en in words)} courses only; this one is "
            f"{', '.join(en for _, en in own)}.",
        )
    day_zh, day_en = _DAYS[blank.decided_by or ""]
    until_zh = "" if nearest.last_day is None else f"至{nearest.last_day}"
    until_en = "" if nearest.last_day is None else f" until {nearest.last_day}"
    return (
        f"{day_zh}为{blank.decided_on}，而规则版本{version}自{nearest.first_day}起{until_zh}施行。",
        f"{day_en} is {blank.decided_on}, and the version {version} is in force from {nearest.first_day}{until_en}.",
    )


_UNSET: Final = ("本辖区及上级均未设定此规则。", "neither this place nor one above it has set this rule.")
_VERDICTS: Final = {True: ("结论：违反。", "Broken."), False: ("结论：符合。", "Kept.")}
_DAYS: Final = {
    "signed": ("签订日", "the day of signing"),
    "first_lesson": ("首课日", "the day of the first lesson"),
    "ordered": ("下单日", "the day of the order"),
    "received": ("收费约定日", "the day on which the fee was agreed"),
}
_SETTINGS: Final = {
    ("prepayment.materials", True): (
        "教材费、食宿费计入预收费。",
        "Materials and boarding count as prepayment.",
    ),
    ("prepayment.materials", False): (
        "教材费、食宿费不计入预收费。",
        "Materials and boarding do not count as prepayment.",
    ),
    ("prepayment.both_bases", "shorter"): (
        "时间跨度与课时两项上限同时适用，以先到者为准。",
        "The limits on span and on lessons hold both, whichever is reached first.",
    ),
    ("prepayment.both_bases", "as_charged"): (
        "只适用与计费方式相应的上限。",
        "Only the limit of the contract's own way of charging holds.",
    ),
}
_SCOPES: Final = {
    "subject": ("学科类", "subject"),
    "non_subject": ("非学科类", "non-subject"),
    "offline": ("线下", "offline"),
    "online": ("线上", "online"),
}
