"""The database books a transfer itself; accounts have limits of several shapes, periods close, holds expire.

SQLite cannot change a table's checks: there both tables are made anew and filled from the old ones.
"""

import sqlalchemy as sa
from alembic import op

import ledger.columns
from escrow.migrations.births import number_by_region
from ledger.guards import guards


revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_limit",
        _id(),
        sa.Column("account_id", _WHOLE, nullable=False),
        sa.Column("floor", _WHOLE, comment="the least that may be available; NULL: there is none"),
        sa.Column("ceiling", _WHOLE, comment="the most that may stand here or be promised; NULL: there is none"),
        sa.Column("period", sa.Text(), comment="what the next two are for: a day or a month of the business clock"),
        sa.Column("most_debits", _WHOLE),
        sa.Column("most_credits", _WHOLE),
        sa.Column("overdraft", sa.Text(), comment="why it may go below zero; NULL: it may not"),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("recorded", ledger.columns.Instant(), nullable=False),
        sa.Column(
            "after_id", _WHOLE, nullable=False, comment="the last transfer there was: later ones are under these limits"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_limit")),
        sa.CheckConstraint(
            "overdraft IS NOT NULL OR (floor IS NOT NULL AND floor >= 0)", name=op.f("ck_ledger_limit_overdraft")
        ),
        sa.CheckConstraint("period IN ('day', 'month')", name=op.f("ck_ledger_limit_period")),
        sa.CheckConstraint(
            "(period IS NULL) = (most_debits IS NULL AND most_credits IS NULL)", name=op.f("ck_ledger_limit_most")
        ),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_ledger_limit_account_id", "ledger_limit", ["account_id", "id"])
    op.create_table(
        "ledger_closing",
        _id(),
        sa.Column("until", ledger.columns.Instant(), nullable=False, comment="everything effective before is closed"),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("recorded", ledger.columns.Instant(), nullable=False),
        sa.Column(
            "after_id", _WHOLE, nullable=False, comment="the last transfer there was: none later counts before `until`"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_closing")),
        sa.UniqueConstraint("until", name=op.f("uq_ledger_closing_until")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    number_by_region(["ledger_limit", "ledger_closing"])
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _ON_SQLITE if sqlite else _ON_POSTGRESQL:
        op.execute(statement)
    # When they were opened is not known: long before any transfer.
    op.execute(
        "INSERT INTO ledger_limit (account_id, floor, overdraft, why, recorded, after_id)"
        r" SELECT id, NULL, overdraft, 'opened so', '1970-01-01T00\:00\:00.000000Z', 0 FROM ledger_account"
        " WHERE overdraft IS NOT NULL"
    )
    for statement in guards(op.get_bind().dialect.name):
        op.execute(statement)


_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id() -> sa.Column[int]:
    return sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False)


_ON_SQLITE = (
    """CREATE TABLE new_ledger_account (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  path TEXT NOT NULL,
  kind TEXT NOT NULL,
  currency TEXT NOT NULL,
  floor INTEGER DEFAULT '0',
  ceiling INTEGER,
  period TEXT,
  most_debits INTEGER,
  most_credits INTEGER,
  overdraft TEXT,
  state TEXT DEFAULT 'open' NOT NULL,
  debits_posted INTEGER DEFAULT '0' NOT NULL,
  credits_posted INTEGER DEFAULT '0' NOT NULL,
  debits_pending INTEGER DEFAULT '0' NOT NULL,
  credits_pending INTEGER DEFAULT '0' NOT NULL,
  CONSTRAINT ck_ledger_account_kind CHECK (kind IN ('asset', 'liability', 'income', 'expense')),
  CONSTRAINT ck_ledger_account_currency CHECK (length(currency) = 3),
  CONSTRAINT ck_ledger_account_state CHECK (state IN ('open', 'frozen', 'closed')),
  CONSTRAINT ck_ledger_account_totals CHECK (debits_posted >= 0 AND credits_posted >= 0 AND debits_pending >= 0 AND credits_pending >= 0),
  CONSTRAINT ck_ledger_account_floor CHECK (floor IS NULL OR CASE WHEN kind IN ('asset', 'expense') THEN debits_posted - credits_posted - credits_pending ELSE credits_posted - debits_posted - debits_pending END >= floor),
  CONSTRAINT ck_ledger_account_ceiling CHECK (ceiling IS NULL OR CASE WHEN kind IN ('asset', 'expense') THEN debits_posted - credits_posted + debits_pending ELSE credits_posted - debits_posted + credits_pending END <= ceiling),
  CONSTRAINT ck_ledger_account_closed_is_empty CHECK (state <> 'closed' OR (debits_posted = credits_posted AND debits_pending + credits_pending = 0)),
  CONSTRAINT ck_ledger_account_overdraft CHECK (overdraft IS NOT NULL OR (floor IS NOT NULL AND floor >= 0)),
  CONSTRAINT ck_ledger_account_period CHECK (period IN ('day', 'month')),
  CONSTRAINT ck_ledger_account_most CHECK ((period IS NULL) = (most_debits IS NULL AND most_credits IS NULL)),
  CONSTRAINT uq_ledger_account_path UNIQUE (path)
) STRICT""",
    "INSERT INTO new_ledger_account (id, path, kind, currency, floor, overdraft, state, debits_posted, credits_posted,"
    " debits_pending, credits_pending) SELECT id, path, kind, currency, iif(overdraft IS NULL, 0, NULL), overdraft, state,"
    " debits_posted, credits_posted, debits_pending, credits_pending FROM ledger_account",
    """CREATE TABLE new_ledger_transfer (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  debit_id INTEGER NOT NULL,
  credit_id INTEGER NOT NULL,
  amount INTEGER NOT NULL,
  phase TEXT NOT NULL,
  kind TEXT NOT NULL,
  reference TEXT NOT NULL,
  effective TEXT NOT NULL,
  recorded TEXT NOT NULL,
  occurred TEXT,
  resolves INTEGER,
  corrects INTEGER,
  expires TEXT,
  on_expiry TEXT,
  caller_key TEXT DEFAULT '' NOT NULL,
  xact INTEGER DEFAULT 0 NOT NULL,
  CONSTRAINT ck_ledger_transfer_amount CHECK (amount > 0),
  CONSTRAINT ck_ledger_transfer_two_accounts CHECK (debit_id <> credit_id),
  CONSTRAINT ck_ledger_transfer_phase CHECK (phase IN ('posted', 'pending', 'settled', 'voided', 'expired')),
  CONSTRAINT ck_ledger_transfer_resolves CHECK ((resolves IS NOT NULL) = (phase IN ('settled', 'voided', 'expired'))),
  CONSTRAINT ck_ledger_transfer_occurred CHECK (occurred < effective),
  CONSTRAINT ck_ledger_transfer_expires CHECK (expires IS NULL OR (phase = 'pending' AND expires > recorded)),
  CONSTRAINT ck_ledger_transfer_on_expiry CHECK ((expires IS NULL) = (on_expiry IS NULL) AND on_expiry IN ('void', 'settle')),
  CONSTRAINT uq_ledger_transfer_reference UNIQUE (reference)
) STRICT""",
    "INSERT INTO new_ledger_transfer (id, debit_id, credit_id, amount, phase, kind, reference, effective, recorded,"
    " resolves, corrects, caller_key, xact) SELECT id, debit_id, credit_id, amount, phase, kind, reference, effective,"
    " recorded, resolves, corrects, caller_key, xact FROM ledger_transfer",
    # The numbers go on where they stood, also in a table that is still empty.
    "DELETE FROM sqlite_sequence WHERE name IN ('new_ledger_account', 'new_ledger_transfer')",
    "INSERT INTO sqlite_sequence (name, seq) SELECT 'new_' || name, seq FROM sqlite_sequence"
    " WHERE name IN ('ledger_account', 'ledger_transfer')",
    "DROP TABLE ledger_transfer",
    "DROP TABLE ledger_account",
    "ALTER TABLE new_ledger_account RENAME TO ledger_account",
    "ALTER TABLE new_ledger_transfer RENAME TO ledger_transfer",
    "CREATE INDEX ix_ledger_transfer_commit_order ON ledger_transfer (xact, id)",
    "CREATE INDEX ix_ledger_transfer_credit ON ledger_transfer (credit_id, effective)",
    "CREATE INDEX ix_ledger_transfer_debit ON ledger_transfer (debit_id, effective)",
    "CREATE INDEX ix_ledger_transfer_expires ON ledger_transfer (expires) WHERE expires IS NOT NULL",
    "CREATE UNIQUE INDEX uq_ledger_transfer_resolves ON ledger_transfer (resolves) WHERE resolves IS NOT NULL",
)

_ON_POSTGRESQL = (
    "DROP TRIGGER ledger_transfer_no_change ON ledger_transfer",
    "DROP TRIGGER ledger_transfer_no_truncate ON ledger_transfer",
    "DROP TRIGGER ledger_account_fixed ON ledger_account",
    "DROP TRIGGER ledger_account_no_delete ON ledger_account",
    "DROP FUNCTION ledger_transfer_refuse()",
    "DROP FUNCTION ledger_account_refuse()",
    "ALTER TABLE ledger_account DROP CONSTRAINT ck_ledger_account_floor, ADD COLUMN floor BIGINT DEFAULT 0,"
    " ADD COLUMN ceiling BIGINT, ADD COLUMN period TEXT, ADD COLUMN most_debits BIGINT, ADD COLUMN most_credits BIGINT",
    "UPDATE ledger_account SET floor = NULL WHERE overdraft IS NOT NULL",
    "ALTER TABLE ledger_account ADD CONSTRAINT ck_ledger_account_overdraft CHECK (overdraft IS NOT NULL OR (floor IS NOT NULL AND floor >= 0))",
    "ALTER TABLE ledger_account ADD CONSTRAINT ck_ledger_account_period CHECK (period IN ('day', 'month'))",
    "ALTER TABLE ledger_account ADD CONSTRAINT ck_ledger_account_most CHECK ((period IS NULL) = (most_debits IS NULL AND most_credits IS NULL))",
    "ALTER TABLE ledger_account ADD CONSTRAINT ck_ledger_account_floor CHECK (floor IS NULL OR CASE WHEN kind IN ('asset', 'expense') THEN debits_posted - credits_posted - credits_pending ELSE credits_posted - debits_posted - debits_pending END >= floor)",
    "ALTER TABLE ledger_account ADD CONSTRAINT ck_ledger_account_ceiling CHECK (ceiling IS NULL OR CASE WHEN kind IN ('asset', 'expense') THEN debits_posted - credits_posted + debits_pending ELSE credits_posted - debits_posted + credits_pending END <= ceiling)",
    "COMMENT ON COLUMN ledger_account.floor IS 'the least that may be available; NULL: there is none'",
    "COMMENT ON COLUMN ledger_account.ceiling IS 'the most that may stand here or be promised; NULL: there is none'",
    "COMMENT ON COLUMN ledger_account.period IS 'what the next two are for: a day or a month of the business clock'",
    "COMMENT ON COLUMN ledger_account.overdraft IS 'why it may go below zero; NULL: it may not'",
    "ALTER TABLE ledger_transfer DROP CONSTRAINT fk_ledger_transfer_debit_id,"
    " DROP CONSTRAINT fk_ledger_transfer_credit_id, DROP CONSTRAINT fk_ledger_transfer_resolves,"
    " DROP CONSTRAINT fk_ledger_transfer_corrects, DROP CONSTRAINT uq_ledger_transfer_resolves,"
    " ADD COLUMN occurred TIMESTAMPTZ, ADD COLUMN expires TIMESTAMPTZ, ADD COLUMN on_expiry TEXT",
    "ALTER TABLE ledger_transfer ADD CONSTRAINT ck_ledger_transfer_occurred CHECK (occurred < effective)",
    "ALTER TABLE ledger_transfer ADD CONSTRAINT ck_ledger_transfer_expires CHECK (expires IS NULL OR (phase = 'pending' AND expires > recorded))",
    "ALTER TABLE ledger_transfer ADD CONSTRAINT ck_ledger_transfer_on_expiry CHECK ((expires IS NULL) = (on_expiry IS NULL) AND on_expiry IN ('void', 'settle'))",
    "COMMENT ON COLUMN ledger_transfer.effective IS 'when it counts: when it happened, if its period was open'",
    "COMMENT ON COLUMN ledger_transfer.occurred IS 'when it happened in the world, where that period was closed by then'",
    "COMMENT ON COLUMN ledger_transfer.resolves IS 'the pending transfer that it ends'",
    "COMMENT ON COLUMN ledger_transfer.corrects IS 'the transfer that it puts right'",
    "COMMENT ON COLUMN ledger_transfer.expires IS 'when a hold ends of itself'",
    "COMMENT ON COLUMN ledger_transfer.on_expiry IS 'how it then ends'",
    "CREATE INDEX ix_ledger_transfer_expires ON ledger_transfer (expires) WHERE expires IS NOT NULL",
    "CREATE UNIQUE INDEX uq_ledger_transfer_resolves ON ledger_transfer (resolves) WHERE resolves IS NOT NULL",
)
