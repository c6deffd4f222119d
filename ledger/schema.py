"""The ledger's tables. What the database itself refuses beyond their checks stands in `ledger.guards`."""

from typing import Any, Final

from sqlalchemy import CheckConstraint, Column, Identity, Index, MetaData, Table, Text, text

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

AVAILABLE: Final = (
    "CASE WHEN kind IN ('asset', 'expense')"
    " THEN debits_posted - credits_posted - credits_pending"
    " ELSE credits_posted - debits_posted - debits_pending END"
)
_PROMISED: Final = (
    "CASE WHEN kind IN ('asset', 'expense')"
    " THEN debits_posted - credits_posted + debits_pending"
    " ELSE credits_posted - debits_posted + credits_pending END"
)


def _limits(floor: str | None = None) -> list[Column[Any]]:
    return [
        Column("floor", Whole, server_default=floor, comment="the least that may be available; NULL: there is none"),
        Column("ceiling", Whole, comment="the most that may stand here or be promised; NULL: there is none"),
        Column("period", Text, comment="what the next two are for: a day or a month of the business clock"),
        Column("most_debits", Whole),
        Column("most_credits", Whole),
        Column("overdraft", Text, comment="why it may go below zero; NULL: it may not"),
    ]


def _limits_make_sense() -> list[CheckConstraint]:
    return [
        CheckConstraint("overdraft IS NOT NULL OR (floor IS NOT NULL AND floor >= 0)", name="overdraft"),
        CheckConstraint("period IN ('day', 'month')", name="period"),
        CheckConstraint("(period IS NULL) = (most_debits IS NULL AND most_credits IS NULL)", name="most"),
    ]


account: Final = Table(
    "ledger_account",
    metadata,
    Column("id", Whole, Identity(), primary_key=True),
    Column("path", Name, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("currency", Text, nullable=False),
    *_limits(floor="0"),
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
    CheckConstraint(f"floor IS NULL OR {AVAILABLE} >= floor", name="floor"),
    CheckConstraint(f"ceiling IS NULL OR {_PROMISED} <= ceiling", name="ceiling"),
    CheckConstraint(
        "state <> 'closed' OR (debits_posted = credits_posted AND debits_pending + credits_pending = 0)",
        name="closed_is_empty",
    ),
    *_limits_make_sense(),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

# No foreign keys here: a row's own would cost a factor of three. The guard that books a transfer looks at its accounts
# and at what it points at, for the whole statement at once.
transfer: Final = Table(
    "ledger_transfer",
    metadata,
    Column("id", Whole, Identity(), primary_key=True),
    Column("debit_id", Whole, nullable=False),
    Column("credit_id", Whole, nullable=False),
    Column("amount", Whole, nullable=False, comment="minor units, always positive"),
    Column("phase", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="what it is in the caller's business"),
    Column("reference", Name, nullable=False, unique=True),
    Column("effective", Instant, nullable=False, comment="when it counts: when it happened, if its period was open"),
    Column("recorded", Instant, nullable=False, comment="when it was written into these books"),
    Column("occurred", Instant, comment="when it happened in the world, where that period was closed by then"),
    Column("resolves", Whole, comment="the pending transfer that it ends"),
    Column("corrects", Whole, comment="the transfer that it puts right"),
    Column("expires", Instant, comment="when a hold ends of itself"),
    Column("on_expiry", Text, comment="how it then ends"),
    Column("caller_key", Name, nullable=False, server_default=""),
    Column("xact", Whole, nullable=False, server_default=text("0")),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("debit_id <> credit_id", name="two_accounts"),
    CheckConstraint("phase IN ('posted', 'pending', 'settled', 'voided', 'expired')", name="phase"),
    CheckConstraint("(resolves IS NOT NULL) = (phase IN ('settled', 'voided', 'expired'))", name="resolves"),
    CheckConstraint("occurred < effective", name="occurred"),
    CheckConstraint("expires IS NULL OR (phase = 'pending' AND expires > recorded)", name="expires"),
    CheckConstraint("(expires IS NULL) = (on_expiry IS NULL) AND on_expiry IN ('void', 'settle')", name="on_expiry"),
    Index("ix_ledger_transfer_debit", "debit_id", "effective"),
    Index("ix_ledger_transfer_credit", "credit_id", "effective"),
    Index("ix_ledger_transfer_commit_order", "xact", "id"),
    # Most transfers end no hold and most holds never expire of themselves: these keep out of their way.
    Index(
        "uq_ledger_transfer_resolves",
        "resolves",
        unique=True,
        postgresql_where=text("resolves IS NOT NULL"),
        sqlite_where=text("resolves IS NOT NULL"),
    ),
    Index(
        "ix_ledger_transfer_expires",
        "expires",
        postgresql_where=text("expires IS NOT NULL"),
        sqlite_where=text("expires IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

limit_change: Final = Table(
    "ledger_limit",
    metadata,
    Column("id", Whole, Identity(), primary_key=True),
    Column("account_id", Whole, nullable=False),
    *_limits(),
    Column("why", Text, nullable=False),
    Column("recorded", Instant, nullable=False),
    Column("after_id", Whole, nullable=False, comment="the last transfer there was: later ones are under these limits"),
    *_limits_make_sense(),
    Index("ix_ledger_limit_account_id", "account_id", "id"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)
"""The limits of accounts that had others than the usual ones, each from when on."""

closing: Final = Table(
    "ledger_closing",
    metadata,
    Column("id", Whole, Identity(), primary_key=True),
    Column("until", Instant, nullable=False, unique=True, comment="everything effective before is closed"),
    Column("why", Text, nullable=False),
    Column("recorded", Instant, nullable=False),
    Column("after_id", Whole, nullable=False, comment="the last transfer there was: none later counts before `until`"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)
"""The ends of closed periods. A row is for ever: a period that is closed stays so."""

MOVES: Final = ("posted", "settled")
"""The phases that move money; a pending transfer only reserves it, a voided or expired one frees it again."""
