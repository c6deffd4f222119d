"""The audit of the escrow: what must hold between contracts, lessons, payouts and the ledger, recomputed."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

import ledger.audit
from escrow.enrolment.tables import contract, payment
from escrow.payouts.tables import instruction, refund, release_line, release_request
from escrow.registry.tables import institution
from escrow.settlement.tables import match, statement_line
from escrow.teaching.shares import share
from escrow.teaching.tables import attendance, lesson
from ledger.audit import Breach
from ledger.reading import all_accounts, pairs


def audit(db: Connection) -> Iterator[Breach]:
    """Every breach, the ledger's own first. Read inside one snapshot; nothing found means: the books are right."""
    yield from ledger.audit.audit(db)
    balances = {each.path: each.balance for each in all_accounts(db)}
    homes = _homes(db)
    yield from money_stays_with_its_bank_account(db, homes)
    yield from the_bank_holds_what_is_owed(balances, homes)
    yield from balances_are_what_the_records_say(db, balances)
    yield from shares_are_exact(db)
    yield from lessons_are_released_once(db)
    yield from matches_agree_in_amount(db)


def money_stays_with_its_bank_account(db: Connection, homes: dict[str, str]) -> Iterator[Breach]:
    """No transfer leads from the money of one supervised account to that of another: it holds on every date."""
    for pair in pairs(db):
        debit, credit = homes.get(pair.debit), homes.get(pair.credit)
        if debit is None or debit != credit:
            yield Breach(
                invariant="money stays with its bank account",
                subject=pair.reference,
                detail=f"{pair.debit} ({debit}) to {pair.credit} ({credit})",
            )


def the_bank_holds_what_is_owed(balances: dict[str, int], homes: dict[str, str]) -> Iterator[Breach]:
    """For every supervised account: bank asset + fees charged = everything that is owed out of it."""
    held: dict[str, int] = {}
    owed: dict[str, int] = {}
    for path, balance in balances.items():
        home = homes.get(path, f"nobody's: {path}")
        side = held if path == home or path.endswith("/fees") else owed
        side[home] = side.get(home, 0) + balance
    for home in sorted(held.keys() | owed.keys()):
        if held.get(home, 0) != owed.get(home, 0):
            yield Breach(
                invariant="the bank holds what is owed",
                subject=home,
                detail=f"held {held.get(home, 0)} fen, owed {owed.get(home, 0)} fen",
            )


def balances_are_what_the_records_say(db: Connection, balances: dict[str, int]) -> Iterator[Breach]:
    """Each balance of the escrow equals what payments, lessons, refunds and instructions add up to."""
    said = _said_by_records(db)
    for path in sorted(balances.keys() | said.keys()):
        if path.startswith("bank/") and not path.endswith("/suspense"):
            continue  # the bank's own side is proved by the proof of cash
        if balances.get(path, 0) != said.get(path, 0):
            yield Breach(
                invariant="balances are what the records say",
                subject=path,
                detail=f"ledger {balances.get(path, 0)} fen, records {said.get(path, 0)} fen",
            )


def shares_are_exact(db: Connection) -> Iterator[Breach]:
    """Confirmed lessons of a contract are numbered 1 to `taught` and each moved its exact share."""
    query = (
        select(attendance.c.ordinal, attendance.c.share, contract)
        .join(contract, contract.c.id == attendance.c.contract_id)
        .where(attendance.c.state == "confirmed")
    )
    counted: dict[int, int] = {}
    for row in db.execute(query):
        counted[row.id] = counted.get(row.id, 0) + 1
        if row.share != share(row.price, row.lessons, row.ordinal):
            detail = f"lesson {row.ordinal} moved {row.share} fen of {row.price} over {row.lessons}"
            yield Breach(invariant="shares are exact", subject=f"contract:{row.id}", detail=detail)
    for row in db.execute(select(contract.c.id, contract.c.taught)):
        if row.taught != counted.get(row.id, 0):
            detail = f"taught {row.taught}, confirmed {counted.get(row.id, 0)}"
            yield Breach(invariant="shares are exact", subject=f"contract:{row.id}", detail=detail)


def lessons_are_released_once(db: Connection) -> Iterator[Breach]:
    """A request holds exactly the lessons that name it, their shares are its amount, and no lesson is in two."""
    lines = release_line.c
    per_request = (
        select(lines.request_id, func.sum(lines.share).label("amount"), func.count(lines.share).label("lessons"))
        .group_by(lines.request_id)
        .subquery()
    )
    named = (
        select(attendance.c.release_id, func.count().label("lessons"), func.sum(attendance.c.share).label("amount"))
        .where(attendance.c.release_id.is_not(None))
        .group_by(attendance.c.release_id)
        .subquery()
    )
    r = release_request.c
    query = (
        select(r.id, r.state, r.amount, r.lessons, per_request.c.amount.label("held"), named.c.amount.label("named"))
        .outerjoin(per_request, per_request.c.request_id == r.id)
        .outerjoin(named, named.c.release_id == r.id)
    )
    for row in db.execute(query):
        expected = row.amount if row.state != "rejected" else None
        if row.held != row.amount or row.named != expected:
            detail = f"{row.state}: amount {row.amount}, its lines {row.held}, lessons naming it {row.named}"
            yield Breach(invariant="lessons are released once", subject=f"release:{row.id}", detail=detail)


