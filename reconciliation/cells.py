"""Cells of a bank's table as amounts, dates and texts. A cell that is not exactly what it should be names its row.

Columns at a time: a million rows are read by a few dozen operations on arrays, and what is unusual one by one.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from reconciliation.amounts import EXPONENT, NotExact, minor
from reconciliation.profiles import Booked, Flagged, Separate, Signed, shape
from reconciliation.statement import BadRow

_HALF: Final = {**{wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}, 0xFFE5: 0xA5}
"""Full-width digits and signs as half-width ones. (NFKC would go further: it makes 52 of 5².)"""
_RED: Final = re.compile("冲正|红字|抹账|冲账|冲销")


def plain(column: pd.Series) -> pd.Series:
    """The texts, with cells of nothing but hyphens ("-", "--", "－") as what they mean: empty."""
    empty = {text for text in column.tolist() if text and text[0] in "-－" and not text.strip("-－")}
    return column.where(~column.isin(list(empty)), "") if empty else column


def reversed_by_word(summaries: Sequence[str], marks: Sequence[bool]) -> list[bool]:
    """Which lines the bank calls a reversal, by its own word for the line (冲正, 红字) or its mark."""
    red = {summary: _RED.search(summary) is not None for summary in set(summaries)}
    return [mark or red[summary] for summary, mark in zip(summaries, marks, strict=True)]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Exact:
    """A column's amounts in minor units, 0 where the cell is empty; `there` says where it is not."""

    values: npt.NDArray[np.int64]
    there: npt.NDArray[np.bool_]


def exact(column: pd.Series, currency: str) -> Exact:
    """The amounts in minor units. Raises BadRow naming row and cell ("xx,yyyy.zz")."""
    texts = plain(column)
    values, done = _plain_amounts(texts.to_numpy(object), EXPONENT[currency])
    others = np.flatnonzero(~done)
    read: dict[str, int] = {"": 0}
    cells = texts.to_numpy(object)[others].tolist()
    for place, text in zip(others.tolist(), cells, strict=True):
        if text not in read:
            try:
                read[text] = minor(text.translate(_HALF).removeprefix("¥"), currency)
            except NotExact as reason:
                raise _bad(int(column.index[place]), column, text, says=(str(reason), reason.chinese)) from None
    values[others] = [read[text] for text in cells]
    there = np.ones(len(values), bool)
    there[others] = [text != "" for text in cells]
    return Exact(values=values, there=there)


