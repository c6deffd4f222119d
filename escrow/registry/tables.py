"""Institutions, their courses and their rosters."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint

from escrow.db import noun
from ledger.columns import Day, Instant, Json, Name, Whole

institution: Final = noun(
    "institution",
    Column("name", Text, nullable=False),
    Column("credit_code", Name, nullable=False, unique=True),
    Column("licence_no", Name, nullable=False),
    Column("licence_expires", Day, nullable=False),
    Column("category", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("jurisdiction", Name, nullable=False),
    Column("supervised_account", Name, nullable=False, unique=True),
    Column("settlement_account", Name, nullable=False),
    Column("state", Text, nullable=False),
    Column("registered_at", Instant, nullable=False),
    CheckConstraint("category IN ('subject', 'non_subject')", name="category"),
    CheckConstraint("mode IN ('offline', 'online')", name="mode"),
    CheckConstraint("state IN ('open', 'closing', 'closed')", name="state"),
    CheckConstraint("supervised_account <> settlement_account", name="two_accounts"),
)

course: Final = noun(
    "course",
    Column("institution_id", Whole, ForeignKey("institution.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("list_price", Whole, nullable=False, comment="fen, one lesson"),
    Column("filed_at", Instant, nullable=False),
    CheckConstraint("list_price > 0", name="list_price"),
    UniqueConstraint("institution_id", "name"),
    Index("ix_course_institution", "institution_id"),
)

roster: Final = noun(
    "roster",
    Column("institution_id", Whole, ForeignKey("institution.id"), nullable=False),
    Column("month", Name, nullable=False, comment="the month of teaching, 2026-10"),
    Column("teachers", Json, nullable=False),
    Column("classes", Json, nullable=False),
    Column("rule", Text, comment="the rule version that asked for it; NULL: none did"),
    Column("due_on", Day),
    Column("filed_by", Text, nullable=False),
    Column("filed_at", Instant, nullable=False),
    CheckConstraint("(rule IS NULL) = (due_on IS NULL)", name="due_on"),
    Index("ix_roster_institution_month", "institution_id", "month", "id"),
)
"""Append-only: the last one of a month stands."""

merchant: Final = noun(
    "merchant",
    Column("channel", Text, nullable=False),
    Column("number", Name, nullable=False, comment="as the wallet numbers its merchants"),
    Column("supervised_account", Name, ForeignKey("institution.supervised_account"), nullable=False),
    Column("bound_at", Instant, nullable=False),
    UniqueConstraint("channel", "number"),
    CheckConstraint("channel IN ('wechat', 'alipay', 'unionpay')", name="channel"),
)
"""Which supervised account a wallet's merchant pays into."""