def matches_agree_in_amount(db: Connection) -> Iterator[Breach]:
    """A line of the bank and the payment or payout it was matched with are of the same amount and account."""
    query = (
        select(
            statement_line.c.id,
            statement_line.c.amount,
            payment.c.amount.label("paid"),
            instruction.c.amount.label("out"),
        )
        .join(match, match.c.line_id == statement_line.c.id)
        .outerjoin(payment, payment.c.id == match.c.payment_id)
        .outerjoin(instruction, instruction.c.id == match.c.instruction_id)
    )
    for row in db.execute(query):
        if (row.paid is not None and row.paid != row.amount) or (row.out is not None and -row.out != row.amount):
            detail = f"line {row.amount}, payment {row.paid}, payout {row.out}"
            yield Breach(invariant="matches agree in amount", subject=f"line:{row.id}", detail=detail)


def _homes(db: Connection) -> dict[str, str]:
    """For every ledger account, the bank account whose money it is about."""
    homes = {}
    accounts = {row.id: row.supervised_account for row in db.execute(select(institution))}
    owners = {
        row.id: accounts[row.institution_id] for row in db.execute(select(contract.c.id, contract.c.institution_id))
    }
    for each in all_accounts(db):
        kind, name, *_ = each.path.split("/")
        if kind == "bank":
            homes[each.path] = f"bank/{name}"
        elif kind == "institution" and int(name) in accounts:
            homes[each.path] = f"bank/{accounts[int(name)]}"
        elif kind == "contract" and int(name) in owners:
            homes[each.path] = f"bank/{owners[int(name)]}"
    return homes


def _said_by_records(db: Connection) -> dict[str, int]:
    """What each escrow account should hold, from the records alone: signed fen by path, summed."""
    said: dict[str, int] = {}
    for path, amount in chain(
        _from_payments(db), _from_lessons(db), _from_refunds(db), _from_releases(db), _from_bank(db)
    ):
        said[path] = said.get(path, 0) + amount
    return said


def _from_payments(db: Connection) -> Iterator[tuple[str, int]]:
    for row in _sums(db, payment.c.amount, [payment.c.contract_id], payment.c.contract_id.is_not(None)):
        yield f"contract/{row.contract_id}/prepaid", int(row.total)
    suspended = payment.c.state.in_(("suspense", "returning"))
    for row in _sums(db, payment.c.amount, [payment.c.supervised_account], suspended):
        yield f"bank/{row.supervised_account}/suspense", int(row.total)


def _from_lessons(db: Connection) -> Iterator[tuple[str, int]]:
    query = (
        select(attendance.c.contract_id, lesson.c.institution_id, func.sum(attendance.c.share).label("total"))
        .join(lesson, lesson.c.id == attendance.c.lesson_id)
        .where(attendance.c.state == "confirmed")
        .group_by(attendance.c.contract_id, lesson.c.institution_id)
    )
    for row in db.execute(query):
        yield f"contract/{row.contract_id}/prepaid", -int(row.total)
        yield f"institution/{row.institution_id}/earned", int(row.total)


def _from_refunds(db: Connection) -> Iterator[tuple[str, int]]:
    for row in _sums(db, refund.c.amount, [refund.c.contract_id]):
        yield f"contract/{row.contract_id}/prepaid", -int(row.total)
        yield f"contract/{row.contract_id}/refund", int(row.total)


def _from_releases(db: Connection) -> Iterator[tuple[str, int]]:
    approved = release_request.c.state == "approved"
    for row in _sums(db, release_request.c.amount, [release_request.c.institution_id], approved):
        yield f"institution/{row.institution_id}/earned", -int(row.total)
        yield f"institution/{row.institution_id}/payout", int(row.total)


def _from_bank(db: Connection) -> Iterator[tuple[str, int]]:
    left = and_(instruction.c.state == "settled", instruction.c.kind != "return")
    for row in _sums(db, instruction.c.amount, [instruction.c.owed_path], left):
        yield row.owed_path, -int(row.total)


def _sums(db: Connection, amount: ColumnElement[int], by: list[Any], *where: ColumnElement[bool]) -> Any:
    query: Select[Any] = select(*by, func.sum(amount).label("total")).where(*where).group_by(*by)
    return db.execute(query)
