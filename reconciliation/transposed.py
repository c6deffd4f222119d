"""Amounts that differ by two digits which changed places (数字颠倒): 1,280 keyed as 1,820."""

from typing import Final

import numpy as np
import pandas as pd

_MOST: Final = 12
"""Lines or items of one payer that are still compared each with each."""


def swapped(one: int, other: int) -> bool:
    """Whether the amounts (minor units, of one sign) are one another with exactly two digits exchanged."""
    first, second = str(abs(one)), str(abs(other))
    if one == other or (one - other) % 9 or len(first) != len(second):
        return False
    apart = [at for at, (this, that) in enumerate(zip(first, second, strict=True)) if this != that]
    return len(apart) == 2 and first[apart[0]] == second[apart[1]] and first[apart[1]] == second[apart[0]]  # noqa: PLR2004


def pairs(lines: pd.DataFrame, items: pd.DataFrame, *, payer: str, days: int) -> pd.DataFrame:
    """Columns line, item, amount, amount_item: of one payer, `days` apart at most, digits swapped, one-to-one."""
    ours, theirs = lines[lines[payer].isin(items[payer])], items[items[payer].isin(lines[payer])]
    few = [side.groupby(payer)[payer].transform("size") <= _MOST for side in (ours, theirs)]
    both = ours[few[0]].merge(theirs[few[1]], on=payer, suffixes=("", "_item"))
    both = both[((both["amount"] > 0) == (both["amount_item"] > 0)) & ((both["day"] - both["day_item"]).abs() <= days)]
    alike = [swapped(*each) for each in zip(both["amount"].tolist(), both["amount_item"].tolist(), strict=True)]
    both = both[np.array(alike, bool)]
    return both[~both["line"].duplicated(keep=False) & ~both["item"].duplicated(keep=False)]
