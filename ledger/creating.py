"""The ledger's tables in a database that has none: for who uses the ledger alone, without migrations."""

from typing import Final

from sqlalchemy import Connection, text

from ledger.blocks import block
from ledger.guards import append_only, guards
from ledger.movements import movement, rolled
from ledger.schema import account, closing, limit_change, metadata, transfer

TABLES: Final = (account, transfer, limit_change, closing, block, movement, rolled)


def create(db: Connection) -> None:
    """Make the tables, guarded."""
    metadata.create_all(db, tables=TABLES)
    for statement in [*guards(db.dialect.name), *append_only(db.dialect.name, block.name)]:
        db.execute(text(statement))
