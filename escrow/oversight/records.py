"""What the books must show by the records of the wings alone: payments, lessons, refunds, releases, bank lines."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from escrow.enrolment.tables import payment
from escrow.payouts.tables import instruction, refund, release_request
from escrow.settlement.tables import STANDS, match
from escrow.teaching.tables import attendance, lesson

Signed = tuple[str, int]
"""A ledger path, and fen that the records add to it (negative: take from it)."""


def balances(db: Connection) -> dict[str, int]:
    """What each account of the escrow should hold, in fen by path."""
    return _summed(
        chain(
            _from_payments(db),
            _from_lessons(db),
            _from_refunds(db),
            _from_releases(db),
            _from_payouts(db),
            _from_the_bank(db),
        )
    )


def holds(db: Connection) -> dict[str, int]:
    """What should be reserved in each account, in fen by path."""
    r = release_request.c
    return _summed(
        (f"institution/{row.institution_id}/{side}", int(row.total))
        for row in _sums(db, r.amount, [r.institution_id], r.state == "requested")
        for side in ("earned", "payout")
    )


def decided_payouts(db: Connection) -> dict[tuple[str, int], int]:
    """Fen that were decided to be paid out, by kind and the id of the decision."""
    p, r = payment.c, release_request.c
    return {
        (kind, row.id): row.amount
        for kind, query in (
            ("release", select(r.id, r.amount).where(r.state == "approved")),
            ("refund", select(refund.c.id, refund.c.amount)),
            ("return", select(p.id, p.amount).where(p.state.in_(("returning", "returned")))),
        )
        for row in db.execute(query)
    }


def instructed_payouts(db: Connection) -> dict[tuple[str, int], int]:
    """Fen that the bank was or will be instructed to pay, by kind and the id of the decision behind it.

    Each claim once, however often it was tried; a release that failed is no claim any more.
    """
    i = instruction.c
    ended = (i.kind == "release") & i.state.in_(("rejected", "returned"))
    claims = _sums(db, i.amount, [i.kind, i.source_id], i.id == i.claim, ~ended)
    return {(row.kind, row.source_id): int(row.total) for row in claims}


def _from_payments(db: Connection) -> Iterator[Signed]:
    p = payment.c
    for row in _sums(db, p.amount, [p.supervised_account], p.state != "reversed"):
        yield f"bank/{row.supervised_account}", int(row.total)
    for row in _sums(db, p.amount, [p.contract_id], p.contract_id.is_not(None)):
        yield f"contract/{row.contract_id}/prepaid", int(row.total)
    for row in _sums(db, p.amount, [p.supervised_account], p.state.in_(("suspense", "returning"))):
        yield f"bank/{row.supervised_account}/suspense", int(row.total)


def _from_lessons(db: Connection) -> Iterator[Signed]:
    query = (
        select(attendance.c.contract_id, lesson.c.institution_id, func.sum(attendance.c.share).label("total"))
        .join(lesson, lesson.c.id == attendance.c.lesson_id)
        .where(attendance.c.state == "confirmed")
        .group_by(attendance.c.contract_id, lesson.c.institution_id)
    )
    for row in db.execute(query):
        yield f"contract/{row.contract_id}/prepaid", -int(row.total)
        yield f"institution/{row.institution_id}/earned", int(row.total)


def _from_refunds(db: Connection) -> Iterator[Signed]:
    for row in _sums(db, refund.c.amount, [refund.c.contract_id]):
        yield f"contract/{row.contract_id}/prepaid", -int(row.total)
        yield f"contract/{row.contract_id}/refund", int(row.total)


def _from_releases(db: Connection) -> Iterator[Signed]:
    r = release_request.c
    for row in _sums(db, r.amount, [r.institution_id], r.state == "approved"):
        yield f"institution/{row.institution_id}/earned", -int(row.total)
        yield f"institution/{row.institution_id}/payout", int(row.total)


def _from_payouts(db: Connection) -> Iterator[Signed]:
    """Payouts that the statement showed leaving. What a returned payment held in suspense is no payment's any more."""
    i = instruction.c
    for row in _sums(db, i.amount, [i.supervised_account], i.state == "settled"):
        yield f"bank/{row.supervised_account}", -int(row.total)
    for row in _sums(db, i.amount, [i.owed_path], i.state == "settled", i.kind != "return"):
        yield row.owed_path, -int(row.total)


def _from_the_bank(db: Connection) -> Iterator[Signed]:
    """Interest, fees and what was written off, as the bank's lines state them: in positive, out negative."""
    m = match.c
    for row in _sums(db, m.own_amount, [m.account, m.own], m.own.is_not(None), STANDS):
        bank, total = f"bank/{row.account}", int(row.total)
        yield bank, total
        yield f"{bank}/{row.own}", total if row.own == "interest" else -total


def _summed(amounts: Iterable[Signed]) -> dict[str, int]:
    summed: dict[str, int] = {}
    for path, amount in amounts:
        summed[path] = summed.get(path, 0) + amount
    return summed


def _sums(db: Connection, amount: ColumnElement[int], by: list[Any], *where: ColumnElement[bool]) -> Any:
    query: Select[Any] = select(*by, func.sum(amount).label("total")).where(*where).group_by(*by)
    return db.execute(query)
