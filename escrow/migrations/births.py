"""What tables get from a migration: ids that begin with the region, guards where it is append-only, checks."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from alembic import context, op

from ledger.guards import append_only

IDS_PER_REGION: Final = 10**10
"""Region 500101 numbers its rows from 5001010000000001 on: below 2^53, so that even a browser keeps every digit."""


def number_by_region(tables: Sequence[str]) -> None:
    """Let the ids of these new tables begin with the region's six digits; no sequence is shared between regions."""
    first = int(context.config.attributes["region"]) * IDS_PER_REGION + 1
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in tables:
        if sqlite:
            op.execute(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {first - 1})")  # noqa: S608  # own names
        else:
            op.execute(f"ALTER TABLE {table} ALTER COLUMN id RESTART WITH {first}")


def guard(tables: Sequence[str]) -> None:
    """Let the database refuse every change to rows of these tables."""
    for table in tables:
        for statement in append_only(op.get_bind().dialect.name, table):
            op.execute(statement)


def check(table: str, name: str, condition: str) -> None:
    """Give a table the check `ck_<table>_<name>`, or another condition where it has one of that name.

    SQLite has no statement for it. Making the table anew would take the rows from under those that point at them, so
    its definition is rewritten in place, as https://sqlite.org/lang_altertable.html section 7 allows for checks.
    """
    named, bind = f"ck_{table}_{name}", op.get_bind()
    if bind.dialect.name != "sqlite":
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {named}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {named} CHECK ({condition})")
        return
    of_table = {"table": table}
    stands = bind.execute(sa.text("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = :table"), of_table)
    defined = _with_check(str(stands.scalar_one()), named, condition)
    version = int(bind.exec_driver_sql("PRAGMA schema_version").scalar_one())
    bind.exec_driver_sql("PRAGMA writable_schema = ON")
    rewrite = sa.text("UPDATE sqlite_schema SET sql = :defined WHERE type = 'table' AND name = :table")
    bind.execute(rewrite, of_table | {"defined": defined})
    bind.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")  # every connection reads it anew
    bind.exec_driver_sql("PRAGMA writable_schema = OFF")


def _with_check(defined: str, named: str, condition: str) -> str:
    """A table's definition with the check in it: in the place of the one of that name, or at its end."""
    wanted = f"CONSTRAINT {named} CHECK ({condition})"
    begins = defined.find(f"CONSTRAINT {named} CHECK (")
    if begins < 0:
        end = defined.rindex(")")
        return f"{defined[:end]}, {wanted}{defined[end:]}"
    end, depth = defined.index("(", begins), 0
    while True:
        depth += {"(": 1, ")": -1}.get(defined[end], 0)
        end += 1
        if depth == 0:
            return defined[:begins] + wanted + defined[end:]
