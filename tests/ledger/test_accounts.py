"""Accounts on both databases: opened once, frozen and thawed, closed when empty."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from ledger.accounts import close, find, freeze, get, open_accounts, thaw
from ledger.entries import AccountConflict, LedgerRefusal, Limits, NewAccount
from ledger.posting import post, post_all
from tests.ledger.books import ACCOUNTS, BANK, EARNED, LESSON, NOW, OTHER, PAYMENT, PREPAID, RELEASE, SETTLED, opened


@pytest.fixture
def books(db: Connection) -> Connection:
    opened(db)
    post_all(db, [PAYMENT, LESSON, RELEASE], now=NOW)
    return db


def test_opening_again_in_the_same_way_changes_nothing(books: Connection) -> None:
    before = find(books, [each.path for each in ACCOUNTS])
    open_accounts(books, [*ACCOUNTS, *reversed(ACCOUNTS)], now=NOW)
    assert find(books, [each.path for each in ACCOUNTS]) == before


@pytest.mark.parametrize(
    "other",
    [
        NewAccount(path=BANK, kind="liability"),
        NewAccount(path=BANK, kind="asset", currency="USD"),
        NewAccount(path=BANK, kind="asset", limits=Limits(floor=None, overdraft="why not")),
    ],
)
def test_opening_again_in_another_way_is_refused_and_shows_both(books: Connection, other: NewAccount) -> None:
    with pytest.raises(AccountConflict) as refusal:
        open_accounts(books, [other], now=NOW)
    assert str(get(books, BANK)) in str(refusal.value)
    assert str(other) in str(refusal.value)


def test_unknown_accounts_are_missing(books: Connection) -> None:
    assert list(find(books, [BANK, "bank/9", PREPAID])) == [BANK, PREPAID]
    assert get(books, "bank/9") is None


def test_thousands_of_accounts_are_opened_and_found_in_one_call(books: Connection) -> None:
    many = [NewAccount(path=f"contract/{number}/prepaid", kind="liability") for number in range(100, 5_700)]
    open_accounts(books, many)
    assert len(find(books, [each.path for each in many], lock=True)) == 5_600


def test_a_frozen_account_keeps_its_promises_takes_nothing_new_and_can_be_thawed(books: Connection) -> None:
    freeze(books, EARNED)
    again = replace(LESSON, reference="lesson-2")
    [refused] = post(books, [again], now=NOW)
    assert refused.why == f"the account {EARNED} is frozen"
    assert post(books, [LESSON], now=NOW)[0].status == "existed"
    post_all(books, [SETTLED], now=NOW)
    thaw(books, EARNED)
    post_all(books, [again], now=NOW)


def test_an_empty_account_closes_for_ever(books: Connection) -> None:
    close(books, OTHER)
    [refused] = post(books, [replace(PAYMENT, credit=OTHER, reference="pay-2")], now=NOW)
    assert refused.why == f"the account {OTHER} is closed"
    for move in (thaw, freeze, close):
        with pytest.raises(LedgerRefusal, match=f"{OTHER}: it is closed"):
            move(books, OTHER)


def test_an_account_with_money_or_a_hold_does_not_close(books: Connection) -> None:
    with pytest.raises(LedgerRefusal, match=f"{PREPAID} has 290000 minor units"):
        close(books, PREPAID)
    promised = replace(LESSON, credit=OTHER, reference="promise-1", hold=True)
    post_all(books, [promised], now=NOW)
    with pytest.raises(LedgerRefusal, match=f"{OTHER} has 0 minor units and 0 and 10000 reserved by holds"):
        close(books, OTHER)
    post_all(books, [replace(SETTLED, hold="promise-1", phase="voided")], now=NOW)
    close(books, OTHER)


def test_impossible_moves_name_the_state_that_stands(books: Connection) -> None:
    with pytest.raises(LedgerRefusal, match=f"only an account that is frozen can become open; {OTHER}: it is open"):
        thaw(books, OTHER)
    freeze(books, OTHER)
    with pytest.raises(LedgerRefusal, match=f"only an account that is open can become closed; {OTHER}: it is frozen"):
        close(books, OTHER)
    with pytest.raises(LedgerRefusal, match="bank/9: there is no such account"):
        freeze(books, "bank/9")
