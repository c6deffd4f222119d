"""camt as a stream: what it takes in memory, and what is refused before it takes more."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest

from reconciliation import camt, camt_stream
from reconciliation.camt_entry import Line
from reconciliation.reading import read
from reconciliation.statement import DoctypeRefused, NotAStatement, Statement, TooLarge
from tests.reconciliation.bank_files import day, entry

ONE = day(entry("1.00", serial="B-1"), opening="0.00", closing="1.00")


def only(data: bytes) -> Statement:
    (found,) = read(data)
    return found


def test_a_doctype_is_seen_where_two_pieces_of_the_text_meet() -> None:
    for pad in range(1 << 16, (1 << 16) - 12, -1):
        text = "<!--" + "x" * (pad - 7) + "-->" + "<!DOCTYPE a>" + "<a/>"
        with pytest.raises(DoctypeRefused):
            camt.read(text)


def test_a_deeply_nested_entry_is_refused() -> None:
    deep = entry("1.00").replace("<BkTxCd>", "<x>" * 100 + "</x>" * 100 + "<BkTxCd>")
    with pytest.raises(NotAStatement, match="nested"):
        read(day(deep, opening="0.00", closing="1.00"))


def test_tags_without_end_are_refused_before_they_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camt_stream, "MAX_TAGS", 10_000)
    wide = entry("1.00").replace("<BkTxCd>", "<x/>" * 30_000 + "<BkTxCd>")
    with pytest.raises(TooLarge, match="10000 tags"):
        read(day(wide, opening="0.00", closing="1.00"))
    many = day(*[entry("1.00")] * 2_000, opening="0.00", closing="2000.00")
    assert many.count(b"<") > 10_000
    assert len(only(many).lines) == 2_000


def test_more_entries_than_are_read_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camt, "MAX_ENTRIES", 2)
    with pytest.raises(TooLarge, match="more than 2 entries"):
        read(day(*[entry("1.00")] * 3, opening="0.00", closing="3.00"))


def test_a_stream_gives_the_lines_away_one_by_one_and_reads_the_same() -> None:
    data = day(*[entry("1.00", serial=f"B-{at}") for at in range(500)], opening="0.00", closing="500.00")
    walked = camt.walk(camt.decoded(BytesIO(data), "utf-8"))
    first = next(walked)
    assert isinstance(first, Line)
    assert first.serial == "B-0"
    assert sum(isinstance(each, Line) for each in walked) == 499
    (whole,) = camt.read_stream(BytesIO(data))
    assert whole.lines["serial"].tolist() == only(data).lines["serial"].tolist()


MEASURED = """
import resource
from reconciliation import camt, camt_stream
from tests.reconciliation.bank_files import balance, camt as document, detail, entry, statement

whole = document(statement([entry("1.00", details=[detail(debtor="x")])], balances=[balance("OPBD", "0.00")])).decode()
head, tail = whole.split("<Ntry>")[0], "</Ntry>".join(whole.split("</Ntry>")[1:])
one = whole[len(head) : len(whole) - len(tail)]

def pieces(hundreds):
    yield head
    for _ in range(hundreds):
        yield one * 100
    yield tail

def peak(hundreds):
    assert sum(1 for _ in camt.walk(pieces(hundreds))) == hundreds * 100 + 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

print(peak(10), peak(200))
"""


def test_twenty_times_the_entries_take_no_more_memory() -> None:
    root = Path(__file__).resolve().parents[2]
    told = subprocess.run([sys.executable, "-c", MEASURED], check=True, capture_output=True, text=True, cwd=root)
    few, many = map(int, told.stdout.split())
    assert many - few < 8 * 1024, "kibibytes"


def test_a_stream_in_another_encoding_than_said_is_refused() -> None:
    with pytest.raises(NotAStatement, match="encoding utf-8"):
        camt.read_stream(BytesIO(ONE.replace(b"S-1", b"\xff")))
