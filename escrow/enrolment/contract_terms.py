"""The terms of contracts as they stand in the tables: of one contract, and of a student's open ones."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from escrow.enrolment.tables import contract as table
from escrow.enrolment.terms import Terms
from escrow.refusals import Unknown
from escrow.registry.tables import institution
from escrow.rules.months import SHANGHAI


def open_of_student(db: Connection, student_id: int) -> list[Terms]:
    """A student's open contracts, in the order of their numbers."""
    return [terms for terms, _ in _read(db, table.c.student_id == student_id, table.c.state == "open")]


def of_contract(db: Connection, contract_id: int) -> tuple[Terms, str]:
    """One contract, open or ended, and the jurisdiction whose rules it is under. Raises Unknown."""
    found = _read(db, table.c.id == contract_id)
    if not found:
        raise Unknown(what="contract", key=contract_id)
    return found[0]


def _read(db: Connection, *which: ColumnElement[bool]) -> list[tuple[Terms, str]]:
    i, c = institution.c, table.c
    query = select(table, i.category, i.mode, i.jurisdiction).join(institution, i.id == c.institution_id)
    return [(_terms(row), row.jurisdiction) for row in db.execute(query.where(*which).order_by(c.id))]


def _terms(row: Row[Any]) -> Terms:
    return Terms(
        contract_id=row.id,
        institution_id=row.institution_id,
        student_id=row.student_id,
        subject=row.subject,
        category=row.category,
        mode=row.mode,
        lessons=row.lessons,
        gifted=row.gifted,
        price_minor=row.price,
        taught=row.taught,
        signed_on=row.signed_at.astimezone(SHANGHAI).date(),
        first_lesson=row.first_lesson,
        last_lesson=row.last_lesson,
    )
