"""Cells of a bank's table as amounts, dates and texts. A cell that is not exactly what it should be names its row.

Columns at a time: a million rows are read by a few dozen operations on arrays, and what is unusual one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reconciliation import columns
from reconciliation.amounts import EXPONENT, NotExact, minor
from reconciliation.columns import Flags, Numbers, Texts
from reconciliation.profiles import Booked, Flagged, Separate, Signed, shape
from reconciliation.statement import BadRow

_HALF: Final = {**{wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}, 0xFFE5: 0xA5}
"""Full-width digits and signs as half-width ones. (NFKC would go further: it makes 52 of 5².)"""
_RED: Final = "冲正|红字|抹账|冲账|冲销"
_NOTHING: Final = "^[-－]+$"


def plain(column: pd.Series) -> Texts:
    """The texts, with cells of nothing but hyphens ("-", "--", "－") as what they mean: empty."""
    found = columns.texts(column)
    nothing = pc.match_substring_regex(found, _NOTHING)
    return pc.if_else(nothing, "", found) if pc.any(nothing).as_py() else found


def reversed_by_word(summaries: Texts) -> Flags:
    """Which lines the bank calls a reversal, by its own word for the line (冲正, 红字)."""
    return columns.flags(pc.match_substring_regex(summaries, _RED))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Exact:
    """A column's amounts in minor units, 0 where the cell is empty; `there` says where it is not."""

    values: Numbers
    there: Flags


def exact(column: pd.Series, currency: str) -> Exact:
    """The amounts in minor units. Raises BadRow naming row and cell ("xx,yyyy.zz")."""
    found, decimals = plain(column), EXPONENT[currency]
    usual = pc.match_substring_regex(found, rf"^[0-9]{{1,15}}\.[0-9]{{{decimals}}}$" if decimals else "^[0-9]{1,15}$")
    there = columns.flags(pc.not_equal(found, ""))
    # Nearly all are digits, a point and all decimals: whole minor units, once the point is gone. No floats.
    values = pc.cast(pc.replace_substring(pc.if_else(usual, found, "0"), ".", ""), pa.int64()).to_numpy().copy()
    read: dict[str, int] = {}
    for place in np.flatnonzero(there & ~columns.flags(usual)).tolist():
        text = found[place].as_py()
        if text not in read:
            try:
                read[text] = minor(text.translate(_HALF).removeprefix("¥"), currency)
            except NotExact as reason:
                raise _bad(int(column.index[place]), column, text, says=(str(reason), reason.chinese)) from None
        values[place] = read[text]
    return Exact(values=values, there=there)


def amounts(cells: pd.DataFrame, rule: Separate | Flagged | Signed, currency: str) -> tuple[Numbers, Flags]:
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
    signs = signs_of(cells, rule)
    if rule.may_repeat_sign:
        unsigned = np.where(signs < 0, np.abs(read.values), read.values)
        return signs * unsigned, (signs > 0) & (read.values < 0)
    return signs * read.values, read.values < 0


def _two_columns(cells: pd.DataFrame, rule: Separate, currency: str) -> tuple[Numbers, Flags]:
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


def moments(cells: pd.DataFrame, rule: Booked) -> tuple[Texts, Texts]:
    """ISO dates and times; the time comes from its own column, or from the date's when that has one."""
    dates, times = _read(plain(cells[rule.date]), rule.formats)
    if (missing := columns.flags(pc.equal(dates, ""))).any():
        at, allowed = int(np.argmax(missing)), ", ".join(rule.formats)
        says = f"no date in any of the forms {allowed}", f"不是日期（{allowed}）"
        raise _bad(int(cells.index[at]), cells[rule.date], str(cells[rule.date].iloc[at]), says=says)
    if not rule.time:
        return dates, times
    texts = plain(cells[rule.time])
    _, times = _read(texts, rule.time_formats)
    if (strange := columns.flags(pc.and_(pc.not_equal(texts, ""), pc.equal(times, "")))).any():
        at, allowed = int(np.argmax(strange)), ", ".join(rule.time_formats)
        says = f"no time in any of the forms {allowed}", f"不是时间（{allowed}）"
        raise _bad(int(cells.index[at]), cells[rule.time], texts[at].as_py(), says=says)
    return dates, times


def signs_of(cells: pd.DataFrame, rule: Flagged) -> Numbers:
    """1 for a credit and -1 for a debit, by the flag. Raises BadRow on any other word."""
    found = plain(cells[rule.flag])
    into, out = (columns.among(found, words) for words in (rule.credit, rule.debit))
    if (strange := ~into & ~out).any():
        at, allowed = int(np.argmax(strange)), "、".join((*rule.credit, *rule.debit))
        says = f"expected one of {allowed}", f"应为 {allowed}"
        raise _bad(int(cells.index[at]), cells[rule.flag], found[at].as_py(), says=says)
    return np.where(into & ~out, 1, -1)


def _read(found: Texts, formats: Sequence[str]) -> tuple[Texts, Texts]:
    """ISO date and time of each text under the first format that it has exactly; "" where it has none."""
    if not pc.all(pc.string_is_ascii(found), min_count=0).as_py():
        found = columns.mapped(found, lambda text: text.translate(_HALF))
    days = times = columns.same("", len(found))
    for form in formats:
        left = pc.equal(days, "")
        if not pc.any(left).as_py():
            break
        day, clock = _under(form, pc.if_else(left, found, None))
        days, times = pc.coalesce(day, days), pc.coalesce(clock, times)
    return days, times


def _under(written: str, found: Texts) -> tuple[Texts, Texts]:
    """ISO date and time of the texts of this form, null where a text is of another.

    Day and time of day are read apart, each once for each that occurs: a file has few of either.
    """
    on, space, at = written.partition(" ")
    if not space or " " in at:
        return _distinct(written, found)
    halves = pc.extract_regex(found, "^(?P<on>[^ ]*) (?P<at>[^ ]*)$")
    (day, _), (_, clock) = (_distinct(form, pc.struct_field(halves, half)) for half, form in (("on", on), ("at", at)))
    both = pc.and_(pc.is_valid(day), pc.is_valid(clock))
    return pc.if_else(both, day, None), pc.if_else(both, clock, None)


def _distinct(written: str, found: Texts) -> tuple[Texts, Texts]:
    exactly = pc.match_substring_regex(found, f"^(?:{shape(written).pattern})$")
    coded = pc.if_else(exactly, found, None).dictionary_encode()
    read = [_moment(text, written) for text in coded.dictionary.to_pylist()]
    days, times = (pa.array([each[at] for each in read], pa.large_string()).take(coded.indices) for at in (0, 1))
    return days, times


def _moment(text: str, written: str) -> tuple[str, str] | tuple[None, None]:
    try:
        if written == "%H:%M:%S" and len(text) == len("HH:MM:SS"):  # a day may have 86,400 of them
            return "1970-01-01", time.fromisoformat(text).isoformat()
        read = datetime.strptime(text, written)  # noqa: DTZ007  the bank's own clock, as it is written
    except ValueError:
        return None, None
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
