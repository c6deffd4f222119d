"""What is told of institutions: complaints, money taken elsewhere, heads counted, the kind of code that was scanned."""

import sqlalchemy as sa
from alembic import op

import ledger.columns
from escrow.migrations.births import guard, number_by_region


revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Written out, since SQLite adds a CHECK to a table only together with its column.
    op.execute(
        "ALTER TABLE payment ADD COLUMN code TEXT NOT NULL DEFAULT '' "
        "CONSTRAINT ck_payment_code CHECK (code IN ('', 'dynamic', 'static'))"
    )
    op.create_table(
        "taking",
        sa.Column("id", _WHOLE, sa.Identity(), nullable=False),
        sa.Column("institution_id", _WHOLE, nullable=False),
        sa.Column("contract_id", _WHOLE, nullable=True, comment="NULL: of several families, or of none yet"),
        sa.Column("amount", _WHOLE, nullable=False),
        sa.Column("means", sa.Text(), nullable=False),
        sa.Column("taken_on", ledger.columns.Day(), nullable=False),
        sa.Column("reported_at", ledger.columns.Instant(), nullable=False),
        sa.Column("reported_by", sa.Text(), nullable=False),
        sa.Column("payment_id", _WHOLE, nullable=True, comment="the credit that brought it into the account"),
        sa.Column(
            "swept_on", ledger.columns.Day(), nullable=True, comment="the local day of that credit, by the bank's word"
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_taking_amount")),
        sa.CheckConstraint("means IN ('cash', 'wallet', 'card')", name=op.f("ck_taking_means")),
        sa.CheckConstraint("(payment_id IS NULL) = (swept_on IS NULL)", name=op.f("ck_taking_swept")),
        sa.CheckConstraint("swept_on >= taken_on", name=op.f("ck_taking_order")),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institution.id"], name=op.f("fk_taking_institution_id_institution")
        ),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_taking_contract_id_contract")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_taking_payment_id_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taking")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_taking_institution", "taking", ["institution_id", "id"])
    op.create_index("ix_taking_payment", "taking", ["payment_id"])
    op.create_table(
        "head_count",
        sa.Column("id", _WHOLE, sa.Identity(), nullable=False),
        sa.Column("lesson_id", _WHOLE, nullable=False),
        sa.Column("heads", _WHOLE, nullable=False),
        sa.Column("counted_by", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("counted_at", ledger.columns.Instant(), nullable=False),
        sa.CheckConstraint("heads >= 0 AND heads <= 1000", name=op.f("ck_head_count_heads")),
        sa.CheckConstraint("role IN ('institution', 'bureau')", name=op.f("ck_head_count_role")),
        sa.ForeignKeyConstraint(["lesson_id"], ["lesson.id"], name=op.f("fk_head_count_lesson_id_lesson")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_head_count")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_head_count_lesson", "head_count", ["lesson_id"])
    op.create_table(
        "complaint",
        sa.Column("id", _WHOLE, sa.Identity(), nullable=False),
        sa.Column("institution_id", _WHOLE, nullable=False),
        sa.Column("guardian_id", _WHOLE, nullable=True, comment="NULL: the bureau wrote down who is not named"),
        sa.Column("contract_id", _WHOLE, nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("happened_on", ledger.columns.Day(), nullable=False),
        sa.Column("filed_at", ledger.columns.Instant(), nullable=False),
        sa.Column("filed_by", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", ledger.columns.Instant(), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "category IN ('personal_code', 'cash', 'cheaper_outside', 'late_lesson', 'refused_refund', 'service_fee', 'not_taught', 'other')",
            name=op.f("ck_complaint_category"),
        ),
        sa.CheckConstraint("state IN ('open', 'upheld', 'unfounded')", name=op.f("ck_complaint_state")),
        sa.CheckConstraint(
            "(state = 'open') = (answered_at IS NULL) AND (state = 'open') = (answer IS NULL)"
            " AND (state = 'open') = (answered_by IS NULL)",
            name=op.f("ck_complaint_answered"),
        ),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institution.id"], name=op.f("fk_complaint_institution_id_institution")
        ),
        sa.ForeignKeyConstraint(["guardian_id"], ["guardian.id"], name=op.f("fk_complaint_guardian_id_guardian")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_complaint_contract_id_contract")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_complaint_institution", "complaint", ["institution_id", "category"])
    op.create_index("ix_complaint_guardian", "complaint", ["guardian_id"])
    number_by_region(["taking", "head_count", "complaint"])
    guard(["head_count"])


_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
