"""Web pages that banks save as .xls: the rows of their tables as one table, as displayed."""

import re
from typing import Final

from lxml import etree

from reconciliation.statement import BadRow, DoctypeRefused, NotAStatement
from reconciliation.tables import MAX_COLUMNS, MAX_ROWS, Table, from_rows, too_large

_BEGINS: Final = re.compile(
    r"\s*(<!--((?!-->).)*-->\s*|<\?xml[^>]*>\s*)*<(!doctype\s+html|html|head|body|table|meta|style|div)\b",
    re.IGNORECASE | re.DOTALL,
)
_ENTITY: Final = re.compile(r"<!(doctype[^<>\[]{0,1000}\[|entity)", re.IGNORECASE)
_SPAN: Final = re.compile(r"[0-9]{1,4}")


def recognised(text: str) -> bool:
    """Whether the text is a web page, whatever the file is called."""
    return _BEGINS.match(text[:4096]) is not None


def table(text: str) -> Table:
    """All rows of all tables of the page, in order. Row numbers count <tr>.

    Raises NotAStatement without a whole table, BadRow where cells are merged over rows or tables lie in tables,
    DoctypeRefused where the page declares entities of its own, TooLarge.
    """
    if _ENTITY.search(text):
        raise DoctypeRefused(
            "the page declares entities, they could hide or cut text; open it and save it as .xlsx or CSV",
            "网页中声明了实体，可能隐藏或截断文字；请打开后另存为 .xlsx 或 CSV",
        )
    whole = text.rstrip()
    opened, closed = (len(re.findall(rf"<{tag}\b", text, re.IGNORECASE)) for tag in ("tr", "/tr"))
    if not opened or not whole.endswith(">") or opened != closed:
        raise NotAStatement(
            f"the web page has no whole table ({opened} rows begin, {closed} end); export it again, as .xlsx or CSV",
            f"网页中没有完整的表格（{opened} 行开始，{closed} 行结束）；请重新导出，最好为 .xlsx 或 CSV",
        )
    rows = _Rows()
    parser = etree.HTMLParser(target=rows, no_network=True, remove_comments=True, remove_pis=True)
    try:
        parser.feed(text)
        parser.close()
    except etree.LxmlError as reason:
        raise NotAStatement(
            f"the web page cannot be read ({reason}); open it and save it as .xlsx or CSV",
            f"无法读取该网页（{reason}）；请打开后另存为 .xlsx 或 CSV",
        ) from None
    if len(rows.found) != opened:
        raise NotAStatement(
            f"of the page's {opened} rows {len(rows.found)} can be read; open it and save it as .xlsx or CSV",
            f"网页共 {opened} 行，只能读出 {len(rows.found)} 行；请打开后另存为 .xlsx 或 CSV",
        )
    return from_rows(rows.found)


class _Rows:
    """Gathers the cells of the page as the parser walks over it."""

    def __init__(self) -> None:
        self.found: list[list[str]] = []
        self._cell: list[str] | None = None
        self._span = 1
        self._deep = 0

    def start(self, tag: str | bytes, attrib: dict[str | bytes, str | bytes]) -> None:
        """An element begins."""
        if tag == "table":
            self._deep += 1
            if self._deep > 1:
                raise self._bad("a table within a table", "表格中嵌套表格")
        elif tag == "tr":
            self.found.append([])
            if len(self.found) > MAX_ROWS:
                raise too_large(len(self.found), 0)
        elif tag in {"td", "th"} and self.found:
            if str(attrib.get("rowspan", "1")).strip() not in {"", "1"}:
                raise self._bad("a cell merged over several rows", "单元格跨行合并")
            span = str(attrib.get("colspan", "1")).strip()
            self._span = int(span) if _SPAN.fullmatch(span) else 1
            self._cell = []
        elif tag == "br" and self._cell is not None:
            self._cell.append(" ")

    def end(self, tag: str | bytes) -> None:
        """An element ends."""
        if tag == "table":
            self._deep -= 1
        elif tag in {"td", "th"} and self._cell is not None:
            row = self.found[-1]
            row += ["".join(self._cell).replace("\xa0", " "), *[""] * (self._span - 1)]
            self._cell = None
            if len(row) > MAX_COLUMNS:
                raise too_large(len(self.found), len(row))

    def data(self, data: str | bytes) -> None:
        """Text between two tags."""
        if self._cell is not None:
            self._cell.append(str(data))

    def comment(self, text: str | bytes) -> None:
        """No part of any cell."""

    def close(self) -> None:
        """The page ends."""

    def _bad(self, english: str, chinese: str) -> BadRow:
        number = max(len(self.found), 1)
        return BadRow(
            f"row {number} of the web page: {english}; open it and save it as .xlsx or CSV",
            f"网页第 {number} 行：{chinese}；请打开后另存为 .xlsx 或 CSV",
            number=number,
        )
