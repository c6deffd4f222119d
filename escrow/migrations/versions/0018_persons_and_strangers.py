"""Persons with several names, children with several guardians, and payments that nobody asked a bank for."""

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
    _children()
    number_by_region(["payout_answer_stranger", "child_mark"])
    guard(["payout_answer_stranger"])


def _children() -> None:
    whole = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    points = "CONSTRAINT fk_student_same_as REFERENCES student (id) CONSTRAINT ck_student_same_as CHECK (same_as <> id)"
    op.execute(f"ALTER TABLE student ADD COLUMN same_as {whole} {points}")
    op.execute("CREATE INDEX ix_student_same_as ON student (same_as) WHERE same_as IS NOT NULL")
    if op.get_bind().dialect.name == "postgresql":
        said = "the first record of the same child; NULL: this one is"
        op.execute(f"COMMENT ON COLUMN student.same_as IS '{said}'")
    op.create_table(
        "child_mark",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("mark", _NAME, nullable=False, comment="a keyed hash of an identity document's number"),
        sa.Column("student_id", _WHOLE, nullable=False),
        sa.ForeignKeyConstraint(["student_id"], ["student.id"], name=op.f("fk_child_mark_student_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_child_mark")),
        sa.UniqueConstraint("mark", name=op.f("uq_child_mark_mark")),
        sa.UniqueConstraint("student_id", name=op.f("uq_child_mark_student_id")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
