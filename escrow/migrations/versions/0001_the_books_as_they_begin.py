"""The books, as they begin"""

import sqlalchemy as sa
from alembic import op

import ledger.columns
from escrow.migrations.births import guard, number_by_region
from ledger.guards import append_only


revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "answer",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("caller", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="SHA-256 of method, path and body"),
        sa.Column("status", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", ledger.columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer")),
        sa.UniqueConstraint("caller", "key", name=op.f("uq_answer_caller_key")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "api_key",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column(
            "digest",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=False,
            comment="SHA-256 of the key; the key itself is not kept",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="the person or system that acts"),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column(
            "party",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="the institution's or guardian's id, for those two roles",
        ),
        sa.Column("created_at", ledger.columns.Instant(), nullable=False),
        sa.Column("revoked_at", ledger.columns.Instant(), nullable=True),
        sa.CheckConstraint("(party IS NOT NULL) = (role IN ('family', 'institution'))", name=op.f("ck_api_key_party")),
        sa.CheckConstraint(
            "role IN ('family', 'institution', 'bank', 'bureau', 'auditor')", name=op.f("ck_api_key_role")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_key_digest")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "audit_entry",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("at", ledger.columns.Instant(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("facts", ledger.columns.Json(), nullable=False),
        sa.Column("caller_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.create_index("ix_audit_entry_subject", ["subject"], unique=False)

    op.create_table(
        "bank_event",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("webhook_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("key_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("received_at", ledger.columns.Instant(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("answer", ledger.columns.Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_event")),
        sa.UniqueConstraint("webhook_id", name=op.f("uq_bank_event_webhook_id")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "bank_key",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("key_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("material", sa.Text(), nullable=False, comment="base64 of the public key"),
        sa.Column("not_before", ledger.columns.Instant(), nullable=False),
        sa.Column("not_after", ledger.columns.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_key")),
        sa.UniqueConstraint("key_id", name=op.f("uq_bank_key_key_id")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "guardian",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mobile", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guardian")),
        sa.UniqueConstraint("name", "mobile", name=op.f("uq_guardian_name_mobile")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "institution",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("credit_code", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("licence_no", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("licence_expires", ledger.columns.Day(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("jurisdiction", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("supervised_account", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("settlement_account", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("registered_at", ledger.columns.Instant(), nullable=False),
        sa.CheckConstraint("category IN ('subject', 'non_subject')", name=op.f("ck_institution_category")),
        sa.CheckConstraint("mode IN ('offline', 'online')", name=op.f("ck_institution_mode")),
        sa.CheckConstraint("state IN ('open', 'closing', 'closed')", name=op.f("ck_institution_state")),
        sa.CheckConstraint("supervised_account <> settlement_account", name=op.f("ck_institution_two_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_institution")),
        sa.UniqueConstraint("credit_code", name=op.f("uq_institution_credit_code")),
        sa.UniqueConstraint("supervised_account", name=op.f("uq_institution_supervised_account")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "ledger_account",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("path", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "overdraft", sa.Text(), nullable=True, comment="why this account may go below zero; NULL: it may not"
        ),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column(
            "debits_posted", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), server_default="0", nullable=False
        ),
        sa.Column(
            "credits_posted", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), server_default="0", nullable=False
        ),
        sa.Column(
            "debits_pending", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), server_default="0", nullable=False
        ),
        sa.Column(
            "credits_pending", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), server_default="0", nullable=False
        ),
        sa.CheckConstraint("kind IN ('asset', 'liability', 'income', 'expense')", name=op.f("ck_ledger_account_kind")),
        sa.CheckConstraint(
            "overdraft IS NOT NULL OR CASE WHEN kind IN ('asset', 'expense') THEN debits_posted - credits_posted - credits_pending ELSE credits_posted - debits_posted - debits_pending END >= 0",
            name=op.f("ck_ledger_account_floor"),
        ),
        sa.CheckConstraint(
            "state <> 'closed' OR (debits_posted = credits_posted AND debits_pending + credits_pending = 0)",
            name=op.f("ck_ledger_account_closed_is_empty"),
        ),
        sa.CheckConstraint("state IN ('open', 'frozen', 'closed')", name=op.f("ck_ledger_account_state")),
        sa.CheckConstraint(
            "debits_posted >= 0 AND credits_posted >= 0 AND debits_pending >= 0 AND credits_pending >= 0",
            name=op.f("ck_ledger_account_totals"),
        ),
        sa.CheckConstraint("length(currency) = 3", name=op.f("ck_ledger_account_currency")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_account")),
        sa.UniqueConstraint("path", name=op.f("uq_ledger_account_path")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "payout_batch",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("message_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
        sa.Column("lines", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("total", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", ledger.columns.Instant(), nullable=False),
        sa.Column(
            "file",
            sa.LargeBinary().with_variant(sa.LargeBinary(), "sqlite"),
            nullable=True,
            comment="the pain.001 as it goes to the bank, byte for byte",
        ),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_batch")),
        sa.UniqueConstraint("message_id", name=op.f("uq_payout_batch_message_id")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "secret",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("name", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("value", sa.Text(), nullable=False, comment="base64"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_secret")),
        sa.UniqueConstraint("name", name=op.f("uq_secret_name")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "statement",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("account", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False, comment="the bank's own id of it, if it gives one"),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("begins", ledger.columns.Day(), nullable=False),
        sa.Column("ends", ledger.columns.Day(), nullable=False),
        sa.Column("opening", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("closing", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("lines", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "sha256",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=False,
            comment="of the file it stood in",
        ),
        sa.Column("imported_at", ledger.columns.Instant(), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.CheckConstraint("ends >= begins", name=op.f("ck_statement_span")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement")),
        sa.UniqueConstraint(
            "sha256", "account", "begins", "ends", name=op.f("uq_statement_sha256_account_begins_ends")
        ),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.create_index("ix_statement_account", ["account", "ends"], unique=False)

    op.create_table(
        "closure",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("institution_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", ledger.columns.Instant(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", ledger.columns.Instant(), nullable=True),
        sa.CheckConstraint("(state = 'approved') = (approved_by IS NOT NULL)", name=op.f("ck_closure_approved")),
        sa.CheckConstraint("state IN ('requested', 'approved')", name=op.f("ck_closure_state")),
        sa.CheckConstraint("approved_by IS NULL OR approved_by <> requested_by", name=op.f("ck_closure_four_eyes")),
        sa.ForeignKeyConstraint(["institution_id"], ["institution.id"], name=op.f("fk_closure_institution_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closure")),
        sa.UniqueConstraint("institution_id", name=op.f("uq_closure_institution_id")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "course",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("institution_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column(
            "list_price",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="fen, one lesson",
        ),
        sa.Column("filed_at", ledger.columns.Instant(), nullable=False),
        sa.CheckConstraint("list_price > 0", name=op.f("ck_course_list_price")),
        sa.ForeignKeyConstraint(["institution_id"], ["institution.id"], name=op.f("fk_course_institution_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course")),
        sa.UniqueConstraint("institution_id", "name", name=op.f("uq_course_institution_id_name")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("course", schema=None) as batch_op:
        batch_op.create_index("ix_course_institution", ["institution_id"], unique=False)

    op.create_table(
        "ledger_transfer",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("debit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("credit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "amount",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="minor units, always positive",
        ),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="what it is in the caller's business"),
        sa.Column("reference", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("effective", ledger.columns.Instant(), nullable=False, comment="when it happened in the world"),
        sa.Column("recorded", ledger.columns.Instant(), nullable=False, comment="when it was written into these books"),
        sa.Column("resolves", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("corrects", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "caller_key",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            server_default="",
            nullable=False,
        ),
        sa.Column(
            "xact", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), server_default=sa.text("0"), nullable=False
        ),
        sa.CheckConstraint(
            "(resolves IS NOT NULL) = (phase IN ('settled', 'voided', 'expired'))",
            name=op.f("ck_ledger_transfer_resolves"),
        ),
        sa.CheckConstraint(
            "phase IN ('posted', 'pending', 'settled', 'voided', 'expired')", name=op.f("ck_ledger_transfer_phase")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_ledger_transfer_amount")),
        sa.CheckConstraint("debit_id <> credit_id", name=op.f("ck_ledger_transfer_two_accounts")),
        sa.ForeignKeyConstraint(["corrects"], ["ledger_transfer.id"], name=op.f("fk_ledger_transfer_corrects")),
        sa.ForeignKeyConstraint(["credit_id"], ["ledger_account.id"], name=op.f("fk_ledger_transfer_credit_id")),
        sa.ForeignKeyConstraint(["debit_id"], ["ledger_account.id"], name=op.f("fk_ledger_transfer_debit_id")),
        sa.ForeignKeyConstraint(["resolves"], ["ledger_transfer.id"], name=op.f("fk_ledger_transfer_resolves")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_transfer")),
        sa.UniqueConstraint("reference", name=op.f("uq_ledger_transfer_reference")),
        sa.UniqueConstraint("resolves", name=op.f("uq_ledger_transfer_resolves")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("ledger_transfer", schema=None) as batch_op:
        batch_op.create_index("ix_ledger_transfer_commit_order", ["xact", "id"], unique=False)
        batch_op.create_index("ix_ledger_transfer_credit", ["credit_id", "effective"], unique=False)
        batch_op.create_index("ix_ledger_transfer_debit", ["debit_id", "effective"], unique=False)

    op.create_table(
        "payout_instruction",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("end_to_end", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "source_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="the release request, refund or payment behind it",
        ),
        sa.Column("supervised_account", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("creditor", sa.Text(), nullable=False),
        sa.Column("creditor_account", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column(
            "owed_path",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=False,
            comment="the ledger account it empties when it leaves the bank",
        ),
        sa.Column("made_at", ledger.columns.Instant(), nullable=False),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("settled_at", ledger.columns.Instant(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint("(state = 'instructed') = (batch_id IS NULL)", name=op.f("ck_payout_instruction_sent")),
        sa.CheckConstraint(
            "(state = 'settled') = (settled_at IS NOT NULL)", name=op.f("ck_payout_instruction_settled")
        ),
        sa.CheckConstraint("kind IN ('release', 'refund', 'return')", name=op.f("ck_payout_instruction_kind")),
        sa.CheckConstraint("state IN ('instructed', 'sent', 'settled')", name=op.f("ck_payout_instruction_state")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payout_instruction_amount")),
        sa.ForeignKeyConstraint(["batch_id"], ["payout_batch.id"], name=op.f("fk_payout_instruction_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_instruction")),
        sa.UniqueConstraint("end_to_end", name=op.f("uq_payout_instruction_end_to_end")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("payout_instruction", schema=None) as batch_op:
        batch_op.create_index("ix_payout_instruction_account", ["supervised_account", "state"], unique=False)
        batch_op.create_index("ix_payout_instruction_batch", ["batch_id"], unique=False)

    op.create_table(
        "release_request",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("institution_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "month",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=False,
            comment="the month of teaching, 2026-10",
        ),
        sa.Column("amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lessons", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("window_rule", sa.Text(), nullable=False, comment="the rule version that let it in"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", ledger.columns.Instant(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", ledger.columns.Instant(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("(state = 'requested') = (decided_by IS NULL)", name=op.f("ck_release_request_decided")),
        sa.CheckConstraint("state <> 'rejected' OR reason IS NOT NULL", name=op.f("ck_release_request_reason")),
        sa.CheckConstraint("state IN ('requested', 'approved', 'rejected')", name=op.f("ck_release_request_state")),
        sa.CheckConstraint("amount > 0 AND lessons > 0", name=op.f("ck_release_request_amount")),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> requested_by", name=op.f("ck_release_request_four_eyes")
        ),
        sa.ForeignKeyConstraint(["institution_id"], ["institution.id"], name=op.f("fk_release_request_institution_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_request")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("release_request", schema=None) as batch_op:
        batch_op.create_index(
            "uq_release_request_live",
            ["institution_id", "month"],
            unique=True,
            sqlite_where=sa.text("state <> 'rejected'"),
            postgresql_where=sa.text("state <> 'rejected'"),
        )

    op.create_table(
        "statement_line",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("statement_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column(
            "key",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=False,
            comment="its identity over all files that may repeat it",
        ),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("booked_on", ledger.columns.Day(), nullable=False),
        sa.Column(
            "booked_at", ledger.columns.Instant(), nullable=False, comment="midnight where the bank gives no time"
        ),
        sa.Column(
            "amount",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="fen; positive: money in",
        ),
        sa.Column("balance", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("serial", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("end_to_end", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("counterparty", sa.Text(), nullable=False),
        sa.Column("counterparty_account", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("reversal", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("nature", sa.Text(), nullable=False),
        sa.CheckConstraint("reversal IN (0, 1)", name=op.f("ck_statement_line_reversal")),
        sa.ForeignKeyConstraint(["statement_id"], ["statement.id"], name=op.f("fk_statement_line_statement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_line")),
        sa.UniqueConstraint("account", "key", name=op.f("uq_statement_line_account_key")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("statement_line", schema=None) as batch_op:
        batch_op.create_index("ix_statement_line_day", ["account", "booked_on"], unique=False)
        batch_op.create_index("ix_statement_line_statement", ["statement_id"], unique=False)

    op.create_table(
        "student",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("guardian_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["guardian_id"], ["guardian.id"], name=op.f("fk_student_guardian_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_student")),
        sa.UniqueConstraint("guardian_id", "name", name=op.f("uq_student_guardian_id_name")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "contract",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("institution_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("course_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("student_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("guardian_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("lessons", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="paid ones"),
        sa.Column("gifted", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "price",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="fen, for all lessons",
        ),
        sa.Column(
            "list_price",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="fen, one lesson",
        ),
        sa.Column("first_lesson", ledger.columns.Day(), nullable=False),
        sa.Column("last_lesson", ledger.columns.Day(), nullable=False),
        sa.Column("signed_at", ledger.columns.Instant(), nullable=False),
        sa.Column(
            "taught",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            server_default="0",
            nullable=False,
            comment="lessons confirmed, gifted ones included",
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "findings",
            ledger.columns.Json(),
            nullable=False,
            comment="the fee rules it was found to break, with their versions",
        ),
        sa.CheckConstraint("state IN ('open', 'ended')", name=op.f("ck_contract_state")),
        sa.CheckConstraint("last_lesson >= first_lesson", name=op.f("ck_contract_span")),
        sa.CheckConstraint(
            "lessons > 0 AND gifted >= 0 AND price > 0 AND list_price > 0", name=op.f("ck_contract_terms")
        ),
        sa.CheckConstraint("taught >= 0 AND taught <= lessons + gifted", name=op.f("ck_contract_taught")),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name=op.f("fk_contract_course_id")),
        sa.ForeignKeyConstraint(["guardian_id"], ["guardian.id"], name=op.f("fk_contract_guardian_id")),
        sa.ForeignKeyConstraint(["institution_id"], ["institution.id"], name=op.f("fk_contract_institution_id")),
        sa.ForeignKeyConstraint(["student_id"], ["student.id"], name=op.f("fk_contract_student_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("contract", schema=None) as batch_op:
        batch_op.create_index("ix_contract_institution", ["institution_id", "id"], unique=False)
        batch_op.create_index("ix_contract_student", ["student_id", "subject"], unique=False)

    op.create_table(
        "lesson",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("institution_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("course_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("class_no", sa.Text(), nullable=False),
        sa.Column("held_on", ledger.columns.Day(), nullable=False, comment="local day"),
        sa.Column("starts_at", ledger.columns.Instant(), nullable=False),
        sa.Column("ends_at", ledger.columns.Instant(), nullable=False),
        sa.Column("recorded_at", ledger.columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_lesson_span")),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name=op.f("fk_lesson_course_id")),
        sa.ForeignKeyConstraint(["institution_id"], ["institution.id"], name=op.f("fk_lesson_institution_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lesson")),
        sa.UniqueConstraint("course_id", "class_no", "starts_at", name=op.f("uq_lesson_course_id_class_no_starts_at")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("lesson", schema=None) as batch_op:
        batch_op.create_index("ix_lesson_month", ["institution_id", "held_on"], unique=False)

    op.create_table(
        "alert",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column(
            "fact",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=False,
            comment="what it is about, by rule: a second look finds the same",
        ),
        sa.Column("institution_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("rule", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("version", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("citation", ledger.columns.Json(), nullable=False),
        sa.Column("limit_text", sa.Text(), nullable=False),
        sa.Column("found_text", sa.Text(), nullable=False),
        sa.Column("zh", sa.Text(), nullable=False),
        sa.Column("en", sa.Text(), nullable=False),
        sa.Column("evidence", ledger.columns.Json(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "seen",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="how often it was found while open",
        ),
        sa.Column("opened_at", ledger.columns.Instant(), nullable=False),
        sa.Column("seen_at", ledger.columns.Instant(), nullable=False),
        sa.Column("due_on", ledger.columns.Day(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("closed_at", ledger.columns.Instant(), nullable=True),
        sa.Column("closing_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state IN ('resolved', 'dismissed')) = (closed_at IS NOT NULL)", name=op.f("ck_alert_closed")
        ),
        sa.CheckConstraint("state = 'open' OR owner IS NOT NULL", name=op.f("ck_alert_owner")),
        sa.CheckConstraint("state IN ('open', 'acknowledged', 'resolved', 'dismissed')", name=op.f("ck_alert_state")),
        sa.CheckConstraint("closed_at IS NULL OR closing_reason IS NOT NULL", name=op.f("ck_alert_closing_reason")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_alert_contract_id")),
        sa.ForeignKeyConstraint(["institution_id"], ["institution.id"], name=op.f("fk_alert_institution_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.create_index("ix_alert_state", ["state", "id"], unique=False)
        batch_op.create_index(
            "uq_alert_fact_live",
            ["fact"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "attendance",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("lesson_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "silent_on",
            ledger.columns.Day(),
            nullable=False,
            comment="last local day to confirm or dispute; after it, silence counts",
        ),
        sa.Column(
            "ordinal",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="the how-manieth confirmed lesson of its contract",
        ),
        sa.Column(
            "share",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="fen moved from prepaid to earned",
        ),
        sa.Column("confirmed_at", ledger.columns.Instant(), nullable=True),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("dispute", sa.Text(), nullable=True, comment="the guardian's reason"),
        sa.Column(
            "release_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="the live release request that holds it",
        ),
        sa.CheckConstraint(
            "(state = 'confirmed') = (ordinal IS NOT NULL AND share IS NOT NULL AND confirmed_at IS NOT NULL)",
            name=op.f("ck_attendance_confirmed"),
        ),
        sa.CheckConstraint("release_id IS NULL OR state = 'confirmed'", name=op.f("ck_attendance_released")),
        sa.CheckConstraint("state <> 'disputed' OR dispute IS NOT NULL", name=op.f("ck_attendance_disputed")),
        sa.CheckConstraint(
            "state IN ('recorded', 'confirmed', 'disputed', 'struck')", name=op.f("ck_attendance_state")
        ),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_attendance_contract_id")),
        sa.ForeignKeyConstraint(["lesson_id"], ["lesson.id"], name=op.f("fk_attendance_lesson_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance")),
        sa.UniqueConstraint("contract_id", "lesson_id", name=op.f("uq_attendance_contract_id_lesson_id")),
        sa.UniqueConstraint("contract_id", "ordinal", name=op.f("uq_attendance_contract_id_ordinal")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("attendance", schema=None) as batch_op:
        batch_op.create_index("ix_attendance_lesson", ["lesson_id"], unique=False)
        batch_op.create_index("ix_attendance_release", ["release_id"], unique=False)
        batch_op.create_index("ix_attendance_silence", ["state", "silent_on"], unique=False)

    op.create_table(
        "payment_order",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column(
            "reference",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=True,
            comment="made from the id, in the same transaction",
        ),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("expires_at", ledger.columns.Instant(), nullable=False),
        sa.Column("created_at", ledger.columns.Instant(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'paid', 'cancelled')", name=op.f("ck_payment_order_state")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_order_amount")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_payment_order_contract_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_order")),
        sa.UniqueConstraint("reference", name=op.f("uq_payment_order_reference")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("payment_order", schema=None) as batch_op:
        batch_op.create_index("ix_payment_order_contract", ["contract_id"], unique=False)

    op.create_table(
        "refund",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("closure_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "held_back",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="fen of lessons recorded and not yet confirmed",
        ),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", ledger.columns.Instant(), nullable=False),
        sa.CheckConstraint("amount > 0 AND held_back >= 0", name=op.f("ck_refund_amount")),
        sa.ForeignKeyConstraint(["closure_id"], ["closure.id"], name=op.f("fk_refund_closure_id")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_refund_contract_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("refund", schema=None) as batch_op:
        batch_op.create_index("ix_refund_contract", ["contract_id"], unique=False)

    op.create_table(
        "payment",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("supervised_account", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column(
            "serial",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=False,
            comment="the bank's own id of the credit",
        ),
        sa.Column("amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reference", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("payer", sa.Text(), nullable=False),
        sa.Column("payer_account", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("paid_at", ledger.columns.Instant(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="which of the bank's two words came first"),
        sa.Column("recorded_at", ledger.columns.Instant(), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, comment="why it stood in suspense; empty when placed at once"),
        sa.CheckConstraint("(state = 'placed') = (contract_id IS NOT NULL)", name=op.f("ck_payment_placed")),
        sa.CheckConstraint("source IN ('notification', 'statement')", name=op.f("ck_payment_source")),
        sa.CheckConstraint("state IN ('placed', 'suspense', 'returning', 'returned')", name=op.f("ck_payment_state")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_amount")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_payment_contract_id")),
        sa.ForeignKeyConstraint(["order_id"], ["payment_order.id"], name=op.f("fk_payment_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("supervised_account", "serial", name=op.f("uq_payment_supervised_account_serial")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.create_index("ix_payment_contract", ["contract_id"], unique=False)
        batch_op.create_index("ix_payment_state", ["supervised_account", "state"], unique=False)

    op.create_table(
        "release_line",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("request_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("attendance_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "share", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="fen; NULL: left out"
        ),
        sa.Column("left_out", sa.Text(), nullable=True, comment="why it is left out"),
        sa.Column(
            "expected",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=True,
            comment="the month whose window can hold it",
        ),
        sa.CheckConstraint("(share IS NULL) = (left_out IS NOT NULL)", name=op.f("ck_release_line_in_or_out")),
        sa.ForeignKeyConstraint(["attendance_id"], ["attendance.id"], name=op.f("fk_release_line_attendance_id")),
        sa.ForeignKeyConstraint(["request_id"], ["release_request.id"], name=op.f("fk_release_line_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_line")),
        sa.UniqueConstraint("request_id", "attendance_id", name=op.f("uq_release_line_request_id_attendance_id")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "statement_break",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("account", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("instruction_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("opened_at", ledger.columns.Instant(), nullable=False),
        sa.Column("due_on", ledger.columns.Day(), nullable=False),
        sa.Column("closed_at", ledger.columns.Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["instruction_id"], ["payout_instruction.id"], name=op.f("fk_statement_break_instruction_id")
        ),
        sa.ForeignKeyConstraint(["line_id"], ["statement_line.id"], name=op.f("fk_statement_break_line_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_statement_break_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_break")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("statement_break", schema=None) as batch_op:
        batch_op.create_index("ix_statement_break_account", ["account", "closed_at"], unique=False)

    op.create_table(
        "statement_match",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("instruction_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("matched_at", ledger.columns.Instant(), nullable=False),
        sa.CheckConstraint("payment_id IS NULL OR instruction_id IS NULL", name=op.f("ck_statement_match_one_side")),
        sa.ForeignKeyConstraint(
            ["instruction_id"], ["payout_instruction.id"], name=op.f("fk_statement_match_instruction_id")
        ),
        sa.ForeignKeyConstraint(["line_id"], ["statement_line.id"], name=op.f("fk_statement_match_line_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_statement_match_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_match")),
        sa.UniqueConstraint("instruction_id", name=op.f("uq_statement_match_instruction_id")),
        sa.UniqueConstraint("line_id", name=op.f("uq_statement_match_line_id")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_statement_match_payment_id")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "suspense_decision",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "contract_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="NULL: back to the payer",
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", ledger.columns.Instant(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", ledger.columns.Instant(), nullable=True),
        sa.CheckConstraint("(state = 'proposed') = (decided_by IS NULL)", name=op.f("ck_suspense_decision_decided")),
        sa.CheckConstraint("state IN ('proposed', 'approved', 'rejected')", name=op.f("ck_suspense_decision_state")),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> proposed_by", name=op.f("ck_suspense_decision_four_eyes")
        ),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_suspense_decision_contract_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_suspense_decision_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suspense_decision")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("suspense_decision", schema=None) as batch_op:
        batch_op.create_index(
            "uq_suspense_decision_live",
            ["payment_id"],
            unique=True,
            sqlite_where=sa.text("state <> 'rejected'"),
            postgresql_where=sa.text("state <> 'rejected'"),
        )

    number_by_region(
        [
            "alert",
            "answer",
            "api_key",
            "attendance",
            "audit_entry",
            "bank_event",
            "bank_key",
            "closure",
            "contract",
            "course",
            "guardian",
            "institution",
            "ledger_account",
            "ledger_transfer",
            "lesson",
            "payment",
            "payment_order",
            "payout_batch",
            "payout_instruction",
            "refund",
            "release_line",
            "release_request",
            "secret",
            "statement",
            "statement_break",
            "statement_line",
            "statement_match",
            "student",
            "suspense_decision",
        ]
    )
    for statement in _guards(op.get_bind().dialect.name):
        op.execute(statement)
    guard(["audit_entry", "bank_event", "release_line", "statement", "statement_line"])


def _guards(dialect: str) -> list[str]:
    """What the ledger's tables refused when they were new; 0002 goes further."""
    return (
        append_only(dialect, "ledger_transfer")
        + _never_replaced(dialect)
        + _fixed_account(dialect)
        + _commit_order(dialect)
    )


def _never_replaced(dialect: str) -> list[str]:
    # SQLite's INSERT OR REPLACE deletes the row that is in its way, and asks a DELETE trigger only where the
    # connection says `recursive_triggers`: a foreign program does not.
    if dialect != "sqlite":
        return []
    return [
        "CREATE TRIGGER ledger_transfer_no_replace BEFORE INSERT ON ledger_transfer WHEN EXISTS (SELECT 1 FROM"
        " ledger_transfer WHERE id = NEW.id OR reference = NEW.reference OR resolves = NEW.resolves) "
        "BEGIN SELECT RAISE(ABORT, 'ledger_transfer is append-only: this id, reference or hold was used before'); END"
    ]


def _fixed_account(dialect: str) -> list[str]:
    if dialect == "sqlite":
        return [
            "CREATE TRIGGER ledger_account_fixed BEFORE UPDATE OF id, path, kind, currency ON ledger_account "
            "BEGIN SELECT RAISE(ABORT, 'an account keeps its path, kind and currency'); END",
            "CREATE TRIGGER ledger_account_no_delete BEFORE DELETE ON ledger_account "
            "BEGIN SELECT RAISE(ABORT, 'an account is closed, never deleted'); END",
        ]
    return [
        "CREATE FUNCTION ledger_account_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'an account keeps its path, kind and currency, and is never deleted' "
        "USING ERRCODE = 'restrict_violation'; END $$",
        "CREATE TRIGGER ledger_account_fixed BEFORE UPDATE OF id, path, kind, currency ON ledger_account "
        "FOR EACH ROW EXECUTE FUNCTION ledger_account_refuse()",
        "CREATE TRIGGER ledger_account_no_delete BEFORE DELETE OR TRUNCATE ON ledger_account "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_account_refuse()",
    ]


def _commit_order(dialect: str) -> list[str]:
    # An id from a sequence is no commit order: readers page by the writing transaction, and only up to the oldest
    # one still running (ledger.reading.transfers). SQLite has one writer, where the id itself is the order.
    if dialect == "sqlite":
        return []
    return ["ALTER TABLE ledger_transfer ALTER COLUMN xact SET DEFAULT pg_current_xact_id()::text::bigint"]
