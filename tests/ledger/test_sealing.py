"""Sealing on both databases: each committed transfer in exactly one block, whatever finishes when."""

import json
import logging
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Event
from typing import Final

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from escrow.db import open_engine, snapshot, transaction
from ledger import blocks
from ledger.accounts import open_accounts
from ledger.background import in_background, keep_up
from ledger.blocks import Block
from ledger.blocks_audit import blocks_are_unbroken
from ledger.entries import NewAccount
from ledger.leaves import BEFORE_ALL, leaves
from ledger.periods import close_until
from ledger.posting import post_all
from ledger.reading import transfers
from ledger.sealing import CounterBehind, Signer, seal
from tests.ledger.books import BANK, DAY, LESSON, NOW, PAYMENT, PREPAID, RELEASE, SETTLED, opened, payments

SIGNER: Final = Signer(seed=bytes(range(32)))
FOR_EVER: Final = (2**63 - 1, 2**63 - 1)
THREADS: Final = 8
ROUNDS: Final = 12


def sealed(db: Connection, *, at_once: int = 8_192) -> list[Block]:
    """Seal until nothing is left."""
    made = []
    while (block := seal(db, signer=SIGNER, now=NOW, at_once=at_once)) is not None:
        made.append(block)
    return made


def breaches(db: Connection) -> list[str]:
    return [str(each) for each in blocks_are_unbroken(db, [SIGNER.public_key])]


def _sealed_ids(db: Connection) -> list[int]:
    return [number for _, column in blocks.all_blocks(db) for number, _ in blocks.entries(column)]


@pytest.fixture
def books(engine: Engine) -> Engine:
    """The usual accounts in a database of the test's own, committed."""
    with transaction(engine) as db:
        opened(db)
    return engine


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """Here transfers are committed, unlike in the other tests of the ledger: only then they can be sealed."""
    url: str = request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param])
    return url


@pytest.fixture
def on_postgres(postgres_url: str) -> Iterator[Engine]:
    engine = open_engine(postgres_url)
    with transaction(engine) as db:
        opened(db)
        open_accounts(db, [NewAccount(path=f"bank/{each}", kind="asset") for each in range(THREADS)])
        open_accounts(db, [NewAccount(path=f"c/{each}", kind="liability") for each in range(THREADS)])
    yield engine
    engine.dispose()


def test_nothing_is_sealed_where_nothing_was_committed(books: Engine) -> None:
    with transaction(books) as db:
        assert sealed(db) == []
        assert blocks.head(db) is None
        assert breaches(db) == []


def test_blocks_follow_one_another_and_hold_every_transfer_once_in_commit_order(books: Engine) -> None:
    with transaction(books) as db:
        post_all(db, list(payments(10)), now=NOW)
    with transaction(books) as db:
        made = sealed(db, at_once=4)
    with transaction(books) as db:
        post_all(db, list(payments(3, prefix="later")), now=NOW)
    with transaction(books) as db:
        made += sealed(db, at_once=4)
        headers = [each.header for each in made]
        assert [each.number for each in headers] == [1, 2, 3, 4]
        assert [each.transfers for each in headers] == [4, 4, 2, 3]
        assert [each.total for each in headers] == [4, 8, 10, 13]
        assert [each.previous for each in headers] == [bytes(32), *(each.hash for each in made[:-1])]
        assert _sealed_ids(db) == [each.id for each in transfers(db).transfers]
        assert blocks.head(db) == made[-1]
        assert breaches(db) == []


def test_the_end_of_a_block_is_where_a_reader_of_transfers_goes_on(books: Engine) -> None:
    with transaction(books) as db:
        post_all(db, list(payments(5)), now=NOW)
    with transaction(books) as db:
        first = seal(db, signer=SIGNER, now=NOW, at_once=3)
        assert first is not None
        rest = transfers(db, after=first.header.content["end"]).transfers
    assert [each.reference for each in rest] == ["many-3", "many-4"]


