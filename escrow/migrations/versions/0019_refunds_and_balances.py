"""Refunds that a payment channel pays back, in no file for the bank."""

import sqlalchemy as sa
from alembic import op

from escrow.migrations.births import check


revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _refunds()


def _refunds() -> None:
    op.add_column(
        "merchant_bill_row",
        sa.Column(
            "refund_number",
            _NAME,
            nullable=False,
            server_default="",
            comment="under which we asked for the refund",
        ),
    )
    op.add_column(
        "payout_instruction",
        sa.Column("channel", sa.Text(), comment="the payment channel that pays it back, in no file for the bank"),
    )
    sent = "(state IN ('instructed', 'withdrawn')) = (batch_id IS NULL AND channel IS NULL)"
    check("payout_instruction", "sent", sent)
    check("payout_instruction", "channel", "channel IS NULL OR (kind = 'refund' AND batch_id IS NULL)")


_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
