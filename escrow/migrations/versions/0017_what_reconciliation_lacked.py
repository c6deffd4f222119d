"""Later words on payments."""

import sqlalchemy as sa
from alembic import op

import ledger.columns
from escrow.migrations.births import guard, number_by_region


revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payment_later_word",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("payment_id", _WHOLE, nullable=False),
        sa.Column("told_at", ledger.columns.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_payment_later_word_payment_id_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_later_word")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_payment_later_word_payment_id")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    number_by_region(["payment_later_word"])
    guard(["payment_later_word"])


_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
