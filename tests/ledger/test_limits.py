"""Limits of several shapes on both databases: kept when posting, changed for a reason, and audited by their history."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from ledger.accounts import get, limit, open_accounts
from ledger.audit import audit
from ledger.business_clock import Period
from ledger.entries import USUAL, LedgerRefusal, Limits, NewAccount, Request
from ledger.posting import post, post_all
from ledger.schema import limit_change
from tests.ledger.books import (
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
    available,
    opened,
)

TICK = timedelta(microseconds=1)
MIDNIGHT = datetime(2026, 8, 31, 16, tzinfo=UTC)
"""In Asia/Shanghai the first instant of September."""


@pytest.fixture
def books(db: Connection) -> Connection:
    """3,000.00 paid, a lesson of 100.00 taught, its release on hold."""
    opened(db)
    post_all(db, [PAYMENT, LESSON, RELEASE], now=NOW)
    return db


def _why(db: Connection, request: Request) -> str:
    """Why it is refused; empty when it is not."""
    [result] = post(db, [request], now=NOW)
    assert list(audit(db)) == []
    return result.why


def _taught(amount: int, name: str, **changes: object) -> Request:
    return replace(LESSON, amount=amount, reference=name, **changes)  # type: ignore[arg-type]  # fields by name


def test_a_floor_above_zero_must_stay(books: Connection) -> None:
    limit(books, PREPAID, Limits(floor=50_000), why="a deposit", now=NOW)
    assert (
        _why(books, _taught(240_001, "too-much"))
        == f"{PREPAID} has 290000 minor units available, of which 50000 must stay, 240001 were asked of it"
    )
    assert _why(books, _taught(240_000, "all-that-may")) == ""
    assert available(books, PREPAID) == 50_000


def test_a_floor_below_zero_lets_so_much_be_owed_and_no_fen_more(books: Connection) -> None:
    limit(books, OTHER, Limits(floor=-100, overdraft="the family is known"), why="asked on the phone", now=NOW)
    assert _why(books, _taught(100, "owed", debit=OTHER)) == ""
    assert _why(books, _taught(1, "more", debit=OTHER)).startswith(f"{OTHER} has -100 minor units available")


def test_a_ceiling_counts_what_is_there_and_what_is_promised(books: Connection) -> None:
    limit(books, OTHER, Limits(ceiling=100), why="a trial lesson at most", now=NOW)
    paid = replace(PAYMENT, credit=OTHER)
    assert _why(books, replace(paid, amount=60, reference="a")) == ""
    assert _why(books, replace(paid, amount=40, reference="b", hold=True)) == ""
    assert (
        _why(books, replace(paid, amount=1, reference="c"))
        == f"{OTHER} may have 100 minor units; 100 are there or promised, and 1 more"
    )
    post_all(books, [replace(SETTLED, hold="b", phase="voided", reference="d")], now=NOW)
    assert _why(books, replace(paid, amount=1, reference="c")) == ""


@pytest.mark.parametrize("period", ["day", "month"])
def test_the_most_of_a_period_counts_by_the_effective_time_on_the_business_clock(
    books: Connection, period: Period
) -> None:
    limit(books, PREPAID, Limits(period=period, most_debits=100), why="slowly", now=NOW)
    last, first = _taught(100, "last", effective=MIDNIGHT - TICK), _taught(100, "first", effective=MIDNIGHT)
    begins = "2026-08-31" if period == "day" else "2026-08-01"
    # LESSON itself was taught in August, before there was this limit.
    already = 100 if period == "day" else 10_000
    if period == "day":
        assert _why(books, last) == ""
    assert (
        _why(books, _taught(1, "more", effective=MIDNIGHT - TICK))
        == f"{PREPAID} may have debits of 100 in a {period}; from {begins} (Asia/Shanghai) on it has {already} already"
    )
    assert _why(books, first) == ""
    assert "from 2026-09-01 (Asia/Shanghai) on it has 100 already" in _why(
        books, _taught(1, "more", effective=MIDNIGHT)
    )


def test_the_most_of_a_period_is_counted_within_a_batch_too_and_on_its_own_side_only(books: Connection) -> None:
    limit(books, OTHER, Limits(period="day", most_credits=100), why="slowly", now=NOW)
    paid = replace(PAYMENT, credit=OTHER, amount=60)
    results = post(
        books,
        [
            replace(paid, reference="a"),
            replace(paid, reference="b"),
            replace(paid, reference="c", amount=40),
            replace(paid, reference="d", effective=NOW + DAY),
            replace(LESSON, debit=OTHER, amount=160, reference="e"),
        ],
        now=NOW,
    )
    assert [each.status for each in results] == ["created", "refused", "created", "created", "created"]
    assert list(audit(books)) == []


def test_a_hold_counts_in_its_period_from_the_start_and_later_with_what_it_settled(books: Connection) -> None:
    limit(books, OTHER, Limits(period="day", most_credits=100), why="slowly", now=NOW)
    paid = replace(PAYMENT, credit=OTHER, amount=100)
    assert _why(books, replace(paid, reference="hold", hold=True)) == ""
    assert "it has 100 already" in _why(books, replace(paid, amount=1, reference="more"))
    # Even where nothing more may move that day, a promise is kept.
    post_all(books, [replace(SETTLED, hold="hold", amount=70, reference="end", effective=NOW + DAY)], now=NOW)
    assert "it has 70 already" in _why(books, replace(paid, amount=31, reference="more"))
    assert _why(books, replace(paid, amount=30, reference="rest")) == ""
    assert _why(books, replace(paid, amount=100, reference="tomorrow", effective=NOW + DAY)) == ""


def test_a_repeat_existed_whatever_the_limits_are_by_now(books: Connection) -> None:
    limit(books, PREPAID, Limits(floor=290_000, period="day", most_debits=0), why="nothing goes", now=NOW)
    assert post(books, [LESSON], now=NOW)[0].status == "existed"
    assert "must stay" in _why(books, _taught(1, "more"))


def test_limits_that_what_stands_would_break_already_are_refused(books: Connection) -> None:
    for path, limits, why in (
        (PREPAID, Limits(floor=290_001), f"{PREPAID} has 290000 minor units available: its floor cannot be 290001"),
        (PREPAID, Limits(ceiling=289_999), "promised ones included: its ceiling cannot be 289999"),
        (EARNED, Limits(floor=1), f"{EARNED} has 0 minor units available"),  # all of it is on hold
        ("nowhere", USUAL, "there is no account nowhere"),
    ):
        with pytest.raises(LedgerRefusal, match=why):
            limit(books, path, limits, why="wrongly", now=NOW)
    assert [each.limits for path in (PREPAID, EARNED) if (each := get(books, path))] == [USUAL, USUAL]
    assert (
        limit(books, PREPAID, Limits(floor=290_000, ceiling=290_000), why="as it stands", now=NOW).available == 290_000
    )


def test_every_change_stays_on_record_with_its_reason_and_its_time(books: Connection) -> None:
    below = Limits(floor=-100, overdraft="the family is known")
    limit(books, PREPAID, below, why="asked on the phone", now=NOW)
    limit(books, PREPAID, USUAL, why="the family has moved", now=NOW + HOUR)
    path = get(books, PREPAID)
    assert path is not None
    assert path.limits == USUAL
    rows = books.execute(select(limit_change).where(limit_change.c.account_id == path.id).order_by(limit_change.c.id))
    assert [(row.floor, row.overdraft, row.why, row.recorded) for row in rows] == [
        (-100, "the family is known", "asked on the phone", NOW),
        (0, None, "the family has moved", NOW + HOUR),
    ]


def test_each_transfer_is_audited_by_the_limits_of_its_own_time(books: Connection) -> None:
    """What was right then stays right, though it would be refused today; and the other way round."""
    limit(books, OTHER, Limits(floor=-100, overdraft="known"), why="asked", now=NOW)
    post_all(books, [_taught(100, "owed", debit=OTHER)], now=NOW)
    post_all(books, [replace(PAYMENT, credit=OTHER, amount=100, reference="back")], now=NOW)
    limit(books, OTHER, Limits(ceiling=0), why="no more of that", now=NOW)
    limit(books, OTHER, USUAL, why="well", now=NOW)
    assert list(audit(books)) == []
    assert "0 minor units available" in _why(books, _taught(1, "owed-again", debit=OTHER))


def test_a_ceiling_that_was_broken_for_a_while_is_found(books: Connection) -> None:
    limit(books, OTHER, Limits(ceiling=100), why="small", now=NOW)
    books.exec_driver_sql("UPDATE ledger_account SET ceiling = NULL WHERE path = 'contract/2/prepaid'")
    post_all(books, [replace(PAYMENT, credit=OTHER, amount=101, reference="much")], now=NOW)
    post_all(books, [_taught(1, "less", debit=OTHER)], now=NOW)
    books.exec_driver_sql("UPDATE ledger_account SET ceiling = 100 WHERE path = 'contract/2/prepaid'")
    [breach] = audit(books)
    assert (breach.subject, breach.detail) == (OTHER, "101 there or promised, where 100 may be, after much")


def test_an_account_opened_with_limits_of_its_own_says_since_when(db: Connection) -> None:
    small = NewAccount(path="small", kind="asset", limits=Limits(ceiling=5))
    with pytest.raises(TypeError, match=r"say when \(now\)"), db.begin_nested():
        open_accounts(db, [small])
    open_accounts(db, [small], now=NOW)
    open_accounts(db, [small], now=NOW + HOUR)  # as it stands already
    [row] = db.execute(select(limit_change).where(limit_change.c.why == "opened so", limit_change.c.ceiling == 5))
    assert (row.recorded, row.after_id) == (NOW, 0)


whole = st.one_of(st.none(), st.integers(-3, 3))
facts = st.fixed_dictionaries(
    {
        "floor": whole,
        "period": st.sampled_from([None, "day", "month"]),
        "most_debits": whole,
        "most_credits": whole,
        "overdraft": st.sampled_from([None, "", "so"]),
    }
)


@given(facts)
def test_limits_that_make_no_sense_cannot_be_written_down(given: dict[str, Any]) -> None:
    owes = given["floor"] is None or given["floor"] < 0
    moves = given["most_debits"] is not None or given["most_credits"] is not None
    if (owes and not given["overdraft"]) or moves != (given["period"] is not None):
        with pytest.raises(ValueError, match=r"needs its reason|goes with the period"):
            Limits(**given)
    else:
        assert Limits(**given) == Limits(**given)
