"""Excel files, .xls and .xlsx, as tables of text. Numbers are exact or refused, whatever Excel made of them."""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from typing import Final
from zipfile import BadZipFile, ZipFile
from zlib import error as BrokenDeflate  # noqa: N812 zlib's class has a lower-case name

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from reconciliation import ole
from reconciliation.statement import NotAStatement, TooLarge
from reconciliation.tables import MAX_COLUMNS, Table, from_rows

ZIP: Final = b"PK\x03\x04"
OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_UNPACKED: Final = 512 * 1024 * 1024
MAX_CELLS: Final = 30_000_000
_CELL: Final = re.compile(rb"""\br=["']([A-Z]{1,3})([0-9]{1,7})["']""")
_EXACT_DIGITS: Final = 10**15


def tables(data: bytes) -> list[Table]:
    """Every sheet that has cells. Raises NotAStatement when it is no workbook, TooLarge when it unpacks to too much."""
    if data.startswith(ZIP):
        _fits(data)
    elif not ole.is_sound(data):
        raise _broken("the file is damaged")
    try:
        workbook = CalamineWorkbook.from_filelike(BytesIO(data))
        found = [(name, _cells(workbook.get_sheet_by_name(name))) for name in workbook.sheet_names]
    except TooLarge:
        raise
    except (CalamineError, OSError, ValueError) as reason:
        raise _broken(str(reason)) from None
    except BaseException as reason:
        # On some broken .xls the reader's Rust panics. pyo3 derives that from BaseException and gives it no import.
        if type(reason).__name__ != "PanicException":
            raise
        raise _broken("the file is damaged") from None
    return [_table(name, rows) for name, rows in found if any(map(any, rows))]


def _cells(sheet: CalamineSheet) -> Sequence[Sequence[object]]:
    if sheet.total_width > MAX_COLUMNS:
        found = sheet.total_width
        raise _large(f"a sheet of {found} columns", f"工作表有 {found} 列", MAX_COLUMNS, found)
    return sheet.to_python(skip_empty_area=False)


def _table(name: str, rows: Sequence[Sequence[object]]) -> Table:
    damaged = frozenset(
        (at, position)
        for at, row in enumerate(rows, start=1)
        for position, cell in enumerate(row)
        if isinstance(cell, float) and abs(cell) >= _EXACT_DIGITS
    )
    return from_rows([[_text(cell) for cell in row] for row in rows], damaged=damaged, sheet=name)


def _text(cell: object) -> str:
    """A cell as a bank would have written it. A float is what its shortest decimal says: 66.4."""
    match cell:
        case bool():
            return str(cell).upper()
        case float():
            exact = Decimal(repr(cell))
            return str(int(exact)) if exact == exact.to_integral_value() else format(exact, "f")
        case datetime():
            return cell.strftime("%Y-%m-%d %H:%M:%S" if cell.time() != time() else "%Y-%m-%d")
        case date() | time():
            return cell.isoformat()
        case _:
            return str(cell)


def _fits(data: bytes) -> None:
    """Refuse a bomb before it is unpacked: by its size, and by far-off cells that would span a giant sheet."""
    try:
        with ZipFile(BytesIO(data)) as archive:
            members = archive.infolist()
            unpacked = sum(member.file_size for member in members)
            if unpacked > MAX_UNPACKED:
                raise _large(f"{unpacked} bytes unpacked", f"解压后 {unpacked} 字节", MAX_UNPACKED, unpacked)
            for member in members:  # all are unpacked once: a size that lies is caught by the checksum
                chunks = _chunks(archive, member.filename)
                if "worksheets/" in member.filename:
                    _spans(chunks)
                else:
                    deque(chunks, maxlen=0)
    except (BadZipFile, BrokenDeflate, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as reason:
        if isinstance(reason, TooLarge):
            raise
        raise _broken(str(reason)) from None


def _chunks(archive: ZipFile, name: str) -> Iterator[bytes]:
    """The member in pieces that overlap, so that no cell reference is cut in two."""
    kept = b""
    with archive.open(name) as stream:
        while piece := stream.read(1 << 20):
            yield kept + piece
            kept = piece[-32:]


def _spans(chunks: Iterator[bytes]) -> None:
    width = height = 0
    for chunk in chunks:
        for letters, row in _CELL.findall(chunk):
            height = max(height, int(row))
            width = max(width, _column(letters))
        if width * height > MAX_CELLS:
            raise _large(
                f"a sheet of {height} rows by {width} columns",
                f"工作表 {height} 行 × {width} 列",
                MAX_CELLS,
                width * height,
            )


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _large(english: str, chinese: str, limit: int, found: int) -> TooLarge:
    return TooLarge(
        f"{english}, more than the {limit} read at once; export a shorter period, or the bank's own columns only",
        f"{chinese}，超过一次可读取的 {limit}；请缩短导出期间",
        limit=limit,
        found=found,
    )


def _broken(reason: str) -> NotAStatement:
    return NotAStatement(
        f"the Excel file cannot be read ({reason}); open and save it again as .xlsx, or export a CSV",
        f"无法读取该 Excel 文件（{reason}）；请另存为 .xlsx 或导出 CSV",
    )
