"""Damaged and hostile bytes: whatever comes, a statement or a refusal with a sentence comes out, and nothing else."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow.bank.sandbox import corporate_files
from escrow.bank.sandbox.corporate_layouts import LAYOUTS
from reconciliation.reading import read
from reconciliation.statement import Statement, StatementRefused
from tests.reconciliation.bank_files import (
    NEW_HEADER,
    NEW_ROWS,
    OLD_HEADER,
    OLD_ROWS,
    SAMPLES,
    camt,
    corporate,
    day,
    detail,
    entry,
    mt940,
    xlsx,
)
from tests.reconciliation.test_corporate_layouts import statement

CAMT = day(
    entry("1280.00", serial="B-1", details=[detail(end_to_end="A", debtor="张三", account="6", remark=["学费"])]),
    entry("3.00", details=[detail(amount="1.00"), detail(amount="2.00")], batch=2),
    entry("5.00", "DBIT", reversal=True),
    opening="0.00",
    closing="1288.00",
)
MT940 = mt940(
    "2610081008CY1280,00NTRFTE2610080001K7//B-1\r\n:86:166?00GUTSCHRIFT?20EREF+TE26?21SVWZ+学费?316222?32张三",
    "261009RC5,00NCHGNONREF\r\n/SUPPLEMENTARY/\r\n:86:手续费",
    closing="C261009CNY1275,00",
).encode()
FILES = {
    "camt": CAMT,
    "camt.054": CAMT.replace(b"Stmt>", b"Ntfctn>"),
    "mt940": MT940,
    "mt940 in GB18030": MT940.decode().encode("gb18030"),
    "camt without namespace in GB18030": camt(namespace=False, encoding="GB18030"),
    "old": corporate(OLD_HEADER, OLD_ROWS),
    "old in UTF-16": corporate(OLD_HEADER, OLD_ROWS, encoding="utf-16"),
    "new": corporate(NEW_HEADER, NEW_ROWS, encoding="utf-8"),
    "web page": corporate_files.write(statement([128_000, -1_000], opening=5), LAYOUTS["cmbc-corporate"]),
    "tabs in UTF-16": corporate_files.write(statement([128_000, -1_000], opening=5), LAYOUTS["boc-corporate"]),
    "stated balances": corporate_files.write(statement([128_000, 1], opening=5), LAYOUTS["ccb-corporate-2026"]),
    "xlsx": xlsx([["工行"], [], OLD_HEADER.split("|"), *[row.replace('"', "").split(",") for row in OLD_ROWS]]),
}
PIECES = [
    *(b"", b"\x00", b"\xff", b'"', b",", b"\r", b"\n", b"<", b">", b"&", b"&x;", b"-", b"9" * 5_000, b"\xe3\x80\x80"),
    *(
        b"<!--",
        b"<![CDATA[",
        b"<?x",
        b"</Ntry>",
        b"<Ntry>",
        b"1e9",
        b"NaN",
        b"\xed\xa0\x80",
        "９".encode(),
        b"0000-00-00",
        b"\r\n:61:",
        b"\r\n:86:",
        b"\r\n-}{4:",
        b"?20",
        b",",
    ),
]


def answered(data: bytes) -> None:
    """Read it: a refusal must carry both its sentences, what is taken must add up, and no two lines share a key."""
    refused: StatementRefused | None = None
    found: list[Statement] = []
    try:
        found = read(data, filename="x")
    except StatementRefused as reason:
        refused = reason
    keys = [key for each in found for key in each.lines["key"]]
    assert len(set(keys)) == len(keys)
    for each in found:
        if each.opening is not None and each.closing is not None:
            assert each.opening + sum(each.lines["amount"].tolist()) == each.closing
    assert refused is None or (str(refused) and refused.chinese)


@pytest.mark.parametrize("name", FILES)
@given(
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 40), st.one_of(st.sampled_from(PIECES), st.binary(max_size=8))),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=80, deadline=None)
def test_any_mutation_is_answered(name: str, edits: list[tuple[float, int, bytes]]) -> None:
    data = FILES[name]
    for place, cut, piece in edits:
        at = int(place * len(data))
        data = data[:at] + piece + data[at + cut :]
    answered(data)


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_off_anywhere_is_answered(name: str) -> None:
    data = FILES[name]
    for at in range(0, len(data), max(1, len(data) // 60)):
        answered(data[:at])


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_answered(data: bytes) -> None:
    answered(data)


@given(st.text(max_size=200), st.sampled_from(["utf-8", "utf-16", "gb18030"]))
@settings(max_examples=100, deadline=None)
def test_any_cells_under_a_known_header_are_answered(text: str, encoding: str) -> None:
    rows = f"{NEW_HEADER.replace('|', ',')}\n{NEW_ROWS[0]}\n{text}"
    answered(rows.encode(encoding, errors="ignore"))


def test_a_mutated_old_excel_file_is_answered() -> None:
    found = sorted(SAMPLES.glob("cn/ccb/*.xls"))
    if not found:
        pytest.skip("the sample files are not here")
    whole, dice = found[0].read_bytes(), random.Random(20261008)  # noqa: S311 a fixed sequence, not a secret
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 30)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        answered(bytes(data[: dice.choice([len(data), dice.randrange(len(data))])]))
