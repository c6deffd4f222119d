"""Tables as Excel and WPS open them, CSV and xlsx: figures exact, text never a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Final

import xlsxwriter  # type: ignore[import-untyped]

from escrow.rules.months import SHANGHAI
from ledger.money import Money

Cell = str | int | Money | date | datetime | None
"""What a cell may hold. An instant stands on the wall clock of Asia/Shanghai; None is an empty cell."""

_ACTIVE: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet run a cell instead of showing it (OWASP, CSV Injection); the full-width forms too."""

_EXACT_DIGITS: Final = 15
"""Excel keeps numbers as binary floats, exact to so many digits (Excel specifications and limits)."""


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """The table as CSV (RFC 4180), in UTF-8 with the mark that tells Excel so. Raises ValueError for a ragged row.

    A text that a spreadsheet would run gets an apostrophe before it, the sign for text in Excel and WPS.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    for row in _even(columns, rows):
        writer.writerow([_inert(_plain(cell)) if isinstance(cell, str) else _plain(cell) for cell in row])
    return text.getvalue().encode("utf-8-sig")


def xlsx_of(sheet: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, at: datetime) -> bytes:
    """The table as one sheet of a workbook, its first row standing while the rest scrolls. `at`: when it was made.

    Text is stored as text and is never a formula or a link; money and whole numbers are numbers, unless Excel would
    round them: then they are text too. Raises ValueError for a ragged row, and for what a sheet cannot hold whole: more
    than 1,048,576 rows, or a text of more than 32,767 characters.
    """
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"constant_memory": True}) as book:
        book.set_properties({"created": at.astimezone(UTC)})
        page = book.add_worksheet(sheet)
        page.freeze_panes(1, 0)
        money, bold = book.add_format({"num_format": "#,##0.00"}), book.add_format({"bold": True})
        for at_row, row in enumerate(_even(columns, rows)):
            for at_column, cell in enumerate(row):
                if isinstance(cell, Money) and _is_exact(cell.minor):
                    missed = page.write_number(at_row, at_column, cell.decimal, money)
                elif isinstance(cell, int) and _is_exact(cell):
                    missed = page.write_number(at_row, at_column, cell)
                else:
                    missed = page.write_string(at_row, at_column, _plain(cell), bold if at_row == 0 else None)
                if missed:  # the library leaves such a cell out and goes on
                    raise ValueError(
                        f"row {at_row} cannot be written: a sheet has 1,048,576 rows, a cell 32,767 letters"
                    )
    return data.getvalue()


def _even(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterable[Sequence[Cell]]:
    yield columns
    for number, row in enumerate(rows, start=1):
        if len(row) != len(columns):
            raise ValueError(f"row {number} has {len(row)} cells under {len(columns)} columns")
        yield row


def _plain(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case Money():
            return cell.major
        case datetime():
            return cell.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
        case date():
            return cell.isoformat()
    return str(cell)


def _inert(text: str) -> str:
    return f"'{text}" if text.lstrip(" ").startswith(_ACTIVE) else text


def _is_exact(number: int) -> bool:
    return abs(number) < 10**_EXACT_DIGITS
