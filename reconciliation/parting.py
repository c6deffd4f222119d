"""A bank's sheet taken apart: the lines, the totals below them, and what stands around both."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from reconciliation.profiles import Profile, heading
from reconciliation.statement import BadRow, ControlTotalsBroken
from reconciliation.tables import Table

_SHORTENED: Final = r"[0-9](\.[0-9]+)?[Ee]\+[0-9]{2,3}"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Parts:
    """The parts of a sheet, indexed by its row numbers; cells stripped, columns as the profile names them.

    `aside` are rows that the profile takes for no lines, `around` the rows above the header and below the lines as they
    stand, `lost` the lines whose counterparty's account a spreadsheet has cut; the cell is then empty.
    """

    lines: pd.DataFrame
    aside: pd.DataFrame
    trailers: pd.DataFrame
    around: list[tuple[int, list[str]]]
    lost: list[int]


def part(table: Table, profile: Profile, header_row: int) -> Parts:
    """Take the sheet apart whose header stands on header_row (1-based). Raises BadRow, ControlTotalsBroken."""
    names = {heading(column): column for column in profile.header}
    header = [heading(str(cell)) for cell in table.cells.loc[header_row]]
    below = table.cells.loc[header_row + 1 :]
    below = below[(below != "").any(axis=1)]
    closing = _closing(below, profile)
    lines, trailers = below[~closing], below[closing]
    _shaped(table, lines, profile, header)
    _ended(lines, trailers, profile)
    around = pd.concat([table.cells.loc[: header_row - 1], trailers])
    columns = [names.get(name, "") for name in header]
    lines, trailers = (each.set_axis(columns, axis=1)[profile.header] for each in (lines, trailers))
    left = pd.Series(data=False, index=lines.index, dtype=bool)
    for rule in profile.aside:
        left |= lines[rule.column].isin(rule.cells)
    lines, aside = lines[~left].copy(), lines[left]
    lost = _lost(table, lines, profile, columns)
    if lost:
        lines.loc[lost, profile.columns["counterparty_account"]] = ""  # nobody is identified by half a number
    return Parts(
        lines=lines,
        aside=aside,
        trailers=trailers,
        around=[(int(str(row)), [str(cell) for cell in cells]) for row, *cells in around.itertuples()],
        lost=lost,
    )


def _closing(below: pd.DataFrame, profile: Profile) -> pd.Series:
    """Which rows close the table: those of the profile's trailers."""
    begins = tuple(each.begins for each in profile.trailers)
    if below.empty or not begins:
        return pd.Series(data=False, index=below.index, dtype=bool)
    return below.iloc[:, 0].str.startswith(begins)


def _shaped(table: Table, lines: pd.DataFrame, profile: Profile, header: list[str]) -> None:
    """Every line has the header's cells: no fewer, and no text beyond them."""
    beyond = (lines.loc[:, [at for at, name in enumerate(header) if not name]] != "").any(axis=1)
    if beyond.any():
        raise _bad(int(str(beyond.idxmax())), "there is text to the right of the last column", "最后一列之外还有内容")
    count, rows = len(profile.header), lines.index.to_numpy()
    short = table.widths[rows - 1] < count
    if short.any() and not profile.may_end_early:
        row = int(rows[int(np.argmax(short))])
        found = table.widths[row - 1]
        raise _bad(row, f"{found} cells where the header has {count}", f"只有 {found} 格，表头有 {count} 列")


def _ended(lines: pd.DataFrame, trailers: pd.DataFrame, profile: Profile) -> None:
    """No line stands below the totals, and the totals that the bank always writes are there."""
    if len(lines) and len(trailers) and lines.index[-1] > trailers.index[0]:
        raise _bad(int(lines.index[-1]), "a line below the totals", "合计行之后还有流水")
    for trailer in profile.trailers:
        if trailer.required and not trailers.iloc[:, 0].str.startswith(trailer.begins).any():
            raise ControlTotalsBroken(
                f"the row {trailer.begins} is missing, the file is cut short; export it again",
                f"缺少“{trailer.begins}”行，文件不完整；请重新导出",
            )


def _lost(table: Table, lines: pd.DataFrame, profile: Profile, columns: list[str]) -> list[int]:
    """The lines whose counterparty's account a spreadsheet has cut. A cut serial or own account refuses the file."""
    named = profile.columns
    roles = {column: role for role in ("counterparty_account", "serial", "account") for column in named.get(role, ())}
    kept = {(row, columns[at]) for row, at in table.damaged if columns[at] in roles and row in lines.index}
    for column in roles:
        kept |= {(int(row), column) for row in lines.index[lines[column].str.fullmatch(_SHORTENED)]}
    for row, column in sorted(kept):
        if roles[column] != "counterparty_account":
            shown = str(lines.loc[row, column])[:40]
            raise _bad(
                row,
                f"{column} {shown!r} was turned into a number by a spreadsheet, its last digits are lost; "
                "export it as text",
                f"“{column}”（{shown}）被表格软件转成了数字，末位已丢失；请以文本格式导出",
            )
    return sorted(row for row, _ in kept)


def _bad(row: int, english: str, chinese: str) -> BadRow:
    return BadRow(f"row {row}: {english}", f"第 {row} 行：{chinese}", number=row)
