"""Students, contracts, payment orders, every credit that the bank reported, and what was taken elsewhere."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint, func, text

from escrow.db import noun
from ledger.columns import Day, Instant, Json, Name, Whole

guardian: Final = noun(
    "guardian",
    Column("name", Text, nullable=False),
    Column("mobile", Name, nullable=False),
    UniqueConstraint("name", "mobile"),
)

student: Final = noun(
    "student",
    Column("guardian_id", Whole, ForeignKey("guardian.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("same_as", Whole, ForeignKey("student.id"), comment="the first record of the same child; NULL: this one is"),
    UniqueConstraint("guardian_id", "name"),
    CheckConstraint("same_as <> id", name="same_as"),
    Index(
        "ix_student_same_as",
        "same_as",
        sqlite_where=text("same_as IS NOT NULL"),
        postgresql_where=text("same_as IS NOT NULL"),
    ),
)

CHILD: Final = func.coalesce(student.c.same_as, student.c.id)
"""Of a student's row: the first record of the child."""

child_mark: Final = noun(
    "child_mark",
    Column("mark", Name, nullable=False, unique=True, comment="a keyed hash of an identity document's number"),
    Column("student_id", Whole, ForeignKey("student.id"), nullable=False, unique=True),
)
"""By which document the first record of a child is known again; the number itself is kept nowhere."""

contract: Final = noun(
    "contract",
    Column("institution_id", Whole, ForeignKey("institution.id"), nullable=False),
    Column("course_id", Whole, ForeignKey("course.id"), nullable=False),
    Column("student_id", Whole, ForeignKey("student.id"), nullable=False),
    Column("guardian_id", Whole, ForeignKey("guardian.id"), nullable=False),
    Column("subject", Text, nullable=False),
    Column("lessons", Whole, nullable=False, comment="paid ones"),
    Column("gifted", Whole, nullable=False),
    Column("price", Whole, nullable=False, comment="fen, all that the family prepays"),
    Column("materials", Whole, nullable=False, server_default="0", comment="fen of the price: materials and boarding"),
    Column("list_price", Whole, nullable=False, comment="fen, one lesson"),
    Column("first_lesson", Day, nullable=False),
    Column("last_lesson", Day, nullable=False),
    Column("signed_at", Instant, nullable=False),
    Column("taught", Whole, nullable=False, server_default="0", comment="lessons confirmed, gifted ones included"),
    Column("state", Text, nullable=False),
    Column("findings", Json, nullable=False, comment="the fee rules it was found to break, with their versions"),
    Column("charged_by", Text, nullable=False, server_default="lessons", comment="what the price is reckoned by"),
    CheckConstraint("lessons > 0 AND gifted >= 0 AND price > 0 AND list_price > 0", name="terms"),
    CheckConstraint("taught >= 0 AND taught <= lessons + gifted", name="taught"),
    CheckConstraint("last_lesson >= first_lesson", name="span"),
    CheckConstraint("materials >= 0 AND materials < price", name="materials"),
    CheckConstraint("charged_by IN ('lessons', 'period', 'both')", name="charged_by"),
    CheckConstraint("state IN ('open', 'ended')", name="state"),
    Index("ix_contract_student", "student_id", "subject"),
    Index("ix_contract_institution", "institution_id", "id"),
)

