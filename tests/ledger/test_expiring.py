"""Holds that end of themselves, on both databases: when, how, and that nothing else ends them then."""

from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest
from sqlalchemy import Connection

from ledger.accounts import freeze
from ledger.audit import audit
from ledger.entries import Expiry, Resolution, Result, Transfer
from ledger.expiring import expire
from ledger.periods import close_until
from ledger.posting import post, post_all
from ledger.reading import by_reference
from tests.ledger.books import (
    DAY,
    EARNED,
    HOUR,
    LESSON,
    NOW,
    PAYMENT,
    PREPAID,
    SETTLED,
    available,
    balances,
    opened,
)

TICK = timedelta(microseconds=1)
HOLD = replace(LESSON, reference="seat", hold=True, expires=NOW + DAY)
DUE = NOW + DAY
SETTLES = replace(HOLD, on_expiry="settle")


@pytest.fixture
def books(db: Connection) -> Connection:
    opened(db)
    post_all(db, [PAYMENT], now=NOW)
    return db


def _end(phase: Literal["settled", "voided", "expired"], *, amount: int | None = None) -> Resolution:
    return replace(SETTLED, hold="seat", phase=phase, amount=amount, reference="end")


def _statuses(results: list[Result]) -> dict[str, str]:
    return {each.reference: each.status for each in results}


def test_a_hold_stands_in_the_books_with_when_and_how_it_ends(books: Connection) -> None:
    post_all(
        books, [SETTLES, replace(HOLD, reference="voids"), replace(LESSON, reference="for ever", hold=True)], now=NOW
    )
    kept = by_reference(books, ["seat", "voids", "for ever"])
    assert [(kept[each].expires, kept[each].on_expiry) for each in ("seat", "voids", "for ever")] == [
        (DUE, "settle"),
        (DUE, "void"),
        (None, None),
    ]
    assert {each.status for each in post(books, [SETTLES, replace(HOLD, reference="voids")], now=DUE + DAY)} == {
        "existed"
    }
    for other in (HOLD, replace(SETTLES, expires=DUE + TICK), replace(SETTLES, expires=None)):
        assert "other content" in post(books, [other], now=NOW)[0].why


@pytest.mark.parametrize(("on_expiry", "phase", "earned"), [("void", "expired", 0), ("settle", "settled", 10_000)])
def test_what_expires_ends_as_the_hold_says_when_it_says(
    books: Connection, on_expiry: Expiry, phase: str, earned: int
) -> None:
    post_all(books, [replace(HOLD, on_expiry=on_expiry)], now=NOW)
    assert expire(books, now=DUE - TICK) == []
    assert available(books, PREPAID) == 290_000
    assert _statuses(expire(books, now=DUE + HOUR)) == {"expiry/seat": "created"}
    kept = by_reference(books, ["expiry/seat"])["expiry/seat"]
    assert (kept.phase, kept.amount, kept.resolves, kept.kind) == (phase, 10_000, "seat", "lesson")
    assert (kept.effective, kept.recorded) == (DUE, DUE + HOUR)
    assert balances(books).get(EARNED, 0) == earned
    assert available(books, PREPAID) == 300_000 - earned
    assert expire(books, now=DUE + DAY) == []
    assert list(audit(books)) == []


def test_what_expired_reserves_its_amount_until_somebody_has_written_so(books: Connection) -> None:
    post_all(books, [replace(HOLD, amount=300_000)], now=NOW)
    assert post(books, [replace(LESSON, amount=1)], now=DUE + DAY)[0].status == "refused"
    expire(books, now=DUE + DAY)
    assert post(books, [replace(LESSON, amount=1)], now=DUE + DAY)[0].status == "created"


def test_before_it_expires_a_hold_ends_as_it_is_asked_to_and_then_does_not_expire(books: Connection) -> None:
    post_all(books, [SETTLES], now=NOW)
    assert post(books, [_end("expired")], now=DUE - TICK)[0].why == f"the hold seat does not expire before {DUE}"
    assert post(books, [_end("settled", amount=1)], now=DUE - TICK)[0].status == "created"
    assert expire(books, now=DUE) == []
    assert (balances(books)[EARNED], available(books, PREPAID)) == (1, 299_999)


@pytest.mark.parametrize(
    ("on_expiry", "due"),
    [("void", _end("expired")), ("settle", _end("settled")), ("settle", _end("settled", amount=10_000))],
)
def test_from_the_instant_on_that_it_expires_a_hold_ends_only_as_it_says(
    books: Connection, on_expiry: Expiry, due: Resolution
) -> None:
    post_all(books, [replace(HOLD, on_expiry=on_expiry)], now=NOW)
    for other in (_end("voided"), _end("settled"), _end("expired"), _end("settled", amount=9_999)):
        if other.phase != due.phase or other.amount == 9_999:
            [result] = post(books, [other], now=DUE)
            assert result.why == f"the hold seat expired at {DUE}: by then it is {due.phase} whole, nothing else"
    assert post(books, [due], now=DUE)[0].status == "created"
    assert expire(books, now=DUE) == []


def test_the_oldest_expire_first_and_no_more_at_once_than_asked(books: Connection) -> None:
    holds = [replace(HOLD, reference=f"seat-{number}", amount=1, expires=DUE - number * HOUR) for number in range(5)]
    post_all(books, holds, now=NOW)
    assert list(_statuses(expire(books, now=DUE - HOUR, most=3))) == [f"expiry/seat-{number}" for number in (4, 3, 2)]
    assert list(_statuses(expire(books, now=DUE - HOUR, most=3))) == ["expiry/seat-1"]
    assert list(_statuses(expire(books, now=DUE, most=3))) == ["expiry/seat-0"]


def test_thousands_expire_in_one_act(books: Connection) -> None:
    holds = [
        replace(HOLD, reference=f"seat-{number}", amount=1, on_expiry="settle" if number % 2 else "void")
        for number in range(3_000)
    ]
    post_all(books, holds, now=NOW)
    assert len(expire(books, now=DUE)) == 3_000
    assert (balances(books)[EARNED], available(books, PREPAID)) == (1_500, 298_500)
    assert list(audit(books)) == []


def test_what_expires_in_a_frozen_account_or_a_closed_period_ends_all_the_same(books: Connection) -> None:
    post_all(books, [SETTLES], now=NOW)
    freeze(books, EARNED)
    close_until(books, DUE + HOUR, why="the day is over", now=DUE + DAY)
    assert _statuses(expire(books, now=DUE + DAY)) == {"expiry/seat": "created"}
    kept = by_reference(books, ["expiry/seat"])["expiry/seat"]
    assert (kept.effective, kept.occurred) == (DUE + HOUR, DUE)
    assert list(audit(books)) == []


@pytest.mark.parametrize(
    "wrong", [replace(HOLD, hold=False), replace(HOLD, expires=NOW), replace(HOLD, expires=NOW - DAY)]
)
def test_only_a_hold_expires_and_later_than_it_is_recorded(books: Connection, wrong: Transfer) -> None:
    [result] = post(books, [wrong], now=NOW)
    assert result.why == f"only a hold expires, and later than it is recorded ({NOW}), not at {wrong.expires}"
