"""Reading the books: transfers and accounts as they stand. Nothing here writes."""

import re
from collections.abc import Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, func, select, text

from ledger.accounts import as_account
from ledger.among import among
from ledger.entries import Account, Recorded
from ledger.planning import without
from ledger.schema import account, transfer

_CURSOR: Final = re.compile(r"([0-9]{1,19})-([0-9]{1,19})", re.ASCII)
_LAST_ID: Final = 2**63 - 1
_FEW: Final = 100
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
        occurred=row.occurred,
        expires=row.expires,
        on_expiry=row.on_expiry,
    )


def by_reference(db: Connection, references: Collection[str]) -> dict[str, Recorded]:
    """The transfers of these references, by reference; unknown ones are missing."""
    query = _RECORDED.where(among(db, transfer.c.reference, sorted(set(references))))
    # Every row by its index: where the statistics are from before the rows, PostgreSQL would read a whole table, which
    # it takes for an empty one, for each of thousands.
    with without(db, "seqscan") if len(references) > _FEW else nullcontext():
        return {row.reference: _as_recorded(row) for row in db.execute(query)}


def resolutions(db: Connection, holds: Collection[int]) -> dict[str, str]:
    """For holds (by id) that have ended: hold's reference → reference of what ended it."""
    query = select(_target.c.reference.label("hold"), transfer.c.reference).join(
        _target, _target.c.id == transfer.c.resolves
    )
    return {row.hold: row.reference for row in db.execute(query.where(among(db, transfer.c.resolves, sorted(holds))))}


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
