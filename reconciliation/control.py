"""Control totals: what a file says about itself must agree with its lines before any line counts."""

from itertools import accumulate
from typing import Final

import numpy as np
import pandas as pd

from reconciliation.amounts import major
from reconciliation.statement import ControlTotalsBroken, NotAStatement, Statement

_SUMS_FIT: Final = 2**62
"""Below it no sum leaves an int64."""


def check(statement: Statement) -> None:
    """Opening + Σ amounts = closing, and every running balance follows from the one before. Raises.

    No entries while the balances moved is the same error: an empty import is never right then.
    """
    if statement.opening is None:
        return
    _runs(statement, statement.opening)  # first, because it names the row
    if statement.closing is not None:
        _closes(statement, statement.opening, sum(statement.lines["amount"].tolist()), statement.closing)


def confirmed(statement: Statement) -> Statement:
    """The statement, provided that it is one. An intraday report or a notification confirms nothing: raises.

    The statement of the day repeats their lines, often bundled otherwise: taken for statements, they would count twice.
    """
    if statement.kind == "statement":
        return statement
    name, chinese = {"report": ("an intraday report", "日间报告"), "notification": ("a notification", "到账通知")}[
        statement.kind
    ]
    raise NotAStatement(
        f"this is {name} ({statement.format}); only the statement of the whole day confirms what was booked, "
        "import the camt.053",
        f"这是{chinese}（{statement.format}）；只有整日的对账单才能确认入账，请导入 camt.053",
    )


def gap(previous_closing: int, statement: Statement) -> int | None:
    """Minor units missing between the previous statement's closing and this opening; 0 follows, None is unknown."""
    return None if statement.opening is None else statement.opening - previous_closing


def follows(previous_closing: int, statement: Statement) -> None:
    """Refuse a statement that does not begin where the previous one ended (minor units). Raises."""
    missing = gap(previous_closing, statement)
    if missing:
        found, expected = (
            major(previous_closing + missing, statement.currency),
            major(previous_closing, statement.currency),
        )
        raise ControlTotalsBroken(
            f"the statement opens with {found}, the previous one closed with {expected}; one in between is missing",
            f"本期期初余额 {found}，上期期末余额 {expected}；中间缺少对账单，请先导入",
            expected=expected,
            found=found,
        )


def agrees(english: str, chinese: str, *, stated: int, found: int, currency: str) -> None:
    """One total as the file states it against the same total of its lines (minor units). Raises."""
    if stated != found:
        said, summed = major(stated, currency), major(found, currency)
        raise ControlTotalsBroken(
            f"{english}: the file states {said}, its lines come to {summed}; export the whole period again",
            f"{chinese}：文件写明 {said}，逐笔相加为 {summed}；请重新导出完整期间的文件",
            expected=said,
            found=summed,
        )


def chronological(lines: pd.DataFrame) -> pd.DataFrame:
    """The lines oldest first. The running balance decides; where it runs both ways or is not there, dates and times do.

    Banks write either order. When neither order lets the balances run, the file's own order is kept (and `check`
    will say where it breaks).
    """
    reversed_lines = lines.iloc[::-1]
    broken, broken_reversed = _first_break(lines), _first_break(reversed_lines)
    if broken is None and broken_reversed is None:
        moments = (lines["booked_on"] + lines["booked_at"]).tolist()
        newest_first = moments != sorted(moments) and moments == sorted(moments, reverse=True)
    else:
        newest_first = broken is not None and (broken_reversed is None or broken_reversed > broken)
    return (reversed_lines if newest_first else lines).reset_index(drop=True)


def ends(lines: pd.DataFrame) -> tuple[int | None, int | None]:
    """Opening and closing balance (minor units) as the running balances of chronological lines imply them."""
    known = lines["balance"].notna()
    if not known.any():
        return None, None
    amounts: list[int] = lines["amount"].tolist()
    at = int(known.to_numpy().argmax())
    opening = int(lines["balance"].iloc[at]) - sum(amounts[: at + 1])
    last = len(lines) - 1 - int(known.to_numpy()[::-1].argmax())
    return opening, int(lines["balance"].iloc[last]) + sum(amounts[last + 1 :])


def _first_break(lines: pd.DataFrame) -> int | None:
    """Position of the first line whose balance does not follow from the first known balance; None when all do."""
    opening, _ = ends(lines)
    return _breaking(lines, opening or 0)


def _breaking(lines: pd.DataFrame, opening: int) -> int | None:
    """Position of the first line whose balance is not the opening balance and all amounts up to it; None for none."""
    balances, there = lines["balance"].to_numpy(np.int64, na_value=0), lines["balance"].notna().to_numpy()
    amounts = lines["amount"].to_numpy(np.int64)
    if len(lines) * int(np.abs(amounts).max(initial=0)) + abs(opening) < _SUMS_FIT:
        wrong = there & (balances != opening + np.cumsum(amounts))
    else:
        running = list(accumulate(amounts.tolist(), initial=opening))[1:]
        wrong = there & np.array([shown != due for shown, due in zip(balances.tolist(), running, strict=True)], bool)
    return int(np.argmax(wrong)) if wrong.any() else None


def _closes(statement: Statement, opening: int, moved: int, closing: int) -> None:
    if opening + moved == closing:
        return
    opened, summed, expected, closed = (
        major(each, statement.currency) for each in (opening, moved, opening + moved, closing)
    )
    count = len(statement.lines)
    raise ControlTotalsBroken(
        f"opening balance {opened} and {count} lines of together {summed} give {expected}, "
        f"the closing balance is {closed}; lines are missing or changed, export the period again",
        f"期初余额 {opened} 加 {count} 笔合计 {summed} 应为 {expected}，期末余额却是 {closed}；"
        "有缺失或被改动的流水，请重新导出该期间",
        expected=expected,
        found=closed,
    )


def _runs(statement: Statement, opening: int) -> None:
    lines = statement.lines
    at = _breaking(lines, opening)
    if at is None:
        return
    number, expected = int(lines["number"].iloc[at]), opening + sum(lines["amount"].tolist()[: at + 1])
    shown = major(int(lines["balance"].iloc[at]), statement.currency)
    wanted = major(expected, statement.currency)
    raise ControlTotalsBroken(
        f"row {number}: the running balance is {shown}, the lines before it give {wanted}; "
        "a line is missing or changed, export the period again",
        f"第 {number} 行：余额为 {shown}，按前面的流水应为 {wanted}；有缺失或被改动的流水，请重新导出该期间",
        number=number,
        expected=wanted,
        found=shown,
    )
