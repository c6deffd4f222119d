"""Explanations: every rule is looked at and told with its numbers, and so is why one says nothing."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Connection

from escrow.enrolment import caps
from escrow.enrolment.explaining import Explanation, Look, explain, explained
from escrow.enrolment.terms import Terms
from escrow.refusals import Unknown
from escrow.rules.rulebook import Rulebook
from tests.escrow.county import RULEBOOK, draft, enrolled, family, school, sign

DRAWING = Terms(
    contract_id=123,
    institution_id=7,
    student_id=12,
    subject="drawing",
    category="non_subject",
    mode="offline",
    lessons=40,
    gifted=5,
    price_minor=200000,
    taught=10,
    signed_on=date(2026, 8, 20),
    first_lesson=date(2026, 9, 1),
    last_lesson=date(2026, 11, 20),
)
OLDER = replace(DRAWING, contract_id=99, gifted=0, taught=25)


def look(explanation: Explanation, name: str) -> Look:
    (found,) = [each for each in explanation.looks if each.name == f"prepayment.{name}"]
    return found


def of(terms: Terms, *others: Terms, rulebook: Rulebook = RULEBOOK) -> Explanation:
    return explained(terms, others, rulebook=rulebook, jurisdiction="900001")


def test_every_cap_is_looked_at_and_a_kept_one_shows_its_arithmetic_in_both_languages() -> None:
    explanation = of(DRAWING, OLDER)
    found = look(explanation, "max_lessons")

    assert [each.name for each in explanation.looks] == [*caps.CAPS, "prepayment.materials", "prepayment.both_bases"]
    assert (found.verdict, found.limit, found.found) == ("kept", "60 lessons", "50 lessons")
    assert "35（合同123） + 15（合同99） = 50课时；上限60课时。结论：符合。按签订日（2026-08-20）适用。" in found.zh
    assert "35 (contract 123) + 15 (contract 99) = 50 lessons; the limit is 60 lessons. Kept." in found.en
    assert "教监管函〔2021〕2号" in found.zh
    assert "nation/prepayment.max_lessons@2021-01-01" in found.en


def test_a_broken_rule_says_by_how_much_and_agrees_with_the_finding() -> None:
    dear = replace(DRAWING, price_minor=600000)
    explanation = of(dear)
    found = look(explanation, "max_amount")
    (finding,) = caps.examine(dear, [], rulebook=RULEBOOK, jurisdiction="900001")

    assert explanation.broken == [found]
    assert (found.verdict, found.limit, found.found) == ("broken", finding.limit, finding.found)
    assert found.evidence == finding.evidence
    assert "6000.00（合同123） = 6000.00元；上限5000.00元。结论：违反。" in found.zh
    assert "应减少1000.00元" in found.zh
    assert "Broken." in found.en


def test_days_are_told_as_they_were_counted() -> None:
    explanation = of(replace(DRAWING, first_lesson=date(2026, 8, 31)))
    assert (
        "首课为2026-08-31，其后3个月为2026-11-30；末课（含赠送课时）为2026-11-20。" in look(explanation, "max_span").zh
    )
    assert "1 calendar month(s) before is 2026-07-31" in look(explanation, "earliest").en


def test_a_rule_for_another_category_does_not_apply_and_says_for_whom_it_is() -> None:
    found = look(of(replace(DRAWING, category="subject")), "max_amount")
    assert (found.verdict, found.why, found.limit) == ("not_applicable", "other_scope", None)
    assert "只适用于非学科类课程，本合同为学科类、线下课程" in found.zh
    assert "speaks of non-subject courses only; this one is subject, offline" in found.en


def test_a_rule_that_was_not_in_force_says_from_when_it_is() -> None:
    long_ago = replace(
        DRAWING, signed_on=date(2019, 1, 5), first_lesson=date(2019, 1, 10), last_lesson=date(2019, 2, 1)
    )
    found = look(of(long_ago), "max_lessons")
    assert (found.verdict, found.why) == ("not_applicable", "not_in_force")
    assert "签订日为2019-01-05，而规则版本nation/prepayment.max_lessons@2021-01-01自2021-01-01起施行" in found.zh


def test_a_rule_that_has_ended_says_until_when_it_was() -> None:
    ended = replace(RULEBOOK, rules=tuple(replace(rule, last_day=date(2026, 1, 31)) for rule in RULEBOOK.rules))
    assert "until 2026-01-31" in look(of(DRAWING, rulebook=ended), "max_lessons").en


def test_a_rule_from_memory_is_switched_off_and_says_so() -> None:
    rules = [
        replace(rule, citation=replace(rule.citation, tag="M")) if rule.name == "prepayment.max_span" else rule
        for rule in RULEBOOK.rules
    ]
    found = look(of(DRAWING, rulebook=replace(RULEBOOK, rules=tuple(rules))), "max_span")
    assert (found.verdict, found.why) == ("not_applicable", "switched_off")
    assert "已停用" in found.zh
    assert "switched off" in found.en


def test_a_rule_that_no_place_has_set_is_told_as_unset() -> None:
    rules = tuple(rule for rule in RULEBOOK.rules if rule.name != "prepayment.earliest")
    found = look(of(DRAWING, rulebook=replace(RULEBOOK, rules=rules)), "earliest")
    assert (found.verdict, found.why, found.rule) == ("not_applicable", "unset", None)
    assert "均未设定" in found.zh


def test_a_renewal_is_judged_by_what_is_left_and_no_longer_by_the_general_month() -> None:
    early = replace(DRAWING, signed_on=date(2026, 7, 20))
    for left, verdict in ((20, "kept"), (21, "broken")):
        explanation = of(early, replace(OLDER, signed_on=date(2026, 5, 1), taught=40 - left))
        assert look(explanation, "renew_at").verdict == verdict
        assert look(explanation, "earliest").why == "renewal_governs"
    alone = of(early)
    assert (look(alone, "renew_at").why, look(alone, "earliest").verdict) == ("no_renewal", "broken")


def test_settings_are_told_as_what_they_are() -> None:
    explanation = of(DRAWING)
    assert look(explanation, "both_bases").verdict == "setting"
    assert "whichever is reached first" in look(explanation, "both_bases").en
    assert look(explanation, "materials").why == "unset"
    assert look(explanation, "loan").why == "no_loan"
    assert look(explanation, "cross_term").verdict == "not_applicable"


def test_a_stored_contract_is_held_against_those_before_it_and_not_those_after(db: Connection) -> None:
    of_school, child = school(db), family(db)
    first, second = (
        sign(db, of_school, draft(of_school, child, lessons=40, price="2000.00")).contract for _ in range(2)
    )
    enrolled(db, of_school, 2)

    assert explain(db, first.id, rulebook=RULEBOOK).broken == []
    (broken,) = explain(db, second.id, rulebook=RULEBOOK).broken
    assert (broken.name, broken.found) == ("prepayment.max_lessons", "80 lessons")
    with pytest.raises(Unknown):
        explain(db, 1, rulebook=RULEBOOK)
