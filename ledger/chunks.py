"""Long lists in pieces that fit into one statement."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

SIZE = 5_000
"""Well below the parameter limits of PostgreSQL (65,535) and SQLite (32,766)."""


def chunks(items: Sequence[T], size: int = SIZE) -> Iterator[list[T]]:
    """The items in order, `size` at a time."""
    rest = iter(items)
    while piece := list(islice(rest, size)):
        yield piece
