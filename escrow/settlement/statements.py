"""Statements as they come in: a file is read, checked against itself and its predecessor, and kept line by line."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Row, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.refusals import Conflict, Invalid, Unknown
from escrow.registry import institutions
from escrow.rules.months import SHANGHAI
from escrow.settlement import late_lines
from escrow.settlement.tables import statement as table
from escrow.settlement.tables import statement_line
from ledger.chunks import chunks
from ledger.money import Money
from reconciliation import control, reading
from reconciliation.statement import Statement


class NotSupervised(Invalid):
    """{account} is no supervised account here. Register its institution first, or name the right account."""

    zh = "账户 {account} 不是本系统的监管账户；请先登记机构，或指定正确的账户。"


class OtherCurrency(Invalid):
    """The statement is in {currency}; the books of supervised accounts are in CNY. Export the account's CNY part by
    itself."""

    zh = "对账单币种为 {currency}，监管账户只记人民币；请单独导出人民币明细。"


class NoPeriod(Invalid):
    """The file has no line and names no period, so nobody could say what it proves. Export it again with its dates."""

    zh = "文件没有明细也没有起止日期，无法入账；请重新导出带日期范围的对账单。"


class GapBeforeStatement(Conflict):
    """The statement opens on {begins} with {found}, the last one closed on {ended} with {expected}: one in between is
    missing or wrong. Import that one first."""

    zh = "本期（{begins} 起）期初余额 {found}，上期（至 {ended}）期末余额 {expected}：中间缺少对账单，请先导入。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A statement in the books (对账单). Balances in fen; `fresh` counts the lines that no earlier file had brought,
    `late` those of signed days, kept apart."""

    id: int
    account: str
    identifier: str
    format: str
    begins: date
    ends: date
    opening: int | None
    closing: int | None
    lines: int
    sha256: str
    imported_at: datetime
    imported_by: str
    fresh: int = 0
    late: int = 0


def import_file(
    db: Connection, data: bytes, *, filename: str, account: str | None, by: Caller, now: datetime
) -> list[Imported]:
    """Keep every statement of a bank's file, whole or not at all. The same file, or a part of one, books nothing twice.

    `account` names the account where the file doesn't. Raises StatementRefused (reconciliation), NotSupervised,
    OtherCurrency, NoPeriod, GapBeforeStatement.
    """
    by.must_be("bureau", "bank")
    sha256 = hashlib.sha256(data).hexdigest()
    return [
        _import_one(db, control.confirmed(each), sha256=sha256, by=by, now=now)
        for each in reading.read(data, filename=filename, account=account)
    ]


def get(db: Connection, statement_id: int) -> Imported:
    """One statement. Raises Unknown."""
    row = db.execute(select(table).where(table.c.id == statement_id)).one_or_none()
    if row is None:
        raise Unknown(what="statement", key=statement_id)
    return Imported(**row._asdict())


