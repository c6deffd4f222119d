"""Lines and expected items as the passes compare them: whole numbers only, in an order that no caller can change."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from reconciliation.payers import comparable_account, comparable_name

Numbers = npt.NDArray[np.int64]

NONE: Final = -1
"""Where a number stands for a text: there is no text."""

OWN: Final = ("transfer", "interest", "fee")
"""What the numbers in `own` mean."""

_SENT_BACK: Final = re.compile("退汇|退票|退回")
"""The bank's words for a payout that came back. It may call that a reversal too, but undoes no mistake of its own."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sides:
    """Both sides in their order, each with the texts as they were (`…_texts`) and the numbers that are compared.

    Lines: line, account, amount, serial, reference, named, several, remark, payer, name, day, returned, reversal, own.
    Items: item, account, amount, serial, reference, payer, name, day, due, met. Equal numbers in a column of both
    mean equal texts on one and the same account; NONE means no text. Days count from 1970, `due` is NONE where there
    is none. `known` are the references that each remark names and the books expect, by the line's `remark`.
    """

    lines: pd.DataFrame
    items: pd.DataFrame
    line_texts: pd.DataFrame
    item_texts: pd.DataFrame
    known: Sequence[tuple[str, ...]]


def prepared(lines: pd.DataFrame, items: pd.DataFrame, references: Callable[[str], list[str]]) -> Sides:
    """Raises ValueError when a key stands twice, a date is none, or only one side says which accounts it is of."""
    if ("account" in lines) != ("account" in items):
        raise ValueError("lines and items both name their account, or neither does")
    left, right = _ordered_lines(lines), _ordered_items(items)
    accounts = _together(left, right, "account") if "account" in left else _nothing(left, right, 0)
    ours, theirs = ({"account": each} for each in accounts)
    for name, column, same in (
        ("serial", "serial", None),
        ("payer", "counterparty_account", comparable_account),
        ("name", "counterparty", comparable_name),
    ):
        ours[name], theirs[name] = _on_its_account(accounts, _together(left, right, column, same))
    first, named, known = _named(left, right, references)
    ours["reference"], theirs["reference"] = _on_its_account(accounts, _coded(first, right["reference"]))
    ours |= named
    ours |= {
        "line": _places(left),
        "amount": left["amount"].to_numpy(np.int64),
        "day": left.pop("day").to_numpy(np.int64),
    }
    theirs |= {"item": _places(right), "amount": right["amount"].to_numpy(np.int64)}
    theirs |= {name: right.pop(name).to_numpy(np.int64) for name in ("day", "due")}
    theirs["met"] = np.asarray(right["met"], np.int64) if "met" in right else np.zeros(len(right), np.int64)
    ours["reversal"] = np.asarray(left["reversal"], np.int64) & (1 - ours["returned"])
    ours["own"] = np.asarray(left["nature"].map({word: at for at, word in enumerate(OWN)}), np.int64)
    return Sides(lines=pd.DataFrame(ours), items=pd.DataFrame(theirs), line_texts=left, item_texts=right, known=known)


def codes(left: pd.DataFrame, right: pd.DataFrame, by: Sequence[str]) -> tuple[Numbers, Numbers]:
    """One number for each combination of the columns' values, the same on both sides."""
    found = np.zeros(len(left) + len(right), np.int64)
    for column in by:
        single, distinct = pd.factorize(np.concatenate([left[column].to_numpy(), right[column].to_numpy()]))
        found = single if column == by[0] else pd.factorize(found * len(distinct) + single)[0]
    found = found.astype(np.int64)
    return found[: len(left)], found[len(left) :]


def nth(numbers: Numbers) -> Numbers:
    """For each place, how many equal numbers stand before it."""
    order = np.argsort(numbers, kind="stable")
    ranked = numbers[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]])) if len(ranked) else order
    before = np.arange(len(ranked)) - np.repeat(starts, np.diff(np.append(starts, len(ranked))))
    found = np.empty(len(ranked), np.int64)
    found[order] = before
    return found


def _places(side: pd.DataFrame) -> Numbers:
    return np.arange(len(side), dtype=np.int64)


def _ordered_lines(lines: pd.DataFrame) -> pd.DataFrame:
    _only_once(lines["key"], "line")
    days, times = _days(lines["booked_on"]), _ranks(lines["booked_at"])
    order = _order([days, times, lines["number"].to_numpy(np.int64)], lines["key"])
    return lines.take(order).reset_index(drop=True).assign(day=days[order])


def _ordered_items(items: pd.DataFrame) -> pd.DataFrame:
    _only_once(items["key"], "item")
    days = _days(items["on"])
    due = _days(items["due"]) if "due" in items else np.full(len(items), NONE, np.int64)
    order = _order([days], items["key"])
    return items.take(order).reset_index(drop=True).assign(day=days[order], due=due[order])


