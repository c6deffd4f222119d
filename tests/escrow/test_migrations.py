"""The schema: what the migrations build is what the tables say, ids carry their region, and what is written stays."""

from pathlib import Path
from typing import Final

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, inspect, select, text
from sqlalchemy.exc import DBAPIError

import escrow.migrations.versions
from escrow.db import metadata, open_engine, transaction, upgrade
from escrow.enrolment import notifications
from escrow.registry import institutions
from qrpay.webhooks import VerifiedEvent
from tests.escrow.county import BUREAU, at, confirmed, enrolled, registration, requested, school

APPEND_ONLY: Final = ("audit_entry", "bank_event", "ledger_transfer", "release_line")
"""Statements and their lines are too; their own tests show it."""


def test_the_migrations_build_exactly_the_tables_that_the_wings_describe(engine: Engine) -> None:
    with engine.connect() as db:
        context = MigrationContext.configure(db, opts={"compare_type": True, "compare_server_default": False})
        assert compare_metadata(context, metadata) == []
        assert set(inspect(db).get_table_names()) == set(metadata.tables) | {"alembic_version"}


def test_every_check_that_a_wing_describes_stands_in_the_database(engine: Engine) -> None:
    """Alembic compares no CHECK constraints, and they are what refuses a fen too much."""
    with engine.connect() as db:
        found = {
            (table, check["name"]) for table in metadata.tables for check in inspect(db).get_check_constraints(table)
        }
    wanted = {
        (table.name, constraint.name)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if type(constraint).__name__ == "CheckConstraint"
    }
    assert wanted - found == set()
    assert len(wanted) > 40


def test_upgrading_again_changes_nothing_and_keeps_what_is_there(engine: Engine) -> None:
    with transaction(engine) as db:
        of = school(db)
    upgrade(engine)
    with transaction(engine) as db:
        assert institutions.get(db, of.institution.id) == of.institution


@pytest.mark.parametrize("region", [500101, 900719])
def test_every_id_begins_with_the_region_that_it_was_born_in(tmp_path: Path, region: int) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'escrow.db'}")
    upgrade(engine, region=region)
    with transaction(engine) as db:
        _live(db)
        _all_begin_with(db, region)
    engine.dispose()


def test_ids_carry_the_region_on_both_databases_and_fit_into_a_browsers_numbers(db: Connection) -> None:
    _live(db)
    _all_begin_with(db, 900001)


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_the_database_refuses_to_change_or_delete_what_was_written(db: Connection, table: str) -> None:
    _live(db)
    column = metadata.tables[table].columns.keys()[1]
    attempts = [f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"]  # noqa: S608  our own table names
    if db.dialect.name == "postgresql":
        attempts.append(f"TRUNCATE {table} CASCADE")
    else:
        attempts.append(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")  # noqa: S608  our own table names
    assert db.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() > 0  # noqa: S608  our own table names
    for attempt in attempts:
        with pytest.raises(DBAPIError, match="append-only"), db.begin_nested():
            db.execute(text(attempt))


def test_an_account_keeps_its_name_and_is_never_deleted(db: Connection) -> None:
    school(db)
    for attempt in (
        "UPDATE ledger_account SET path = 'x'",
        "UPDATE ledger_account SET kind = 'income'",
        "DELETE FROM ledger_account",
    ):
        with pytest.raises(DBAPIError, match=r"keeps its path|never deleted"), db.begin_nested():
            db.execute(text(attempt))


def test_no_account_of_a_family_can_be_made_negative_by_anybody(db: Connection) -> None:
    of = school(db)
    enrolled(db, of)
    with pytest.raises(DBAPIError, match="ck_ledger_account_floor"), db.begin_nested():
        db.execute(text("UPDATE ledger_account SET debits_posted = 100001 WHERE path LIKE 'contract/%/prepaid'"))


def test_there_is_one_history_of_the_schema() -> None:
    folder = Path(next(iter(escrow.migrations.versions.__path__)))
    revisions = [each.read_text(encoding="utf-8") for each in sorted(folder.glob("*.py"))]
    assert [text.count("down_revision = None") for text in revisions].count(1) == 1


def _live(db: Connection) -> None:
    """Something in most tables."""
    of = school(db)
    institutions.register(db, registration(2), by=BUREAU, now=at(7, 1))
    confirmed(db, of, enrolled(db, of), on=(8, 3))
    requested(db, of)
    heard = VerifiedEvent(id="msg_1", timestamp=at(7, 21), key_id="bank-1", body=b'{"events": []}')
    notifications.hear(db, heard, now=at(7, 21))


def _all_begin_with(db: Connection, region: int) -> None:
    counted = 0
    for table in (each for each in metadata.tables.values() if "id" in each.columns):
        ids = db.execute(select(table.c.id)).scalars().all()
        assert all(each // 10**10 == region for each in ids), table.name
        assert all(each < 2**53 for each in ids)
        counted += bool(ids)
    assert counted > 12
