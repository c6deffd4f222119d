"""What might explain a break: lines that together make an item, items that one line pays together. Never a match."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np
import pandas as pd

from reconciliation import subsets
from reconciliation.amounts import major
from reconciliation.sides import NONE, Sides

DAYS: Final = 7
"""How far each part may be from the whole, where only the payer puts them together."""

_SPAN: Final = 10_000_000
_OPEN_LINES: Final = ("not_in_books", "under", "over", "partial", "ambiguous")
_OPEN_ITEMS: Final = ("not_on_statement", "overdue", "under", "over", "partial")
_COLUMNS: Final = ("proposal", "line_key", "item_key", "rule", "evidence")
_BECAUSE: Final = {
    "reference": "参考号相同",
    "named": "均在同一笔流水的附言中写明",
    "payer": f"对方账号相同，日期相差不超过 {DAYS} 天",
    "name": f"对方户名相同，日期相差不超过 {DAYS} 天",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """One whole and its parts, by their places; the whole is an item where lines are its parts."""

    rule: str
    whole: int
    parts: tuple[int, ...]
    because: str


def proposed(found: pd.DataFrame, sides: Sides, *, currency: str) -> pd.DataFrame:
    """The proposals on what `found` leaves broken; columns proposal, line_key, item_key, rule, evidence.

    A line and an item stand in one proposal at most: where two could have it, neither does.
    """
    lines = sides.lines.take(sorted(set(found.loc[found["kind"].isin(_OPEN_LINES), "line"])))
    items = sides.items.take(sorted(set(found.loc[found["kind"].isin(_OPEN_ITEMS), "item"]) - {NONE}))
    taken_lines: set[int] = set()
    taken_items: set[int] = set()
    rows: list[tuple[str, str, str, str, str]] = []
    for because in _BECAUSE:
        left = lines[~lines["line"].isin(taken_lines)]
        right = items[~items["item"].isin(taken_items)]
        if left.empty or right.empty:
            break
        for each in _alone(list(_found(left, right, sides, because))):
            of_lines, of_items = (each.parts, (each.whole,)) if each.rule == "split" else ((each.whole,), each.parts)
            taken_lines |= set(of_lines)
            taken_items |= set(of_items)
            rows += _rows(each, of_lines, of_items, sides, currency=currency)
    return pd.DataFrame(rows, columns=list(_COLUMNS), dtype="str")


def _alone(found: Sequence[_Found]) -> list[_Found]:
    """Those that share no line and no item with another."""

    def members(each: _Found) -> list[tuple[str, int]]:
        whole, part = ("item", "line") if each.rule == "split" else ("line", "item")
        return [(whole, each.whole), *((part, at) for at in each.parts)]

    often = Counter(member for each in found for member in members(each))
    return [each for each in found if all(often[member] == 1 for member in members(each))]


def _found(lines: pd.DataFrame, items: pd.DataFrame, sides: Sides, because: str) -> Iterator[_Found]:
    if because == "named":
        yield from _named(lines, items, sides)
        return
    own = lines[(lines["reversal"].to_numpy() == 0) & (lines[because].to_numpy() != NONE)]
    theirs = items[items[because].to_numpy() != NONE]
    if own.empty or theirs.empty:
        return
    own, theirs = own.rename(columns={"line": "at"}), theirs.rename(columns={"item": "at"})
    yield from _wholes("split", theirs, own, because)
    if because != "reference":
        yield from _wholes("merged", own, theirs, because)


def _named(lines: pd.DataFrame, items: pd.DataFrame, sides: Sides) -> Iterator[_Found]:
    """Lines that name several of our references and pay exactly some of their items."""
    several = lines[lines["several"].to_numpy() == 1]
    if several.empty:
        return
    references = sides.item_texts["reference"].take(items["item"].tolist()).tolist()
    of: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for at, account, amount, text in zip(
        *(items[name].tolist() for name in ("item", "account", "amount")), references, strict=True
    ):
        of.setdefault((account, text), []).append((at, amount))
    columns = (several[name].tolist() for name in ("line", "account", "amount", "remark"))
    for line, account, amount, remark in zip(*columns, strict=True):
        candidates = [each for text in sides.known[remark] for each in of.get((account, text), [])]
        chosen = subsets.the_only([value for _, value in candidates], amount)
        if chosen is not None:
            parts = tuple(candidates[place][0] for place in chosen)
            yield _Found(rule="merged", whole=line, parts=parts, because="named")


def _wholes(rule: str, wholes: pd.DataFrame, parts: pd.DataFrame, by: str) -> Iterator[_Found]:
    """Each whole with the only parts of the same identity and direction that make its amount."""
    axis, days = {"reference": (0, 0)}.get(by, (1, DAYS))
    first, second = ((side[by] * 2 + (side["amount"] > 0)) * _SPAN + axis * side["day"] for side in (wholes, parts))
    order = np.argsort(second.to_numpy(), kind="stable")
    ranked = second.to_numpy()[order]
    low = np.searchsorted(ranked, first.to_numpy() - days, side="left")
    high = np.searchsorted(ranked, first.to_numpy() + days, side="right")
    places, amounts, references, named = (
        parts[name].to_numpy()[order] if name in parts else np.zeros(len(parts), np.int64)
        for name in ("at", "amount", "reference", "named")
    )
    for number in np.flatnonzero(high - low > 1).tolist():
        whole = wholes.iloc[number]
        span = slice(int(low[number]), int(high[number]))
        fits = np.abs(amounts[span]) < abs(int(whole["amount"]))
        fits &= _agree(rule, whole, references[span], named[span])
        near = np.flatnonzero(fits) + span.start
        chosen = subsets.the_only(amounts[near].tolist(), int(whole["amount"]))
        if chosen is not None:
            yield _Found(
                rule=rule,
                whole=int(whole["at"]),
                parts=tuple(int(places[near[place]]) for place in chosen),
                because=by,
            )


def _agree(rule: str, whole: pd.Series, references: np.ndarray, named: np.ndarray) -> np.ndarray:
    """Parts that nothing speaks against: a line that names a reference is for the item of that reference alone."""
    if rule == "split":
        return np.array((named == 0) | ((references != NONE) & (references == whole["reference"])), bool)
    return np.full(len(references), bool(whole["named"] == 0 or whole["reference"] != NONE))


def _rows(
    each: _Found, lines: tuple[int, ...], items: tuple[int, ...], sides: Sides, *, currency: str
) -> list[tuple[str, str, str, str, str]]:
    line_keys = sides.line_texts["key"].take(list(lines)).tolist()
    item_keys = sides.item_texts["key"].take(list(items)).tolist()
    proposal = blake2b("\n".join([*sorted(line_keys), "", *sorted(item_keys)]).encode(), digest_size=8).hexdigest()
    whole = sides.items if each.rule == "split" else sides.lines
    total = major(int(whole["amount"].iloc[each.whole]), currency)
    what = (
        f"{len(lines)} 笔流水合计 {total}，等于账上一笔款项"
        if each.rule == "split"
        else f"一笔流水 {total}，等于账上 {len(items)} 笔款项之和"
    )
    evidence = f"{what}；{_BECAUSE[each.because]}，组合唯一"
    return [(proposal, line, item, each.rule, evidence) for line in line_keys for item in item_keys]
