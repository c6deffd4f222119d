"""The audit: books that were kept are found right, and whatever is changed behind the ledger's back is named."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from escrow.db import transaction
from ledger.accounts import limit
from ledger.audit import Breach, audit
from ledger.entries import Limits
from ledger.periods import close_until
from ledger.posting import post_all
from ledger.reading import all_accounts, all_transfers
from tests.ledger.books import (
    BANK,
    EARNED,
    FEES,
    HOUR,
    LESSON,
    NOW,
    OTHER,
    PAYMENT,
    PREPAID,
    RELEASE,
    SETTLED,
    opened,
)

TOTALS = "totals are the sums of transfers"
FLOOR = "no account ever passed its limits"
CURRENCY = "transfers keep to one currency"
LIMITS = "limits are the last ones given"
CLOSED = "closed periods stay closed"
LINKS = "transfers lead somewhere"
ONCE = "holds end once"
WITHIN = "holds end within their amount"

Tamper = Callable[..., None]
"""Takes one statement, and its parameters by name."""


@pytest.fixture
def books(db: Connection) -> Connection:
    """A little of everything: payments, lessons, a correction, holds settled in part, voided and still open."""
    opened(db)
    post_all(db, [PAYMENT, replace(PAYMENT, credit=OTHER, amount=20_000, reference="pay-2"), LESSON], now=NOW)
    post_all(db, [replace(LESSON, reference=f"lesson-{each}", amount=each) for each in (2, 3)], now=NOW)
    post_all(
        db, [replace(LESSON, debit=EARNED, credit=PREPAID, amount=3, reference="fix", corrects="lesson-3")], now=NOW
    )
    holds = [replace(RELEASE, amount=3_000, reference=f"release-{each}") for each in (1, 2, 3)]
    post_all(db, holds, now=NOW)
    post_all(db, [replace(SETTLED, amount=2_000)], now=NOW)
    post_all(db, [replace(SETTLED, hold="release-2", phase="voided", reference="void-2")], now=NOW)
    assert list(audit(db)) == []
    return db


@contextmanager
def _unguarded(db: Connection) -> Iterator[Tamper]:
    """Statements straight into the database, its guards down, as its administrator can; all undone at the end."""
    undo = db.begin_nested()
    if db.dialect.name == "sqlite":
        for name in db.scalars(
            text("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'ledger%'")
        ).all():
            db.exec_driver_sql(f"DROP TRIGGER {name}")
    else:
        for table in ("ledger_transfer", "ledger_account", "ledger_limit"):
            db.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    yield partial(_one_row, db)
    undo.rollback()


def _one_row(db: Connection, sql: str, **values: int) -> None:
    assert db.execute(text(sql), values).rowcount == 1, f"this changed nothing and proves nothing: {sql}"


def _found(db: Connection) -> dict[str, set[str]]:
    """Which invariants are broken, and by what."""
    found: dict[str, set[str]] = {}
    for breach in audit(db):
        found.setdefault(breach.invariant, set()).add(breach.subject)
    return found


_WITHOUT_FLOOR = "UPDATE ledger_account SET overdraft = 'for a moment', floor = NULL WHERE path = 'contract/2/prepaid'"


def test_a_breach_says_what_is_kept_and_what_it_adds_up_to(books: Connection) -> None:
    with _unguarded(books) as tamper:
        tamper("UPDATE ledger_account SET debits_posted = debits_posted + 1 WHERE path = 'bank/6200'")
        [breach] = audit(books)
    assert (breach.invariant, breach.subject) == (TOTALS, BANK)
    assert "kept {'debits_posted': 320001" in breach.detail
    assert "summed {'debits_posted': 320000" in breach.detail
    assert str(breach) == f"{TOTALS}: {BANK}: {breach.detail}"


def test_one_fen_more_or_less_in_any_total_of_any_account_is_found_and_named(books: Connection) -> None:
    totals = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
    for account, column in product(all_accounts(books), totals):
        with _unguarded(books) as tamper:
            tamper(
                "UPDATE ledger_account SET debits_posted = debits_posted + :debits_posted,"
                " credits_posted = credits_posted + :credits_posted, debits_pending = debits_pending + :debits_pending,"
                " credits_pending = credits_pending + :credits_pending WHERE id = :id",
                **(dict.fromkeys(totals, 0) | {column: 1}),
                id=account.id,
            )
            assert _found(books) == {TOTALS: {account.path}}, f"{column} of {account.path}"


def test_any_transfer_changed_by_one_fen_is_found_and_both_its_accounts_are_named(books: Connection) -> None:
    for each in list(all_transfers(books)):
        with _unguarded(books) as tamper:
            tamper("UPDATE ledger_transfer SET amount = amount + 1 WHERE id = :id", id=each.id)
            found = _found(books)
        if each.reference == "void-2":
            # What a voided row says of its amount moves nothing and frees nothing: the hold's own amount counts.
            assert found == {WITHIN: {"void-2"}}
        elif each.reference == "release-2":
            assert found == {WITHIN: {"void-2"}}, "a hold that was voided was voided whole"
        elif each.reference != "release-1":
            # release-1 was settled in part and its rest freed: by one fen more or less, no sum can tell.
            assert found[TOTALS] == {each.debit, each.credit}, each.reference


def test_any_transfer_deleted_is_found_and_both_its_accounts_are_named(books: Connection) -> None:
    everything = list(all_transfers(books))
    needed = {link for each in everything for link in (each.resolves, each.corrects)}
    for each in everything:
        if each.reference in needed:
            continue  # then the row that points at it is named too: below
        with _unguarded(books) as tamper:
            tamper("DELETE FROM ledger_transfer WHERE id = :id", id=each.id)
            assert _found(books)[TOTALS] == {each.debit, each.credit}, each.reference


def test_a_transfer_added_or_turned_round_is_found(books: Connection) -> None:
    with _unguarded(books) as tamper:
        tamper("UPDATE ledger_transfer SET debit_id = credit_id, credit_id = debit_id WHERE reference = 'pay-1'")
        assert _found(books)[TOTALS] == {BANK, PREPAID}
    with _unguarded(books) as tamper:
        tamper(
            "INSERT INTO ledger_transfer (debit_id, credit_id, amount, phase, kind, reference, effective, recorded)"
            " SELECT debit_id, credit_id, 1, phase, kind, 'extra', effective, recorded FROM ledger_transfer"
            " WHERE reference = 'pay-2'"
        )
        assert _found(books)[TOTALS] == {BANK, OTHER}


def test_an_account_that_was_below_its_floor_only_for_a_while_is_found(books: Connection) -> None:
    back = replace(LESSON, debit=FEES, credit=OTHER, amount=20_001, reference="back")
    undo = books.begin_nested()
    _one_row(books, _WITHOUT_FLOOR)
    [without_record] = audit(books)
    assert (without_record.invariant, without_record.subject) == (LIMITS, OTHER)
    assert "stands {'floor': None" in without_record.detail
    assert "given {'floor': 0" in without_record.detail
    post_all(books, [replace(back, debit=OTHER, credit=FEES, reference="too-much")], now=NOW)
    post_all(books, [back], now=NOW + HOUR)
    _one_row(books, "UPDATE ledger_account SET overdraft = NULL, floor = 0 WHERE path = 'contract/2/prepaid'")
    [breach] = audit(books)
    undo.rollback()
    assert breach == Breach(invariant=FLOOR, subject=OTHER, detail="-1 available, of which 0 must stay, after too-much")


def test_a_transfer_between_two_currencies_is_found(books: Connection) -> None:
    with _unguarded(books) as tamper:
        tamper("UPDATE ledger_account SET currency = 'USD' WHERE path = 'contract/2/prepaid'")
        assert _found(books) == {CURRENCY: {"pay-2"}}


@pytest.mark.parametrize(
    ("sql", "where"),
    [
        ("UPDATE ledger_transfer SET amount = 3001 WHERE reference = 'paid-1'", "paid-1"),
        ("UPDATE ledger_transfer SET amount = 2999 WHERE reference = 'void-2'", "void-2"),
        (
            "UPDATE ledger_transfer SET debit_id = credit_id, credit_id = debit_id WHERE reference = 'paid-1'",
            "paid-1",
        ),
        (
            "UPDATE ledger_transfer SET resolves = (SELECT id FROM ledger_transfer WHERE reference = 'pay-2')"
            " WHERE reference = 'void-2'",
            "void-2",
        ),
    ],
)
def test_a_hold_that_ended_otherwise_than_it_could_is_found(books: Connection, sql: str, where: str) -> None:
    with _unguarded(books) as tamper:
        tamper(sql)
        assert _found(books)[WITHIN] == {where}


def test_a_hold_that_ended_twice_is_found(books: Connection) -> None:
    with _unguarded(books) as tamper:
        books.exec_driver_sql("DROP INDEX uq_ledger_transfer_resolves")
        tamper(
            "INSERT INTO ledger_transfer"
            " (debit_id, credit_id, amount, phase, kind, reference, effective, recorded, resolves)"
            " SELECT debit_id, credit_id, 3000, 'voided', kind, 'again', effective, recorded, resolves"
            " FROM ledger_transfer WHERE reference = 'paid-1'"
        )
        found = _found(books)
    assert found[ONCE] == {"release-1"}
    assert found[TOTALS] == {BANK, EARNED}, "it would give back twice what was reserved once"


def test_limits_given_by_hand_are_found_and_both_are_shown(books: Connection) -> None:
    limit(books, PREPAID, Limits(ceiling=400_000), why="a small contract", now=NOW)
    for column, value in (("ceiling", "500000"), ("ceiling", "NULL"), ("floor", "1")):
        with _unguarded(books) as tamper:
            tamper(f"UPDATE ledger_account SET {column} = {value} WHERE path = 'contract/1/prepaid'")  # noqa: S608  own words
            assert _found(books) == {LIMITS: {PREPAID}}, column
    with _unguarded(books) as tamper:
        tamper("DELETE FROM ledger_limit WHERE ceiling = 400000")
        assert _found(books) == {LIMITS: {PREPAID}}


def test_a_transfer_slipped_into_a_closed_period_is_found(books: Connection) -> None:
    close_until(books, NOW, why="a day is over", now=NOW)
    post_all(books, [replace(LESSON, reference="after", amount=1)], now=NOW)
    assert list(audit(books)) == []
    with _unguarded(books) as tamper:
        tamper("UPDATE ledger_transfer SET effective = '2026-08-03T03:59:59.999999Z' WHERE reference = 'after'")
        assert _found(books) == {CLOSED: {"after"}}


def test_what_a_foreign_program_left_hanging_is_found(own_sqlite: Engine) -> None:
    engine = own_sqlite
    with transaction(engine) as db:
        opened(db)
        post_all(db, [PAYMENT, LESSON, RELEASE], now=NOW)
        post_all(db, [SETTLED, replace(LESSON, amount=1, reference="fix", corrects="lesson-1")], now=NOW)
    raw = sqlite3.connect(Path(str(engine.url.database)))
    raw.executescript(
        "DROP TRIGGER ledger_transfer_no_delete;"
        "DROP TRIGGER ledger_account_no_delete;"
        "DELETE FROM ledger_transfer WHERE reference IN ('release-1', 'lesson-1');"
        "DELETE FROM ledger_account WHERE path = 'bank/6200'"
    )
    raw.close()
    with transaction(engine) as db:
        found = {each.subject: each.detail for each in audit(db) if each.invariant == LINKS}
    assert found == {
        "pay-1": "missing: debit account",
        "paid-1": "missing: credit account, hold that it resolves",
        "fix": "missing: transfer that it corrects",
    }
