"""Books that are older than the guards: brought forward on both databases, they keep every row, number and promise."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, inspect, select, text
from sqlalchemy.exc import DBAPIError

import escrow.migrations
from escrow.db import open_engine, transaction, upgrade
from ledger import schema
from ledger.accounts import get, open_accounts
from ledger.audit import audit
from ledger.creating import create
from ledger.entries import USUAL, Limits, NewAccount, Resolution, Transfer
from ledger.posting import post, post_all
from ledger.reading import all_accounts, all_transfers, by_reference
from tests.ledger.books import NOW
from tests.postgres import Postgres

REGION: Final = 500101
FIRST: Final = REGION * 10**10 + 1
TABLES: Final = (schema.account, schema.transfer, schema.limit_change, schema.closing)

_ACCOUNTS: Final = (
    "INSERT INTO ledger_account"
    " (path, kind, currency, overdraft, state, debits_posted, credits_posted, debits_pending, credits_pending) VALUES"
    " ('bank', 'asset', 'CNY', NULL, 'open', 1000, 430, 0, 20),"
    " ('family', 'liability', 'CNY', NULL, 'open', 400, 1000, 20, 0),"
    " ('fees', 'expense', 'CNY', 'the bank may give back more', 'open', 0, 0, 0, 0),"
    " ('earned', 'liability', 'CNY', NULL, 'frozen', 30, 0, 0, 0),"
    " ('gone', 'income', 'CNY', NULL, 'closed', 0, 0, 0, 0)"
)
_TRANSFERS: Final = (
    ("bank", "family", 1000, "posted", "pay", None, None),
    ("family", "bank", 400, "pending", "hold-1", None, None),
    ("family", "bank", 300, "settled", "end-1", "hold-1", None),
    ("family", "bank", 50, "pending", "hold-2", None, None),
    ("family", "bank", 50, "voided", "end-2", "hold-2", None),
    ("family", "bank", 100, "posted", "paid", None, None),
    ("family", "bank", 20, "pending", "hold-3", None, None),
    ("earned", "bank", 30, "posted", "below", None, "paid"),
)


@pytest.fixture
def blank(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Engine]:
    """A database without a table; the test runs once for each kind."""
    if database_url.startswith("sqlite"):
        url = f"sqlite:///{tmp_path / 'blank.db'}"
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        next_database: Callable[[], str] = request.getfixturevalue("next_database")
        name = next_database()
        postgres.create(name)
        request.addfinalizer(lambda: postgres.drop(name))  # noqa: PT021  only where there is one to drop
        url = postgres.url(name)
    engine = open_engine(url)
    yield engine
    engine.dispose()


def _begun(engine: Engine) -> None:
    """Only the first revision, as books of that time were made."""
    config = Config()
    config.set_main_option("script_location", str(Path(escrow.migrations.__file__ or "").parent))
    config.attributes.update(engine=engine, region=REGION)
    command.upgrade(config, "0001")


def _filled(engine: Engine) -> None:
    with transaction(engine) as db:
        # `earned` was overdrawn for a reason that it still has.
        db.execute(text(_ACCOUNTS.replace("'earned', 'liability', 'CNY', NULL", "'earned', 'liability', 'CNY', 'so'")))
        for debit, credit, amount, phase, reference, resolves, corrects in _TRANSFERS:
            db.execute(
                text(
                    "INSERT INTO ledger_transfer (debit_id, credit_id, amount, phase, kind, reference, effective,"
                    " recorded, resolves, corrects, caller_key) VALUES ((SELECT id FROM ledger_account WHERE path ="
                    " :debit), (SELECT id FROM ledger_account WHERE path = :credit), :amount, :phase, 'old',"
                    " :reference, :at, :at, (SELECT id FROM ledger_transfer WHERE reference = :resolves),"
                    " (SELECT id FROM ledger_transfer WHERE reference = :corrects), 'key-1')"
                ),
                {
                    "debit": debit,
                    "credit": credit,
                    "amount": amount,
                    "phase": phase,
                    "reference": reference,
                    "resolves": resolves,
                    "corrects": corrects,
                    "at": "2026-08-03T04:00:00.000001Z",
                },
            )


_KEPT: Final = {
    "ledger_account": "id, path, kind, currency, overdraft, state, debits_posted, credits_posted, debits_pending,"
    " credits_pending",
    "ledger_transfer": "id, debit_id, credit_id, amount, phase, kind, reference, effective, recorded, resolves,"
    " corrects, caller_key, xact",
}


def _rows(engine: Engine) -> dict[str, list[Any]]:
    with transaction(engine) as db:
        queries = {table: f"SELECT {names} FROM {table} ORDER BY id" for table, names in _KEPT.items()}  # noqa: S608  own
        return {table: [tuple(row) for row in db.execute(text(query))] for table, query in queries.items()}


def test_old_books_keep_every_row_and_pass_the_audit(blank: Engine) -> None:
    _begun(blank)
    _filled(blank)
    before = _rows(blank)
    assert [len(rows) for rows in before.values()] == [5, len(_TRANSFERS)]
    upgrade(blank, region=REGION)
    assert _rows(blank) == before
    with transaction(blank) as db:
        assert list(audit(db)) == []
        limits = {each.path: each.limits for each in all_accounts(db)}
        owes = Limits(floor=None, overdraft="the bank may give back more")
        assert limits == {
            **dict.fromkeys(("bank", "family", "gone"), USUAL),
            "fees": owes,
            "earned": Limits(floor=None, overdraft="so"),
        }
        assert len(list(all_transfers(db))) == len(_TRANSFERS)


def test_the_numbers_go_on_where_they_stood(blank: Engine) -> None:
    _begun(blank)
    _filled(blank)
    upgrade(blank, region=REGION)
    with transaction(blank) as db:
        open_accounts(db, [NewAccount(path="new", kind="liability")])
        post_all(db, [_paid("new", 1)], now=NOW)
        new = get(db, "new")
        assert new is not None
        assert new.id == FIRST + 5
        assert by_reference(db, ["to new"])["to new"].id == FIRST + len(_TRANSFERS)


def test_books_without_a_row_begin_with_the_first_number_of_their_region(blank: Engine) -> None:
    _begun(blank)
    upgrade(blank, region=REGION)
    with transaction(blank) as db:
        accounts = [
            NewAccount(path="bank", kind="asset"),
            NewAccount(path="new", kind="liability", limits=Limits(floor=1)),
        ]
        with pytest.raises(DBAPIError, match="ck_ledger_account_floor"), db.begin_nested():
            open_accounts(db, accounts, now=NOW)
        open_accounts(db, [accounts[0], NewAccount(path="new", kind="liability", limits=Limits(ceiling=9))], now=NOW)
        post_all(db, [_paid("new", 1)], now=NOW)
        ids = [db.scalar(select(table.c.id).order_by(table.c.id)) for table in TABLES[:3]]
        assert [each // 10**10 for each in ids if each] == [REGION] * 3
        assert list(audit(db)) == []


def test_what_was_promised_before_is_kept_and_what_was_posted_existed(blank: Engine) -> None:
    _begun(blank)
    _filled(blank)
    upgrade(blank, region=REGION)
    old = NOW.replace(microsecond=1)
    pay = Transfer(debit="bank", credit="family", amount=1000, kind="old", reference="pay", effective=old)
    end = Resolution(hold="hold-3", phase="settled", reference="end-3", effective=NOW, kind="new")
    with transaction(blank) as db:
        assert [each.status for each in post(db, [pay, end], now=NOW)] == ["existed", "created"]
        again = Resolution(hold="hold-1", phase="voided", reference="again", effective=NOW, kind="new")
        assert post(db, [again], now=NOW)[0].why == "the hold hold-1 was resolved by end-1"
        assert list(audit(db)) == []


def test_old_rows_are_as_fast_bound_as_new_ones(blank: Engine) -> None:
    _begun(blank)
    _filled(blank)
    upgrade(blank, region=REGION)
    with transaction(blank) as db:
        for sql, why in (
            ("UPDATE ledger_transfer SET amount = 1 WHERE reference = 'pay'", "append-only"),
            ("DELETE FROM ledger_transfer WHERE reference = 'pay'", "append-only"),
            ("DELETE FROM ledger_limit", "append-only"),
            ("UPDATE ledger_account SET path = 'x' WHERE path = 'bank'", "keeps its path"),
            ("DELETE FROM ledger_account WHERE path = 'gone'", "never deleted"),
        ):
            with pytest.raises(DBAPIError, match=why), db.begin_nested():
                db.execute(text(sql))
        [refused] = post(db, [_paid("gone", 1)], now=NOW)
        assert refused.why == "the account gone is closed"


def _paid(path: str, amount: int) -> Transfer:
    return Transfer(debit="bank", credit=path, amount=amount, kind="new", reference=f"to {path}", effective=NOW)


_IN_POSTGRESQL: Final = {
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE conrelid = ANY (CAST(:tables AS regclass[])) AND contype <> 'n'",
    "triggers": "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), tgenabled FROM pg_trigger"
    " WHERE tgrelid = ANY (CAST(:tables AS regclass[])) AND NOT tgisinternal",
    "functions": "SELECT DISTINCT p.proname, pg_get_functiondef(p.oid) FROM pg_trigger t JOIN pg_proc p"
    " ON p.oid = t.tgfoid WHERE t.tgrelid = ANY (CAST(:tables AS regclass[])) AND NOT t.tgisinternal",
    "indexes": "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = ANY (CAST(:tables AS regclass[]))",
    "columns": "SELECT c.attrelid::regclass::text, c.attname, format_type(c.atttypid, c.atttypmod), c.attnotnull,"
    " c.attcollation, c.attidentity, replace(pg_get_expr(d.adbin, d.adrelid),"
    " '''0''::bigint', '0'), col_description(c.attrelid, c.attnum)"
    " FROM pg_attribute c LEFT JOIN pg_attrdef d ON d.adrelid = c.attrelid AND d.adnum = c.attnum"
    " WHERE c.attrelid = ANY (CAST(:tables AS regclass[])) AND c.attnum > 0 AND NOT c.attisdropped",
}


def _structure(db: Connection) -> dict[str, Any]:
    """Everything that the database keeps of the ledger's own tables, but for the order of the columns."""
    tables = [each.name for each in TABLES]
    if db.dialect.name == "postgresql":
        asked = {"tables": tables}
        return {name: sorted(map(str, db.execute(text(query), asked))) for name, query in _IN_POSTGRESQL.items()}
    inspector = inspect(db)
    found: dict[str, Any] = {
        "triggers": sorted(
            (row.name, row.sql)
            for row in db.execute(text("SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'trigger'"))
            if row.tbl_name in tables
        ),
        "indexes": sorted(
            (row.name, row.sql)
            for row in db.execute(text("SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'index'"))
            if row.tbl_name in tables and row.sql
        ),
        "strict": sorted(
            row.name for row in db.execute(text("PRAGMA table_list")) if row.strict and row.name in tables
        ),
    }
    for table in tables:
        found[f"checks of {table}"] = {each["name"]: each["sqltext"] for each in inspector.get_check_constraints(table)}
        found[f"columns of {table}"] = sorted(
            (each["name"], str(each["type"]), each["nullable"], str(each["default"]).strip("'"))
            for each in inspector.get_columns(table)
        )
        found[f"unique in {table}"] = sorted(map(str, inspector.get_unique_constraints(table)))
        found[f"foreign keys of {table}"] = inspector.get_foreign_keys(table)
    return found


def test_books_brought_forward_are_built_like_new_ones(blank: Engine, engine: Engine) -> None:
    with transaction(blank) as db:
        create(db)
    with blank.connect() as new, engine.connect() as migrated:
        expected, found = _structure(new), _structure(migrated)
    for part, wanted in expected.items():
        assert found[part] == wanted, part
    assert found["triggers"]