def last_with_balance(db: Connection, account: str, *, until: date | None = None) -> Imported | None:
    """The account's latest statement that states a closing balance, ending on or before `until`."""
    query = select(table).where(table.c.account == account, table.c.closing.is_not(None))
    if until is not None:
        query = query.where(table.c.ends <= until)
    row = db.execute(query.order_by(table.c.ends.desc(), table.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else Imported(**row._asdict())


def of_account(db: Connection, account: str) -> list[Imported]:
    """Every statement of an account, in the order of their days."""
    query = select(table).where(table.c.account == account).order_by(table.c.begins, table.c.ends, table.c.id)
    return [Imported(**row._asdict()) for row in db.execute(query)]


def over(db: Connection, account: str, day: date) -> Imported | None:
    """The account's newest statement that states an opening balance and covers this day."""
    s = table.c
    query = select(table).where(s.account == account, s.begins <= day, s.ends >= day, s.opening.is_not(None))
    row = db.execute(query.order_by(s.id.desc()).limit(1)).one_or_none()
    return None if row is None else Imported(**row._asdict())


def balance_within(db: Connection, stated: Imported, day: date) -> int:
    """What a statement says its account held at the end of a day that it covers, in fen.

    What it closes with on its last day, else what it opens with and what the account's lines moved up to the day.
    """
    if stated.ends == day and stated.closing is not None:
        return stated.closing
    line = statement_line.c
    moved = select(func.coalesce(func.sum(line.amount), 0)).where(
        line.account == stated.account, line.booked_on >= stated.begins, line.booked_on <= day
    )
    return (stated.opening or 0) + int(db.execute(moved).scalar_one())


def first_with_balance(db: Connection, account: str) -> Imported | None:
    """The account's earliest statement that states an opening balance."""
    query = select(table).where(table.c.account == account, table.c.opening.is_not(None))
    query = query.order_by(table.c.begins, table.c.id).limit(1)
    row = db.execute(query).one_or_none()
    return None if row is None else Imported(**row._asdict())


def _import_one(db: Connection, read: Statement, *, sha256: str, by: Caller, now: datetime) -> Imported:
    if institutions.by_account(db, read.account, lock=True) is None:  # one import of an account at a time
        raise NotSupervised(account=read.account or "(none)")
    if read.currency != "CNY":
        raise OtherCurrency(currency=read.currency)
    if read.begins is None or read.ends is None:
        raise NoPeriod
    known = _same_file(db, read, sha256)
    if known is not None:
        return known
    _must_follow(db, read)
    made = insert(table).values(
        account=read.account,
        identifier=read.identifier,
        format=read.format,
        begins=read.begins,
        ends=read.ends,
        opening=read.opening,
        closing=read.closing,
        lines=len(read.lines),
        sha256=sha256,
        imported_at=now,
        imported_by=by.name,
    )
    row = db.execute(made.returning(table)).one()
    fresh, late = _add_lines(db, read, row.id, now=now)
    trail.record(
        db, by, "statement.imported", f"statement:{row.id}", now=now, lines=len(read.lines), fresh=fresh, late=late
    )
    return Imported(**row._asdict(), fresh=fresh, late=late)


def _same_file(db: Connection, read: Statement, sha256: str) -> Imported | None:
    t = table.c
    same = select(table).where(
        t.sha256 == sha256, t.account == read.account, t.begins == read.begins, t.ends == read.ends
    )
    row: Row[Any] | None = db.execute(same).one_or_none()
    return None if row is None else Imported(**row._asdict())


def _must_follow(db: Connection, read: Statement) -> None:
    """A statement that begins after the last one must open with its closing balance."""
    before = last_with_balance(db, read.account, until=read.begins - timedelta(days=1) if read.begins else None)
    if before is None or before.closing is None:
        return
    missing = control.gap(before.closing, read)
    if missing:
        raise GapBeforeStatement(
            begins=read.begins,
            ended=before.ends,
            expected=Money(before.closing).major,
            found=Money(before.closing + missing).major,
        )


def _add_lines(db: Connection, read: Statement, statement_id: int, *, now: datetime) -> tuple[int, int]:
    """How many lines are new in the books, and how many came too late for their day."""
    insert_ = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    statement = insert_(statement_line).on_conflict_do_nothing(index_elements=["account", "key"])
    every = [_row(record, read.account, statement_id) for record in read.lines.to_dict("records")]
    rows, late = late_lines.keep_apart(db, read.account, every, now=now)
    fresh = sum(len(db.execute(statement.returning(statement_line.c.id), chunk).all()) for chunk in chunks(rows))
    return fresh, late


def _row(record: dict[Any, Any], account: str, statement_id: int) -> dict[str, Any]:
    day = date.fromisoformat(record["booked_on"])
    clock = time.fromisoformat(record["booked_at"]) if record["booked_at"] else time.min
    balance = record["balance"]
    return record | {
        "statement_id": statement_id,
        "account": account,
        "number": int(record["number"]),
        "booked_on": day,
        "booked_at": datetime.combine(day, clock, SHANGHAI),
        "amount": int(record["amount"]),
        "balance": None if pd.isna(balance) else int(balance),
        "reversal": int(record["reversal"]),
    }
