"""Money that went the other way again: what the bank reversed (冲正), and payouts that came back (退汇)."""

from collections import defaultdict
from typing import Final

import numpy as np
import pandas as pd

from reconciliation.payers import unique_pairs
from reconciliation.sides import NONE

DAYS: Final = 31
"""How long after a line its reversal or return is looked for."""


def reversals(lines: pd.DataFrame) -> pd.DataFrame:
    """Columns line, other: reversals with the earlier line that each undoes.

    By serial or reference the latest line before it; by payer alone only where there is one such line at all.
    """
    found: list[tuple[int, int]] = []
    for by in ("serial", "reference", "payer"):
        taken = {line for pair in found for line in pair}
        found += _undone(lines[~lines["line"].isin(taken)] if taken else lines, by)
    return pd.DataFrame(found, columns=["line", "other"], dtype="int64")


def _undone(lines: pd.DataFrame, by: str) -> list[tuple[int, int]]:
    reds = lines[(lines["reversal"] == 1) & (lines[by] != NONE)]
    if reds.empty:
        return []
    near = lines[lines[by].isin(reds[by])].sort_values("line")
    before: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    pairs = []
    columns = (near[name].tolist() for name in ("line", by, "amount", "day", "reversal"))
    for line, identity, amount, day, red in zip(*columns, strict=True):
        if not red:
            before[identity, amount].append((line, day))
            continue
        earlier = before[identity, -amount]
        sure = len(earlier) == 1 or (earlier and by != "payer")
        if sure and day - earlier[-1][1] <= DAYS:
            pairs.append((line, earlier.pop()[0]))
    return pairs


def items_of(lines: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """Columns line, item: each of these reversals with the item whose serial or reference it names, NONE for none."""
    found = lines[["line"]].assign(item=NONE)
    for by in ("reference", "serial"):
        of = items[items[by] != NONE].drop_duplicates(by).set_index(by)["item"]
        named = lines[by].map(of)
        found["item"] = named.where(named.notna(), found["item"])
    return found.astype("int64")


def sent_back(lines: pd.DataFrame, gone: pd.DataFrame, *, payer: str) -> pd.DataFrame:
    """Columns line, item: money that came back from the payee of a payout that had gone, one-to-one on both sides."""
    back = lines[(lines["amount"] > 0) & (lines["returned"] == 1) & (lines["named"] == 0) & (lines[payer] != NONE)]
    if back.empty:
        return pd.DataFrame({"line": [], "item": []}, dtype="int64")
    pairs = unique_pairs(back, gone.assign(amount=-gone["amount"]), by=["amount", payer], days=DAYS)
    left = dict(zip(gone["item"].tolist(), gone["day"].tolist(), strict=True))
    came = dict(zip(back["line"].tolist(), back["day"].tolist(), strict=True))
    later = [
        came[line] >= left[item] for line, item in zip(pairs["line"].tolist(), pairs["item"].tolist(), strict=True)
    ]
    return pairs[np.array(later, bool)]
