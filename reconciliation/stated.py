"""What a table says of itself outside its lines (期初余额, 起止日期, 笔数), and whether its lines bear it out."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final

import yaml

from reconciliation import control
from reconciliation.amounts import NotExact, minor
from reconciliation.profiles import heading, template
from reconciliation.statement import BadRow, ControlTotalsBroken, Statement

_DAY: Final = re.compile(r"([0-9]{4})(?:-|/|\.|年)?([0-9]{1,2})(?:-|/|\.|月)?([0-9]{1,2})日?(?:[^0-9].*|[0-9]{2}:.*)?")
_LONGEST: Final = 200
"""Characters of a cell that states something. A longer one is prose (注意事项)."""
_COUNT: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """One thing that a cell of the file states, with the row it stands on and the cell in its invariant form."""

    row: int
    cell: str
    text: str

    def day(self) -> date:
        """The day. Raises BadRow."""
        found = _DAY.fullmatch(self.text)
        try:
            if found:
                return date(*map(int, found.groups()))
        except ValueError:
            pass
        raise self._bad(f"{self.text!r} is no day", f"“{self.text}”不是日期")

    def count(self) -> int:
        """The number of rows. Raises BadRow."""
        if not _COUNT.fullmatch(self.text):
            raise self._bad(f"{self.text!r} is no number of rows", f"“{self.text}”不是笔数")
        return int(self.text)

    def amount(self, currency: str) -> int:
        """The amount in minor units. Raises BadRow."""
        try:
            return minor(self.text.removesuffix("元").lstrip("¥"), currency)
        except NotExact as reason:
            raise self._bad(str(reason), reason.chinese) from None

    def _bad(self, english: str, chinese: str) -> BadRow:
        return BadRow(
            f"row {self.row}, {self.cell[:60]!r}: {english}",
            f"第 {self.row} 行“{self.cell[:60]}”：{chinese}",
            number=self.row,
            cell=self.cell[:60],
        )


def said(rows: Iterable[tuple[int, Sequence[str]]], templates: Sequence[str]) -> dict[str, Said]:
    """What the rows outside the lines state by these templates, by name. Raises BadRow when two cells disagree."""
    patterns = [template(each) for each in templates]
    found: dict[str, Said] = {}
    for row, cells in rows:
        for cell in _cells(cells):
            for match in filter(None, (pattern.fullmatch(cell) for pattern in patterns)):
                for name, text in match.groupdict().items():
                    first = found.setdefault(name, Said(row=row, cell=cell, text=text))
                    if first.text != text:
                        raise BadRow(
                            f"row {row}, {cell[:60]!r}: row {first.row} states {first.text!r} for the same thing; "
                            "export the period again",
                            f"第 {row} 行“{cell[:60]}”与第 {first.row} 行“{first.cell[:60]}”不一致；请重新导出",
                            number=row,
                            cell=cell[:60],
                        )
    return found


@cache
def always() -> tuple[str, ...]:
    """The templates that hold for any bank's file (stated.yaml)."""
    return tuple(yaml.safe_load((files("reconciliation") / "stated.yaml").read_text(encoding="utf-8")))


def borne_out(told: Mapping[str, Said], statements: Sequence[Statement], *, aside: int) -> None:
    """Hold what the file states against its lines: counts, sums, period. `aside` counts the rows left aside.

    Raises ControlTotalsBroken; also where a sum is stated over several accounts or currencies.
    """
    if not told:
        return
    amounts = [amount for each in statements for amount in each.lines["amount"].tolist()]
    counts = {
        "lines": len(amounts) + aside,
        "credits": sum(1 for amount in amounts if amount > 0),
        "debits": sum(1 for amount in amounts if amount < 0),
    }
    for name, found in counts.items():
        if name in told and told[name].count() != found:
            raise _differs(told[name], str(found))
    sums = {"credit": [amount for amount in amounts if amount > 0], "debit": [-each for each in amounts if each < 0]}
    for name, parts in sums.items():
        if name in told:
            currency = alone(told[name], statements).currency
            control.agrees(
                f"row {told[name].row}, {told[name].cell}",
                f"第 {told[name].row} 行“{told[name].cell}”",
                stated=told[name].amount(currency),
                found=sum(parts),
                currency=currency,
            )
    for each in statements:
        _within(told, each)


def alone(it: Said, statements: Sequence[Statement]) -> Statement:
    """The one statement that a stated amount can be of. Raises ControlTotalsBroken over several."""
    if len(statements) != 1:
        raise ControlTotalsBroken(
            f"row {it.row}, {it.cell}: cannot be checked over several accounts or currencies; export each by itself",
            f"第 {it.row} 行“{it.cell}”：文件含多个账户或币种，无法核对；请分别导出",
        )
    return statements[0]


def _within(told: Mapping[str, Said], statement: Statement) -> None:
    days = statement.lines["booked_on"].tolist()
    for name, outside in (("begins", min), ("ends", max)):
        if name not in told or not days:
            continue
        limit, day = told[name].day().isoformat(), outside(days)
        if outside(limit, day) != limit:
            number = int(statement.lines["number"].iloc[days.index(day)])
            raise ControlTotalsBroken(
                f"row {number} is of {day}, outside the period that row {told[name].row} states "
                f"({told[name].cell[:60]}); export the whole period again",
                f"第 {number} 行的日期 {day} 不在第 {told[name].row} 行写明的期间内（{told[name].cell[:60]}）；"
                "请重新导出",
                number=number,
            )


def _differs(it: Said, found: str) -> ControlTotalsBroken:
    return ControlTotalsBroken(
        f"row {it.row}, {it.cell}: the file states {it.text} rows and has {found}; export the whole period again",
        f"第 {it.row} 行“{it.cell}”：文件写明 {it.text} 笔，实有 {found} 笔；请重新导出完整期间的文件",
        expected=it.text,
        found=found,
    )


def _cells(row: Sequence[str]) -> Iterator[str]:
    """Each cell, and each label with the next cell that holds anything, as "label:value"."""
    filled = [name for cell in row if len(cell) <= _LONGEST and (name := heading(cell))]
    yield from filled
    for label, value in pairwise(filled):
        if ":" not in label.removesuffix(":"):
            yield f"{label.removesuffix(':')}:{value}"
