"""PostgreSQL in few round trips: where few transfers are posted, most of the time is the way there and back.

A pipeline sends statements together: the first of a transaction goes with its BEGIN, and one that may be refused with
its savepoint. SQLAlchemy fetches after each statement, so these go past it to the driver.
"""

from collections.abc import Mapping
from typing import Any, Final

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

_SAVEPOINT: Final = "posting"


def rows(db: Connection, query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """What a query finds. Raises SQLAlchemy's DBAPIError as any statement does."""
    raw = _driver(db)
    try:
        with raw.pipeline(), raw.cursor() as cursor:
            return cursor.execute(query.encode(), parameters).fetchall()
    except psycopg.Error as error:
        raise told(db, query, error) from error


def do_or_leave(db: Connection, statement: str, parameters: Mapping[str, Any]) -> None:
    """Do it; or leave the transaction as it was before, and raise SQLAlchemy's DBAPIError."""
    raw = _driver(db)
    try:
        with raw.pipeline(), raw.cursor() as cursor:
            cursor.execute(f"SAVEPOINT {_SAVEPOINT}".encode())
            cursor.execute(statement.encode(), parameters)
            cursor.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}".encode())
    except psycopg.Error as error:
        if not raw.closed:
            raw.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}; RELEASE SAVEPOINT {_SAVEPOINT}".encode())
        raise told(db, statement, error) from error


def told(db: Connection, statement: str, error: Exception) -> BaseException:
    """The driver's error as SQLAlchemy tells it."""
    return DBAPIError.instance(statement, None, error, db.dialect.loaded_dbapi.Error, dialect=db.dialect)


def _driver(db: Connection) -> psycopg.Connection[tuple[Any, ...]]:
    if not db.in_transaction():
        db.begin()  # as the first statement through SQLAlchemy would have; else its commit would find nothing to do
    raw = db.connection.driver_connection
    assert isinstance(raw, psycopg.Connection), f"the ledger posts through psycopg, not {raw!r}"  # noqa: S101
    return raw
