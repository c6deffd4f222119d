"""Breaks: what statement and books do not agree on, each with an owner and a day by which it must be explained."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.refusals import AlreadyDecided, Unknown
from escrow.rules.months import SHANGHAI
from escrow.rules.working_days import due_day
from escrow.settlement.break_kinds import IN_CHINESE, Severity, is_graver, severity
from escrow.settlement.tables import break_ as table
from ledger.chunks import chunks

__all__ = ["IN_CHINESE", "Break", "Open", "assign", "close_of", "open_now", "refresh", "still_open"]

DAYS_TO_EXPLAIN: Final = 1
"""Working days: money notified or booked on one side only is a sign of fraud by the next working day."""

OWNER: Final = "bureau"
"""The office with which a break lies until somebody takes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A break (差异): on one line, payment or payout instruction, or a day of a channel's bill (`channel_day`).

    `amount` in fen, signed as the bank would.
    """

    kind: str
    line_id: int | None
    payment_id: int | None
    instruction_id: int | None
    amount: int
    detail: str
    late_line_id: int | None = None
    channel_day: str | None = None

    @property
    def subject(self) -> tuple[int | str | None, ...]:
        """What makes it the same break when it is found again.

        Not its kind: a payout that left twice is a duplicate beside the first line, and alone it is merely not in
        the books. It stays the break that it was, with its first due day; it can only become a graver one.
        """
        return self.line_id, self.payment_id, self.instruction_id, self.late_line_id, self.channel_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Break(Open):
    """A break as it stands on the list. `assigned_at` None: it lies with the office, nobody has taken it."""

    id: int
    account: str
    owner: str
    opened_at: datetime
    due_on: date
    closed_at: datetime | None
    assigned_by: str | None
    assigned_at: datetime | None

    @property
    def severity(self) -> Severity:
        return severity(self.kind)

    def age(self, on: date) -> int:
        """Days that it has been open, at the end of a local day."""
        return (on - self.opened_at.astimezone(SHANGHAI).date()).days

    def overdue(self, on: date) -> bool:
        """Whether it should have been explained before this local day."""
        return on > self.due_on


def refresh(db: Connection, account: str, found: Sequence[Open], *, now: datetime) -> list[Break]:
    """Open what was found for the first time, close what is not found any more; the account's open breaks."""
    standing = {each.subject: each for each in still_open(db, account)}
    current = {each.subject: each for each in found}
    gone = [each.id for subject, each in standing.items() if subject not in current]
    for ids in chunks(gone):
        db.execute(update(table).where(table.c.id.in_(ids)).values(closed_at=now))
    for subject, known in standing.items():
        again = current.get(subject)
        told_anew = again is not None and again.kind == known.kind and again.detail != known.detail
        if again is not None and (told_anew or is_graver(again.kind, known.kind)):
            worse = update(table).where(table.c.id == known.id)
            db.execute(worse.values(kind=again.kind, detail=again.detail))
    _add(db, account, [each for subject, each in current.items() if subject not in standing], now=now)
    return still_open(db, account)


def open_now(db: Connection, account: str, found: Sequence[Open], *, now: datetime) -> None:
    """Put these on the list beside what stands there; what stands there already is left as it is."""
    standing = {each.subject for each in still_open(db, account)}
    _add(db, account, [each for each in found if each.subject not in standing], now=now)


def close_of(
    db: Connection,
    *,
    lines: Collection[int] = (),
    payments: Collection[int] = (),
    instructions: Collection[int] = (),
    now: datetime,
) -> None:
    """Take what has been explained off the list."""
    for column, ids in (
        (table.c.line_id, lines),
        (table.c.payment_id, payments),
        (table.c.instruction_id, instructions),
    ):
        for chunk in chunks(sorted(ids)):
            db.execute(update(table).where(column.in_(chunk), table.c.closed_at.is_(None)).values(closed_at=now))


def assign(db: Connection, break_id: int, *, owner: str, by: Caller, now: datetime) -> Break:
    """Give an open break to somebody, or take it: from then on it has an owner by name. Raises Unknown, AlreadyDecided.

    The bureau gives it to anybody; the bank's people take theirs.
    """
    by.must_be("bureau", *(("bank",) if owner == by.name else ()))
    row = db.execute(select(table).where(table.c.id == break_id).with_for_update()).one_or_none()
    if row is None:
        raise Unknown(what="break", key=break_id)
    if row.closed_at is not None:
        raise AlreadyDecided(what="break", what_zh="差异", key=break_id, state="resolved")
    taken = update(table).where(table.c.id == break_id).values(owner=owner, assigned_by=by.name, assigned_at=now)
    trail.record(db, by, "break.assigned", f"break:{break_id}", now=now, owner=owner)
    return _as_break(db.execute(taken.returning(table)).one())


def still_open(db: Connection, account: str | None = None) -> list[Break]:
    """The open breaks, oldest first."""
    where = [] if account is None else [table.c.account == account]
    return _listed(db, table.c.closed_at.is_(None), *where)


def _listed(db: Connection, *where: ColumnElement[bool]) -> list[Break]:
    return [_as_break(row) for row in db.execute(select(table).where(*where).order_by(table.c.id))]


def _add(db: Connection, account: str, fresh: Sequence[Open], *, now: datetime) -> None:
    due_on = due_day(now.astimezone(SHANGHAI).date(), DAYS_TO_EXPLAIN)
    rows = [
        {
            "account": account,
            "kind": each.kind,
            "line_id": each.line_id,
            "payment_id": each.payment_id,
            "instruction_id": each.instruction_id,
            "late_line_id": each.late_line_id,
            "channel_day": each.channel_day,
            "amount": each.amount,
            "detail": each.detail,
            "owner": OWNER,
            "opened_at": now,
            "due_on": due_on,
        }
        for each in fresh
    ]
    for chunk in chunks(rows):
        db.execute(insert(table), chunk)


def _as_break(row: Row[Any]) -> Break:
    return Break(**row._asdict())
