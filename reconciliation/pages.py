"""A statement that its bank cut into pages (续页): the pages of one file put together again before anything counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from reconciliation.amounts import major
from reconciliation.statement import ControlTotalsBroken, Statement


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Page:
    """A statement or a part of one. `first` opens with the day's balance, `last` closes with it; the balances between
    pages are intermediate ones (:60M:, :62M:, ITBD).
    """

    statement: Statement
    first: bool
    last: bool


def joined(pages: Iterable[Page]) -> list[Statement]:
    """The whole statements, in the file's order. Raises ControlTotalsBroken where a page is missing or does not follow.

    Half a statement is not taken: it would prove a balance that nobody had at the end of the day.
    """
    whole: list[Statement] = []
    parts: list[Statement] = []
    for page in pages:
        if page.first and parts:
            raise _without(parts[-1], "the page after it", "其后续页")
        if not page.first and not parts:
            raise _without(page.statement, "the page before it", "其前一页")
        if parts:
            _must_follow(parts[-1], page.statement)
        parts.append(page.statement)
        if page.last:
            whole.append(_one(parts))
            parts = []
    if parts:
        raise _without(parts[-1], "the page after it", "其后续页")
    return whole


def _must_follow(before: Statement, after: Statement) -> None:
    if (before.account, before.currency) != (after.account, after.currency):
        raise ControlTotalsBroken(
            f"the page after {before.identifier} is of {after.account} {after.currency}, not of "
            f"{before.account} {before.currency}; import the pages of one account together, in order",
            f"{before.identifier} 的下一页属于 {after.account} {after.currency}，而不是 "
            f"{before.account} {before.currency}；请按顺序合并同一账户的各页",
        )
    if None not in (before.closing, after.opening) and before.closing != after.opening:
        closed, opened = (major(each or 0, after.currency) for each in (before.closing, after.opening))
        raise ControlTotalsBroken(
            f"statement {after.identifier}: a page closes with {closed}, the next opens with {opened}; one is missing",
            f"对账单 {after.identifier}：前一页余额 {closed}，后一页从 {opened} 开始；中间缺页",
            expected=closed,
            found=opened,
        )


def _one(parts: Sequence[Statement]) -> Statement:
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return first
    return replace(
        first,
        closing=last.closing,
        begins=min((each.begins for each in parts if each.begins), default=None),
        ends=max((each.ends for each in parts if each.ends), default=None),
        lines=pd.concat([each.lines for each in parts], ignore_index=True),
        notes=tuple(dict.fromkeys(note for each in parts for note in each.notes)),
    )


def _without(page: Statement, english: str, chinese: str) -> ControlTotalsBroken:
    return ControlTotalsBroken(
        f"statement {page.identifier} comes in pages, and {english} is not in this file; put all its pages into one",
        f"对账单 {page.identifier} 分页提供，本文件缺少{chinese}；请将全部分页合并为一个文件",
    )
