"""Opening, finding, freezing and closing accounts, and changing what may stand in them."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, astuple, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger import schema
from ledger.among import among
from ledger.entries import USUAL, Account, AccountConflict, LedgerRefusal, Limits, NewAccount

_LIMITS: Final = tuple(each.name for each in fields(Limits))
_USUAL: Final = list(astuple(USUAL))


def open_accounts(db: Connection, accounts: Sequence[NewAccount], *, now: datetime | None = None) -> None:
    """Open accounts; one that is open already in the same way is left as it is.

    Raises AccountConflict where a path stands for something else. `now`, needed where an account gets other limits
    than the usual ones, is from when on it has them.
    """
    if not accounts:
        return
    insertion = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    rows = [
        {"path": each.path, "kind": each.kind, "currency": each.currency, **asdict(each.limits)}
        for each in sorted(accounts, key=lambda each: each.path)
    ]
    opening = insertion(schema.account).on_conflict_do_nothing(index_elements=["path"])
    before = {each.path for each in accounts if each.limits != USUAL}
    if before:
        before -= find(db, before).keys()
    db.execute(opening, rows)
    standing = find(db, [each.path for each in accounts])
    for wanted in accounts:
        found = standing[wanted.path]
        if (found.kind, found.currency, found.limits) != (wanted.kind, wanted.currency, wanted.limits):
            raise AccountConflict(f"{wanted.path} stands as {found}, not as {wanted}")
    for path in sorted(before):
        if now is None:
            raise TypeError(f"{path} is opened with limits of its own: say when (now)")
        _note_limits(db, standing[path], why="opened so", now=now)


def find(db: Connection, paths: Collection[str], *, lock: bool = False) -> dict[str, Account]:
    """The accounts of these paths, by path; unknown ones are missing.

    With `lock` their rows stay locked until the transaction ends. They are locked in the order of their paths, by
    everyone: in the caller's order, two transfers in opposite directions would wait for each other for ever.
    """
    a = schema.account.c
    query = select(schema.account).where(among(db, a.path, sorted(set(paths)))).order_by(a.path)
    rows = db.execute(query.with_for_update(key_share=True) if lock else query)
    return {row.path: as_account(row) for row in rows}


def get(db: Connection, path: str) -> Account | None:
    """One account, or None."""
    return find(db, [path]).get(path)


def limit(db: Connection, path: str, limits: Limits, *, why: str, now: datetime) -> Account:
    """Give an account other limits from now on, with the reason; what it had before stays on record.

    Raises LedgerRefusal when what stands in it would break them already.
    """
    account = _locked(db, path)
    if limits.floor is not None and account.available < limits.floor:
        raise LedgerRefusal(f"{path} has {account.available} minor units available: its floor cannot be {limits.floor}")
    if limits.ceiling is not None and account.promised > limits.ceiling:
        raise LedgerRefusal(
            f"{path} has {account.promised} minor units, promised ones included: its ceiling cannot be {limits.ceiling}"
        )
    db.execute(update(schema.account).where(schema.account.c.id == account.id).values(**asdict(limits)))
    changed = find(db, [path])[path]
    _note_limits(db, changed, why=why, now=now)
    return changed


def freeze(db: Connection, path: str) -> None:
    """Stop new business on an account; holds made before can still be settled or voided."""
    _move(db, path, "open", "frozen")


def thaw(db: Connection, path: str) -> None:
    """Let business on a frozen account go on."""
    _move(db, path, "frozen", "open")


def close(db: Connection, path: str) -> None:
    """Close an open account for ever. Refused while anything stands or is reserved in it, by the database too."""
    found = find(db, [path], lock=True).get(path)
    if found is not None and (found.balance, found.debits_pending, found.credits_pending) != (0, 0, 0):
        reserved = f"{found.debits_pending} and {found.credits_pending} reserved by holds"
        raise LedgerRefusal(f"{path} has {found.balance} minor units and {reserved}; only an empty account can close")
    _move(db, path, "open", "closed")


def as_account(row: Sequence[Any]) -> Account:
    """The noun behind a row of the table."""
    # By position, the table's: a batch finds thousands of them, and a name costs more than all the rest.
    number, path, kind, currency, *limits, state, debits, credits, debits_pending, credits_pending = row
    return Account(
        id=number,
        path=path,
        kind=kind,
        currency=currency,
        limits=USUAL if limits == _USUAL else Limits(**dict(zip(_LIMITS, limits, strict=True))),
        state=state,
        debits_posted=debits,
        credits_posted=credits,
        debits_pending=debits_pending,
        credits_pending=credits_pending,
    )


def _note_limits(db: Connection, account: Account, *, why: str, now: datetime) -> None:
    # The account is locked, so its later transfers get higher ids than any there is: an id splits its history in two.
    last = select(func.coalesce(func.max(schema.transfer.c.id), 0)).scalar_subquery()
    db.execute(
        insert(schema.limit_change).values(
            account_id=account.id, why=why, recorded=now, after_id=last, **asdict(account.limits)
        )
    )


def _locked(db: Connection, path: str) -> Account:
    found = find(db, [path], lock=True).get(path)
    if found is None:
        raise LedgerRefusal(f"there is no account {path}")
    return found


def _move(db: Connection, path: str, state: str, to: str) -> None:
    a = schema.account.c
    changed = db.execute(update(schema.account).where(a.path == path, a.state == state).values(state=to))
    if changed.rowcount != 1:
        found = get(db, path)
        stands = "there is no such account" if found is None else f"it is {found.state}"
        raise LedgerRefusal(f"only an account that is {state} can become {to}; {path}: {stands}")
