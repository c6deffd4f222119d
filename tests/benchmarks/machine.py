"""What the benchmarks share: databases of their own, funded accounts, figures printed as a table and kept as JSON."""

import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from escrow.db import open_engine, transaction, upgrade
from ledger.accounts import open_accounts
from ledger.audit import audit
from ledger.batch import Columns
from ledger.entries import NewAccount
from ledger.posting import post_columns
from tests.postgres import Postgres

RESULTS: Final = Path(__file__).resolve().parents[2] / ".benchmarks"
KINDS: Final = ("sqlite", "postgresql")
AT: Final = datetime(2026, 8, 3, 4, 0, tzinfo=UTC)
FUNDS: Final = 10**12
BANK: Final = "bank/1"


@contextmanager
def books(kind: str, *, accounts: int) -> Iterator[Engine]:
    """A migrated database with so many funded accounts, gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="escrow-benchmark-") as folder:
        if kind == "sqlite":
            yield from _funded(f"sqlite:///{folder}/books.db", accounts)
        else:
            with Postgres.start(Path(folder)) as server:
                server.create("books")
                yield from _funded(server.url("books"), accounts)


def _funded(url: str, accounts: int) -> Iterator[Engine]:
    engine = open_engine(url)
    upgrade(engine)
    paths = [path(number) for number in range(accounts)]
    funds = Columns(
        debit=[BANK] * accounts,
        credit=paths,
        amount=[FUNDS] * accounts,
        reference=[f"fund-{each}" for each in paths],
        kind="payment",
        effective=AT,
    )
    with transaction(engine) as db:
        open_accounts(db, [NewAccount(path=BANK, kind="asset")])
        open_accounts(db, [NewAccount(path=each, kind="liability") for each in paths])
        post_columns(db, funds, now=AT)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.exec_driver_sql("VACUUM ANALYZE")
    yield engine
    engine.dispose()


def path(number: int) -> str:
    return f"contract/{number}/prepaid"


def still_right(engine: Engine) -> None:
    """What was fast must be right."""
    with transaction(engine) as db:
        breach = next(audit(db), None)
    if breach is not None:
        raise AssertionError(f"fast, and wrong: {breach}")


def rate(batch: Callable[[], Callable[[], None]], size: int, seconds: float) -> int:
    """Rows a second, of one batch or as many as fit into the seconds; only what `batch` gives back is timed."""
    spent, written = 0.0, 0
    while written == 0 or spent < seconds:
        write = batch()
        start = time.perf_counter()
        write()
        spent += time.perf_counter() - start
        written += size
    return round(written / spent)


def show(title: str, lines: Sequence[Mapping[str, Any]]) -> None:
    """Print the figures, one line each, and keep them in `.benchmarks/`."""
    table = Table(title=title)
    for heading in lines[0]:
        table.add_column(heading, justify="left" if isinstance(lines[0][heading], str) else "right")
    for line in lines:
        table.add_row(*(f"{each:,}" if isinstance(each, int) else str(each) for each in line.values()))
    Console(width=140).print(table)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{title.lower().replace(' ', '_')}.json"
    file.write_text(json.dumps({"machine": _machine(), "figures": lines}, indent=1))


def ratio(ours: float, theirs: float) -> str:
    return f"{ours / theirs:.2f}"


def _machine() -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
    }
