"""Any number of values in one statement: a list as one parameter, whatever its length."""

import json
from collections.abc import Collection

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Connection, Text, any_, func, literal, select


def among(
    db: Connection, column: ColumnElement[str] | ColumnElement[int], values: Collection[str | int]
) -> ColumnElement[bool]:
    """`column` is one of `values`: an array on PostgreSQL, a JSON list on SQLite.

    One statement for all lengths, so that it is compiled, and on PostgreSQL prepared, once.
    """
    if db.dialect.name == "postgresql":
        kind = BigInteger() if isinstance(column.type, BigInteger) else Text()
        return column == any_(literal(list(values), ARRAY(kind)))
    listed = func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(select(listed.c.value))
