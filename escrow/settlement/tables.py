"""The bank's statements, what each line was matched with, and what is still open."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint

from escrow.db import noun
from ledger.columns import Day, Instant, Name, Whole

statement: Final = noun(
    "statement",
    Column("account", Name, nullable=False),
    Column("identifier", Text, nullable=False, comment="the bank's own id of it, if it gives one"),
    Column("format", Text, nullable=False),
    Column("begins", Day, nullable=False),
    Column("ends", Day, nullable=False),
    Column("opening", Whole),
    Column("closing", Whole),
    Column("lines", Whole, nullable=False),
    Column("sha256", Name, nullable=False, comment="of the file it stood in"),
    Column("imported_at", Instant, nullable=False),
    Column("imported_by", Text, nullable=False),
    UniqueConstraint("sha256", "account", "begins", "ends"),
    CheckConstraint("ends >= begins", name="span"),
    Index("ix_statement_account", "account", "ends"),
)

statement_line: Final = noun(
    "statement_line",
    Column("statement_id", Whole, ForeignKey("statement.id"), nullable=False),
    Column("account", Name, nullable=False),
    Column("key", Name, nullable=False, comment="its identity over all files that may repeat it"),
    Column("number", Whole, nullable=False),
    Column("booked_on", Day, nullable=False),
    Column("booked_at", Instant, nullable=False, comment="midnight where the bank gives no time"),
    Column("amount", Whole, nullable=False, comment="fen; positive: money in"),
    Column("balance", Whole),
    Column("serial", Name, nullable=False),
    Column("end_to_end", Name, nullable=False),
    Column("remark", Text, nullable=False),
    Column("counterparty", Text, nullable=False),
    Column("counterparty_account", Name, nullable=False),
    Column("reversal", Whole, nullable=False),
    Column("nature", Text, nullable=False),
    UniqueConstraint("account", "key"),
    CheckConstraint("reversal IN (0, 1)", name="reversal"),
    Index("ix_statement_line_statement", "statement_id"),
    Index("ix_statement_line_day", "account", "booked_on"),
)
"""Append-only: what the bank wrote stays as it wrote it."""

match: Final = noun(
    "statement_match",
    Column("line_id", Whole, ForeignKey("statement_line.id"), nullable=False, unique=True),
    Column("payment_id", Whole, ForeignKey("payment.id"), unique=True),
    Column("instruction_id", Whole, ForeignKey("payout_instruction.id"), unique=True),
    Column("rule", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("matched_at", Instant, nullable=False),
    CheckConstraint("payment_id IS NULL OR instruction_id IS NULL", name="one_side"),
)
"""A line and what it is: a payment, a payout, or (neither) interest or a fee booked from it."""

break_: Final = noun(
    "statement_break",
    Column("account", Name, nullable=False),
    Column("kind", Text, nullable=False),
    Column("line_id", Whole, ForeignKey("statement_line.id")),
    Column("payment_id", Whole, ForeignKey("payment.id")),
    Column("instruction_id", Whole, ForeignKey("payout_instruction.id")),
    Column("amount", Whole, nullable=False),
    Column("detail", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("due_on", Day, nullable=False),
    Column("closed_at", Instant),
    Index("ix_statement_break_account", "account", "closed_at"),
)
