"""The bank's SQLite file: opening it, one transaction at a time, accounts and lines in and out."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Final

from escrow.bank.sandbox import books
from escrow.bank.sandbox.books import Account, AccountTaken, Entry, Line, UnknownAccount

_LINE: Final = tuple(field.name for field in fields(Line))

SCHEMA: Final = Path(__file__).with_name("schema.sql")

_INSERT: Final = """
INSERT INTO lines VALUES (
    :seq, :serial, :account, :booked_at, :kind, :amount_minor, :balance_minor,
    :party, :party_account, :remark, :reference, :end_to_end
)
"""

_LAST_LINE: Final = """
SELECT a.holder, a.currency, coalesce(l.balance_minor, 0) AS balance_minor, coalesce(l.booked_at, 0) AS booked_to
FROM accounts a LEFT JOIN lines l ON l.account = a.account
WHERE a.account = ? ORDER BY l.seq DESC LIMIT 1
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open (or make) the bank's file. NORMAL is enough here: a simulator may lose its last second at a power cut."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.executescript(SCHEMA.read_text(encoding="utf-8"))
    return connection


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction that takes the write lock at once; all of it is kept, or none."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def open_account(connection: sqlite3.Connection, account: str, holder: str, currency: str) -> None:
    """Keep an account from now on; asking again with the same words changes nothing. Raises AccountTaken."""
    if re.fullmatch(r"[0-9A-Za-z-]{1,34}", account, re.ASCII) is None:
        raise ValueError(f"{account!r} is not an account number: 1 to 34 letters, digits or hyphens")
    named = books.typed(holder, 70)
    kept = find_account(connection, account)
    if kept is None:
        connection.execute("INSERT INTO accounts VALUES (?, ?, ?)", [account, named, currency])
    elif (kept.holder, kept.currency) != (named, currency):
        raise AccountTaken(f"{account} is kept for {kept.holder} in {kept.currency}; choose another number")


def find_account(connection: sqlite3.Connection, account: str) -> Account | None:
    """The account with the balance and time of its last line, or None when it is not kept here."""
    row = connection.execute(_LAST_LINE, [account]).fetchone()
    return None if row is None else Account(account=account, **row)


def require_account(connection: sqlite3.Connection, account: str) -> Account:
    """The account, or UnknownAccount."""
    found = find_account(connection, account)
    if found is None:
        raise UnknownAccount(f"account {account} is not kept at this bank; open it first")
    return found


def book(connection: sqlite3.Connection, entries: Sequence[Entry], *, branch: int) -> list[Line]:
    """Append the entries in the order given and return their lines. Call inside `writing`.

    Raises UnknownAccount, BalanceTooSmall or BankClockRanBack; then nothing is booked.
    """
    accounts = {name: require_account(connection, name) for name in {entry.account for entry in entries}}
    (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM lines").fetchone()
    lines = books.append(accounts, entries, after=last, branch=branch)
    connection.executemany(_INSERT, [asdict(line) | {"booked_at": books.seconds(line.booked_at)} for line in lines])
    return lines


def lines_where(connection: sqlite3.Connection, condition: str, values: Sequence[str | int]) -> list[Line]:
    """The lines that meet a condition (SQL written in this package, its values bound), in booked order."""
    rows = connection.execute(f"SELECT * FROM lines WHERE {condition} ORDER BY seq", values)  # noqa: S608 — never from outside
    return [line_of(row) for row in rows]


def line_of(row: sqlite3.Row) -> Line:
    """A line from a row that has, among others, the columns of `lines`."""
    kept = {name: row[name] for name in _LINE}
    return Line(**kept | {"booked_at": books.clock(row["booked_at"])})
