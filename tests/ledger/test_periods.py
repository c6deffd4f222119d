"""Periods on both databases: what is closed stays closed, and what comes late shows both its dates."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine

from escrow.db import transaction
from ledger.accounts import limit
from ledger.audit import audit
from ledger.balances import trial_balance
from ledger.entries import LedgerRefusal, Limits, Transfer
from ledger.periods import close_until, closed_until
from ledger.posting import post, post_all, post_columns
from ledger.reading import by_reference
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
    as_columns,
    opened,
)

TICK = timedelta(microseconds=1)
AUGUST = datetime(2026, 7, 31, 16, tzinfo=UTC)
"""Its first instant, in Asia/Shanghai."""
LATE = replace(PAYMENT, reference="late", amount=7, effective=AUGUST - TICK)


@pytest.fixture
def books(db: Connection) -> Connection:
    """A payment of July, a release on hold; July is closed by now."""
    opened(db)
    post_all(db, [replace(PAYMENT, effective=AUGUST - DAY), LESSON, RELEASE], now=NOW)
    close_until(db, AUGUST, why="July is over", now=NOW)
    return db


def _balances(db: Connection, as_of: datetime, known_at: datetime | None = None) -> dict[str, int]:
    return {each.path: each.amount for each in trial_balance(db, as_of=as_of, known_at=known_at) if each.amount}


def test_nothing_is_closed_in_new_books(db: Connection) -> None:
    assert closed_until(db) is None


def test_a_late_event_counts_in_the_open_period_and_shows_when_it_happened(books: Connection) -> None:
    july = _balances(books, AUGUST)
    post_all(books, [LATE], now=NOW + HOUR)
    kept = by_reference(books, ["late"])["late"]
    assert (kept.effective, kept.occurred, kept.happened) == (AUGUST, AUGUST - TICK, AUGUST - TICK)
    assert (kept.recorded, closed_until(books)) == (NOW + HOUR, AUGUST)
    assert _balances(books, AUGUST) == july, "what was said of a closed month is what will be said of it"
    assert _balances(books, AUGUST + TICK)[BANK] == july[BANK] + 7
    assert list(audit(books)) == []


def test_an_event_at_the_first_instant_of_the_open_period_is_not_late(books: Connection) -> None:
    post_all(books, [replace(LATE, effective=AUGUST)], now=NOW)
    kept = by_reference(books, ["late"])["late"]
    assert (kept.effective, kept.occurred) == (AUGUST, None)


@pytest.mark.parametrize("closed_again", [False, True])
def test_the_same_late_event_repeated_existed_however_much_was_closed_since(
    books: Connection, *, closed_again: bool
) -> None:
    post_all(books, [LATE], now=NOW)
    if closed_again:
        close_until(books, NOW, why="the night is over", now=NOW)
    before_closing = replace(PAYMENT, effective=AUGUST - DAY)
    assert [each.status for each in post(books, [LATE, before_closing, LESSON], now=NOW + DAY)] == ["existed"] * 3
    # It counts at that instant, but it did not happen then.
    [other] = post(books, [replace(LATE, effective=AUGUST)], now=NOW)
    assert other.status == "refused"
    assert "occurred=" in other.why


def test_late_events_as_columns_are_the_same_as_one_by_one(books: Connection) -> None:
    late = [replace(LATE, reference=f"late-{number}", effective=AUGUST + (number - 30) * HOUR) for number in range(60)]
    post_columns(books, as_columns(late), now=NOW)
    kept = by_reference(books, [each.reference for each in late])
    assert [kept[each.reference].happened for each in late] == [each.effective for each in late]
    assert [kept[each.reference].effective for each in late] == [max(each.effective, AUGUST) for each in late]
    assert {each.status for each in post(books, late, now=NOW)} == {"existed"}
    assert list(audit(books)) == []


def test_a_hold_of_a_closed_period_ends_in_the_open_one(books: Connection) -> None:
    close_until(books, NOW + HOUR, why="the night is over", now=NOW + DAY)
    post_all(books, [SETTLED], now=NOW + DAY)
    kept = by_reference(books, ["paid-1"])["paid-1"]
    assert (kept.effective, kept.occurred) == (NOW + HOUR, NOW)
    assert list(audit(books)) == []


def test_a_late_event_counts_for_the_most_of_the_open_period(books: Connection) -> None:
    limit(books, OTHER, Limits(period="month", most_credits=10), why="slowly", now=NOW)
    late = replace(LATE, credit=OTHER)
    [fits, not_any_more] = post(books, [late, replace(late, reference="late-2")], now=NOW)
    assert (fits.status, not_any_more.status) == ("created", "refused")
    assert "from 2026-08-01 (Asia/Shanghai) on it has 7 already" in not_any_more.why
    [again] = post(books, [replace(late, reference="late-2", effective=AUGUST)], now=NOW)
    assert "it has 7 already" in again.why


def test_a_period_is_closed_once_and_for_ever(books: Connection) -> None:
    for until in (AUGUST, AUGUST - TICK, AUGUST - 400 * DAY):
        with pytest.raises(LedgerRefusal, match=r"everything before .* is closed already"):
            close_until(books, until, why="again", now=NOW)
    with pytest.raises(LedgerRefusal, match="still to come"):
        close_until(books, NOW + TICK, why="too early", now=NOW)
    close_until(books, NOW, why="just over", now=NOW)
    assert closed_until(books) == NOW


def test_what_was_known_of_a_month_when_it_was_closed_can_be_said_again(books: Connection) -> None:
    then = trial_balance(books, as_of=NOW + DAY, known_at=NOW)
    post_all(books, [LATE, replace(LESSON, reference="l-2")], now=NOW + HOUR)
    close_until(books, NOW + HOUR, why="the night is over", now=NOW + HOUR)
    post_all(books, [replace(LATE, reference="later")], now=NOW + DAY)
    assert trial_balance(books, as_of=NOW + DAY, known_at=NOW) == then


@pytest.fixture
def own_books(own_postgres: Engine) -> Engine:
    with transaction(own_postgres) as db:
        opened(db)
    return own_postgres


def _posted(engine: Engine, request: Transfer) -> str:
    with transaction(engine) as db:
        return post(db, [request], now=NOW)[0].status


def test_closing_waits_for_what_is_being_written_and_what_comes_meanwhile_is_late(own_books: Engine) -> None:
    early = replace(LATE, reference="early")
    with ThreadPoolExecutor(2) as threads:
        with own_books.connect() as writing:
            post_all(writing, [early], now=NOW)

            def closing() -> None:
                with transaction(own_books) as db:
                    close_until(db, AUGUST, why="July is over", now=NOW)

            waiting = threads.submit(closing)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
            writing.commit()
        waiting.result(timeout=30)
    with own_books.connect() as closed, ThreadPoolExecutor(1) as threads:
        close_until(closed, NOW, why="the night is over", now=NOW)
        # Decided before it could see the closing, refused by the store, then decided again.
        late = threads.submit(
            _posted, own_books, replace(LESSON, debit=BANK, credit=EARNED, reference="during", effective=NOW - HOUR)
        )
        with pytest.raises(TimeoutError):
            late.result(timeout=0.3)
        closed.commit()
        assert late.result(timeout=30) == "created"
    with transaction(own_books) as db:
        kept = by_reference(db, ["early", "during"])
        assert (kept["early"].effective, kept["early"].occurred) == (AUGUST - TICK, None)
        assert (kept["during"].effective, kept["during"].occurred) == (NOW, NOW - HOUR)
        assert list(audit(db)) == []


def test_a_whole_batch_as_nouns_is_moved_into_the_open_period_too(books: Connection) -> None:
    late = [replace(LATE, reference=f"l-{number}", credit=PREPAID) for number in range(40)]
    assert {each.status for each in post_all(books, late, now=NOW)} == {"created"}
    assert {each.effective for each in by_reference(books, [one.reference for one in late]).values()} == {AUGUST}
