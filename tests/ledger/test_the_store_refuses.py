"""What the database itself refuses, whoever writes: plain SQL, past every line of our own code."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from escrow.db import transaction
from ledger.accounts import close, freeze, limit, open_accounts
from ledger.audit import audit
from ledger.entries import Limits, NewAccount
from ledger.periods import close_until
from ledger.posting import post_all
from ledger.reading import all_accounts, all_transfers
from tests.ledger.books import (
    BANK,
    DAY,
    EARNED,
    FEES,
    LESSON,
    NOW,
    OTHER,
    PAYMENT,
    PREPAID,
    RELEASE,
    SETTLED,
    available,
    balances,
    opened,
)

DOLLARS: Final = "bank/usd"
ACCOUNTS: Final = "a transfer is between two open accounts of one currency"
PERIOD: Final = "the period is closed"
HOLD: Final = "a hold is ended between its own accounts, of no more than its amount"
USED: Final = "(?i)unique|used before"
MOST: Final = "more {side}s in one period than the account may have"
MIDNIGHT: Final = datetime(2026, 8, 31, 16, tzinfo=UTC)
"""In Asia/Shanghai the first instant of September."""
TICK: Final = timedelta(microseconds=1)

_ID: Final = "(SELECT id FROM ledger_{0} WHERE {1} = '{2}')"
_FIELDS: Final = "debit_id, credit_id, amount, phase, kind, reference, effective, recorded, resolves, corrects"


def _row(
    *,
    debit: str = BANK,
    credit: str = PREPAID,
    amount: object = 1,
    phase: str = "posted",
    reference: str = "raw",
    effective: datetime = NOW,
    resolves: str | None = None,
    corrects: str = "NULL",
) -> str:
    """The values of a row, as any program would write them. `resolves` is a reference, accounts are paths."""
    hold = _ID.format("transfer", "reference", resolves) if resolves else "NULL"
    values = (
        *(_ID.format("account", "path", path) for path in (debit, credit)),
        *(str(amount), f"'{phase}'", "'raw'", f"'{reference}'"),
        *(f"'{at:%Y-%m-%dT%H:%M:%S.%fZ}'" for at in (effective, NOW)),
        *(hold, corrects),
    )
    return f"({', '.join(values)})"


def _insert(*rows: str) -> str:
    return f"INSERT INTO ledger_transfer ({_FIELDS}) VALUES {', '.join(rows or [_row()])}"  # noqa: S608  own rows


@pytest.fixture
def books(db: Connection) -> Connection:
    """A payment, a lesson, and a release of 100.00 on hold that was then settled."""
    opened(db)
    post_all(db, [PAYMENT, LESSON, RELEASE], now=NOW)
    post_all(db, [SETTLED], now=NOW)
    return db


@pytest.fixture
def held(books: Connection) -> Connection:
    """The books with another hold, of 50.00, still open."""
    post_all(books, [replace(LESSON, reference="hold-2", hold=True, amount=5_000)], now=NOW)
    return books


def _refused(db: Connection, sql: str, why: str) -> None:
    """The statement fails for this reason and leaves the books as they were."""
    before = list(all_transfers(db)), all_accounts(db)
    with pytest.raises(DBAPIError, match=why), db.begin_nested():
        db.exec_driver_sql(sql)
    assert (list(all_transfers(db)), all_accounts(db)) == before


def _booked(db: Connection, *rows: str) -> None:
    db.exec_driver_sql(_insert(*rows))
    assert list(audit(db)) == []


_CHANGES = (
    "UPDATE ledger_transfer SET amount = amount + 1 WHERE reference = 'pay-1'",
    "UPDATE ledger_transfer SET amount = amount",
    "UPDATE ledger_transfer SET effective = recorded, kind = 'gift'",
    "DELETE FROM ledger_transfer WHERE reference = 'paid-1'",
    "DELETE FROM ledger_transfer",
    f"{_insert(_row(reference='pay-1'))} ON CONFLICT (reference) DO UPDATE SET amount = 1",
    "UPDATE ledger_limit SET floor = 5",
    "DELETE FROM ledger_limit",
    "UPDATE ledger_closing SET until = recorded",
    "DELETE FROM ledger_closing",
)


def test_what_was_written_is_never_changed_or_deleted(books: Connection) -> None:
    close_until(books, NOW - DAY, why="the month is over", now=NOW)
    for sql in _CHANGES:
        _refused(books, sql, "append-only")


def test_no_table_is_emptied_at_once(own_postgres: Engine) -> None:
    with transaction(own_postgres) as db:
        opened(db)
        post_all(db, [PAYMENT], now=NOW)
        for table in ("ledger_transfer", "ledger_limit", "ledger_closing"):
            _refused(db, f"TRUNCATE {table}", "append-only")
        _refused(db, "TRUNCATE ledger_account CASCADE", "never deleted")


_IMPOSSIBLE = (
    (_row(reference="lesson-1"), USED),
    (_row(amount=0), "(?i)check"),
    (_row(amount=-5), "(?i)check"),
    (_row(amount="NULL"), "(?i)not.null"),
    (_row(amount=2**63), "(?i)out of range|cannot store"),
    (_row(amount="'12.5'"), "(?i)cannot store|invalid input|is of type"),
    (_row(phase="reserved"), "(?i)check"),
    (_row(phase="settled"), "(?i)check"),
    (_row(resolves="release-1"), f"(?i)check|{HOLD}|used before"),
    (_row(debit=PREPAID), "(?i)check"),
    (_row(debit="nowhere"), "(?i)not.null"),
    (_row().replace(_ID.format("account", "path", BANK), "404"), ACCOUNTS),
    (_row().replace(_ID.format("account", "path", PREPAID), "404"), ACCOUNTS),
    (_row(corrects="404"), "there is no such transfer to correct"),
    (_row(phase="voided", resolves="release-1"), USED),
)  # fmt: skip


def test_a_transfer_that_cannot_be_is_not_written(books: Connection) -> None:
    for row, why in _IMPOSSIBLE:
        _refused(books, _insert(row), why)


def test_a_transfer_between_two_currencies_is_not_written(books: Connection) -> None:
    open_accounts(books, [NewAccount(path=DOLLARS, kind="asset", currency="USD")])
    _refused(books, _insert(_row(debit=DOLLARS)), ACCOUNTS)
    _refused(books, _insert(_row(), _row(debit=DOLLARS, reference="raw-2")), ACCOUNTS)


@pytest.mark.parametrize("phase", ["posted", "pending"])
def test_an_overdraft_is_not_written(books: Connection, phase: str) -> None:
    rest: dict[str, Any] = {"debit": PREPAID, "credit": EARNED, "phase": phase}
    _refused(books, _insert(_row(**rest, amount=290_001)), "ck_ledger_account_floor")
    _refused(books, _insert(_row(**rest, amount=290_000), _row(**rest, reference="raw-2")), "ck_ledger_account_floor")
    _booked(books, _row(**rest, amount=290_000))
    assert available(books, PREPAID) == 0
    _refused(books, _insert(_row(**rest, reference="raw-2")), "ck_ledger_account_floor")


def test_more_than_the_ceiling_is_not_written_nor_promised(books: Connection) -> None:
    limit(books, OTHER, Limits(ceiling=100), why="a trial lesson at most", now=NOW)
    _booked(books, _row(credit=OTHER, amount=60))
    _booked(books, _row(credit=OTHER, amount=40, phase="pending", reference="promised"))
    for phase in ("posted", "pending"):
        _refused(books, _insert(_row(credit=OTHER, phase=phase, reference="more")), "ck_ledger_account_ceiling")
    _booked(books, _row(credit=OTHER, amount=30, phase="settled", resolves="promised", reference="part"))
    _booked(books, _row(credit=OTHER, amount=10, reference="to the brim"))


def test_a_frozen_account_takes_nothing_new_but_ends_its_holds_and_a_closed_one_takes_nothing(held: Connection) -> None:
    freeze(held, EARNED)
    for debit, credit in ((PREPAID, EARNED), (EARNED, PREPAID)):
        _refused(held, _insert(_row(debit=debit, credit=credit)), ACCOUNTS)
    _booked(held, _row(debit=PREPAID, credit=EARNED, amount=5_000, phase="voided", resolves="hold-2"))
    close(held, OTHER)
    for debit, credit in ((BANK, OTHER), (OTHER, BANK)):
        _refused(held, _insert(_row(debit=debit, credit=credit, reference="raw-2")), ACCOUNTS)


def test_a_hold_ends_in_the_store_only_as_it_was_made(held: Connection) -> None:
    end: dict[str, Any] = {"debit": PREPAID, "credit": EARNED, "resolves": "hold-2"}
    for wrong in (
        _row(**end | {"debit": OTHER}, amount=5_000, phase="voided"),
        _row(**end | {"credit": BANK}, amount=5_000, phase="voided"),
        _row(debit=EARNED, credit=PREPAID, resolves="hold-2", amount=5_000, phase="settled"),
        _row(**end, amount=5_001, phase="settled"),
        _row(**end, amount=4_999, phase="voided"),
        _row(**end, amount=4_999, phase="expired"),
        _row(**end | {"resolves": "lesson-1"}, amount=5_000, phase="voided"),
        _row(debit=EARNED, credit=BANK, resolves="paid-1", phase="settled"),
    ):
        _refused(held, _insert(wrong), HOLD)
    _refused(held, _insert(_row(**end, phase="settled"), _row(**end, phase="settled", reference="raw-2")), USED)
    _booked(held, _row(**end, amount=4_999, phase="settled"))
    assert available(held, PREPAID) == 290_000 - 4_999
    for phase in ("settled", "voided", "expired"):
        _refused(held, _insert(_row(**end, amount=5_000, phase=phase, reference="raw-2")), USED)


def test_nothing_is_written_into_a_closed_period_not_even_the_end_of_a_hold(held: Connection) -> None:
    close_until(held, NOW, why="the month is over", now=NOW)
    end = _row(debit=PREPAID, credit=EARNED, amount=5_000, phase="voided", resolves="hold-2", effective=NOW - TICK)
    for row in (_row(effective=NOW - TICK), _row(effective=NOW - 400 * DAY, phase="pending"), end):
        _refused(held, _insert(row), PERIOD)
    _refused(held, _insert(_row(reference="raw-2"), _row(effective=NOW - TICK)), PERIOD)
    _booked(held, _row(effective=NOW))


@pytest.mark.parametrize("period", ["day", "month"])
@pytest.mark.parametrize("side", ["debit", "credit"])
def test_no_more_moves_in_a_period_than_may_to_the_microsecond_of_the_business_clock(
    books: Connection, period: str, side: str
) -> None:
    days = 1 if period == "day" else 31
    most = Limits(period=period, most_debits=100 if side == "debit" else None,  # type: ignore[arg-type]  # a Literal's word
                  most_credits=100 if side == "credit" else None)  # fmt: skip
    ours: dict[str, Any] = {"debit": OTHER, "credit": EARNED} if side == "debit" else {"debit": EARNED, "credit": OTHER}
    paid = replace(PAYMENT, effective=MIDNIGHT - 99 * DAY)
    post_all(books, [replace(paid, credit=each, reference=f"pay {each}") for each in (OTHER, EARNED)], now=NOW)
    limit(books, OTHER, most, why="never more at once", now=NOW)
    # The last instant of August and the first of September, each filled to the brim.
    _booked(books, _row(**ours, amount=100, effective=MIDNIGHT - TICK, reference="last"))
    _booked(books, _row(**ours, amount=100, effective=MIDNIGHT, reference="first"))
    again = MIDNIGHT - timedelta(days=days)
    for full in (MIDNIGHT - TICK, MIDNIGHT - timedelta(hours=23, minutes=59), again, MIDNIGHT, MIDNIGHT + DAY - TICK):
        _refused(books, _insert(_row(**ours, effective=full)), MOST.format(side=side))
    _booked(books, _row(**ours, amount=100, effective=again - TICK, reference="before"))
    back: dict[str, Any] = {"debit": ours["credit"], "credit": ours["debit"]}
    _booked(books, _row(**back, amount=300, effective=MIDNIGHT, reference="the other side has no such limit"))


def test_a_hold_counts_in_its_period_until_it_ends_and_then_with_what_it_settled(books: Connection) -> None:
    ours: dict[str, Any] = {"debit": PREPAID, "credit": EARNED}
    limit(books, PREPAID, Limits(period="day", most_debits=10_100), why="one lesson a day and a little", now=NOW)
    wrong = MOST.format(side="debit")
    _booked(books, _row(**ours, amount=100, phase="pending", reference="hold"))
    _refused(books, _insert(_row(**ours)), wrong)
    _refused(books, _insert(_row(**ours, phase="pending")), wrong)
    # Its end counts where the hold did, whenever that is.
    _booked(
        books,
        _row(**ours, amount=70, phase="settled", resolves="hold", reference="end", effective=NOW + DAY),
        _row(**ours, amount=10_100, effective=NOW + DAY, reference="all of tomorrow"),
    )
    _refused(books, _insert(_row(**ours, amount=31)), wrong)
    _booked(books, _row(**ours, amount=30, phase="pending", reference="hold-2"))
    _booked(books, _row(**ours, amount=30, phase="voided", resolves="hold-2", reference="void"))
    _refused(books, _insert(_row(**ours, amount=20), _row(**ours, amount=11, reference="raw-2")), wrong)
    _booked(books, _row(**ours, amount=20), _row(**ours, amount=10, reference="raw-2"))


def test_a_right_row_of_plain_sql_is_booked(books: Connection) -> None:
    before = balances(books)
    _booked(books, _row(amount=7))
    assert balances(books) == before | {BANK: before[BANK] + 7, PREPAID: before[PREPAID] + 7}
    assert [each.reference for each in all_transfers(books)][-1] == "raw"


def _many(number: int) -> Iterable[str]:
    return (_row(amount=each, reference=f"raw-{each}") for each in range(1, number + 1))


def test_many_rows_of_one_statement_are_booked(books: Connection) -> None:
    before = balances(books)
    _booked(books, *_many(300))
    assert balances(books)[PREPAID] == before[PREPAID] + 300 * 301 // 2
    _refused(books, _insert(*_many(301)), USED)


def test_rows_of_a_foreign_copy_are_booked_or_refused_as_one(books: Connection) -> None:
    if books.dialect.name == "sqlite":
        pytest.skip("COPY is PostgreSQL's")
    ids = {each.path: each.id for each in all_accounts(books)}

    def copied(*, each: int, name: str) -> None:
        statement = f"COPY ledger_transfer ({_FIELDS}) FROM STDIN"
        with books.begin_nested(), closing(books.connection.cursor()) as cursor, cursor.copy(statement) as copy:
            for number in range(1_000):
                row = (ids[PREPAID], ids[EARNED], each, "posted", "raw", f"{name}-{number}", NOW, NOW, None, None)
                copy.write_row(row)

    copied(each=290, name="all")
    assert balances(books) == {BANK: 290_000, EARNED: 290_000}
    assert list(audit(books)) == []
    with pytest.raises(Exception, match="ck_ledger_account_floor"):
        copied(each=1, name="more")
    assert available(books, PREPAID) == 0


def test_what_one_statement_takes_too_early_is_refused_or_named_by_the_audit(books: Connection) -> None:
    """PostgreSQL sees a statement as a whole, in which the money came too. The audit reads it row by row."""
    rows = (_row(debit=OTHER, credit=EARNED, amount=5, reference="out"), _row(credit=OTHER, amount=5, reference="in"))
    if books.dialect.name == "sqlite":
        _refused(books, _insert(*rows), "ck_ledger_account_floor")
    else:
        books.exec_driver_sql(_insert(*rows))
        [breach] = audit(books)
        assert (breach.subject, breach.detail) == (OTHER, "-5 available, of which 0 must stay, after out")


_CHANGED_ACCOUNTS = (
    (
        "UPDATE ledger_account SET debits_posted = debits_posted + 290001 WHERE path = 'contract/1/prepaid'",
        "(?i)check",
    ),
    ("UPDATE ledger_account SET debits_pending = 290001 WHERE path = 'contract/1/prepaid'", "(?i)check"),
    ("UPDATE ledger_account SET credits_posted = credits_posted + 290001 WHERE path = 'bank/6200'", "(?i)check"),
    ("UPDATE ledger_account SET debits_pending = -1", "(?i)check"),
    ("UPDATE ledger_account SET state = 'closed' WHERE path = 'contract/1/prepaid'", "(?i)check"),
    ("UPDATE ledger_account SET state = 'asleep'", "(?i)check"),
    ("UPDATE ledger_account SET floor = NULL WHERE path = 'contract/1/prepaid'", "ck_ledger_account_overdraft"),
    ("UPDATE ledger_account SET floor = -1 WHERE path = 'contract/1/prepaid'", "ck_ledger_account_overdraft"),
    ("UPDATE ledger_account SET floor = 290001 WHERE path = 'contract/1/prepaid'", "ck_ledger_account_floor"),
    ("UPDATE ledger_account SET ceiling = 289999 WHERE path = 'contract/1/prepaid'", "ck_ledger_account_ceiling"),
    ("UPDATE ledger_account SET period = 'week', most_debits = 1", "ck_ledger_account_period"),
    ("UPDATE ledger_account SET most_debits = 1", "ck_ledger_account_most"),
    ("UPDATE ledger_account SET period = 'day'", "ck_ledger_account_most"),
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


def test_an_account_keeps_its_identity_and_its_limits(books: Connection) -> None:
    for sql, why in _CHANGED_ACCOUNTS:
        _refused(books, sql, why)


def test_an_account_with_a_reason_may_be_below_zero_in_sql_too(books: Connection) -> None:
    _booked(books, _row(debit=BANK, credit=FEES))
    assert balances(books)[FEES] == -1


def test_sqlite_replaces_no_transfer_even_for_a_program_that_sets_nothing(own_sqlite: Engine) -> None:
    again = _insert(_row(debit=EARNED, credit=BANK, amount=10_000, phase="voided", resolves="release-1"))
    replacing = (
        _insert(_row(reference="pay-1")).replace("INSERT", "INSERT OR REPLACE", 1),
        _insert(_row(reference="pay-1")).replace("INSERT", "REPLACE", 1),
        again.replace("INSERT", "INSERT OR REPLACE", 1),
        "INSERT OR REPLACE INTO ledger_transfer SELECT * FROM ledger_transfer WHERE reference = 'pay-1'",
        "UPDATE OR REPLACE ledger_transfer SET reference = 'lesson-1' WHERE reference = 'pay-1'",
    )
    with transaction(own_sqlite) as db:
        opened(db)
        post_all(db, [PAYMENT, LESSON, RELEASE], now=NOW)
        post_all(db, [SETTLED], now=NOW)
        before = list(all_transfers(db))
    foreign = sqlite3.connect(Path(str(own_sqlite.url.database)))  # as any other program opens it
    for sql in replacing:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            foreign.execute(sql)
        foreign.rollback()
        with pytest.raises(IntegrityError, match="append-only"), transaction(own_sqlite) as db:
            db.exec_driver_sql(sql)
    foreign.close()
    with transaction(own_sqlite) as db:
        assert list(all_transfers(db)) == before
        assert list(audit(db)) == []
