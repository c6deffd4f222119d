"""The caps' arithmetic and their words. Which contracts break which cap stands in the law cases beside the rulebook."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.enrolment.caps import ImpossibleTerms, Terms, examine
from escrow.rules.finding import Finding
from escrow.rules.rulebook import Rulebook

RULEBOOK = Rulebook.load()
COUNTY = "900001"
DRAWING = Terms(
    contract_id=123,
    institution_id=7,
    student_id=12,
    subject="drawing",
    category="non_subject",
    mode="offline",
    lessons=40,
    gifted=0,
    price_minor=200000,
    signed_on=date(2026, 8, 20),
    first_lesson=date(2026, 9, 1),
    last_lesson=date(2026, 11, 20),
)


def _examine(terms: Terms, *others: Terms) -> list[Finding]:
    return examine(terms, others, rulebook=RULEBOOK, jurisdiction=COUNTY)


def _only(terms: Terms, *others: Terms) -> Finding:
    (finding,) = _examine(terms, *others)
    return finding


SPAN_BREACH = replace(DRAWING, last_lesson=date(2026, 12, 2))
EARLY = replace(DRAWING, signed_on=date(2026, 7, 31))
DEAR = replace(DRAWING, price_minor=600000)
LONG = replace(DRAWING, lessons=75)


def test_a_finding_on_lessons_carries_the_figures_of_every_contract_that_counts() -> None:
    finding = _only(replace(DRAWING, lessons=30, gifted=5), replace(DRAWING, contract_id=99))

    assert finding.rule.version == "nation/prepayment.max_lessons@2021-01-01"
    assert (finding.limit, finding.found) == ("60 lessons", "75 lessons")
    assert finding.evidence == {
        "institution": 7,
        "student": 12,
        "subject": "drawing",
        "contracts": ["contract:123", "contract:99"],
        "lessons_counted": [35, 40],
        "lessons_found": 75,
        "lessons_allowed": 60,
    }


def test_a_finding_on_money_carries_the_fen_not_yet_earned() -> None:
    half_taught = replace(DRAWING, contract_id=99, price_minor=400001, taught=20)
    finding = _only(replace(DRAWING, lessons=20, price_minor=300000), half_taught)

    assert (finding.limit, finding.found) == ("5000.00 CNY", "5000.01 CNY")
    assert finding.evidence["minor_counted"] == [300000, 200001]
    assert (finding.evidence["minor_found"], finding.evidence["minor_allowed"]) == (500001, 500000)


@pytest.mark.parametrize(
    ("terms", "zh", "en"),
    [
        (LONG, ("75课时", "60课时", "减少15课时"), ("75 lessons", "60 lessons", "15 fewer")),
        (DEAR, ("6000.00元", "5000.00元", "减少1000.00元"), ("6000.00 CNY", "5000.00 CNY", "1000.00 CNY less")),
        (SPAN_BREACH, ("2026-12-02", "3个月", "2026-12-01"), ("2026-12-02", "3 calendar months", "2026-12-01")),
        (EARLY, ("2026-07-31", "1个月", "2026-08-01"), ("2026-07-31", "1 calendar month", "2026-08-01")),
    ],
)
def test_both_sentences_quote_what_was_found_the_limit_the_version_and_the_citation(
    terms: Terms, zh: tuple[str, ...], en: tuple[str, ...]
) -> None:
    finding = _only(terms)
    source = (finding.rule.version, finding.rule.citation.title, finding.rule.citation.number)

    assert [words for words in (*zh, *source) if words not in finding.zh] == []
    assert [words for words in (*en, *source) if words not in finding.en] == []


def test_two_looks_at_one_fact_give_it_one_name() -> None:
    other = replace(DRAWING, contract_id=99)
    course = "student:12:institution:7:subject:drawing"

    assert (_only(DRAWING, other).fact, _only(other, DRAWING).fact) == (course, course)
    assert (_only(SPAN_BREACH).fact, _only(EARLY).fact) == ("contract:123", "contract:123")
    assert _only(replace(SPAN_BREACH, contract_id=None)).fact == f"draft:{course}"


def test_a_contract_with_four_faults_shows_all_four() -> None:
    terms = replace(
        LONG, price_minor=600000, signed_on=date(2026, 7, 31), last_lesson=date(2026, 12, 2), category="non_subject"
    )
    assert {finding.rule.name for finding in _examine(terms)} == {
        "prepayment.max_span",
        "prepayment.max_lessons",
        "prepayment.max_amount",
        "prepayment.earliest",
    }


@given(parts=st.lists(st.integers(min_value=0, max_value=40), min_size=1, max_size=5), gifted=st.integers(0, 40))
def test_lessons_cut_into_any_number_of_contracts_are_judged_like_one(parts: list[int], gifted: int) -> None:
    whole = replace(DRAWING, lessons=sum(parts), gifted=gifted, price_minor=0)
    cut = [replace(DRAWING, contract_id=nr, lessons=part, price_minor=0) for nr, part in enumerate(parts)]
    cut[-1] = replace(cut[-1], gifted=gifted)

    together = [finding.found for finding in _examine(cut[0], *cut)]
    assert together == [finding.found for finding in _examine(whole)]


@given(price=st.integers(0, 10**9), lessons=st.integers(1, 200), gifted=st.integers(0, 50), taught=st.integers(0, 260))
def test_the_unearned_money_falls_from_the_price_to_exactly_nothing(
    price: int, lessons: int, gifted: int, taught: int
) -> None:
    terms = replace(DRAWING, price_minor=price, lessons=lessons, gifted=gifted)
    left = replace(terms, taught=taught).untaught_minor

    assert 0 <= replace(terms, taught=taught + 1).untaught_minor <= left <= terms.untaught_minor == price
    assert left * lessons >= price * (lessons - taught)
    assert replace(terms, taught=lessons).untaught_minor == 0


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"lessons": -1}, "lessons is -1"),
        ({"price_minor": -1}, "price_minor is -1"),
        ({"last_lesson": date(2026, 8, 31)}, "last_lesson 2026-08-31 is before first_lesson 2026-09-01"),
        ({"category": "art"}, "category is 'art'; allowed: subject, non_subject"),
        ({"mode": "hybrid"}, "mode is 'hybrid'; allowed: offline, online"),
    ],
)
def test_terms_that_contradict_themselves_are_refused(wrong: dict[str, Any], refusal: str) -> None:
    with pytest.raises(ImpossibleTerms, match=refusal):
        replace(DRAWING, **wrong)
