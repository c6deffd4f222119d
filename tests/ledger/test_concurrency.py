"""Many at once on PostgreSQL: no deadlock, no overdraft, no lost update, one transfer for one reference."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from threading import Barrier
from typing import Final

import pytest
from psycopg.errors import DeadlockDetected
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from escrow.db import open_engine, transaction
from ledger.accounts import close, find, open_accounts
from ledger.audit import audit
from ledger.entries import LedgerRefusal, NewAccount, Request, Result, Transfer
from ledger.posting import post, post_all
from ledger.reading import all_transfers
from ledger.splitting import Split, split
from tests.ledger.books import BANK, EARNED, LESSON, NOW, OTHER, PAYMENT, PREPAID, RELEASE, SETTLED, opened

THREADS: Final = 32
ROUNDS: Final = 6
BATCH: Final = 3
CONTRACTS: Final = tuple(f"contract/{number}/prepaid" for number in range(10, 20))
PAID: Final = 500
"""In each of the ten contracts; transfers of up to 300 between them meet an empty account often."""


@pytest.fixture
def books(postgres_url: str) -> Iterator[Engine]:
    """The usual accounts; a payment, a lesson, and a release of all that was earned on hold."""
    engine = open_engine(postgres_url)
    with transaction(engine) as db:
        opened(db)
        post_all(db, [PAYMENT, LESSON, RELEASE], now=NOW)
    yield engine
    engine.dispose()


def _at_once(engine: Engine, asked: Sequence[Request]) -> list[Result]:
    """What each request is answered when all are posted together, every one in its own transaction."""
    begin = Barrier(len(asked))

    def one(request: Request) -> Result:
        with transaction(engine) as db:
            begin.wait()  # connected already, so that they really meet
            return post(db, [request], now=NOW)[0]

    with ThreadPoolExecutor(len(asked)) as threads:
        return list(threads.map(one, asked))


def _statuses(results: Sequence[Result]) -> Counter[str]:
    return Counter(each.status for each in results)


def _waiting(engine: Engine) -> int:
    """How many sessions of this database wait for a lock just now."""
    with engine.connect() as db:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return db.scalar(text(query)) or 0


def _until_waiting(engine: Engine) -> None:
    deadline = time.monotonic() + 30
    while _waiting(engine) == 0:
        assert time.monotonic() < deadline, "nobody waits: the race that this test is about did not happen"
        time.sleep(0.005)


@dataclass(kw_only=True)
class Storm:
    """What came of many threads that posted batches between the same ten accounts."""

    done: list[tuple[Transfer, Result]]
    deadlocks: int
    waits: int
    """How many sessions waited for a lock at the worst moment that was seen."""


def _as_posted(db: Connection, batch: Sequence[Transfer]) -> None:
    """Nothing before the posting, which locks what it needs in its own order."""


def _in_the_callers_order(db: Connection, batch: Sequence[Transfer]) -> None:
    """Lock the accounts one after another as the batch names them, as it would be done without a thought."""
    db.execute(text("SET LOCAL deadlock_timeout = '20ms'"))  # so that PostgreSQL looks for them at once
    for path in (path for each in batch for path in (each.debit, each.credit)):
        db.execute(text("SELECT 1 FROM ledger_account WHERE path = :path FOR NO KEY UPDATE"), {"path": path})


def _storm(books: Engine, lock: Callable[[Connection, Sequence[Transfer]], None]) -> Storm:
    """Random batches of 32 threads between ten accounts, each in a transaction that begins with `lock`."""
    with transaction(books) as db:
        open_accounts(db, [NewAccount(path=each, kind="liability") for each in CONTRACTS])
        paid = [replace(PAYMENT, credit=each, amount=PAID, reference=f"pay {each}") for each in CONTRACTS]
        post_all(db, paid, now=NOW)
    storm = Storm(done=[], deadlocks=0, waits=0)
    begin = Barrier(THREADS)

    def worker(number: int) -> tuple[list[tuple[Transfer, Result]], int]:
        chance = random.Random(number)  # noqa: S311  which accounts meet; nothing secret
        done: list[tuple[Transfer, Result]] = []
        deadlocks = 0
        begin.wait()
        for turn in range(ROUNDS):
            batch = [
                replace(
                    LESSON, debit=one, credit=other, amount=chance.randint(1, 300), reference=f"{number}-{turn}-{each}"
                )
                for each in range(BATCH)
                for one, other in [chance.sample(CONTRACTS, 2)]
            ]
            try:
                with transaction(books) as db:
                    lock(db, batch)
                    results = post(db, batch, now=NOW)
            except OperationalError as error:
                if not isinstance(error.orig, DeadlockDetected):
                    raise
                deadlocks += 1
            else:
                done += zip(batch, results, strict=True)
        return done, deadlocks

    with ThreadPoolExecutor(THREADS) as threads:
        running = [threads.submit(worker, number) for number in range(THREADS)]
        while wait(running, timeout=0.02).not_done:
            storm.waits = max(storm.waits, _waiting(books))
    for future in running:
        done, deadlocks = future.result()
        storm.done += done
        storm.deadlocks += deadlocks
    return storm


def _books_are_right(books: Engine, done: Sequence[tuple[Transfer, Result]]) -> None:
    """What the threads were told is what stands: nothing lost, nothing below zero."""
    expected = dict.fromkeys(CONTRACTS, PAID)
    for asked, result in done:
        if result.status == "created":
            expected[asked.debit] -= asked.amount
            expected[asked.credit] += asked.amount
    with transaction(books) as db:
        standing = {path: each.balance for path, each in find(db, CONTRACTS).items()}
        assert standing == expected, "an update was lost"
        assert min(standing.values()) >= 0
        assert sum(standing.values()) == PAID * len(CONTRACTS)
        assert list(audit(db)) == []


def test_opposite_transfers_of_many_threads_neither_deadlock_nor_overdraw_nor_get_lost(books: Engine) -> None:
    storm = _storm(books, _as_posted)
    assert storm.deadlocks == 0
    _books_are_right(books, storm.done)
    outcomes = Counter(result.status for _, result in storm.done)
    assert outcomes.total() == THREADS * ROUNDS * BATCH
    assert min(outcomes["created"], outcomes["refused"], storm.waits) > 0, "a race that nobody lost proves nothing"


def test_the_same_transfers_deadlock_when_accounts_are_locked_in_the_callers_order(books: Engine) -> None:
    """So the test above can fail, and what keeps it from failing is the order of the locks."""
    storm = _storm(books, _in_the_callers_order)
    assert storm.deadlocks > 0
    assert len(storm.done) == (THREADS * ROUNDS - storm.deadlocks) * BATCH
    _books_are_right(books, storm.done)


def test_one_reference_posted_by_many_threads_leaves_one_transfer(books: Engine) -> None:
    asked = replace(PAYMENT, reference="pay-2")
    results = _at_once(books, [asked] * THREADS)
    assert _statuses(results) == {"created": 1, "existed": THREADS - 1}
    with transaction(books) as db:
        assert [each.reference for each in all_transfers(db)].count("pay-2") == 1
        assert find(db, [BANK])[BANK].balance == 2 * PAYMENT.amount
        assert list(audit(db)) == []


def test_one_reference_with_other_content_in_every_thread_leaves_one_transfer_and_tells_the_others(
    books: Engine,
) -> None:
    paths = [f"contract/{number}/prepaid" for number in range(100, 100 + THREADS)]
    with transaction(books) as db:
        banks = [NewAccount(path=f"bank/{number}", kind="asset") for number in range(THREADS)]
        open_accounts(db, [*banks, *(NewAccount(path=each, kind="liability") for each in paths)])
    # No two share an account, so no lock of an account lets one wait for another.
    asked = [
        replace(PAYMENT, debit=f"bank/{number}", credit=path, reference="pay-2") for number, path in enumerate(paths)
    ]
    results = _at_once(books, asked)
    assert _statuses(results) == {"created": 1, "refused": THREADS - 1}
    assert all("other content" in each.why for each in results if each.status == "refused")
    with transaction(books) as db:
        assert sum(each.balance for each in find(db, paths).values()) == PAYMENT.amount
        assert list(audit(db)) == []


def test_who_meets_a_reference_that_is_just_being_taken_elsewhere_waits_and_keeps_the_rest_of_the_batch(
    books: Engine,
) -> None:
    taken = replace(PAYMENT, credit=OTHER, debit="bank/7", reference="pay-2")
    ours = [
        replace(LESSON, reference="lesson-2"),
        replace(LESSON, reference="pay-2"),
        replace(LESSON, reference="lesson-3"),
    ]
    with transaction(books) as db:
        open_accounts(db, [NewAccount(path="bank/7", kind="asset")])

    def late() -> list[Result]:
        with transaction(books) as db:
            return post(db, ours, now=NOW)

    with ThreadPoolExecutor(1) as threads:
        with transaction(books) as db:
            post_all(db, [taken], now=NOW)
            waiting: Future[list[Result]] = threads.submit(late)
            _until_waiting(books)
        results = waiting.result()
    assert [each.status for each in results] == ["created", "refused", "created"]
    assert "debit='bank/7'" in results[1].why
    with transaction(books) as db:
        assert find(db, [PREPAID])[PREPAID].balance == PAYMENT.amount - 3 * LESSON.amount
        assert list(audit(db)) == []


def test_the_whole_of_one_balance_asked_for_by_many_is_given_once(books: Engine) -> None:
    rest = PAYMENT.amount - LESSON.amount
    asked = [replace(LESSON, amount=rest, reference=f"refund-{number}") for number in range(THREADS)]
    results = _at_once(books, asked)
    assert _statuses(results) == {"created": 1, "refused": THREADS - 1}
    assert {each.why for each in results if each.why} == {
        f"{PREPAID} has 0 minor units available, {rest} were asked of it"
    }


def test_one_hold_ended_by_many_in_different_ways_ends_once(books: Engine) -> None:
    ends = [
        replace(SETTLED, phase="settled" if number % 2 else "voided", reference=f"end-{number}")
        for number in range(THREADS)
    ]
    results = _at_once(books, ends)
    assert _statuses(results) == {"created": 1, "refused": THREADS - 1}
    with transaction(books) as db:
        assert find(db, [EARNED])[EARNED].debits_pending == 0
        assert list(audit(db)) == []


def test_an_account_is_not_closed_while_money_is_on_its_way_into_it(books: Engine) -> None:
    def closing() -> None:
        with transaction(books) as db:
            close(db, OTHER)

    with ThreadPoolExecutor(1) as threads:
        with transaction(books) as db:
            post_all(db, [replace(PAYMENT, credit=OTHER, reference="pay-2")], now=NOW)
            waiting = threads.submit(closing)
            _until_waiting(books)
        with pytest.raises(LedgerRefusal, match="300000 minor units"):
            waiting.result()


def test_a_split_locks_its_one_account_in_the_same_order_as_its_many(books: Engine) -> None:
    parts = Split(
        debit=EARNED, credit=[PREPAID, OTHER], weights=[1, 1], amount=2, reference="back", kind="back", effective=NOW
    )

    def splitting() -> list[Result]:
        with transaction(books) as db:
            return split(db, parts, now=NOW)

    with ThreadPoolExecutor(1) as threads:
        with transaction(books) as db:
            post_all(db, [replace(PAYMENT, reference="pay-2")], now=NOW)
            waiting = threads.submit(splitting)
            _until_waiting(books)
            post_all(db, [replace(LESSON, reference="lesson-2")], now=NOW)
        assert [each.status for each in waiting.result()] == ["created", "created"]
