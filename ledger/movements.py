"""What moved on each account, summed by day and by month, so that no balance has to add up history.

A cell is what moved on an account of which both the effective and the recorded instant lie in one day, or in one month,
of the business clock. Cells are brought forward behind the posting, which knows nothing of them; they say nothing that
the transfers do not. If they are ever wrong (a restored table, a hand in the database): delete all rows of both tables,
and they are made anew.
"""

# ruff: noqa: S608  the SQL is put together of pieces that stand here

from collections.abc import Iterator
from typing import Final

from sqlalchemy import CheckConstraint, Column, Connection, Table, Text, text

from ledger.audit import Breach
from ledger.columns import Day, Whole
from ledger.schema import MOVES, metadata

movement: Final = Table(
    "ledger_movement",
    metadata,
    Column("grain", Text, primary_key=True),
    Column("account_id", Whole, primary_key=True, autoincrement=False),
    Column("effective_from", Day, primary_key=True, comment="first day, in Asia/Shanghai, of the effective ones"),
    Column("recorded_from", Day, primary_key=True, comment="first day, in Asia/Shanghai, of the recorded ones"),
    Column("debits", Whole, nullable=False),
    Column("credits", Whole, nullable=False),
    CheckConstraint("grain IN ('day', 'month')", name="grain"),
    # The last day that both databases and Python can name has no end that all of them can.
    CheckConstraint("effective_from < '9999-12-31' AND recorded_from < '9999-12-31'", name="days"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

rolled: Final = Table(
    "ledger_rolled",
    metadata,
    Column("one", Whole, primary_key=True, autoincrement=False),
    Column("xact", Whole, nullable=False),
    Column("transfer_id", Whole, nullable=False, comment="the last transfer, in commit order, that the cells have"),
    CheckConstraint("one = 1", name="one"),
    sqlite_strict=True,
)

AT_ONCE: Final = 65_536
"""How many transfers `roll` takes in one call, so that its transaction stays short."""

RUNNING: Final = {"postgresql": "pg_snapshot_xmin(pg_current_snapshot())::text::bigint", "sqlite": f"{2**63 - 1}"}
"""The oldest transaction that may still write. Whatever comes before in commit order is all there."""

PLACE: Final = {"postgresql": ("(t.xact, t.id)", "({xact}, {id})"), "sqlite": ("t.id", "{id}")}
"""A transfer's place in the order in which transactions count, and how a place is written. SQLite has one writer."""

MOVED: Final = f"phase IN {MOVES}"

# The business clock is eight hours before UTC. Its own zone had summers until 1991: cells have none, so that they are
# cut alike by both databases and by `ledger.balances`. SQLite rounds to milliseconds, even into the next day.
_DAY: Final = {
    "postgresql": "(leg.{axis} AT TIME ZONE INTERVAL '8 hours')::date",
    "sqlite": "date(substr(leg.{axis}, 1, 19), '+8 hours')",
}
_MONTH: Final = {
    "postgresql": "date_trunc('month', {axis}_from::timestamp)::date",
    "sqlite": "date({axis}_from, 'start of month')",
}


def _sums(dialect: str) -> str:
    """Cells of the transfers after (:xact, :id) up to (:to_xact, :to_id) in commit order."""
    place, written = PLACE[dialect]
    begin, end = written.format(xact=":xact", id=":id"), written.format(xact=":to_xact", id=":to_id")
    some = f"FROM ledger_transfer AS t WHERE {place} > {begin} AND {place} <= {end} AND t.{MOVED}"
    (effective_day, recorded_day), (effective_month, recorded_month) = (
        [of[dialect].format(axis=axis) for axis in ("effective", "recorded")] for of in (_DAY, _MONTH)
    )
    return f"""
    WITH days AS (
      SELECT leg.account_id, {effective_day} AS effective_from, {recorded_day} AS recorded_from,
        sum(leg.debits) AS debits, sum(leg.credits) AS credits
      FROM (
        SELECT debit_id AS account_id, amount AS debits, 0 AS credits, effective, recorded {some}
        UNION ALL SELECT credit_id, 0, amount, effective, recorded {some}
      ) AS leg GROUP BY 1, 2, 3
    )
    SELECT 'day' AS grain, account_id, effective_from, recorded_from, debits, credits FROM days
    UNION ALL
    SELECT 'month', account_id, {effective_month}, {recorded_month}, sum(debits), sum(credits) FROM days
    GROUP BY 1, 2, 3, 4"""


_CURSOR: Final = "SELECT xact, transfer_id AS id FROM ledger_rolled"
_END: Final = {
    dialect: text(f"""
    SELECT xact, id, count(*) OVER () AS number FROM (
      SELECT t.xact, t.id FROM ledger_transfer AS t
      WHERE {place} > {written.format(xact=":xact", id=":id")} AND t.xact < {RUNNING[dialect]}
      ORDER BY {place} LIMIT :at_once
    ) AS next ORDER BY xact DESC, id DESC LIMIT 1""")
    for dialect, (place, written) in PLACE.items()
}
_ADD: Final = {
    dialect: text(f"""
    INSERT INTO ledger_movement (grain, account_id, effective_from, recorded_from, debits, credits) {_sums(dialect)}
    ON CONFLICT (grain, account_id, effective_from, recorded_from) DO UPDATE
    SET debits = ledger_movement.debits + excluded.debits, credits = ledger_movement.credits + excluded.credits""")
    for dialect in RUNNING
}
_WRONG: Final = {
    dialect: text(f"""
    SELECT compared.*, account.path FROM (
      SELECT grain, account_id, effective_from, recorded_from, sum(kept_debits) AS kept_debits,
        sum(kept_credits) AS kept_credits, sum(debits) AS debits, sum(credits) AS credits
      FROM (
        SELECT grain, account_id, effective_from, recorded_from, debits AS kept_debits, credits AS kept_credits,
          0 AS debits, 0 AS credits FROM ledger_movement
        UNION ALL
        SELECT grain, account_id, effective_from, recorded_from, 0, 0, debits, credits FROM ({_sums(dialect)}) AS summed
      ) AS both_ways
      GROUP BY grain, account_id, effective_from, recorded_from
      HAVING sum(kept_debits) <> sum(debits) OR sum(kept_credits) <> sum(credits)
    ) AS compared LEFT JOIN ledger_account AS account ON account.id = compared.account_id
    ORDER BY compared.grain, compared.account_id, compared.effective_from, compared.recorded_from""")
    for dialect in RUNNING
}


def roll(db: Connection, *, at_once: int = AT_ONCE) -> int:
    """Add the next committed transfers to their cells; how many were taken, 0 when there are no more yet.

    In a READ COMMITTED transaction of its own: it keeps others that roll waiting until it ends, and nobody else. What a
    running transaction might yet write before is left for later, and so is what comes after that (PostgreSQL).
    """
    dialect = db.dialect.name
    db.execute(text("INSERT INTO ledger_rolled (one, xact, transfer_id) VALUES (1, -1, -1) ON CONFLICT DO NOTHING"))
    done = db.execute(text(_CURSOR + (" FOR UPDATE" if dialect == "postgresql" else ""))).one()
    if not db.execute(text(f"SELECT {done.xact} < {RUNNING[dialect]}")).scalar_one():
        # These books were copied to a cluster that counts its transactions from lower on: what is written there comes
        # before the cursor and would never be seen.
        db.execute(text("DELETE FROM ledger_movement"))
        db.execute(text("UPDATE ledger_rolled SET xact = -1, transfer_id = -1"))
        return roll(db, at_once=at_once)
    end = db.execute(_END[dialect], {"xact": done.xact, "id": done.id, "at_once": at_once}).one_or_none()
    if end is None:
        return 0
    db.execute(_ADD[dialect], {"xact": done.xact, "id": done.id, "to_xact": end.xact, "to_id": end.id})
    db.execute(text("UPDATE ledger_rolled SET xact = :xact, transfer_id = :id"), {"xact": end.xact, "id": end.id})
    return int(end.number)


def movements_are_the_sums_of_transfers(db: Connection) -> Iterator[Breach]:
    """Every cell, of days and of months, is what the transfers up to the last one rolled add up to."""
    done = db.execute(text(_CURSOR)).one_or_none()
    end = {"to_xact": -1, "to_id": -1} if done is None else {"to_xact": done.xact, "to_id": done.id}
    for row in db.execute(_WRONG[db.dialect.name], {"xact": -1, "id": -1, **end}):
        yield Breach(
            invariant="movements are the sums of transfers",
            subject=row.path or f"account {row.account_id}",
            detail=f"{row.grain} {row.effective_from}, recorded {row.recorded_from}: kept debits {row.kept_debits} and"
            f" credits {row.kept_credits}, summed {row.debits} and {row.credits}; delete all rows of ledger_movement"
            " and ledger_rolled to have them made anew",
        )
