"""The bills of payment channels, row by row."""

import sqlalchemy as sa
from alembic import op

import ledger.columns
from escrow.migrations.births import guard, number_by_region


revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "merchant_bill",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("account", _NAME, nullable=False),
        sa.Column("channel", _NAME, nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("begins", ledger.columns.Day(), nullable=True, comment="NULL: nothing was traded"),
        sa.Column("ends", ledger.columns.Day(), nullable=True),
        sa.Column("trades", _WHOLE, nullable=False),
        sa.Column(
            "net", _WHOLE, nullable=False, comment="fen that should reach the bank: payments less refunds less fees"
        ),
        sa.Column("sha256", _NAME, nullable=False, comment="of the file"),
        sa.Column("imported_at", ledger.columns.Instant(), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(begins IS NULL) = (trades = 0) AND (ends IS NULL) = (trades = 0) AND trades >= 0",
            name=op.f("ck_merchant_bill_trades"),
        ),
        sa.CheckConstraint("ends >= begins", name=op.f("ck_merchant_bill_span")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merchant_bill")),
        sa.UniqueConstraint("account", "sha256", name=op.f("uq_merchant_bill_account_sha256")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "merchant_bill_row",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("bill_id", _WHOLE, nullable=False),
        sa.Column("account", _NAME, nullable=False),
        sa.Column("channel", _NAME, nullable=False),
        sa.Column("number", _WHOLE, nullable=False, comment="its line in the first file that brought it"),
        sa.Column("merchant", _NAME, nullable=False),
        sa.Column("traded_on", ledger.columns.Day(), nullable=False),
        sa.Column("traded_at", ledger.columns.Instant(), nullable=False),
        sa.Column("kind", _NAME, nullable=False),
        sa.Column("reference", _NAME, nullable=False, comment="the order's, as the channel was given it"),
        sa.Column("serial", _NAME, nullable=False, comment="the channel's id of the payment"),
        sa.Column("refund_serial", _NAME, nullable=False, comment="the channel's id of the refund"),
        sa.Column("amount", _WHOLE, nullable=False, comment="fen; negative: refunded"),
        sa.Column("fee", _WHOLE, nullable=False, comment="fen that the channel kept; negative: gave back"),
        sa.CheckConstraint(
            "kind = 'payment' AND amount >= 0 AND refund_serial = '' OR kind = 'refund' AND amount <= 0",
            name=op.f("ck_merchant_bill_row_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["bill_id"], ["merchant_bill.id"], name=op.f("fk_merchant_bill_row_bill_id_merchant_bill")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merchant_bill_row")),
        sa.UniqueConstraint(
            "channel",
            "kind",
            "serial",
            "refund_serial",
            name=op.f("uq_merchant_bill_row_channel_kind_serial_refund_serial"),
        ),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_merchant_bill_row_day", "merchant_bill_row", ["account", "traded_on"])
    op.create_index("ix_merchant_bill_row_bill", "merchant_bill_row", ["bill_id"])
    number_by_region(["merchant_bill", "merchant_bill_row"])
    guard(["merchant_bill", "merchant_bill_row"])


_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
