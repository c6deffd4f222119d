"""Tables as banks export them: rows of text cells under a header that stands on one of the first thirty rows."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO, TextIOWrapper
from itertools import islice
from typing import Final

import pandas as pd

from reconciliation.statement import BadRow, TooLarge

HEADER_ROWS: Final = 30
MAX_ROWS: Final = 2_000_000
MAX_COLUMNS: Final = 128
DELIMITERS: Final = (",", "\t", "|")
_HEAD: Final = 1 << 18
"""Characters in which a header is looked for."""
_AFTER_QUOTE: Final = re.compile('"[\t ]+(?=[,\r\n]|\\Z)')


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """All rows of one sheet or text file. `cells` is indexed by the 1-based row number; every cell is text.

    `widths` counts the cells that each row really has, `damaged` holds the (row, column position) of numbers that a
    spreadsheet has cut to 15 digits, `sheet` is the sheet's name or "".
    """

    cells: pd.DataFrame
    widths: Sequence[int]
    damaged: frozenset[tuple[int, int]] = frozenset()
    sheet: str = ""

    @property
    def top(self) -> list[list[str]]:
        """The rows in which a header is looked for."""
        return [[str(cell) for cell in row] for row in islice(self.cells.itertuples(index=False), HEADER_ROWS)]


def tops(text: str) -> Iterator[tuple[str, list[list[str]]]]:
    """The first rows of a text under each delimiter under which they can be read."""
    head = text[:_HEAD]
    for delimiter in DELIMITERS:
        try:
            rows = islice(csv.reader(StringIO(head, newline=""), delimiter=delimiter), HEADER_ROWS)
            yield delimiter, [row[: MAX_COLUMNS + 1] for row in rows]  # what is wider is no header
        except csv.Error:
            continue


def from_text(text: str, delimiter: str) -> Table:
    """Every cell as the text it is: no number, date or "NA" is interpreted.

    Raises BadRow on broken quoting, TooLarge on more rows or columns than are read at once.
    """
    if delimiter == ",":
        text = _AFTER_QUOTE.sub('"', text)  # wallets put a tab behind a quoted number, for a spreadsheet's sake
    data = text.encode()
    widths: list[int] = []
    try:
        for width in _widths(data, delimiter):
            widths.append(width)
            if width > MAX_COLUMNS or len(widths) > MAX_ROWS:
                raise too_large(len(widths), width)
        cells = pd.read_csv(
            BytesIO(data),
            sep=delimiter,
            header=None,
            names=list(range(max(widths, default=1) or 1)),
            index_col=False,
            dtype="str",
            keep_default_na=False,
            na_filter=False,
            skip_blank_lines=False,
        )
    except (csv.Error, pd.errors.ParserError, pd.errors.EmptyDataError) as reason:
        at = len(widths) or 1
        raise BadRow(
            f"row {at}: the quoting is broken ({reason}); fetch the file again",
            f"第 {at} 行：引号不配对（{reason}）；请重新下载文件",
            number=at,
        ) from None
    if len(cells) != len(widths):
        raise BadRow(
            f"the file reads as {len(widths)} or as {len(cells)} rows depending on its quotes; fetch it again",
            f"因引号问题，文件可读作 {len(widths)} 行或 {len(cells)} 行；请重新下载文件",
            number=min(len(cells), len(widths)),
        )
    return Table(cells=cells.set_index(pd.RangeIndex(1, len(cells) + 1)), widths=widths)


def _widths(data: bytes, delimiter: str) -> Iterator[int]:
    """How many cells each row really has: pandas fills up what is missing and says nothing."""
    if b'"' in data or data.count(b"\r") != data.count(b"\r\n"):
        text = TextIOWrapper(BytesIO(data), encoding="utf-8", newline="")
        yield from map(len, csv.reader(text, delimiter=delimiter, strict=True))
        return
    mark = delimiter.encode()
    for line in BytesIO(data):  # nothing is quoted: five times as fast
        yield line.count(mark) + 1 if line.rstrip(b"\r\n") else 0


def from_rows(
    rows: Sequence[Sequence[str]], *, damaged: frozenset[tuple[int, int]] = frozenset(), sheet: str = ""
) -> Table:
    """A table of rows that are texts already; rows may differ in width. Raises TooLarge."""
    width = max(map(len, rows), default=0)
    if width > MAX_COLUMNS or len(rows) > MAX_ROWS:
        raise too_large(len(rows), width)
    cells = pd.DataFrame([[*row, *[""] * (width - len(row))] for row in rows], dtype="str")
    return Table(
        cells=cells.set_index(pd.RangeIndex(1, len(rows) + 1)),
        widths=list(map(len, rows)),
        damaged=damaged,
        sheet=sheet,
    )


def too_large(rows: int, columns: int) -> TooLarge:
    """The refusal of a table with so many rows or columns."""
    return TooLarge(
        f"the table has {rows} rows or more and {columns} columns, {MAX_ROWS} and {MAX_COLUMNS} are read at once; "
        "export a shorter period, or the bank's own columns only",
        f"表格有至少 {rows} 行、{columns} 列，一次最多读取 {MAX_ROWS} 行、{MAX_COLUMNS} 列；"
        "请缩短导出期间，只导出银行原有的列",
        limit=MAX_ROWS if rows > MAX_ROWS else MAX_COLUMNS,
        found=rows if rows > MAX_ROWS else columns,
    )