def test_a_leaf_is_canonical_json_of_all_that_the_books_say(books: Engine) -> None:
    odd = replace(PAYMENT, kind='"学\\费"', reference="pay-\n\x7fé", effective=NOW - DAY)
    held = replace(RELEASE, amount=200, expires=NOW + 2 * DAY, on_expiry="settle")
    fixed = replace(PAYMENT, debit=PREPAID, credit=BANK, amount=5, reference="fix", corrects="pay-\n\x7fé")
    with transaction(books) as db:
        post_all(db, [odd, LESSON], now=NOW)
        post_all(db, [held], now=NOW + timedelta(microseconds=1), caller_key="key ✓")
        close_until(db, NOW + DAY, why="month end", now=NOW + DAY)
        post_all(db, [replace(SETTLED, amount=7, effective=NOW + DAY), fixed], now=NOW + DAY)
        found = list(leaves(db, after=BEFORE_ALL, until=FOR_EVER, page=2))
    bank = {"currency": "CNY", "kind": "asset", "path": "bank/6200"}
    prepaid = {"currency": "CNY", "kind": "liability", "path": "contract/1/prepaid"}
    earned = {"currency": "CNY", "kind": "liability", "path": "institution/1/earned"}
    first, next_day = "2026-08-03T04:00:00.000000Z", "2026-08-04T04:00:00.000000Z"
    now = {"caller_key": "", "effective": first, "recorded": first, "phase": "posted"}
    then = now | {"effective": next_day, "recorded": next_day}
    paid = {"debit": bank, "credit": prepaid, "amount": 300_000, "kind": '"学\\费"', "reference": "pay-\n\x7fé"}
    lesson = {"debit": prepaid, "credit": earned, "amount": 10_000, "kind": "lesson", "reference": "lesson-1"}
    release = {"debit": earned, "credit": bank, "amount": 200, "kind": "release", "reference": "release-1"}
    hold = {"phase": "pending", "expires": "2026-08-05T04:00:00.000000Z", "on_expiry": "settle"}
    ended = {"amount": 7, "kind": "paid out", "phase": "settled", "reference": "paid-1", "resolves": "release-1"}
    correction = {"debit": prepaid, "credit": bank, "amount": 5, "kind": "payment", "reference": "fix"}
    wanted: list[dict[str, object]] = [
        now | paid | {"effective": "2026-08-02T04:00:00.000000Z"},
        now | lesson,
        now | release | hold | {"caller_key": "key ✓", "recorded": "2026-08-03T04:00:00.000001Z"},
        then | release | ended,
        then | correction | {"corrects": "pay-\n\x7fé", "occurred": first},
    ]
    assert [json.loads(each.text) for each in found] == [
        each | {"id": leaf.id} for each, leaf in zip(wanted, found, strict=True)
    ]
    for each in found:
        assert each.text == json.dumps(json.loads(each.text), sort_keys=True, separators=(",", ":"))


def test_what_is_rolled_back_leaves_a_gap_in_the_numbers_and_none_in_the_blocks(books: Engine) -> None:
    for number in range(6):
        with suppress(ZeroDivisionError), transaction(books) as db:
            post_all(db, list(payments(2, prefix=f"r{number}")), now=NOW)
            assert number % 2 == 0 or 1 // 0
    with transaction(books) as db:
        made = sealed(db)
        assert [each.header.total for each in made] == [6]
        assert breaches(db) == []


def test_nobody_changes_or_deletes_a_block(books: Engine) -> None:
    with transaction(books) as db:
        post_all(db, [PAYMENT], now=NOW)
    with transaction(books) as db:
        sealed(db)
        attempts = ["UPDATE ledger_block SET sealed_at = sealed_at", "DELETE FROM ledger_block"]
        sqlite = db.dialect.name == "sqlite"
        attempts.append("REPLACE INTO ledger_block SELECT * FROM ledger_block" if sqlite else "TRUNCATE ledger_block")
        for attempt in attempts:
            with pytest.raises(DBAPIError, match="append-only"), db.begin_nested():
                db.execute(text(attempt))


def test_of_two_who_seal_at_once_the_second_loses_politely(on_postgres: Engine) -> None:
    with transaction(on_postgres) as db:
        post_all(db, list(payments(5)), now=NOW)
    with ThreadPoolExecutor(1) as thread, transaction(on_postgres) as first:
        assert seal(first, signer=SIGNER, now=NOW) is not None
        second = thread.submit(_seal_once, on_postgres)
        with pytest.raises(TimeoutError):
            second.result(timeout=0.3)  # it waits to see what becomes of the first
        first.commit()
        assert second.result() is None
    with transaction(on_postgres) as db:
        assert len(list(blocks.all_blocks(db))) == 1
        assert breaches(db) == []


def test_when_the_first_of_two_is_rolled_back_the_second_seals(on_postgres: Engine) -> None:
    with transaction(on_postgres) as db:
        post_all(db, list(payments(5)), now=NOW)
    with ThreadPoolExecutor(1) as thread, on_postgres.connect() as first:
        seal(first, signer=SIGNER, now=NOW)
        second = thread.submit(_seal_once, on_postgres)
        first.rollback()
        assert second.result() is not None
    with transaction(on_postgres) as db:
        assert breaches(db) == []


def test_what_a_running_transaction_may_yet_write_before_is_waited_for(on_postgres: Engine) -> None:
    other = replace(PAYMENT, debit="bank/1", credit="c/1", reference="quick")
    with on_postgres.connect() as slow:
        post_all(slow, [replace(PAYMENT, reference="slow")], now=NOW)
        with transaction(on_postgres) as db:
            post_all(db, [other], now=NOW)
        with transaction(on_postgres) as db:
            assert sealed(db) == [], "the one that is committed comes after the one that is not"
        slow.commit()
    with transaction(on_postgres) as db:
        assert [each.header.transfers for each in sealed(db)] == [2]
        assert [each.reference for each in transfers(db).transfers] == ["slow", "quick"]
        assert breaches(db) == []


