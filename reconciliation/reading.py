"""Any bank file to statements: what kind of file it is, how its text is encoded, and the checks before it counts."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from reconciliation import camt, control, tabular, workbook
from reconciliation.identity import claimed, keyed
from reconciliation.statement import NotAStatement, Statement, TooLarge
from reconciliation.tables import Likeness, from_text, likeness, recognised, tops, unknown

MAX_BYTES: Final = 64 * 1024 * 1024
"""The largest file read at once, bytes."""

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED: Final = re.compile(rb"""\s*<\?xml[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9._-]{1,20})["']""")
_XML_ENCODINGS: Final = {
    "utf-8": "utf-8",
    "us-ascii": "ascii",
    "gb18030": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "iso-8859-1": "latin-1",
}


def read(data: bytes, *, filename: str = "", account: str | None = None) -> list[Statement]:
    """The statements of a bank's file, checked against its own totals, each line with its key.

    camt.053, Excel or delimited text is told by content; `filename` only words the refusals. `account` is whose
    statement the caller takes it for: it fills in what the file leaves out and is refused when the file names
    another. Raises some StatementRefused; then nothing of the file counts.
    """
    if not data.strip():
        raise NotAStatement(f"the file {filename} is empty", f"文件 {filename} 是空的")
    if len(data) > MAX_BYTES:
        raise TooLarge(
            f"the file has {len(data)} bytes, more than the {MAX_BYTES} read at once; export a shorter period",
            f"文件大小 {len(data)} 字节，超过上限 {MAX_BYTES}；请缩短导出期间",
            limit=MAX_BYTES,
            found=len(data),
        )
    found = _workbook(data) if data.startswith((workbook.ZIP, workbook.OLE)) else _text(data, filename)
    statements = keyed([replace(each, account=claimed(each.account, account)) for each in found])
    for each in statements:
        control.check(each)
    return statements


def _workbook(data: bytes) -> list[Statement]:
    """Every sheet that holds anything must be known: half a workbook is not imported."""
    statements = []
    for table in workbook.tables(data):
        known = recognised(table.top)
        if known is None:
            raise unknown(likeness(table.top), sheet=table.sheet)
        statements += tabular.read(table, *known)
    if not statements:
        raise NotAStatement("the Excel file has no cells", "Excel 文件中没有内容")
    return statements


def _text(data: bytes, filename: str) -> list[Statement]:
    if _DECLARED.match(data.removeprefix(codecs.BOM_UTF8)) or data.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"<":
        return _markup(_decoded_xml(data), filename)
    nearest: Likeness | None = None
    for text in _decodings(data):
        if text.lstrip()[:1] == "<":
            return _markup(text, filename)
        for delimiter, top in tops(text):
            if known := recognised(top):
                return tabular.read(from_text(text, delimiter), *known)
            near = likeness(top)
            nearest = near if nearest is None or near.score > nearest.score else nearest
    if nearest is None:
        raise NotAStatement(
            f"the file {filename} is no text in UTF-8, UTF-16 or GB18030, no Excel file and no XML",
            f"文件 {filename} 不是 UTF-8、UTF-16 或 GB18030 文本，也不是 Excel 或 XML",
        )
    raise unknown(nearest)


def _markup(text: str, filename: str) -> list[Statement]:
    if re.match(r"\s*<(!doctype\s+html|html|table|meta|style)\b", text, re.IGNORECASE):
        raise NotAStatement(
            f"the file {filename} is a web page, whatever its name says; open it and save it as .xlsx or CSV",
            f"文件 {filename} 实际是网页（HTML）；请打开后另存为 .xlsx 或 CSV",
        )
    return camt.read(text)


def _decodings(data: bytes) -> Iterator[str]:
    """The texts that the bytes can be: the one a BOM names, else strict UTF-8, UTF-16, GB18030. A header decides."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            text = _strict(data.removeprefix(mark), encoding)
            return (yield from () if text is None else (text,))
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "gb18030"):
        text = _strict(data, encoding)
        if text is not None:
            yield text
    return None


def _strict(data: bytes, encoding: str) -> str | None:
    """The text, or None: when a byte does not fit, or when it holds NUL, which no bank's text does."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _decoded_xml(data: bytes) -> str:
    """XML by the encoding that it declares. (The parser itself cannot be asked: it reads no GB18030.)"""
    bare = data.removeprefix(codecs.BOM_UTF8)
    found = _DECLARED.match(bare)
    name = found[1].decode().lower() if found and bare is data else "utf-8"
    text = _strict(bare, _XML_ENCODINGS[name]) if name in _XML_ENCODINGS else None
    if text is None:
        allowed = ", ".join(_XML_ENCODINGS)
        raise NotAStatement(
            f"the XML is not in the encoding {name} that it declares, or it is none of {allowed}",
            f"XML 的实际编码与声明的 {name} 不符，或不在可读范围（{allowed}）",
        )
    return text
