"""Rosters: who taught which classes in a month."""

import sqlalchemy as sa
from alembic import op

import ledger.columns
from escrow.migrations.births import guard, number_by_region


revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "roster",
        sa.Column("id", _WHOLE, sa.Identity(), nullable=False),
        sa.Column("institution_id", _WHOLE, nullable=False),
        sa.Column("month", _NAME, nullable=False, comment="the month of teaching, 2026-10"),
        sa.Column("teachers", ledger.columns.Json(), nullable=False),
        sa.Column("classes", ledger.columns.Json(), nullable=False),
        sa.Column("rule", sa.Text(), comment="the rule version that asked for it; NULL: none did"),
        sa.Column("due_on", ledger.columns.Day()),
        sa.Column("filed_by", sa.Text(), nullable=False),
        sa.Column("filed_at", ledger.columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster")),
        sa.ForeignKeyConstraint(["institution_id"], ["institution.id"], name=op.f("fk_roster_institution_id")),
        sa.CheckConstraint("(rule IS NULL) = (due_on IS NULL)", name=op.f("ck_roster_due_on")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_roster_institution_month", "roster", ["institution_id", "month", "id"])
    number_by_region(["roster"])
    guard(["roster"])


_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
