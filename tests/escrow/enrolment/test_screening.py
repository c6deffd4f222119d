"""All contracts together are told what each would be told alone: on columns, in a database, over changing rules."""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from escrow.enrolment import caps, contract_columns, screening
from escrow.enrolment.contract_columns import day_of, number_of
from escrow.enrolment.tables import contract as table
from escrow.enrolment.tables import guardian, payment_order, student
from escrow.enrolment.terms import Terms
from escrow.registry.tables import course, institution
from escrow.rules import months
from escrow.rules.finding import Finding
from escrow.rules.months import SHANGHAI
from tests.escrow.enrolment.random_towns import SCOPES, as_columns, changing, one_by_one, towns

RULEBOOK: Final = changing()


def told(found: Sequence[tuple[int, Finding]]) -> list[Any]:
    """Findings without their order, evidence and all."""
    return sorted(
        ((number, each.rule.version, each.fact, each.limit, each.found, str(each.evidence)) for number, each in found),
        key=str,
    )


@settings(max_examples=100)
@given(town=towns())
def test_columns_and_single_contracts_are_found_the_same(town: list[Terms]) -> None:
    found = [(each.contract_id, each.finding) for each in screening.findings(as_columns(town), RULEBOOK)]
    assert told(found) == told(one_by_one(town, RULEBOOK))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(town=towns())
def test_a_town_in_the_database_is_found_the_same(db: Connection, town: list[Terms]) -> None:
    savepoint = db.begin_nested()
    _settle(db, town)
    columns = contract_columns.read(db, table.c.state == "open")
    found = [(each.contract_id, each.finding) for each in screening.findings(columns, RULEBOOK)]
    savepoint.rollback()
    assert told(found) == told(one_by_one(town, RULEBOOK))


@given(day=st.dates(date(1999, 1, 1), date(2199, 12, 31)), step=st.integers(-14, 14))
def test_months_are_added_to_columns_as_to_a_single_day(day: date, step: int) -> None:
    (later,) = screening.add_months(np.array([number_of(day)]), np.array([step]))
    assert day_of(later) == months.add_months(day, step)


def test_every_cap_has_its_arithmetic_on_columns() -> None:
    nobody = as_columns([])
    ground = screening.ground_of(nobody, RULEBOOK)
    assert [screening.broken_by(ground, name).tolist() for name in caps.CAPS] == [[]] * len(caps.CAPS)
    assert list(screening.findings(nobody, RULEBOOK)) == []


@pytest.mark.parametrize("price", [10**12, 999_999_999_999])
def test_the_largest_price_over_the_most_lessons_is_still_exact(price: int) -> None:
    terms = Terms(**_LARGEST, price_minor=price, taught=9_999)
    columns = as_columns([terms])
    assert screening.untaught_of(columns, columns.price).tolist() == [terms.untaught_minor]


_LARGEST: Final[dict[str, Any]] = {
    "contract_id": 1,
    "institution_id": 1,
    "student_id": 1,
    "subject": "drawing",
    "category": "non_subject",
    "mode": "offline",
    "lessons": 10_000,
    "gifted": 10_000,
    "signed_on": date(2026, 7, 20),
    "first_lesson": date(2026, 8, 1),
    "last_lesson": date(2026, 10, 1),
    "list_minor": 1,
}

_MOMENTS: Final = (time(0, 0), time(12, 0), time(23, 59, 59, 999999))
"""Of a day of signing: both its ends are that day, in Shanghai."""


def _settle(db: Connection, town: Sequence[Terms]) -> None:
    """Write the town into the tables under its own numbers, and beside each contract one that has ended."""
    at = datetime.combine(date(2026, 7, 1), time(12), SHANGHAI)
    for number, scope in enumerate(SCOPES, start=1):
        named = {name: f"{name}{number}" for name in ("name", "credit_code", "licence_no")}
        accounts = {"supervised_account": f"S{number}", "settlement_account": f"T{number}"}
        stands = {"licence_expires": date(2027, 1, 1), "state": "open", "registered_at": at}
        db.execute(insert(institution).values(id=number, **named, **accounts, **stands, **scope._asdict()))
        filed = {"name": "x", "subject": "x", "list_price": 1_000_000, "filed_at": at}
        db.execute(insert(course).values(id=number, institution_id=number, **filed))
    for number in (1, 2):
        db.execute(insert(guardian).values(id=number, name=f"王{number}", mobile="138"))
        db.execute(insert(student).values(id=number, guardian_id=number, name=f"小{number}"))
        db.execute(insert(guardian).values(id=number + 2, name=f"李{number}", mobile="138"))
        db.execute(insert(student).values(id=number + 2, guardian_id=number + 2, name="小", same_as=number))
    rows = [_row(terms) for terms in town]
    ended = [row | {"id": row["id"] + 1000, "state": "ended"} for row in rows]
    if rows:
        db.execute(insert(table), [*rows, *ended])
    orders = [_by_loan(terms) for terms in town if terms.loan_on is not None]
    if orders:
        db.execute(insert(payment_order), orders)


def _by_loan(terms: Terms) -> dict[str, Any]:
    at = datetime.combine(terms.loan_on or date.max, _MOMENTS[(terms.contract_id or 0) % 3], SHANGHAI)
    same = {"amount": 1, "created_at": at, "expires_at": at, "state": "open", "by_loan": 1}
    return {"contract_id": terms.contract_id, "reference": f"XF{terms.contract_id}", **same}


def _row(terms: Terms) -> dict[str, Any]:
    number = terms.contract_id or 0
    same = ("institution_id", "student_id", "subject", "lessons", "gifted", "taught", "first_lesson", "last_lesson")
    return {name: getattr(terms, name) for name in same} | {
        "id": number,
        "course_id": terms.institution_id,
        # One child, entered under two guardians, who sign in turn.
        "student_id": terms.student_id + 2 * (number % 2),
        "guardian_id": terms.student_id,
        "price": terms.price_minor,
        "materials": terms.materials_minor,
        "list_price": terms.list_minor,
        "charged_by": terms.charged_by,
        "signed_at": datetime.combine(terms.signed_on, _MOMENTS[number % 3], SHANGHAI),
        "state": "open",
        "findings": [],
    }
