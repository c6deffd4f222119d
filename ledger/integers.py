"""Whole columns of integers out of the database, as numpy arrays, without a Python object for each cell."""

import struct
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, Connection, Select, cast, select
from sqlalchemy.exc import DBAPIError

Integers: TypeAlias = NDArray[np.int64]

_AT_ONCE: Final = 20_000
"""Rows that SQLite hands over together."""

# PostgreSQL manual, COPY, "Binary Format": a head of 19 bytes with its two flags empty, each row as its number of
# fields and each field as its length and value, and a last row of −1 fields.
_HEAD: Final = 19
_TAIL: Final = struct.pack(">h", -1)
_WIDTH: Final = 8
_FIELD: Final = (("length", 4), ("value", _WIDTH))


class NotAnInteger(ValueError):
    """A cell holds no integer, so its column cannot be read as one."""


def integers(db: Connection, query: Select[*tuple[Any, ...]]) -> dict[str, Integers]:
    """Every column of the query by its name, in the order of its rows; each must be an integer that is never NULL.

    A million rows of ten columns take one or two seconds and 80 MB. Raises NotAnInteger.
    """
    names = list(query.selected_columns.keys())
    if db.dialect.name == "sqlite":
        parts = list(_from_sqlite(db, query))
        table = np.concatenate(parts) if parts else np.empty((0, len(names)), dtype=np.int64)
        return {name: np.ascontiguousarray(table[:, place]) for place, name in enumerate(names)}
    fields = _from_postgresql(db, query, len(names))
    return {name: fields[f"value{place}"].astype(np.int64) for place, name in enumerate(names)}


def _from_sqlite(db: Connection, query: Select[*tuple[Any, ...]]) -> Iterator[Integers]:
    cursor = db.execute(query).cursor
    assert cursor is not None  # noqa: S101  a SELECT has one
    while rows := cursor.fetchmany(_AT_ONCE):
        if not all(type(cell) is int for row in (rows[0], rows[-1]) for cell in row):
            raise NotAnInteger(f"a row is {rows[0]!r}, where only integers are read")
        try:
            yield np.array(rows, dtype=np.int64)
        except TypeError as error:
            raise NotAnInteger("a column holds NULL, where only integers are read") from error


def _from_postgresql(db: Connection, query: Select[*tuple[Any, ...]], width: int) -> NDArray[Any]:
    inner = query.subquery()
    whole = select(*(cast(column, BigInteger) for column in inner.c))
    sql = str(whole.compile(dialect=db.dialect, compile_kwargs={"literal_binds": True})).replace("%%", "%")
    content = _copied(db, f"COPY ({sql}) TO STDOUT (FORMAT BINARY)")
    row = np.dtype([("fields", ">i2")] + [(f"{part}{n}", f">i{size}") for n in range(width) for part, size in _FIELD])
    count, left = divmod(len(content) - _HEAD - len(_TAIL), row.itemsize)
    table = np.frombuffer(content, dtype=row, count=count, offset=_HEAD)
    if left or any((table[f"length{n}"] != _WIDTH).any() for n in range(width)):
        raise NotAnInteger("a column holds NULL, where only integers are read")
    return table


def _copied(db: Connection, sql: str) -> bytearray:
    content = bytearray()
    try:
        with closing(db.connection.cursor()) as cursor, cursor.copy(sql) as copy:
            for part in copy:
                content += part
    except Exception as error:
        # As SQLAlchemy tells it of its own statements: whoever handles failures of the database knows them by that.
        base = db.dialect.loaded_dbapi.Error
        raise DBAPIError.instance(sql, None, error, base, dialect=db.dialect) from error
    return content
