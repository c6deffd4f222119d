"""How fast the ledger posts, beside what the same machine's database can take at all: one table, one JSON file.

    python -m tests.benchmarks.ledger_posting [--database sqlite] [--sizes 1 1000] [--seconds 2] [--rounds 3]

A batch is one transaction: requests are decided with idempotency, limits and running totals on, and committed durably.
The limit is bare rows of the same shape into a table with the same columns, checks and indexes (no foreign keys, no
triggers, no totals), committed in the same batches: `executemany` on SQLite, COPY on PostgreSQL. The two take turns in
every round, so that a busy minute hits both; a figure is the median of the rounds. Only the ratio can be compared with
another day or machine.
"""

import argparse
import json
import os
import platform
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, Engine

from escrow.db import open_engine, transaction, upgrade
from ledger.accounts import open_accounts
from ledger.audit import audit
from ledger.entries import NewAccount, Transfer
from ledger.posting import post_all
from tests.postgres import Postgres

RESULTS: Final = Path(__file__).resolve().parents[2] / ".benchmarks" / "ledger_posting.json"
KINDS: Final = ("sqlite", "postgresql")
SIZES: Final = (1, 100, 1_000, 8_000)
SPREADS: Final = (1_000, 10)
"""Accounts that the transfers of a batch are spread over: many cold ones, or ten hot ones."""

AT: Final = datetime(2026, 8, 3, 4, 0, tzinfo=UTC)
FUNDS: Final = 10**12
NUMBERS: Final = count(1)

