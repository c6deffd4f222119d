"""Transfers into the table, each batch one statement: a JSON list; for many of them on PostgreSQL, binary COPY.

The guard of the table adds them to their accounts' totals (ledger.guards).
"""

import json
import struct
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain, repeat
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection
from sqlalchemy.dialects import sqlite

from ledger import round_trips
from ledger.columns import Instant
from ledger.rows import Rows

_FIELDS: Final = (
    *("debit_id", "credit_id", "amount", "phase", "kind", "reference", "effective", "occurred"),
    *("resolves", "corrects", "expires", "on_expiry", "recorded", "caller_key"),
)
_INSTANTS: Final = frozenset({"effective", "occurred", "expires", "recorded"})
_TEXTS: Final = frozenset({"phase", "kind", "reference", "on_expiry", "caller_key"})


def _kind(name: str) -> str:
    if name in _INSTANTS:
        return "timestamptz"
    return "text" if name in _TEXTS else "bigint"


_COPY: Final = f"COPY ledger_transfer ({', '.join(_FIELDS)}) FROM STDIN (FORMAT BINARY)"
_INSERT: Final = (
    f"INSERT INTO ledger_transfer ({', '.join(_FIELDS)})"  # noqa: S608  own names
    f" SELECT {', '.join(f'value ->> {number}' for number in range(len(_FIELDS)))} FROM json_each(?)"
)
_INSERT_FEW: Final = (
    f"INSERT INTO ledger_transfer ({', '.join(_FIELDS)}) SELECT "  # noqa: S608  likewise
    + ", ".join(f"(value ->> {number})::{_kind(name)}" for number, name in enumerate(_FIELDS))
    + " FROM json_array_elements(%(rows)s) WITH ORDINALITY AS asked (value, number) ORDER BY number"
)
FEW: Final = 30
"""So many are sooner sent as one statement's text than by COPY, which takes round trips of its own."""

# PostgreSQL manual, COPY, "Binary Format": a signature, then each field as its length in bytes and its value.
_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TAIL: Final = struct.pack(">h", -1)
_NULL: Final = struct.pack(">i", -1)
_ROW: Final = struct.pack(">h", len(_FIELDS))
_LENGTH: Final = struct.Struct(">i")
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def write(db: Connection, rows: Rows, *, recorded: datetime, caller_key: str | Sequence[str]) -> None:
    """Insert all of them; or leave the transaction as it was, and raise SQLAlchemy's DBAPIError: a reference was taken
    meanwhile, or the database refuses what our decision should have."""
    columns = {name: getattr(rows, name, None) for name in _FIELDS} | {"recorded": recorded, "caller_key": caller_key}
    if db.dialect.name == "sqlite":
        # One statement for all: for each of many, SQLite would keep a copy of every page that its triggers change.
        with db.begin_nested():
            db.exec_driver_sql(_INSERT, (_as_json(columns, len(rows)),))
    elif len(rows) <= FEW:
        round_trips.do_or_leave(db, _INSERT_FEW, {"rows": _as_json(columns, len(rows))})
    else:
        with db.begin_nested():
            _copy(db, b"".join([_HEAD, *_as_binary(columns, len(rows)), _TAIL]))


def _copy(db: Connection, content: bytes) -> None:
    try:
        with closing(db.connection.cursor()) as cursor, cursor.copy(_COPY) as copy:
            copy.write(content)
    except Exception as error:
        raise round_trips.told(db, _COPY, error) from error


def _as_json(columns: dict[str, Any], size: int) -> str:
    return json.dumps(list(zip(*_as_texts(columns, size), strict=True)))


def _as_texts(columns: dict[str, Any], size: int) -> Iterable[Sequence[Any]]:
    for name, values in columns.items():
        each_own = _each_own(values)
        if name in _INSTANTS:
            texts = {at: _instant_text(at) for at in (set(values) if each_own else {values})}
            yield [texts[at] for at in values] if each_own else [texts[values]] * size
        else:
            yield values if each_own else [values] * size


_instant_text: Final = partial(Instant().process_bind_param, dialect=sqlite.dialect())
"""An instant as SQLite keeps it, and PostgreSQL reads it."""


def _as_binary(columns: dict[str, Any], size: int) -> Iterable[bytes]:
    """The rows, each a run of bytes. What is the same in every row is made once, and neighbours of that sort joined."""
    parts: list[bytes | list[bytes]] = [_ROW]
    for name, values in columns.items():
        own = _each_own(values)
        made: bytes | list[bytes] = _column(name, values) if own else _field(name)(values)
        last = parts[-1]
        if isinstance(made, bytes) and isinstance(last, bytes):
            parts[-1] = last + made
        else:
            parts.append(made)
    return chain.from_iterable(zip(*(repeat(each, size) if isinstance(each, bytes) else each for each in parts)))  # noqa: B905  # repeat ends them all


def _each_own(values: Any) -> bool:
    return isinstance(values, Sequence) and not isinstance(values, str)


def _column(name: str, values: Sequence[Any]) -> list[bytes]:
    if name == "reference":
        return list(map(_text, values))
    if name in _TEXTS or name in _INSTANTS:
        field = _field(name)  # few of them, each many times
        made = {each: field(each) for each in set(values)}
        return [made[each] for each in values]
    if None in values:
        return [_field(name)(each) for each in values]
    packed = np.empty(len(values), dtype=[("length", ">i4"), ("value", ">i8")])
    packed["length"], packed["value"] = 8, values
    return packed.view("V12").ravel().tolist()


def _field(name: str) -> Callable[[Any], bytes]:
    if name in _TEXTS:
        return _text
    return _instant if name in _INSTANTS else _whole


def _text(value: str | None) -> bytes:
    if value is None:
        return _NULL
    raw = value.encode()
    return _LENGTH.pack(len(raw)) + raw


def _whole(value: int | None) -> bytes:
    return _NULL if value is None else struct.pack(">iq", 8, value)


def _instant(value: datetime | None) -> bytes:
    if value is None:
        return _NULL
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return _whole((value - _EPOCH) // _MICROSECOND)
