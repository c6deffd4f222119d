"""The database: one schema, on SQLite (embedded) and on PostgreSQL (production)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, Engine, Identity, MetaData, Table, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.schema import SchemaItem

import ledger.schema
from ledger.columns import Whole

metadata: Final[MetaData] = ledger.schema.metadata
"""Every table of the service, the ledger's among them: transfers and contracts share one transaction."""


def noun(name: str, *parts: SchemaItem) -> Table:
    """A table of the service: `id`, whose first six digits are the region it was born in, and `parts`."""
    key = Column("id", Whole, Identity(), primary_key=True)
    return Table(name, metadata, key, *parts, sqlite_autoincrement=True, sqlite_strict=True)


BUSY_SECONDS: Final = 30
_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # NORMAL loses acknowledged payments at a power cut
    "PRAGMA foreign_keys = ON",
    "PRAGMA recursive_triggers = ON",  # else INSERT OR REPLACE would delete a posted row past its guard
    f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}",
)

# SQLite has one writer. Threads of this process queue on a lock instead of polling the file's, which under load
# costs half a second at the 99th percentile; other processes still wait on the file itself.
_sqlite_writers: dict[str, threading.Lock] = {}


def open_engine(url: str) -> Engine:
    """Connect to `sqlite:///file.db` or `postgresql+psycopg://…`. Opens nothing before the first use."""
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_engine(url, pool_size=48, max_overflow=0, connect_args={"check_same_thread": False})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        _sqlite_writers.setdefault(str(engine.url), threading.Lock())
        return engine
    return create_engine(url, pool_size=16, max_overflow=32, pool_pre_ping=True)


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One unit of work: committed when the block ends, rolled back when it raises."""
    if engine.dialect.name == "sqlite":
        with _sqlite_writers[str(engine.url)], engine.begin() as db:
            yield db
    else:
        with engine.begin() as db:
            yield db


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A consistent view for reading: every query in the block sees the same instant; nothing can be written."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as db, db.execution_options(reads_only=True).begin():
            db.exec_driver_sql("PRAGMA query_only = ON")
            try:
                yield db
            finally:
                db.exec_driver_sql("PRAGMA query_only = OFF")
    else:
        with engine.connect() as db:
            db.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with db.begin():
                yield db


def upgrade(engine: Engine, *, region: int = 900001) -> None:
    """Bring the schema to the newest version (Alembic). `region`: six digits that every new id will begin with."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["engine"] = engine
    config.attributes["region"] = region
    command.upgrade(config, "head")


def missing_version(engine: Engine) -> str | None:
    """The newest version of the schema when the database has not got it, else None."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    newest = ScriptDirectory.from_config(config).get_current_head()
    with engine.connect() as db:
        current = MigrationContext.configure(db).get_current_revision()
    return None if current == newest else newest


def _prepare_sqlite(connection: DBAPIConnection, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say so
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(db: Connection) -> None:
    # IMMEDIATE: a transaction that reads and then writes must not find that another has written in between.
    db.exec_driver_sql("BEGIN" if db.get_execution_options().get("reads_only") else "BEGIN IMMEDIATE")
