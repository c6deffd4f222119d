"""Contracts at random: few students, subjects and institutions, so that their contracts meet; and caps that change."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
from hypothesis import strategies as st

from escrow.enrolment.caps import examine
from escrow.enrolment.contract_columns import NO_DAY, Columns, Scope, number_of
from escrow.enrolment.terms import CHARGED_BY, Terms, is_before
from escrow.rules.finding import Finding
from escrow.rules.rule import SchoolTerm
from escrow.rules.rulebook import Rulebook
from escrow.rules.values import Renewal, Value

SUBJECTS: Final = ("drawing", "围棋", "maths")
SCOPES: Final = (
    Scope("900001", "non_subject", "offline"),
    Scope("900001", "subject", "online"),
    Scope("cn", "non_subject", "online"),
)
"""By the institution's number."""

_SHIPPED: Final = Rulebook.load()
_SOON: Final = Renewal(lessons_left=7, months_before_start=0)
_SCHOOL_TERMS: Final = tuple(
    SchoolTerm(name=name, first_day=first, last_day=last, source="as drawn up for these tests")
    for name, first, last in (
        ("春季学期", date(2026, 2, 23), date(2026, 7, 10)),
        ("秋季学期", date(2026, 9, 1), date(2026, 11, 30)),
    )
)


def changing(rulebook: Rulebook = _SHIPPED) -> Rulebook:
    """The shipped rules, and stricter ones of the model county that begin in 2026, some for one category only."""
    county = rulebook.jurisdiction("900001")
    made: list[tuple[str, Value, date, date | None, str | None]] = [
        ("prepayment.max_lessons", 30, date(2026, 7, 10), date(2026, 7, 20), None),
        ("prepayment.max_lessons", 48, date(2026, 7, 21), None, "non_subject"),
        ("prepayment.max_amount", 300000, date(2026, 7, 15), None, "subject"),
        ("prepayment.max_span", 2, date(2026, 7, 12), date(2026, 7, 12), None),
        ("prepayment.earliest", 0, date(2026, 7, 14), None, "non_subject"),
        ("prepayment.materials", False, date(2026, 7, 13), date(2026, 7, 17), None),
        ("prepayment.both_bases", "as_charged", date(2026, 7, 16), None, "subject"),
        ("prepayment.renew_at", _SOON, date(2026, 7, 11), date(2026, 7, 22), None),
        ("prepayment.cross_term", False, date(2026, 7, 15), None, None),
        ("course.filed", False, date(2026, 7, 18), date(2026, 7, 19), None),
        ("prepayment.loan", True, date(2026, 7, 25), None, "non_subject"),
    ]
    like = {rule.name: rule for rule in reversed(rulebook.rules) if rule.enabled}
    new = [
        replace(
            like[name],
            jurisdiction=county,
            value=value,
            first_day=first,
            last_day=last,
            category=category,
            mode=None,
        )
        for name, value, first, last, category in made
    ]
    schooling = {"900001": replace(county, school_terms=_SCHOOL_TERMS)}
    return replace(rulebook, rules=(*rulebook.rules, *new), jurisdictions={**rulebook.jurisdictions, **schooling})


@st.composite
def towns(draw: st.DrawFn) -> list[Terms]:
    """Up to fourteen contracts around the edges of the caps."""
    return [draw(contracts(number)) for number in range(1, draw(st.integers(0, 14)) + 1)]


def _part_of(price: int) -> st.SearchStrategy[int]:
    return st.sampled_from(sorted({0, price // 2, price - 1}))


@st.composite
def contracts(draw: st.DrawFn, number: int) -> Terms:
    """One contract with this number."""
    institution = draw(st.integers(0, len(SCOPES) - 1))
    lessons, gifted = draw(st.sampled_from([1, 7, 29, 30, 31, 59, 60, 61])), draw(st.sampled_from([0, 0, 1, 12]))
    first = date(2026, 7, 1) + timedelta(days=draw(st.integers(0, 75)))
    price = draw(st.sampled_from([1, 99999, 250000, 250001, 299999, 300001, 499999, 500000, 500001]))
    terms: dict[str, Any] = {
        "contract_id": number,
        "institution_id": institution + 1,
        "student_id": draw(st.integers(1, 2)),
        "subject": draw(st.sampled_from(SUBJECTS)),
        "category": SCOPES[institution].category,
        "mode": SCOPES[institution].mode,
        "lessons": lessons,
        "gifted": gifted,
        "taught": draw(st.integers(0, lessons + gifted)),
        "price_minor": price,
        "materials_minor": draw(_part_of(price)),
        "list_minor": draw(st.sampled_from([1, 5000, 1_000_000])),
        "charged_by": draw(st.sampled_from(CHARGED_BY)),
        "loan_on": draw(st.sampled_from([None, None, date(2026, 7, 19), date(2026, 7, 25)])),
        "signed_on": date(2026, 7, 8) + timedelta(days=draw(st.integers(0, 16))),
        "first_lesson": first,
        "last_lesson": first + timedelta(days=draw(st.integers(0, 100))),
    }
    return Terms(**terms)


def one_by_one(town: Sequence[Terms], rulebook: Rulebook) -> list[tuple[int, Finding]]:
    """What the examination of each single contract finds, held against those before it."""
    return [
        (terms.contract_id or 0, finding)
        for terms in town
        for finding in examine(
            terms,
            [other for other in town if is_before(other, terms)],
            rulebook=rulebook,
            jurisdiction=SCOPES[terms.institution_id - 1].jurisdiction,
        )
    ]


def as_columns(town: Sequence[Terms]) -> Columns:
    """The same contracts as the sweep reads them."""
    ordered = sorted(
        town, key=lambda t: (t.student_id, t.institution_id, SUBJECTS.index(t.subject), t.signed_on, t.contract_id or 0)
    )

    def column(name: str) -> Any:
        return np.array([getattr(terms, name) for terms in ordered], dtype=np.int64)

    def days(name: str) -> Any:
        return np.array([number_of(getattr(terms, name)) for terms in ordered], dtype=np.int64)

    return Columns(
        id=column("contract_id"),
        student=column("student_id"),
        institution=column("institution_id"),
        subject=np.array([SUBJECTS.index(terms.subject) for terms in ordered], dtype=np.int64),
        lessons=column("lessons"),
        gifted=column("gifted"),
        price=column("price_minor"),
        taught=column("taught"),
        signed=days("signed_on"),
        first=days("first_lesson"),
        last=days("last_lesson"),
        materials=column("materials_minor"),
        list_price=column("list_minor"),
        charged=np.array([CHARGED_BY.index(terms.charged_by) for terms in ordered], dtype=np.int64),
        loan=np.array([NO_DAY if t.loan_on is None else number_of(t.loan_on) for t in ordered], dtype=np.int64),
        scope=column("institution_id") - 1,
        subjects=SUBJECTS,
        scopes=SCOPES,
    )
