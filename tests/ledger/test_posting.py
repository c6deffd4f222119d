"""Posting on both databases: what is written, what is answered, and what is left alone."""

from dataclasses import replace
from datetime import timedelta, timezone

import pytest
from sqlalchemy import Connection

from ledger.accounts import freeze, open_accounts
from ledger.audit import audit
from ledger.entries import NewAccount, Resolution, Transfer, TransferRefused
from ledger.posting import post, post_all
from ledger.reading import all_transfers, by_reference
from tests.ledger.books import (
    BANK,
    DAY,
    EARNED,
    FEES,
    HOUR,
    LESSON,
    NOW,
    OTHER,
    PAYMENT,
    PREPAID,
    RELEASE,
    SETTLED,
    available,
    balances,
    opened,
    payments,
)


@pytest.fixture
def books(db: Connection) -> Connection:
    """Open accounts; 3,000.00 paid and a lesson of 100.00 taught."""
    opened(db)
    post_all(db, [PAYMENT, LESSON], now=NOW)
    return db


def _statuses(db: Connection, *requests: Transfer | Resolution) -> list[str]:
    return [each.status for each in post(db, requests, now=NOW)]


def test_a_transfer_stands_in_the_books_as_it_was_asked_with_both_its_times(books: Connection) -> None:
    late = replace(PAYMENT, reference="pay-2", effective=NOW - 40 * DAY)
    post(books, [late], now=NOW, caller_key="notice-77")
    found = by_reference(books, ["pay-2", "unknown"])
    assert list(found) == ["pay-2"]
    kept = found["pay-2"]
    assert (kept.debit, kept.credit, kept.amount, kept.kind, kept.phase) == (
        BANK,
        PREPAID,
        300_000,
        "payment",
        "posted",
    )
    assert (kept.effective, kept.recorded, kept.caller_key) == (NOW - 40 * DAY, NOW, "notice-77")
    assert (kept.resolves, kept.corrects) == (None, None)


def test_times_are_kept_to_the_microsecond_and_as_the_same_instant_from_any_zone(books: Connection) -> None:
    instant = NOW.replace(microsecond=123_456)
    in_newfoundland = instant.astimezone(timezone(-timedelta(hours=3, minutes=30)))
    post(books, [replace(PAYMENT, reference="pay-2", effective=in_newfoundland)], now=instant)
    kept = by_reference(books, ["pay-2"])["pay-2"]
    assert (kept.effective, kept.recorded) == (instant, instant)
    assert kept.effective.utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_refused(books: Connection) -> None:
    with pytest.raises(Exception, match="has no time zone"):
        post(books, [replace(PAYMENT, reference="pay-2", effective=NOW.replace(tzinfo=None))], now=NOW)


def test_a_repeat_answers_that_it_existed_and_moves_nothing(books: Connection) -> None:
    before = balances(books)
    assert _statuses(books, PAYMENT, LESSON, PAYMENT) == ["existed"] * 3
    assert balances(books) == before == {BANK: 300_000, PREPAID: 290_000, EARNED: 10_000}
    assert len(list(all_transfers(books))) == 2


def test_a_repeat_existed_even_when_its_account_is_empty_or_frozen_by_now(books: Connection) -> None:
    post_all(books, [replace(LESSON, amount=290_000, reference="rest")], now=NOW)
    assert available(books, PREPAID) == 0
    freeze(books, EARNED)
    assert _statuses(books, LESSON) == ["existed"]


def test_a_repeat_with_other_content_is_refused_and_shows_what_stands_and_what_was_asked(books: Connection) -> None:
    [result] = post(books, [replace(PAYMENT, amount=300_001)], now=NOW)
    assert result.status == "refused"
    assert "amount=300000" in result.why
    assert "amount=300001" in result.why
    assert balances(books)[BANK] == 300_000


def test_each_request_of_a_batch_gets_its_own_result(books: Connection) -> None:
    too_much = replace(LESSON, reference="lesson-2", amount=290_001)
    unknown = replace(LESSON, reference="lesson-3", credit="institution/9/earned")
    fits = replace(LESSON, reference="lesson-4", amount=290_000)
    results = post(books, [LESSON, too_much, unknown, fits], now=NOW)
    assert [each.reference for each in results] == ["lesson-1", "lesson-2", "lesson-3", "lesson-4"]
    assert [each.status for each in results] == ["existed", "refused", "refused", "created"]
    assert balances(books) == {BANK: 300_000, EARNED: 300_000}


def test_all_or_nothing_names_every_refusal_and_writes_nothing_even_when_the_caller_goes_on(books: Connection) -> None:
    before = balances(books)
    fits = replace(LESSON, reference="lesson-2")
    unknown = replace(LESSON, reference="lesson-3", credit="institution/9/earned")
    too_much = replace(LESSON, reference="lesson-4", amount=290_001)
    with pytest.raises(TransferRefused, match=r"lesson-3: there is no account.*; lesson-4: .* were asked") as refusal:
        post_all(books, [fits, unknown, too_much], now=NOW)
    assert [each.reference for each in refusal.value.refused] == ["lesson-3", "lesson-4"]
    # An entrance may keep the refusal under its key and commit: not one transfer may then be left behind.
    assert balances(books) == before
    assert by_reference(books, ["lesson-2"]) == {}
    assert list(audit(books)) == []


def test_nothing_asked_is_nothing_done(books: Connection) -> None:
    assert post(books, [], now=NOW) == post_all(books, [], now=NOW) == []


