"""Alerts with their evidence, history, notices and subscribers; and the complaints of families, for the watch."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint, text

from escrow.db import noun
from ledger.columns import Bytes, Day, Instant, Json, Name, Whole

SEVERITIES: Final = ("notice", "serious", "grave")
"""From the least to the gravest: 一般, 较重, 严重."""

_LIVE: Final = text("closed_at IS NULL")

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
    Column("institution_id", Whole, ForeignKey("institution.id"), comment="NULL: nobody's that is registered here"),
    Column("contract_id", Whole, ForeignKey("contract.id")),
    Column("rule", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("citation", Json, nullable=False),
    Column("severity", Text, nullable=False),
    Column("limit_text", Text, nullable=False),
    Column("found_text", Text, nullable=False),
    Column("zh", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("evidence", Json, nullable=False, comment="of the newest sighting"),
    Column("state", Text, nullable=False),
    Column("seen", Whole, nullable=False, comment="how many looks have found it"),
    Column("opened_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("due_on", Day, nullable=False, comment="to act by; once rectification is ordered, its deadline"),
    Column("owner", Text),
    Column("reopens", Whole, ForeignKey("alert.id"), comment="the alert that the same fact had before"),
    Column("dismissal_by", Text, comment="who proposes that it is nothing"),
    Column("dismissal_reason", Text),
    Column("quiet_until", Day, comment="the last day on which the same figures, dismissed, open no new alert"),
    Column("closed_at", Instant),
    Column("closed_by", Text),
    Column("closing_reason", Text),
    CheckConstraint(f"severity IN {SEVERITIES}", name="severity"),
    CheckConstraint(
        "state IN ('open', 'acknowledged', 'investigating', 'rectification_ordered', 'escalated', 'resolved',"
        " 'dismissed')",
        name="state",
    ),
    CheckConstraint("(state IN ('resolved', 'dismissed')) = (closed_at IS NOT NULL)", name="closed"),
    CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name="closed_by"),
    CheckConstraint("closed_at IS NULL OR closing_reason IS NOT NULL", name="closing_reason"),
    CheckConstraint("state = 'open' OR owner IS NOT NULL", name="owner"),
    CheckConstraint("(dismissal_by IS NULL) = (dismissal_reason IS NULL)", name="dismissal"),
    CheckConstraint("quiet_until IS NULL OR dismissal_by IS NOT NULL", name="quiet_until"),
    CheckConstraint("state <> 'dismissed' OR dismissal_by IS NOT NULL", name="second_eyes"),
    CheckConstraint("state <> 'dismissed' OR dismissal_by <> closed_by", name="four_eyes"),
    Index("uq_alert_fact_live", "fact", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
    Index("ix_alert_fact", "fact", "id"),
    Index("ix_alert_state", "state", "id"),
    Index("ix_alert_institution", "institution_id", "id"),
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

alert_sighting: Final = noun(
    "alert_sighting",
    Column("alert_id", Whole, ForeignKey("alert.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("version", Name, nullable=False),
    Column("limit_text", Text, nullable=False),
    Column("found_text", Text, nullable=False),
    Column("evidence", Json, nullable=False),
    Index("ix_alert_sighting_alert", "alert_id", "id"),
)
"""What each look found; append-only. A repeat adds one of these and no alert."""

alert_step: Final = noun(
    "alert_step",
    Column("alert_id", Whole, ForeignKey("alert.id"), nullable=False),
    Column("move", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("reason", Text),
    Column("facts", Json, nullable=False),
    Column("alert", Json, nullable=False, comment="the alert as it stood after the step"),
    Column("xact", Whole, nullable=False, server_default=text("0"), comment="the writing transaction, in commit order"),
    Index("ix_alert_step_alert", "alert_id", "id"),
    Index("ix_alert_step_commit_order", "xact", "id"),
)
"""The history of alerts, which is also what is told to the outside; append-only."""

rectification_notice: Final = noun(
    "rectification_notice",
    Column("alert_id", Whole, ForeignKey("alert.id"), nullable=False),
    Column("year", Whole, nullable=False),
    Column("serial", Whole, nullable=False, comment="of the year, from 1"),
    Column("number", Name, nullable=False, unique=True),
    Column("measures", Json, nullable=False),
    Column("deadline", Day, nullable=False),
    Column("ordered_by", Text, nullable=False),
    Column("ordered_at", Instant, nullable=False),
    Column("pdf", Bytes, nullable=False, comment="as it was sent out, byte for byte"),
    Column("sha256", Text, nullable=False),
    UniqueConstraint("year", "serial"),
    CheckConstraint("serial > 0", name="serial"),
    CheckConstraint("length(sha256) = 64", name="sha256"),
    Index("ix_rectification_notice_alert", "alert_id", "id"),
)
"""The notices to rectify (限期整改通知书) that were sent out; append-only."""

alert_subscriber: Final = noun(
    "alert_subscriber",
    Column("channel", Text, nullable=False),
    Column("address", Name, nullable=False, comment="a URL, or an e-mail address"),
    Column("secret", Text, comment="base64; what webhooks to it are signed with"),
    Column("least", Text, nullable=False, comment="the least severity that it is told of"),
    Column("added_by", Text, nullable=False),
    Column("added_at", Instant, nullable=False),
    Column("ended_at", Instant),
    CheckConstraint("channel IN ('webhook', 'email')", name="channel"),
    CheckConstraint("(channel = 'webhook') = (secret IS NOT NULL)", name="secret"),
    CheckConstraint(f"least IN {SEVERITIES}", name="least"),
    Index(
        "uq_alert_subscriber_live",
        "address",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

_UNDELIVERED: Final = text("state <> 'delivered'")

alert_delivery: Final = noun(
    "alert_delivery",
    Column("subscriber_id", Whole, ForeignKey("alert_subscriber.id"), nullable=False),
    Column("alert_id", Whole, ForeignKey("alert.id"), nullable=False),
    Column("step_id", Whole, ForeignKey("alert_step.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Whole, nullable=False),
    Column("due_at", Instant, nullable=False, comment="not tried before; while it is being sent, the lease's end"),
    Column("delivered_at", Instant),
    Column("failure", Text, comment="why the last attempt failed"),
    UniqueConstraint("subscriber_id", "step_id"),
    CheckConstraint("state IN ('waiting', 'delivered', 'dead')", name="state"),
    CheckConstraint("(state = 'delivered') = (delivered_at IS NOT NULL)", name="delivered"),
    CheckConstraint("attempts >= 0", name="attempts"),
    Index(
        "ix_alert_delivery_in_order",
        "subscriber_id",
        "alert_id",
        "id",
        sqlite_where=_UNDELIVERED,
        postgresql_where=_UNDELIVERED,
    ),
    Index("ix_alert_delivery_due", "state", "due_at"),
)
"""The outbox: each step that a subscriber is to be told of, written in the step's own transaction."""
