"""Expected items from a CSV: exact, whole or not at all."""

import pytest

from reconciliation import expected
from reconciliation.reading import read
from reconciliation.statement import BadRow, NotAStatement, StatementRefused, TooLarge, UnknownLayout

HEADER = "key,amount,reference,serial,counterparty,counterparty_account,on"
ROW = 'I1,"1,280.00",XF1,,张三,6222020200098765432,2026-10-08'


def items(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows]).encode("utf-8-sig")


def test_items_are_read_exactly_in_any_order_of_columns() -> None:
    found = expected.read(items(ROW, "I2,-5.00,,B2,,,2026-10-09"))
    assert found["amount"].tolist() == [128_000, -500]
    assert found["counterparty_account"].tolist() == ["6222020200098765432", ""]
    turned = expected.read(items("2026-10-08,,6222,张三,B1,,5.00,I1,2026-10-09", header=f"on,due,{HEADER_TURNED}"))
    assert turned["serial"].tolist() == ["B1"]


HEADER_TURNED = "counterparty_account,counterparty,serial,reference,amount,key,account"


@pytest.mark.parametrize(
    ("data", "kind", "sentence"),
    [
        (items("I1,5e2,,,,,2026-10-08"), BadRow, "row 2, amount '5e2'"),
        (items(ROW, "I2,,,,,,2026-10-08"), BadRow, "row 3: there is no amount"),
        (items("I1,5.00,,,,,8.10.2026"), BadRow, "row 2, on"),
        (items(ROW, ROW), BadRow, "row 3: the key stands twice"),
        (items(ROW, header=HEADER.replace("serial", "流水")), UnknownLayout, "lack serial and have in addition 流水"),
        (items("I1,5.00,,,,2026-10-08"), BadRow, "row 2: 6 cells where the header has 7"),
        (items("", ROW, "", "I2,1.00,,,,,2026-10-08,"), BadRow, "row 5: 8 cells where the header has 7"),
        (items('I1,"5.00,,,,,2026-10-08'), BadRow, "row 2: the quoting is broken"),
        (b"", NotAStatement, "no CSV"),
        (b"\xff\xfe\x00", NotAStatement, "no CSV in UTF-8"),
    ],
)
def test_items_that_cannot_be_read_exactly_are_refused(
    data: bytes, kind: type[StatementRefused], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence) as refused:
        expected.read(data)
    assert refused.value.chinese


def test_how_large_a_file_may_be_is_the_callers_to_say() -> None:
    with pytest.raises(TooLarge) as refused:
        read(b"x" * 11, max_bytes=10)
    assert refused.value.facts == {"limit": 10, "found": 11}
