"""What became of payouts: the bank's answers, rejected and returned ones, new attempts, sequence numbers."""

import sqlalchemy as sa
from alembic import op

import ledger.columns
from escrow.migrations.births import check, guard, number_by_region


revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _tables()
    number_by_region(["payout_batch_part", "payee_correction", "payout_answer", "payout_answer_line"])
    guard(["payout_batch_part", "payout_answer", "payout_answer_line"])
    _instructions()
    _release_requests()
    _closures()
    op.add_column(
        "payout_batch", sa.Column("csv", sa.LargeBinary(), comment="the same instructions as a table, in UTF-8")
    )
    op.add_column("payout_batch", sa.Column("csv_sha256", sa.Text()))
    op.add_column(
        "payment_order",
        sa.Column("asked_at", ledger.columns.Instant(), comment="when the bank was last asked about it"),
    )


def _instructions() -> None:
    table = "payout_instruction"
    op.add_column(
        table, sa.Column("claim", _WHOLE, comment="the first attempt's id; all attempts to pay one claim share it")
    )
    op.add_column(
        table,
        sa.Column(
            "ended_at", ledger.columns.Instant(), comment="when the bank rejected or returned it, or we withdrew it"
        ),
    )
    op.add_column(table, sa.Column("code", sa.Text(), comment="ISO 20022 reason, as the bank gave it"))
    op.add_column(table, sa.Column("why", sa.Text()))
    op.add_column(
        table,
        sa.Column(
            "contested_at",
            ledger.columns.Instant(),
            comment="since when the bank shows it paid though what it was for is decided anew",
        ),
    )
    op.execute("UPDATE payout_instruction SET claim = id")
    check(table, "state", "state IN ('instructed', 'sent', 'settled', 'rejected', 'returned', 'withdrawn')")
    check(table, "sent", "(state IN ('instructed', 'withdrawn')) = (batch_id IS NULL)")
    check(table, "settled", "(state IN ('settled', 'returned')) = (settled_at IS NOT NULL)")
    check(table, "ended", "(state IN ('rejected', 'returned', 'withdrawn')) = (ended_at IS NOT NULL)")
    check(table, "contested", "contested_at IS NULL OR state = 'rejected'")
    op.create_index("ix_payout_instruction_source", table, ["kind", "source_id"])
    in_force = sa.text("state IN ('instructed', 'sent', 'settled')")
    op.create_index(
        "uq_payout_instruction_in_force",
        table,
        ["claim"],
        unique=True,
        sqlite_where=in_force,
        postgresql_where=in_force,
    )


def _release_requests() -> None:
    table = "release_request"
    check(table, "state", "state IN ('requested', 'approved', 'rejected', 'bounced')")
    check(table, "reason", "state NOT IN ('rejected', 'bounced') OR reason IS NOT NULL")
    live = sa.text("state NOT IN ('rejected', 'bounced')")
    op.drop_index("uq_release_request_live", table)
    op.create_index(
        "uq_release_request_live",
        table,
        ["institution_id", "month"],
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )


def _closures() -> None:
    # SQLite drops no constraint of a table: both are made anew, since refunds point at closures.
    for statement in _CLOSURES_ON_SQLITE if op.get_bind().dialect.name == "sqlite" else _CLOSURES_ON_POSTGRESQL:
        op.execute(statement)
    live = sa.text("state IN ('requested', 'approved')")
    op.create_index(
        "uq_closure_live", "closure", ["institution_id"], unique=True, sqlite_where=live, postgresql_where=live
    )


