"""The ledger's two tables, and what the database itself refuses."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Identity, Index, MetaData, Table, Text, text

from ledger.columns import Instant, Name, Whole

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_AVAILABLE: Final = (
    "CASE WHEN kind IN ('asset', 'expense')"
    " THEN debits_posted - credits_posted - credits_pending"
    " ELSE credits_posted - debits_posted - debits_pending END"
)

account: Final = Table(
    "ledger_account",
    metadata,
    Column("id", Whole, Identity(), primary_key=True),
    Column("path", Name, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("overdraft", Text, comment="why this account may go below zero; NULL: it may not"),
    Column("state", Text, nullable=False, server_default="open"),
    Column("debits_posted", Whole, nullable=False, server_default="0"),
    Column("credits_posted", Whole, nullable=False, server_default="0"),
    Column("debits_pending", Whole, nullable=False, server_default="0"),
    Column("credits_pending", Whole, nullable=False, server_default="0"),
    CheckConstraint("kind IN ('asset', 'liability', 'income', 'expense')", name="kind"),
    CheckConstraint("length(currency) = 3", name="currency"),
    CheckConstraint("state IN ('open', 'frozen', 'closed')", name="state"),
    CheckConstraint(
        "debits_posted >= 0 AND credits_posted >= 0 AND debits_pending >= 0 AND credits_pending >= 0",
        name="totals",
    ),
    CheckConstraint(f"overdraft IS NOT NULL OR {_AVAILABLE} >= 0", name="floor"),
    CheckConstraint(
        "state <> 'closed' OR (debits_posted = credits_posted AND debits_pending + credits_pending = 0)",
        name="closed_is_empty",
    ),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

transfer: Final = Table(
    "ledger_transfer",
    metadata,
    Column("id", Whole, Identity(), primary_key=True),
    Column("debit_id", Whole, ForeignKey("ledger_account.id"), nullable=False),
    Column("credit_id", Whole, ForeignKey("ledger_account.id"), nullable=False),
    Column("amount", Whole, nullable=False, comment="minor units, always positive"),
    Column("phase", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="what it is in the caller's business"),
    Column("reference", Name, nullable=False, unique=True),
    Column("effective", Instant, nullable=False, comment="when it happened in the world"),
    Column("recorded", Instant, nullable=False, comment="when it was written into these books"),
    Column("resolves", Whole, ForeignKey("ledger_transfer.id"), unique=True),
    Column("corrects", Whole, ForeignKey("ledger_transfer.id")),
    Column("caller_key", Name, nullable=False, server_default=""),
    Column("xact", Whole, nullable=False, server_default=text("0")),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("debit_id <> credit_id", name="two_accounts"),
    CheckConstraint("phase IN ('posted', 'pending', 'settled', 'voided', 'expired')", name="phase"),
    CheckConstraint("(resolves IS NOT NULL) = (phase IN ('settled', 'voided', 'expired'))", name="resolves"),
    Index("ix_ledger_transfer_debit", "debit_id", "effective"),
    Index("ix_ledger_transfer_credit", "credit_id", "effective"),
    Index("ix_ledger_transfer_commit_order", "xact", "id"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

MOVES: Final = ("posted", "settled")
"""The phases that move money; a pending transfer only reserves it, a voided or expired one frees it again."""


def guards(dialect: str) -> list[str]:
    """SQL that makes the database refuse what must never be: a changed or deleted transfer or account."""
    return (
        append_only(dialect, "ledger_transfer")
        + _never_replaced(dialect)
        + _fixed_account(dialect)
        + _commit_order(dialect)
    )


def append_only(dialect: str, table: str) -> list[str]:
    """SQL for triggers that refuse UPDATE, DELETE and (where it exists) TRUNCATE on `table`."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for verb in ("UPDATE", "DELETE")
        ]
    return [
        f"CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only' USING ERRCODE = 'restrict_violation'; END $$",
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_refuse()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()",
    ]


def _never_replaced(dialect: str) -> list[str]:
    # SQLite's INSERT OR REPLACE deletes the row that is in its way, and asks a DELETE trigger only where the
    # connection says `recursive_triggers`: a foreign program does not.
    if dialect != "sqlite":
        return []
    return [
        "CREATE TRIGGER ledger_transfer_no_replace BEFORE INSERT ON ledger_transfer WHEN EXISTS (SELECT 1 FROM"
        " ledger_transfer WHERE id = NEW.id OR reference = NEW.reference OR resolves = NEW.resolves) "
        "BEGIN SELECT RAISE(ABORT, 'ledger_transfer is append-only: this id, reference or hold was used before'); END"
    ]


def _fixed_account(dialect: str) -> list[str]:
    if dialect == "sqlite":
        return [
            "CREATE TRIGGER ledger_account_fixed BEFORE UPDATE OF id, path, kind, currency ON ledger_account "
            "BEGIN SELECT RAISE(ABORT, 'an account keeps its path, kind and currency'); END",
            "CREATE TRIGGER ledger_account_no_delete BEFORE DELETE ON ledger_account "
            "BEGIN SELECT RAISE(ABORT, 'an account is closed, never deleted'); END",
        ]
    return [
        "CREATE FUNCTION ledger_account_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'an account keeps its path, kind and currency, and is never deleted' "
        "USING ERRCODE = 'restrict_violation'; END $$",
        "CREATE TRIGGER ledger_account_fixed BEFORE UPDATE OF id, path, kind, currency ON ledger_account "
        "FOR EACH ROW EXECUTE FUNCTION ledger_account_refuse()",
        "CREATE TRIGGER ledger_account_no_delete BEFORE DELETE OR TRUNCATE ON ledger_account "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_account_refuse()",
    ]


def _commit_order(dialect: str) -> list[str]:
    # An id from a sequence is no commit order: readers page by the writing transaction, and only up to the oldest
    # one still running (ledger.reading.transfers). SQLite has one writer, where the id itself is the order.
    if dialect == "sqlite":
        return []
    return ["ALTER TABLE ledger_transfer ALTER COLUMN xact SET DEFAULT pg_current_xact_id()::text::bigint"]
