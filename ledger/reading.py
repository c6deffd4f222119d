"""Reading the books: transfers, balances at any time, the trial balance. Nothing here writes."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, literal_column, select, text

from ledger.accounts import as_account
from ledger.chunks import chunks
from ledger.columns import Whole
from ledger.entries import Account, AccountKind, Recorded
from ledger.schema import MOVES, account, transfer

_CURSOR: Final = re.compile(r"([0-9]{1,19})-([0-9]{1,19})", re.ASCII)
_LAST_ID: Final = 2**63 - 1
_debit, _credit = account.alias("debit"), account.alias("credit")
_target, _original = transfer.alias("target"), transfer.alias("original")

_RECORDED: Final[Select[Any]] = (
    select(
        transfer,
        _debit.c.path.label("debit"),
        _credit.c.path.label("credit"),
        _target.c.reference.label("resolves_reference"),
        _original.c.reference.label("corrects_reference"),
    )
    .join(_debit, _debit.c.id == transfer.c.debit_id)
    .join(_credit, _credit.c.id == transfer.c.credit_id)
    .outerjoin(_target, _target.c.id == transfer.c.resolves)
    .outerjoin(_original, _original.c.id == transfer.c.corrects)
)
"""Each transfer with its accounts' paths and the references that it points at. Built once: that takes longer than
SQLite takes to answer it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A line of the trial balance: total debits and credits of an account, in minor units."""

    path: str
    kind: AccountKind
    currency: str
    debits: int
    credits: int

    @property
    def amount(self) -> int:
        """On the account's own side; positive is the normal case."""
        net = self.debits - self.credits
        return net if self.kind in ("asset", "expense") else -net


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Transfers in the order in which their transactions count, and where to go on (None: nothing more yet)."""

    transfers: list[Recorded]
    after: str | None


def _as_recorded(row: Row[Any]) -> Recorded:
    return Recorded(
        id=row.id,
        debit=row.debit,
        credit=row.credit,
        amount=row.amount,
        phase=row.phase,
        kind=row.kind,
        reference=row.reference,
        effective=row.effective,
        recorded=row.recorded,
        resolves=row.resolves_reference,
        corrects=row.corrects_reference,
        caller_key=row.caller_key,
    )


def by_reference(db: Connection, references: Collection[str]) -> dict[str, Recorded]:
    """The transfers of these references, by reference; unknown ones are missing."""
    return {
        row.reference: _as_recorded(row)
        for chunk in chunks(sorted(set(references)))
        for row in db.execute(_RECORDED.where(transfer.c.reference.in_(chunk)))
    }


def resolutions(db: Connection, holds: Collection[int]) -> dict[str, str]:
    """For holds (by id) that have ended: hold's reference → reference of what ended it."""
    query = select(_target.c.reference.label("hold"), transfer.c.reference).join(
        _target, _target.c.id == transfer.c.resolves
    )
    return {
        row.hold: row.reference
        for chunk in chunks(sorted(holds))
        for row in db.execute(query.where(transfer.c.resolves.in_(chunk)))
    }


