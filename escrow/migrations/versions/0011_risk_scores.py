"""Risk scores: how near an institution is to running away, by month."""

import sqlalchemy as sa
from alembic import op

import ledger.columns
from escrow.migrations.births import number_by_region


revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "risk_score",
        sa.Column("id", _WHOLE, sa.Identity(), nullable=False),
        sa.Column("institution_id", _WHOLE, nullable=False),
        sa.Column("month", _NAME, nullable=False, comment="2026-10"),
        sa.Column("score", _WHOLE, nullable=False, comment="the sum of the points of its parts"),
        sa.Column(
            "parts",
            ledger.columns.Json(),
            nullable=False,
            comment="each part's figure, thresholds, weight, points and version",
        ),
        sa.Column("scored_at", ledger.columns.Instant(), nullable=False),
        sa.CheckConstraint("score >= 0 AND score <= 100", name=op.f("ck_risk_score_score")),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institution.id"], name=op.f("fk_risk_score_institution_id_institution")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_score")),
        sa.UniqueConstraint("institution_id", "month", name=op.f("uq_risk_score_institution_id_month")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    number_by_region(["risk_score"])


_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
