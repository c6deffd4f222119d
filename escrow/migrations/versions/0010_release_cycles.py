"""Release cycles: a request is for a month, a week or a day, and needs the approvals that its place names."""

import sqlalchemy as sa
from alembic import op

import ledger.columns
from escrow.migrations.births import check


revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table = "release_request"
    op.execute(f"ALTER TABLE {table} RENAME COLUMN month TO period")
    op.add_column(
        table,
        sa.Column("approval", sa.Text(), nullable=False, server_default="bureau", comment="whose approvals it needs"),
    )
    op.add_column(table, sa.Column("first_approved_by", sa.Text()))
    op.add_column(table, sa.Column("first_approved_role", sa.Text()))
    op.add_column(table, sa.Column("first_approved_at", ledger.columns.Instant()))
    check(table, "approval", "approval IN ('bureau', 'bank_after_guardian', 'tripartite')")
    check(
        table,
        "first_approval",
        "first_approved_by IS NULL OR (approval = 'tripartite' AND first_approved_by <> requested_by"
        " AND (decided_by IS NULL OR state = 'rejected' OR decided_by <> first_approved_by))",
    )
    check(
        table,
        "both_approved",
        "approval <> 'tripartite' OR state NOT IN ('approved', 'bounced') OR first_approved_by IS NOT NULL",
    )
    if op.get_bind().dialect.name == "postgresql":
        said = "up to where it was taught: 2026-10, 2026-W41 or 2026-10-14"
        op.execute(f"COMMENT ON COLUMN {table}.period IS '{said}'")
