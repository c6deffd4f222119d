"""Movements: what moved on each account, by day and by month. The first `roll` after this fills them."""

import sqlalchemy as sa
from alembic import op

import ledger.columns


revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_movement",
        sa.Column("grain", sa.Text(), nullable=False),
        sa.Column("account_id", _WHOLE, nullable=False, autoincrement=False),
        sa.Column(
            "effective_from",
            ledger.columns.Day(),
            nullable=False,
            comment="first day, in Asia/Shanghai, of the effective ones",
        ),
        sa.Column(
            "recorded_from",
            ledger.columns.Day(),
            nullable=False,
            comment="first day, in Asia/Shanghai, of the recorded ones",
        ),
        sa.Column("debits", _WHOLE, nullable=False),
        sa.Column("credits", _WHOLE, nullable=False),
        sa.PrimaryKeyConstraint(
            "grain", "account_id", "effective_from", "recorded_from", name=op.f("pk_ledger_movement")
        ),
        sa.CheckConstraint("grain IN ('day', 'month')", name=op.f("ck_ledger_movement_grain")),
        sa.CheckConstraint(
            "effective_from < '9999-12-31' AND recorded_from < '9999-12-31'", name=op.f("ck_ledger_movement_days")
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_rolled",
        sa.Column("one", _WHOLE, nullable=False, autoincrement=False),
        sa.Column("xact", _WHOLE, nullable=False),
        sa.Column(
            "transfer_id", _WHOLE, nullable=False, comment="the last transfer, in commit order, that the cells have"
        ),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_ledger_rolled")),
        sa.CheckConstraint("one = 1", name=op.f("ck_ledger_rolled_one")),
        sqlite_strict=True,
    )


_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
