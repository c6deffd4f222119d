"""Institutions and their courses."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint

from escrow.db import noun
from ledger.columns import Day, Instant, Name, Whole

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
