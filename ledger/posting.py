"""Posting: lock the accounts, look up what is known, decide, write. In the caller's own transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger import accounts as books
from ledger import schema
from ledger.chunks import chunks
from ledger.deciding import Decision, Entry, Known, decide
from ledger.entries import Account, Recorded, Request, Resolution, Result, Transfer, TransferRefused
from ledger.reading import by_reference, resolutions


def post(db: Connection, requests: Sequence[Request], *, now: datetime, caller_key: str = "") -> list[Result]:
    """Post a batch; every request gets its own result, in order, and a refused one changes nothing.

    `now` is when it is recorded; `caller_key` names what caused it (a request's key, a notification's id). What a
    request resolves or corrects must have been posted before its batch.
    """
    return _post(db, requests, {"recorded": now, "caller_key": caller_key}, whole=False)


def post_all(db: Connection, requests: Sequence[Request], *, now: datetime, caller_key: str = "") -> list[Result]:
    """Post a batch as one. Raises TransferRefused, before anything is written, when any of it is refused."""
    return _post(db, requests, {"recorded": now, "caller_key": caller_key}, whole=True)


def _post(db: Connection, requests: Sequence[Request], stamp: dict[str, Any], *, whole: bool) -> list[Result]:
    if not requests:
        return []
    while True:
        # Accounts are locked before the references are looked up: whoever posts the same thing at the same time
        # waits here, and then finds it posted.
        holds = by_reference(db, [each.hold for each in requests if isinstance(each, Resolution)])
        locked = books.find(db, _paths(requests, holds), lock=True)
        known = _known(db, requests, holds)
        decision = decide(requests, locked, known)
        refused = [each for each in decision.results if each.status == "refused"]
        if whole and refused:
            raise TransferRefused(refused)
        if not decision.entries or _written(db, decision, locked, known, stamp=stamp):
            return decision.results


def _paths(requests: Sequence[Request], holds: dict[str, Recorded]) -> set[str]:
    paths: set[str] = set()
    for each in requests:
        sides = each if isinstance(each, Transfer) else holds.get(each.hold)
        if sides is not None:
            paths |= {sides.debit, sides.credit}
    return paths


def _known(db: Connection, requests: Sequence[Request], holds: dict[str, Recorded]) -> Known:
    asked: Collection[str] = {each.reference for each in requests}
    corrected = {each.corrects for each in requests if isinstance(each, Transfer) and each.corrects}
    return Known(
        transfers=by_reference(db, [*asked, *corrected]) | holds,
        resolved=resolutions(db, [each.id for each in holds.values()]),
    )


def _written(
    db: Connection, decision: Decision, before: dict[str, Account], known: Known, *, stamp: dict[str, Any]
) -> bool:
    """Write the decision, or nothing when one of its references was taken since we looked.

    That was a transfer between other accounts, so our locks did not wait for it. Now it is committed: the next look
    sees it, and what it says. Each round finds one more, so the rounds end.
    """
    rows = [_row(each, decision.accounts, known) | stamp for each in decision.entries]
    insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    statement = (
        insert(schema.transfer)
        .on_conflict_do_nothing(index_elements=["reference"])
        .returning(schema.transfer.c.reference)
    )
    with db.begin_nested() as savepoint:
        written = sum(len(db.execute(statement, chunk).all()) for chunk in chunks(rows))
        if written != len(rows):
            savepoint.rollback()
            return False
        _update_totals(db, before, decision.accounts)
    return True


def _row(entry: Entry, accounts: dict[str, Account], known: Known) -> dict[str, Any]:
    request = entry.request
    resolved = request.hold if isinstance(request, Resolution) else None
    corrected = request.corrects if isinstance(request, Transfer) else None
    return {
        "debit_id": accounts[entry.debit].id,
        "credit_id": accounts[entry.credit].id,
        "amount": entry.amount,
        "phase": entry.phase,
        "kind": request.kind,
        "reference": request.reference,
        "effective": request.effective,
        "resolves": known.transfers[resolved].id if resolved else None,
        "corrects": known.transfers[corrected].id if corrected else None,
    }


def _update_totals(db: Connection, before: dict[str, Account], after: dict[str, Account]) -> None:
    """One UPDATE per account that moved, whatever the number of its transfers; sent as one batch."""
    a = schema.account.c
    totals = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
    moved = [
        {"account": each.id, **{name: getattr(each, name) for name in totals}}
        for each in after.values()
        if each != before[each.path]
    ]
    statement = (
        update(schema.account).where(a.id == bindparam("account")).values({name: bindparam(name) for name in totals})
    )
    for chunk in chunks(moved):
        db.execute(statement, chunk)
