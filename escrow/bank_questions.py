"""Rounds of questions to the bank: which orders were paid that nobody told us of. The network stands outside of
transactions: one chooses what to ask, one books each answer."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event, Thread

from sqlalchemy import Connection

from escrow.bank.port import BankSilent, ReceivedPayment
from escrow.enrolment import queries
from escrow.enrolment.queries import WrongAnswer

Begin = Callable[[], AbstractContextManager[Connection]]
"""Opens a transaction that is committed when its block ends, and rolled back when that raises."""

Question = Callable[[str], Sequence[ReceivedPayment]]
"""A bank's `payment_status` (escrow.bank.port)."""

_logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Round:
    """What one round came to: orders asked about, payments new to us, and orders with no or a wrong answer."""

    asked: int = 0
    booked: int = 0
    parked: int = 0
    silent: int = 0
    wrong: int = 0


def ask(begin: Begin, ask_bank: Question, *, clock: Callable[[], datetime]) -> Round:
    """One round: every order that is due is asked about once. A bank that is silent is asked again when it is due."""
    came = Round()
    with begin() as db:
        chosen = queries.choose(db, now=clock())
    for order in chosen:
        came.asked += 1
        try:
            told = ask_bank(order.reference)
        except (BankSilent, OSError) as silence:
            _logger.warning("the bank gave no answer about %s: %s", order.reference, silence)
            came.silent += 1
            continue
        try:
            with begin() as db:
                receipts = queries.hear(db, order.reference, told, now=clock())
        except WrongAnswer as wrong:
            with begin() as db:
                queries.note_wrong(db, wrong, now=clock())
            came.wrong += 1
            continue
        came.booked += sum(each.status == "booked" for each in receipts)
        came.parked += sum(each.status == "parked" for each in receipts)
    return came


@contextmanager
def asking(begin: Begin, ask_bank: Question, *, clock: Callable[[], datetime], every: timedelta) -> Iterator[None]:
    """`ask`, again and again in a thread while the block runs. A failure is logged and loses nothing: what was not
    answered is due again."""
    stop = Event()

    def go_on() -> None:
        while not stop.is_set():
            try:
                ask(begin, ask_bank, clock=clock)
            except Exception:
                _logger.exception("the bank is asked again in %s", every)
            stop.wait(every.total_seconds())

    thread = Thread(target=go_on, name="bank-questions")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
