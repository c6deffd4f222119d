"""The bank's day as people work it: matches that two make and one can undo, late lines, days signed off and reopened."""

import sqlalchemy as sa
from alembic import op

import ledger.columns
from escrow.migrations.births import check, guard, number_by_region


revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "day_reopening",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("account", _NAME, nullable=False),
        sa.Column("day", ledger.columns.Day(), nullable=False, comment="this day and all later ones"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", ledger.columns.Instant(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", ledger.columns.Instant(), nullable=True),
        sa.CheckConstraint("(state = 'requested') = (decided_by IS NULL)", name=op.f("ck_day_reopening_decided")),
        sa.CheckConstraint("state IN ('requested', 'approved', 'rejected')", name=op.f("ck_day_reopening_state")),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> asked_by", name=op.f("ck_day_reopening_four_eyes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_reopening")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index(
        "uq_day_reopening_waiting",
        "day_reopening",
        ["account"],
        unique=True,
        sqlite_where=sa.text("state = 'requested'"),
        postgresql_where=sa.text("state = 'requested'"),
    )
    op.create_table(
        "match_proposal",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("account", _NAME, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False, comment="manual, or the pass of the matching that found it"),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column(
            "books",
            sa.Text(),
            nullable=True,
            comment="what a line without a counterpart is: interest, fee, or a credit",
        ),
        sa.Column("difference", _WHOLE, nullable=False, comment="fen by which lines exceed items: to be written off"),
        sa.Column("allowed", _WHOLE, nullable=False, comment="the write-off limit of that moment, fen"),
        sa.Column("fingerprint", _NAME, nullable=False, comment="its lines and items: proposed once at a time"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", ledger.columns.Instant(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", ledger.columns.Instant(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it was declined"),
        sa.CheckConstraint(
            "(state IN ('approved', 'declined')) = (decided_by IS NOT NULL)", name=op.f("ck_match_proposal_decided")
        ),
        sa.CheckConstraint("books IN ('interest', 'fee', 'credit')", name=op.f("ck_match_proposal_books")),
        sa.CheckConstraint("state <> 'declined' OR reason IS NOT NULL", name=op.f("ck_match_proposal_reason")),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'declined', 'lapsed')", name=op.f("ck_match_proposal_state")
        ),
        sa.CheckConstraint(
            "allowed >= 0 AND difference BETWEEN -allowed AND allowed", name=op.f("ck_match_proposal_difference")
        ),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> proposed_by", name=op.f("ck_match_proposal_four_eyes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_proposal")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_match_proposal_account", "match_proposal", ["account", "state"], unique=False)
    op.create_index(
        "uq_match_proposal_waiting",
        "match_proposal",
        ["fingerprint"],
        unique=True,
        sqlite_where=sa.text("state = 'proposed'"),
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_table(
        "write_off_limit",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("amount", _WHOLE, nullable=False, comment="fen; the last row is in force"),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", ledger.columns.Instant(), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_write_off_limit_amount")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_write_off_limit")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "day_signoff",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("account", _NAME, nullable=False),
        sa.Column("day", ledger.columns.Day(), nullable=False),
        sa.Column("statement_id", _WHOLE, nullable=False, comment="the one that states its end"),
        sa.Column("ledger_balance", _WHOLE, nullable=False),
        sa.Column("differences", ledger.columns.Json(), nullable=False, comment="named, in fen"),
        sa.Column("statement_balance", _WHOLE, nullable=False),
        sa.Column("owed", ledger.columns.Json(), nullable=False, comment="to whom, in fen by kind"),
        sa.Column("signed_by", sa.Text(), nullable=False),
        sa.Column("signed_at", ledger.columns.Instant(), nullable=False),
        sa.Column("reopening_id", _WHOLE, nullable=True, comment="NULL: the day stands signed"),
        sa.ForeignKeyConstraint(["reopening_id"], ["day_reopening.id"], name=op.f("fk_day_signoff_reopening_id")),
        sa.ForeignKeyConstraint(["statement_id"], ["statement.id"], name=op.f("fk_day_signoff_statement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_signoff")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index(
        "uq_day_signoff_standing",
        "day_signoff",
        ["account", "day"],
        unique=True,
        sqlite_where=sa.text("reopening_id IS NULL"),
        postgresql_where=sa.text("reopening_id IS NULL"),
    )
    op.create_table(
        "statement_late_line",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("statement_id", _WHOLE, nullable=False),
        sa.Column("account", _NAME, nullable=False),
        sa.Column("key", _NAME, nullable=False),
        sa.Column("booked_on", ledger.columns.Day(), nullable=False),
        sa.Column("amount", _WHOLE, nullable=False),
        sa.Column(
            "line", ledger.columns.Json(), nullable=False, comment="the line as it is taken in when its day is reopened"
        ),
        sa.Column("taken_at", ledger.columns.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["statement_id"], ["statement.id"], name=op.f("fk_statement_late_line_statement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_late_line")),
        sa.UniqueConstraint("account", "key", name=op.f("uq_statement_late_line_account_key")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "match_proposal_side",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("proposal_id", _WHOLE, nullable=False),
        sa.Column("line_id", _WHOLE, nullable=True),
        sa.Column("payment_id", _WHOLE, nullable=True),
        sa.Column("instruction_id", _WHOLE, nullable=True),
        sa.CheckConstraint(
            "CASE WHEN line_id IS NULL THEN 0 ELSE 1 END + CASE WHEN payment_id IS NULL THEN 0 ELSE 1 END + CASE WHEN instruction_id IS NULL THEN 0 ELSE 1 END = 1",
            name=op.f("ck_match_proposal_side_one"),
        ),
        sa.ForeignKeyConstraint(
            ["instruction_id"], ["payout_instruction.id"], name=op.f("fk_match_proposal_side_instruction_id")
        ),
        sa.ForeignKeyConstraint(["line_id"], ["statement_line.id"], name=op.f("fk_match_proposal_side_line_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_match_proposal_side_payment_id")),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["match_proposal.id"], name=op.f("fk_match_proposal_side_proposal_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_proposal_side")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_match_proposal_side", "match_proposal_side", ["proposal_id"], unique=False)
    op.create_table(
        "suspense_owner",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("payment_id", _WHOLE, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("assigned_by", sa.Text(), nullable=False),
        sa.Column("assigned_at", ledger.columns.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_suspense_owner_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suspense_owner")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_suspense_owner_payment", "suspense_owner", ["payment_id"], unique=False)
    _match_anew()
    number_by_region(_NEW)
    op.add_column("statement_break", sa.Column("assigned_by", sa.Text()))
    op.add_column(
        "statement_break",
        sa.Column(
            "assigned_at",
            ledger.columns.Instant(),
            comment="NULL: it lies with the office, nobody has taken it",
        ),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _ON_SQLITE if sqlite else _ON_POSTGRESQL:
        op.execute(statement)
    check("payment", "state", "state IN ('placed', 'suspense', 'returning', 'returned', 'reversed')")
    guard(["match_proposal_side", "suspense_owner", "write_off_limit"])


def _match_anew() -> None:
    """The table of matches is made again and filled from the old one."""
    op.execute("CREATE TABLE old_match AS SELECT * FROM statement_match")
    op.drop_table("statement_match")
    op.create_table(
        "statement_match",
        sa.Column("id", _WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("account", _NAME, nullable=False),
        sa.Column("first_id", _WHOLE, nullable=True, comment="the row of the same match that comes first"),
        sa.Column("line_id", _WHOLE, nullable=True),
        sa.Column("payment_id", _WHOLE, nullable=True),
        sa.Column("instruction_id", _WHOLE, nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("matched_at", ledger.columns.Instant(), nullable=False),
        sa.Column("matched_by", sa.Text(), nullable=False),
        sa.Column("proposal_id", _WHOLE, nullable=True, comment="the two people behind it; NULL: a rule"),
        sa.Column("reverses_id", _WHOLE, nullable=True, comment="the match whose line the bank took back"),
        sa.Column("booked", _WHOLE, nullable=False, comment="fen that its own transfers moved on the bank account"),
        sa.Column("booked_on", ledger.columns.Day(), nullable=True, comment="the local day on which those count"),
        sa.Column("own", _NAME, nullable=True, comment="the bank's own account that took a part of it: interest, fees"),
        sa.Column("own_amount", _WHOLE, nullable=False, comment="fen of it, as the bank signs them"),
        sa.Column("transfers", ledger.columns.Json(), nullable=False, comment="the references of its own transfers"),
        sa.Column("undone_at", ledger.columns.Instant(), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.Column("undone_why", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "own IN ('interest', 'fees') AND own_amount <> 0 OR own IS NULL AND own_amount = 0",
            name=op.f("ck_statement_match_own"),
        ),
        sa.CheckConstraint("(booked = 0) = (booked_on IS NULL)", name=op.f("ck_statement_match_booked")),
        sa.CheckConstraint(
            "(undone_at IS NULL) = (undone_by IS NULL) AND (undone_at IS NULL) = (undone_why IS NULL)",
            name=op.f("ck_statement_match_undone"),
        ),
        sa.CheckConstraint(
            "first_id IS NULL OR (booked = 0 AND own IS NULL AND reverses_id IS NULL)",
            name=op.f("ck_statement_match_booked_once"),
        ),
        sa.CheckConstraint(
            "line_id IS NOT NULL OR payment_id IS NOT NULL OR instruction_id IS NOT NULL",
            name=op.f("ck_statement_match_something"),
        ),
        sa.CheckConstraint("payment_id IS NULL OR instruction_id IS NULL", name=op.f("ck_statement_match_one_side")),
        sa.ForeignKeyConstraint(["first_id"], ["statement_match.id"], name=op.f("fk_statement_match_first_id")),
        sa.ForeignKeyConstraint(
            ["instruction_id"], ["payout_instruction.id"], name=op.f("fk_statement_match_instruction_id")
        ),
        sa.ForeignKeyConstraint(["line_id"], ["statement_line.id"], name=op.f("fk_statement_match_line_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_statement_match_payment_id")),
        sa.ForeignKeyConstraint(["proposal_id"], ["match_proposal.id"], name=op.f("fk_statement_match_proposal_id")),
        sa.ForeignKeyConstraint(["reverses_id"], ["statement_match.id"], name=op.f("fk_statement_match_reverses_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_match")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    number_by_region(["statement_match"])
    op.execute(_FILLED)
    op.drop_table("old_match")
    for column in ("line_id", "payment_id", "instruction_id", "reverses_id"):
        standing = sa.text("undone_at IS NULL")
        op.create_index(
            f"uq_statement_match_{column}",
            "statement_match",
            [column],
            unique=True,
            sqlite_where=standing,
            postgresql_where=standing,
        )
    op.create_index("ix_statement_match_first", "statement_match", ["first_id"])


_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NEW = [
    "day_reopening",
    "day_signoff",
    "match_proposal",
    "match_proposal_side",
    "statement_late_line",
    "suspense_owner",
    "write_off_limit",
]

# A payout's transfer counts on its line's day, like interest and fees.
_FILLED = """INSERT INTO statement_match (id, account, line_id, payment_id, instruction_id, rule, evidence, matched_at,
    matched_by, booked, booked_on, own, own_amount, transfers)
  SELECT m.id, l.account, m.line_id, m.payment_id, m.instruction_id, m.rule, m.evidence, m.matched_at, 'reconciliation',
    CASE WHEN m.payment_id IS NULL THEN l.amount ELSE 0 END,
    CASE WHEN m.payment_id IS NULL THEN l.booked_on END,
    CASE m.rule WHEN 'interest' THEN 'interest' WHEN 'fee' THEN 'fees' END,
    CASE WHEN m.rule IN ('interest', 'fee') THEN l.amount ELSE 0 END,
    CASE WHEN i.id IS NOT NULL THEN '["payout/' || i.end_to_end || '"]'
      WHEN m.rule IN ('interest', 'fee') THEN '["line/' || l.id || '"]' ELSE '[]' END
  FROM old_match m JOIN statement_line l ON l.id = m.line_id LEFT JOIN payout_instruction i ON i.id = m.instruction_id
  ORDER BY m.id"""

# A row is undone once and never changed otherwise; a day that stands signed off keeps its lines and their matches.
_SIGNED = (
    "EXISTS (SELECT 1 FROM day_signoff s WHERE s.account = {row}.account AND s.reopening_id IS NULL AND s.day >= {day})"
)
_OF_MATCH = "coalesce((SELECT l.booked_on FROM statement_line l WHERE l.id = {row}.line_id), {row}.booked_on)"
_KEPT = (
    *("id", "account", "first_id", "line_id", "payment_id", "instruction_id", "rule", "evidence", "matched_at"),
    *("matched_by", "proposal_id", "reverses_id", "booked", "booked_on", "own", "own_amount", "transfers"),
)
_SIGNED_KEPT = (
    *("id", "account", "day", "statement_id", "ledger_balance", "differences", "statement_balance", "owed"),
    *("signed_by", "signed_at"),
)


def _frozen(row: str, day: str) -> str:
    return _SIGNED.format(row=row, day=day.format(row=row))


def _changed(columns: tuple[str, ...], differs: str) -> str:
    return " OR ".join(f"OLD.{each} {differs} NEW.{each}" for each in columns)


_ON_SQLITE = (
    "ALTER TABLE statement_break ADD COLUMN late_line_id INTEGER REFERENCES statement_late_line (id)",
    f"""CREATE TRIGGER statement_line_frozen BEFORE INSERT ON statement_line
WHEN {_frozen("NEW", "{row}.booked_on")}
BEGIN SELECT RAISE(ABORT, 'the day is signed off: it takes no more lines'); END""",
    f"""CREATE TRIGGER statement_match_frozen BEFORE INSERT ON statement_match
WHEN {_frozen("NEW", _OF_MATCH)}
BEGIN SELECT RAISE(ABORT, 'the day is signed off: its matches stay as they are'); END""",
    f"""CREATE TRIGGER statement_match_kept BEFORE UPDATE ON statement_match
WHEN OLD.undone_at IS NOT NULL OR {_changed(_KEPT, "IS NOT")}
BEGIN SELECT RAISE(ABORT, 'a match is undone, once, and never changed'); END""",
    f"""CREATE TRIGGER statement_match_undone BEFORE UPDATE ON statement_match
WHEN {_frozen("OLD", _OF_MATCH)}
BEGIN SELECT RAISE(ABORT, 'the day is signed off: its matches stay as they are'); END""",
    """CREATE TRIGGER statement_match_no_delete BEFORE DELETE ON statement_match
BEGIN SELECT RAISE(ABORT, 'a match is undone, never deleted'); END""",
    f"""CREATE TRIGGER day_signoff_kept BEFORE UPDATE ON day_signoff
WHEN OLD.reopening_id IS NOT NULL OR {_changed(_SIGNED_KEPT, "IS NOT")}
BEGIN SELECT RAISE(ABORT, 'a signed day is reopened, once, and never changed'); END""",
    """CREATE TRIGGER day_signoff_no_delete BEFORE DELETE ON day_signoff
BEGIN SELECT RAISE(ABORT, 'a signed day is reopened, never deleted'); END""",
)

_REFUSES = "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
_NO = "RAISE EXCEPTION '{why}' USING ERRCODE = 'restrict_violation';"
_KEEPS = "a match is undone, once, and never changed or deleted"
_STAYS = "the day is signed off: its matches stay as they are"
_STANDS = "a signed day is reopened, once, and never changed or deleted"


def _function(name: str, *checks: tuple[str, str]) -> str:
    """A trigger's function: it raises for the first of the checks (condition, why) that holds."""
    body = " ".join(f"IF {condition} THEN {_NO.format(why=why)} END IF;" for condition, why in checks)
    return _REFUSES.format(name=name, body=f"{body} RETURN NEW;")


_ON_POSTGRESQL = (
    "ALTER TABLE statement_break ADD COLUMN late_line_id BIGINT"
    " CONSTRAINT fk_statement_break_late_line_id REFERENCES statement_late_line (id)",
    "SELECT setval(pg_get_serial_sequence('statement_match', 'id'), max(id)) FROM statement_match"
    " HAVING max(id) IS NOT NULL",
    _function(
        "statement_line_frozen",
        (_frozen("NEW", "{row}.booked_on"), "the day is signed off: it takes no more lines"),
    ),
    "CREATE TRIGGER statement_line_frozen BEFORE INSERT ON statement_line"
    " FOR EACH ROW EXECUTE FUNCTION statement_line_frozen()",
    _function("statement_match_frozen", (_frozen("NEW", _OF_MATCH), _STAYS)),
    "CREATE TRIGGER statement_match_frozen BEFORE INSERT ON statement_match"
    " FOR EACH ROW EXECUTE FUNCTION statement_match_frozen()",
    _function(
        "statement_match_kept",
        (
            f"TG_OP = 'UPDATE' AND OLD.undone_at IS NULL AND NOT ({_changed(_KEPT, 'IS DISTINCT FROM')})"
            f" AND {_frozen('OLD', _OF_MATCH)}",
            _STAYS,
        ),
        (f"TG_OP <> 'UPDATE' OR OLD.undone_at IS NOT NULL OR {_changed(_KEPT, 'IS DISTINCT FROM')}", _KEEPS),
    ),
    "CREATE TRIGGER statement_match_kept BEFORE UPDATE OR DELETE ON statement_match"
    " FOR EACH ROW EXECUTE FUNCTION statement_match_kept()",
    _function(
        "day_signoff_kept",
        (f"TG_OP <> 'UPDATE' OR OLD.reopening_id IS NOT NULL OR {_changed(_SIGNED_KEPT, 'IS DISTINCT FROM')}", _STANDS),
    ),
    "CREATE TRIGGER day_signoff_kept BEFORE UPDATE OR DELETE ON day_signoff"
    " FOR EACH ROW EXECUTE FUNCTION day_signoff_kept()",
)
