"""Work behind the posting: what brings seals and sums forward, again and again, in a thread of its own."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from threading import Event, Thread
from typing import TypeAlias, TypeVar

T = TypeVar("T")

Begin: TypeAlias = Callable[[], AbstractContextManager[T]]
"""Opens what a chore works in: mostly a transaction, committed when its block ends and rolled back when that raises."""

Chore: TypeAlias = Callable[[T], object]
"""A bounded piece of work, mostly in one transaction. What it returns is true when there may be more to do."""

_logger = logging.getLogger(__name__)


def keep_up(begin: Begin[T], chores: Sequence[Chore[T]], *, every: timedelta, stop: Event) -> None:
    """Do each chore until nothing is left of it, all of them once in `every`, until `stop` is set.

    A failure is logged, and the chore is tried again the next time: nobody waits for it, and it loses nothing.
    """
    while True:
        for chore in chores:
            try:
                _finish(begin, chore, stop)
            except Exception:
                _logger.exception("left for the next time, in %s", every)
        if stop.wait(every.total_seconds()):
            return


@contextmanager
def in_background(
    begin: Begin[T], chores: Sequence[Chore[T]], *, every: timedelta, name: str = "background"
) -> Iterator[None]:
    """`keep_up` in a thread while the block runs; at its end the piece of work in hand is finished first."""
    stop = Event()
    thread = Thread(target=keep_up, args=(begin, chores), kwargs={"every": every, "stop": stop}, name=name)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _finish(begin: Begin[T], chore: Chore[T], stop: Event) -> None:
    more: object = True
    while more and not stop.is_set():
        with begin() as db:
            more = chore(db)
