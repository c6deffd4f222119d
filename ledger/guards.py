"""What the database itself refuses, whoever writes, and the running totals that it keeps.

A transfer is only inserted; the guard that sees the insert looks at its accounts and adds it to their totals, where the
checks of the account's row hold its limits. So plain SQL cannot overdraw an account either. PostgreSQL does it once
for a whole statement, SQLite once for a row.
"""

# ruff: noqa: S608  the SQL is put together of pieces that stand here

from typing import Final

from ledger import schema

_APPENDED: Final = (schema.transfer, schema.limit_change, schema.closing)


def guards(dialect: str) -> list[str]:
    """SQL for the triggers of the ledger's tables."""
    appended = [each for table in _APPENDED for each in append_only(dialect, table.name)]
    if dialect == "sqlite":
        return [*appended, _NEVER_REPLACED, *_FIXED_ON_SQLITE, *_BOOKED_ON_SQLITE]
    return [*appended, *_FIXED, _COMMIT_ORDER, *_BOOKED]


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


# SQLite's INSERT OR REPLACE deletes the row that is in its way, and asks a DELETE trigger only where the connection
# says `recursive_triggers`: a foreign program does not.
_NEVER_REPLACED: Final = (
    "CREATE TRIGGER ledger_transfer_no_replace BEFORE INSERT ON ledger_transfer WHEN EXISTS (SELECT 1 FROM"
    " ledger_transfer WHERE id = NEW.id OR reference = NEW.reference OR resolves = NEW.resolves) "
    "BEGIN SELECT RAISE(ABORT, 'ledger_transfer is append-only: this id, reference or hold was used before'); END"
)

_FIXED_ON_SQLITE: Final = (
    "CREATE TRIGGER ledger_account_fixed BEFORE UPDATE OF id, path, kind, currency ON ledger_account "
    "BEGIN SELECT RAISE(ABORT, 'an account keeps its path, kind and currency'); END",
    "CREATE TRIGGER ledger_account_no_delete BEFORE DELETE ON ledger_account "
    "BEGIN SELECT RAISE(ABORT, 'an account is closed, never deleted'); END",
)

_FIXED: Final = (
    "CREATE FUNCTION ledger_account_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'an account keeps its path, kind and currency, and is never deleted' "
    "USING ERRCODE = 'restrict_violation'; END $$",
    "CREATE TRIGGER ledger_account_fixed BEFORE UPDATE OF id, path, kind, currency ON ledger_account "
    "FOR EACH ROW EXECUTE FUNCTION ledger_account_refuse()",
    "CREATE TRIGGER ledger_account_no_delete BEFORE DELETE OR TRUNCATE ON ledger_account "
    "FOR EACH STATEMENT EXECUTE FUNCTION ledger_account_refuse()",
)

# An id from a sequence is no commit order: readers page by the writing transaction, and only up to the oldest one
# still running (ledger.reading.transfers). SQLite has one writer, where the id itself is the order.
_COMMIT_ORDER: Final = "ALTER TABLE ledger_transfer ALTER COLUMN xact SET DEFAULT pg_current_xact_id()::text::bigint"

_ENDS_ITS_HOLD: Final = (
    "hold.phase = 'pending' AND hold.debit_id = {row}.debit_id AND hold.credit_id = {row}.credit_id"
    " AND {row}.amount <= hold.amount AND ({row}.phase = 'settled' OR {row}.amount = hold.amount)"
)

# What an account moved in the period that a row falls into: all of it, each hold as much as was or may be settled.
_MOVED: Final = """
    SELECT coalesce(sum(CASE t.phase WHEN 'posted' THEN t.amount ELSE coalesce((
        SELECT CASE e.phase WHEN 'settled' THEN e.amount ELSE 0 END FROM ledger_transfer e WHERE e.resolves = t.id
      ), t.amount) END), 0)
    FROM ledger_transfer t WHERE t.{side}_id = {row}.{side}_id AND t.phase IN ('posted', 'pending')
      AND t.effective >= {begin} AND t.effective < {end}
"""


