"""The look at a whole batch and the walk through it come to the same: one is only faster."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from ledger import deciding
from ledger.batch import Batch
from ledger.deciding import Books, Known
from ledger.entries import USUAL, Account, Limits, Transfer
from ledger.fitting import fits
from tests.ledger.books import DAY, HOUR, NOW, as_columns

PATHS = ("a", "b", "c", "d")
MOST = 2**63 - 1

near = st.integers(0, 40)
floors = st.one_of(st.just(0), st.none(), st.integers(-60, 20), st.integers(-MOST, MOST))
ceilings = st.one_of(st.none(), st.none(), st.integers(0, 90), st.integers(0, MOST))
limits = st.builds(lambda floor, ceiling: Limits(floor=floor, ceiling=ceiling, overdraft="so"), floors, ceilings)


def _account(number: int, **facts: Any) -> Account:
    return Account(id=number + 1, path=PATHS[number], currency="CNY", state="open", **facts)


def _books(totals: st.SearchStrategy[int], limits: st.SearchStrategy[Limits]) -> st.SearchStrategy[dict[str, Account]]:
    """Four accounts of every kind, which keep their limits so far: no other ones can stand in the books."""
    accounts = [
        st.builds(
            _account,
            st.just(number),
            kind=st.sampled_from(["asset", "liability", "income", "expense"]),
            limits=limits,
            debits_posted=totals,
            credits_posted=totals,
            debits_pending=st.one_of(st.just(0), totals),
            credits_pending=st.one_of(st.just(0), totals),
        ).map(_loosened)
        for number in range(len(PATHS))
    ]
    return st.tuples(*accounts).map(lambda each: {one.path: one for one in each})


def _loosened(account: Account) -> Account:
    own = account.limits
    floor = own.floor if own.floor is None else min(own.floor, account.available)
    ceiling = own.ceiling if own.ceiling is None else max(own.ceiling, account.promised)
    return replace(account, limits=replace(own, floor=floor, ceiling=ceiling))


def _batches(amounts: st.SearchStrategy[int]) -> st.SearchStrategy[list[tuple[str, str, int]]]:
    pair = st.permutations(PATHS).map(lambda each: (each[0], each[1]))
    return st.lists(st.tuples(pair, amounts).map(lambda each: (*each[0], each[1])), min_size=1, max_size=12)


def _transfers(batch: Sequence[tuple[str, str, int]], *, hold: bool) -> list[Transfer]:
    return [
        Transfer(debit=debit, credit=credit, amount=amount, kind="k", reference=f"r{n}", effective=NOW, hold=hold)
        for n, (debit, credit, amount) in enumerate(batch)
    ]


def _walked(asked: list[Transfer], accounts: dict[str, Account], closed_until: datetime | None = None) -> bool:
    """Whether the walk creates every one of them, each where it asked to count."""
    # One by one, so that no batch is long enough to be looked at as a whole.
    walk = deciding.decide(
        Batch(length=len(asked), columns=None, nouns=asked),
        Books(accounts=accounts, closed_until=closed_until),
        Known(),
        now=NOW,
    )
    return set(walk.statuses) == {"created"} and not any(walk.rows.occurred or ())


# One size of figures for all of them: where each had its own, hardly any batch would fit.
of_one_size = st.sampled_from([40, 2**40, 2**58, 2**62, MOST]).flatmap(
    lambda top: st.tuples(_books(st.integers(0, top), limits), _batches(st.integers(1, max(top // 4, 30))))
)


@given(of_one_size, st.booleans())
def test_what_is_seen_to_fit_is_created_by_the_walk(
    case: tuple[dict[str, Account], list[tuple[str, str, int]]], hold: bool
) -> None:
    accounts, batch = case
    asked = _transfers(batch, hold=hold)
    seen = fits(as_columns(asked, hold=hold), accounts, None)
    event(f"seen to fit: {seen}")
    if seen:
        assert _walked(asked, accounts)


@given(_books(near, limits), _batches(st.integers(1, 30)), st.booleans())
def test_of_usual_amounts_what_the_walk_creates_is_seen_to_fit_and_nothing_else(
    accounts: dict[str, Account], batch: list[tuple[str, str, int]], hold: bool
) -> None:
    asked = _transfers(batch, hold=hold)
    walked = _walked(asked, accounts)
    event(f"created: {walked}")
    assert fits(as_columns(asked, hold=hold), accounts, None) == walked


@given(_books(st.integers(0, 2**60), limits), _batches(st.integers(1, 2**57)), st.booleans())
def test_of_the_largest_sums_that_are_looked_at_too(
    accounts: dict[str, Account], batch: list[tuple[str, str, int]], hold: bool
) -> None:
    asked = _transfers(batch, hold=hold)
    assert fits(as_columns(asked, hold=hold), accounts, None) == _walked(asked, accounts)


def _half(number: int, **totals: Any) -> Account:
    nothing = dict.fromkeys(("debits_posted", "credits_posted", "debits_pending", "credits_pending"), 0)
    return _account(number, limits=USUAL, **nothing | totals)


HALF = {
    "a": _half(0, kind="asset", debits_posted=50),
    "b": _half(1, kind="liability", credits_posted=50),
}
OUT = Transfer(debit="b", credit="a", amount=50, kind="k", reference="out", effective=NOW)
IN = Transfer(debit="a", credit="b", amount=1, kind="k", reference="in", effective=NOW)


@pytest.mark.parametrize(
    "asked",
    [
        [OUT, replace(IN, reference="out")],
        [replace(OUT, reference="")],
        [replace(OUT, reference="\0")],
        [replace(OUT, reference="\ud83e"), replace(IN, reference="\udc00")],  # two halves, which joined are whole
        [replace(OUT, kind="\0")],
        [replace(OUT, kind="\ud800")],
        [replace(OUT, amount=0)],
        [replace(OUT, amount=-1)],
        [replace(OUT, amount=True)],
        [replace(OUT, amount=1.0)],  # type: ignore[arg-type]  # what a careless caller gives
        [replace(OUT, amount=MOST + 1)],
        [replace(OUT, debit="a")],
        [replace(OUT, debit="nowhere")],
        [replace(OUT, credit="nowhere")],
        [replace(OUT, amount=51), IN],
    ],
)
def test_what_the_walk_refuses_is_never_seen_to_fit(asked: list[Transfer]) -> None:
    assert not _walked(asked, HALF)
    assert not fits(as_columns(asked), HALF, None)


@pytest.mark.parametrize("asked", [[OUT], [IN, replace(OUT, amount=51)], [OUT, IN]])
def test_a_plain_batch_that_fits_is_seen_to_in_its_order(asked: list[Transfer]) -> None:
    assert _walked(asked, HALF)
    assert fits(as_columns(asked), HALF, None)


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "frozen"},
        {"state": "closed"},
        {"currency": "USD"},
        {"limits": Limits(period="day", most_debits=1)},
    ],
)
def test_an_account_that_is_not_usual_is_left_to_the_walk(changed: dict[str, Any]) -> None:
    assert not fits(as_columns([OUT]), HALF | {"b": replace(HALF["b"], **changed)}, None)


def test_a_late_event_is_left_to_the_walk_and_one_at_the_first_open_instant_is_not() -> None:
    late = [OUT, replace(IN, effective=NOW - HOUR)]
    for closed_until, expected in ((NOW - DAY, True), (NOW - HOUR, True), (NOW, False), (NOW + HOUR, False)):
        assert fits(as_columns(late), HALF, closed_until) is expected
        assert _walked(late, HALF, closed_until) is expected
    once = replace(as_columns([OUT]), effective=NOW)
    assert fits(once, HALF, NOW)
    assert not fits(once, HALF, NOW + HOUR)
