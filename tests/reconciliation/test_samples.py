"""Real exports and published files: each is imported whole or refused for a reason that is true of it."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from reconciliation import workbook
from reconciliation.decoding import decodings
from reconciliation.reading import read
from reconciliation.statement import (
    BadRow,
    ControlTotalsBroken,
    NotAStatement,
    StatementRefused,
)
from tests.reconciliation.bank_files import SAMPLES

IMPORTED = {
    "camt.053/*.v2.multi.statement.xml": [
        ("camt.053.001.02", "EUR", 1, 1815, 2700),
        ("camt.053.001.02", "EUR", 1, 2700, 2000),
    ],
    "camt.054/*.v2.xml": [("camt.054.001.02", "SEK", 1, None, None)],
    "mt940/*with_binary_character.sta": [
        ("MT940", "EUR", 3, 38_011_577, 19_992_902),
        ("MT940", "EUR", 1, 13_007_319, 13_119_319),
    ],
    "mt940/*citi__mt940.txt": [("MT940", "USD", 5, 1_737_667, 1_623_392)],
    "mt940/*jejik__generic.sta": [("MT940", "EUR", 1, 10_000, 9_000), ("MT940", "EUR", 1, 9_000, 8_000)],
    "cn/boc/*debit*.csv": [("boc-debit", "CNY", 17, 281_358, 324_028)],
    "cn/boc/*credit*.csv": [("boc-credit", "CNY", 13, None, None), ("boc-credit", "USD", 1, None, None)],
}
"""format, currency, lines, opening, closing (minor units) of each statement."""

REFUSED: dict[str, tuple[type[StatementRefused], str]] = {
    # The published example closes an EUR account in SEK.
    "camt.053/*.v2.minimal.xml": (ControlTotalsBroken, "CLBD is in SEK, the account in EUR"),
    "camt.053/*.v2.minimal.ultimate.xml": (ControlTotalsBroken, "CLBD is in SEK, the account in EUR"),
    "camt.053/*.v8.xml": (ControlTotalsBroken, "CLBD is in SEK, the account in EUR"),
    "camt.053/*.v2.five.decimals.xml": (BadRow, r"entry 1 \(line \d+\): '8\.850' has 3 decimals, EUR has 2"),
    "camt.053/*.v2.all-balance-types.xml": (BadRow, r"entry 1 \(line \d+\): '8\.850' has 3 decimals, EUR has 2"),
    "camt.053/*.v2.wrong.xml": (NotAStatement, "no statement"),
    # Two payments announced, three shown.
    "camt.054/*.v8.xml": (ControlTotalsBroken, "states 2 payments and shows 3"),
    # Fields without a message around them.
    "mt940/*amount_formats.sta": (BadRow, "line 1: :60F: stands before any :20:"),
    "mt940/*empty_86.sta": (BadRow, "line 1: :86: stands before any :20:"),
    # Shortened for publication: the lines left do not lead to the closing balance.
    "mt940/*sepa_snippet.sta": (ControlTotalsBroken, r"give -4472349\.17, the closing balance is -4472049\.09"),
    "mt940/*sepa_snippet_broken.sta": (BadRow, "line 6: :25: stands there twice"),
    "mt940/*jejik__abnamro.sta": (ControlTotalsBroken, "19322/1 comes in pages, and the page before it"),
    "mt940/*jejik__ing.sta": (ControlTotalsBroken, r"7 lines of together -45\.59"),
    # Masked before publication: the balance column is letters.
    "cn/icbc/*debit-v1*.csv": (BadRow, r"row 8, 余额 'xx,yyyy\.zz'"),
    "cn/icbc/*debit-v2*.csv": (BadRow, r"row 8, 余额 'xx,yyyy\.zz'"),
    # Rows were taken out or invented before publication: totals and balances no longer hold.
    "cn/icbc/*credit*.csv": (
        ControlTotalsBroken,
        r"合计金额, 记账金额\(收入\): the file states 1234\.56, its lines come to 4621\.01",
    ),
    "cn/abc/*.csv": (
        ControlTotalsBroken,
        r"row 3: the running balance is 11000\.00, the lines before it give 10990\.00",
    ),
    "cn/ccb/*.xls": (
        ControlTotalsBroken,
        r"row 10: the running balance is 1579\.11, the lines before it give 1625\.11",
    ),
    # Rows were chosen for publication, the counts above them were not.
    "cn/wechat/*.csv": (ControlTotalsBroken, "row 7, 共43笔记录: the file states 43 rows and has 27"),
    "cn/wechat/*.xlsx": (ControlTotalsBroken, "row 8, 共43笔记录: the file states 43 rows and has 27"),
    "cn/alipay/*.csv": (ControlTotalsBroken, "row 8, 共66笔记录: the file states 66 rows and has 10"),
}


def sample(pattern: str) -> Path:
    found = sorted(SAMPLES.glob(pattern))
    if not found:
        pytest.skip("the sample files are not here")
    return found[0]


@pytest.mark.parametrize("pattern", IMPORTED)
def test_a_sample_that_holds_together_is_imported_whole(pattern: str) -> None:
    path = sample(pattern)
    found = read(path.read_bytes(), filename=path.name)
    told = [(each.format, each.currency, len(each.lines), each.opening, each.closing) for each in found]
    assert told == IMPORTED[pattern]


@pytest.mark.parametrize("pattern", REFUSED)
def test_a_sample_that_does_not_is_refused_for_the_true_reason(pattern: str) -> None:
    kind, sentence = REFUSED[pattern]
    path = sample(pattern)
    with pytest.raises(kind, match=sentence) as refused:
        read(path.read_bytes(), filename=path.name)
    assert type(refused.value) is kind
    assert refused.value.chinese


def test_every_sample_of_a_statement_has_its_place_in_the_tables() -> None:
    if not SAMPLES.exists():
        pytest.skip("the sample files are not here")
    named = {path for pattern in (*IMPORTED, *REFUSED) for path in SAMPLES.glob(pattern)}
    kinds = {".xml", ".csv", ".xls", ".xlsx", ".sta", ".txt"}
    there = {path for folder in ("camt.053", "camt.054", "mt940", "cn") for path in (SAMPLES / folder).rglob("*")}
    assert {path for path in there if path.suffix in kinds} == named


@pytest.mark.parametrize(
    "name",
    ["v2.minimal", "v2.minimal.ultimate", "v8", "v2.five.decimals", "v2.all-balance-types", "v2.multi.statement"],
)
def test_amounts_dates_and_signs_are_those_of_another_decoder(name: str) -> None:
    """The faults of the published examples are put right first, in memory: decimals, and a closing that closes."""
    path = sample(f"camt.053/*.{name}.xml")
    text = re.sub(r">([0-9]+\.[0-9]{2})0<", r">\1<", path.read_text(encoding="utf-8"))
    if name != "v2.multi.statement":
        text = re.sub(r"<Bal>.*?</Bal>", lambda bal: bal[0] if "OPBD" in bal[0] else "", text, flags=re.DOTALL)
    ours = [line for each in read(text.encode()) for line in each.lines.to_dict("records")]
    theirs = entries(json.loads(path.with_suffix(".json").read_text(encoding="utf-8")))
    ours = ours[-len(theirs) :]  # of several statements the other decode keeps the last one's entries

    assert [(line["amount"], line["booked_on"]) for line in ours] == [
        (int(each["getAmount"]["getAmount"]), booked(each)) for each in theirs
    ]
    assert [line["end_to_end"] for line in ours] == [end_to_end(each) for each in theirs]
    assert [line["reversal"] for line in ours] == [bool(each["getReversalIndicator"]) for each in theirs]


PUT_RIGHT: dict[str, dict[str, str]] = {
    "cn/abc/*.csv": {r"(,[+-][0-9.]+),[0-9.]+,": r"\1,--,"},
    "cn/icbc/*credit*.csv": {r'"1234\.56 +\t","6543\.21': '"4621.01","363.13', r'"-[0-9,.]+ +\t"': '"--"'},
    "cn/icbc/*debit-v1*.csv": {"xx,yyyy.zz": "--", r"合计(.*)1,234\.56(.*)9,876\.54": r"合计\g<1>2841.74\g<2>4241.08"},
    "cn/icbc/*debit-v2*.csv": {"xx,yyyy.zz": "--", r"合计(.*)1,234\.56(.*)9,876\.54": r"合计\g<1>2841.74\g<2>4241.08"},
    "cn/boc/*debit*.csv": {},
    "cn/boc/*credit*.csv": {},
    "cn/ccb/*.xls": {r",([0-9.]+),([0-9.]+),[0-9.]+,人民币": r",\1,\2,--,人民币"},
    "cn/wechat/*.csv": {"共43笔记录": "", "(收入|支出)：1笔": "", r"起始时间：.*": ""},
    "cn/alipay/*.csv": {"共66笔记录": "", r"起始时间：\[2023-02-10.*": ""},
}
"""What was masked, cut or invented for publication, taken out in memory: balances, totals and counts."""


@pytest.mark.parametrize("pattern", PUT_RIGHT)
def test_days_and_amounts_are_those_of_another_programs_books(pattern: str) -> None:
    path = sample(pattern)
    if path.suffix == ".xls":
        (table,) = workbook.tables(path.read_bytes())
        text = table.cells.to_csv(index=False, header=False)
    else:
        text = next(decodings(path.read_bytes()))
    for was, becomes in PUT_RIGHT[pattern].items():
        text, changed = re.subn(was, becomes, text)
        assert changed
    ours = Counter(
        (line["booked_on"], abs(line["amount"]))
        for each in read(text.encode())
        for line in each.lines.to_dict("records")
    )
    books = sample(f"{pattern.rsplit('.', 1)[0]}.beancount")
    theirs = Counter(booked_by_beancount(books.read_text(encoding="utf-8")))
    assert theirs
    assert not theirs - ours


def booked_by_beancount(text: str) -> Iterator[tuple[str, int]]:
    """Day and amount (fen) of each transaction; those that a wallet counts as neither in nor out are left out."""
    for entry in re.split(r"\n(?=[0-9]{4}-)", text):
        day, amount = re.match(r"([0-9-]{10}) \*", entry), re.search(r" (-?)([0-9]+)\.([0-9]{2}) [A-Z]{3}", entry)
        if day and amount and 'type: "/"' not in entry and 'type: "不计收支"' not in entry:
            yield day[1], int(amount[2] + amount[3])


def entries(decoded: dict[str, Any]) -> list[dict[str, Any]]:
    found = decoded["getEntries"]
    assert found
    return [each for each in found if isinstance(each, dict)]


def booked(each: dict[str, Any]) -> str:
    return datetime.fromisoformat(each["getBookingDate"]["0"]).astimezone(ZoneInfo("Asia/Shanghai")).date().isoformat()


def end_to_end(each: dict[str, Any]) -> str:
    reference = (each["getTransactionDetail"] or {}).get("getReference") or {}
    return reference.get("getEndToEndId") or ""
