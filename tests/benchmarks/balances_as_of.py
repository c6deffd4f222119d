"""How long a balance of the past takes, beside adding up the history.

    python -m tests.benchmarks.balances_as_of [--database sqlite] [--sizes 10000 1000000] [--rounds 15]

Three years of transfers between 1,000 accounts, every tenth of them out of one hot account, one in fifty recorded up to
forty days late; all but the last thousand rolled. What is asked is a balance at noon of a day two years from the start,
so that a month and a day are cut, and then the same as it was known that noon. The scan is the plain sum over the
transfers, through their indexes. The two take turns, each figure is the median of the rounds, and both must agree.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from statistics import median
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from escrow.db import snapshot, transaction
from ledger.balances import balance, trial_balance
from ledger.movements import AT_ONCE, roll
from tests.benchmarks.machine import KINDS, books, path, ratio, show

SIZES: Final = (10_000, 100_000, 1_000_000)
ACCOUNTS: Final = 1_000
UNROLLED: Final = 1_000
AS_OF: Final = datetime(2025, 1, 15, 4, 0, tzinfo=UTC)

Totals = dict[str, tuple[int, int]]
"""Debits and credits by path."""
Ask = Callable[[Connection], Totals]

# Multiples of primes go round all accounts. The first id is the bank's.
_DEBIT: Final = f"CASE WHEN n % 10 = 0 THEN 0 ELSE (n * 7919) % {ACCOUNTS} END"
_CREDIT: Final = f"(n * 7919 + 1 + (n * 104729) % {ACCOUNTS - 1}) % {ACCOUNTS}"
_FIRST: Final = "(SELECT min(id) + 1 FROM ledger_account)"
_SECONDS: Final = 3 * 365 * 86_400
_FILL: Final = f"""
    INSERT INTO ledger_transfer (debit_id, credit_id, amount, phase, kind, reference, effective, recorded)
    {{numbers}}
    SELECT {_FIRST} + {_DEBIT}, {_FIRST} + {_CREDIT}, 1 + n % 997, 'posted', 'benchmark', 'bench-' || n,
      {{effective}}, {{recorded}}
    FROM numbers WHERE {_DEBIT} <> {_CREDIT}"""  # noqa: S608  of pieces that stand here
_NUMBERS: Final = {
    "postgresql": "WITH numbers AS (SELECT n FROM generate_series(CAST(:first AS bigint), :last) AS n)",
    "sqlite": "WITH RECURSIVE numbers (n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)",
}
_INSTANT: Final = {
    "postgresql": "TIMESTAMPTZ '2023-01-01 00:00Z' + ({}) * INTERVAL '1 second'",
    "sqlite": "strftime('%Y-%m-%dT%H:%M:%S.000000Z', '2023-01-01', ({}) || ' seconds')",
}
_SCAN: Final = """
    SELECT a.path, coalesce(sum(leg.debits), 0), coalesce(sum(leg.credits), 0) FROM ledger_account AS a LEFT JOIN (
      SELECT debit_id AS id, amount AS debits, 0 AS credits FROM ledger_transfer WHERE {debit} AND {counted}
      UNION ALL SELECT credit_id, 0, amount FROM ledger_transfer WHERE {credit} AND {counted}
    ) AS leg ON leg.id = a.id WHERE {path} GROUP BY a.path"""


def main() -> None:
    """Measure what was asked for, print the table, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    lines: list[dict[str, Any]] = []
    for kind in asked.database:
        for size in asked.sizes:
            with books(kind, accounts=ACCOUNTS) as engine:
                rate = _filled(engine, size)
                measured = _measured(engine, asked.rounds)
                lines += [{"database": kind, "transfers": size, **each, "rolled/s": rate} for each in measured]
    show("Balances as of", lines)


