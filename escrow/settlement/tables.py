"""The bank's statements, what each line was matched with, and what is still open."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint, text

from escrow.db import noun
from ledger.columns import Day, Instant, Json, Name, Whole


def _one_standing(table: str, column: str) -> Index:
    """In one match at a time; those that were undone do not count."""
    standing = text("undone_at IS NULL")
    return Index(f"uq_{table}_{column}", column, unique=True, sqlite_where=standing, postgresql_where=standing)


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

match_proposal: Final = noun(
    "match_proposal",
    Column("account", Name, nullable=False),
    Column("rule", Text, nullable=False, comment="manual, or the pass of the matching that found it"),
    Column("evidence", Text, nullable=False),
    Column("books", Text, comment="what a line without a counterpart is: interest, fee, or a credit"),
    Column("difference", Whole, nullable=False, comment="fen by which lines exceed items: to be written off"),
    Column("allowed", Whole, nullable=False, comment="the write-off limit of that moment, fen"),
    Column("fingerprint", Name, nullable=False, comment="its lines and items: proposed once at a time"),
    Column("state", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", Instant, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", Instant),
    Column("reason", Text, comment="why it was declined"),
    CheckConstraint("books IN ('interest', 'fee', 'credit')", name="books"),
    CheckConstraint("allowed >= 0 AND difference BETWEEN -allowed AND allowed", name="difference"),
    CheckConstraint("state IN ('proposed', 'approved', 'declined', 'lapsed')", name="state"),
    CheckConstraint("decided_by IS NULL OR decided_by <> proposed_by", name="four_eyes"),
    CheckConstraint("(state IN ('approved', 'declined')) = (decided_by IS NOT NULL)", name="decided"),
    CheckConstraint("state <> 'declined' OR reason IS NOT NULL", name="reason"),
    Index(
        "uq_match_proposal_waiting",
        "fingerprint",
        unique=True,
        sqlite_where=text("state = 'proposed'"),
        postgresql_where=text("state = 'proposed'"),
    ),
    Index("ix_match_proposal_account", "account", "state"),
)
"""A match that two people make: one proposes (or runs a rule that may err), another approves.

It has lapsed when another match took a part of it meanwhile.
"""

proposal_side: Final = noun(
    "match_proposal_side",
    Column("proposal_id", Whole, ForeignKey("match_proposal.id"), nullable=False),
    Column("line_id", Whole, ForeignKey("statement_line.id")),
    Column("payment_id", Whole, ForeignKey("payment.id")),
    Column("instruction_id", Whole, ForeignKey("payout_instruction.id")),
    CheckConstraint(
        "CASE WHEN line_id IS NULL THEN 0 ELSE 1 END + CASE WHEN payment_id IS NULL THEN 0 ELSE 1 END"
        " + CASE WHEN instruction_id IS NULL THEN 0 ELSE 1 END = 1",
        name="one",
    ),
    Index("ix_match_proposal_side", "proposal_id"),
)
"""One line, payment or payout of a proposal; append-only."""

write_off_limit: Final = noun(
    "write_off_limit",
    Column("amount", Whole, nullable=False, comment="fen; the last row is in force"),
    Column("why", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", Instant, nullable=False),
    CheckConstraint("amount >= 0", name="amount"),
)
"""How much of a difference may be written off, and by which decision; append-only."""

match: Final = noun(
    "statement_match",
    Column("account", Name, nullable=False),
    Column("first_id", Whole, ForeignKey("statement_match.id"), comment="the row of the same match that comes first"),
    Column("line_id", Whole, ForeignKey("statement_line.id")),
    Column("payment_id", Whole, ForeignKey("payment.id")),
    Column("instruction_id", Whole, ForeignKey("payout_instruction.id")),
    Column("rule", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("matched_at", Instant, nullable=False),
    Column("matched_by", Text, nullable=False),
    Column("proposal_id", Whole, ForeignKey("match_proposal.id"), comment="the two people behind it; NULL: a rule"),
    Column("reverses_id", Whole, ForeignKey("statement_match.id"), comment="the match whose line the bank took back"),
    Column("booked", Whole, nullable=False, comment="fen that its own transfers moved on the bank account"),
    Column("booked_on", Day, comment="the local day on which those count"),
    Column("own", Name, comment="the bank's own account that took a part of it: interest, fees"),
    Column("own_amount", Whole, nullable=False, comment="fen of it, as the bank signs them"),
    Column("transfers", Json, nullable=False, comment="the references of its own transfers"),
    Column("undone_at", Instant),
    Column("undone_by", Text),
    Column("undone_why", Text),
    CheckConstraint("payment_id IS NULL OR instruction_id IS NULL", name="one_side"),
    CheckConstraint("line_id IS NOT NULL OR payment_id IS NOT NULL OR instruction_id IS NOT NULL", name="something"),
    CheckConstraint("first_id IS NULL OR (booked = 0 AND own IS NULL AND reverses_id IS NULL)", name="booked_once"),
    CheckConstraint("own IN ('interest', 'fees') AND own_amount <> 0 OR own IS NULL AND own_amount = 0", name="own"),
    CheckConstraint("(booked = 0) = (booked_on IS NULL)", name="booked"),
    CheckConstraint(
        "(undone_at IS NULL) = (undone_by IS NULL) AND (undone_at IS NULL) = (undone_why IS NULL)", name="undone"
    ),
    *(
        _one_standing("statement_match", column)
        for column in ("line_id", "payment_id", "instruction_id", "reverses_id")
    ),
    Index("ix_statement_match_first", "first_id"),
    Index("ix_statement_match_account", "account", "undone_at"),
)
"""A line and what it is: a payment, a payout, or (neither) what was booked from it alone.

