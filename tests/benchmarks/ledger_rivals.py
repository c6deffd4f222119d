"""The ledger beside pgledger, a ledger in PL/pgSQL, in one server and in turns.

    python -m tests.benchmarks.ledger_rivals --pgledger FILE [--seconds 3] [--rounds 3] [--sizes 100 1000 8000]

FILE is pgledger's own schema (pgledger.sql and the ULID function that it needs, in one file); without it there is
nothing to compare with. Both sides commit durably, check their accounts' limits and keep running balances; ours also
keeps references unique for ever, looks for closed periods and keeps dates apart. A figure is the median of the rounds.
"""

import argparse
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import psycopg
from sqlalchemy import Engine

from escrow.db import transaction
from ledger.group_commit import GroupCommit
from tests.benchmarks.ledger_posting import columns_of
from tests.benchmarks.ledger_singles import SPREADS, THREADS, grouped, own, threaded
from tests.benchmarks.machine import books, rate, ratio, show, still_right

_ACCOUNT: Final = "SELECT id FROM pgledger_create_account(%s, 'CNY', true, true)"
_ONE: Final = "SELECT id FROM pgledger_create_transfer(%s, %s, '1'::money)"
_MANY: Final = (
    "SELECT count(*) FROM pgledger_create_transfers((SELECT array_agg(ROW(f, t, '1'::money)::transfer_request)"
    " FROM unnest(%s::text[], %s::text[]) AS asked (f, t)))"
)


def main() -> None:
    """Measure both, and show them side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pgledger", type=Path, help="pgledger's schema as SQL")
    parser.add_argument("--sizes", nargs="+", type=int, default=(100, 1_000, 8_000))
    parser.add_argument("--seconds", type=float, default=2, help="how long one contestant has in one round")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    if asked.pgledger is None:
        print("ledger_rivals: no --pgledger FILE, so nothing to compare with")  # noqa: T201
        return
    with books("postgresql", accounts=max(SPREADS)) as engine, _rival(engine, asked.pgledger) as rival:
        singles = [
            _singly((engine, rival), asked, spread=spread, threads=threads) for spread in SPREADS for threads in THREADS
        ]
        batches = [
            _in_batches((engine, rival), asked, spread=spread, size=size) for spread in SPREADS for size in asked.sizes
        ]
        still_right(engine)
    show("Ledger rivals one at a time", singles)
    show("Ledger rivals in batches", batches)


class Rival:
    """pgledger with its accounts made, a connection for each thread that asks."""

    def __init__(self, address: str, schema: str) -> None:
        self._address = address
        self._own = threading.local()
        self._all: list[psycopg.Connection] = []
        db = self.connection()
        db.execute(schema.encode())
        made = [db.execute(_ACCOUNT, [f"account {number}"]).fetchone() for number in range(max(SPREADS))]
        db.execute("ANALYZE")
        self.accounts: list[str] = [row[0] for row in made if row is not None]

    def connection(self) -> psycopg.Connection:
        if not hasattr(self._own, "db"):
            self._own.db = psycopg.connect(self._address, autocommit=True)
            self._all.append(self._own.db)
        return self._own.db  # type: ignore[no-any-return]  # what a thread keeps has no type

    def one(self, spread: int, chance: random.Random) -> None:
        self.connection().execute(_ONE, chance.sample(self.accounts[:spread], 2))

    def many(self, spread: int, size: int, chance: random.Random) -> Callable[[], None]:
        pairs = [chance.sample(self.accounts[:spread], 2) for _ in range(size)]
        columns = [[each for each, _ in pairs], [each for _, each in pairs]]

        def write() -> None:
            self.connection().execute(_MANY, columns)

        return write

    def close(self) -> None:
        for each in self._all:
            each.close()


Both = tuple[Engine, Rival]


@contextmanager
def _rival(engine: Engine, schema: Path) -> Iterator[Rival]:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.exec_driver_sql("CREATE DATABASE rival")
    url = engine.url.set(drivername="postgresql", database="rival")
    rival = Rival(url.render_as_string(hide_password=False), schema.read_text(encoding="utf-8"))
    yield rival
    rival.close()


def _singly(both: Both, asked: argparse.Namespace, *, spread: int, threads: int) -> dict[str, Any]:
    engine, rival = both
    taken: dict[str, list[int]] = {"own transaction": [], "group commit": [], "pgledger": []}
    for _ in range(asked.rounds):
        with GroupCommit(partial(transaction, engine)) as writer:
            for name, one in (
                ("own transaction", own(engine, spread)),
                ("group commit", grouped(writer, spread)),
                ("pgledger", partial(rival.one, spread)),
            ):
                taken[name].append(threaded(one, threads, asked.seconds))
    figures = {name: round(median(rates)) for name, rates in taken.items()}
    return {
        "accounts": spread,
        "threads": threads,
        **figures,
        "own / pgledger": ratio(figures["own transaction"], figures["pgledger"]),
        "group / pgledger": ratio(figures["group commit"], figures["pgledger"]),
    }


def _in_batches(both: Both, asked: argparse.Namespace, *, spread: int, size: int) -> dict[str, Any]:
    engine, rival = both
    chance = random.Random(size)  # noqa: S311  which accounts meet; nothing secret
    taken: dict[str, list[int]] = {"columns": [], "pgledger": []}
    for _ in range(asked.rounds):
        taken["columns"].append(rate(columns_of(engine, spread, size), size, asked.seconds))
        taken["pgledger"].append(rate(partial(rival.many, spread, size, chance), size, asked.seconds))
    figures = {name: round(median(rates)) for name, rates in taken.items()}
    return {"accounts": spread, "batch": size, **figures, "ratio": ratio(figures["columns"], figures["pgledger"])}


if __name__ == "__main__":
    main()
