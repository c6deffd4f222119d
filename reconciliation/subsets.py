"""Which of a few amounts make a sum: exactly, and only where there is one answer."""

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

MOST: Final = 12
"""Amounts that are tried in all their combinations: 4,096. Of more, some combination nearly always fits by chance."""


def the_only(amounts: Sequence[int], total: int) -> list[int] | None:
    """The places of the amounts (minor units, two of them or more) that make the total.

    None where none do, where several combinations do (equal amounts among them), or where there are more than MOST.
    """
    if not 2 <= len(amounts) <= MOST:  # noqa: PLR2004  one is no combination
        return None
    chosen = _choices(len(amounts))
    fitting = np.flatnonzero(chosen @ np.array(amounts, np.int64) == total)
    return np.flatnonzero(chosen[fitting[0]]).tolist() if len(fitting) == 1 else None


@cache
def _choices(size: int) -> npt.NDArray[np.int64]:
    """A row for each choice of two or more among so many."""
    rows = np.array([[(choice >> at) & 1 for at in range(size)] for choice in range(2**size)], np.int64)
    found: npt.NDArray[np.int64] = rows[rows.sum(axis=1) > 1]
    return found
