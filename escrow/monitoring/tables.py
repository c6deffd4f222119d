"""Alerts: one open alert for one fact; and the complaints of families, which the watch looks at."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint, text

from escrow.db import noun
from ledger.columns import Day, Instant, Json, Name, Whole

COMPLAINTS: Final = {
    "personal_code": "要求付款至个人收款码",
    "cash": "收取现金",
    "cheaper_outside": "以优惠诱导账户外付款",
    "late_lesson": "超时授课",
    "refused_refund": "拒绝退费",
    "service_fee": "退费时扣除手续费",
    "not_taught": "未按约授课",
    "other": "其他问题",
}
"""What families complain of, with the words for it."""

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

complaint: Final = noun(
    "complaint",
    Column("institution_id", Whole, ForeignKey("institution.id"), nullable=False),
    Column("guardian_id", Whole, ForeignKey("guardian.id"), comment="NULL: the bureau wrote down who is not named"),
    Column("contract_id", Whole, ForeignKey("contract.id")),
    Column("category", Text, nullable=False),
    Column("told", Text, nullable=False),
    Column("happened_on", Day, nullable=False),
    Column("filed_at", Instant, nullable=False),
    Column("filed_by", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("answer", Text),
    Column("answered_at", Instant),
    Column("answered_by", Text),
    CheckConstraint(f"category IN {tuple(COMPLAINTS)}", name="category"),
    CheckConstraint("state IN ('open', 'upheld', 'unfounded')", name="state"),
    CheckConstraint(
        "(state = 'open') = (answered_at IS NULL) AND (state = 'open') = (answer IS NULL)"
        " AND (state = 'open') = (answered_by IS NULL)",
        name="answered",
    ),
    Index("ix_complaint_institution", "institution_id", "category"),
    Index("ix_complaint_guardian", "guardian_id"),
)
"""Written by escrow.oversight.complaints; it stands in this wing because the watch may not look up there."""

risk_score: Final = noun(
    "risk_score",
    Column("institution_id", Whole, ForeignKey("institution.id"), nullable=False),
    Column("month", Name, nullable=False, comment="2026-10"),
    Column("score", Whole, nullable=False, comment="the sum of the points of its parts"),
    Column("parts", Json, nullable=False, comment="each part's figure, thresholds, weight, points and version"),
    Column("scored_at", Instant, nullable=False),
    UniqueConstraint("institution_id", "month"),
    CheckConstraint("score >= 0 AND score <= 100", name="score"),
)
"""How near an institution is to running away, by month: computed anew at each look, the last one stands."""
