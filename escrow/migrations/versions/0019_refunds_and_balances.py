"""Refunds that a payment channel pays back, in no file for the bank; balances that the bank confirmed on paper."""

import sqlalchemy as sa
from alembic import op

import ledger.columns
from escrow.migrations.births import check, number_by_region


revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _refunds()
    _confirmations()
    number_by_region(["balance_confirmation"])


def _refunds() -> None:
    op.add_column(
        "merchant_bill_row",
        sa.Column(
            "refund_number",
            _NAME,
            nullable=False,
            server_default="",
            comment="under which we asked for the refund",
        ),
    )
    op.add_column(
        "payout_instruction",
        sa.Column("channel", sa.Text(), comment="the payment channel that pays it back, in no file for the bank"),
    )
    sent = "(state IN ('instructed', 'withdrawn')) = (batch_id IS NULL AND channel IS NULL)"
    check("payout_instruction", "sent", sent)
    check("payout_instruction", "channel", "channel IS NULL OR (kind = 'refund' AND batch_id IS NULL)")


def _confirmations() -> None:
    entered = sa.text("state = 'entered'")
    op.create_table(
        "balance_confirmation",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("account", _NAME, nullable=False),
        sa.Column("day", ledger.columns.Day(), nullable=False),
        sa.Column("balance", _WHOLE, nullable=False, comment="fen at the end of the day"),
        sa.Column(
            "document", sa.Text(), nullable=False, comment="what paper of the bank says it: its name, number and date"
        ),
        sa.Column("statement_id", _WHOLE, nullable=True, comment="covers the day; NULL: before the first one"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", ledger.columns.Instant(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", ledger.columns.Instant(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it was rejected"),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_balance_confirmation_balance")),
        sa.CheckConstraint("state IN ('entered', 'approved', 'rejected')", name=op.f("ck_balance_confirmation_state")),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> entered_by", name=op.f("ck_balance_confirmation_four_eyes")
        ),
        sa.CheckConstraint("(state = 'entered') = (decided_by IS NULL)", name=op.f("ck_balance_confirmation_decided")),
        sa.CheckConstraint("state <> 'rejected' OR reason IS NOT NULL", name=op.f("ck_balance_confirmation_reason")),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["statement.id"], name=op.f("fk_balance_confirmation_statement_id_statement")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_balance_confirmation")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index(
        "uq_balance_confirmation_waiting",
        "balance_confirmation",
        ["account", "day"],
        unique=True,
        sqlite_where=entered,
        postgresql_where=entered,
    )
    op.create_index("ix_balance_confirmation_account", "balance_confirmation", ["account", "day"])
    for statement in _ON_SQLITE if op.get_bind().dialect.name == "sqlite" else _ON_POSTGRESQL:
        op.execute(statement)


# What was confirmed is decided once, and a signed day keeps by whose word it was signed.
_FIXED = ("id", "account", "day", "balance", "document", "statement_id", "entered_by", "entered_at")
_DECIDED_ONCE = "a confirmed balance is decided once, and never changed or deleted"
_BY_WHOSE_WORD = "a signed day is reopened, once, and never changed"


def _changed(differs: str) -> str:
    return " OR ".join(f"OLD.{each} {differs} NEW.{each}" for each in _FIXED)


_ON_SQLITE = (
    "ALTER TABLE day_signoff ADD COLUMN confirmation_id INTEGER REFERENCES balance_confirmation (id)",
    f"""CREATE TRIGGER balance_confirmation_kept BEFORE UPDATE ON balance_confirmation
WHEN OLD.state <> 'entered' OR {_changed("IS NOT")}
BEGIN SELECT RAISE(ABORT, '{_DECIDED_ONCE}'); END""",
    f"""CREATE TRIGGER balance_confirmation_no_delete BEFORE DELETE ON balance_confirmation
BEGIN SELECT RAISE(ABORT, '{_DECIDED_ONCE}'); END""",
    f"""CREATE TRIGGER day_signoff_by_whose_word BEFORE UPDATE ON day_signoff
WHEN OLD.confirmation_id IS NOT NEW.confirmation_id
BEGIN SELECT RAISE(ABORT, '{_BY_WHOSE_WORD}'); END""",
)
_REFUSES = """CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
IF {condition} THEN RAISE EXCEPTION '{why}' USING ERRCODE = 'restrict_violation'; END IF; RETURN NEW; END $$"""
_ON_POSTGRESQL = (
    "ALTER TABLE day_signoff ADD COLUMN confirmation_id BIGINT"
    " CONSTRAINT fk_day_signoff_confirmation_id REFERENCES balance_confirmation (id)",
    "COMMENT ON COLUMN day_signoff.confirmation_id IS 'says its balance; NULL: the statement'",
    "COMMENT ON COLUMN day_signoff.statement_id IS 'the one that covers it'",
    _REFUSES.format(
        name="balance_confirmation_kept",
        condition=f"TG_OP <> 'UPDATE' OR OLD.state <> 'entered' OR {_changed('IS DISTINCT FROM')}",
        why=_DECIDED_ONCE,
    ),
    "CREATE TRIGGER balance_confirmation_kept BEFORE UPDATE OR DELETE ON balance_confirmation"
    " FOR EACH ROW EXECUTE FUNCTION balance_confirmation_kept()",
    _REFUSES.format(
        name="day_signoff_by_whose_word",
        condition="OLD.confirmation_id IS DISTINCT FROM NEW.confirmation_id",
        why=_BY_WHOSE_WORD,
    ),
    "CREATE TRIGGER day_signoff_by_whose_word BEFORE UPDATE ON day_signoff"
    " FOR EACH ROW EXECUTE FUNCTION day_signoff_by_whose_word()",
)
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
