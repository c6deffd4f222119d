"""Columns of integers come out of both databases as they stand in them, and nothing else passes for one."""

from typing import Any

import pytest
from sqlalchemy import ColumnElement, Connection, column, literal, literal_column, null, select, table, text, union_all
from sqlalchemy.exc import DBAPIError

from ledger.integers import NotAnInteger, integers

LARGEST = 2**53


def test_every_row_comes_with_its_sign(db: Connection) -> None:
    rows = [(number, -number * 10**12) for number in range(-5, 6)] + [(LARGEST, -LARGEST)]
    every = union_all(*(select(literal(a).label("a"), literal(b).label("b")) for a, b in rows))
    found = integers(db, select(every.subquery()))
    assert sorted(zip(found["a"].tolist(), found["b"].tolist(), strict=True)) == rows


def test_no_rows_are_empty_columns(db: Connection) -> None:
    found = integers(db, select(column("id")).select_from(table("ledger_account")).where(text("id < 0")))
    assert {name: cells.tolist() for name, cells in found.items()} == {"id": []}


@pytest.mark.parametrize("cell", [null(), literal_column("'x'")])
def test_null_and_text_are_refused(db: Connection, cell: ColumnElement[Any]) -> None:
    with pytest.raises((NotAnInteger, DBAPIError)):
        integers(db, select(literal(1).label("a"), cell.label("b")))
