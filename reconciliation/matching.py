"""Bank lines against what the books expect: met by identity, or by a payer unique on both sides; else a break.

Set-based and deterministic: the order in which rows are handed in changes nothing. A line and an item are each matched
at most once, and every line and every item ends in a match or in a break.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import pandas as pd

from reconciliation.evidence import worded
from reconciliation.payers import comparable_account, comparable_name, unique_pairs

ITEM_COLUMNS: Final = ("key", "amount", "reference", "serial", "counterparty", "counterparty_account", "on")
"""What an expected item is: a stable key, minor units signed like the lines (+ in), our reference, the bank's serial as
it was notified, who is on the other side, and the ISO date it is expected on. Texts are "" where unknown."""

BREAKS: Final = (
    "under",  # less money than the item of that reference or serial
    "over",  # more of it
    "opposite_direction",  # the money went the other way
    "duplicate",  # same identity and amount as a line that already met the item
    "ambiguous",  # the line names several of our references
    "not_in_books",  # a line that no item expects
    "not_on_statement",  # an item that no line shows
)


_ITEM: Final = ("item", "amount", "serial", "reference", "name", "account", "day")
_LINE: Final = ("line", *_ITEM[1:], "named", "several")
"""What the steps look at; the other columns are for the sentences, and each would be copied by every step."""

_NOTHING: Final = pd.DataFrame({"line": [], "item": []}, dtype="int64")
"""What a step has settled that had nothing to compare: most have not, and a merge of nothing costs its milliseconds."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """`matches`: line_key, item_key, rule, evidence. `breaks`: line_key, item_key ("" for none), kind, detail.

    rule is serial, reference, payer_account or payer_name; kind is one of BREAKS; evidence and detail are Chinese
    sentences. A matched item may stand in a break too: the `duplicate` that came after its match names it.
    """

    matches: pd.DataFrame
    breaks: pd.DataFrame


def match(
    lines: pd.DataFrame,
    items: pd.DataFrame,
    *,
    references: Callable[[str], list[str]],
    days: int = 3,
    currency: str = "CNY",
) -> Outcome:
    """Match one account's lines (`Statement.lines`) with the items that the books expect on it (ITEM_COLUMNS).

    `references` finds our references in a remark, check digits verified. `days` is how far apart a line and an item
    may be when only amount and payer speak for them. Raises ValueError when a key stands twice or a date is none.
    """
    left, right = _lines(lines, items, references), _items(items)
    settled = pd.DataFrame({"line": [], "item": [], "rule": [], "kind": []}).astype({"line": "int64", "item": "int64"})
    lean_left, lean_right = left[list(_LINE)], right[list(_ITEM)]
    ours, theirs, met = lean_left, lean_right, lean_right.head(0)
    for step in _steps(days):
        if ours.empty and (theirs.empty or step is not _rest):
            continue
        found = step(ours, theirs, met)
        if found.empty:
            continue  # most statements are done after a step or two; what nobody changed is not computed again
        settled = pd.concat([settled, found], ignore_index=True)
        met = lean_right[lean_right["item"].isin(settled.loc[settled["rule"] != "", "item"])]
        ours = lean_left[~lean_left["line"].isin(settled["line"])]
        theirs = lean_right[~lean_right["item"].isin(settled["item"])]
    matches, breaks = worded(settled, left, right, currency=currency)
    return Outcome(matches=matches, breaks=breaks)


def _steps(days: int) -> Sequence[Callable[[pd.DataFrame, pd.DataFrame, pd.DataFrame], pd.DataFrame]]:
    """What is tried, strongest evidence first, on what is left of lines and items, and on the items already met."""
    return (
        partial(_paired, rule="serial", by=["serial", "reference", "amount"]),
        partial(_paired, rule="serial", by=["serial", "amount"]),
        partial(_repeated, by="serial"),
        partial(_differing, by="serial"),
        partial(_paired, rule="reference", by=["reference", "amount"]),
        partial(_repeated, by="reference"),
        partial(_differing, by="reference"),
        _several,
        partial(_by_payer, payer="account", days=days),
        partial(_by_payer, payer="name", days=days),
        _rest,
    )


def _lines(lines: pd.DataFrame, items: pd.DataFrame, references: Callable[[str], list[str]]) -> pd.DataFrame:
    """The lines in a fixed order, each with the one reference of ours that it names and how many it names at all."""
    left = lines.sort_values(["booked_on", "booked_at", "number", "key"], ignore_index=True)
    expected = set(items["reference"]) - {""}
    found = {remark: tuple(dict.fromkeys(references(remark))) for remark in left["remark"].unique()}
    ours = [
        ((end_to_end,), (end_to_end,))
        if end_to_end in expected
        else (tuple(each for each in found[remark] if each in expected), found[remark])
        for end_to_end, remark in zip(left["end_to_end"], left["remark"], strict=True)
    ]
    left["reference"] = pd.Series([known[0] if len(known) == 1 else "" for known, _ in ours], dtype="str")
    left["named"] = pd.Series([len(named) for _, named in ours], dtype="int64")
    left["several"] = pd.Series(["、".join(known) if len(known) > 1 else "" for known, _ in ours], dtype="str")
    return _prepared(left, "line", on="booked_on")


def _items(items: pd.DataFrame) -> pd.DataFrame:
    return _prepared(items.sort_values(["on", "key"], ignore_index=True), "item", on="on")


def _prepared(side: pd.DataFrame, position: str, *, on: str) -> pd.DataFrame:
    if not side["key"].is_unique:
        raise ValueError(f"a {position} key stands twice: {side.loc[side['key'].duplicated(), 'key'].iloc[0]}")
    return side.assign(
        **{position: range(len(side))},
        name=side["counterparty"].map(comparable_name).astype("str"),
        account=side["counterparty_account"].map(comparable_account).astype("str"),
        day=pd.to_datetime(side[on], format="%Y-%m-%d").to_numpy().astype("datetime64[D]").astype("int64"),
    )


def _paired(ours: pd.DataFrame, theirs: pd.DataFrame, _met: pd.DataFrame, *, rule: str, by: list[str]) -> pd.DataFrame:
    """The first line with the first item of the same identity and amount, the second with the second."""
    given = [column for column in by if column != "amount"]
    ours, theirs = (side[(side[given] != "").all(axis=1)] for side in (ours, theirs))
    if ours.empty or theirs.empty:
        return _NOTHING
    left, right = (side.assign(nth=side.groupby(by).cumcount()) for side in (ours, theirs))
    pairs = left[[*by, "nth", "line"]].merge(right[[*by, "nth", "item"]], on=[*by, "nth"])
    return _settled(pairs, rule=rule)


def _repeated(ours: pd.DataFrame, _theirs: pd.DataFrame, met: pd.DataFrame, *, by: str) -> pd.DataFrame:
    """Lines that say again what a matched line said. (Payments of one batch share a serial: there names decide.)"""
    again = ours[(ours[by] != "") & ((ours["named"] == 0) | (by == "reference"))]
    once = met[met[by] != ""]
    if again.empty or once.empty:
        return _NOTHING
    once = once.drop_duplicates([by, "amount"])
    pairs = again[[by, "amount", "line"]].merge(once[[by, "amount", "item"]], on=[by, "amount"])
    return _settled(pairs, kind="duplicate")


def _differing(ours: pd.DataFrame, theirs: pd.DataFrame, _met: pd.DataFrame, *, by: str) -> pd.DataFrame:
    """Lines of the same identity as an item but another amount: a break, never a match."""
    ours, theirs = ours[ours[by] != ""], theirs[theirs[by] != ""]
    if ours.empty or theirs.empty:
        return _NOTHING
    items = theirs.assign(incoming=theirs["amount"] > 0).drop_duplicates([by, "incoming"])
    both = ours.merge(items, on=by, suffixes=("", "_item"))
    both["opposite"] = (both["amount"] > 0) != both["incoming"]
    both = both.sort_values(["line", "opposite", "item"]).drop_duplicates("line")
    less = both["amount"].abs() < both["amount_item"].abs()
    kind = less.map({True: "under", False: "over"}).where(~both["opposite"], "opposite_direction")
    return _settled(both, kind=kind)


def _several(ours: pd.DataFrame, _theirs: pd.DataFrame, _met: pd.DataFrame) -> pd.DataFrame:
    return _settled(ours[ours["several"] != ""].assign(item=-1), kind="ambiguous")


def _by_payer(ours: pd.DataFrame, theirs: pd.DataFrame, _met: pd.DataFrame, *, payer: str, days: int) -> pd.DataFrame:
    """One-to-one on both sides by amount, payer and date; nothing else on the line may speak against it."""
    unnamed = ours[(ours["named"] == 0) & (ours[payer] != "")]
    items = theirs[theirs[payer] != ""]
    if unnamed.empty or items.empty:
        return _NOTHING
    pairs = unique_pairs(unnamed, items, by=["amount", payer], days=days)
    both = pairs.merge(unnamed, on="line").merge(items, on="item", suffixes=("", "_item"))
    for identity in ("serial", "account"):
        first, second = both[identity], both[f"{identity}_item"]
        both = both[(first == "") | (second == "") | (first == second)]
    return _settled(both, rule=f"payer_{payer}")


def _rest(ours: pd.DataFrame, theirs: pd.DataFrame, _met: pd.DataFrame) -> pd.DataFrame:
    lines = _settled(ours.assign(item=-1), kind="not_in_books")
    return pd.concat([lines, _settled(theirs.assign(line=-1), kind="not_on_statement")], ignore_index=True)


def _settled(pairs: pd.DataFrame, *, rule: str = "", kind: "str | pd.Series[str]" = "") -> pd.DataFrame:
    """Positions of lines and items (-1 for none) with the rule that matched or the kind of break."""
    # An inner merge without a hit may turn whole numbers into floats, and a float is no position.
    return pairs[["line", "item"]].astype("int64").assign(rule=rule, kind=kind)
