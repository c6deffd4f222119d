"""Payments that the bank told of when it was asked."""

from escrow.migrations.births import check


revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    check("payment", "source", "source IN ('notification', 'statement', 'query')")
