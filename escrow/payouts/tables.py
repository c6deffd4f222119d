"""Release requests, refunds, closures, decisions about suspense, and the instructions that carry them to the bank."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint, text

from escrow.db import noun
from ledger.columns import Bytes, Instant, Name, Whole

release_request: Final = noun(
    "release_request",
    Column("institution_id", Whole, ForeignKey("institution.id"), nullable=False),
    Column("period", Name, nullable=False, comment="up to where it was taught: 2026-10, 2026-W41 or 2026-10-14"),
    Column("amount", Whole, nullable=False),
    Column("lessons", Whole, nullable=False),
    Column("window_rule", Text, nullable=False, comment="the rule version that let it in"),
    Column("state", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", Instant),
    Column("reason", Text),
    Column("approval", Text, nullable=False, server_default="bureau", comment="whose approvals it needs"),
    Column("first_approved_by", Text),
    Column("first_approved_role", Text),
    Column("first_approved_at", Instant),
    CheckConstraint("amount > 0 AND lessons > 0", name="amount"),
    CheckConstraint("approval IN ('bureau', 'bank_after_guardian', 'tripartite')", name="approval"),
    CheckConstraint(
        "first_approved_by IS NULL OR (approval = 'tripartite' AND first_approved_by <> requested_by"
        " AND (decided_by IS NULL OR state = 'rejected' OR decided_by <> first_approved_by))",
        name="first_approval",
    ),
    CheckConstraint(
        "approval <> 'tripartite' OR state NOT IN ('approved', 'bounced') OR first_approved_by IS NOT NULL",
        name="both_approved",
    ),
    CheckConstraint("state IN ('requested', 'approved', 'rejected', 'bounced')", name="state"),
    CheckConstraint("decided_by IS NULL OR decided_by <> requested_by", name="four_eyes"),
    CheckConstraint("(state = 'requested') = (decided_by IS NULL)", name="decided"),
    CheckConstraint("state NOT IN ('rejected', 'bounced') OR reason IS NOT NULL", name="reason"),
    Index(
        "uq_release_request_live",
        "institution_id",
        "period",
        unique=True,
        sqlite_where=text("state NOT IN ('rejected', 'bounced')"),
        postgresql_where=text("state NOT IN ('rejected', 'bounced')"),
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
    Column("institution_id", Whole, ForeignKey("institution.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("approved_by", Text),
    Column("approved_at", Instant),
    Column("ended_by", Text, comment="who withdrew or rejected it"),
    Column("ended_at", Instant),
    Column("ended_why", Text),
    CheckConstraint("state IN ('requested', 'approved', 'withdrawn', 'rejected')", name="state"),
    CheckConstraint("approved_by IS NULL OR approved_by <> requested_by", name="four_eyes"),
    CheckConstraint("(state = 'approved') = (approved_by IS NOT NULL)", name="approved"),
    CheckConstraint("(state IN ('withdrawn', 'rejected')) = (ended_by IS NOT NULL)", name="ended"),
    CheckConstraint("state <> 'rejected' OR ended_by <> requested_by", name="rejected_by_another"),
    Index(
        "uq_closure_live",
        "institution_id",
        unique=True,
        sqlite_where=text("state IN ('requested', 'approved')"),
        postgresql_where=text("state IN ('requested', 'approved')"),
    ),
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
    Column("csv", Bytes, comment="the same instructions as a table, in UTF-8"),
    Column("csv_sha256", Text),
)

batch_part: Final = noun(
    "payout_batch_part",
    Column("batch_id", Whole, ForeignKey("payout_batch.id"), nullable=False),
    Column("supervised_account", Name, nullable=False),
    Column("number", Whole, nullable=False, comment="1, 2, 3 … of the account, without a gap"),
    Column("lines", Whole, nullable=False),
    Column("total", Whole, nullable=False),
    UniqueConstraint("supervised_account", "number"),
    UniqueConstraint("batch_id", "supervised_account"),
    CheckConstraint("number > 0 AND lines > 0 AND total > 0", name="counts"),
)
"""What one account pays in a batch, with its sequence number there; append-only."""

_IN_FORCE: Final = "state IN ('instructed', 'sent', 'settled')"

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
    Column("claim", Whole, comment="the first attempt's id; all attempts to pay one claim share it"),
    Column("ended_at", Instant, comment="when the bank rejected or returned it, or we withdrew it"),
    Column("code", Text, comment="ISO 20022 reason, as the bank gave it"),
    Column("why", Text),
    Column("contested_at", Instant, comment="since when the bank shows it paid though what it was for is decided anew"),
    Column("channel", Text, comment="the payment channel that pays it back, in no file for the bank"),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("kind IN ('release', 'refund', 'return')", name="kind"),
    CheckConstraint("state IN ('instructed', 'sent', 'settled', 'rejected', 'returned', 'withdrawn')", name="state"),
    CheckConstraint("(state IN ('instructed', 'withdrawn')) = (batch_id IS NULL AND channel IS NULL)", name="sent"),
    CheckConstraint("channel IS NULL OR (kind = 'refund' AND batch_id IS NULL)", name="channel"),
    CheckConstraint("(state IN ('settled', 'returned')) = (settled_at IS NOT NULL)", name="settled"),
    CheckConstraint("(state IN ('rejected', 'returned', 'withdrawn')) = (ended_at IS NOT NULL)", name="ended"),
    CheckConstraint("contested_at IS NULL OR state = 'rejected'", name="contested"),
    Index("ix_payout_instruction_account", "supervised_account", "state"),
    Index("ix_payout_instruction_batch", "batch_id"),
    Index("ix_payout_instruction_source", "kind", "source_id"),
    # However it comes about: a claim is never on its way to the bank, or paid, twice.
    Index(
        "uq_payout_instruction_in_force",
        "claim",
        unique=True,
        sqlite_where=text(_IN_FORCE),
        postgresql_where=text(_IN_FORCE),
    ),
)

payee_correction: Final = noun(
    "payee_correction",
    Column("instruction_id", Whole, ForeignKey("payout_instruction.id"), nullable=False),
    Column("creditor", Text, nullable=False),
    Column("creditor_account", Name, nullable=False),
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
        "uq_payee_correction_live",
        "instruction_id",
        unique=True,
        sqlite_where=text("state <> 'rejected'"),
        postgresql_where=text("state <> 'rejected'"),
    ),
)
"""Another account for a payout that cannot be paid, or was not, to the one it names."""

payout_answer: Final = noun(
    "payout_answer",
    Column("batch_id", Whole, ForeignKey("payout_batch.id"), nullable=False),
    Column("message_id", Name, nullable=False, comment="the bank's own id of its report"),
    Column("created_at", Instant, nullable=False, comment="when the bank wrote it"),
    Column("sha256", Name, nullable=False, unique=True, comment="of the file"),
    Column("file", Bytes, nullable=False),
    Column("received_by", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
    Index("ix_payout_answer_batch", "batch_id"),
)
"""A bank's payment status report (pain.002), word for word; append-only."""

answer_line: Final = noun(
    "payout_answer_line",
    Column("answer_id", Whole, ForeignKey("payout_answer.id"), nullable=False),
    Column("instruction_id", Whole, ForeignKey("payout_instruction.id"), nullable=False),
    Column("status", Text, nullable=False, comment="ISO 20022: ACSC, RJCT, PDNG …"),
    Column("code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("effect", Text, nullable=False),
    UniqueConstraint("answer_id", "instruction_id"),
    CheckConstraint("effect IN ('pending', 'confirmed', 'rejected', 'known', 'contradiction')", name="effect"),
)
"""What a report said of one payout, and what that changed; append-only."""

answer_stranger: Final = noun(
    "payout_answer_stranger",
    Column("answer_id", Whole, ForeignKey("payout_answer.id"), nullable=False),
    Column("payment_information", Name, nullable=False),
    Column("end_to_end", Name, nullable=False, comment="empty: the bank spoke of the whole part"),
    Column("amount", Whole, comment="fen, where the report repeats it"),
    Column("status", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index("ix_payout_answer_stranger_answer", "answer_id"),
)
"""What a report said of payments that its batch does not hold; append-only, and nothing comes of it."""
