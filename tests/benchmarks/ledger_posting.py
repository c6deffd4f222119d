"""How fast the ledger posts, beside what the same machine's database can take at all.

    python -m tests.benchmarks.ledger_posting [--database sqlite] [--sizes 1 1000] [--seconds 2] [--rounds 3]

A batch is one transaction: transfers are decided with idempotency, limits and running totals on, and committed durably.
They come as nouns (`post_all`) or as columns (`post_columns`). The limit is bare rows of the same shape into a table
with the same columns, checks and indexes (no triggers, no totals), committed in the same batches: `executemany` on
SQLite, binary COPY on PostgreSQL, its bytes made beforehand. All take turns in every round, so that a busy minute hits
all; a figure is the median of the rounds. Only the ratio can be compared with another day or machine.
"""

import argparse
import random
import struct
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from statistics import median
from typing import Any, Final

from sqlalchemy import Engine

from escrow.db import transaction
from ledger.batch import Columns
from ledger.entries import Transfer
from ledger.posting import post_all, post_columns
from tests.benchmarks.machine import AT, KINDS, books, path, rate, ratio, show, still_right

SIZES: Final = (1, 100, 1_000, 8_000)
SPREADS: Final = (1_000, 10)
"""Accounts that the transfers of a batch are spread over: many cold ones, or ten hot ones."""

NUMBERS: Final = count(1)
_FIELDS: Final = ("debit_id", "credit_id", "amount", "phase", "kind", "reference", "effective", "recorded")
_COPY: Final = f"COPY limit_transfer ({', '.join(_FIELDS)}) FROM STDIN (FORMAT BINARY)"
_INSERT: Final = f"INSERT INTO limit_transfer ({', '.join(_FIELDS)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  own names
_FIRST: Final = 900001 * 10**10 + 2

Write = Callable[[], None]
Batch = Callable[[], Write]


def main() -> None:
    """Measure what was asked for, and show it."""
    asked = _asked()
    lines = []
    for kind in asked.database:
        with books(kind, accounts=max(SPREADS)) as engine:
            bare_table(engine)
            lines += [_line(engine, spread, size, asked) for spread in SPREADS for size in asked.sizes]
            still_right(engine)
    show("Ledger posting", lines)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--seconds", type=float, default=1.5, help="how long one contestant has in one round")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def bare_table(engine: Engine) -> None:
    """`limit_transfer`: the columns, checks and indexes of `ledger_transfer`, without its triggers."""
    with transaction(engine) as db:
        if db.dialect.name == "postgresql":
            db.exec_driver_sql("CREATE TABLE limit_transfer (LIKE ledger_transfer INCLUDING ALL)")
            return
        query = "SELECT sql FROM sqlite_schema WHERE tbl_name = 'ledger_transfer' AND type IN ('table', 'index')"
        for sql in db.exec_driver_sql(query).scalars().all():
            if sql is not None:  # NULL: the index of a UNIQUE column, which the table brings along
                db.exec_driver_sql(sql.replace("ledger_transfer", "limit_transfer"))


def _line(engine: Engine, spread: int, size: int, asked: argparse.Namespace) -> dict[str, Any]:
    contestants = {name: make(engine, spread, size) for name, make in _CONTESTANTS.items()}
    taken: dict[str, list[int]] = {name: [] for name in contestants}
    for batch in contestants.values():
        rate(batch, size, 0)  # once for nothing: statements are compiled, pages are in memory
    for _ in range(asked.rounds):
        for name, batch in contestants.items():
            taken[name].append(rate(batch, size, asked.seconds))
    figures = {name: round(median(rates)) for name, rates in taken.items()}
    return {
        "database": engine.dialect.name,
        "accounts": spread,
        "batch": size,
        **figures,
        "nouns / limit": ratio(figures["nouns"], figures["limit"]),
        "columns / limit": ratio(figures["columns"], figures["limit"]),
    }


def _pairs(chance: random.Random, spread: int, size: int) -> list[list[int]]:
    return [chance.sample(range(spread), 2) for _ in range(size)]


def _nouns(engine: Engine, spread: int, size: int) -> Batch:
    chance = random.Random(size)  # noqa: S311  which accounts meet; nothing secret

    def batch() -> Write:
        requests = [
            Transfer(
                debit=path(debit),
                credit=path(credit),
                amount=1,
                kind="benchmark",
                reference=f"bench-{next(NUMBERS):012}",
                effective=AT,
            )
            for debit, credit in _pairs(chance, spread, size)
        ]

        def write() -> None:
            with transaction(engine) as db:
                post_all(db, requests, now=AT)

        return write

    return batch


def columns_of(engine: Engine, spread: int, size: int) -> Batch:
    chance = random.Random(size)  # noqa: S311  as above

    def batch() -> Write:
        pairs = _pairs(chance, spread, size)
        columns = Columns(
            debit=[path(debit) for debit, _ in pairs],
            credit=[path(credit) for _, credit in pairs],
            amount=[1] * size,
            reference=[f"bench-{next(NUMBERS):012}" for _ in pairs],
            kind="benchmark",
            effective=AT,
        )

        def write() -> None:
            with transaction(engine) as db:
                post_columns(db, columns, now=AT)

        return write

    return batch


def _limit(engine: Engine, spread: int, size: int) -> Batch:
    chance = random.Random(size)  # noqa: S311  as above
    sqlite = engine.dialect.name == "sqlite"
    instant = AT.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def batch() -> Write:
        rows = [
            (_FIRST + debit, _FIRST + credit, 1, "posted", "benchmark", f"bench-{next(NUMBERS):012}", instant, instant)
            for debit, credit in _pairs(chance, spread, size)
        ]
        if sqlite:
            return lambda: _insert(engine, rows)
        content = binary(rows)
        return lambda: _copy(engine, content)

    return batch


def binary(rows: Sequence[tuple[int | str, ...]]) -> bytes:
    """The rows as COPY takes them fastest (PostgreSQL manual, COPY, "Binary Format"); the last two are instants."""
    instant = (AT - datetime(2000, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    parts = [b"PGCOPY\n\xff\r\n\0", struct.pack(">ii", 0, 0)]
    for row in rows:
        parts.append(struct.pack(">h", len(row)))
        for value in (*row[:-2], instant, instant):
            raw = value.encode() if isinstance(value, str) else struct.pack(">q", value)
            parts.append(struct.pack(">i", len(raw)) + raw)
    return b"".join([*parts, struct.pack(">h", -1)])


def _insert(engine: Engine, rows: Sequence[tuple[Any, ...]]) -> None:
    with transaction(engine) as db:
        db.exec_driver_sql(_INSERT, list(rows))


def _copy(engine: Engine, content: bytes) -> None:
    with transaction(engine) as db, closing(db.connection.cursor()) as cursor, cursor.copy(_COPY) as copy:
        copy.write(content)


_CONTESTANTS: Final[dict[str, Callable[[Engine, int, int], Batch]]] = {
    "nouns": _nouns,
    "columns": columns_of,
    "limit": _limit,
}

if __name__ == "__main__":
    main()