payment_order: Final = noun(
    "payment_order",
    Column("reference", Name, unique=True, comment="made from the id, in the same transaction"),
    Column("contract_id", Whole, ForeignKey("contract.id"), nullable=False),
    Column("amount", Whole, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("asked_at", Instant, comment="when the bank was last asked about it"),
    Column("by_loan", Whole, nullable=False, server_default="0", comment="1: to be paid by a training loan"),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("by_loan IN (0, 1)", name="by_loan"),
    CheckConstraint("state IN ('open', 'paid', 'cancelled')", name="state"),
    Index("ix_payment_order_contract", "contract_id"),
    Index(
        "ix_payment_order_by_loan",
        "contract_id",
        sqlite_where=text("by_loan = 1"),
        postgresql_where=text("by_loan = 1"),
    ),
)

payment: Final = noun(
    "payment",
    Column("supervised_account", Name, nullable=False),
    Column("serial", Name, nullable=False, comment="the bank's own id of the credit"),
    Column("amount", Whole, nullable=False),
    Column("reference", Name, nullable=False),
    Column("remark", Text, nullable=False),
    Column("payer", Text, nullable=False),
    Column("payer_account", Name, nullable=False),
    Column("paid_at", Instant, nullable=False),
    Column("source", Text, nullable=False, comment="which of the bank's two words came first"),
    Column("recorded_at", Instant, nullable=False),
    Column("order_id", Whole, ForeignKey("payment_order.id")),
    Column("contract_id", Whole, ForeignKey("contract.id")),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, comment="why it stood in suspense; empty when placed at once"),
    Column("code", Text, nullable=False, server_default=""),
    UniqueConstraint("supervised_account", "serial"),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("source IN ('notification', 'statement', 'query')", name="source"),
    CheckConstraint("state IN ('placed', 'suspense', 'returning', 'returned', 'reversed')", name="state"),
    CheckConstraint("(state = 'placed') = (contract_id IS NOT NULL)", name="placed"),
    CheckConstraint("code IN ('', 'dynamic', 'static')", name="code"),
    Index("ix_payment_contract", "contract_id"),
    Index("ix_payment_state", "supervised_account", "state"),
)

later_word: Final = noun(
    "payment_later_word",
    Column("payment_id", Whole, ForeignKey("payment.id"), nullable=False, unique=True),
    Column("told_at", Instant, nullable=False),
)
"""When the bank's or a wallet's own word told of a payment that its statement, or a bill, had told of first;
append-only."""

shown_in_parts: Final = noun(
    "credit_in_parts",
    Column("supervised_account", Name, nullable=False),
    Column("serial", Name, nullable=False, comment="the bank's own id of the whole credit"),
    Column("amount", Whole, nullable=False, comment="fen of the whole credit"),
    Column("payment_id", Whole, ForeignKey("payment.id"), nullable=False, comment="the first of its payments"),
    Column("ended_at", Instant, comment="since when it is not so any more"),
    CheckConstraint("amount > 0", name="amount"),
    Index(
        "uq_credit_in_parts_standing",
        "supervised_account",
        "serial",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)
"""A credit of the bank whose money stands in the books as several payments (a channel's lump): word of it, whenever it
comes, books nothing besides."""

taking: Final = noun(
    "taking",
    Column("institution_id", Whole, ForeignKey("institution.id"), nullable=False),
    Column("contract_id", Whole, ForeignKey("contract.id"), comment="NULL: of several families, or of none yet"),
    Column("amount", Whole, nullable=False),
    Column("means", Text, nullable=False),
    Column("taken_on", Day, nullable=False),
    Column("reported_at", Instant, nullable=False),
    Column("reported_by", Text, nullable=False),
    Column("payment_id", Whole, ForeignKey("payment.id"), comment="the credit that brought it into the account"),
    Column("swept_on", Day, comment="the local day of that credit, by the bank's word"),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("means IN ('cash', 'wallet', 'card')", name="means"),
    CheckConstraint("(payment_id IS NULL) = (swept_on IS NULL)", name="swept"),
    CheckConstraint("swept_on >= taken_on", name="order"),
    Index("ix_taking_institution", "institution_id", "id"),
    Index("ix_taking_payment", "payment_id"),
)
"""Tuition that an institution took outside the supervised account, and the credit that swept it in."""

bank_event: Final = noun(
    "bank_event",
    Column("webhook_id", Name, nullable=False, unique=True),
    Column("key_id", Name, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("body", Text, nullable=False),
    Column("answer", Json, nullable=False),
)
"""What the bank said under its signature, word for word, and what we answered; append-only."""
