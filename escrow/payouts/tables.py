"""Release requests, refunds, closures, decisions about suspense, and the instructions that carry them to the bank."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint, text

from escrow.db import noun
from ledger.columns import Bytes, Instant, Name, Whole

release_request: Final = noun(
    "release_request",
    Column("institution_id", Whole, ForeignKey("institution.id"), nullable=False),
    Column("month", Name, nullable=False, comment="the month of teaching, 2026-10"),
    Column("amount", Whole, nullable=False),
    Column("lessons", Whole, nullable=False),
    Column("window_rule", Text, nullable=False, comment="the rule version that let it in"),
    Column("state", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", Instant),
    Column("reason", Text),
    CheckConstraint("amount > 0 AND lessons > 0", name="amount"),
    CheckConstraint("state IN ('requested', 'approved', 'rejected')", name="state"),
    CheckConstraint("decided_by IS NULL OR decided_by <> requested_by", name="four_eyes"),
    CheckConstraint("(state = 'requested') = (decided_by IS NULL)", name="decided"),
    CheckConstraint("state <> 'rejected' OR reason IS NOT NULL", name="reason"),
    Index(
        "uq_release_request_live",
        "institution_id",
        "month",
        unique=True,
        sqlite_where=text("state <> 'rejected'"),
        postgresql_where=text("state <> 'rejected'"),
    ),
)

release_line: Final = noun(
    "release_line",
    Column("request_id", Whole, ForeignKey("release_request.id"), nullable=False),
    Column("attendance_id", Whole, ForeignKey("attendance.id"), nullable=False),
    Column("share", Whole, comment="fen; NULL: left out"),
    Column("left_out", Text, comment="why it is left out"),
    Column("expected", Name, comment="the month whose window can hold it"),
    UniqueConstraint("request_id", "attendance_id"),
    CheckConstraint("(share IS NULL) = (left_out IS NOT NULL)", name="in_or_out"),
)
"""What a request held and what it left out, as it stood when it was asked."""

refund: Final = noun(
    "refund",
    Column("contract_id", Whole, ForeignKey("contract.id"), nullable=False),
    Column("closure_id", Whole, ForeignKey("closure.id")),
    Column("amount", Whole, nullable=False),
    Column("held_back", Whole, nullable=False, comment="fen of lessons recorded and not yet confirmed"),
    Column("rule", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", Instant, nullable=False),
    CheckConstraint("amount > 0 AND held_back >= 0", name="amount"),
    Index("ix_refund_contract", "contract_id"),
)

closure: Final = noun(
    "closure",
    Column("institution_id", Whole, ForeignKey("institution.id"), nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("approved_by", Text),
    Column("approved_at", Instant),
    CheckConstraint("state IN ('requested', 'approved')", name="state"),
    CheckConstraint("approved_by IS NULL OR approved_by <> requested_by", name="four_eyes"),
    CheckConstraint("(state = 'approved') = (approved_by IS NOT NULL)", name="approved"),
)

suspense_decision: Final = noun(
    "suspense_decision",
    Column("payment_id", Whole, ForeignKey("payment.id"), nullable=False),
    Column("contract_id", Whole, ForeignKey("contract.id"), comment="NULL: back to the payer"),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", Instant, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", Instant),
    CheckConstraint("state IN ('proposed', 'approved', 'rejected')", name="state"),
    CheckConstraint("decided_by IS NULL OR decided_by <> proposed_by", name="four_eyes"),
    CheckConstraint("(state = 'proposed') = (decided_by IS NULL)", name="decided"),
    Index(
        "uq_suspense_decision_live",
        "payment_id",
        unique=True,
        sqlite_where=text("state <> 'rejected'"),
        postgresql_where=text("state <> 'rejected'"),
    ),
)

payout_batch: Final = noun(
    "payout_batch",
    Column("message_id", Name, unique=True),
    Column("lines", Whole, nullable=False),
    Column("total", Whole, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("file", Bytes, comment="the pain.001 as it goes to the bank, byte for byte"),
    Column("sha256", Text),
)

instruction: Final = noun(
    "payout_instruction",
    Column("end_to_end", Name, unique=True),
    Column("kind", Text, nullable=False),
    Column("source_id", Whole, nullable=False, comment="the release request, refund or payment behind it"),
    Column("supervised_account", Name, nullable=False),
    Column("amount", Whole, nullable=False),
    Column("creditor", Text, nullable=False),
    Column("creditor_account", Name, nullable=False),
    Column("owed_path", Name, nullable=False, comment="the ledger account it empties when it leaves the bank"),
    Column("made_at", Instant, nullable=False),
    Column("batch_id", Whole, ForeignKey("payout_batch.id")),
    Column("settled_at", Instant),
    Column("state", Text, nullable=False),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("kind IN ('release', 'refund', 'return')", name="kind"),
    CheckConstraint("state IN ('instructed', 'sent', 'settled')", name="state"),
    CheckConstraint("(state = 'instructed') = (batch_id IS NULL)", name="sent"),
    CheckConstraint("(state = 'settled') = (settled_at IS NOT NULL)", name="settled"),
    Index("ix_payout_instruction_account", "supervised_account", "state"),
    Index("ix_payout_instruction_batch", "batch_id"),
)
