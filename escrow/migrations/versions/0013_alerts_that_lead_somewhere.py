"""Alerts that lead somewhere: their life, evidence, history and notices, and the outbox by which others are told."""

import sqlalchemy as sa
from alembic import op

import ledger.columns
from escrow.migrations.births import guard, number_by_region


revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Its checks change, which SQLite can only do by making the table anew.
    op.execute("CREATE TABLE alert_before AS SELECT * FROM alert")
    op.drop_table("alert")
    op.create_table(
        "alert",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("fact", _NAME, nullable=False, comment="what it is about, by rule: a second look finds the same"),
        sa.Column("institution_id", _WHOLE, nullable=True, comment="NULL: nobody's that is registered here"),
        sa.Column("contract_id", _WHOLE, nullable=True),
        sa.Column("rule", _NAME, nullable=False),
        sa.Column("version", _NAME, nullable=False),
        sa.Column("citation", ledger.columns.Json(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("limit_text", sa.Text(), nullable=False),
        sa.Column("found_text", sa.Text(), nullable=False),
        sa.Column("zh", sa.Text(), nullable=False),
        sa.Column("en", sa.Text(), nullable=False),
        sa.Column("evidence", ledger.columns.Json(), nullable=False, comment="of the newest sighting"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("seen", _WHOLE, nullable=False, comment="how many looks have found it"),
        sa.Column("opened_at", ledger.columns.Instant(), nullable=False),
        sa.Column("seen_at", ledger.columns.Instant(), nullable=False),
        sa.Column(
            "due_on",
            ledger.columns.Day(),
            nullable=False,
            comment="to act by; once rectification is ordered, its deadline",
        ),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("reopens", _WHOLE, nullable=True, comment="the alert that the same fact had before"),
        sa.Column("dismissal_by", sa.Text(), nullable=True, comment="who proposes that it is nothing"),
        sa.Column("dismissal_reason", sa.Text(), nullable=True),
        sa.Column(
            "quiet_until",
            ledger.columns.Day(),
            nullable=True,
            comment="the last day on which the same figures, dismissed, open no new alert",
        ),
        sa.Column("closed_at", ledger.columns.Instant(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("closing_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state IN ('resolved', 'dismissed')) = (closed_at IS NOT NULL)", name=op.f("ck_alert_closed")
        ),
        sa.CheckConstraint("severity IN ('notice', 'serious', 'grave')", name=op.f("ck_alert_severity")),
        sa.CheckConstraint("state <> 'dismissed' OR dismissal_by <> closed_by", name=op.f("ck_alert_four_eyes")),
        sa.CheckConstraint("state <> 'dismissed' OR dismissal_by IS NOT NULL", name=op.f("ck_alert_second_eyes")),
        sa.CheckConstraint("state = 'open' OR owner IS NOT NULL", name=op.f("ck_alert_owner")),
        sa.CheckConstraint(
            "state IN ('open', 'acknowledged', 'investigating', 'rectification_ordered', 'escalated', 'resolved', 'dismissed')",
            name=op.f("ck_alert_state"),
        ),
        sa.CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name=op.f("ck_alert_closed_by")),
        sa.CheckConstraint("(dismissal_by IS NULL) = (dismissal_reason IS NULL)", name=op.f("ck_alert_dismissal")),
        sa.CheckConstraint("closed_at IS NULL OR closing_reason IS NOT NULL", name=op.f("ck_alert_closing_reason")),
        sa.CheckConstraint("quiet_until IS NULL OR dismissal_by IS NOT NULL", name=op.f("ck_alert_quiet_until")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_alert_contract_id")),
        sa.ForeignKeyConstraint(["institution_id"], ["institution.id"], name=op.f("fk_alert_institution_id")),
        sa.ForeignKeyConstraint(["reopens"], ["alert.id"], name=op.f("fk_alert_reopens")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_alert_fact", "alert", ["fact", "id"], unique=False)
    op.create_index("ix_alert_institution", "alert", ["institution_id", "id"], unique=False)
    op.create_index("ix_alert_state", "alert", ["state", "id"], unique=False)
    op.create_index(
        "uq_alert_fact_live",
        "alert",
        ["fact"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "alert_sighting",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("alert_id", _WHOLE, nullable=False),
        sa.Column("at", ledger.columns.Instant(), nullable=False),
        sa.Column("version", _NAME, nullable=False),
        sa.Column("limit_text", sa.Text(), nullable=False),
        sa.Column("found_text", sa.Text(), nullable=False),
        sa.Column("evidence", ledger.columns.Json(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_sighting_alert_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_sighting")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_alert_sighting_alert", "alert_sighting", ["alert_id", "id"], unique=False)
    op.create_table(
        "alert_step",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("alert_id", _WHOLE, nullable=False),
        sa.Column("move", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("at", ledger.columns.Instant(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("facts", ledger.columns.Json(), nullable=False),
        sa.Column("alert", ledger.columns.Json(), nullable=False, comment="the alert as it stood after the step"),
        sa.Column(
            "xact",
            _WHOLE,
            server_default=sa.text("0"),
            nullable=False,
            comment="the writing transaction, in commit order",
        ),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_step_alert_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_step")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_alert_step_alert", "alert_step", ["alert_id", "id"], unique=False)
    op.create_index("ix_alert_step_commit_order", "alert_step", ["xact", "id"], unique=False)
    op.create_table(
        "rectification_notice",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("alert_id", _WHOLE, nullable=False),
        sa.Column("year", _WHOLE, nullable=False),
        sa.Column("serial", _WHOLE, nullable=False, comment="of the year, from 1"),
        sa.Column("number", _NAME, nullable=False),
        sa.Column("measures", ledger.columns.Json(), nullable=False),
        sa.Column("deadline", ledger.columns.Day(), nullable=False),
        sa.Column("ordered_by", sa.Text(), nullable=False),
        sa.Column("ordered_at", ledger.columns.Instant(), nullable=False),
        sa.Column("pdf", sa.LargeBinary(), nullable=False, comment="as it was sent out, byte for byte"),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.CheckConstraint("length(sha256) = 64", name=op.f("ck_rectification_notice_sha256")),
        sa.CheckConstraint("serial > 0", name=op.f("ck_rectification_notice_serial")),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_rectification_notice_alert_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rectification_notice")),
        sa.UniqueConstraint("number", name=op.f("uq_rectification_notice_number")),
        sa.UniqueConstraint("year", "serial", name=op.f("uq_rectification_notice_year_serial")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_rectification_notice_alert", "rectification_notice", ["alert_id", "id"], unique=False)
    op.create_table(
        "alert_subscriber",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", _NAME, nullable=False, comment="a URL, or an e-mail address"),
        sa.Column("secret", sa.Text(), nullable=True, comment="base64; what webhooks to it are signed with"),
        sa.Column("least", sa.Text(), nullable=False, comment="the least severity that it is told of"),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("added_at", ledger.columns.Instant(), nullable=False),
        sa.Column("ended_at", ledger.columns.Instant(), nullable=True),
        sa.CheckConstraint("(channel = 'webhook') = (secret IS NOT NULL)", name=op.f("ck_alert_subscriber_secret")),
        sa.CheckConstraint("channel IN ('webhook', 'email')", name=op.f("ck_alert_subscriber_channel")),
        sa.CheckConstraint("least IN ('notice', 'serious', 'grave')", name=op.f("ck_alert_subscriber_least")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_subscriber")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index(
        "uq_alert_subscriber_live",
        "alert_subscriber",
        ["address"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "alert_delivery",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("subscriber_id", _WHOLE, nullable=False),
        sa.Column("alert_id", _WHOLE, nullable=False),
        sa.Column("step_id", _WHOLE, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", _WHOLE, nullable=False),
        sa.Column(
            "due_at",
            ledger.columns.Instant(),
            nullable=False,
            comment="not tried before; while it is being sent, the lease's end",
        ),
        sa.Column("delivered_at", ledger.columns.Instant(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True, comment="why the last attempt failed"),
        sa.CheckConstraint(
            "(state = 'delivered') = (delivered_at IS NOT NULL)", name=op.f("ck_alert_delivery_delivered")
        ),
        sa.CheckConstraint("state IN ('waiting', 'delivered', 'dead')", name=op.f("ck_alert_delivery_state")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_alert_delivery_attempts")),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_delivery_alert_id")),
        sa.ForeignKeyConstraint(["step_id"], ["alert_step.id"], name=op.f("fk_alert_delivery_step_id")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["alert_subscriber.id"], name=op.f("fk_alert_delivery_subscriber_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_delivery")),
        sa.UniqueConstraint("subscriber_id", "step_id", name=op.f("uq_alert_delivery_subscriber_id_step_id")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_alert_delivery_due", "alert_delivery", ["state", "due_at"], unique=False)
    op.create_index(
        "ix_alert_delivery_in_order",
        "alert_delivery",
        ["subscriber_id", "alert_id", "id"],
        unique=False,
        sqlite_where=sa.text("state <> 'delivered'"),
        postgresql_where=sa.text("state <> 'delivered'"),
    )

    number_by_region(
        ["alert", "alert_sighting", "alert_step", "rectification_notice", "alert_subscriber", "alert_delivery"]
    )
    guard(["alert_sighting", "alert_step", "rectification_notice"])
    for statement in _FILLED:
        op.execute(statement)
    if op.get_bind().dialect.name == "postgresql":
        # The ids go on where they stood, and a step keeps its place in the order of commits (ledger_transfer does too).
        op.execute(
            "SELECT setval(pg_get_serial_sequence('alert', 'id'), max(id)) FROM alert HAVING max(id) IS NOT NULL"
        )
        op.execute("ALTER TABLE alert_step ALTER COLUMN xact SET DEFAULT pg_current_xact_id()::text::bigint")


_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

# Until now one person closed an alert, and who had taken it was who closed it; no severity was kept.
_FILLED = (
    "INSERT INTO alert (id, fact, institution_id, contract_id, rule, version, citation, severity, limit_text,"
    " found_text, zh, en, evidence, state, seen, opened_at, seen_at, due_on, owner, dismissal_by, dismissal_reason,"
    " closed_at, closed_by, closing_reason)"
    " SELECT id, fact, institution_id, contract_id, rule, version, citation, 'serious', limit_text,"
    " found_text, zh, en, evidence, state, seen, opened_at, seen_at, due_on, owner,"
    " CASE WHEN state = 'dismissed' THEN '(by one person alone, as it was then)' END,"
    " CASE WHEN state = 'dismissed' THEN closing_reason END,"
    " closed_at, CASE WHEN closed_at IS NOT NULL THEN owner END, closing_reason FROM alert_before ORDER BY id",
    "INSERT INTO alert_sighting (alert_id, at, version, limit_text, found_text, evidence)"
    " SELECT id, seen_at, version, limit_text, found_text, evidence FROM alert_before ORDER BY id",
    "DROP TABLE alert_before",
)
