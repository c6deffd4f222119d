"""What every new table gets at birth: ids that begin with its region, and guards where it is append-only."""

from collections.abc import Sequence
from typing import Final

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