def amounts(
    cells: pd.DataFrame, rule: Separate | Flagged | Signed, currency: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Signed amounts (+ in, - out) and whether each is a reversal: 红字, a negative in an unsigned column."""
    if isinstance(rule, Separate):
        return _two_columns(cells, rule, currency)
    column = cells[rule.value]
    read = exact(column, currency)
    if not read.there.all():
        row = int(column.index[int(np.argmin(read.there))])
        raise _bad(row, column, "", says=("there is no amount", "没有金额"))
    if isinstance(rule, Signed):
        return read.values, np.zeros(len(cells), bool)
    signs = np.array(signs_of(cells, rule), np.int64)
    if rule.may_repeat_sign:
        unsigned = np.where(signs < 0, np.abs(read.values), read.values)
        return signs * unsigned, (signs > 0) & (read.values < 0)
    return signs * read.values, read.values < 0


def _plain_amounts(
    texts: npt.NDArray[np.object_], decimals: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Minor units of the cells that are digits, a point and all decimals; and which cells are that, 15 digits at most.

    Nearly all are. The column is one block of ASCII digits then, multiplied and added place by place: no floats.
    """
    width = 15 + 1 + decimals
    usual = np.array([len(text) <= width and text.isascii() and "\0" not in text for text in texts.tolist()], bool)
    block = np.where(usual, texts, "").astype(f"S{width}")
    places = block.view(np.uint8).reshape(len(texts), width)
    lengths = np.char.str_len(block)
    points = lengths - decimals - 1 if decimals else lengths
    usual &= (points > 0) & (points <= 15)  # noqa: PLR2004  as `minor`: more does not fit
    values = np.zeros(len(texts), np.int64)
    for at in range(width):
        digit = places[:, at].astype(np.int64) - ord("0")
        inside, point = at < lengths, (at == points) & (decimals > 0)
        usual &= ~inside | np.where(point, places[:, at] == ord("."), (digit >= 0) & (digit <= 9))  # noqa: PLR2004
        values = np.where(inside & ~point & usual, values * 10 + digit, values)
    return np.where(usual, values, 0), usual


def _two_columns(
    cells: pd.DataFrame, rule: Separate, currency: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    came, went = exact(cells[rule.credit], currency), exact(cells[rule.debit], currency)
    column = cells[rule.credit]
    neither, both = ~came.there & ~went.there, (came.values != 0) & (went.values != 0)
    if (neither | both).any():
        at = int(np.argmax(neither | both))
        if neither[at]:
            says = "neither money in nor money out", "收入、支出均为空"
            raise _bad(int(column.index[at]), column, "", says=says)
        says = "money in and money out at once", "同时有收入和支出"
        raise _bad(int(column.index[at]), column, str(column.iloc[at]), says=says)
    return came.values - went.values, (came.values < 0) | (went.values < 0)


def moments(cells: pd.DataFrame, rule: Booked) -> tuple[list[str], list[str]]:
    """ISO dates and times; the time comes from its own column, or from the date's when that has one."""
    dates, times = _read(plain(cells[rule.date]), rule.formats)
    if "" in dates:
        at, allowed = dates.index(""), ", ".join(rule.formats)
        says = f"no date in any of the forms {allowed}", f"不是日期（{allowed}）"
        raise _bad(int(cells.index[at]), cells[rule.date], str(cells[rule.date].iloc[at]), says=says)
    if not rule.time:
        return dates, times
    texts = plain(cells[rule.time]).tolist()
    _, times = _read(plain(cells[rule.time]), rule.time_formats)
    for at, (text, found) in enumerate(zip(texts, times, strict=True)):
        if text and not found:
            allowed = ", ".join(rule.time_formats)
            says = f"no time in any of the forms {allowed}", f"不是时间（{allowed}）"
            raise _bad(int(cells.index[at]), cells[rule.time], text, says=says)
    return dates, times


def signs_of(cells: pd.DataFrame, rule: Flagged) -> list[int]:
    """1 for a credit and -1 for a debit, by the flag. Raises BadRow on any other word."""
    flags = plain(cells[rule.flag]).tolist()
    signs = {**dict.fromkeys(rule.credit, 1), **dict.fromkeys(rule.debit, -1)}
    if strange := set(flags) - set(signs):
        at, allowed = next(at for at, flag in enumerate(flags) if flag in strange), "、".join(signs)
        says = f"expected one of {allowed}", f"应为 {allowed}"
        raise _bad(int(cells.index[at]), cells[rule.flag], flags[at], says=says)
    return [signs[flag] for flag in flags]


def _read(texts: pd.Series, formats: list[str]) -> tuple[list[str], list[str]]:
    """ISO date and time of each text under the first format that it has exactly; "" where it has none."""
    written = [text if text.isascii() else text.translate(_HALF) for text in texts.tolist()]
    days, times = [""] * len(written), [""] * len(written)
    left: Sequence[int] = range(len(written))
    for form in formats:
        read = _reader(form)
        for at in left:
            days[at], times[at] = read(written[at])
        left = [at for at in left if not days[at]]
    return days, times


def _reader(written: str) -> Callable[[str], tuple[str, str]]:
    """Reads a text of this form, as ("", "") where it is of another. Day and time apart: a file has few of either."""
    day, space, clock = written.partition(" ")
    if not space or " " in clock:
        return _Known(written).__getitem__
    known_days, known_times = _Known(day), _Known(clock)

    def read(text: str) -> tuple[str, str]:
        first, _, second = text.partition(" ")
        on, at = known_days[first][0], known_times[second][1]
        return (on, at) if on and at else ("", "")

    return read


class _Known(dict[str, tuple[str, str]]):
    """The texts of one strptime format with their ISO date and time, ("", "") where a text is not exactly of it."""

    def __init__(self, written: str) -> None:
        super().__init__()
        self._written, self._exactly = written, shape(written).fullmatch

    def __missing__(self, text: str) -> tuple[str, str]:
        found = ("", "")
        if self._exactly(text):
            with suppress(ValueError):
                found = _day_and_time(text, self._written)
        self[text] = found
        return found


def _day_and_time(text: str, written: str) -> tuple[str, str]:
    if written == "%H:%M:%S" and len(text) == len("HH:MM:SS"):  # a day may have 86,400 of them
        return "1970-01-01", time.fromisoformat(text).isoformat()
    read = datetime.strptime(text, written)  # noqa: DTZ007  the bank's own clock, as it is written
    return read.date().isoformat(), read.time().isoformat("seconds") if "%H" in written else ""


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
