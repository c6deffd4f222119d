"""Breaks: what statement and books do not agree on, each with an owner and a day by which it must be explained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from escrow.rules.months import SHANGHAI
from escrow.rules.working_days import due_day
from escrow.settlement.tables import break_ as table
from ledger.chunks import chunks

DAYS_TO_EXPLAIN: Final = 1
"""Working days: money notified or booked on one side only is a sign of fraud by the next working day."""

OWNER: Final = "bureau"

IN_CHINESE: Final[Mapping[str, str]] = {
    "not_in_books": "对账单有、账上无",
    "not_on_statement": "账上有、对账单无",
    "under": "到账少于应付",
    "over": "到账多于应付",
    "duplicate": "重复入账",
    "conflict": "与银行先前通知不符",
    "suspense": "款项待查",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A break (差异): on one line, payment or payout instruction. `amount` in fen, signed as the bank would."""

    kind: str
    line_id: int | None
    payment_id: int | None
    instruction_id: int | None
    amount: int
    detail: str

    @property
    def subject(self) -> tuple[int | None, int | None, int | None]:
        """What makes it the same break when it is found again.

        Not its kind: a payout that left twice is a duplicate beside the first line, and alone it is merely not in
        the books. It stays the break that it was, with its first due day.
        """
        return self.line_id, self.payment_id, self.instruction_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Break(Open):
    """A break as it stands on the list."""

    id: int
    account: str
    owner: str
    opened_at: datetime
    due_on: date
    closed_at: datetime | None


def refresh(db: Connection, account: str, found: Sequence[Open], *, now: datetime) -> list[Break]:
    """Open what was found for the first time, close what is not found any more; the account's open breaks."""
    standing = {each.subject: each for each in still_open(db, account)}
    current = {each.subject: each for each in found}
    gone = [each.id for subject, each in standing.items() if subject not in current]
    for ids in chunks(gone):
        db.execute(update(table).where(table.c.id.in_(ids)).values(closed_at=now))
    due_on = due_day(now.astimezone(SHANGHAI).date(), DAYS_TO_EXPLAIN)
    fresh = [
        {
            "account": account,
            "kind": each.kind,
            "line_id": each.line_id,
            "payment_id": each.payment_id,
            "instruction_id": each.instruction_id,
            "amount": each.amount,
            "detail": each.detail,
            "owner": OWNER,
            "opened_at": now,
            "due_on": due_on,
        }
        for subject, each in current.items()
        if subject not in standing
    ]
    for rows in chunks(fresh):
        db.execute(insert(table), rows)
    return still_open(db, account)


def still_open(db: Connection, account: str | None = None) -> list[Break]:
    """The open breaks, oldest first."""
    query = select(table).where(table.c.closed_at.is_(None)).order_by(table.c.id)
    if account is not None:
        query = query.where(table.c.account == account)
    return [_as_break(row) for row in db.execute(query)]


def _as_break(row: Row[Any]) -> Break:
    return Break(**row._asdict())
