"""How long it takes to prove a book right: our audit, beside `hledger check` and `bean-check` on the same journal.

    python -m tests.benchmarks.ledger_recheck [--database sqlite] [--transfers 500000]

Each transfer is two postings. Our audit recomputes every total, limit and link, every sealed block and every sum by
day, from the rows; the other two read the journal that `ledger.export` wrote, and balance it. A program that is not
installed is left out.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine

from escrow.db import snapshot, transaction
from ledger import export
from ledger.audit import audit
from ledger.blocks_audit import blocks_are_unbroken
from ledger.movements import movements_are_the_sums_of_transfers, roll
from ledger.sealing import Signer, seal
from tests.benchmarks.ledger_history import filled
from tests.benchmarks.machine import AT, KINDS, books, ratio, show

_SIGNER: Final = Signer(seed=bytes(32))
_PROGRAMS: Final[dict[str, tuple[Callable[[Connection], Iterator[str]], tuple[str, ...]]]] = {
    "hledger": (export.hledger, ("hledger", "check", "--strict", "-f")),
    "bean-check": (export.beancount, (str(Path(sys.executable).with_name("bean-check")),)),
}


def main() -> None:
    """Fill the books, check them in each way, and show the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--transfers", type=int, default=500_000)
    asked = parser.parse_args()
    lines = []
    for kind in asked.database:
        with books(kind, accounts=1_000) as engine, tempfile.TemporaryDirectory() as folder:
            filled(engine, asked.transfers, asked.transfers)
            _in_the_background(engine)
            lines += _checked(engine, Path(folder), asked.transfers)
    show("Ledger recheck", lines)


def _checked(engine: Engine, folder: Path, transfers: int) -> list[dict[str, Any]]:
    taken = {"audit": _timed(lambda: _audited(engine))}
    for name, (written, command) in _PROGRAMS.items():
        if shutil.which(command[0]) is None:
            continue
        journal = folder / f"{name}.journal"
        with snapshot(engine) as db, journal.open("w") as file:
            file.writelines(written(db))
        call = [*command, str(journal)]
        taken[name] = _timed(lambda call=call: subprocess.run(call, check=True, capture_output=True))  # type: ignore[misc]  # one at a time
    return [
        {
            "database": engine.dialect.name,
            "postings": 2 * transfers,
            "checked by": name,
            "seconds": f"{seconds:.1f}",
            "against the audit": ratio(seconds, taken["audit"]),
        }
        for name, seconds in taken.items()
    ]


def _in_the_background(engine: Engine) -> None:
    """What the service does behind the posting: seal, and sum by days and months."""
    for chore in (lambda db: seal(db, signer=_SIGNER, now=AT), roll):
        more: object = True
        while more:
            with transaction(engine) as db:
                more = chore(db)


def _audited(engine: Engine) -> None:
    with snapshot(engine) as db:
        breaches = [
            *audit(db),
            *blocks_are_unbroken(db, [_SIGNER.public_key]),
            *movements_are_the_sums_of_transfers(db),
        ]
    if breaches:
        raise AssertionError(f"the books are wrong: {breaches[0]}")


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
