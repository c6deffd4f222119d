"""Asking the bank: what its notice, its statement and its answer say is booked once, in whichever order they come."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select

from escrow import bank_questions
from escrow.access.tables import audit_entry
from escrow.bank.port import BankSilent, ReceivedPayment
from escrow.bank.sandbox import Dials, Fault, Received, SandboxBank
from escrow.db import transaction
from escrow.enrolment import notifications, orders, payments, queries
from escrow.enrolment.orders import VALID_FOR, Order
from escrow.enrolment.queries import FIRST_AFTER, UNTIL, is_due
from escrow.settlement import reconciling, statements
from qrpay.webhooks import KeyRing, verify
from tests.escrow.county import BUREAU, ORDERED, balances, breaches, family, order, school, signed

ACCOUNT = "6200000001"
PAID = ORDERED + timedelta(minutes=5)


@dataclass(kw_only=True)
class Day:
    """One order, placed at noon and paid five minutes later, and the bank that knows it."""

    engine: Engine
    bank: SandboxBank
    order: Order
    at: datetime = ORDERED

    @property
    def begin(self) -> AbstractContextManager[Connection]:
        return transaction(self.engine)

    def ask(self, bank: SandboxBank | None = None) -> bank_questions.Round:
        return bank_questions.ask(
            partial(transaction, self.engine), (bank or self.bank).payment_status, clock=lambda: self.at
        )

    def notice(self) -> None:
        keys = KeyRing((self.bank.public_key(not_before=ORDERED - timedelta(days=1)),))
        for told in self.bank.resend_all(self.at) or self.bank.due(self.at):
            with self.begin as db:
                notifications.hear(db, verify(told.headers, told.body, keys=keys, now=self.at), now=self.at)

    def statement(self) -> None:
        day = PAID.date()
        data = self.bank.statement(ACCOUNT, begins=day, ends=day, format="camt.053")
        with self.begin as db:
            statements.import_file(db, data, filename="s.xml", account=ACCOUNT, by=BUREAU, now=self.at)
            reconciling.reconcile(db, ACCOUNT, by=BUREAU, now=self.at)

    def query(self) -> None:
        self.ask()

    def state(self) -> str:
        with self.begin as db:
            return orders.get(db, self.order.reference).state


@pytest.fixture
def day(engine: Engine, tmp_path: Path) -> Iterator[Day]:
    with transaction(engine) as db:
        placed = order(db, signed(db, school(db), family(db)))
    with SandboxBank.open(tmp_path / "bank.db", key=SandboxBank.new_key("bank-1")) as bank:
        bank.open_account(ACCOUNT, "明日美术")
        yield Day(engine=engine, bank=bank, order=placed)


def pays(day: Day, bank: SandboxBank | None = None, *, at: datetime = PAID, fault: Fault | None = None) -> None:
    (bank or day.bank).pay(
        account=ACCOUNT,
        amount_minor=day.order.amount,
        payer="王芳1",
        payer_account="6222000000000001",
        remark=f"{day.order.reference} 学费",
        reference=day.order.reference,
        at=at,
        fault=fault,
    )


@pytest.mark.parametrize("words", list(permutations(["notice", "statement", "query"])), ids=" ".join)
def test_notice_statement_and_answer_book_one_payment_in_all_six_orders(day: Day, words: tuple[str, ...]) -> None:
    pays(day)
    day.at = ORDERED + FIRST_AFTER
    for word in words:
        getattr(day, word)()
        assert day.state() == "paid"
    with day.begin as db:
        assert balances(db) == {f"bank/{ACCOUNT}": 100000, f"contract/{day.order.contract_id}/prepaid": 100000}
        assert breaches(db) == []


def test_a_lost_notice_is_asked_for_before_the_order_expires(day: Day) -> None:
    pays(day, fault=Fault(drop=True))
    day.at = ORDERED + FIRST_AFTER - timedelta(seconds=1)
    assert day.ask().asked == 0
    day.at = ORDERED + FIRST_AFTER
    assert (day.ask().booked, day.state()) == (1, "paid")
    assert day.ask().asked == 0
    with day.begin as db:
        (found,) = payments.of_contract(db, [day.order.contract_id])
        assert found.source == "query"


@pytest.mark.parametrize(
    ("paid_after", "came"),
    [(timedelta(minutes=1), (1, 0, "paid")), (VALID_FOR + timedelta(minutes=1), (0, 1, "open"))],
    ids=["paid in time", "paid too late"],
)
def test_an_expired_order_is_asked_about_for_four_days(
    day: Day, paid_after: timedelta, came: tuple[int, int, str]
) -> None:
    pays(day, at=ORDERED + paid_after, fault=Fault(drop=True))
    day.at = ORDERED + VALID_FOR + timedelta(hours=72)
    asked = day.ask()
    assert (asked.booked, asked.parked, day.state()) == came


def test_after_that_and_for_paid_or_cancelled_orders_nobody_is_asked(day: Day) -> None:
    day.at = day.order.expires_at + UNTIL
    assert day.ask().asked == 0
    with day.begin as db:
        orders.cancel(db, day.order.reference, by=BUREAU, now=PAID)
    day.at = ORDERED + timedelta(hours=1)
    assert day.ask().asked == 0


def test_each_wait_is_as_long_as_all_before_it(day: Day) -> None:
    asked: list[int] = []
    at = ORDERED
    while at < ORDERED + timedelta(hours=12):
        at += timedelta(minutes=1)
        standing = replace(day.order, asked_at=ORDERED + timedelta(minutes=asked[-1]) if asked else None)
        if is_due(standing, at):
            asked.append((at - ORDERED) // timedelta(minutes=1))
    assert asked == [10, 20, 40, 80, 160, 320, 640]


def test_a_silent_bank_is_asked_again_and_an_answer_twice_counts_once(day: Day, tmp_path: Path) -> None:
    silent = replace(day.bank, dials=Dials(queries={day.order.reference: "silent"}))
    doubled = replace(day.bank, dials=Dials(queries={day.order.reference: "twice"}))
    pays(day, fault=Fault(drop=True))
    day.at = ORDERED + FIRST_AFTER
    assert day.ask(silent).silent == 1
    day.at = ORDERED + 2 * FIRST_AFTER
    came = day.ask(doubled)
    assert (came.booked, came.silent, day.state()) == (1, 0, "paid")
    with day.begin as db:
        assert (balances(db)[f"bank/{ACCOUNT}"], breaches(db)) == (100000, [])


@pytest.mark.parametrize("how", ["currency", "reference", "nothing"])
def test_an_answer_that_cannot_be_is_not_booked_and_stands_on_the_trail(day: Day, how: str) -> None:
    pays(day, fault=Fault(drop=True))
    day.at = ORDERED + FIRST_AFTER
    came = day.ask(replace(day.bank, dials=Dials(queries={day.order.reference: how})))  # type: ignore[dict-item]  # as the dials say
    assert (came.wrong, came.booked, day.state()) == (1, 0, "open")
    with day.begin as db:
        assert balances(db) == {}
        query = select(audit_entry.c.subject).where(audit_entry.c.what == "order.answered_wrongly")
        assert db.execute(query).scalars().all() == [f"order:{day.order.reference}"]


def test_an_answer_with_another_amount_than_the_notice_is_a_conflict_and_moves_nothing(day: Day) -> None:
    pays(day)
    day.at = ORDERED + FIRST_AFTER
    with day.begin as db:
        (told,) = day.bank.payment_status(day.order.reference)
        queries.hear(db, day.order.reference, [told], now=day.at)
        (receipt,) = queries.hear(
            db, day.order.reference, [replace(told, amount_minor=told.amount_minor + 1)], now=day.at
        )
        assert receipt.status == "conflicting"
        assert balances(db)[f"bank/{ACCOUNT}"] == 100000


def test_a_bank_that_cannot_be_reached_stops_no_other_question(day: Day) -> None:
    with day.begin as db:
        second = order(db, signed(db, school(db, 2), family(db, 2)))
    asked: list[str] = []

    def answer(reference: str) -> Sequence[ReceivedPayment]:
        asked.append(reference)
        raise BankSilent("no route") if len(asked) == 1 else TimeoutError

    day.at = ORDERED + FIRST_AFTER
    came = bank_questions.ask(partial(transaction, day.engine), answer, clock=lambda: day.at)
    assert (came.asked, came.silent) == (2, 2)
    assert asked == [day.order.reference, second.reference]


def test_two_instances_at_once_ask_once_and_book_once(postgres_engine: Engine) -> None:
    with transaction(postgres_engine) as db:
        of = school(db)
        placed = [order(db, signed(db, of, family(db, number))) for number in range(1, 21)]
    asked: list[str] = []

    def answer(reference: str) -> Sequence[Received]:
        asked.append(reference)
        return [
            Received(
                serial=f"S{reference}",
                account=ACCOUNT,
                amount_minor=100000,
                currency="CNY",
                reference=reference,
                remark="",
                payer="王芳",
                payer_account="6222",
                paid_at=PAID,
            )
        ]

    def instance(_: int) -> int:
        return bank_questions.ask(
            partial(transaction, postgres_engine), answer, clock=lambda: ORDERED + FIRST_AFTER
        ).booked

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(instance, range(4))) == 20
    assert sorted(asked) == sorted(each.reference for each in placed)
    with transaction(postgres_engine) as db:
        assert balances(db)[f"bank/{ACCOUNT}"] == 2_000_000
        assert breaches(db) == []
