"""The desk behind every route: the database, the rulebook, the clock, and how a request reads or writes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Request
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from escrow.db import snapshot, transaction
from escrow.rules.rulebook import Rulebook
from escrow.settings import Settings
from qrpay.link import Links

T = TypeVar("T")

_TRIES: Final = 3
_LOST_A_RACE: Final = {"40001", "40P01"}
"""SQLSTATE of a serialization failure and of a deadlock: the database undid everything and asks to begin again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the service was started with. `clock` gives the time of a request, aware; nothing else reads one."""

    engine: Engine
    rulebook: Rulebook
    settings: Settings
    clock: Callable[[], datetime]
    links: Links

    def read(self, look: Callable[[Connection], T]) -> T:
        """Look at one consistent snapshot; nothing can be written."""
        with snapshot(self.engine) as db:
            return look(db)

    def write(self, act: Callable[[Connection], T]) -> T:
        """Act in one transaction, which is committed when this returns: an answer made of it tells what is durable.

        An act that the database undid because two waited for each other is begun again.
        """
        for left in reversed(range(_TRIES)):
            try:
                with transaction(self.engine) as db:
                    return act(db)
            except OperationalError as error:
                if left == 0 or getattr(error.orig, "sqlstate", None) not in _LOST_A_RACE:
                    raise
        raise AssertionError("the last try either returns or raises")


def desk_of(request: Request) -> Desk:
    """The desk of the application that this request came to."""
    desk: Desk = request.app.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(desk_of)]
