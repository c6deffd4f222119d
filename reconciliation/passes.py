"""What speaks for a line and an item being one: each pass settles what it can prove and leaves the rest to the next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

import numpy as np
import pandas as pd

from reconciliation import transposed, undone
from reconciliation.columns import Numbers, nth
from reconciliation.payers import unique_pairs
from reconciliation.sides import NONE, OWN, Sides, codes

Words: TypeAlias = np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Open:
    """What is open before a pass: lines, items, and the items that a line has met already."""

    lines: pd.DataFrame
    items: pd.DataFrame
    met: pd.DataFrame
    sides: Sides


Pass: TypeAlias = Callable[[Open], pd.DataFrame]


def passes(days: int) -> Sequence[Pass]:
    """All of them, the strongest evidence first. Each gives rows of `settled`."""
    return (
        _reversals,
        partial(_paired, rule="serial", by=("serial", "reference", "amount")),
        partial(_paired, rule="serial", by=("serial", "amount")),
        partial(_repeated, by="serial"),
        partial(_turned, by="serial"),
        partial(_differing, by="serial"),
        partial(_paired, rule="reference", by=("reference", "amount")),
        partial(_repeated, by="reference"),
        partial(_turned, by="reference"),
        partial(_differing, by="reference"),
        _several,
        partial(_by_payer, payer="payer", rule="payer_account", days=days),
        partial(_by_payer, payer="name", rule="payer_name", days=days),
        partial(_sent_back, payer="payer"),
        partial(_sent_back, payer="name"),
        _own,
        partial(_swapped, payer="payer", days=days),
        partial(_swapped, payer="name", days=days),
    )


def settled(
    lines: Numbers | int,
    items: Numbers | int,
    *,
    rule: Words | str = "",
    kind: Words | str = "",
    other: Numbers | int = NONE,
) -> pd.DataFrame:
    """Places of lines and items (NONE for none) with the rule that explains them or the kind of break."""
    rows = max(
        np.size(lines) if isinstance(lines, np.ndarray) else 0, np.size(items) if isinstance(items, np.ndarray) else 0
    )
    numbers = {"line": lines, "item": items, "other": other}
    found = pd.DataFrame({name: np.broadcast_to(each, rows) for name, each in numbers.items()}, dtype="int64")
    return found.assign(
        rule=np.broadcast_to(rule, rows).astype(object), kind=np.broadcast_to(kind, rows).astype(object)
    )


NOTHING: Final = settled(np.zeros(0, np.int64), np.zeros(0, np.int64))


def _named(side: pd.DataFrame, *by: str) -> pd.DataFrame:
    """The rows that have all of these."""
    there = np.ones(len(side), bool)
    for column in by:
        there &= side[column].to_numpy() != NONE
    return side[there]


def _reversals(now: Open) -> pd.DataFrame:
    """What the bank took back itself: a line and its reversal explain each other, and no item meets either."""
    if not now.lines["reversal"].to_numpy().any():
        return NOTHING
    pairs = undone.reversals(now.lines)
    both = settled(pairs["line"].to_numpy(), NONE, rule="reversal", other=pairs["other"].to_numpy())
    back = settled(pairs["other"].to_numpy(), NONE, rule="reversal", other=pairs["line"].to_numpy())
    alone = now.lines[(now.lines["reversal"] == 1) & ~now.lines["line"].isin(pairs["line"])]
    of = undone.items_of(alone, now.sides.items)
    return pd.concat([both, back, settled(of["line"].to_numpy(), of["item"].to_numpy(), kind="reversed")])


def _paired(now: Open, *, rule: str, by: tuple[str, ...]) -> pd.DataFrame:
    """The first line with the first item of the same identity and amount, the second with the second."""
    given = [column for column in by if column != "amount"]
    ours, theirs = _named(now.lines, *given), _named(now.items, *given)
    if ours.empty or theirs.empty:
        return NOTHING
    left, right = codes(ours, theirs, by)
    first, second = nth(left), nth(right)
    span = 1 + max(int(first.max()), int(second.max()))
    _, at, of = np.intersect1d(left * span + first, right * span + second, assume_unique=True, return_indices=True)
    return settled(ours["line"].to_numpy()[at], theirs["item"].to_numpy()[of], rule=rule)


def _repeated(now: Open, *, by: str) -> pd.DataFrame:
    """Lines that say again what a matched line said. (Payments of one batch share a serial: there names decide.)"""
    again, once = _named(now.lines, by), _named(now.met, by)
    if by != "reference":
        again = again[again["named"].to_numpy() == 0]
    if again.empty or once.empty:
        return NOTHING
    once = once.drop_duplicates([by, "amount"])
    pairs = again[[by, "amount", "line"]].merge(once[[by, "amount", "item"]], on=[by, "amount"])
    return settled(pairs["line"].to_numpy(), pairs["item"].to_numpy(), kind="duplicate")


def _turned(now: Open, *, by: str) -> pd.DataFrame:
    """Money that comes back under the identity of a payout that had left (退汇), or leaves under one that had come."""
    lines, once = _named(now.lines, by), _named(now.met, by)
    if lines.empty or once.empty:
        return NOTHING
    both = lines[[by, "amount", "line"]].merge(once.drop_duplicates(by)[[by, "amount", "item"]], on=by)
    both = both[(both["amount_x"] > 0) != (both["amount_y"] > 0)]
    kind = (both["amount_x"] > 0).map({True: "bounced", False: "opposite_direction"})
    return settled(both["line"].to_numpy(), both["item"].to_numpy(), kind=kind.to_numpy())


def _differing(now: Open, *, by: str) -> pd.DataFrame:
    """Lines of the same identity as an item but another amount: a break, never a match."""
    ours, theirs = _named(now.lines, by), _named(now.items, by)
    if ours.empty or theirs.empty:
        return NOTHING
    items = theirs.assign(incoming=theirs["amount"] > 0).drop_duplicates([by, "incoming"])
    both = ours.merge(items, on=by, suffixes=("", "_item"))
    both["opposite"] = (both["amount"] > 0) != both["incoming"]
    both = both.sort_values(["line", "opposite", "item"]).drop_duplicates("line")
    less = both["amount"].abs() < both["amount_item"].abs()
    kind = less.map({True: "under", False: "over"}).where(~both["opposite"], "opposite_direction")
    parts = both[kind == "under"].groupby("item")["line"].transform("size") > 1
    kind = kind.mask(parts.reindex(kind.index, fill_value=False), "partial")
    return settled(both["line"].to_numpy(), both["item"].to_numpy(), kind=kind.to_numpy())


def _several(now: Open) -> pd.DataFrame:
    lines = now.lines[now.lines["several"].to_numpy() == 1]
    return settled(lines["line"].to_numpy(), NONE, kind="ambiguous")


def _by_payer(now: Open, *, payer: str, rule: str, days: int) -> pd.DataFrame:
    """One-to-one on both sides by amount, payer and date; nothing else on the line may speak against it."""
    unnamed, items = _named(now.lines[now.lines["named"].to_numpy() == 0], payer), _named(now.items, payer)
    if unnamed.empty or items.empty:
        return NOTHING
    pairs = unique_pairs(unnamed, items, by=["amount", payer], days=days)
    if pairs.empty:
        return NOTHING
    both = pairs.merge(unnamed, on="line").merge(items, on="item", suffixes=("", "_item"))
    for identity in ("serial", "payer"):
        first, second = both[identity], both[f"{identity}_item"]
        both = both[(first == NONE) | (second == NONE) | (first == second)]
    return settled(both["line"].to_numpy(), both["item"].to_numpy(), rule=rule)


def _sent_back(now: Open, *, payer: str) -> pd.DataFrame:
    """A payout that came back without its reference: by the bank's word for it, amount and payee, each the only one."""
    gone = now.met[(now.met["amount"].to_numpy() < 0) & (now.met[payer].to_numpy() != NONE)]
    if gone.empty:
        return NOTHING
    pairs = undone.sent_back(now.lines, gone, payer=payer)
    return settled(pairs["line"].to_numpy(), pairs["item"].to_numpy(), kind="bounced")


def _own(now: Open) -> pd.DataFrame:
    """The bank's own lines, by its own word for them: nobody expects them, and the statement alone proves them."""
    own = now.lines[now.lines["own"].to_numpy() != 0]
    if own.empty:
        return NOTHING
    rules = own["own"].map(dict(enumerate(OWN))).to_numpy()
    return settled(own["line"].to_numpy(), NONE, rule=rules)


def _swapped(now: Open, *, payer: str, days: int) -> pd.DataFrame:
    """One payer's line and item whose amounts are one another with two digits exchanged: a break of both, no match."""
    unnamed, items = _named(now.lines[now.lines["named"].to_numpy() == 0], payer), _named(now.items, payer)
    if unnamed.empty or items.empty:
        return NOTHING
    both = transposed.pairs(unnamed, items, payer=payer, days=days)
    kind = (both["amount"].abs() < both["amount_item"].abs()).map({True: "under", False: "over"})
    return settled(both["line"].to_numpy(), both["item"].to_numpy(), kind=kind.to_numpy())