def _only_once(keys: pd.Series, side: str) -> None:
    if not keys.is_unique:
        raise ValueError(f"a {side} key stands twice: {keys[keys.duplicated()].iloc[0]}")


def _order(numbers: Sequence[Numbers], keys: pd.Series) -> Numbers:
    """By the numbers, then by the keys; only where numbers are equal do keys have to be compared."""
    order = np.lexsort(numbers[::-1])
    tied = np.ones(len(order), bool)
    for each in numbers:
        tied[1:] &= each[order][1:] == each[order][:-1]
    tied[:1] = False
    tied[:-1] |= tied[1:]
    if not tied.any():
        return order.astype(np.int64)
    places = order[tied]
    rank = np.zeros(len(order), np.int64)
    rank[places] = np.argsort(np.argsort(keys.take(places).to_numpy(object), kind="stable"), kind="stable")
    return np.lexsort([rank, *numbers[::-1]]).astype(np.int64)


def _days(dates: pd.Series) -> Numbers:
    """Days from 1970, NONE for "". Raises ValueError at what is no ISO date."""
    single, distinct = pd.factorize(dates.to_numpy(object))
    texts = pd.Series(distinct, dtype="str")
    read = pd.to_datetime(texts.where(texts != "", "1970-01-01"), format="%Y-%m-%d")
    days = read.to_numpy().astype("datetime64[D]").astype(np.int64)
    return np.where(texts == "", NONE, days)[single].astype(np.int64)


def _ranks(texts: pd.Series) -> Numbers:
    return pd.factorize(texts.to_numpy(object), sort=True)[0].astype(np.int64)


def _nothing(left: pd.DataFrame, right: pd.DataFrame, value: int) -> tuple[Numbers, Numbers]:
    return np.full(len(left), value, np.int64), np.full(len(right), value, np.int64)


def _together(
    left: pd.DataFrame, right: pd.DataFrame, column: str, same: Callable[[str], str] | None = None
) -> tuple[Numbers, Numbers]:
    return _coded(left[column], right[column], same)


def _coded(left: pd.Series, right: pd.Series, same: Callable[[str], str] | None = None) -> tuple[Numbers, Numbers]:
    """The texts of both sides as numbers, NONE for "". `same` makes alike what means the same."""
    single, distinct = pd.factorize(np.concatenate([left.to_numpy(object), right.to_numpy(object)]))
    if same is not None:
        again, distinct = pd.factorize(np.array([same(text) for text in distinct], object))
        single = again[single] if len(again) else single
    empty = np.flatnonzero(distinct == "")
    single = single.astype(np.int64)
    if len(empty):
        single[single == empty[0]] = NONE
    return single[: len(left)], single[len(left) :]


def _on_its_account(accounts: tuple[Numbers, Numbers], texts: tuple[Numbers, Numbers]) -> tuple[Numbers, Numbers]:
    """Equal texts on different accounts are different things."""
    if not any(each.any() for each in accounts):
        return texts
    many = 1 + max((int(each.max(initial=0)) for each in accounts), default=0)
    left, right = (
        np.where(text >= 0, text * many + account, NONE) for account, text in zip(accounts, texts, strict=True)
    )
    return left, right


def _named(
    left: pd.DataFrame, right: pd.DataFrame, references: Callable[[str], list[str]]
) -> tuple[pd.Series, dict[str, Numbers], list[tuple[str, ...]]]:
    """What each line names: its one expected reference, how many it names at all, whether several are expected."""
    expected = set(right["reference"].tolist()) - {""}
    single, distinct = pd.factorize(left["remark"].to_numpy(object))
    found = [tuple(dict.fromkeys(references(text))) if text else () for text in distinct]
    known = [tuple(each for each in names if each in expected) for names in found]
    first = np.array([names[0] if len(names) == 1 else "" for names in known], object)
    of_end = left["end_to_end"].isin(expected).to_numpy(bool)

    def each_line(values: Sequence[int], end_to_end: int) -> Numbers:
        return np.where(of_end, end_to_end, np.array(values, np.int64)[single]) if len(left) else np.zeros(0, np.int64)

    by_remark = first[single] if len(left) else first
    reference = pd.Series(np.where(of_end, left["end_to_end"].to_numpy(object), by_remark), dtype=object)
    named = {
        "named": each_line([len(names) for names in found], 1),
        "several": each_line([int(len(names) > 1) for names in known], 0),
        "returned": np.array([_SENT_BACK.search(text) is not None for text in distinct], np.int64)[single],
        "remark": single.astype(np.int64),
    }
    return reference, named, known
