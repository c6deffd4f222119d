"""Cells of a bank's table as amounts, dates and texts. A cell that is not exactly what it should be names its row."""

import re
from collections.abc import Sequence
from typing import Final

import pandas as pd

from reconciliation.amounts import NotExact, minor
from reconciliation.profiles import Booked, Flagged, Separate, Signed, shape
from reconciliation.statement import BadRow

_HALF: Final = {**{wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}, 0xFFE5: 0xA5}
"""Full-width digits and signs as half-width ones. (NFKC would go further: it makes 52 of 5².)"""
_RED: Final = re.compile("冲正|红字|抹账|冲账|冲销")


def plain(column: pd.Series) -> pd.Series:
    """The texts, with cells of nothing but hyphens ("-", "--", "－") as what they mean: empty."""
    empty = [text for text in set(column.tolist()) if text and not text.strip("-－")]
    return column.where(~column.isin(empty), "") if empty else column


def reversed_by_word(summaries: Sequence[str], marks: Sequence[bool]) -> list[bool]:
    """Which lines the bank calls a reversal, by its own word for the line (冲正, 红字) or its mark."""
    return [mark or _RED.search(summary) is not None for summary, mark in zip(summaries, marks, strict=True)]


def exact(column: pd.Series, currency: str) -> list[int | None]:
    """The amounts in minor units, None for an empty cell. Raises BadRow naming row and cell ("xx,yyyy.zz")."""
    texts = plain(column)
    values: dict[str, int | None] = {"": None}
    for row, text in texts.drop_duplicates().items():
        if text:
            try:
                values[text] = minor(text.translate(_HALF).removeprefix("¥"), currency)
            except NotExact as reason:
                raise _bad(int(str(row)), column, text, says=(str(reason), reason.chinese)) from None
    return [values[text] for text in texts.tolist()]


def amounts(cells: pd.DataFrame, rule: Separate | Flagged | Signed, currency: str) -> tuple[list[int], list[bool]]:
    """Signed amounts (+ in, - out) and whether each is a reversal: 红字, a negative in an unsigned column."""
    if isinstance(rule, Separate):
        column = cells[rule.credit]
        both = zip(cells.index, exact(column, currency), exact(cells[rule.debit], currency), strict=True)
        signed = [_one_side(row, credit, debit, column) for row, credit, debit in both]
        return [value for value, _ in signed], [red for _, red in signed]
    values = exact(cells[rule.value], currency)
    for row, value in zip(cells.index, values, strict=True):
        if value is None:
            raise _bad(row, cells[rule.value], "", says=("there is no amount", "没有金额"))
    present = [value for value in values if value is not None]
    if isinstance(rule, Signed):
        return present, [False] * len(present)
    signs = signs_of(cells, rule)
    if rule.may_repeat_sign:
        return [sign * (abs(value) if sign < 0 else value) for sign, value in zip(signs, present, strict=True)], [
            sign > 0 > value for sign, value in zip(signs, present, strict=True)
        ]
    return [sign * value for sign, value in zip(signs, present, strict=True)], [value < 0 for value in present]


def moments(cells: pd.DataFrame, rule: Booked) -> tuple[list[str], list[str]]:
    """ISO dates and times; the time comes from its own column, or from the date's when that has one."""
    dates, times = _read(plain(cells[rule.date]), rule.formats)
    for row, (text, day) in zip(cells.index, zip(cells[rule.date], dates, strict=True), strict=True):
        if not day:
            allowed = ", ".join(rule.formats)
            says = f"no date in any of the forms {allowed}", f"不是日期（{allowed}）"
            raise _bad(row, cells[rule.date], text, says=says)
    if not rule.time:
        return dates, times
    texts = plain(cells[rule.time])
    _, times = _read(texts, rule.time_formats)
    for row, text, at in zip(cells.index, texts, times, strict=True):
        if text and not at:
            allowed = ", ".join(rule.time_formats)
            says = f"no time in any of the forms {allowed}", f"不是时间（{allowed}）"
            raise _bad(row, cells[rule.time], text, says=says)
    return dates, times


def _one_side(row: int, credit: int | None, debit: int | None, column: pd.Series) -> tuple[int, bool]:
    if credit is None and debit is None:
        raise _bad(row, column, "", says=("neither money in nor money out", "收入、支出均为空"))
    came, went = credit or 0, debit or 0
    if came and went:
        raise _bad(row, column, str(column[row]), says=("money in and money out at once", "同时有收入和支出"))
    return came - went, came < 0 or went < 0


def signs_of(cells: pd.DataFrame, rule: Flagged) -> list[int]:
    """1 for a credit and -1 for a debit, by the flag. Raises BadRow on any other word."""
    flags = plain(cells[rule.flag])
    signs = {**dict.fromkeys(rule.credit, 1), **dict.fromkeys(rule.debit, -1)}
    for row, flag in flags.items():
        if flag not in signs:
            allowed = "、".join(signs)
            raise _bad(int(str(row)), flags, flag, says=(f"expected one of {allowed}", f"应为 {allowed}"))
    return [signs[flag] for flag in flags]


def _read(texts: pd.Series, formats: list[str]) -> tuple[list[str], list[str]]:
    """ISO date and time of each text under the first format that it has exactly; "" where it has none."""
    found: dict[str, tuple[str, str]] = {}
    half = {text: text.translate(_HALF) for text in set(texts.tolist())}
    distinct = pd.Series(sorted(set(half.values())), dtype="str")
    for written in formats:
        exactly = shape(written).fullmatch
        fitting = distinct[[exactly(text) is not None for text in distinct]]
        read = pd.to_datetime(fitting, format=written, errors="coerce").dropna()
        clock = "%H:%M:%S" if "%H" in written else ""
        days, times = read.dt.strftime("%Y-%m-%d"), read.dt.strftime(clock)
        for text, day, at in zip(fitting[read.index], days, times, strict=True):
            found.setdefault(text, (day, at))
    moments = [found.get(half[text], ("", "")) for text in texts.tolist()]
    return [day for day, _ in moments], [at for _, at in moments]


def _bad(row: int, column: pd.Series, cell: str, *, says: tuple[str, str]) -> BadRow:
    english, chinese = says
    where, shown = str(column.name), cell[:60]
    return BadRow(
        f"row {row}, {where} {shown!r}: {english}",
        f"第 {row} 行“{where}”（{shown or '空'}）：{chinese}",
        number=row,
        column=where,
        cell=shown,
    )
