"""How fast a camt.053 is read, and in how much memory, beside what lxml needs to go through the same file at all.

    python -m tests.benchmarks.camt_reading [--entries 200000] [--rounds 3] [--varied]

Four contestants take turns over one generated file, each in a process of its own, whose peak memory is its own too:

- parsed: the bare limit. lxml parses, hands over each entry, and frees it; nobody looks inside.
- visited: the limit of any reader in Python. As above, and every element's name and text is looked at once.
- lines: ours, streaming (`camt.walk`): each entry becomes its exact line and is given away.
- read: ours, whole: the lines as a frame, keyed, totals proved. Its memory is the frame.

Every entry has an amount, references and times of its own, so that nothing is cheap for being repeated. All have the
same tags, as one program writes them; `--varied` leaves out now this element, now that: 64 kinds, one among the other.
"""

import argparse
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from lxml import etree
from rich.console import Console
from rich.table import Table

from reconciliation import camt, control
from reconciliation.camt_entry import Line
from reconciliation.identity import keyed

ROOT: Final = Path(__file__).resolve().parents[2]
RESULTS: Final = ROOT / ".benchmarks" / "camt_reading.json"
KIBIBYTES: Final = 1024

HEAD: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">'
    "<BkToCstmrStmt><GrpHdr><MsgId>M-1</MsgId><CreDtTm>2026-10-08T20:00:00+08:00</CreDtTm></GrpHdr><Stmt><Id>S-1</Id>"
    "<Acct><Id><Othr><Id>1202021019900123456</Id></Othr></Id><Ccy>CNY</Ccy></Acct>"
)
TAIL: Final = "</Stmt></BkToCstmrStmt></Document>\n"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One contestant: entries a second of each round (processor time), peak memory, and what it grew by, bytes."""

    name: str
    rates: list[int]
    peak: int
    grew: int


def main() -> None:
    """Measure, print the table, write the file."""
    asked = _asked()
    if asked.child:
        sys.stdout.write(json.dumps(_contest(asked.child, asked.file, asked.entries)))
        return
    with tempfile.TemporaryDirectory(prefix="camt-benchmark-") as folder:
        path = Path(folder) / "statement.xml"
        with path.open("w", encoding="utf-8") as out:
            out.writelines(document(asked.entries, varied=asked.varied))
        size = path.stat().st_size
        figures = _measured(path, asked)
    Console().print(_table(figures, asked.entries, size))
    RESULTS.parent.mkdir(exist_ok=True)
    facts = {"machine": _machine(), "entries": asked.entries, "varied": asked.varied, "bytes": size}
    facts |= {"figures": list(map(asdict, figures))}
    RESULTS.write_text(json.dumps(facts, indent=1))
    Console().print(f"written to {RESULTS.relative_to(ROOT)}")


def document(entries: int, *, varied: bool = False) -> Iterator[str]:
    """A statement of so many payments of families, with the balances that they make."""
    yield HEAD + _balance("OPBD", 0) + _balance("CLBD", sum(map(_amount, range(entries))))
    yield from map(_varied if varied else _entry, range(entries))
    yield TAIL


def _amount(number: int) -> int:
    return number * 7919 % 500_000 + 1


def _balance(code: str, amount: int) -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">{_major(amount)}</Amt>'
        "<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-10-08</Dt></Dt></Bal>"
    )


def _entry(number: int) -> str:
    stated = f'<Amt Ccy="CNY">{_major(_amount(number))}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
    minute, second = divmod(number * 86_400 // 1_000_000, 60)
    at = f"2026-10-08T{minute // 60 % 24:02}:{minute % 60:02}:{second:02}+08:00"
    return (
        f"<Ntry><NtryRef>{number + 1}</NtryRef>{stated}<RvslInd>false</RvslInd><Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><DtTm>{at}</DtTm></BookgDt><ValDt><Dt>2026-10-08</Dt></ValDt>"
        f"<AcctSvcrRef>B{number:012}</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd>"
        "<SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls><TxDtls>"
        f"<Refs><EndToEndId>TE{number:012}</EndToEndId></Refs>{stated}<RltdPties><Dbtr><Pty><Nm>张三{number % 977}</Nm>"
        f"</Pty></Dbtr><DbtrAcct><Id><Othr><Id>62220202{number:011}</Id></Othr></Id></DbtrAcct></RltdPties>"
        f"<RmtInf><Ustrd>学费 TE{number:012}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
    )


def _varied(number: int) -> str:
    """The entry without some of the elements that may be missing, hardly ever the same ones as in the one before."""
    entry = _entry(number)
    for bit, name in enumerate(("NtryRef", "RvslInd", "ValDt", "AcctSvcrRef", "BkTxCd", "RmtInf"), start=8):
        if number * 2_654_435_761 >> bit & 1:
            entry = re.sub(f"<{name}>.*</{name}>", "", entry)
    return entry


def _major(amount: int) -> str:
    return f"{amount // 100}.{amount % 100:02}"


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=200_000, help="1000000 for the figure of a whole county")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--varied", action="store_true", help="entries of 64 kinds")
    parser.add_argument("--child", choices=CONTESTANTS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _measured(path: Path, asked: argparse.Namespace) -> list[Figure]:
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in CONTESTANTS}
    for _ in range(asked.rounds):
        for name, told in runs.items():
            command = [sys.executable, "-m", "tests.benchmarks.camt_reading"]
            command += ["--child", name, "--file", str(path), "--entries", str(asked.entries)]
            told.append(json.loads(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout))
    return [
        Figure(
            name=name,
            rates=[round(asked.entries / each["seconds"]) for each in told],
            peak=max(int(each["peak"]) for each in told),
            grew=max(int(each["grew"]) for each in told),
        )
        for name, told in runs.items()
    ]


def _contest(name: str, path: Path, entries: int) -> dict[str, float]:
    before = _peak()
    start = time.process_time()
    found = CONTESTANTS[name](path)
    seconds = time.process_time() - start
    if found != entries:
        raise AssertionError(f"{name} found {found} of {entries} entries")
    return {"seconds": seconds, "peak": _peak(), "grew": _peak() - before}


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTES


def _parsed(path: Path) -> int:
    return sum(1 for _ in _freed(path))


def _visited(path: Path) -> int:
    count = 0
    for entry in _freed(path):
        for element in entry.iter():
            _ = element.tag, element.text
        count += 1
    return count


def _freed(path: Path) -> "Iterable[etree._Element]":
    for _, entry in etree.iterparse(path, events=("end",), tag="{*}Ntry"):
        yield entry
        entry.clear()
        parent = entry.getparent()
        if parent is not None and parent[_FIRST] is not entry:
            del parent[_FIRST]


_FIRST: Final = 4
"""Id, Acct and two balances stand before the entries."""


def _lines(path: Path) -> int:
    with path.open("rb") as source:
        return sum(isinstance(each, Line) for each in camt.walk(camt.decoded(source, "utf-8")))


def _read(path: Path) -> int:
    with path.open("rb") as source:
        (statement,) = keyed(camt.read_stream(source))
    control.check(statement)
    return len(statement.lines)


CONTESTANTS: Final[dict[str, Callable[[Path], int]]] = {
    "parsed": _parsed,
    "visited": _visited,
    "lines": _lines,
    "read": _read,
}


def _table(figures: list[Figure], entries: int, size: int) -> Table:
    table = Table(title=f"camt.053, {entries:,} entries, {size / 1e6:,.0f} MB: median of the rounds")
    headings = ("contestant", "entries/s", "time / parsed", "time / visited", "peak MiB", "of that, reading")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "contestant" else "right")
    rate = {each.name: median(each.rates) for each in figures}
    for each in figures:
        ratios = (f"{rate[limit] / rate[each.name]:.2f}" for limit in ("parsed", "visited"))
        mebibytes = (f"{value / KIBIBYTES**2:,.0f}" for value in (each.peak, each.grew))
        table.add_row(each.name, f"{rate[each.name]:,.0f}", *ratios, *mebibytes)
    return table


def _machine() -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "lxml": ".".join(map(str, etree.LXML_VERSION)),
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
    }


if __name__ == "__main__":
    main()
