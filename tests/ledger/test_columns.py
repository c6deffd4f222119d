"""Columns on both databases: the bulk path does what the nouns do, and says what it did."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from ledger.accounts import freeze
from ledger.audit import audit
from ledger.entries import TransferRefused
from ledger.posting import post, post_all, post_columns
from ledger.reading import all_accounts, all_transfers
from tests.ledger.books import (
    BANK,
    EARNED,
    HOUR,
    LESSON,
    NOW,
    OTHER,
    PAYMENT,
    PREPAID,
    as_columns,
    balances,
    opened,
    payments,
)

MANY = (*payments(60), *(replace(LESSON, amount=each, reference=f"lesson-{each}") for each in range(1, 60)))
"""In their order all of them fit; the lessons alone would not."""


@pytest.fixture
def books(db: Connection) -> Connection:
    opened(db)
    return db


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("size", [1, 2, 30, 31, 119])
def test_columns_and_nouns_have_the_same_effect(books: Connection, size: int, *, hold: bool) -> None:
    if hold:
        post_all(books, [replace(PAYMENT, reference="before")], now=NOW)
    asked = [replace(each, hold=hold) for each in MANY[:size]]

    def seen() -> list[object]:
        return [
            *(replace(each, id=0) for each in all_transfers(books)),
            *((each.path, each.balance, each.available, each.promised) for each in all_accounts(books)),
        ]

    undo = books.begin_nested()
    results = post_all(books, asked, now=NOW, caller_key="file-1")
    by_nouns = seen()
    undo.rollback()
    decision = post_columns(books, as_columns(asked, hold=hold), now=NOW, caller_key="file-1")
    assert (decision.results(), decision.why) == (results, {})
    assert list(decision.statuses) == ["created"] * size
    assert seen() == by_nouns
    assert list(audit(books)) == []


def test_what_is_the_same_for_all_is_given_once(books: Connection) -> None:
    size = 40
    columns = replace(as_columns(list(payments(size))), kind="opening", effective=NOW - HOUR)
    post_columns(books, columns, now=NOW, caller_key=[f"line {number}" for number in range(size)])
    kept = list(all_transfers(books))
    assert {(each.kind, each.effective, each.phase) for each in kept} == {("opening", NOW - HOUR, "posted")}
    assert [each.caller_key for each in kept] == [f"line {number}" for number in range(size)]


@pytest.mark.parametrize("column", ["debit", "credit", "amount", "reference", "kind", "effective"])
def test_columns_of_unequal_lengths_are_refused_and_their_lengths_are_named(books: Connection, column: str) -> None:
    columns = as_columns(list(payments(3)))
    shorter = replace(columns, **{column: getattr(columns, column)[:2]})
    with pytest.raises(ValueError, match=r"columns of different lengths: \[.*2.*\]"):
        post_columns(books, shorter, now=NOW)
    assert list(all_transfers(books)) == []


def test_no_columns_at_all_are_nothing_done(books: Connection) -> None:
    decision = post_columns(books, as_columns([]), now=NOW)
    assert (decision.results(), len(decision.rows)) == ([], 0)


def test_one_that_does_not_fit_refuses_all_and_names_it(books: Connection) -> None:
    asked = [*MANY, replace(LESSON, amount=10_000, reference="too-much"), replace(LESSON, debit="x", reference="lost")]
    with pytest.raises(TransferRefused, match=r"too-much: .*; lost: there is no account x") as refusal:
        post_columns(books, as_columns(asked), now=NOW)
    assert [each.reference for each in refusal.value.refused] == ["too-much", "lost"]
    assert list(all_transfers(books)) == []


def test_each_gets_its_own_status_where_they_need_not_be_one(books: Connection) -> None:
    freeze(books, OTHER)
    post_all(books, MANY[:1], now=NOW)
    barred = replace(PAYMENT, credit=OTHER, reference="barred")
    changed = replace(MANY[0], amount=101)
    asked = [*MANY, barred, changed]
    keys = [f"line {number}" for number in range(len(asked))]
    decision = post_columns(books, as_columns(asked), now=NOW, caller_key=keys, whole=False)
    assert list(decision.statuses) == ["existed", *["created"] * (len(MANY) - 1), "refused", "refused"]
    assert list(decision.why) == [len(MANY), len(MANY) + 1]
    assert decision.why[len(MANY)] == f"the account {OTHER} is frozen"
    assert [each.status for each in decision.results()] == list(decision.statuses)
    kept = list(all_transfers(books))
    assert [each.reference for each in kept] == [each.reference for each in MANY]
    assert [each.caller_key for each in kept] == ["", *keys[1 : len(MANY)]], "each created one keeps its own key"


def test_columns_repeated_existed_and_other_content_is_refused(books: Connection) -> None:
    post_columns(books, as_columns(MANY), now=NOW)
    before = balances(books)
    assert set(post_columns(books, as_columns(MANY), now=NOW).statuses) == {"existed"}
    assert {each.status for each in post(books, MANY, now=NOW)} == {"existed"}
    with pytest.raises(TransferRefused, match=f"{MANY[0].reference}: the reference was used before with other content"):
        post_columns(books, as_columns([replace(MANY[0], kind="gift"), *MANY[1:]]), now=NOW)
    with pytest.raises(TransferRefused, match="with other content"):
        post_columns(books, as_columns([replace(each, hold=True) for each in MANY], hold=True), now=NOW)
    assert balances(books) == before


@pytest.mark.parametrize("size", [2, 119])
def test_one_reference_twice_within_columns_is_one_transfer(books: Connection, size: int) -> None:
    asked = [*MANY[: size - 1], MANY[0]]
    decision = post_columns(books, as_columns(asked), now=NOW)
    assert list(decision.statuses) == [*["created"] * (size - 1), "existed"]
    assert len(list(all_transfers(books))) == size - 1


def test_a_reference_that_no_database_can_keep_is_refused_in_columns_too(books: Connection) -> None:
    for reference in ("", "a\0b", "\ud800"):
        with pytest.raises(TransferRefused, match="reference"):
            post_columns(books, as_columns([*MANY, replace(PAYMENT, reference=reference)]), now=NOW)
    assert balances(books) == {}


def test_amounts_up_to_the_last_that_64_bits_hold_pass_through_the_columns(books: Connection) -> None:
    most = 2**63 - 1
    post_columns(books, as_columns([replace(PAYMENT, amount=most)]), now=NOW)
    assert balances(books) == {BANK: most, PREPAID: most}
    moved = [replace(LESSON, amount=(most // 40), reference=f"part-{number}") for number in range(40)]
    post_columns(books, as_columns(moved), now=NOW)
    assert balances(books)[EARNED] == most // 40 * 40
    with pytest.raises(TransferRefused, match="would pass"):
        post_columns(books, as_columns([replace(PAYMENT, amount=1, reference="more")]), now=NOW)
    assert list(audit(books)) == []
