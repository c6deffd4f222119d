"""What the watch finds in a generated county: planted, found, false, recall and precision of each detector and cap.

    ./run bench detectors [--database postgresql] [--contracts 100000]

The county has 2,000 planted violations for 100,000 contracts, of every kind, and decoys close to each: a lesson that
ends on the very minute, two contracts of exactly sixty lessons, money swept in on the last working day. The time of
the whole watch, all its queries included, stands beside that of the caps' own sweep over the same contracts.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from escrow.db import open_engine, transaction, upgrade
from tests.benchmarks.machine import KINDS, ratio, show
from tests.generated_county import judging
from tests.generated_county.county import County
from tests.postgres import Postgres


def main() -> None:
    """Write the county, watch it, and show what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", nargs="+", choices=KINDS, default=["postgresql"])
    parser.add_argument("--contracts", type=int, default=100_000)
    asked = parser.parse_args()
    for kind in asked.database:
        county = judging.county_of(asked.contracts)
        with _database(kind) as engine:
            with transaction(engine) as db:
                county.books.write(db)
            if kind == "postgresql":
                with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
                    db.exec_driver_sql("VACUUM ANALYZE")
            _show(engine, county)


def _show(engine: Engine, county: County) -> None:
    with transaction(engine) as db:
        start = time.perf_counter()
        detectors = judging.detectors(db, county)
        watched = time.perf_counter() - start
        start = time.perf_counter()
        caps = judging.caps(db, county)
        swept = time.perf_counter() - start
    kind = engine.dialect.name
    lines: list[dict[str, Any]] = [
        {
            "detector": name,
            "planted": each.planted,
            "found": each.found,
            "missed": len(each.missed),
            "false": len(each.false),
            "recall": each.recall,
            "precision": each.precision,
        }
        for name, each in {**detectors, **caps}.items()
    ]
    show(f"Detectors on {kind}", lines)
    times = {
        "contracts": len(county.books.rows["contract"]),
        "lessons attended": len(county.books.rows["attendance"]),
        "planted": sum(county.planted.values()),
        "decoys": county.decoys,
        "watch, s": f"{watched:.1f}",
        "caps, s": f"{swept:.1f}",
        "watch ÷ caps": ratio(watched, swept),
    }
    show(f"Time of the watch on {kind}", [times])


@contextmanager
def _database(kind: str) -> Iterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="escrow-benchmark-") as folder:
        if kind == "sqlite":
            yield from _migrated(f"sqlite:///{folder}/books.db")
        else:
            with Postgres.start(Path(folder)) as server:
                server.create("books")
                yield from _migrated(server.url("books"))


def _migrated(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    upgrade(engine)
    yield engine
    engine.dispose()