def _pace_on_sqlite(side: str) -> str:
    # The business clock is eight hours before UTC all year; `period` becomes SQLite's own modifier. It rounds to
    # milliseconds, even into the next day: so without the fraction. Without its
    # fraction, that SQLite would round to milliseconds: the last microsecond of a day into the next one.
    local = "datetime(substr(NEW.effective, 1, 19), '+8 hours', 'start of ' || a.period"
    begin, end = (
        f"strftime('%Y-%m-%dT%H:%M:%S.000000Z', {local}, {step}'-8 hours'))" for step in ("", "'+1 ' || a.period, ")
    )
    return f"""CREATE TRIGGER ledger_transfer_pace_{side} AFTER INSERT ON ledger_transfer
WHEN NEW.resolves IS NULL
    AND (SELECT most_{side}s FROM ledger_account WHERE id = NEW.{side}_id) IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'ledger: more {side}s in one period than the account may have')
  FROM ledger_account a WHERE a.id = NEW.{side}_id
    AND ({_MOVED.format(side=side, row="NEW", begin=begin, end=end)}) > a.most_{side}s;
END"""


_BOOKED_ON_SQLITE: Final = (
    """CREATE TRIGGER ledger_transfer_booked AFTER INSERT ON ledger_transfer
BEGIN
  SELECT RAISE(ABORT, 'ledger: a transfer is between two open accounts of one currency') WHERE NOT EXISTS (
    SELECT 1 FROM ledger_account d, ledger_account c
    WHERE d.id = NEW.debit_id AND c.id = NEW.credit_id AND d.currency = c.currency
      AND d.state <> 'closed' AND c.state <> 'closed'
      AND (NEW.resolves IS NOT NULL OR (d.state = 'open' AND c.state = 'open')));
  SELECT RAISE(ABORT, 'ledger: the period is closed')
    WHERE NEW.effective < (SELECT max(until) FROM ledger_closing);
  SELECT RAISE(ABORT, 'ledger: there is no such transfer to correct')
    WHERE NEW.corrects IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ledger_transfer WHERE id = NEW.corrects);
  UPDATE ledger_account SET
      debits_posted = debits_posted + iif(NEW.phase IN ('posted', 'settled'), NEW.amount, 0),
      debits_pending = debits_pending + iif(NEW.phase = 'pending', NEW.amount, 0)
        - coalesce((SELECT amount FROM ledger_transfer WHERE id = NEW.resolves), 0)
    WHERE id = NEW.debit_id;
  UPDATE ledger_account SET
      credits_posted = credits_posted + iif(NEW.phase IN ('posted', 'settled'), NEW.amount, 0),
      credits_pending = credits_pending + iif(NEW.phase = 'pending', NEW.amount, 0)
        - coalesce((SELECT amount FROM ledger_transfer WHERE id = NEW.resolves), 0)
    WHERE id = NEW.credit_id;
END""",
    f"""CREATE TRIGGER ledger_transfer_ends AFTER INSERT ON ledger_transfer WHEN NEW.resolves IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'ledger: a hold is ended between its own accounts, of no more than its amount') WHERE NOT EXISTS (
    SELECT 1 FROM ledger_transfer hold WHERE hold.id = NEW.resolves AND {_ENDS_ITS_HOLD.format(row="NEW")});
END""",
    _pace_on_sqlite("debit"),
    _pace_on_sqlite("credit"),
)

_LEGS: Final = " UNION ALL ".join(
    f"""SELECT {side}_id AS id,
      {"moved" if side == "debit" else "0"} AS debits_posted, {"0" if side == "debit" else "moved"} AS credits_posted,
      {"held" if side == "debit" else "0"} AS debits_pending, {"0" if side == "debit" else "held"} AS credits_pending
    FROM entry"""
    for side in ("debit", "credit")
)


