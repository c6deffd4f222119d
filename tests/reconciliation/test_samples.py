"""Real exports and published files: each is imported whole or refused for a reason that is true of it."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from reconciliation.reading import read
from reconciliation.statement import (
    BadRow,
    ControlTotalsBroken,
    NotAStatement,
    StatementRefused,
    UnknownLayout,
)
from tests.reconciliation.bank_files import SAMPLES

IMPORTED = {
    "camt.053/*.v2.multi.statement.xml": [
        ("camt.053.001.02", "EUR", 1, 1815, 2700),
        ("camt.053.001.02", "EUR", 1, 2700, 2000),
    ],
    "cn/boc/*debit*.csv": [("boc-debit", "CNY", 17, 281_358, 324_028)],
    "cn/boc/*credit*.csv": [("boc-credit", "CNY", 13, None, None), ("boc-credit", "USD", 1, None, None)],
}
"""format, currency, lines, opening, closing (minor units) of each statement."""

REFUSED: dict[str, tuple[type[StatementRefused], str]] = {
    # The published example closes an EUR account in SEK.
    "camt.053/*.v2.minimal.xml": (ControlTotalsBroken, "CLBD is in SEK, the account in EUR"),
    "camt.053/*.v2.minimal.ultimate.xml": (ControlTotalsBroken, "CLBD is in SEK, the account in EUR"),
    "camt.053/*.v8.xml": (ControlTotalsBroken, "CLBD is in SEK, the account in EUR"),
    "camt.053/*.v2.five.decimals.xml": (BadRow, r"entry 1: '8\.850' has 3 decimals, EUR has 2"),
    "camt.053/*.v2.all-balance-types.xml": (BadRow, r"entry 1: '8\.850' has 3 decimals, EUR has 2"),
    "camt.053/*.v2.wrong.xml": (NotAStatement, "no statement"),
    "camt.054/*.v2.xml": (NotAStatement, r"camt\.054"),
    "camt.054/*.v8.xml": (NotAStatement, r"camt\.054"),
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
    # Wallets, not banks.
    "cn/wechat/*.csv": (UnknownLayout, "no bank profile"),
    "cn/wechat/*.xlsx": (UnknownLayout, "no bank profile"),
    "cn/alipay/*.csv": (UnknownLayout, "no bank profile"),
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
    kinds = {".xml", ".csv", ".xls", ".xlsx"}
    there = {path for folder in ("camt.053", "camt.054", "cn") for path in (SAMPLES / folder).rglob("*")}
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


def entries(decoded: dict[str, Any]) -> list[dict[str, Any]]:
    found = decoded["getEntries"]
    assert found
    return [each for each in found if isinstance(each, dict)]


def booked(each: dict[str, Any]) -> str:
    return datetime.fromisoformat(each["getBookingDate"]["0"]).astimezone(ZoneInfo("Asia/Shanghai")).date().isoformat()


def end_to_end(each: dict[str, Any]) -> str:
    reference = (each["getTransactionDetail"] or {}).get("getReference") or {}
    return reference.get("getEndToEndId") or ""