def test_a_batch_longer_than_one_statement_is_written_whole_and_in_its_order(books: Connection) -> None:
    asked = list(payments(5_500))
    assert {each.status for each in post(books, asked, now=NOW)} == {"created"}
    assert balances(books)[PREPAID] == 290_000 + 5_500 * 100
    kept = [each.reference for each in all_transfers(books) if each.reference.startswith("many-")]
    assert kept == [each.reference for each in asked]
    assert list(audit(books)) == []


def test_a_hold_counts_against_what_is_available_until_it_ends(books: Connection) -> None:
    post_all(books, [RELEASE], now=NOW)
    assert (balances(books)[EARNED], available(books, EARNED)) == (10_000, 0)
    assert (balances(books)[BANK], available(books, BANK)) == (300_000, 290_000)
    assert _statuses(books, replace(RELEASE, reference="release-2", amount=1, hold=False)) == ["refused"]

    post_all(books, [replace(SETTLED, amount=4_000)], now=NOW)
    assert (balances(books)[EARNED], available(books, EARNED)) == (6_000, 6_000)
    assert (balances(books)[BANK], available(books, BANK)) == (296_000, 296_000)
    kept = by_reference(books, ["paid-1"])["paid-1"]
    assert (kept.amount, kept.phase, kept.resolves) == (4_000, "settled", "release-1")
    assert list(audit(books)) == []


@pytest.mark.parametrize("phase", ["voided", "expired"])
def test_a_hold_that_is_voided_or_expires_gives_everything_back_and_stays_on_record(
    books: Connection, phase: str
) -> None:
    post_all(books, [RELEASE], now=NOW)
    post_all(books, [replace(SETTLED, phase=phase)], now=NOW)  # type: ignore[arg-type]  # one of the Literal's words
    assert (balances(books)[EARNED], available(books, EARNED), available(books, BANK)) == (10_000, 10_000, 300_000)
    assert [each.phase for each in all_transfers(books)] == ["posted", "posted", "pending", phase]
    assert list(audit(books)) == []


def test_a_hold_ends_once_and_a_repeat_of_its_end_existed(books: Connection) -> None:
    post_all(books, [RELEASE], now=NOW)
    part = replace(SETTLED, amount=4_000)
    assert _statuses(books, part) == ["created"]
    assert _statuses(books, part) == ["existed"]
    assert _statuses(books, SETTLED) == ["refused"], "the whole is other content than the part"
    [result] = post(books, [replace(SETTLED, phase="voided", reference="void-1")], now=NOW)
    assert result.why == "the hold release-1 was resolved by paid-1"


def test_a_batch_of_holds_ends_as_one_or_not_at_all(books: Connection) -> None:
    halves = [replace(RELEASE, reference=f"half-{each}", amount=5_000) for each in (1, 2)]
    post_all(books, halves, now=NOW)
    ends = [replace(SETTLED, hold=each.reference, reference=f"paid-{each.reference}") for each in halves]
    with pytest.raises(TransferRefused, match="there is no hold half-3"):
        post_all(books, [*ends, replace(SETTLED, hold="half-3")], now=NOW)
    assert (balances(books)[EARNED], available(books, EARNED)) == (10_000, 0)
    post_all(books, ends, now=NOW)
    assert balances(books) == {BANK: 290_000, PREPAID: 290_000}


def test_an_account_goes_below_zero_only_where_a_reason_stands(books: Connection) -> None:
    refund = replace(PAYMENT, debit=BANK, credit=FEES, amount=500, kind="fee given back", reference="fee-1")
    assert _statuses(books, refund) == ["created"]
    assert balances(books)[FEES] == -500
    [result] = post(books, [replace(PAYMENT, debit=OTHER, credit=EARNED, amount=1, reference="x")], now=NOW)
    assert result.why == f"{OTHER} has 0 minor units available, 1 were asked of it"


def test_money_never_changes_its_currency_on_the_way(books: Connection) -> None:
    open_accounts(books, [NewAccount(path="bank/usd", kind="asset", currency="USD")])
    [result] = post(books, [replace(PAYMENT, debit="bank/usd", reference="usd-1")], now=NOW)
    assert result.why == f"bank/usd is in USD, {PREPAID} in CNY"


def test_a_correction_is_a_transfer_of_its_own_that_points_at_the_old_one(books: Connection) -> None:
    back = replace(LESSON, debit=EARNED, credit=PREPAID, reference="fix-1", corrects="lesson-1", effective=NOW + HOUR)
    assert _statuses(books, back) == ["created"]
    assert _statuses(books, back) == ["existed"]
    assert _statuses(books, replace(back, corrects="pay-1")) == ["refused"]
    kept = by_reference(books, ["fix-1", "lesson-1"])
    assert kept["fix-1"].corrects == "lesson-1"
    assert kept["lesson-1"].amount == 10_000, "the old one stands as it was"
    assert balances(books) == {BANK: 300_000, PREPAID: 300_000}
    assert _statuses(books, replace(back, reference="fix-2", corrects="never")) == ["refused"]


def test_a_reference_is_any_text_and_only_ever_itself(books: Connection) -> None:
    odd = ("'; DROP TABLE ledger_transfer; --", "%", "_", "课时费/一", "🧾", "a\nb", " ", "\\", "x" * 2_000)
    for reference in odd:
        assert _statuses(books, replace(LESSON, reference=reference)) == ["created"]
        assert _statuses(books, replace(LESSON, reference=reference)) == ["existed"]
        assert list(by_reference(books, [reference])) == [reference]
        assert by_reference(books, [reference.upper() + "?", f"{reference}\t"]) == {}


def test_references_differ_by_case(books: Connection) -> None:
    assert _statuses(books, replace(LESSON, reference="Lesson-1")) == ["created"]
