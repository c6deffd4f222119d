"""Channels: keys of wallets beside the bank's, merchants and their accounts, words refused and counted."""

import sqlalchemy as sa
from alembic import op

import ledger.columns
from escrow.migrations.births import number_by_region


revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # In place: the way round by a copy of the table would lose where its ids begin, and its strictness.
    op.execute(
        "ALTER TABLE bank_key ADD COLUMN channel TEXT DEFAULT 'bank' NOT NULL"
        " CONSTRAINT ck_bank_key_channel CHECK (channel IN ('bank', 'wechat', 'alipay'))"
        " CONSTRAINT ck_bank_key_algorithm"
        " CHECK (algorithm IN ('v1', 'v1a', 'rsa-sha256', 'sm2-sm3', 'aes-256-gcm'))"
        " CONSTRAINT ck_bank_key_span CHECK (not_after > not_before)"
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("COMMENT ON COLUMN bank_key.channel IS 'whose word it is believed for'")
        op.execute("COMMENT ON COLUMN bank_key.material IS 'base64 of the public key, or of the shared secret'")
    op.create_table(
        "refused_word",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("slot", ledger.columns.Instant(), nullable=False, comment="the hour in which they came"),
        sa.Column("source", _NAME, nullable=False),
        sa.Column("times", _WHOLE, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="why the last one was refused"),
        sa.Column("last_at", ledger.columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refused_word")),
        sa.UniqueConstraint("slot", "source", name=op.f("uq_refused_word_slot_source")),
        sa.CheckConstraint("times > 0", name=op.f("ck_refused_word_times")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "merchant",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("number", _NAME, nullable=False, comment="as the wallet numbers its merchants"),
        sa.Column("supervised_account", _NAME, nullable=False),
        sa.Column("bound_at", ledger.columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merchant")),
        sa.UniqueConstraint("channel", "number", name=op.f("uq_merchant_channel_number")),
        sa.ForeignKeyConstraint(
            ["supervised_account"],
            ["institution.supervised_account"],
            name=op.f("fk_merchant_supervised_account_institution"),
        ),
        sa.CheckConstraint("channel IN ('wechat', 'alipay')", name=op.f("ck_merchant_channel")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    number_by_region(["refused_word", "merchant"])


_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