def _pace(side: str) -> str:
    local = "date_trunc(a.period, f.effective AT TIME ZONE 'Asia/Shanghai')"
    begin = f"{local} AT TIME ZONE 'Asia/Shanghai'"
    end = f"({local} + ('1 ' || a.period)::interval) AT TIME ZONE 'Asia/Shanghai'"
    return f"""
    SELECT f.reference INTO wrong FROM fresh f JOIN ledger_account a ON a.id = f.{side}_id
      WHERE a.id = ANY (ids) AND f.resolves IS NULL AND a.most_{side}s IS NOT NULL
        AND ({_MOVED.format(side=side, row="f", begin=begin, end=end)}) > a.most_{side}s LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION 'ledger: %: more {side}s in one period than the account may have', wrong.reference
        USING ERRCODE = 'integrity_constraint_violation';
    END IF;"""


_BOOKED: Final = (
    # Its plans are kept for the session, whatever number of rows they were made for. So there is only one way to do
    # each: the accounts by index, as many as there are, and a hash of them for the rows. It costs a row the same in a
    # batch of one and of thousands, and does not grow with the accounts.
    f"""CREATE FUNCTION ledger_transfer_book() RETURNS trigger LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_nestloop = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
  ids bigint[] := ARRAY(SELECT debit_id FROM fresh UNION SELECT credit_id FROM fresh);
  wrong record;
  paced boolean;
BEGIN
  SELECT f.reference, CASE
      WHEN d.id IS NULL OR c.id IS NULL OR d.currency <> c.currency OR d.state = 'closed' OR c.state = 'closed'
        OR (f.resolves IS NULL AND (d.state <> 'open' OR c.state <> 'open'))
      THEN 'a transfer is between two open accounts of one currency'
      WHEN f.effective < (SELECT max(until) FROM ledger_closing) THEN 'the period is closed'
      WHEN f.corrects IS NOT NULL AND NOT EXISTS (SELECT FROM ledger_transfer t WHERE t.id = f.corrects)
      THEN 'there is no such transfer to correct'
      WHEN f.resolves IS NOT NULL AND NOT EXISTS (
        SELECT FROM ledger_transfer hold WHERE hold.id = f.resolves AND {_ENDS_ITS_HOLD.format(row="f")})
      THEN 'a hold is ended between its own accounts, of no more than its amount' END AS why
    INTO wrong FROM fresh f
    LEFT JOIN (SELECT * FROM ledger_account WHERE id = ANY (ids)) d ON d.id = f.debit_id
    LEFT JOIN (SELECT * FROM ledger_account WHERE id = ANY (ids)) c ON c.id = f.credit_id
    ORDER BY why LIMIT 1;
  IF wrong.why IS NOT NULL THEN
    RAISE EXCEPTION 'ledger: %: %', wrong.reference, wrong.why USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  WITH entry AS (
    SELECT f.debit_id, f.credit_id,
      CASE WHEN f.phase IN ('posted', 'settled') THEN f.amount ELSE 0 END AS moved,
      CASE WHEN f.phase = 'pending' THEN f.amount WHEN f.resolves IS NULL THEN 0
        ELSE -(SELECT hold.amount FROM ledger_transfer hold WHERE hold.id = f.resolves) END AS held
    FROM fresh f
  ), leg AS (
    {_LEGS}
  ), added AS (
    SELECT id, sum(debits_posted)::bigint AS debits_posted, sum(credits_posted)::bigint AS credits_posted,
      sum(debits_pending)::bigint AS debits_pending, sum(credits_pending)::bigint AS credits_pending
    FROM leg GROUP BY id
  ), touched AS (
    UPDATE ledger_account a SET
      debits_posted = a.debits_posted + added.debits_posted, credits_posted = a.credits_posted + added.credits_posted,
      debits_pending = a.debits_pending + added.debits_pending,
      credits_pending = a.credits_pending + added.credits_pending
    FROM added WHERE a.id = added.id AND a.id = ANY (ids) RETURNING a.period
  )
  SELECT bool_or(period IS NOT NULL) INTO paced FROM touched;
  IF paced THEN{_pace("debit")}{_pace("credit")}
  END IF;
  RETURN NULL;
END $$""",
    "CREATE TRIGGER ledger_transfer_booked AFTER INSERT ON ledger_transfer "
    "REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ledger_transfer_book()",
)
