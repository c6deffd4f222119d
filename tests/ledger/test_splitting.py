"""Splits: shares that sum to the last minor unit, and their posting as one act on both databases."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from ledger.accounts import find, open_accounts
from ledger.audit import audit
from ledger.entries import NewAccount, TransferRefused
from ledger.posting import post_all
from ledger.reading import all_transfers
from ledger.splitting import Split, shares, split
from tests.ledger.books import BANK, DAY, EARNED, LESSON, NOW, OTHER, PAYMENT, PREPAID, balances, opened

amounts = st.one_of(st.integers(0, 200), st.integers(0, 2**63 - 1))
weights = st.lists(st.one_of(st.integers(0, 9), st.integers(0, 2**63 - 1)), min_size=1, max_size=12).filter(any)


@given(amounts, weights)
def test_shares_sum_to_the_amount_and_each_is_within_one_unit_of_its_exact_part(amount: int, by: list[int]) -> None:
    given = shares(amount, by)
    assert sum(given) == amount
    for share, weight in zip(given, by, strict=True):
        exact = Fraction(amount * weight, sum(by))
        assert abs(share - exact) < 1
        assert share >= 0
        assert weight > 0 or share == 0, "who has no weight gets nothing, not even what is left over"


@given(amounts, weights)
def test_what_is_left_over_goes_to_the_largest_fractions_and_to_the_earlier_one_of_equals(
    amount: int, by: list[int]
) -> None:
    given = shares(amount, by)
    exact = [Fraction(amount * weight, sum(by)) for weight in by]
    # In the order of the rule, those that got one more come before all that did not.
    order = sorted(range(len(by)), key=lambda each: (int(exact[each]) - exact[each], each))
    more = [given[each] - int(exact[each]) for each in order]
    assert all(one >= other for one, other in pairwise(more)), (order, more)
    assert set(more) <= {0, 1}


@given(amounts, weights, st.randoms(use_true_random=False))
def test_shares_follow_their_weights_when_these_change_places(amount: int, by: list[int], chance: Random) -> None:
    order = list(range(len(by)))
    chance.shuffle(order)
    # Who of equal fractions gets one more may change with the places; how many of them do may not.
    assert _given_on(amount, [by[each] for each in order]) == _given_on(amount, by)


def _given_on(amount: int, by: list[int]) -> Counter[Fraction]:
    """How many units beyond the whole ones went to shares with this fraction, by fraction."""
    exact = [Fraction(amount * weight, sum(by)) for weight in by]
    more = Counter({each % 1: 0 for each in exact})
    for share, each in zip(shares(amount, by), exact, strict=True):
        more[each % 1] += share - int(each)
    return more


@given(amounts, weights, st.integers(1, 10**6))
def test_shares_depend_on_the_proportion_of_the_weights_alone(amount: int, by: list[int], times: int) -> None:
    assert shares(amount, [each * times for each in by]) == shares(amount, by)


@pytest.mark.parametrize(
    ("amount", "by", "expected"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (2, [1, 1, 1, 1], [1, 1, 0, 0]),
        (10, [0, 1, 0], [0, 10, 0]),
        (0, [1, 2], [0, 0]),
        (1, [1, 2], [0, 1]),
        (10, [3, 3, 1], [4, 4, 2]),  # 4 2/7, 4 2/7, 1 3/7
        (2**63 - 1, [1, 1], [2**62, 2**62 - 1]),
    ],
)
def test_shares_by_hand(amount: int, by: list[int], expected: list[int]) -> None:
    assert shares(amount, by) == expected


@pytest.mark.parametrize(("amount", "by"), [(-1, [1]), (1, [0, 0]), (1, []), (5, [2, -1])])
def test_what_cannot_be_split_is_refused(amount: int, by: list[int]) -> None:
    with pytest.raises(ValueError, match="none may be negative, one must count"):
        shares(amount, by)


TARGETS = [f"institution/{number}/earned" for number in range(10, 17)]
SPLIT = Split(
    debit=PREPAID,
    credit=TARGETS,
    weights=[1, 1, 1, 0, 2, 1, 1],
    amount=1_000,
    reference="bonus",
    kind="bonus",
    effective=NOW,
)
SHARES = [143, 143, 143, 0, 285, 143, 143]


@pytest.fixture
def books(db: Connection) -> Connection:
    opened(db)
    open_accounts(db, [NewAccount(path=each, kind="liability") for each in TARGETS])
    post_all(db, [PAYMENT], now=NOW)
    return db


def _standing(db: Connection) -> list[int]:
    found = find(db, TARGETS)
    return [found[each].balance for each in TARGETS]


def _refused(db: Connection, asked: Split, why: str) -> None:
    before = list(all_transfers(db))
    with pytest.raises(TransferRefused, match=why):
        split(db, asked, now=NOW)
    assert list(all_transfers(db)) == before


def test_each_target_gets_its_share_and_none_a_transfer_of_nothing(books: Connection) -> None:
    results = split(books, SPLIT, now=NOW, caller_key="decree-7")
    assert [(each.reference, each.status) for each in results] == [
        (f"bonus/{number}", "created") for number in (1, 2, 3, 5, 6, 7)
    ]
    assert _standing(books) == SHARES
    assert balances(books)[PREPAID] == 299_000
    made = list(all_transfers(books))[1:]
    assert {(each.debit, each.kind, each.caller_key, each.effective) for each in made} == {
        (PREPAID, "bonus", "decree-7", NOW)
    }
    assert list(audit(books)) == []


def test_many_may_give_to_one_as_well(books: Connection) -> None:
    split(books, SPLIT, now=NOW)
    back = replace(SPLIT, debit=TARGETS, credit=PREPAID, weights=SHARES, reference="back")
    split(books, back, now=NOW)
    assert (_standing(books), balances(books)[PREPAID]) == ([0] * 7, 300_000)


def test_a_split_again_existed_and_moves_nothing(books: Connection) -> None:
    split(books, SPLIT, now=NOW)
    assert {each.status for each in split(books, SPLIT, now=NOW + DAY)} == {"existed"}
    assert _standing(books) == SHARES


@pytest.mark.parametrize(
    "other",
    [
        replace(SPLIT, amount=1_001),
        replace(SPLIT, amount=3),  # 1, 0, 0, 0, 1, 0, 1: some of its parts only
        replace(SPLIT, weights=[1, 1, 1, 1, 2, 1, 1]),
        replace(SPLIT, weights=[2, 1, 1, 0, 1, 1, 1]),
        replace(SPLIT, credit=[*reversed(TARGETS)]),
        replace(SPLIT, credit=TARGETS[:3], weights=[1, 1, 1], amount=429),  # the first three parts just as they were
        replace(SPLIT, debit=OTHER),
        replace(SPLIT, kind="gift"),
        replace(SPLIT, effective=NOW + DAY),
    ],
)
def test_another_split_under_the_same_reference_is_refused_whole(books: Connection, other: Split) -> None:
    split(books, SPLIT, now=NOW)
    _refused(books, other, r"other content|into other parts")


def test_a_longer_split_under_the_same_reference_is_refused_too(books: Connection) -> None:
    split(books, replace(SPLIT, credit=TARGETS[:3], weights=[1, 1, 1], amount=429), now=NOW)
    _refused(books, SPLIT, r"bonus/5: .* into other parts")


def test_references_that_only_look_like_parts_stand_in_nobodys_way(books: Connection) -> None:
    names = ("bonus/", "bonus/x", "bonus/1/1", "bonus0", "bonus", "bonus.5")
    post_all(books, [replace(LESSON, amount=1, reference=each) for each in names], now=NOW)
    assert {each.status for each in split(books, SPLIT, now=NOW)} == {"created"}


def test_a_split_of_which_one_part_cannot_be_is_none_at_all(books: Connection) -> None:
    _refused(books, replace(SPLIT, credit=[*TARGETS[:6], "nowhere"]), "bonus/7: there is no account nowhere")
    _refused(books, replace(SPLIT, amount=300_001), "minor units available")
    _refused(books, replace(SPLIT, credit=[*TARGETS[:6], PREPAID]), "bonus/7: a transfer needs two accounts")


def test_a_target_named_twice_gets_both_its_shares(books: Connection) -> None:
    split(books, replace(SPLIT, credit=[EARNED] * 3, weights=[1, 1, 1], amount=100), now=NOW)
    assert balances(books)[EARNED] == 100


def test_nothing_to_split_is_nothing_done(books: Connection) -> None:
    assert split(books, replace(SPLIT, amount=0), now=NOW) == []


@pytest.mark.parametrize(
    "senseless",
    [
        replace(SPLIT, credit=EARNED),
        replace(SPLIT, debit=TARGETS),
        replace(SPLIT, credit=TARGETS[:6]),
        replace(SPLIT, weights=SPLIT.weights[:6]),
    ],
)
def test_a_split_has_one_account_on_one_side_and_a_weight_for_each_on_the_other(
    books: Connection, senseless: Split
) -> None:
    with pytest.raises(ValueError, match="one account on one side"):
        split(books, senseless, now=NOW)


def test_ten_thousand_targets_are_one_act(books: Connection) -> None:
    many = [f"student/{number}" for number in range(10_000)]
    open_accounts(books, [NewAccount(path=each, kind="liability") for each in many])
    asked = replace(SPLIT, debit=BANK, credit=many, weights=[each % 7 for each in range(10_000)], amount=12_345_678)
    results = split(books, asked, now=NOW)
    assert len(results) == 10_000 - len(range(0, 10_000, 7))
    found = find(books, many)
    assert [found[each].balance for each in many] == shares(12_345_678, asked.weights)
    assert {each.status for each in split(books, asked, now=NOW)} == {"existed"}
    assert list(audit(books)) == []