COLUMNS: Final = ("debit_id", "credit_id", "amount", "phase", "kind", "reference", "effective", "recorded")
COPY: Final = f"COPY limit_transfer ({', '.join(COLUMNS)}) FROM STDIN"
INSERT: Final = (
    "INSERT INTO limit_transfer (debit_id, credit_id, amount, phase, kind, reference, effective, recorded)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)

FOREIGN_KEY: Final = re.compile(r",\s*CONSTRAINT \w+ FOREIGN KEY ?\(\w+\) REFERENCES \w+ \(\w+\)")

Batch = Callable[[], Callable[[], None]]
"""Prepares a batch, untimed, and gives back what writes and commits it, timed."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Rates of one cell of the table, per second: each round's, in the order in which they were taken."""

    database: str
    accounts: int
    batch: int
    ledger: list[int]
    limit: list[int]

    @property
    def ratio(self) -> str:
        return f"{median(self.ledger) / median(self.limit):.3f}"


def main() -> None:
    """Measure what was asked for, print the table, write the file."""
    asked = _asked()
    figures: list[Figure] = []
    for kind in asked.database:
        with _database(kind) as engine:
            figures += _measured(engine, asked)
            _still_right(engine)
    Console().print(_table(figures))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": _machine(), "figures": [asdict(each) for each in figures]}, indent=1))
    Console().print(f"written to {RESULTS}")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--seconds", type=float, default=2, help="how long one contestant has in one round")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


@contextmanager
def _database(kind: str) -> Iterator[Engine]:
    """A migrated database with funded accounts and an empty `limit_transfer`, gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="escrow-benchmark-") as folder:
        if kind == "sqlite":
            with _ready(f"sqlite:///{folder}/books.db") as engine:
                yield engine
        else:
            with Postgres.start(Path(folder)) as server:
                server.create("books")
                with _ready(server.url("books")) as engine:
                    yield engine


@contextmanager
def _ready(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    upgrade(engine)
    funds = [NewAccount(path="bank/1", kind="asset")]
    accounts = [NewAccount(path=_path(number), kind="liability") for number in range(max(SPREADS))]
    paid = [_transfer("bank/1", each.path, FUNDS) for each in accounts]
    with transaction(engine) as db:
        open_accounts(db, [*funds, *accounts])
        post_all(db, paid, now=AT)
        _bare_table(db)
    yield engine
    engine.dispose()


def _bare_table(db: Connection) -> None:
    """`limit_transfer`: the columns, checks and indexes of `ledger_transfer`, without foreign keys and triggers."""
    if db.dialect.name == "postgresql":
        db.exec_driver_sql("CREATE TABLE limit_transfer (LIKE ledger_transfer INCLUDING ALL)")
        return
    query = "SELECT sql FROM sqlite_schema WHERE tbl_name = 'ledger_transfer' AND type IN ('table', 'index')"
    for sql in db.exec_driver_sql(query).scalars().all():
        if sql is not None:  # NULL: the index of a UNIQUE column, which the table brings along
            db.exec_driver_sql(FOREIGN_KEY.sub("", sql).replace("ledger_transfer", "limit_transfer"))
    assert db.exec_driver_sql("PRAGMA foreign_key_list(limit_transfer)").all() == []


def _path(number: int) -> str:
    return f"contract/{number}/prepaid"


def _transfer(debit: str, credit: str, amount: int) -> Transfer:
    return Transfer(
        debit=debit,
        credit=credit,
        amount=amount,
        kind="benchmark",
        reference=f"bench-{next(NUMBERS):012}",
        effective=AT,
    )


def _measured(engine: Engine, asked: argparse.Namespace) -> Iterator[Figure]:
    for spread in SPREADS:
        for size in asked.sizes:
            ledger, limit = _ledger(engine, spread, size), _limit(engine, spread, size)
            _rate(ledger, size, 0)  # once for nothing: statements are compiled, pages are in memory
            _rate(limit, size, 0)
            figure = Figure(database=engine.dialect.name, accounts=spread, batch=size, ledger=[], limit=[])
            for _ in range(asked.rounds):
                figure.ledger.append(_rate(ledger, size, asked.seconds))
                figure.limit.append(_rate(limit, size, asked.seconds))
            yield figure


def _rate(batch: Batch, size: int, seconds: float) -> int:
    """Rows a second, of one batch or as many as fit into the seconds; only writing and committing is timed."""
    spent, written = 0.0, 0
    while written == 0 or spent < seconds:
        write = batch()
        start = time.perf_counter()
        write()
        spent += time.perf_counter() - start
        written += size
    return round(written / spent)


def _ledger(engine: Engine, spread: int, size: int) -> Batch:
    chance = random.Random(size)  # noqa: S311  which accounts meet; nothing secret

    def batch() -> Callable[[], None]:
        pairs = [chance.sample(range(spread), 2) for _ in range(size)]
        requests = [_transfer(_path(debit), _path(credit), 1) for debit, credit in pairs]

        def write() -> None:
            with transaction(engine) as db:
                post_all(db, requests, now=AT)

        return write

    return batch


def _limit(engine: Engine, spread: int, size: int) -> Batch:
    chance = random.Random(size)  # noqa: S311  as above
    first = 900001 * 10**10 + 2
    sqlite = engine.dialect.name == "sqlite"
    instant = AT.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if sqlite else AT.isoformat()
    write = _insert if sqlite else _copy

    def batch() -> Callable[[], None]:
        pairs = [chance.sample(range(spread), 2) for _ in range(size)]
        facts = (1, "posted", "benchmark")
        rows = [
            (first + debit, first + credit, *facts, f"bench-{next(NUMBERS):012}", instant, instant)
            for debit, credit in pairs
        ]
        return lambda: write(engine, rows)

    return batch


def _insert(engine: Engine, rows: Sequence[tuple[Any, ...]]) -> None:
    with transaction(engine) as db:
        driver = db.connection.driver_connection
        assert driver is not None
        driver.executemany(INSERT, rows)


def _copy(engine: Engine, rows: Sequence[tuple[Any, ...]]) -> None:
    with transaction(engine) as db:
        driver = db.connection.driver_connection
        assert driver is not None
        with driver.cursor() as cursor, cursor.copy(COPY) as copy:
            for row in rows:
                copy.write_row(row)


def _still_right(engine: Engine) -> None:
    with transaction(engine) as db:
        breach = next(audit(db), None)
    if breach is not None:
        raise AssertionError(f"fast, and wrong: {breach}")


def _table(figures: Sequence[Figure]) -> Table:
    table = Table(title="Transfers a second, one transaction a batch: median of the rounds")
    for heading in ("database", "accounts", "batch", "ledger", "limit", "ledger / limit"):
        table.add_column(heading, justify="left" if heading == "database" else "right")
    for each in figures:
        table.add_row(
            each.database,
            f"{each.accounts:,}",
            f"{each.batch:,}",
            f"{median(each.ledger):,.0f}",
            f"{median(each.limit):,.0f}",
            each.ratio,
        )
    return table


def _machine() -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
    }


if __name__ == "__main__":
    main()
