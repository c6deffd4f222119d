"""Whether the ten-millionth transfer is dearer than the first: one book filled by the ledger itself, timed as it grows.

    python -m tests.benchmarks.ledger_history [--database postgresql] [--transfers 10000000] [--every 1000000]

Batches of 8,000 columns over 1,000 accounts, each its own transaction, instants a second apart. The rate is that of the
transfers since the line before; making the batches is not timed.
"""

import argparse
import random
import time
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Engine

from escrow.db import transaction
from ledger.batch import Columns
from ledger.posting import post_columns
from tests.benchmarks.machine import AT, KINDS, books, path, ratio, show, still_right

BATCH: Final = 8_000
ACCOUNTS: Final = 1_000


def main() -> None:
    """Fill the books of each database, and show the rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--transfers", type=int, default=10_000_000)
    parser.add_argument("--every", type=int, default=1_000_000)
    parser.add_argument("--audit", action="store_true", help="check the books at the end; that takes a while")
    asked = parser.parse_args()
    lines = []
    for kind in asked.database:
        with books(kind, accounts=ACCOUNTS) as engine:
            lines += filled(engine, asked.transfers, asked.every)
            if asked.audit:
                still_right(engine)
    show("Ledger history", lines)


def filled(engine: Engine, transfers: int, every: int) -> list[dict[str, Any]]:
    """Post so many transfers, and give the rates on the way."""
    chance = random.Random(1)  # noqa: S311  which accounts meet; nothing secret
    lines: list[dict[str, Any]] = []
    written, spent, since = 0, 0.0, 0
    while written < transfers:
        columns = _batch(chance, written)
        start = time.perf_counter()
        with transaction(engine) as db:
            post_columns(db, columns, now=AT)
        spent += time.perf_counter() - start
        written += BATCH
        if written // every > since:
            since = written // every
            rate = round(every / spent)
            first = lines[0]["transfers/s"] if lines else rate
            lines.append(
                {
                    "database": engine.dialect.name,
                    "history": written,
                    "transfers/s": rate,
                    "against the first": ratio(rate, first),
                }
            )
            spent = 0.0
    return lines


def _batch(chance: random.Random, written: int) -> Columns:
    pairs = [chance.sample(range(ACCOUNTS), 2) for _ in range(BATCH)]
    return Columns(
        debit=[path(debit) for debit, _ in pairs],
        credit=[path(credit) for _, credit in pairs],
        amount=[1] * BATCH,
        reference=[f"history-{written + number:012}" for number in range(BATCH)],
        kind="benchmark",
        effective=[AT + timedelta(seconds=written + number) for number in range(BATCH)],
    )


if __name__ == "__main__":
    main()
