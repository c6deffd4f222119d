"""Group commit on both databases: one transaction for many, and each hears its own answer once it is committed."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from escrow.db import snapshot, transaction
from ledger.audit import audit
from ledger.entries import Request, Result
from ledger.group_commit import MOST, GroupCommit
from ledger.posting import post_all
from ledger.reading import all_transfers, by_reference
from tests.ledger.books import BANK, EARNED, HOUR, LESSON, NOW, PAYMENT, PREPAID, balances, opened, payments


@dataclass
class Gate:
    """Transactions that wait to begin while it is shut, counted; so that what is submitted meanwhile comes together."""

    engine: Engine
    open: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)
    begun: int = 0

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        self.begun += 1
        self.arrived.set()
        assert self.open.wait(30)
        with transaction(self.engine) as db:
            yield db


@pytest.fixture
def books(own: Engine) -> Engine:
    with transaction(own) as db:
        opened(db)
        post_all(db, [PAYMENT], now=NOW)
    return own


def _kept(engine: Engine) -> list[str]:
    with snapshot(engine) as db:
        assert list(audit(db)) == []
        return [each.reference for each in all_transfers(db)][1:]


def _begin(engine: Engine) -> Callable[[], AbstractContextManager[Connection]]:
    return partial(transaction, engine)


def test_an_answer_comes_only_when_what_it_says_is_committed(books: Engine) -> None:
    finished: list[bool] = []

    @contextmanager
    def slowly() -> Iterator[Connection]:
        with transaction(books) as db:
            yield db
            finished.append(future.done())

    with GroupCommit(slowly) as group:
        future: Future[Result] = group.submit(LESSON, now=NOW)
        assert future.result(30).status == "created"
        assert _kept(books) == ["lesson-1"]
    assert finished == [False]


def test_what_comes_while_one_is_written_shares_the_next_transaction(books: Engine) -> None:
    gate = Gate(books)
    with GroupCommit(gate.transaction) as group:
        first = group.submit(LESSON, now=NOW)
        assert gate.arrived.wait(30)
        rest = [group.submit(each, now=NOW, caller_key=each.reference) for each in payments(50)]
        gate.open.set()
        assert {each.result(30).status for each in (first, *rest)} == {"created"}
    assert gate.begun == 2
    with snapshot(books) as db:
        kept = list(all_transfers(db))[2:]
    assert [each.caller_key for each in kept] == [f"many-{number}" for number in range(50)]


def test_no_transaction_takes_more_than_the_most(books: Engine) -> None:
    gate = Gate(books)
    with GroupCommit(gate.transaction) as group:
        group.submit(LESSON, now=NOW)
        assert gate.arrived.wait(30)
        rest = [group.submit(each, now=NOW) for each in payments(MOST + 1)]
        gate.open.set()
        assert Counter(each.result(60).status for each in rest) == {"created": MOST + 1}
    assert gate.begun == 3


def test_each_hears_its_own_answer(books: Engine) -> None:
    gate = Gate(books)
    asked: list[Request] = [
        LESSON,
        replace(LESSON, amount=1),
        replace(LESSON, reference="much", amount=900_000),
        LESSON,
        replace(LESSON, reference="next", amount=5),
    ]
    with GroupCommit(gate.transaction) as group:
        answers = [group.submit(each, now=NOW) for each in asked]
        gate.open.set()
        results = [each.result(30) for each in answers]
    assert [each.status for each in results] == ["created", "refused", "refused", "existed", "created"]
    assert [each.reference for each in results] == [each.reference for each in asked]
    assert "other content" in results[1].why
    assert "900000 were asked of it" in results[2].why


def test_one_that_the_database_cannot_take_takes_no_other_with_it(books: Engine) -> None:
    gate = Gate(books)
    poisoned = replace(LESSON, reference="no zone", effective=NOW.replace(tzinfo=None))
    with GroupCommit(gate.transaction) as group:
        before = group.submit(LESSON, now=NOW)
        wrong = group.submit(poisoned, now=NOW)
        after = group.submit(replace(LESSON, reference="lesson-2"), now=NOW)
        gate.open.set()
        assert (before.result(30).status, after.result(30).status) == ("created", "created")
        with pytest.raises(Exception, match=r"no time zone|can't compare|offset-naive"):
            wrong.result(30)
        assert group.submit(replace(LESSON, reference="lesson-3"), now=NOW).result(30).status == "created"
    assert _kept(books) == ["lesson-1", "lesson-2", "lesson-3"]


def test_a_database_that_is_away_is_heard_by_each_and_the_next_goes_on(books: Engine) -> None:
    away = [True]

    @contextmanager
    def begin() -> Iterator[Connection]:
        if away[0]:
            raise OperationalError("BEGIN", None, ConnectionError("away"))
        with transaction(books) as db:
            yield db

    with GroupCommit(begin) as group:
        lost = [group.submit(each, now=NOW) for each in payments(3)]
        for each in lost:
            with pytest.raises(OperationalError, match="away"):
                each.result(30)
        away.clear()
        away.append(False)
        assert group.submit(LESSON, now=NOW).result(30).status == "created"
    assert _kept(books) == ["lesson-1"]


def test_a_commit_that_fails_is_no_answer(books: Engine) -> None:
    @contextmanager
    def begin() -> Iterator[Connection]:
        with transaction(books) as db:
            yield db
            raise OperationalError("COMMIT", None, ConnectionError("away"))

    with GroupCommit(begin) as group:
        lost = group.submit(LESSON, now=NOW)
        with pytest.raises(OperationalError, match="away"):
            lost.result(30)
    assert _kept(books) == []


def test_many_threads_are_answered_each_once_and_nothing_is_lost(books: Engine) -> None:
    threads, each_does = 16, 25
    with GroupCommit(_begin(books)) as group, ThreadPoolExecutor(threads) as pool:

        def work(number: int) -> list[str]:
            asked = [replace(LESSON, amount=1, reference=f"{number}-{each}") for each in range(each_does)]
            # Every thread also asks for what all the others ask for.
            asked[each_does // 2] = replace(LESSON, amount=1, reference="the same")
            return [group.submit(each, now=NOW).result(60).status for each in asked]

        statuses = Counter(status for done in pool.map(work, range(threads)) for status in done)
    assert statuses == {"created": threads * (each_does - 1) + 1, "existed": threads - 1}
    assert len(_kept(books)) == statuses["created"]
    with snapshot(books) as db:
        assert balances(db) == {BANK: 300_000, PREPAID: 300_000 - statuses["created"], EARNED: statuses["created"]}


def test_leaving_writes_what_was_submitted_then_nobody_may_submit(books: Engine) -> None:
    gate = Gate(books)
    gate.open.set()
    group = GroupCommit(gate.transaction)
    with pytest.raises(RuntimeError, match="submit inside the context"):
        group.submit(LESSON, now=NOW)
    with group:
        answers = [group.submit(each, now=NOW) for each in payments(200)]
    assert all(each.done() for each in answers)
    assert Counter(each.result().status for each in answers) == {"created": 200}
    with pytest.raises(RuntimeError, match="submit inside the context"):
        group.submit(LESSON, now=NOW)
    assert len(_kept(books)) == 200


def test_what_was_submitted_is_written_when_the_block_fails_too(books: Engine) -> None:
    answers: list[Future[Result]] = []

    def failing() -> None:
        with GroupCommit(_begin(books)) as group:
            answers.append(group.submit(LESSON, now=NOW))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    [answer] = answers
    assert answer.result().status == "created"
    assert not answer.cancel(), "what is on its way cannot be called back"
    assert _kept(books) == ["lesson-1"]


def test_it_is_recorded_at_the_latest_time_of_those_that_share_it(books: Engine) -> None:
    gate = Gate(books)
    with GroupCommit(gate.transaction) as group:
        group.submit(replace(LESSON, reference="first"), now=NOW)
        assert gate.arrived.wait(30)
        later = group.submit(replace(LESSON, reference="a"), now=NOW + HOUR)
        earlier = group.submit(replace(LESSON, reference="b"), now=NOW)
        gate.open.set()
        assert {later.result(30).status, earlier.result(30).status} == {"created"}
    with snapshot(books) as db:
        assert {each.recorded for each in by_reference(db, ["a", "b"]).values()} == {NOW + HOUR}
