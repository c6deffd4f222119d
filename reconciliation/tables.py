"""Tables as banks export them: rows of text cells under a header that stands on one of the first twelve rows."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from typing import Final

import pandas as pd

from reconciliation.profiles import Profile, heading, known
from reconciliation.statement import BadRow, UnknownLayout

HEADER_ROWS: Final = 12
DELIMITERS: Final = (",", "\t", "|")


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


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """How near the most header-like row comes to a known header: 0 to 1, 1 is that header itself."""

    score: float
    header: tuple[str, ...]
    profile: Profile


def recognised(top: Sequence[Sequence[str]]) -> tuple[Profile, int] | None:
    """The profile whose header stands in these rows, and the 1-based row it stands on; None when none does."""
    for at, row in enumerate(top, start=1):
        names = [heading(cell) for cell in row]
        while names and not names[-1]:
            names.pop()
        for profile in known():
            if len(names) == len(profile.header) and set(names) == profile.fingerprint:
                return profile, at
    return None


def likeness(top: Sequence[Sequence[str]]) -> Likeness:
    """The row and the profile that have the largest share of column names in common."""
    best = Likeness(score=0.0, header=tuple(max(top, key=_filled, default=())), profile=known()[0])
    for row in top:
        names = {heading(cell) for cell in row} - {""}
        for profile in known():
            score = len(names & profile.fingerprint) / len(names | profile.fingerprint)
            if score > best.score:
                best = Likeness(score=score, header=tuple(row), profile=profile)
    return best


def unknown(found: Likeness, *, sheet: str = "") -> UnknownLayout:
    """The refusal of a table that no profile knows: its header, and what sets it apart from the nearest one."""
    header = [heading(cell) for cell in found.header if heading(cell)][:40]
    shown = "，".join(name[:40] for name in header) or "—"
    profile, near = found.profile, found.score > 0
    missing = "，".join(column for column in profile.header if heading(column) not in header) or "—"
    added = "，".join(name[:40] for name in header if name not in profile.fingerprint) or "—"
    of_sheet, sheet_of = (f" of sheet {sheet}", f"工作表“{sheet}”的") if sheet else ("", "")
    nearest = f"Nearest: {profile.name}; it lacks {missing}; it has in addition {added}." if near else "None is near."
    nearest_chinese = f"最接近：{profile.bank}（{profile.name}），缺少：{missing}；多出：{added}。" if near else ""
    return UnknownLayout(
        f"no bank profile knows the header{of_sheet} (looked for on rows 1 to {HEADER_ROWS}): {shown}. {nearest} "
        f"Export in a known layout ({', '.join(each.name for each in known())}) or add a profile",
        f"无法识别{sheet_of}表头（在第 1 至 {HEADER_ROWS} 行中查找）：{shown}。{nearest_chinese}"
        "请按已知版式导出，或增加银行版式",
        header=shown,
        nearest=profile.name if near else "",
    )


def tops(text: str) -> Iterator[tuple[str, list[list[str]]]]:
    """The first rows of a text under each delimiter under which they can be read."""
    for delimiter in DELIMITERS:
        try:
            yield delimiter, list(islice(csv.reader(StringIO(text, newline=""), delimiter=delimiter), HEADER_ROWS))
        except csv.Error:
            continue


def from_text(text: str, delimiter: str) -> Table:
    """Every cell as the text it is: no number, date or "NA" is interpreted. Raises BadRow on broken quoting."""
    widths = []
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        widths = [len(row) for row in reader]
        cells = pd.read_csv(
            StringIO(text, newline=""),
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
        raise BadRow(
            f"row {len(widths) or reader.line_num}: the quoting is broken ({reason}); fetch the file again",
            f"第 {len(widths) or reader.line_num} 行：引号不配对（{reason}）；请重新下载文件",
            number=len(widths) or reader.line_num,
        ) from None
    if len(cells) != len(widths):
        raise BadRow(
            f"the file reads as {len(widths)} or as {len(cells)} rows depending on its quotes; fetch it again",
            f"因引号问题，文件可读作 {len(widths)} 行或 {len(cells)} 行；请重新下载文件",
            number=min(len(cells), len(widths)),
        )
    return Table(cells=cells.set_index(pd.RangeIndex(1, len(cells) + 1)), widths=widths)


def _filled(row: Iterable[str]) -> int:
    return sum(1 for cell in row if heading(cell))
