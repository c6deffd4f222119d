"""Lines and expected items as the passes compare them: whole numbers only, in an order that no caller can change."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reconciliation import columns
from reconciliation.columns import Numbers, Texts
from reconciliation.payers import comparable_accounts, comparable_names

References: TypeAlias = Callable[[Sequence[str]], Sequence[Sequence[str]]]
"""Finds our references in each of many remarks, check digits verified."""

NONE: Final = -1
"""Where a number stands for a text: there is no text."""

OWN: Final = ("transfer", "interest", "fee")
"""What the numbers in `own` mean."""

_SENT_BACK: Final = "退汇|退票|退回"
"""The bank's words for a payout that came back. It may call that a reversal too, but undoes no mistake of its own."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sides:
    """Both sides in their order, each with the texts as they were (`…_texts`) and the numbers that are compared.

    Lines: line, account, amount, serial, reference, named, several, remark, payer, name, day, returned, reversal, own.
    Items: item, account, amount, serial, reference, payer, name, day, due, met. Equal numbers in a column of both
    mean equal texts on one and the same account; NONE means no text. Days count from 1970, `due` is NONE where there
    is none. `known` are the references that a remark names and the books expect, where it names several of them; by
    the line's `remark`.
    """

    lines: pd.DataFrame
    items: pd.DataFrame
    line_texts: pd.DataFrame
    item_texts: pd.DataFrame
    known: Mapping[int, Sequence[str]]


def prepared(lines: pd.DataFrame, items: pd.DataFrame, references: References) -> Sides:
    """Raises ValueError when a key stands twice, a date is none, or only one side says which accounts it is of."""
    if ("account" in lines) != ("account" in items):
        raise ValueError("lines and items both name their account, or neither does")
    left, right = _ordered_lines(lines), _ordered_items(items)
    accounts = _accounts(left, right)
    ours, theirs = ({"account": each} for each in accounts)
    for name, column, same in (
        ("serial", "serial", columns.texts),
        ("payer", "counterparty_account", comparable_accounts),
        ("name", "counterparty", comparable_names),
    ):
        ours[name], theirs[name] = _on_its_account(accounts, *_coded(same(left[column]), same(right[column])))
    first, expected, named, known = _named(left, right, references)
    ours["reference"], theirs["reference"] = _on_its_account(accounts, first, expected)
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
    of_own = pc.index_in(columns.texts(left["nature"]), value_set=pa.array(OWN, pa.large_string()))
    ours["own"] = of_own.to_numpy().astype(np.int64)
    return Sides(lines=pd.DataFrame(ours), items=pd.DataFrame(theirs), line_texts=left, item_texts=right, known=known)


def codes(left: pd.DataFrame, right: pd.DataFrame, by: Sequence[str]) -> tuple[Numbers, Numbers]:
    """One number for each combination of the columns' values, the same on both sides."""
    found = np.zeros(len(left) + len(right), np.int64)
    for column in by:
        single, distinct = pd.factorize(np.concatenate([left[column].to_numpy(), right[column].to_numpy()]))
        found = single if column == by[0] else pd.factorize(found * len(distinct) + single)[0]
    found = found.astype(np.int64)
    return found[: len(left)], found[len(left) :]


def _places(side: pd.DataFrame) -> Numbers:
    return np.arange(len(side), dtype=np.int64)


def _ordered_lines(lines: pd.DataFrame) -> pd.DataFrame:
    _only_once(lines["key"], "line")
    days, times = _days(lines["booked_on"]), _ranks(lines["booked_at"])
    order = _order([days, times, lines["number"].to_numpy(np.int64)], lines["key"])
    return _taken(lines, order).assign(day=days[order])


def _ordered_items(items: pd.DataFrame) -> pd.DataFrame:
    _only_once(items["key"], "item")
    days = _days(items["on"])
    due = _days(items["due"]) if "due" in items else np.full(len(items), NONE, np.int64)
    order = _order([days], items["key"])
    return _taken(items, order).assign(day=days[order], due=due[order])


