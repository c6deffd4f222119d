"""Many at once on PostgreSQL: what commits in another order than it began is rolled once, and never missed."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

import pytest
from sqlalchemy import Connection, Engine, text

from escrow.db import open_engine, snapshot, transaction
from ledger.accounts import open_accounts
from ledger.balances import balance, trial_balance
from ledger.entries import Limits, NewAccount
from ledger.movements import movements_are_the_sums_of_transfers, roll
from ledger.posting import post_all
from tests.ledger.books import BANK, DAY, NOW, PAYMENT, opened, payments


@pytest.fixture
def books(postgres_url: str) -> Iterator[Engine]:
    """The usual accounts, and two more that other transactions do not lock."""
    engine = open_engine(postgres_url)
    with transaction(engine) as db:
        opened(db)
        open_accounts(db, [NewAccount(path="bank/7", kind="asset"), NewAccount(path="c/7", kind="liability")])
    yield engine
    engine.dispose()


def _rolled(engine: Engine, *, at_once: int = 1_000) -> int:
    with transaction(engine) as db:
        return roll(db, at_once=at_once)


def _held(db: Connection, path: str) -> int:
    found = balance(db, path, as_of=NOW + DAY)
    assert found is not None
    return found.amount


def _wrong(engine: Engine) -> list[str]:
    with snapshot(engine) as db:
        return [str(each) for each in movements_are_the_sums_of_transfers(db)]


def test_what_commits_late_is_rolled_when_it_has_and_counts_at_once(books: Engine) -> None:
    quick = replace(PAYMENT, reference="quick", debit="bank/7", credit="c/7")
    with books.connect() as early:
        open_accounts(early, [NewAccount(path="begun", kind="asset")])  # begun first …
        with transaction(books) as db:
            post_all(db, [quick], now=NOW)
        assert _rolled(books) == 0, "the one that began first may still write before it"
        with transaction(books) as db:
            assert _held(db, "bank/7") == 300_000
        post_all(early, [PAYMENT], now=NOW)  # … but numbered second
        early.commit()
    with books.connect() as undone:
        post_all(undone, [replace(PAYMENT, reference="undone")], now=NOW)
        undone.rollback()
    with transaction(books) as db:
        post_all(db, list(payments(1)), now=NOW)
    assert _rolled(books) == 3
    assert _wrong(books) == []
    with transaction(books) as db:
        assert _held(db, BANK) == 300_100


def test_of_two_that_roll_at_once_the_second_waits_and_takes_what_is_left(books: Engine) -> None:
    with transaction(books) as db:
        post_all(db, list(payments(5)), now=NOW)
    assert _rolled(books, at_once=1) == 1
    with books.connect() as first, ThreadPoolExecutor(1) as threads:
        assert roll(first, at_once=3) == 3
        second = threads.submit(_rolled, books)
        _until_waiting(books)
        first.commit()
        assert second.result() == 1
    assert _wrong(books) == []


def test_the_first_two_ever_to_roll_do_so_one_after_the_other(books: Engine) -> None:
    with transaction(books) as db:
        post_all(db, list(payments(5)), now=NOW)
    with books.connect() as first, ThreadPoolExecutor(1) as threads:
        assert roll(first, at_once=3) == 3
        second = threads.submit(_rolled, books)
        _until_waiting(books)
        first.commit()
        assert second.result() == 2
    assert _wrong(books) == []


def _until_waiting(engine: Engine) -> None:
    deadline = time.monotonic() + 30
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while True:
        with engine.connect() as db:
            if db.scalar(text(query)):
                return
        assert time.monotonic() < deadline, "nobody waits: the race that this test is about did not happen"
        time.sleep(0.005)


def test_while_many_post_roll_and_read_every_look_is_whole_and_nothing_is_lost_in_the_end(books: Engine) -> None:
    with transaction(books) as db:
        free = Limits(floor=None, overdraft="a test of sums")
        open_accounts(db, [NewAccount(path=f"x/{each}", kind="asset", limits=free) for each in range(8)], now=NOW)

    def posting(number: int) -> int:
        chance = random.Random(number)  # noqa: S311  who meets whom; nothing secret
        posted = 0
        for turn in range(15):
            debit, credit = chance.sample(range(8), 2)
            each = replace(
                PAYMENT,
                debit=f"x/{debit}",
                credit=f"x/{credit}",
                amount=1,
                reference=f"{number}-{turn}",
                effective=NOW + chance.randint(-40, 40) * DAY,
            )
            with books.connect() as db:
                post_all(db, [each], now=NOW + turn * DAY)
                time.sleep(chance.random() / 200)  # so that they end in another order than they began
                if chance.random() < 0.3:
                    db.rollback()
                else:
                    db.commit()
                    posted += 1
        return posted

    def looking() -> bool:
        with transaction(books) as db:
            lines = trial_balance(db, as_of=NOW, prefix="x/")
            return sum(each.debits for each in lines) == sum(each.credits for each in lines)

    with ThreadPoolExecutor(8) as threads:
        posters = [threads.submit(posting, number) for number in range(4)]
        while wait(posters, timeout=0).not_done:
            rollers = [threads.submit(_rolled, books, at_once=3) for _ in range(2)]
            looks = [threads.submit(looking) for _ in range(2)]
            assert all(each.result() <= 3 for each in rollers)
            assert all(each.result() for each in looks)
        posted = sum(each.result() for each in posters)
    while _rolled(books, at_once=7):
        pass
    assert _wrong(books) == []
    with transaction(books) as db:
        assert sum(each.debits for each in trial_balance(db)) == posted
        kept = text("SELECT sum(debits), sum(credits) FROM ledger_movement WHERE grain = 'month'")
        assert tuple(db.execute(kept).one()) == (posted, posted)


def test_books_that_were_copied_to_another_cluster_stay_right_and_are_rolled_anew(books: Engine) -> None:
    with transaction(books) as db:
        post_all(db, list(payments(5)), now=NOW)
    assert _rolled(books) == 5
    with transaction(books) as db:
        db.execute(text("UPDATE ledger_rolled SET xact = xact + 1000000000"))  # as counted by the cluster they are from
        post_all(db, list(payments(2, prefix="there")), now=NOW)
        assert _held(db, BANK) == 700
    assert _rolled(books) == 7
    assert _wrong(books) == []
    with transaction(books) as db:
        assert _held(db, BANK) == 700
