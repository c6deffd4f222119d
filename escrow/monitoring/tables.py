"""Alerts: one open alert for one fact."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, text

from escrow.db import noun
from ledger.columns import Day, Instant, Json, Name, Whole

alert: Final = noun(
    "alert",
    Column("fact", Name, nullable=False, comment="what it is about, by rule: a second look finds the same"),
    Column("institution_id", Whole, ForeignKey("institution.id"), nullable=False),
    Column("contract_id", Whole, ForeignKey("contract.id")),
    Column("rule", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("citation", Json, nullable=False),
    Column("limit_text", Text, nullable=False),
    Column("found_text", Text, nullable=False),
    Column("zh", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("evidence", Json, nullable=False),
    Column("state", Text, nullable=False),
    Column("seen", Whole, nullable=False, comment="how often it was found while open"),
    Column("opened_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("due_on", Day, nullable=False),
    Column("owner", Text),
    Column("closed_at", Instant),
    Column("closing_reason", Text),
    CheckConstraint("state IN ('open', 'acknowledged', 'resolved', 'dismissed')", name="state"),
    CheckConstraint("(state IN ('resolved', 'dismissed')) = (closed_at IS NOT NULL)", name="closed"),
    CheckConstraint("closed_at IS NULL OR closing_reason IS NOT NULL", name="closing_reason"),
    CheckConstraint("state = 'open' OR owner IS NOT NULL", name="owner"),
    Index(
        "uq_alert_fact_live",
        "fact",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
    Index("ix_alert_state", "state", "id"),
)
