"""How long the caps take over every open contract, beside a bare scan of the same columns; and for one new contract.

    python -m tests.benchmarks.cap_sweep [--database sqlite] [--sizes 10000 1000000] [--rounds 5]

A county of so many open contracts: two students in three have one, the third has two of one course; one contract in a
hundred has 75 lessons. The scan hands the columns over as the database has them and throws them away. The sweep reads
them, decides every rule, and makes the findings with their words and evidence; what it takes with all its alerts raised
is told beside it. Scan and sweep take turns, each figure is the median of the rounds. The check of one new contract
reads its student's open ones.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from statistics import median
from typing import Any, Final

from sqlalchemy import Connection, Engine, insert, select, text

from escrow.db import snapshot, transaction
from escrow.enrolment import caps, contract_columns, contract_terms, screening
from escrow.enrolment.tables import contract, student
from escrow.enrolment.terms import Terms
from escrow.monitoring.sweep import sweep
from escrow.registry.tables import course, institution
from escrow.rules.rulebook import Rulebook
from tests.benchmarks.machine import KINDS, books, ratio, show

SIZES: Final = (10_000, 100_000, 1_000_000)
INSTITUTIONS: Final = 500
CHECKS: Final = 200
AT: Final = datetime(2026, 8, 20, 4, 0, tzinfo=UTC)

_NUMBERS: Final = {
    "postgresql": "WITH numbers AS (SELECT n FROM generate_series(CAST(1 AS bigint), :size) AS n)",
    "sqlite": "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :size)",
}
_STUDENT: Final = "1 + n * 3 / 4"
_PLACE: Final = f"1 + ({_STUDENT}) % {INSTITUTIONS}"
_FILL: Final = f"""
    INSERT INTO contract (institution_id, course_id, student_id, guardian_id, subject, lessons, gifted, price,
      list_price, first_lesson, last_lesson, signed_at, taught, state, findings)
    {{numbers}}
    SELECT {_PLACE}, {_PLACE}, {_STUDENT}, {_STUDENT}, 'subject ' || ({_STUDENT}) % 7,
      CASE WHEN n % 100 = 0 THEN 75 ELSE 20 + n % 9 END, n % 3, 100000 + n % 997, 10000,
      '2026-09-01', '2026-11-20', :at, n % 20, 'open', '[]'
    FROM numbers"""  # noqa: S608  of pieces that stand here
_PEOPLE: Final = (
    "INSERT INTO guardian (id, name, mobile) {numbers} SELECT n, '王' || n, '138' FROM numbers",
    "INSERT INTO student (id, guardian_id, name) {numbers} SELECT n, n, '小' || n FROM numbers",
)


def main() -> None:
    """Measure what was asked for, print the table, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    lines: list[dict[str, Any]] = []
    for kind in asked.database:
        for size in asked.sizes:
            with books(kind, accounts=1) as engine:
                _settle(engine, size)
                lines.append({"database": kind, "contracts": size, **_measured(engine, asked.rounds)})
    show("Cap sweep", lines)


def _settle(engine: Engine, size: int) -> None:
    """Write a county with so many open contracts, and let PostgreSQL look at it as its own daemon does in time."""
    with transaction(engine) as db:
        _fill_registry(db)
        numbers = _NUMBERS[db.dialect.name]
        for people in _PEOPLE:
            db.execute(text(people.format(numbers=numbers)), {"size": size})
        at = AT if db.dialect.name == "postgresql" else f"{AT:%Y-%m-%dT%H:%M:%S.%fZ}"
        db.execute(text(_FILL.format(numbers=numbers)), {"size": size, "at": at})
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.exec_driver_sql("VACUUM ANALYZE")


def _fill_registry(db: Connection) -> None:
    numbers = range(1, INSTITUTIONS + 1)
    same = {"licence_expires": date(2028, 1, 1), "jurisdiction": "900001", "state": "open", "registered_at": AT}
    schools = [
        {name: f"{name} {number}" for name in ("name", "credit_code", "licence_no")}
        | {"supervised_account": f"S{number}", "settlement_account": f"T{number}"}
        | {"id": number, "category": "non_subject", "mode": "offline", **same}
        for number in numbers
    ]
    db.execute(insert(institution), schools)
    filed = {"name": "素描", "subject": "drawing", "list_price": 10_000, "filed_at": AT}
    db.execute(insert(course), [{"id": number, "institution_id": number, **filed} for number in numbers])


def _measured(engine: Engine, rounds: int) -> dict[str, Any]:
    rulebook = Rulebook.load()
    with snapshot(engine) as db:
        _scan(db)  # once for nothing: pages are in memory, statements compiled
        found = _found(db, rulebook)
        times = [(_seconds(lambda: _scan(db)), _seconds(lambda: _found(db, rulebook))) for _ in range(rounds)]
        checks = [_seconds(lambda each=each: _check(db, each, rulebook)) for each in _students(db)]  # type: ignore[misc]  # bound in its round
    scan, ours = (median(each) for each in zip(*times, strict=True))
    with engine.connect() as db, db.begin() as undone:
        raising = _seconds(lambda: sweep(db, rulebook=rulebook, now=AT))
        undone.rollback()
    return {
        "findings": found,
        "scan s": f"{scan:.2f}",
        "sweep s": f"{ours:.2f}",
        "sweep / scan": ratio(ours, scan),
        "with alerts s": f"{raising:.2f}",
        "one contract ms": f"{1000 * median(checks):.2f}",
    }


def _scan(db: Connection) -> None:
    """The same columns of the same rows, handed over by the database and looked at by nobody."""
    query = contract_columns.query(db.dialect.name).where(contract.c.state == "open")
    if db.dialect.name == "postgresql":
        sql = str(query.compile(dialect=db.dialect, compile_kwargs={"literal_binds": True}))
        with closing(db.connection.cursor()) as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT BINARY)") as copy:
            for _ in copy:
                pass
        return
    rows: Any = db.execute(query).cursor
    while rows.fetchmany(20_000):
        pass


def _found(db: Connection, rulebook: Rulebook) -> int:
    columns = contract_columns.read(db, contract.c.state == "open")
    return sum(1 for _ in screening.findings(columns, rulebook))


def _students(db: Connection) -> Iterator[int]:
    size = db.execute(select(student.c.id).order_by(student.c.id.desc()).limit(1)).scalar_one()
    yield from (1 + number * 7919 % (size * 3 // 4) for number in range(CHECKS))


def _check(db: Connection, student_id: int, rulebook: Rulebook) -> None:
    others = contract_terms.open_of_child(db, student_id)
    draft = Terms(
        contract_id=None,
        institution_id=1,
        student_id=student_id,
        subject="subject 1",
        category="non_subject",
        mode="offline",
        lessons=30,
        gifted=2,
        price_minor=300_000,
        signed_on=date(2026, 8, 20),
        first_lesson=date(2026, 9, 1),
        last_lesson=date(2026, 11, 20),
    )
    caps.examine(draft, others, rulebook=rulebook, jurisdiction="900001")


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
