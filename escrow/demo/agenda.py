"""The agenda: what is to be done when. Deeds may put further deeds on it; all are done in the order of time."""

import heapq
import itertools
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from typing import TypeAlias

from escrow.rules.months import SHANGHAI
from escrow.rules.working_days import after_working_days

Deed: TypeAlias = Callable[[datetime], object]
"""Something done at an instant, which it is told."""


class Agenda:
    """Deeds with their instants. Two of one instant are done in the order in which they were added."""

    def __init__(self) -> None:
        self._entries: list[tuple[datetime, int, Deed]] = []
        self._order = itertools.count()

    def add(self, at: datetime, deed: Deed) -> None:
        """Do this then."""
        heapq.heappush(self._entries, (at, next(self._order), deed))

    def due(self) -> Iterator[tuple[datetime, Deed]]:
        """The deeds, first things first, until none is left."""
        while self._entries:
            at, _, deed = heapq.heappop(self._entries)
            yield at, deed


def clock(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """A time on the wall clock of the county."""
    return datetime.combine(day, time(hour, minute, second), SHANGHAI)


def next_morning(now: datetime) -> datetime:
    """Ten o'clock on the next working day: when an office gets to it."""
    return clock(after_working_days(now.astimezone(SHANGHAI).date(), 1), 10)