def _taken(side: pd.DataFrame, order: Numbers) -> pd.DataFrame:
    stands = bool((order == np.arange(len(order))).all())  # as most files do: nothing then has to be moved
    return (side if stands else side.take(order)).reset_index(drop=True)


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
    by_key = pc.array_sort_indices(columns.texts(keys.take(places))).to_numpy()
    rank[places[by_key]] = np.arange(len(places))
    return np.lexsort([rank, *numbers[::-1]]).astype(np.int64)


def _days(dates: pd.Series) -> Numbers:
    """Days from 1970, NONE for "". Raises ValueError at what is no ISO date."""
    single, distinct = pd.factorize(dates)
    texts = pd.Series(distinct, dtype="str")
    read = pd.to_datetime(texts.where(texts != "", "1970-01-01"), format="%Y-%m-%d")
    days = read.to_numpy().astype("datetime64[D]").astype(np.int64)
    return np.where(texts == "", NONE, days)[single].astype(np.int64)


def _ranks(texts: pd.Series) -> Numbers:
    return pd.factorize(texts, sort=True)[0].astype(np.int64)


def _accounts(left: pd.DataFrame, right: pd.DataFrame) -> list[Numbers]:
    if "account" not in left:
        return [np.zeros(len(left), np.int64), np.zeros(len(right), np.int64)]
    return _coded(columns.texts(left["account"]), columns.texts(right["account"]))


def _coded(*sides: Texts) -> list[Numbers]:
    """The texts of all sides as numbers, equal where the texts are; NONE for ""."""
    together = pa.concat_arrays(sides)
    found = together.dictionary_encode().indices.to_numpy().astype(np.int64)
    found[columns.flags(pc.equal(together, ""))] = NONE
    return np.split(found, np.cumsum(list(map(len, sides)))[:-1])


def _on_its_account(accounts: Sequence[Numbers], *texts: Numbers) -> Sequence[Numbers]:
    """Equal texts on different accounts are different things."""
    if not any(each.any() for each in accounts):
        return texts
    many = 1 + max(int(each.max(initial=0)) for each in accounts)
    return [np.where(text >= 0, text * many + account, NONE) for account, text in zip(accounts, texts, strict=True)]


def _named(
    left: pd.DataFrame, right: pd.DataFrame, references: References
) -> tuple[Numbers, Numbers, dict[str, Numbers], dict[int, list[str]]]:
    """The one expected reference that each line names, and each item's; how many a line names at all, and whether
    several of them are expected; the references of remarks that name several."""
    remarks = columns.texts(left["remark"]).dictionary_encode()
    single, distinct = remarks.indices.to_numpy().astype(np.int64), remarks.dictionary
    found = [list(dict.fromkeys(names)) if names[1:] else names for names in references(distinct.to_pylist())]
    counts = np.array(list(map(len, found)), np.int64)
    names, of = pa.array(chain.from_iterable(found), pa.large_string()), np.repeat(np.arange(len(found)), counts)
    code, end, expected = _coded(names, columns.texts(left["end_to_end"]), columns.texts(right["reference"]))
    in_books = np.zeros(2 + max(int(each.max(initial=NONE)) for each in (code, end, expected)), bool)
    in_books[expected] = True
    in_books[NONE] = False  # the last place: where there is no text
    known = np.flatnonzero(in_books[code])
    many = np.bincount(of[known], minlength=len(found))
    only = np.full(len(found), NONE, np.int64)
    only[of[known]] = code[known]
    only[many > 1] = NONE
    several: dict[int, list[str]] = {}
    for place in known[many[of[known]] > 1].tolist():
        several.setdefault(int(of[place]), []).append(names[place].as_py())
    of_end = in_books[end]
    named = {
        "named": np.where(of_end, 1, counts[single]),
        "several": np.where(of_end, 0, many[single] > 1).astype(np.int64),
        "returned": columns.flags(pc.match_substring_regex(distinct, _SENT_BACK))[single].astype(np.int64),
        "remark": single,
    }
    return np.where(of_end, end, only[single]), expected, named, several
