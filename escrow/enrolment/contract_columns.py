"""Contracts as columns of integers: all of them at once, in the order of their courses, without an object for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import BigInteger, ColumnElement, Connection, Select, case, func, literal_column, select

from escrow.enrolment.tables import contract as table
from escrow.enrolment.tables import payment_order, student
from escrow.enrolment.terms import CHARGED_BY, Terms
from escrow.registry import institutions
from ledger.integers import Integers, integers

EPOCH: Final = date(1970, 1, 1)
"""Day 0: days are counted from here."""

NO_DAY: Final = -(10**9)
"""The number of no day: before every day that a calendar has."""

# Instants are stored as UTC, on SQLite as text; the business clock is eight hours before it. Cut to seconds, since
# SQLite rounds to a thousandth and would carry the last microseconds of a day into the next.
_DAY: Final = {
    "postgresql": "({name} - DATE '1970-01-01')",
    "sqlite": "CAST(julianday({name}) - 2440587.5 AS INTEGER)",
}
_LOCAL_DAY: Final = {
    "postgresql": "(({name} AT TIME ZONE 'Asia/Shanghai')::date - DATE '1970-01-01')",
    "sqlite": "CAST(julianday(date(substr({name}, 1, 19), '+8 hours')) - 2440587.5 AS INTEGER)",
}

# A subject is numbered by its first contract: that number stays, whatever is signed between two looks.
_NAMED: Final = select(func.min(table.c.id).label("first_id"), table.c.subject).group_by(table.c.subject)
_LOANS: Final = (
    select(payment_order.c.contract_id, func.min(payment_order.c.created_at).label("first_at"))
    .where(payment_order.c.by_loan == 1)
    .group_by(payment_order.c.contract_id)
)


class Scope(NamedTuple):
    """What a version of a rule depends on besides the day."""

    jurisdiction: str
    category: str
    mode: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Contracts, one place in every column each: those of a course side by side, in the order of their signing.

    `student` is the first record of the child. Money in fen, days counted from 1970-01-01 (in Asia/Shanghai); `loan` is
    the day of the first order by training loan, or NO_DAY. `subject`, `scope` and `charged` are places among
    `subjects`, `scopes` and CHARGED_BY.
    """

    id: Integers
    student: Integers
    institution: Integers
    subject: Integers
    lessons: Integers
    gifted: Integers
    price: Integers
    materials: Integers
    list_price: Integers
    charged: Integers
    taught: Integers
    signed: Integers
    first: Integers
    last: Integers
    loan: Integers
    scope: Integers
    subjects: Sequence[str]
    scopes: Sequence[Scope]

    def __len__(self) -> int:
        return len(self.id)

    @property
    def course_begins(self) -> Integers:
        """For each contract, the place of the first one of its course."""
        begins = np.zeros(len(self), dtype=np.int64)
        changed = np.zeros(max(len(self) - 1, 0), dtype=bool)
        for column in (self.student, self.institution, self.subject):
            changed |= column[1:] != column[:-1]
        begins[1:][changed] = np.flatnonzero(changed) + 1
        return np.maximum.accumulate(begins)

    def terms(self, place: int) -> Terms:
        """The contract at this place, as the caps look at a single one."""
        scope = self.scopes[self.scope[place]]
        signed, first, last = (day_of(column[place]) for column in (self.signed, self.first, self.last))
        return Terms(
            contract_id=int(self.id[place]),
            institution_id=int(self.institution[place]),
            student_id=int(self.student[place]),
            subject=self.subjects[self.subject[place]],
            category=scope.category,
            mode=scope.mode,
            lessons=int(self.lessons[place]),
            gifted=int(self.gifted[place]),
            price_minor=int(self.price[place]),
            taught=int(self.taught[place]),
            signed_on=signed,
            first_lesson=first,
            last_lesson=last,
            materials_minor=int(self.materials[place]),
            list_minor=int(self.list_price[place]),
            charged_by=CHARGED_BY[self.charged[place]],
            loan_on=None if self.loan[place] == NO_DAY else day_of(self.loan[place]),
        )


def read(db: Connection, which: ColumnElement[bool]) -> Columns:
    """The contracts that `which` chooses among all of them."""
    found = integers(db, query(db.dialect.name).where(which))
    found["student"] = _children(db, found["student"])
    order = np.lexsort([found[name] for name in ("id", "signed", "subject", "institution", "student")])
    found = {name: column[order] for name, column in found.items()}
    subjects, found["subject"] = _subjects(db, found["subject"])
    scopes, found["scope"] = _scopes(db, found["institution"])
    return Columns(**found, subjects=subjects, scopes=scopes)


def day_of(number: int) -> date:
    """The day with this number."""
    return EPOCH + timedelta(days=int(number))


def number_of(day: date) -> int:
    """The number of a day, counted from 1970-01-01."""
    return (day - EPOCH).days


def query(dialect: str) -> Select[Any]:
    c = table.c

    def day(of: str, name: str) -> ColumnElement[int]:
        return literal_column(of.format(name=name), BigInteger)

    first_of = _NAMED.subquery()
    loans = _LOANS.subquery("loans")
    query = select(
        c.id,
        c.student_id.label("student"),
        c.institution_id.label("institution"),
        first_of.c.first_id.label("subject"),
        *(c.lessons, c.gifted, c.price, c.materials, c.list_price),
        # Of an ended contract nothing is owed any more, whatever was taught.
        case((c.state == "open", c.taught), else_=c.lessons + c.gifted).label("taught"),
        case({name: place for place, name in enumerate(CHARGED_BY)}, value=c.charged_by).label("charged"),
        day(_LOCAL_DAY[dialect], "contract.signed_at").label("signed"),
        day(_DAY[dialect], "contract.first_lesson").label("first"),
        day(_DAY[dialect], "contract.last_lesson").label("last"),
        func.coalesce(day(_LOCAL_DAY[dialect], "loans.first_at"), NO_DAY).label("loan"),
    )
    query = query.join_from(table, first_of, first_of.c.subject == c.subject)
    return query.outerjoin(loans, loans.c.contract_id == c.id)


def _children(db: Connection, student_ids: Integers) -> Integers:
    """The first record of the child behind each record: few children have several, so they are looked up apart."""
    s = student.c
    tied = integers(db, select(s.id, s.same_as).where(s.same_as.is_not(None)).order_by(s.id))
    if not len(tied["id"]):
        return student_ids
    place = np.minimum(np.searchsorted(tied["id"], student_ids), len(tied["id"]) - 1)
    children: Integers = np.where(tied["id"][place] == student_ids, tied["same_as"][place], student_ids)
    return children


def _subjects(db: Connection, first_ids: Integers) -> tuple[list[str], Integers]:
    """The names behind the numbers of subjects, and each contract's place among them."""
    named = {row.first_id: row.subject for row in db.execute(_NAMED)}
    numbers, places = np.unique(first_ids, return_inverse=True)
    return [named[int(number)] for number in numbers], places.astype(np.int64)


def _scopes(db: Connection, institution_ids: Integers) -> tuple[list[Scope], Integers]:
    """The scopes there are, and each contract's place among them, by its institution."""
    everyone = institutions.everyone(db)
    scope_of = {each.id: Scope(each.jurisdiction, each.category, each.mode) for each in everyone}
    scopes = sorted(set(scope_of.values()))
    place = {scope: number for number, scope in enumerate(scopes)}
    numbers, inverse = np.unique(institution_ids, return_inverse=True)
    of_each = np.array([place[scope_of[int(number)]] for number in numbers], dtype=np.int64)
    return scopes, of_each[inverse] if len(numbers) else np.empty(0, dtype=np.int64)