Several lines or items of one match are rows that point at its first. A match that was undone stays, and says who undid
it, when and why; the database lets a line, a payment and a payout stand in one match at a time.
"""

STANDS: Final = match.c.undone_at.is_(None)
"""For a join with matches: those that were not undone."""

late_line: Final = noun(
    "statement_late_line",
    Column("statement_id", Whole, ForeignKey("statement.id"), nullable=False),
    Column("account", Name, nullable=False),
    Column("key", Name, nullable=False),
    Column("booked_on", Day, nullable=False),
    Column("amount", Whole, nullable=False),
    Column("line", Json, nullable=False, comment="the line as it is taken in when its day is reopened"),
    Column("taken_at", Instant),
    UniqueConstraint("account", "key"),
)
"""A line that a file brings for a day that is signed off: kept apart until somebody reopens the day."""

reopening: Final = noun(
    "day_reopening",
    Column("account", Name, nullable=False),
    Column("day", Day, nullable=False, comment="this day and all later ones"),
    Column("reason", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", Instant),
    CheckConstraint("state IN ('requested', 'approved', 'rejected')", name="state"),
    CheckConstraint("decided_by IS NULL OR decided_by <> asked_by", name="four_eyes"),
    CheckConstraint("(state = 'requested') = (decided_by IS NULL)", name="decided"),
    Index(
        "uq_day_reopening_waiting",
        "account",
        unique=True,
        sqlite_where=text("state = 'requested'"),
        postgresql_where=text("state = 'requested'"),
    ),
)

confirmation: Final = noun(
    "balance_confirmation",
    Column("account", Name, nullable=False),
    Column("day", Day, nullable=False),
    Column("balance", Whole, nullable=False, comment="fen at the end of the day"),
    Column("document", Text, nullable=False, comment="what paper of the bank says it: its name, number and date"),
    Column("statement_id", Whole, ForeignKey("statement.id"), comment="covers the day; NULL: before the first one"),
    Column("state", Text, nullable=False),
    Column("entered_by", Text, nullable=False),
    Column("entered_at", Instant, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", Instant),
    Column("reason", Text, comment="why it was rejected"),
    CheckConstraint("balance >= 0", name="balance"),
    CheckConstraint("state IN ('entered', 'approved', 'rejected')", name="state"),
    CheckConstraint("decided_by IS NULL OR decided_by <> entered_by", name="four_eyes"),
    CheckConstraint("(state = 'entered') = (decided_by IS NULL)", name="decided"),
    CheckConstraint("state <> 'rejected' OR reason IS NOT NULL", name="reason"),
    Index(
        "uq_balance_confirmation_waiting",
        "account",
        "day",
        unique=True,
        sqlite_where=text("state = 'entered'"),
        postgresql_where=text("state = 'entered'"),
    ),
    Index("ix_balance_confirmation_account", "account", "day"),
)
"""What the bank confirmed on paper that an account held at the end of a day of which no file states a balance; one
person enters it, another approves. Of several for a day the last approved one counts."""

signoff: Final = noun(
    "day_signoff",
    Column("account", Name, nullable=False),
    Column("day", Day, nullable=False),
    Column("statement_id", Whole, ForeignKey("statement.id"), nullable=False, comment="the one that covers it"),
    Column("ledger_balance", Whole, nullable=False),
    Column("differences", Json, nullable=False, comment="named, in fen"),
    Column("statement_balance", Whole, nullable=False),
    Column("owed", Json, nullable=False, comment="to whom, in fen by kind"),
    Column("signed_by", Text, nullable=False),
    Column("signed_at", Instant, nullable=False),
    Column("reopening_id", Whole, ForeignKey("day_reopening.id"), comment="NULL: the day stands signed"),
    Column(
        "confirmation_id", Whole, ForeignKey("balance_confirmation.id"), comment="says its balance; NULL: the statement"
    ),
    Index(
        "uq_day_signoff_standing",
        "account",
        "day",
        unique=True,
        sqlite_where=text("reopening_id IS NULL"),
        postgresql_where=text("reopening_id IS NULL"),
    ),
)
"""A day of an account that somebody has signed off, with what was proved then. It freezes the day and all before."""

suspense_owner: Final = noun(
    "suspense_owner",
    Column("payment_id", Whole, ForeignKey("payment.id"), nullable=False),
    Column("owner", Text, nullable=False),
    Column("assigned_by", Text, nullable=False),
    Column("assigned_at", Instant, nullable=False),
    Index("ix_suspense_owner_payment", "payment_id"),
)
"""Who looks for the owner of a payment in suspense; the last row of a payment counts; append-only."""

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
    Column("late_line_id", Whole, ForeignKey("statement_late_line.id")),
    Column("channel_day", Name, comment="channel/merchant/day of a bill whose net has not come"),
    Column("assigned_by", Text),
    Column("assigned_at", Instant, comment="NULL: it lies with the office, nobody has taken it"),
    Index("ix_statement_break_account", "account", "closed_at"),
    Index("ix_statement_break_line", "line_id"),
)
