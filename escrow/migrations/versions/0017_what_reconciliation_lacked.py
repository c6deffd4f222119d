"""Later words on payments; credits in parts, and the rows of a channel's bill that each lump brought."""

import sqlalchemy as sa
from alembic import op

import ledger.columns
from escrow.migrations.births import check, guard, number_by_region


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
    _lumps()
    number_by_region(["payment_later_word", "credit_in_parts", "statement_match_bill_row"])
    op.execute(_BROUGHT)
    guard(["payment_later_word", "statement_match_bill_row"])


def _lumps() -> None:
    check("merchant", "channel", "channel IN ('wechat', 'alipay', 'unionpay')")
    op.add_column(
        "statement_break",
        sa.Column("channel_day", _NAME, comment="channel/merchant/day of a bill whose net has not come"),
    )
    op.create_table(
        "credit_in_parts",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("supervised_account", _NAME, nullable=False),
        sa.Column("serial", _NAME, nullable=False, comment="the bank's own id of the whole credit"),
        sa.Column("amount", _WHOLE, nullable=False, comment="fen of the whole credit"),
        sa.Column("payment_id", _WHOLE, nullable=False, comment="the first of its payments"),
        sa.Column("ended_at", ledger.columns.Instant(), nullable=True, comment="since when it is not so any more"),
        sa.CheckConstraint("amount > 0", name=op.f("ck_credit_in_parts_amount")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_credit_in_parts_payment_id_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_in_parts")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index(
        "uq_credit_in_parts_standing",
        "credit_in_parts",
        ["supervised_account", "serial"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "statement_match_bill_row",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("match_id", _WHOLE, nullable=False, comment="its first row"),
        sa.Column("row_id", _WHOLE, nullable=False),
        sa.ForeignKeyConstraint(
            ["match_id"], ["statement_match.id"], name=op.f("fk_statement_match_bill_row_match_id_statement_match")
        ),
        sa.ForeignKeyConstraint(
            ["row_id"], ["merchant_bill_row.id"], name=op.f("fk_statement_match_bill_row_row_id_merchant_bill_row")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_match_bill_row")),
        sa.UniqueConstraint("match_id", "row_id", name=op.f("uq_statement_match_bill_row_match_id_row_id")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_statement_match_bill_row_row", "statement_match_bill_row", ["row_id"])


_BROUGHT = """
    INSERT INTO statement_match_bill_row (match_id, row_id)
    SELECT DISTINCT coalesce(m.first_id, m.id), r.id
    FROM statement_match m
    JOIN payment p ON p.id = m.payment_id
    JOIN merchant_bill_row r ON r.account = p.supervised_account AND r.kind = 'payment' AND (
        p.serial = r.channel || '-' || r.serial
        OR (p.reference = r.reference AND p.serial NOT LIKE r.channel || '-%')
    )
    WHERE m.rule = 'channel_lump' AND m.undone_at IS NULL
"""
"""What stood in lumps before was known by the payments' serials and orders."""

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
