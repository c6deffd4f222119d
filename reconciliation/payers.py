"""Who is on the other side, comparably; and which line and item that payer and amount alone put together."""

import unicodedata

import numpy as np
import numpy.typing as npt
import pandas as pd

from reconciliation import columns
from reconciliation.columns import Texts

_SPAN = 10_000_000
"""More days than any two dates are apart: keeps groups apart on one axis."""


def comparable_names(names: pd.Series) -> Texts:
    """Names without spaces and width variants; "" where the bank has masked one, for a masked name is no identity."""
    return columns.mapped(columns.texts(names), _name, unless=r"^[0-9A-Z\x{4E00}-\x{9FFF}]*$")


def comparable_accounts(numbers: pd.Series) -> Texts:
    """Account numbers without spaces and hyphens; "" where one is masked."""
    return columns.mapped(columns.texts(numbers), _account, unless="^[0-9A-Z]*$")


def _name(text: str) -> str:
    return "" if "*" in text else "".join(unicodedata.normalize("NFKC", text).split()).upper()


def _account(text: str) -> str:
    return "" if "*" in text else "".join(text.replace("-", "").split()).upper()


def unique_pairs(ours: pd.DataFrame, theirs: pd.DataFrame, *, by: list[str], days: int) -> pd.DataFrame:
    """Columns line, item: pairs equal in `by` and at most `days` apart, where neither has a second candidate.

    Candidates are counted on sorted group-and-day positions, never listed: ten thousand equal payments of one payer
    on both sides would be a hundred million pairs.
    """
    groups = pd.concat([ours[by], theirs[by]]).groupby(by, sort=False).ngroup().to_numpy(dtype=np.int64)
    at = groups * _SPAN + np.concatenate([ours["day"].to_numpy(), theirs["day"].to_numpy()])
    left, right = at[: len(ours)], at[len(ours) :]
    item, has_one_item = _the_only(left, right, days)
    _, has_one_line = _the_only(right, left, days)
    chosen = has_one_item.nonzero()[0]
    chosen = chosen[has_one_line[item[chosen]]]
    return pd.DataFrame(
        {"line": ours["line"].to_numpy()[chosen], "item": theirs["item"].to_numpy()[item[chosen]]}, dtype="int64"
    )


def _the_only(
    these: npt.NDArray[np.int64], those: npt.NDArray[np.int64], days: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """For each of these the position of a candidate among those, and whether it is the only one."""
    order = np.argsort(those, kind="stable")
    first = np.searchsorted(those[order], these - days, side="left")
    after = np.searchsorted(those[order], these + days, side="right")
    alone = after - first == 1
    position = np.zeros(len(these), dtype=np.int64)
    position[alone] = order[first[alone]]
    return position, alone
