"""Whole columns of text in Apache Arrow, which pandas keeps its texts in: a million rows, a few operations of C++."""

from collections.abc import Callable, Collection, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Texts: TypeAlias = pa.LargeStringArray
"""A column of text. Nothing in it is null but where a function says so."""

Numbers: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]

_DTYPE: Final = pd.StringDtype("pyarrow", na_value=np.nan)
"""What pandas calls "str"."""

_NEVER: Final = "a^"
"""A pattern that no text has."""


def texts(column: pd.Series) -> Texts:
    """The column's texts, in one piece."""
    found = pa.array(column, pa.large_string())
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def column(found: Texts, index: pd.Index | None = None) -> pd.Series:
    """The texts as a column of a frame."""
    return pd.Series(_DTYPE.__from_arrow__(found), index=index)  # type: ignore[attr-defined] # not in the stubs


def flags(found: "pa.BooleanArray") -> Flags:
    """Yes and no as numpy keeps them."""
    return np.asarray(found, bool)


def among(found: Texts, words: Collection[str]) -> Flags:
    """Which texts are one of the words."""
    return flags(pc.is_in(found, value_set=pa.array(words, pa.large_string())))


def together(*parts: Texts | str, between: str = "") -> Texts:
    """The parts of each row, one after the other; a str is the same in all rows."""
    all_parts = (pa.scalar(each, pa.large_string()) if isinstance(each, str) else each for each in parts)
    return pc.binary_join_element_wise(*all_parts, pa.scalar(between, pa.large_string()))


def filled(parts: Sequence[Texts], between: str) -> Texts:
    """What is not empty of each row, one after the other."""
    some = (pc.if_else(pc.equal(each, ""), pa.scalar(None, pa.large_string()), each) for each in parts)
    return pc.binary_join_element_wise(*some, pa.scalar(between, pa.large_string()), null_handling="skip")


def mapped(found: Texts, function: Callable[[str], str], *, unless: str = _NEVER) -> Texts:
    """Each text by the function, which is asked once for each distinct text; texts of the pattern stay as they are."""
    strange = pc.invert(pc.match_substring_regex(found, unless))
    coded = found.filter(strange).dictionary_encode()
    told = pa.array(map(function, coded.dictionary.to_pylist()), pa.large_string()).take(coded.indices)
    return pc.replace_with_mask(found, strange, told)


def written(numbers: "Numbers | pd.Series") -> Texts:
    """Whole numbers in decimal digits; null where there is none."""
    return pa.array(numbers, pa.int64()).cast(pa.large_string())


def same(text: str, rows: int) -> Texts:
    """One text for all rows."""
    return pa.repeat(pa.scalar(text, pa.large_string()), rows)


def nth(numbers: Numbers) -> Numbers:
    """For each place, how many equal numbers stand before it."""
    order = np.argsort(numbers, kind="stable")
    ranked = numbers[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]])) if len(ranked) else order
    before = np.arange(len(ranked)) - np.repeat(starts, np.diff(np.append(starts, len(ranked))))
    found = np.empty(len(ranked), np.int64)
    found[order] = before
    return found
