"""Any bank file to statements: what kind of file it is, how its text is encoded, and the checks before it counts."""

import codecs
import re
from dataclasses import replace
from operator import attrgetter
from typing import Final

from reconciliation import bills, camt, control, html_table, mt940, mt940_fields, tabular, workbook
from reconciliation.decoding import decodings, strict
from reconciliation.identity import claimed, keyed
from reconciliation.layouts import Comparison, nearest, recognised, unknown
from reconciliation.statement import NotAStatement, Statement, TooLarge
from reconciliation.tables import Table, from_text, tops

MAX_BYTES: Final = 64 * 1024 * 1024
"""The largest file read at once, bytes, unless the caller has the memory for more (ten times the file's size)."""

_DECLARED: Final = re.compile(rb"""\s*<\?xml[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9._-]{1,20})["']""")
_XML_ENCODINGS: Final = {
    "utf-8": "utf-8",
    "us-ascii": "ascii",
    "gb18030": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "iso-8859-1": "latin-1",
}


def read(data: bytes, *, filename: str = "", account: str | None = None, max_bytes: int = MAX_BYTES) -> list[Statement]:
    """The statements of a bank's file, checked against its own totals, each line with its key.

    camt.052, .053 or .054, MT940, Excel or delimited text is told by content; `filename` only words the refusals.
    `account` is whose statement the caller takes it for: it fills in what the file leaves out and is refused when the
    file names another. Raises some StatementRefused; then nothing of the file counts.
    """
    if not data.strip():
        raise NotAStatement(f"the file {filename} is empty", f"文件 {filename} 是空的")
    if len(data) > max_bytes:
        raise TooLarge(
            f"the file has {len(data)} bytes, more than the {max_bytes} read at once; export a shorter period",
            f"文件大小 {len(data)} 字节，超过上限 {max_bytes}；请缩短导出期间",
            limit=max_bytes,
            found=len(data),
        )
    found = _workbook(data) if data.startswith((workbook.ZIP, workbook.OLE)) else _text(data, filename)
    statements = keyed([replace(each, account=claimed(each.account, account)) for each in found])
    for each in statements:
        control.check(each)
    return statements


def _workbook(data: bytes) -> list[Statement]:
    """Every sheet that holds anything must be known: half a workbook is not imported."""
    statements = [each for table in workbook.tables(data) for each in _table(table)]
    if not statements:
        raise NotAStatement("the Excel file has no cells", "Excel 文件中没有内容")
    return statements


def _table(table: Table) -> list[Statement]:
    known = recognised(table.top)
    if known is None:
        raise unknown(nearest(table.top), sheet=table.sheet)
    return tabular.read(table, *known)


def _text(data: bytes, filename: str) -> list[Statement]:
    bare = data.removeprefix(codecs.BOM_UTF8)
    if bare.lstrip()[:1] == b"<" and not html_table.recognised(bare[:4096].decode("latin-1")):
        return camt.read(_decoded_xml(data))
    if channel := bills.channel(data):
        raise NotAStatement(
            f"this is a bill of {channel}: it tells of orders and their fees, not of an account; the money itself "
            "comes with the bank's statement",
            f"这是{channel}的交易账单，记的是订单和手续费，不是账户流水；资金请以银行对账单为准",
        )
    near: list[Comparison] = []
    for text in decodings(data):
        found = _known(text)
        if found is not None:
            return found
        near += [nearest(top) for _, top in tops(text)]
    if not near:
        raise NotAStatement(
            f"the file {filename} is no text in UTF-8, UTF-16 or GB18030, no Excel file and no XML",
            f"文件 {filename} 不是 UTF-8、UTF-16 或 GB18030 文本，也不是 Excel 或 XML",
        )
    raise unknown(max(near, key=attrgetter("nearness")))


def _known(text: str) -> list[Statement] | None:
    """The statements, where the text is of a kind that is known; None where it may be another encoding's."""
    if html_table.recognised(text):
        return _table(html_table.table(text))
    if text.lstrip()[:1] == "<":
        return camt.read(text)
    if mt940_fields.recognised(text):
        return mt940.read(text)
    for delimiter, top in tops(text):
        if known := recognised(top):
            return tabular.read(from_text(text, delimiter), *known)
    return None


def _decoded_xml(data: bytes) -> str:
    """XML by the encoding that it declares. (The parser itself cannot be asked: it reads no GB18030.)"""
    bare = data.removeprefix(codecs.BOM_UTF8)
    found = _DECLARED.match(bare)
    name = found[1].decode().lower() if found and bare is data else "utf-8"
    text = strict(bare, _XML_ENCODINGS[name]) if name in _XML_ENCODINGS else None
    if text is None:
        allowed = ", ".join(_XML_ENCODINGS)
        raise NotAStatement(
            f"the XML is not in the encoding {name} that it declares, or it is none of {allowed}",
            f"XML 的实际编码与声明的 {name} 不符，或不在可读范围（{allowed}）",
        )
    return text
