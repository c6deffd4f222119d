"""Matches of one account and the breaks on a line are found without reading those of all others."""

from alembic import op


revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_statement_match_account", "statement_match", ["account", "undone_at"])
    op.create_index("ix_statement_break_line", "statement_break", ["line_id"])
