"""Posting: lock the accounts, look up what is known, decide, write. In the caller's own transaction."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ARRAY, ColumnElement, Connection, Select, Text, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql.psycopg import dialect
from sqlalchemy.exc import IntegrityError

from ledger import periods, round_trips
from ledger.accounts import as_account
from ledger.among import among
from ledger.batch import Batch, Columns
from ledger.deciding import Books, Decision, Known, decide
from ledger.entries import Account, Recorded, Request, Resolution, Result, Transfer, TransferRefused
from ledger.reading import by_reference, resolutions
from ledger.rows import writable
from ledger.schema import account, closing
from ledger.writing import write


def post(
    db: Connection, requests: Sequence[Request], *, now: datetime, caller_key: str | Sequence[str] = ""
) -> list[Result]:
    """Post a batch; every request gets its own result, in order, and a refused one changes nothing.

    `now` is when it is recorded; `caller_key` names what caused it (a request's key, a notification's id), one for all
    or one for each. What a request resolves or corrects must have been posted before its batch.
    """
    return _post(db, requests, now=now, caller_key=caller_key, whole=False).results()


def post_all(
    db: Connection, requests: Sequence[Request], *, now: datetime, caller_key: str | Sequence[str] = ""
) -> list[Result]:
    """Post a batch as one. Raises TransferRefused, before anything is written, when any of it is refused."""
    return _post(db, requests, now=now, caller_key=caller_key, whole=True).results()


def post_columns(
    db: Connection, columns: Columns, *, now: datetime, caller_key: str | Sequence[str] = "", whole: bool = True
) -> Decision:
    """Post a batch of plain transfers that comes as columns, without an object for any of them.

    Gives the statuses in order, and why for those that were refused; with `whole` raises TransferRefused as `post_all`.
    """
    return _post(db, columns, now=now, caller_key=caller_key, whole=whole)


def _post(
    db: Connection,
    asked: Sequence[Request] | Columns,
    *,
    now: datetime,
    caller_key: str | Sequence[str],
    whole: bool,
) -> Decision:
    batch = Batch.of(asked)
    # Nearly every batch is new and fits. So its references are looked up only when something is refused or taken:
    # what was posted before existed, whatever its accounts would say to it now.
    hopeful = batch.columns is not None
    looked_at: tuple[Books, Known] | None = None
    if not batch.length:
        return decide(batch, Books(accounts={}), Known(), now=now)
    while True:
        # Accounts are locked before the references are looked up: whoever posts the same thing at the same time
        # waits here, and then finds it posted.
        holds = _holds(db, batch)
        books = _books(db, batch, holds)
        if hopeful:
            decision = decide(batch, books, Known(), now=now)
            if not decision.why and _taken(db, decision, now=now, caller_key=caller_key) is None:
                return decision
        known = _known(db, batch, holds)
        decision = decide(batch, books, known, now=now)
        if whole and decision.why:
            raise TransferRefused(decision.refused())
        taken = _taken(db, decision, now=now, caller_key=caller_key)
        if taken is None:
            return decision
        # A reference was taken since we looked, by a transfer between other accounts, for which our locks did not
        # wait; or a period was closed. It is committed now, and the next look sees it. One that sees nothing new
        # would only come here again: then the database refuses what we should have.
        if (books, known) == looked_at:
            raise taken
        looked_at, hopeful = (books, known), False


def _holds(db: Connection, batch: Batch) -> dict[str, Recorded]:
    if batch.columns is not None:
        return {}
    return by_reference(db, [each.hold for each in batch.requests() if isinstance(each, Resolution)])


def _books(db: Connection, batch: Batch, holds: dict[str, Recorded]) -> Books:
    locked, closed = _locked(db, _paths(batch, holds))
    paced = [each for each in locked.values() if each.limits.period is not None]
    instants = {max(each.effective, closed or each.effective) for each in batch.requests()} if paced else set()
    return Books(accounts=locked, closed_until=closed, moved=periods.moved(db, paced, instants))


def _locked(db: Connection, paths: set[str]) -> tuple[dict[str, Account], datetime | None]:
    """The accounts, locked as `accounts.find` locks them, and until when the books are closed: one round trip."""
    if db.dialect.name == "postgresql":
        rows: Sequence[Sequence[Any]] = round_trips.rows(db, _LOCKING, {"paths": sorted(paths)})
    else:
        rows = db.execute(_locking(among(db, account.c.path, sorted(paths)))).all()
    found = [as_account(row[:-1]) for row in rows]
    until: datetime | None = rows[0][-1] if rows else None
    return {each.path: each for each in found}, until and until.astimezone(UTC)


def _locking(wanted: ColumnElement[bool]) -> Select[Any]:
    until = select(func.max(closing.c.until)).scalar_subquery()
    query = select(account, until).where(wanted).order_by(account.c.path)
    return query.with_for_update(key_share=True, of=account)


_WANTED: Final = account.c.path == any_(bindparam("paths", type_=ARRAY(Text)))
_LOCKING: Final = str(_locking(_WANTED).compile(dialect=dialect()))  # type: ignore[no-untyped-call]


def _paths(batch: Batch, holds: dict[str, Recorded]) -> set[str]:
    if batch.columns is not None:
        return {*batch.columns.debit, *batch.columns.credit}
    paths: set[str] = set()
    for each in batch.requests():
        sides = each if isinstance(each, Transfer) else holds.get(each.hold)
        if sides is not None:
            paths |= {sides.debit, sides.credit}
    return paths


def _known(db: Connection, batch: Batch, holds: dict[str, Recorded]) -> Known:
    asked = {each.reference for each in batch.requests()}
    corrected = {each.corrects for each in batch.requests() if isinstance(each, Transfer) and each.corrects}
    return Known(
        transfers=by_reference(db, {each for each in asked | corrected if writable(each)}) | holds,
        resolved=resolutions(db, [each.id for each in holds.values()]),
    )


def _taken(
    db: Connection, decision: Decision, *, now: datetime, caller_key: str | Sequence[str]
) -> IntegrityError | None:
    """Write the decision; or write nothing and give back what the database said against it."""
    if not len(decision.rows):
        return None
    keys = caller_key
    if not isinstance(caller_key, str):
        keys = [key for key, status in zip(caller_key, decision.statuses, strict=True) if status == "created"]
    try:
        write(db, decision.rows, recorded=now, caller_key=keys)
    except IntegrityError as error:
        return error
    return None
