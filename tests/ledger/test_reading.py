"""Reading on both databases: the trial balance at any time, and pages that miss nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from escrow.db import open_engine, transaction
from ledger.accounts import open_accounts
from ledger.entries import NewAccount
from ledger.posting import post_all
from ledger.reading import Balance, all_transfers, transfers, trial_balance
from tests.ledger.books import (
    BANK,
    DAY,
    EARNED,
    HOUR,
    LESSON,
    NOW,
    OTHER,
    PAYMENT,
    PREPAID,
    RELEASE,
    SETTLED,
    opened,
    payments,
)


@pytest.fixture
def books(db: Connection) -> Connection:
    opened(db)
    post_all(db, [PAYMENT], now=NOW)
    return db


def _amounts(lines: list[Balance]) -> dict[str, int]:
    return {each.path: each.amount for each in lines if each.amount}


def test_the_trial_balance_has_every_account_and_its_debits_are_its_credits(books: Connection) -> None:
    post_all(books, [LESSON, RELEASE], now=NOW)
    post_all(books, [replace(SETTLED, amount=4_000)], now=NOW)
    assert [(each.path, each.kind, each.debits, each.credits, each.amount) for each in trial_balance(books)] == [
        (BANK, "asset", 300_000, 4_000, 296_000),
        ("bank/6200/fees", "expense", 0, 0, 0),
        (PREPAID, "liability", 10_000, 300_000, 290_000),
        (OTHER, "liability", 0, 0, 0),
        (EARNED, "liability", 4_000, 10_000, 6_000),
    ]


def test_a_pending_transfer_is_in_no_balance(books: Connection) -> None:
    before = trial_balance(books)
    post_all(books, [replace(LESSON, hold=True)], now=NOW)
    assert trial_balance(books) == before


def test_as_of_an_instant_counts_what_had_happened_before_it_whenever_it_was_recorded(books: Connection) -> None:
    post_all(books, [replace(LESSON, effective=NOW + DAY)], now=NOW)
    post_all(books, [replace(PAYMENT, reference="late", amount=7, effective=NOW - DAY)], now=NOW + 30 * DAY)
    assert _amounts(trial_balance(books, as_of=NOW - DAY)) == {}
    assert _amounts(trial_balance(books, as_of=NOW)) == {BANK: 7, PREPAID: 7}, "before the instant, not at it"
    just_after = NOW + timedelta(microseconds=1)
    assert _amounts(trial_balance(books, as_of=just_after)) == {BANK: 300_007, PREPAID: 300_007}
    assert _amounts(trial_balance(books)) == {BANK: 300_007, PREPAID: 290_007, EARNED: 10_000}


def test_what_was_known_at_an_instant_stays_the_same_for_ever(books: Connection) -> None:
    then = trial_balance(books, known_at=NOW)
    of_that_day = trial_balance(books, as_of=NOW + HOUR, known_at=NOW)
    assert _amounts(then) == _amounts(of_that_day) == {BANK: 300_000, PREPAID: 300_000}
    back_dated = replace(PAYMENT, reference="late", amount=7, effective=NOW - DAY)
    correction = replace(PAYMENT, debit=PREPAID, credit=BANK, amount=5, reference="fix", corrects="pay-1")
    post_all(books, [back_dated, correction], now=NOW + timedelta(microseconds=1))
    assert trial_balance(books, known_at=NOW) == then
    assert trial_balance(books, as_of=NOW + HOUR, known_at=NOW) == of_that_day
    assert _amounts(trial_balance(books, as_of=NOW + HOUR)) == {BANK: 300_002, PREPAID: 300_002}


def test_a_prefix_is_taken_literally(books: Connection) -> None:
    odd = ("Contract/1/x", "contract%1", "contract_1", "contract/1/prepaid2", "课/一")
    open_accounts(books, [NewAccount(path=each, kind="liability") for each in odd])

    def paths(prefix: str) -> list[str]:
        return [each.path for each in trial_balance(books, prefix=prefix)]

    assert paths("contract/1/") == [PREPAID, "contract/1/prepaid2"]
    assert paths("contract%") == ["contract%1"]
    assert paths("contract_") == ["contract_1"]
    assert paths("Contract") == ["Contract/1/x"]
    assert paths("课") == ["课/一"]
    assert paths("nothing") == []


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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(1, 1_000)), max_size=12),
    st.integers(-1, 6),
    st.integers(-1, 6),
)
def test_the_trial_balance_of_any_day_as_known_on_any_day_is_the_sum_of_its_transfers(
    sqlite_url: str, history: list[tuple[int, int, int]], as_of: int, known_at: int
) -> None:
    engine = open_engine(sqlite_url)
    with engine.connect() as db:
        opened(db)
        for number, (effective, recorded, amount) in enumerate(history):
            each = replace(PAYMENT, amount=amount, reference=f"r{number}", effective=NOW + effective * DAY)
            post_all(db, [each], now=NOW + recorded * DAY)
        expected = sum(a for effective, recorded, a in history if effective < as_of and recorded <= known_at)
        found = _amounts(trial_balance(db, as_of=NOW + as_of * DAY, known_at=NOW + known_at * DAY))
        db.rollback()
    engine.dispose()
    assert found == ({BANK: expected, PREPAID: expected} if expected else {})
