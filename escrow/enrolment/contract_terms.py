"""The terms of contracts as they stand in the tables: of one contract, and of a child's open ones."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select, union_all

from escrow.enrolment.tables import CHILD, payment_order, student
from escrow.enrolment.tables import contract as table
from escrow.enrolment.terms import Terms
from escrow.refusals import Unknown
from escrow.registry.tables import institution
from escrow.rules.months import SHANGHAI
from ledger.chunks import chunks


def open_of_child(db: Connection, child: int) -> list[Terms]:
    """A child's open contracts under all its guardians, in the order of their numbers. `child`: its first record."""
    s = student.c
    records = union_all(select(s.id).where(s.id == child), select(s.id).where(s.same_as == child))
    return [terms for terms, _ in _read(db, table.c.student_id.in_(records), table.c.state == "open")]


def open_around(db: Connection, contract_ids: Collection[int]) -> list[tuple[Terms, str]]:
    """The open contracts of the children of these contracts, each with its jurisdiction, in the order of their ids."""
    c, s = table.c, student.c
    found = []
    for chunk in chunks(sorted(contract_ids)):
        children = select(CHILD).join(table, c.student_id == s.id).where(c.id.in_(chunk))
        records = union_all(children, select(s.id).where(s.same_as.in_(children)))
        found += _read(db, c.student_id.in_(records), c.state == "open")
    return found


def of_contract(db: Connection, contract_id: int) -> tuple[Terms, str]:
    """One contract, open or ended, and the jurisdiction whose rules it is under. Raises Unknown."""
    found = _read(db, table.c.id == contract_id)
    if not found:
        raise Unknown(what="contract", key=contract_id)
    return found[0]


def _read(db: Connection, *which: ColumnElement[bool]) -> list[tuple[Terms, str]]:
    i, c, o = institution.c, table.c, payment_order.c
    loan = select(func.min(o.created_at)).where(o.contract_id == c.id, o.by_loan == 1).scalar_subquery()
    query = select(table, i.category, i.mode, i.jurisdiction, loan.label("loan_at"), CHILD.label("child"))
    query = query.join(institution, i.id == c.institution_id).join(student, student.c.id == c.student_id)
    return [(_terms(row), row.jurisdiction) for row in db.execute(query.where(*which).order_by(c.id))]


def _terms(row: Row[Any]) -> Terms:
    return Terms(
        contract_id=row.id,
        institution_id=row.institution_id,
        student_id=row.child,
        subject=row.subject,
        category=row.category,
        mode=row.mode,
        lessons=row.lessons,
        gifted=row.gifted,
        price_minor=row.price,
        # Of an ended contract nothing is owed any more, whatever was taught.
        taught=row.taught if row.state == "open" else row.lessons + row.gifted,
        signed_on=row.signed_at.astimezone(SHANGHAI).date(),
        first_lesson=row.first_lesson,
        last_lesson=row.last_lesson,
        materials_minor=row.materials,
        list_minor=row.list_price,
        charged_by=row.charged_by,
        loan_on=None if row.loan_at is None else row.loan_at.astimezone(SHANGHAI).date(),
    )