def test_a_transaction_that_began_first_and_numbers_its_transfers_last_is_waited_for_too(on_postgres: Engine) -> None:
    other = replace(PAYMENT, debit="bank/1", credit="c/1", reference="quick")
    with on_postgres.connect() as early:
        open_accounts(early, [NewAccount(path="begun", kind="asset")])
        with transaction(on_postgres) as db:
            post_all(db, [other], now=NOW)
        with transaction(on_postgres) as db:
            assert sealed(db) == []
        post_all(early, [PAYMENT], now=NOW)
        early.commit()
    with transaction(on_postgres) as db:
        sealed(db)
        assert _sealed_ids(db) == [each.id for each in transfers(db).transfers]
        assert breaches(db) == []


def test_every_committed_transfer_is_in_exactly_one_block_whoever_posts_and_rolls_back_meanwhile(
    on_postgres: Engine,
) -> None:
    """Posters who commit out of order or not at all, and two sealers, all at once."""
    done = Event()

    def poster(number: int) -> list[str]:
        chance, kept = random.Random(number), []  # noqa: S311  when to roll back; nothing secret
        for turn in range(ROUNDS):
            each = replace(PAYMENT, debit=f"bank/{number}", credit=f"c/{number}", reference=f"{number}-{turn}")
            with on_postgres.connect() as db:
                post_all(db, [each, replace(each, reference=f"{number}-{turn}-b")], now=NOW)
                done.wait(chance.random() / 50)  # so that others, begun later, finish earlier
                if chance.random() < 1 / 3:
                    db.rollback()
                else:
                    db.commit()
                    kept += [f"{number}-{turn}", f"{number}-{turn}-b"]
        return kept

    def sealer() -> int:
        made = 0
        while not done.is_set():
            made += _seal_once(on_postgres, at_once=7) is not None
        return made

    with ThreadPoolExecutor(THREADS + 2) as threads:
        sealers = [threads.submit(sealer) for _ in range(2)]
        posters = [threads.submit(poster, number) for number in range(THREADS)]
        try:
            kept = [reference for each in posters for reference in each.result()]
        finally:
            done.set()
        assert sum(each.result() for each in sealers) > 3, "the sealers met nothing"
    with transaction(on_postgres) as db:
        sealed(db)
        page = transfers(db, limit=1_000).transfers
        assert sorted(each.reference for each in page) == sorted(kept)
        assert 0 < len(kept) < THREADS * ROUNDS * 2, "some were to be rolled back, and some not"
        assert _sealed_ids(db) == [each.id for each in page]
        assert breaches(db) == []


def test_books_from_a_cluster_that_had_counted_further_are_not_sealed_and_the_remedy_is_named(
    on_postgres: Engine,
) -> None:
    with transaction(on_postgres) as db:
        post_all(db, [PAYMENT], now=NOW)
    with transaction(on_postgres) as db:
        (block,) = sealed(db)
        elsewhere = replace(block.header, number=2, previous=block.hash, end=((5 << 32) + 77, 1))
        blocks.add(db, replace(block, header=elsewhere), blocks.as_leaves([(1, block.hash)]))
    wanted = "transaction 21474836557, .* pg_resetwal --epoch=5 --next-transaction-id=1048576 "
    with transaction(on_postgres) as db, pytest.raises(CounterBehind, match=wanted):
        seal(db, signer=SIGNER, now=NOW)


def test_the_thread_seals_what_comes_and_stops_when_it_is_told(books: Engine) -> None:
    seen = Event()

    def chore(db: Connection) -> Block | None:
        block = seal(db, signer=SIGNER, now=NOW, at_once=2)
        if block is None and blocks.head(db) is not None:
            seen.set()
        return block

    with in_background(partial(transaction, books), [chore], every=timedelta(milliseconds=20)):
        with transaction(books) as db:
            post_all(db, list(payments(5)), now=NOW)
        assert seen.wait(30)
    with snapshot(books) as db:
        assert [each.header.transfers for each, _ in blocks.all_blocks(db)][-1:] == [1]
        assert breaches(db) == []
    with transaction(books) as db:
        post_all(db, list(payments(1, prefix="after")), now=NOW)
        assert len(_sealed_ids(db)) == 5, "it has stopped"


def test_a_chore_that_fails_is_logged_tried_again_and_keeps_no_other_back(
    books: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    stop, turns = Event(), []

    def failing(_: Connection) -> None:
        turns.append("failing")
        if len(turns) > 3:
            stop.set()
        raise ValueError("the disk is full")

    def other(_: Connection) -> None:
        turns.append("other")

    with caplog.at_level(logging.ERROR):
        keep_up(partial(transaction, books), [failing, other], every=timedelta(0), stop=stop)
    assert turns == ["failing", "other", "failing", "other", "failing"]
    assert "the disk is full" in caplog.text


def _seal_once(engine: Engine, at_once: int = 8_192) -> Block | None:
    with transaction(engine) as db:
        return seal(db, signer=SIGNER, now=NOW, at_once=at_once)
