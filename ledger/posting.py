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
from ledger.entries import (
    Account,
    LedgerRefusal,
    Recorded,
    Request,
    Resolution,
    Result,
    Transfer,
    TransferRefused,
)
from ledger.reading import by_reference, resolutions


def post(db: Connection, requests: Sequence[Request], *, now: datetime, caller_key: str = "") -> list[Result]:
    """Post a batch; every request gets its own result, in order, and a refused one changes nothing.

    `now` is when it is recorded; `caller_key` names what caused it (a request's key, a notification's id).
    """
    if not requests:
        return []
    # Accounts are locked before the references are looked up: whoever posts the same thing at the same time waits
    # here, and then finds it posted.
    holds = by_reference(db, [each.hold for each in requests if isinstance(each, Resolution)])
    locked = books.find(db, _paths(requests, holds), lock=True)
    decision = decide(requests, locked, _known(db, requests, holds))
    _write(db, decision, locked, now=now, caller_key=caller_key)
    return decision.results


def post_all(db: Connection, requests: Sequence[Request], *, now: datetime, caller_key: str = "") -> list[Result]:
    """Post a batch as one: raises TransferRefused when any is refused, and the caller rolls back."""
    results = post(db, requests, now=now, caller_key=caller_key)
    if refused := [each for each in results if each.status == "refused"]:
        raise TransferRefused(refused)
    return results


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


def _write(db: Connection, decision: Decision, before: dict[str, Account], *, now: datetime, caller_key: str) -> None:
    if not decision.entries:
        return
    links = {ref: each.id for ref, each in by_reference(db, _links(decision.entries)).items()}
    rows = [_row(each, decision.accounts, links) for each in decision.entries]
    stamp = {"recorded": now, "caller_key": caller_key}
    insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    statement = (
        insert(schema.transfer)
        .on_conflict_do_nothing(index_elements=["reference"])
        .returning(schema.transfer.c.reference)
    )
    written = sum(len(db.execute(statement, [row | stamp for row in chunk]).all()) for chunk in chunks(rows))
    if written != len(rows):
        # Other accounts, same reference, posted since we looked: only a second look can tell what it says.
        raise LedgerRefusal("a reference of this batch was taken by another transaction meanwhile; ask again")
    _update_totals(db, before, decision.accounts)


def _links(entries: Sequence[Entry]) -> list[str]:
    linked = [e.request.hold if isinstance(e.request, Resolution) else e.request.corrects for e in entries]
    return [each for each in linked if each is not None]


def _row(entry: Entry, accounts: dict[str, Account], links: dict[str, int]) -> dict[str, Any]:
    request = entry.request
    return {
        "debit_id": accounts[entry.debit].id,
        "credit_id": accounts[entry.credit].id,
        "amount": entry.amount,
        "phase": entry.phase,
        "kind": request.kind,
        "reference": request.reference,
        "effective": request.effective,
        "resolves": links[request.hold] if isinstance(request, Resolution) else None,
        "corrects": links[request.corrects] if isinstance(request, Transfer) and request.corrects else None,
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
