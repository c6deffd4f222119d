"""Tables as banks export them: rows of text cells under a header that stands on one of the first thirty rows."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import StringIO
from itertools import chain, islice
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reconciliation import columns
from reconciliation.columns import Numbers, Texts
from reconciliation.statement import BadRow, TooLarge

HEADER_ROWS: Final = 30
MAX_ROWS: Final = 2_000_000
MAX_COLUMNS: Final = 128
DELIMITERS: Final = (",", "\t", "|")
_HEAD: Final = 1 << 18
"""Characters in which a header is looked for."""
_PIECE: Final = 1 << 22
"""Characters of a text that are cut into cells together, by one core."""
_BATCH: Final = 50_000
"""Rows of a sheet that are turned into columns together."""
_AFTER_QUOTE: Final = re.compile('"[\t ]+(?=[,\r\n]|\\Z)')


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """All rows of one sheet or text file. `cells` is indexed by the 1-based row number; every cell is text, stripped.

    `widths` counts the cells that each row really has, `damaged` holds the (row, column position) of numbers that a
    spreadsheet has cut to 15 digits, `sheet` is the sheet's name or "".
    """

    cells: pd.DataFrame
    widths: Numbers
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
    if '"' in text or text.count("\r") != text.count("\r\n"):
        return from_rows(_quoted(text, delimiter))
    with ThreadPoolExecutor() as cores:
        return _table(cores.map(partial(_unquoted, delimiter=delimiter), _pieces(text.replace("\r\n", "\n"))))


def from_rows(
    rows: Iterable[Sequence[str]], *, damaged: frozenset[tuple[int, int]] = frozenset(), sheet: str = ""
) -> Table:
    """A table of rows that are texts already; rows may differ in width. Raises TooLarge."""
    coming = iter(rows)
    batches = iter(lambda: list(islice(coming, _BATCH)), [])  # Python's texts are larger than Arrow's
    return _table(map(_block, batches), damaged=damaged, sheet=sheet)


class _Block(NamedTuple):
    """Some rows by columns, "" beyond a row's width; and how many cells each row has. One column at least."""

    columns: list[Texts]
    widths: Numbers


def _block(rows: Sequence[Sequence[str]]) -> _Block:
    widths = np.array(list(map(len, rows)), np.int64)
    _fits(len(rows), int(widths.max()))
    return _by_columns(pa.array(chain.from_iterable(rows), pa.large_string()), widths)


def _unquoted(text: str, delimiter: str) -> _Block:
    """Whole lines in which nothing is quoted: what stands between two marks is a cell."""
    data = np.frombuffer(text.encode() if text.endswith("\n") else f"{text}\n".encode(), np.uint8)
    line_ends = data == ord("\n")
    marks = line_ends | (data == ord(delimiter))
    at = np.flatnonzero(marks)
    ends = np.concatenate([[0], at - np.arange(len(at))])  # where each cell ends once the marks are gone
    widths = np.diff(np.flatnonzero(line_ends[at]), prepend=-1)
    _fits(len(widths), int(widths.max()))
    cells = pa.LargeStringArray.from_buffers(len(at), pa.py_buffer(ends), pa.py_buffer(data[~marks]))
    blank = (widths == 1) & (np.diff(ends)[np.cumsum(widths) - 1] == 0)
    return _by_columns(cells.filter(pa.array(~np.repeat(blank, widths))), np.where(blank, 0, widths))


def _by_columns(cells: Texts, widths: Numbers) -> _Block:
    """The cells, which stand row after row, stripped and by their place in the row."""
    stripped, begins = pc.utf8_trim_whitespace(cells), np.cumsum(widths) - widths
    places = (pa.array(begins + at, mask=widths <= at) for at in range(max(1, int(widths.max()))))
    return _Block([stripped.take(each).fill_null("") for each in places], widths)


def _quoted(text: str, delimiter: str) -> Iterator[list[str]]:
    if delimiter == ",":
        text = _AFTER_QUOTE.sub('"', text)  # wallets put a tab behind a quoted number, for a spreadsheet's sake
    rows = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    at = 1
    try:
        for row in rows:
            yield row
            at += 1
    except csv.Error as reason:
        raise BadRow(
            f"row {at}: the quoting is broken ({reason}); fetch the file again",
            f"第 {at} 行：引号不配对（{reason}）；请重新下载文件",
            number=at,
        ) from None


def _pieces(text: str) -> Iterator[str]:
    """The text in pieces of whole lines."""
    at = 0
    while at < len(text):
        end = text.find("\n", at + _PIECE) + 1 or len(text)
        yield text[at:end]
        at = end


def _table(blocks: Iterable[_Block], *, damaged: frozenset[tuple[int, int]] = frozenset(), sheet: str = "") -> Table:
    parts: list[_Block] = []
    rows = 0
    for block in blocks:
        rows += len(block.widths)
        _fits(rows, 0)
        parts.append(block)
    widths = np.concatenate([np.zeros(0, np.int64), *(each.widths for each in parts)])
    numbers, cells = pd.RangeIndex(1, rows + 1), {}
    for at in range(int(widths.max(initial=0))):
        pieces = (each.columns[at] if at < len(each.columns) else columns.same("", len(each.widths)) for each in parts)
        cells[at] = columns.column(pa.concat_arrays(pieces), numbers)
    return Table(cells=pd.DataFrame(cells, index=numbers), widths=widths, damaged=damaged, sheet=sheet)


def _fits(rows: int, width: int) -> None:
    if width > MAX_COLUMNS or rows > MAX_ROWS:
        raise too_large(rows, width)


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
