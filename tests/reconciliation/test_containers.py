"""What banks put their tables into: web pages called .xls, workbooks, text; and how much of it is read at once."""

from collections.abc import Sequence
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from reconciliation import tables
from reconciliation.reading import read
from reconciliation.statement import (
    BadRow,
    ControlTotalsBroken,
    DoctypeRefused,
    NotAStatement,
    StatementRefused,
    TooLarge,
    UnknownLayout,
)
from tests.reconciliation.bank_files import ACCOUNT, OLD_HEADER, OLD_ROWS, corporate, xlsx

LINE = "8001|{a}|6222|2026-10-08 09:01:02|贷||1,280.00||转账|学费|张三|11,280.00|"
ROWS = [["账号：", ACCOUNT], OLD_HEADER.split("|"), LINE.format(a=ACCOUNT).split("|")]


def page(rows: list[list[str]], *, head: str = "", cell: str = "td") -> str:
    body = "".join("<TR>" + "".join(f"<{cell}>{each}</{cell}>" for each in row) + "</TR>\n" for row in rows)
    return f"{head}<html><head><style>td {{color: red}}</style></head><body><table>{body}</table></body></html>"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize(
    "head", ["", '<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01//EN">\n', "<!-- 导出 -->\n", "\n  "]
)
def test_a_web_page_called_xls_is_read_as_displayed(encoding: str, head: str) -> None:
    (found,) = read(page(ROWS, head=head).encode(encoding), filename="a.xls")
    assert found.lines["amount"].tolist() == [128_000]
    assert found.lines["number"].tolist() == [3]
    assert found.lines["counterparty"].tolist() == ["张三"]


def test_tables_one_below_the_other_are_one_table_and_blanks_and_breaks_are_blanks() -> None:
    text = page(ROWS).replace("</TR>\n", "</TR></table><table border=0>\n", 1)
    text = text.replace(">学费<", ">&nbsp;学<b>费</b><br>秋&amp;冬&nbsp;<")
    (found,) = read(text.encode())
    assert found.lines["remark"].tolist() == ["转账 学费 秋&冬"]


def test_a_cell_over_several_columns_takes_them_all() -> None:
    text = page(ROWS).replace("<td>账号：</td>", '<td colspan="3">账号：</td>')
    assert len(read(text.encode())) == 1


@pytest.mark.parametrize(
    ("was", "becomes", "kind", "sentence"),
    [
        ("<td>8001", '<td rowspan="2">8001', BadRow, "row 3 of the web page: a cell merged over several rows"),
        ("<td>8001", "<td><table><tr><td>8001</td></tr></table>", BadRow, "row 3 of the web page: a table within"),
        ("<html>", '<!DOCTYPE html [<!ENTITY x "1">]><html>', DoctypeRefused, "declares entities"),
        ("</TR>\n</table></body></html>", "", NotAStatement, "3 rows begin, 2 end"),
        ("</body></html>", "</body></html", NotAStatement, "no whole table"),
        ("<td>8001</td>", "<td>8001</td>" + "<td></td>" * 200, TooLarge, "128"),
        ("11,280.00", "&x;", StatementRefused, "row 3, 余额"),
    ],
)
def test_a_web_page_that_cannot_be_read_whole_is_refused(
    was: str, becomes: str, kind: type[StatementRefused], sentence: str
) -> None:
    text = page(ROWS)
    assert was in text
    with pytest.raises(kind, match=sentence) as refused:
        read(text.replace(was, becomes).encode())
    assert refused.value.chinese


def test_a_web_page_without_a_known_header_says_what_it_found() -> None:
    with pytest.raises(UnknownLayout, match="甲，乙"):
        read(page([["甲", "乙"], ["1", "2"]]).encode())


def test_a_web_page_of_deep_nesting_loses_no_row() -> None:
    (found,) = read(f"<html>{'<div>' * 200_000}{page(ROWS)}".encode())
    assert found.lines["amount"].tolist() == [128_000]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "data",
    [b"<!---->" * 500, b"<html>" + b"<!doctype " * 500_000, b"<html>" + b"<td>" * 500_000, b"<table>" * 500_000],
)
def test_a_web_page_made_to_keep_a_reader_busy_ends_in_words(data: bytes) -> None:
    with pytest.raises(StatementRefused):
        read(data)


@pytest.mark.timeout(60)
def test_a_header_of_a_million_columns_ends_in_words() -> None:
    with pytest.raises(StatementRefused):
        read(",".join(map(str, range(1_000_000))).encode())


def test_a_workbook_whose_sizes_lie_is_refused() -> None:
    whole = xlsx(ROWS)
    out = BytesIO()
    with ZipFile(BytesIO(whole)) as old, ZipFile(out, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        new.writestr("xl/sharedStrings.xml", b" " * (4 << 20))
    data = bytearray(out.getvalue())
    size = (4 << 20).to_bytes(4, "little")
    assert data.count(size) >= 2
    with pytest.raises(NotAStatement, match=r"Bad CRC-32 for file 'xl/sharedStrings\.xml'"):
        read(bytes(data).replace(size, (16).to_bytes(4, "little")))


def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciliation.workbook.MAX_UNPACKED", 1_000)
    with pytest.raises(TooLarge, match="bytes unpacked"):
        read(xlsx(ROWS))


def test_more_rows_or_columns_than_are_read_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooLarge, match="200 columns"):
        read(corporate(OLD_HEADER, [*OLD_ROWS, "," * 199]))
    monkeypatch.setattr(tables, "MAX_ROWS", 6)
    with pytest.raises(TooLarge, match="8 rows or more"):
        read(corporate(OLD_HEADER, OLD_ROWS))


def test_a_formula_counts_as_what_it_shows_and_a_rest_below_the_fen_is_refused() -> None:
    line: list[str | float] = [*ROWS[2][:6], 1280.0, *ROWS[2][7:11], 11280.0, ""]
    shown: list[Sequence[str | float]] = [*ROWS[:2], line]
    cached = xlsx(shown)
    out = BytesIO()
    with ZipFile(BytesIO(cached)) as old, ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"<v>1280.0</v>", b"<f>1000+280</f><v>1280.0</v>"))
    assert out.getvalue() != cached
    (found,) = read(out.getvalue())
    assert found.lines["amount"].tolist() == [128_000]
    with pytest.raises(BadRow, match=r"row 3, 贷方发生额 '1280\.005': .* never rounded"):
        read(xlsx([*ROWS[:2], [*line[:6], 1280.005, *line[7:]]]))


def test_a_serial_kept_as_a_number_of_too_many_digits_is_refused() -> None:
    rows: list[Sequence[str | float]] = [*ROWS[:2], [2026100800000123456.0, *ROWS[2][1:]]]
    with pytest.raises(BadRow, match=r"row 3: 凭证号 '2026100800000123\d+' was turned into a number"):
        read(xlsx(rows))


def test_a_tab_behind_a_quoted_number_is_no_broken_quoting() -> None:
    data = corporate(OLD_HEADER, OLD_ROWS).replace(b"8001,", b'"8001"\t,', 1)
    (found,) = read(data)
    assert found.lines["serial"].tolist()[0] == "8001"


def test_a_quote_that_never_ends_is_refused_with_its_row() -> None:
    with pytest.raises((BadRow, ControlTotalsBroken)):
        read(corporate(OLD_HEADER, OLD_ROWS).replace("张三".encode("gb18030"), '"张三'.encode("gb18030")))
