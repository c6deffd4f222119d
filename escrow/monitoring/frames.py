"""Whole tables as columns of integers: instants in seconds, days counted from 1970, alike on both databases."""

from datetime import UTC, date, datetime
from typing import Any, Final

import pandas as pd
from sqlalchemy import ColumnElement, Connection, Select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from escrow.rules.months import SHANGHAI, Month
from ledger.columns import Whole

DAY: Final = 86_400
AHEAD: Final = 8 * 3_600
"""Seconds that Shanghai's clock is ahead of UTC: so since September 1991, without summer time."""

_FIRST: Final = date(1970, 1, 1)


class seconds(FunctionElement[int]):  # noqa: N801  a function of SQL
    """An instant as whole seconds since 1970, UTC."""

    type = Whole
    inherit_cache = True


class days(FunctionElement[int]):  # noqa: N801  a function of SQL
    """A calendar day as a count of days since 1970."""

    type = Whole
    inherit_cache = True


@compiles(seconds, "postgresql")
def _seconds_postgresql(element: seconds, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(floor(EXTRACT(EPOCH FROM {compiler.process(element.clauses, **options)})) AS BIGINT)"


@compiles(seconds, "sqlite")
def _seconds_sqlite(element: seconds, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(strftime('%s', {compiler.process(element.clauses, **options)}) AS INTEGER)"


@compiles(days, "postgresql")
def _days_postgresql(element: days, compiler: SQLCompiler, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)} - DATE '1970-01-01')"


@compiles(days, "sqlite")
def _days_sqlite(element: days, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(strftime('%s', {compiler.process(element.clauses, **options)}) AS INTEGER) / {DAY}"


def local_day(instant: ColumnElement[Any]) -> ColumnElement[int]:
    """The local day of an instant, counted from 1970, as SQL."""
    return (seconds(instant) + AHEAD) // DAY


def frame(db: Connection, query: Select[Any], *, texts: tuple[str, ...] = ()) -> pd.DataFrame:
    """The rows as columns: `texts` are strings, everything else int64, so no NULL may be among them."""
    rows = db.execute(query)
    names = list(rows.keys())
    columns = pd.DataFrame(list(map(tuple, rows)), columns=names)
    return columns.astype({name: "str" if name in texts else "int64" for name in names})


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Each row by its columns' names, with Python's own integers."""
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def integers(column: "pd.Series[Any]") -> list[int]:
    """A column as Python's own integers, which evidence can be written with."""
    return [int(each) for each in column]


def months(instants: "pd.Series[Any]") -> "pd.Series[str]":
    """The local month of each instant, "2026-10"."""
    return instants.map(lambda at: str(Month.containing(instant_of(at)))).astype("str").rename("month")


def day_of(number: int) -> date:
    """The calendar day behind a count of days since 1970."""
    return date.fromordinal(_FIRST.toordinal() + int(number))


def number_of(day: date) -> int:
    """The count of days since 1970 behind a calendar day."""
    return day.toordinal() - _FIRST.toordinal()


def instant_of(number: int) -> datetime:
    """The instant behind whole seconds since 1970, on Shanghai's clock."""
    return datetime.fromtimestamp(int(number), UTC).astimezone(SHANGHAI)