def _tables() -> None:
    op.create_table(
        "payout_batch_part",
        _id(),
        sa.Column("batch_id", _WHOLE, nullable=False),
        sa.Column("supervised_account", _NAME, nullable=False),
        sa.Column("number", _WHOLE, nullable=False, comment="1, 2, 3 … of the account, without a gap"),
        sa.Column("lines", _WHOLE, nullable=False),
        sa.Column("total", _WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_batch_part")),
        sa.ForeignKeyConstraint(["batch_id"], ["payout_batch.id"], name=op.f("fk_payout_batch_part_batch_id")),
        sa.UniqueConstraint(
            "supervised_account", "number", name=op.f("uq_payout_batch_part_supervised_account_number")
        ),
        sa.UniqueConstraint(
            "batch_id", "supervised_account", name=op.f("uq_payout_batch_part_batch_id_supervised_account")
        ),
        sa.CheckConstraint("number > 0 AND lines > 0 AND total > 0", name=op.f("ck_payout_batch_part_counts")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "payee_correction",
        _id(),
        sa.Column("instruction_id", _WHOLE, nullable=False),
        sa.Column("creditor", sa.Text(), nullable=False),
        sa.Column("creditor_account", _NAME, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", ledger.columns.Instant(), nullable=False),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_at", ledger.columns.Instant()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payee_correction")),
        sa.ForeignKeyConstraint(
            ["instruction_id"], ["payout_instruction.id"], name=op.f("fk_payee_correction_instruction_id")
        ),
        sa.CheckConstraint("state IN ('proposed', 'approved', 'rejected')", name=op.f("ck_payee_correction_state")),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> proposed_by", name=op.f("ck_payee_correction_four_eyes")
        ),
        sa.CheckConstraint("(state = 'proposed') = (decided_by IS NULL)", name=op.f("ck_payee_correction_decided")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    live = sa.text("state <> 'rejected'")
    op.create_index(
        "uq_payee_correction_live",
        "payee_correction",
        ["instruction_id"],
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )
    op.create_table(
        "payout_answer",
        _id(),
        sa.Column("batch_id", _WHOLE, nullable=False),
        sa.Column("message_id", _NAME, nullable=False, comment="the bank's own id of its report"),
        sa.Column("created_at", ledger.columns.Instant(), nullable=False, comment="when the bank wrote it"),
        sa.Column("sha256", _NAME, nullable=False, comment="of the file"),
        sa.Column("file", sa.LargeBinary(), nullable=False),
        sa.Column("received_by", sa.Text(), nullable=False),
        sa.Column("received_at", ledger.columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_answer")),
        sa.UniqueConstraint("sha256", name=op.f("uq_payout_answer_sha256")),
        sa.ForeignKeyConstraint(["batch_id"], ["payout_batch.id"], name=op.f("fk_payout_answer_batch_id")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_payout_answer_batch", "payout_answer", ["batch_id"])
    op.create_table(
        "payout_answer_line",
        _id(),
        sa.Column("answer_id", _WHOLE, nullable=False),
        sa.Column("instruction_id", _WHOLE, nullable=False),
        sa.Column("status", sa.Text(), nullable=False, comment="ISO 20022: ACSC, RJCT, PDNG …"),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_answer_line")),
        sa.ForeignKeyConstraint(["answer_id"], ["payout_answer.id"], name=op.f("fk_payout_answer_line_answer_id")),
        sa.ForeignKeyConstraint(
            ["instruction_id"], ["payout_instruction.id"], name=op.f("fk_payout_answer_line_instruction_id")
        ),
        sa.UniqueConstraint("answer_id", "instruction_id", name=op.f("uq_payout_answer_line_answer_id_instruction_id")),
        sa.CheckConstraint(
            "effect IN ('pending', 'confirmed', 'rejected', 'known', 'contradiction')",
            name=op.f("ck_payout_answer_line_effect"),
        ),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _id() -> sa.Column[int]:
    return sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False)


_CLOSURES_ON_POSTGRESQL = (
    "ALTER TABLE closure DROP CONSTRAINT uq_closure_institution_id, DROP CONSTRAINT ck_closure_state,"
    " ADD COLUMN ended_by TEXT, ADD COLUMN ended_at TIMESTAMPTZ, ADD COLUMN ended_why TEXT",
    "COMMENT ON COLUMN closure.ended_by IS 'who withdrew or rejected it'",
    "ALTER TABLE closure ADD CONSTRAINT ck_closure_state CHECK (state IN ('requested', 'approved', 'withdrawn', 'rejected'))",
    "ALTER TABLE closure ADD CONSTRAINT ck_closure_ended CHECK ((state IN ('withdrawn', 'rejected')) = (ended_by IS NOT NULL))",
    "ALTER TABLE closure ADD CONSTRAINT ck_closure_rejected_by_another CHECK (state <> 'rejected' OR ended_by <> requested_by)",
)

_CLOSURES_ON_SQLITE = (
    """CREATE TABLE new_closure (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  institution_id INTEGER NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  requested_at TEXT NOT NULL,
  approved_by TEXT,
  approved_at TEXT,
  ended_by TEXT,
  ended_at TEXT,
  ended_why TEXT,
  CONSTRAINT ck_closure_state CHECK (state IN ('requested', 'approved', 'withdrawn', 'rejected')),
  CONSTRAINT ck_closure_four_eyes CHECK (approved_by IS NULL OR approved_by <> requested_by),
  CONSTRAINT ck_closure_approved CHECK ((state = 'approved') = (approved_by IS NOT NULL)),
  CONSTRAINT ck_closure_ended CHECK ((state IN ('withdrawn', 'rejected')) = (ended_by IS NOT NULL)),
  CONSTRAINT ck_closure_rejected_by_another CHECK (state <> 'rejected' OR ended_by <> requested_by),
  CONSTRAINT fk_closure_institution_id FOREIGN KEY(institution_id) REFERENCES institution (id)
) STRICT""",
    "INSERT INTO new_closure (id, institution_id, state, reason, requested_by, requested_at, approved_by, approved_at)"
    " SELECT id, institution_id, state, reason, requested_by, requested_at, approved_by, approved_at FROM closure",
    """CREATE TABLE new_refund (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  contract_id INTEGER NOT NULL,
  closure_id INTEGER,
  amount INTEGER NOT NULL,
  held_back INTEGER NOT NULL,
  rule TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  requested_at TEXT NOT NULL,
  CONSTRAINT ck_refund_amount CHECK (amount > 0 AND held_back >= 0),
  CONSTRAINT fk_refund_contract_id FOREIGN KEY(contract_id) REFERENCES contract (id),
  CONSTRAINT fk_refund_closure_id FOREIGN KEY(closure_id) REFERENCES new_closure (id)
) STRICT""",
    "INSERT INTO new_refund SELECT id, contract_id, closure_id, amount, held_back, rule, requested_by, requested_at"
    " FROM refund",
    # The numbers go on where they stood, also in a table that is still empty.
    "DELETE FROM sqlite_sequence WHERE name IN ('new_closure', 'new_refund')",
    "INSERT INTO sqlite_sequence (name, seq) SELECT 'new_' || name, seq FROM sqlite_sequence"
    " WHERE name IN ('closure', 'refund')",
    "DROP TABLE refund",
    "DROP TABLE closure",
    "ALTER TABLE new_closure RENAME TO closure",
    "ALTER TABLE new_refund RENAME TO refund",
    "CREATE INDEX ix_refund_contract ON refund (contract_id)",
)