def transfers(db: Connection, *, after: str | None = None, limit: int = 500, account_path: str | None = None) -> Page:
    """A page of transfers in commit order: pages read one after another never miss one that committed late.

    `after` is the cursor of the page before. On PostgreSQL what a transaction that is still running might yet
    write before is not shown.
    """
    xact, last = _cursor(after)
    query = _RECORDED.where((transfer.c.xact > xact) | and_(transfer.c.xact == xact, transfer.c.id > last))
    if account_path is not None:
        query = query.where((_debit.c.path == account_path) | (_credit.c.path == account_path))
    if db.dialect.name == "postgresql":
        query = query.where(transfer.c.xact < text("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))
    rows = db.execute(query.order_by(transfer.c.xact, transfer.c.id).limit(limit)).all()
    more = f"{rows[-1].xact}-{rows[-1].id}" if len(rows) == limit else None
    return Page(transfers=[_as_recorded(row) for row in rows], after=more)


def _cursor(after: str | None) -> tuple[int, int]:
    """Raises ValueError when the text was never a cursor of ours."""
    if after is None:
        return -1, -1
    found = _CURSOR.fullmatch(after)
    if found is None or max(cursor := (int(found[1]), int(found[2]))) > _LAST_ID:
        raise ValueError(f"{after!r} is not a cursor")
    return cursor


def all_transfers(db: Connection) -> Iterator[Recorded]:
    """Every transfer, oldest id first, streamed."""
    # On the statement, not on the connection: there it would stay, and make every later query a streamed one.
    query = _RECORDED.order_by(transfer.c.id).execution_options(yield_per=2_000)
    for row in db.execute(query):
        yield _as_recorded(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two accounts between which money has moved, and the reference of one transfer that did."""

    debit: str
    credit: str
    reference: str


def pairs(db: Connection) -> list[Pair]:
    """Every pair of accounts that any transfer connects, each once: far fewer than there are transfers."""
    query = (
        select(
            _debit.c.path.label("debit"),
            _credit.c.path.label("credit"),
            func.min(transfer.c.reference).label("reference"),
        )
        .join(_debit, _debit.c.id == transfer.c.debit_id)
        .join(_credit, _credit.c.id == transfer.c.credit_id)
        .group_by(_debit.c.path, _credit.c.path)
        .order_by(_debit.c.path, _credit.c.path)
    )
    return [Pair(**row._asdict()) for row in db.execute(query)]


def all_accounts(db: Connection) -> list[Account]:
    """Every account, by path."""
    return [as_account(row) for row in db.execute(select(account).order_by(account.c.path))]


def trial_balance(
    db: Connection,
    *,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
    prefix: str = "",
) -> list[Balance]:
    """Every account's debits and credits, summed from the transfers.

    `as_of`: only what happened before that instant. `known_at`: only what had been recorded by then, so that a report
    of that time can be made again. `prefix`: only accounts whose path begins so.
    """
    moved = _moved(as_of, known_at)
    sides = (
        _side(transfer.c.debit_id, moved, debit=True)
        .union_all(_side(transfer.c.credit_id, moved, debit=False))
        .subquery()
    )
    query = (
        select(
            account.c.path,
            account.c.kind,
            account.c.currency,
            func.coalesce(func.sum(sides.c.debits), 0).label("debits"),
            func.coalesce(func.sum(sides.c.credits), 0).label("credits"),
        )
        .outerjoin(sides, sides.c.account_id == account.c.id)
        .group_by(account.c.path, account.c.kind, account.c.currency)
        .order_by(account.c.path)
    )
    if prefix:
        # Not LIKE: SQLite's takes "Bank" for "bank".
        query = query.where(account.c.path >= prefix, func.substr(account.c.path, 1, len(prefix)) == prefix)
    return [
        Balance(path=r.path, kind=r.kind, currency=r.currency, debits=int(r.debits), credits=int(r.credits))
        for r in db.execute(query)
    ]


def _moved(as_of: datetime | None, known_at: datetime | None) -> ColumnElement[bool]:
    moved: ColumnElement[bool] = transfer.c.phase.in_(MOVES)
    if as_of is not None:
        moved = and_(moved, transfer.c.effective < as_of)
    if known_at is not None:
        moved = and_(moved, transfer.c.recorded <= known_at)
    return moved


def _side(column: ColumnElement[int], moved: ColumnElement[bool], *, debit: bool) -> Select[int, int, int]:
    total = func.sum(transfer.c.amount)
    zero = literal_column("0", Whole)
    return (
        select(
            column.label("account_id"),
            (total if debit else zero).label("debits"),
            (zero if debit else total).label("credits"),
        )
        .where(moved)
        .group_by(column)
    )
