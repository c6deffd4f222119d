"""What Alembic runs: the schema of all wings, on whichever database the caller opened."""

from alembic import context

import escrow.access.tables
import escrow.enrolment.tables
import escrow.monitoring.tables
import escrow.payouts.tables
import escrow.registry.tables
import escrow.settlement.bill_tables
import escrow.settlement.tables
import escrow.teaching.tables  # noqa: F401  # each import adds the wing's tables to the metadata
import ledger.blocks
import ledger.movements  # noqa: F401  # likewise the ledger's own
from escrow.db import metadata

engine = context.config.attributes["engine"]
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
