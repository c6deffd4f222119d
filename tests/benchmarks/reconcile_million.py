"""A million bank lines against a million expected items: read, matched and reported, beside the same join in DuckDB.

    python -m tests.benchmarks.reconcile_million [--rows 1000000] [--rounds 1]

Two CSV files are written first: the bank's, in one bank's corporate layout with its running balance, and the books'.
One line in a thousand is of another amount, one in a thousand is expected by nobody, and two equal amounts stand
everywhere. Then two contestants take turns, each in a process of its own, whose peak memory is its own too:

- ours: the real reader (profile, exact amounts, control totals, keys), the real matcher with its evidence, and the
  matches and breaks written as CSV;
- DuckDB: `read_csv` of both files, amounts as DECIMAL, the reference cut out of the remark by a pattern, one full join
  by reference, matches and breaks written as CSV. No layouts, no control totals, no keys, no duplicates, no evidence.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
from pyarrow import csv

from qrpay import reference
from reconciliation import expected, reading
from reconciliation.matching import match
from tests.benchmarks.machine import ratio, show

ROOT: Final = Path(__file__).resolve().parents[2]
ACCOUNT: Final = "1202021019900123456"
HEADER: Final = (
    "凭证号,本方账号,对方账号,交易时间,借/贷,借方发生额,贷方发生额,对方行号,摘要,用途,对方单位名称,余额,个性化信息"
)
ODD: Final = 1_000
"""One row in so many is short, and one is nobody's."""


def main() -> None:
    """Write the files, let the contestants read and match them, show the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--child", choices=CONTESTANTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        sys.stdout.write(json.dumps(_contest(asked.child, asked.folder)))
        return
    with tempfile.TemporaryDirectory(prefix="reconcile-benchmark-") as folder:
        for name, rows in (("lines.csv", _lines), ("items.csv", _items)):
            with (Path(folder) / name).open("w", encoding="utf-8") as out:
                out.writelines(rows(asked.rows))
        figures = [_measured(name, folder) for _ in range(asked.rounds) for name in CONTESTANTS]
    best = {name: min(each["wall s"] for each in figures if each["contestant"] == name) for name in CONTESTANTS}
    show("Reconcile million", [each | {"wall / DuckDB": ratio(each["wall s"], best["DuckDB"])} for each in figures])


def _amount(number: int) -> int:
    return number // 2 * 7919 % 500_000 + 1


def _lines(rows: int) -> Iterator[str]:
    yield f"[HISTORYDETAIL]\n户名,某某校外培训机构资金监管专户\n{HEADER}\n"
    balance = 0
    for number in range(rows):
        amount = _amount(number) + (number % ODD == 1)
        named = reference.make(number) if number % ODD != 2 else "无"
        balance += amount
        second = number * 86_400 * 28 // rows
        at = f"2026-10-{1 + second // 86_400:02} {second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}"
        yield (
            f"B{number:012},{ACCOUNT},62220202{number:011},{at},贷,,{_major(amount)},102100099996,转账,"
            f"学费 {named},张三{number % 977},{_major(balance)},\n"
        )


def _items(rows: int) -> Iterator[str]:
    yield "key,amount,reference,serial,counterparty,counterparty_account,on\n"
    for number in range(rows):
        day = 1 + number * 28 // rows
        named = f"{reference.make(number)},,张三{number % 977},,2026-10-{day:02}"
        yield f"payment:{number},{_major(_amount(number))},{named}\n"


def _major(amount: int) -> str:
    return f"{amount // 100}.{amount % 100:02}"


def _measured(name: str, folder: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.reconcile_million", "--child", name, "--folder", folder]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout)
    return {"contestant": name, **told}


def _contest(name: str, folder: Path) -> dict[str, Any]:
    wall, processor = time.perf_counter(), time.process_time()
    figures = CONTESTANTS[name](folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    total = round(time.perf_counter() - wall, 2), round(time.process_time() - processor, 2)
    return {**figures, "wall s": total[0], "processor s": total[1], "peak MiB": peak}


def _ours(folder: Path) -> dict[str, Any]:
    clock = _Clock()
    items = expected.read((folder / "items.csv").read_bytes())
    read_items = clock.lap()
    (statement,) = reading.read((folder / "lines.csv").read_bytes(), max_bytes=1 << 30)
    read_lines = clock.lap()
    outcome = match(statement.lines, items, references=reference.find_each)
    matched = clock.lap()
    for name, told in (("matches", outcome.matches), ("breaks", outcome.breaks)):
        csv.write_csv(pa.Table.from_pandas(told, preserve_index=False), folder / f"{name}.csv")
    return {
        "matches": len(outcome.matches),
        "breaks": len(outcome.breaks),
        "read": f"{read_items:.1f} + {read_lines:.1f}",
        "match": f"{matched:.1f}",
        "report": f"{clock.lap():.1f}",
    }


class _Clock:
    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last lap."""
        before, self._last = self._last, time.perf_counter()
        return self._last - before


_JOIN: Final = """
CREATE TABLE joined AS
WITH lines AS (
    SELECT column00 AS line, CAST(column06 AS DECIMAL(18, 2)) AS amount, CAST(column03 AS TIMESTAMP) AS at,
        regexp_extract(column09, 'XF[0-9A-Z]{{7}}[0-9]{{2}}') AS reference
    FROM read_csv('{folder}/lines.csv', header = false, skip = 3, all_varchar = true, delim = ',', auto_detect = false,
        columns = {columns})
), items AS (
    SELECT key, CAST(amount AS DECIMAL(18, 2)) AS amount, reference
    FROM read_csv('{folder}/items.csv', all_varchar = true)
)
SELECT line, key, lines.amount AS shown, items.amount AS expected FROM lines FULL JOIN items USING (reference)
"""


def _duckdb(folder: Path) -> dict[str, Any]:
    clock = _Clock()
    columns = {f"column{at:02}": "VARCHAR" for at in range(13)}
    with duckdb.connect() as db:
        db.execute("SET threads = 2")
        db.execute(_JOIN.format(folder=folder, columns=columns))
        taken = clock.lap()
        same = "shown IS NOT DISTINCT FROM expected"
        db.execute(f"COPY (SELECT * FROM joined WHERE {same}) TO '{folder}/duck_matches.csv'")  # noqa: S608  our own words
        db.execute(f"COPY (SELECT * FROM joined WHERE NOT ({same})) TO '{folder}/duck_breaks.csv'")  # noqa: S608
        [(matches, breaks)] = db.execute(
            f"SELECT count(*) FILTER ({same}), count(*) FILTER (NOT ({same})) FROM joined"  # noqa: S608
        ).fetchall()
    return {
        "matches": matches,
        "breaks": breaks,
        "read": "–",
        "match": f"{taken:.1f} with reading",
        "report": f"{clock.lap():.1f}",
    }


CONTESTANTS: Final[dict[str, Callable[[Path], dict[str, Any]]]] = {"ours": _ours, "DuckDB": _duckdb}


if __name__ == "__main__":
    main()
