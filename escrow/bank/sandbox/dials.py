"""What goes wrong with notifications on purpose: per payment as ordered, else by chance that the seed decides."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal, TypeAlias

_NOW: Final = timedelta(0)

RETRIES: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360, 1440))
"""Waits between two sendings of an unacknowledged notification; the last one goes on for ever."""


Query: TypeAlias = Literal["silent", "twice", "currency", "reference", "nothing"]
"""How a question about an order goes wrong: no answer in time; each payment told twice; told in dollars, of another
order, or of no fen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What befalls one payment's notification. The line in the bank's books is never touched by it.

    `repeat`: sent this many times more although acknowledged; `delay`: sent that much later;
    `reorder`: held back until later payments have overtaken it (`Dials.reorder_by`); `drop`: never sent.
    """

    repeat: int = 0
    delay: timedelta = _NOW
    reorder: bool = False
    drop: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Dials:
    """The faults of a bank: probabilities from 0 to 1, sizes, and orders for single payments.

    `faults` is keyed by serial or by order reference (an order reference means each payment of that order). A payment
    that has an order of its own is not left to chance. `batch` is the most events in one notification.
    `queries`: what goes wrong with the answer about an order reference.
    """

    repeat: float = 0
    repeats: int = 2
    delay: float = 0
    delay_by: timedelta = timedelta(hours=6)
    reorder: float = 0
    reorder_by: timedelta = timedelta(minutes=10)
    drop: float = 0
    batch: int = 1
    retries: tuple[timedelta, ...] = RETRIES
    faults: Mapping[str, Fault] = field(default_factory=dict)
    queries: Mapping[str, Query] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("repeat", "delay", "reorder", "drop"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)} is no probability; give 0 to 1")
        # A thousand events stay well below the megabyte that receivers commonly read.
        if not 1 <= self.batch <= 1000 or not self.retries:  # noqa: PLR2004 — said in the message
            raise ValueError(f"batch={self.batch}, retries={self.retries}: 1 to 1000 events, and at least one interval")


def fate(dials: Dials, *, serial: str, reference: str, seed: int) -> Fault:
    """What befalls the payment with this serial: the same for the same seed, in whatever order payments are asked."""
    for name in (serial, reference):
        if name in dials.faults:
            return dials.faults[name]

    def happens(dial: str, probability: float) -> bool:
        digest = hashlib.sha256(f"{seed}|{dial}|{serial}".encode()).digest()
        return int.from_bytes(digest[:7], "big") < probability * 2**56

    return Fault(
        repeat=dials.repeats if happens("repeat", dials.repeat) else 0,
        delay=dials.delay_by if happens("delay", dials.delay) else _NOW,
        reorder=happens("reorder", dials.reorder),
        drop=happens("drop", dials.drop),
    )


def wait_after(dials: Dials, attempts: int) -> timedelta:
    """How long to wait after the `attempts`-th sending (from 1) before the next."""
    return dials.retries[min(attempts, len(dials.retries)) - 1]
