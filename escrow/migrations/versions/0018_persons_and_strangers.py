"""Who acts under several names, and what a bank says of payments that nobody asked it for."""

import sqlalchemy as sa
from alembic import op

from escrow.migrations.births import guard, number_by_region


revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    comment = "a keyed hash of the person's number; NULL: a system, or nobody has said"
    op.add_column("api_key", sa.Column("person", _NAME, nullable=True, comment=comment))
    op.create_index("ix_api_key_name", "api_key", ["name"])
    op.create_table(
        "payout_answer_stranger",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("answer_id", _WHOLE, nullable=False),
        sa.Column("payment_information", _NAME, nullable=False),
        sa.Column("end_to_end", _NAME, nullable=False, comment="empty: the bank spoke of the whole part"),
        sa.Column("amount", _WHOLE, nullable=True, comment="fen, where the report repeats it"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["payout_answer.id"], name=op.f("fk_payout_answer_stranger_answer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_answer_stranger")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_payout_answer_stranger_answer", "payout_answer_stranger", ["answer_id"])
    number_by_region(["payout_answer_stranger"])
    guard(["payout_answer_stranger"])


_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