def _filled(engine: Engine, size: int) -> int:
    """Write a history of that size and roll it; how many transfers a second were rolled."""
    with transaction(engine) as db:
        _without_guards(db)
        _fill(db, 1, size - UNROLLED, size)
    rolled, spent, more = 0, 0.0, AT_ONCE
    while more == AT_ONCE:
        start = time.perf_counter()
        with transaction(engine) as db:
            more = roll(db)
        spent += time.perf_counter() - start
        rolled += more
    with transaction(engine) as db:
        _fill(db, size - UNROLLED + 1, size, size)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.exec_driver_sql("VACUUM ANALYZE")  # as its own daemon does in time
    return round(rolled / spent)


def _without_guards(db: Connection) -> None:
    """Running totals are not what is measured, and would take most of the time."""
    if db.dialect.name == "postgresql":
        db.exec_driver_sql("ALTER TABLE ledger_transfer DISABLE TRIGGER USER")
        return
    names = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'ledger_transfer'"
    for name in db.scalars(text(names)).all():
        db.exec_driver_sql(f"DROP TRIGGER {name}")


def _fill(db: Connection, first: int, last: int, size: int) -> None:
    instant = _INSTANT[db.dialect.name]
    happened = f"(n * {_SECONDS}) / {size}"
    written = f"{happened} + CASE WHEN n % 50 = 0 THEN (n % 40) * 86400 ELSE n % 600 END"
    numbers = _NUMBERS[db.dialect.name]
    sql = _FILL.format(numbers=numbers, effective=instant.format(happened), recorded=instant.format(written))
    db.execute(text(sql), {"first": first, "last": last})


def _measured(engine: Engine, rounds: int) -> Iterator[dict[str, Any]]:
    questions = {"hot account": path(0), "cold account": path(500), "trial balance": None}
    for known_at in (None, AS_OF):
        for name, of in questions.items():
            ours, scan = _ours(of, known_at), _scan(of, known_at)
            question = name if known_at is None else f"{name}, as known then"
            with snapshot(engine) as db:
                if ours(db) != scan(db):  # and once for nothing: pages are in memory, statements compiled
                    raise AssertionError(f"fast, and wrong: {question}")
                times = [(_milliseconds(ours, db), _milliseconds(scan, db)) for _ in range(rounds)]
            medians = [median(each) for each in zip(*times, strict=True)]
            yield {
                "question": question,
                "ms": f"{medians[0]:.2f}",
                "scan ms": f"{medians[1]:.2f}",
                "scan / ledger": ratio(medians[1], medians[0]),
            }


def _milliseconds(ask: Ask, db: Connection) -> float:
    start = time.perf_counter()
    ask(db)
    return 1000 * (time.perf_counter() - start)


def _ours(of: str | None, known_at: datetime | None) -> Ask:
    def ask(db: Connection) -> Totals:
        if of is None:
            lines = trial_balance(db, as_of=AS_OF, known_at=known_at)
        else:
            found = balance(db, of, as_of=AS_OF, known_at=known_at)
            lines = [] if found is None else [found]
        return {each.path: (each.debits, each.credits) for each in lines}

    return ask


def _scan(of: str | None, known_at: datetime | None) -> Ask:
    counted = "phase IN ('posted', 'settled') AND effective < :as_of"
    counted += "" if known_at is None else " AND recorded <= :as_of"
    of_it = "{}_id = (SELECT id FROM ledger_account WHERE path = :path)"
    debit, credit = ("true" if of is None else of_it.format(side) for side in ("debit", "credit"))
    where = "true" if of is None else "a.path = :path"
    query = text(_SCAN.format(counted=counted, debit=debit, credit=credit, path=where))

    def ask(db: Connection) -> Totals:
        as_of = AS_OF if db.dialect.name == "postgresql" else f"{AS_OF:%Y-%m-%dT%H:%M:%S.%fZ}"
        rows = db.execute(query, {"as_of": as_of} if of is None else {"as_of": as_of, "path": of})
        return {row[0]: (int(row[1]), int(row[2])) for row in rows}

    return ask


if __name__ == "__main__":
    main()
