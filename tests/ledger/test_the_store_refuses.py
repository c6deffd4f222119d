"""What the database itself refuses, whoever writes: plain SQL, past every line of our own code."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError

from escrow.db import open_engine, transaction
from ledger.audit import audit
from ledger.posting import post_all
from ledger.reading import all_accounts, all_transfers
from tests.ledger.books import BANK, EARNED, LESSON, NOW, PAYMENT, PREPAID, RELEASE, SETTLED, opened

_INSERT = (
    "INTO ledger_transfer (debit_id, credit_id, amount, phase, kind, reference, effective, recorded, resolves)"
    " SELECT debit_id, credit_id, {amount}, '{phase}', kind, '{reference}', effective, recorded, {resolves}"
    " FROM ledger_transfer WHERE reference = 'pay-1'"
)


def _insert(*, amount: str = "1", phase: str = "posted", reference: str = "raw", resolves: str = "NULL") -> str:
    return "INSERT " + _INSERT.format(amount=amount, phase=phase, reference=reference, resolves=resolves)


@pytest.fixture
def books(db: Connection) -> Connection:
    """A payment, a lesson, and a release of 100.00 on hold that was then settled."""
    opened(db)
    post_all(db, [PAYMENT, LESSON, RELEASE], now=NOW)
    post_all(db, [SETTLED], now=NOW)
    return db


def _refused(db: Connection, sql: str, why: str) -> None:
    """The statement fails for this reason and leaves the books as they were."""
    before = list(all_transfers(db)), all_accounts(db)
    with pytest.raises(DBAPIError, match=why), db.begin_nested():
        db.exec_driver_sql(sql)
    assert (list(all_transfers(db)), all_accounts(db)) == before


_CHANGES = (
    "UPDATE ledger_transfer SET amount = amount + 1 WHERE reference = 'pay-1'",
    "UPDATE ledger_transfer SET amount = amount",
    "UPDATE ledger_transfer SET effective = recorded, kind = 'gift'",
    "DELETE FROM ledger_transfer WHERE reference = 'paid-1'",
    "DELETE FROM ledger_transfer",
    f"{_insert(reference='pay-1')} ON CONFLICT (reference) DO UPDATE SET amount = 1",
)


def test_a_posted_transfer_is_never_changed_or_deleted(books: Connection) -> None:
    for sql in _CHANGES:
        _refused(books, sql, "append-only")


def test_the_transfers_are_not_emptied_at_once(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    with transaction(engine) as db:
        opened(db)
        post_all(db, [PAYMENT], now=NOW)
        _refused(db, "TRUNCATE ledger_transfer", "append-only")
        _refused(db, "TRUNCATE ledger_account CASCADE", "append-only|never deleted")
    engine.dispose()


_IMPOSSIBLE = (
    (_insert(reference="lesson-1"), "(?i)unique|used before"),
    (_insert(amount="0"), "(?i)check"),
    (_insert(amount="-5"), "(?i)check"),
    (_insert(amount="NULL"), "(?i)not.null"),
    (_insert(phase="reserved"), "(?i)check"),
    (_insert(phase="settled"), "(?i)check"),
    (_insert(resolves="id"), "(?i)check"),
    (_insert(phase="voided", resolves="(SELECT resolves FROM ledger_transfer WHERE reference = 'paid-1')"),
     "(?i)unique|used before"),
    (_insert().replace("debit_id, credit_id, 1", "credit_id, credit_id, 1"), "(?i)check"),
    (_insert().replace("debit_id, credit_id, 1", "debit_id, 404, 1"), "(?i)foreign key"),
    (_insert().replace("debit_id, credit_id, 1", "404, credit_id, 1"), "(?i)foreign key"),
    (_insert(phase="voided", resolves="404"), "(?i)foreign key"),
    (_insert(amount="'12.5'"), "(?i)cannot store|invalid input|is of type"),
)  # fmt: skip


def test_a_transfer_that_cannot_be_is_not_written(books: Connection) -> None:
    for sql, why in _IMPOSSIBLE:
        _refused(books, sql, why)


_ACCOUNTS = (
    (
        "UPDATE ledger_account SET debits_posted = debits_posted + 290001 WHERE path = 'contract/1/prepaid'",
        "(?i)check",
    ),
    ("UPDATE ledger_account SET debits_pending = 290001 WHERE path = 'contract/1/prepaid'", "(?i)check"),
    ("UPDATE ledger_account SET credits_posted = credits_posted + 290001 WHERE path = 'bank/6200'", "(?i)check"),
    ("UPDATE ledger_account SET debits_pending = -1", "(?i)check"),
    ("UPDATE ledger_account SET state = 'closed' WHERE path = 'contract/1/prepaid'", "(?i)check"),
    ("UPDATE ledger_account SET state = 'asleep'", "(?i)check"),
    ("UPDATE ledger_account SET path = 'mine' WHERE path = 'contract/1/prepaid'", "keeps its path"),
    ("UPDATE ledger_account SET kind = 'asset' WHERE path = 'contract/1/prepaid'", "keeps its path"),
    ("UPDATE ledger_account SET currency = 'USD' WHERE path = 'contract/1/prepaid'", "keeps its path"),
    ("DELETE FROM ledger_account WHERE path = 'contract/2/prepaid'", "never deleted"),
    (
        "INSERT INTO ledger_account (path, kind, currency) VALUES ('contract/2/prepaid', 'asset', 'CNY')",
        "(?i)unique",
    ),
    ("INSERT INTO ledger_account (path, kind, currency) VALUES ('x', 'equity', 'CNY')", "(?i)check"),
)


def test_an_account_keeps_its_identity_and_its_floor(books: Connection) -> None:
    for sql, why in _ACCOUNTS:
        _refused(books, sql, why)


def test_an_account_with_a_reason_may_be_below_zero_in_sql_too(books: Connection) -> None:
    books.exec_driver_sql("UPDATE ledger_account SET credits_posted = 1 WHERE path = 'bank/6200/fees'")


def test_sqlite_replaces_no_transfer_even_for_a_program_that_sets_nothing(sqlite_url: str) -> None:
    again = "(SELECT resolves FROM ledger_transfer WHERE reference = 'paid-1')"
    replacing = (
        _insert(reference="pay-1").replace("INSERT", "INSERT OR REPLACE"),
        _insert(reference="pay-1").replace("INSERT", "REPLACE"),
        _insert(phase="voided", resolves=again).replace("INSERT", "INSERT OR REPLACE"),
        "INSERT OR REPLACE INTO ledger_transfer SELECT * FROM ledger_transfer WHERE reference = 'pay-1'",
        "UPDATE OR REPLACE ledger_transfer SET reference = 'lesson-1' WHERE reference = 'pay-1'",
    )
    engine = open_engine(sqlite_url)
    with transaction(engine) as db:
        opened(db)
        post_all(db, [PAYMENT, LESSON, RELEASE], now=NOW)
        post_all(db, [SETTLED], now=NOW)
        before = list(all_transfers(db))
    foreign = sqlite3.connect(Path(str(make_url(sqlite_url).database)))  # as any other program opens it
    for sql in replacing:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            foreign.execute(sql)
        foreign.rollback()
        with pytest.raises(IntegrityError, match="append-only"), transaction(engine) as db:
            db.exec_driver_sql(sql)
    foreign.close()
    with transaction(engine) as db:
        assert list(all_transfers(db)) == before
        assert list(audit(db)) == []
    engine.dispose()


def test_what_the_store_holds_is_what_was_posted(books: Connection) -> None:
    """The statement that the refusals above are made of does work, when nothing is wrong with it."""
    books.exec_driver_sql(_insert())
    assert [each.reference for each in all_transfers(books)][-1] == "raw"
    breaches = {each.subject for each in audit(books)}
    assert breaches == {BANK, PREPAID}, "money that moved in no total is found"
    assert EARNED not in breaches


def test_a_hold_is_resolved_once_in_the_store_too(books: Connection) -> None:
    post_all(books, [replace(LESSON, reference="hold-2", hold=True, amount=5)], now=NOW)
    end = _insert(amount="5", phase="voided", resolves="(SELECT id FROM ledger_transfer WHERE reference = 'hold-2')")
    books.exec_driver_sql(end)
    _refused(books, end.replace("'raw'", "'raw-2'"), "(?i)unique|used before")
