"""Transfers that come one by one, from 1, 8 and 32 threads: each in a transaction of its own, and by group commit.

    python -m tests.benchmarks.ledger_singles [--database postgresql] [--seconds 3] [--rounds 3]

Every answer is durable when it is given. The limit is the same threads committing one bare row each, into a table of
the same shape without its triggers. All take turns in every round; a figure is the median of the rounds.
"""

import argparse
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from statistics import median
from typing import Any, Final

from sqlalchemy import Engine, text

from escrow.db import transaction
from ledger.entries import Transfer
from ledger.group_commit import GroupCommit
from ledger.posting import post_all
from tests.benchmarks.ledger_posting import bare_table
from tests.benchmarks.machine import AT, KINDS, books, path, ratio, show, still_right

THREADS: Final = (1, 8, 32)
SPREADS: Final = (1_000, 10)
NUMBERS: Final = count(1)
_ROW: Final = text(
    "INSERT INTO limit_transfer (debit_id, credit_id, amount, phase, kind, reference, effective, recorded)"
    " VALUES (1, 2, 1, 'posted', 'benchmark', :reference, '2026-08-03T04:00:00.000000Z', '2026-08-03T04:00:00.000000Z')"
)

One = Callable[[random.Random], None]


def main() -> None:
    """Measure what was asked for, and show it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seconds", type=float, default=2, help="how long one contestant has in one round")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    lines = []
    for kind in asked.database:
        with books(kind, accounts=max(SPREADS)) as engine:
            bare_table(engine)
            lines += [_line(engine, spread, threads, asked) for spread in SPREADS for threads in THREADS]
            still_right(engine)
    show("Ledger singles", lines)


def _line(engine: Engine, spread: int, threads: int, asked: argparse.Namespace) -> dict[str, Any]:
    rates: dict[str, list[int]] = {"own transaction": [], "group commit": [], "limit": []}
    for _ in range(asked.rounds):
        with GroupCommit(lambda: transaction(engine)) as writer:
            by_group = grouped(writer, spread)
            for name, one in (
                ("own transaction", own(engine, spread)),
                ("group commit", by_group),
                ("limit", _bare(engine)),
            ):
                rates[name].append(threaded(one, threads, asked.seconds))
    figures = {name: round(median(each)) for name, each in rates.items()}
    return {
        "database": engine.dialect.name,
        "accounts": spread,
        "threads": threads,
        **figures,
        "own / limit": ratio(figures["own transaction"], figures["limit"]),
        "group / limit": ratio(figures["group commit"], figures["limit"]),
    }


def threaded(one: One, threads: int, seconds: float) -> int:
    def work(number: int) -> int:
        chance = random.Random(number)  # noqa: S311  which accounts meet; nothing secret
        done = 0
        while time.perf_counter() < end:
            one(chance)
            done += 1
        return done

    begin = time.perf_counter()
    end = begin + seconds
    with ThreadPoolExecutor(threads) as pool:
        done = sum(pool.map(work, range(threads)))
    return round(done / (time.perf_counter() - begin))


def _transfer(chance: random.Random, spread: int) -> Transfer:
    debit, credit = chance.sample(range(spread), 2)
    reference = f"single-{next(NUMBERS):012}"
    return Transfer(
        debit=path(debit), credit=path(credit), amount=1, kind="benchmark", reference=reference, effective=AT
    )


def own(engine: Engine, spread: int) -> One:
    def one(chance: random.Random) -> None:
        with transaction(engine) as db:
            post_all(db, [_transfer(chance, spread)], now=AT)

    return one


def grouped(writer: GroupCommit, spread: int) -> One:
    def one(chance: random.Random) -> None:
        result = writer.submit(_transfer(chance, spread), now=AT).result()
        assert result.status == "created", result.why

    return one


def _bare(engine: Engine) -> One:
    def one(_: random.Random) -> None:
        with transaction(engine) as db:
            db.execute(_ROW, {"reference": f"bare-{next(NUMBERS):012}"})

    return one


if __name__ == "__main__":
    main()
