"""Reading on both databases: pages that miss nothing."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from escrow.db import open_engine, transaction
from ledger.accounts import open_accounts
from ledger.entries import NewAccount
from ledger.posting import post_all
from ledger.reading import all_transfers, transfers
from tests.ledger.books import (
    LESSON,
    NOW,
    OTHER,
    PAYMENT,
    PREPAID,
    opened,
    payments,
)


@pytest.fixture
def books(db: Connection) -> Connection:
    opened(db)
    post_all(db, [PAYMENT], now=NOW)
    return db


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_read_one_after_another_give_every_transfer_once_in_order(sqlite_url: str, size: int) -> None:
    engine = open_engine(sqlite_url)
    with transaction(engine) as db:
        opened(db)
        post_all(db, list(payments(7)), now=NOW)
        seen, after = [], None
        while (page := transfers(db, after=after, limit=size)).transfers:
            seen += [each.reference for each in page.transfers]
            if (after := page.after) is None:
                break
    assert seen == [f"many-{number}" for number in range(7)]
    engine.dispose()


def test_a_page_of_one_account_has_both_its_sides_and_nothing_else(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    with transaction(engine) as db:
        opened(db)
        post_all(db, [PAYMENT, LESSON, replace(PAYMENT, credit=OTHER, reference="pay-2")], now=NOW)
        assert [each.reference for each in transfers(db, account_path=PREPAID).transfers] == ["pay-1", "lesson-1"]
        assert [each.reference for each in transfers(db, account_path="bank").transfers] == []
    engine.dispose()


def test_a_transaction_that_commits_late_is_not_missed(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    with transaction(engine) as db:
        opened(db)
        post_all(db, [PAYMENT], now=NOW)
    slow, other = replace(PAYMENT, reference="slow"), replace(PAYMENT, reference="quick", debit="bank/7", credit="c/7")
    with engine.connect() as late:
        open_accounts(late, [NewAccount(path="bank/7", kind="asset"), NewAccount(path="c/7", kind="liability")])
        late.commit()
        post_all(late, [slow], now=NOW)
        with transaction(engine) as quick:
            post_all(quick, [other], now=NOW)
        with transaction(engine) as reader:
            first = transfers(reader, limit=1)
            assert [each.reference for each in first.transfers] == ["pay-1"]
            # A reader by number would be at "quick" now, and never look back to the smaller number of "slow".
            assert transfers(reader, after=first.after).transfers == []
            assert [each.reference for each in all_transfers(reader)] == ["pay-1", "quick"]
        late.commit()
    with transaction(engine) as reader:
        assert [each.reference for each in transfers(reader, after=first.after).transfers] == ["slow", "quick"]
    engine.dispose()


def test_a_transaction_that_numbers_its_transfers_late_is_not_missed_either(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    with transaction(engine) as db:
        opened(db)
        open_accounts(db, [NewAccount(path="bank/7", kind="asset"), NewAccount(path="c/7", kind="liability")])
    with engine.connect() as early:
        open_accounts(early, [NewAccount(path="begun", kind="asset")])  # begun first …
        with transaction(engine) as quick:
            post_all(quick, [replace(PAYMENT, reference="quick", debit="bank/7", credit="c/7")], now=NOW)
        with transaction(engine) as reader:
            assert transfers(reader).transfers == []
        post_all(early, [PAYMENT], now=NOW)  # … but numbered second
        early.commit()
    with transaction(engine) as reader:
        pages = [transfers(reader, limit=1)]
        pages.append(transfers(reader, after=pages[0].after))
    assert [each.reference for page in pages for each in page.transfers] == ["pay-1", "quick"]
    engine.dispose()


def test_what_was_never_a_cursor_is_refused_and_the_last_possible_one_is_not(db: Connection) -> None:
    never = ("", "-", "1", "1-", "-1", "1-2-3", "a-b", "1 -2", "１-２", "1-2\n", "99999999999999999999-1", f"{2**63}-0")
    for cursor in never:
        with pytest.raises(ValueError, match="is not a cursor"):
            transfers(db, after=cursor)
    assert transfers(db, after=f"{2**63 - 1}-{2**63 - 1}").transfers == []


def test_streaming_the_transfers_leaves_the_connection_as_it_was(books: Connection) -> None:
    before = dict(books.get_execution_options())
    assert len(list(all_transfers(books))) == 1
    assert dict(books.get_execution_options()) == before
