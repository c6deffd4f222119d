"""Opening, finding, freezing and closing accounts."""

from collections.abc import Collection, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger import schema
from ledger.chunks import chunks
from ledger.entries import Account, AccountConflict, LedgerRefusal, NewAccount


def open_accounts(db: Connection, accounts: Sequence[NewAccount]) -> None:
    """Open accounts; one that is open already in the same way is left as it is.

    Raises AccountConflict where a path stands for something else.
    """
    insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    for chunk in chunks(sorted(accounts, key=lambda each: each.path)):
        rows = [asdict(each) for each in chunk]
        db.execute(insert(schema.account).on_conflict_do_nothing(index_elements=["path"]), rows)
    standing = find(db, [each.path for each in accounts])
    for wanted in accounts:
        found = standing[wanted.path]
        if any(getattr(found, name) != value for name, value in asdict(wanted).items()):
            raise AccountConflict(f"{wanted.path} stands as {found}, not as {wanted}")


def find(db: Connection, paths: Collection[str], *, lock: bool = False) -> dict[str, Account]:
    """The accounts of these paths, by path; unknown ones are missing.

    With `lock` their rows stay locked until the transaction ends. They are locked in the order of their paths, by
    everyone: in the caller's order, two transfers in opposite directions would wait for each other for ever.
    """
    found: dict[str, Account] = {}
    for chunk in chunks(sorted(set(paths))):
        query = select(schema.account).where(schema.account.c.path.in_(chunk)).order_by(schema.account.c.path)
        for row in db.execute(query.with_for_update() if lock else query):
            found[row.path] = as_account(row)
    return found


def get(db: Connection, path: str) -> Account | None:
    """One account, or None."""
    return find(db, [path]).get(path)


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


def as_account(row: Row[tuple[object, ...]]) -> Account:
    """The noun behind a row of the table."""
    return Account(**row._asdict())


def _move(db: Connection, path: str, state: str, to: str) -> None:
    a = schema.account.c
    changed = db.execute(update(schema.account).where(a.path == path, a.state == state).values(state=to))
    if changed.rowcount != 1:
        found = get(db, path)
        stands = "there is no such account" if found is None else f"it is {found.state}"
        raise LedgerRefusal(f"only an account that is {state} can become {to}; {path}: {stands}")
