"""What the books expect on the bank's accounts, as a CSV that any bookkeeping program can write."""

import codecs
from typing import Final

import pandas as pd

from reconciliation.cells import exact, moments
from reconciliation.decoding import strict
from reconciliation.matching import ITEM_COLUMNS
from reconciliation.profiles import Booked
from reconciliation.statement import BadRow, NotAStatement, UnknownLayout
from reconciliation.tables import Table, from_text

OPTIONAL: Final = ("account", "due")
"""Columns that may stand beside ITEM_COLUMNS; `matching` says what they are."""


def read(data: bytes, *, currency: str = "CNY") -> pd.DataFrame:
    """The items of a CSV in UTF-8 whose first row names ITEM_COLUMNS in any order, amounts in major units: 1280.00.

    Raises NotAStatement, UnknownLayout, BadRow naming the row (the header is row 1).
    """
    text = strict(data.removeprefix(codecs.BOM_UTF8), "utf-8")
    if not text or not text.strip():
        raise NotAStatement("the items are empty or no CSV in UTF-8", "款项表是空的，或不是 UTF-8 的 CSV")
    cells = _cells(from_text(text, ","))
    read_amounts = exact(cells["amount"], currency)
    if not read_amounts.there.all():
        row = int(cells.index[int(read_amounts.there.argmin())])
        raise BadRow(f"row {row}: there is no amount", f"第 {row} 行：没有金额", number=row, column="amount", cell="")
    moments(cells, Booked(date="on", formats=["%Y-%m-%d"]))
    if "due" in cells:
        moments(cells[cells["due"] != ""], Booked(date="due", formats=["%Y-%m-%d"]))
    if (twice := cells["key"].duplicated()).any():
        row = int(cells.index[int(twice.to_numpy().argmax())])
        raise BadRow(f"row {row}: the key stands twice", f"第 {row} 行：key 重复", number=row, column="key")
    return cells.assign(amount=read_amounts.values).reset_index(drop=True)


def _cells(table: Table) -> pd.DataFrame:
    """The rows under the header, without blank ones, by its names."""
    header = table.cells.iloc[0].tolist()[: table.widths[0]]
    _known(header)
    below: pd.DataFrame = table.cells.iloc[1:, : len(header)].set_axis(header, axis=1)
    widths = table.widths[1:]
    if (strange := (widths != 0) & (widths != len(header))).any():
        row, found = int(below.index[int(strange.argmax())]), int(widths[int(strange.argmax())])
        raise BadRow(
            f"row {row}: {found} cells where the header has {len(header)}",
            f"第 {row} 行：有 {found} 格，表头有 {len(header)} 列",
            number=row,
        )
    kept: pd.DataFrame = below.loc[widths != 0]
    return kept


def _known(columns: list[str]) -> None:
    missing = [name for name in ITEM_COLUMNS if name not in columns]
    strange = [name for name in columns if name not in {*ITEM_COLUMNS, *OPTIONAL}]
    if missing or strange:
        lacks, has = "，".join(missing) or "—", "，".join(each[:40] for each in strange[:40]) or "—"
        raise UnknownLayout(
            f"the items lack {lacks} and have in addition {has}; the columns are {', '.join(ITEM_COLUMNS)}",
            f"款项表缺少：{lacks}；多出：{has}",
            header="，".join(each[:40] for each in columns[:40]),
            nearest="",
        )
