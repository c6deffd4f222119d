"""Damaged and hostile bytes: whatever comes, a statement or a refusal with a sentence comes out, and nothing else."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation.reading import read
from reconciliation.statement import StatementRefused
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
    xlsx,
)

CAMT = day(
    entry("1280.00", serial="B-1", details=[detail(end_to_end="A", debtor="张三", account="6", remark=["学费"])]),
    entry("3.00", details=[detail(amount="1.00"), detail(amount="2.00")], batch=2),
    entry("5.00", "DBIT", reversal=True),
    opening="0.00",
    closing="1288.00",
)
FILES = {
    "camt": CAMT,
    "camt without namespace in GB18030": camt(namespace=False, encoding="GB18030"),
    "old": corporate(OLD_HEADER, OLD_ROWS),
    "old in UTF-16": corporate(OLD_HEADER, OLD_ROWS, encoding="utf-16"),
    "new": corporate(NEW_HEADER, NEW_ROWS, encoding="utf-8"),
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
    ),
]


def answered(data: bytes) -> None:
    """Read it: a refusal must carry both its sentences, and no two lines may share a key."""
    refused: StatementRefused | None = None
    keys: list[str] = []
    try:
        keys = [key for each in read(data, filename="x") for key in each.lines["key"]]
    except StatementRefused as reason:
        refused = reason
    assert len(set(keys)) == len(keys)
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
