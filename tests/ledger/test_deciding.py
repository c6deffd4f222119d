"""The decision alone, without a database: what is known goes in, entries and results come out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import deciding
from ledger.batch import Batch
from ledger.deciding import Books, Known
from ledger.entries import USUAL, Account, Limits, Phase, Recorded, Request, Resolution, Result, Transfer
from ledger.rows import Rows
from ledger.standings import MAX_AMOUNT
from tests.ledger.books import BANK, EARNED, HOUR, LESSON, NOW, PAYMENT, PREPAID, RELEASE, SETTLED

NOTHING = Known(transfers={}, resolved={})
IDS = {BANK: 1, PREPAID: 2, EARNED: 3}


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What a decision leads to: a result for each request, and the accounts once its rows are written."""

    results: list[Result]
    accounts: dict[str, Account]
    references: list[str]


def decide(requests: Sequence[Request], accounts: dict[str, Account], known: Known) -> Decided:
    decision = deciding.decide(Batch.of(requests), Books(accounts=accounts), known, now=NOW)
    held = {each.id: each.amount for each in known.transfers.values()}
    return Decided(
        results=decision.results(),
        accounts=_booked(accounts, decision.rows, held),
        references=list(decision.rows.reference),
    )


def _booked(accounts: dict[str, Account], rows: Rows, held: dict[int, int]) -> dict[str, Account]:
    """The accounts as they stand after these rows, added up as plainly as it can be said."""
    after = {each.id: each for each in accounts.values()}
    for number in range(len(rows)):
        phase = rows.phase if isinstance(rows.phase, str) else rows.phase[number]
        resolves = rows.resolves[number] if rows.resolves else None
        posted = rows.amount[number] if phase in ("posted", "settled") else 0
        pending = rows.amount[number] if phase == "pending" else -held[resolves] if resolves else 0
        debit, credit = after[rows.debit_id[number]], after[rows.credit_id[number]]
        after[debit.id] = replace(
            debit, debits_posted=debit.debits_posted + posted, debits_pending=debit.debits_pending + pending
        )
        after[credit.id] = replace(
            credit, credits_posted=credit.credits_posted + posted, credits_pending=credit.credits_pending + pending
        )
    return {each.path: each for each in after.values()}


def _account(path: str, **changes: object) -> Account:
    empty = Account(
        id=IDS[path],
        path=path,
        kind="asset" if path == BANK else "liability",
        currency="CNY",
        limits=USUAL,
        state="open",
        debits_posted=0,
        credits_posted=0,
        debits_pending=0,
        credits_pending=0,
    )
    return replace(empty, **changes)  # type: ignore[arg-type]  # fields by name


def _books(*others: Account) -> dict[str, Account]:
    """A bank account with 1,000.00 that are prepaid, and an institution that earned nothing yet."""
    standing = (
        _account(BANK, debits_posted=100_000),
        _account(PREPAID, credits_posted=100_000),
        _account(EARNED),
        *others,
    )
    return {each.path: each for each in standing}


def _recorded(request: Transfer, phase: Phase = "posted") -> Recorded:
    return Recorded(
        id=7,
        debit=request.debit,
        credit=request.credit,
        amount=request.amount,
        phase=phase,
        kind=request.kind,
        reference=request.reference,
        effective=request.effective,
        recorded=NOW,
        resolves=None,
        corrects=request.corrects,
        caller_key="",
    )


def _why(request: Request, accounts: dict[str, Account] | None = None, known: Known = NOTHING) -> str:
    """Why the request is refused; it must then change nothing."""
    before = _books() if accounts is None else accounts
    decision = decide([request], before, known)
    assert (decision.accounts, decision.references) == (before, [])
    assert [each.status for each in decision.results] == ["refused"]
    return decision.results[0].why


def _held() -> tuple[dict[str, Account], Known]:
    """The books with a release of 100.00 on hold, of the 150.00 that the institution earned."""
    books = _books()
    books[BANK] = replace(books[BANK], credits_pending=10_000)
    books[EARNED] = replace(books[EARNED], credits_posted=15_000, debits_pending=10_000)
    return books, Known(transfers={"release-1": _recorded(RELEASE, "pending")}, resolved={})


def test_a_transfer_moves_both_sides_and_nothing_else() -> None:
    before = _books()
    decision = decide([LESSON], before, NOTHING)
    assert decision.results[0].status == "created"
    assert decision.accounts == before | {
        PREPAID: replace(before[PREPAID], debits_posted=10_000),
        EARNED: replace(before[EARNED], credits_posted=10_000),
    }


@pytest.mark.parametrize("amount", [0, -1, MAX_AMOUNT + 1, 10.0, True, "100"])
def test_an_amount_that_is_not_a_positive_whole_number_of_64_bits_is_refused(amount: int) -> None:
    assert f"not {amount!r}" in _why(replace(LESSON, amount=amount))


def test_a_transfer_without_a_reference_is_refused() -> None:
    assert "needs a reference" in _why(replace(LESSON, reference=""))


@pytest.mark.parametrize("number", [1, 40], ids=["one by one", "as a whole"])
def test_a_year_that_no_calendar_ends_is_refused(number: int) -> None:
    late = [replace(LESSON, amount=1, reference=f"l{each}", effective=NOW.replace(year=9999)) for each in range(number)]
    why = {each.why for each in decide(late, _books(), NOTHING).results}
    assert why == {f"nothing happens after the year 9998, not at {late[0].effective}"}


def test_more_than_is_available_is_refused_with_both_figures() -> None:
    assert (
        _why(replace(LESSON, amount=100_001)) == f"{PREPAID} has 100000 minor units available, 100001 were asked of it"
    )


def test_a_bank_account_may_not_pay_out_what_it_does_not_hold() -> None:
    earned_too_much = _account(EARNED, credits_posted=100_001)
    assert f"{BANK} has 100000" in _why(
        replace(LESSON, debit=EARNED, credit=BANK, amount=100_001), _books() | {EARNED: earned_too_much}
    )


def test_an_overdraft_that_has_a_reason_is_allowed() -> None:
    accounts = _books(_account(PREPAID, limits=Limits(floor=None, overdraft="the family is known")))
    decision = decide([LESSON], accounts, NOTHING)
    assert decision.accounts[PREPAID].balance == -10_000


def test_totals_stay_below_64_bits() -> None:
    accounts = _books(_account(BANK, debits_posted=MAX_AMOUNT), _account(PREPAID, credits_posted=MAX_AMOUNT))
    assert f"would pass {MAX_AMOUNT}" in _why(replace(PAYMENT, amount=1), accounts)


@pytest.mark.parametrize("side", [PREPAID, EARNED])
@pytest.mark.parametrize("state", ["frozen", "closed"])
def test_a_frozen_or_closed_account_takes_no_new_business_on_either_side(side: str, state: str) -> None:
    accounts = _books()
    accounts[side] = replace(accounts[side], state=state)  # type: ignore[arg-type]  # one of the Literal's words
    assert _why(LESSON, accounts) == f"the account {side} is {state}"


def test_two_currencies_are_refused_and_named() -> None:
    accounts = _books(_account(EARNED, currency="USD"))
    assert _why(LESSON, accounts) == f"{PREPAID} is in CNY, {EARNED} in USD"


def test_a_transfer_needs_two_known_accounts() -> None:
    assert _why(replace(LESSON, credit=PREPAID)) == f"a transfer needs two accounts, not {PREPAID} twice"
    assert _why(replace(LESSON, credit="nowhere")) == "there is no account nowhere"


def test_the_same_content_again_existed_in_whatever_zone_its_time_is_written() -> None:
    known = Known(transfers={"lesson-1": _recorded(LESSON)}, resolved={})
    in_shanghai = replace(LESSON, effective=NOW.astimezone(timezone(timedelta(hours=8))))
    decision = decide([LESSON, in_shanghai], _books(), known)
    assert [each.status for each in decision.results] == ["existed", "existed"]
    assert decision.references == []


@pytest.mark.parametrize(
    "changed",
    [
        replace(LESSON, amount=10_001),
        replace(LESSON, debit=EARNED, credit=PREPAID),
        replace(LESSON, credit=BANK),
        replace(LESSON, kind="gift"),
        replace(LESSON, effective=NOW + HOUR),
        replace(LESSON, corrects="pay-1"),
        replace(LESSON, hold=True),
        Resolution(hold="h", phase="settled", reference="lesson-1", effective=NOW, kind="lesson"),
    ],
)
@pytest.mark.parametrize("recorded", [True, False], ids=["posted before", "earlier in the batch"])
def test_the_same_reference_with_other_content_is_refused_and_shows_both(changed: Request, *, recorded: bool) -> None:
    known = Known(transfers={"lesson-1": _recorded(LESSON)} if recorded else {}, resolved={})
    *_, second = decide([LESSON, changed], _books(), known).results
    assert second.status == "refused"
    assert "other content" in second.why
    assert "amount=10000" in second.why
    assert repr(changed) in second.why


def test_a_reference_that_was_only_refused_is_still_free() -> None:
    too_much, right = replace(LESSON, amount=100_001), LESSON
    assert [each.status for each in decide([too_much, right], _books(), NOTHING).results] == ["refused", "created"]


def test_a_batch_is_decided_in_its_order() -> None:
    back = replace(LESSON, debit=EARNED, credit=PREPAID, reference="back")
    assert [each.status for each in decide([back, LESSON], _books(), NOTHING).results] == ["refused", "created"]
    assert [each.status for each in decide([LESSON, back], _books(), NOTHING).results] == ["created", "created"]


def test_a_hold_reserves_and_moves_nothing() -> None:
    after = decide([replace(LESSON, hold=True)], _books(), NOTHING).accounts
    assert (after[PREPAID].balance, after[PREPAID].available) == (100_000, 90_000)
    assert (after[EARNED].balance, after[EARNED].available) == (0, 0), "what may come is not there yet"


def test_a_hold_and_a_transfer_cannot_both_have_the_last_fen() -> None:
    hold = replace(LESSON, amount=99_999, hold=True, reference="hold-1")
    results = decide([hold, replace(LESSON, amount=2)], _books(), NOTHING).results
    assert results[1].why == f"{PREPAID} has 1 minor units available, 2 were asked of it"


@pytest.mark.parametrize(
    ("end", "moved"),
    [
        (SETTLED, 10_000),
        (replace(SETTLED, amount=10_000), 10_000),
        (replace(SETTLED, amount=1), 1),
        (replace(SETTLED, phase="voided"), 0),
        (replace(SETTLED, phase="expired"), 0),
    ],
)
@pytest.mark.parametrize("state", ["open", "frozen"])
def test_the_end_of_a_hold_moves_its_part_and_frees_the_whole_even_in_a_frozen_account(
    end: Resolution, moved: int, state: str
) -> None:
    books, known = _held()
    books[EARNED] = replace(books[EARNED], state=state)  # type: ignore[arg-type]  # one of the Literal's words
    after = decide([end], books, known).accounts
    assert (after[EARNED].balance, after[EARNED].available) == (15_000 - moved, 15_000 - moved)
    assert (after[BANK].balance, after[BANK].available) == (100_000 - moved, 100_000 - moved)


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (replace(SETTLED, amount=10_001), "is of 10000"),
        (replace(SETTLED, amount=0), "is of 10000"),
        (replace(SETTLED, amount=-1), "is of 10000"),
        (replace(SETTLED, amount=9_999, phase="voided"), "is voided whole"),
        (replace(SETTLED, amount=1, phase="expired"), "is expired whole"),
        (replace(SETTLED, hold="release-2"), "there is no hold release-2"),
    ],
)
def test_a_hold_ends_within_its_amount_and_as_a_whole_unless_settled(end: Resolution, why: str) -> None:
    books, known = _held()
    assert why in _why(end, books, known)


def test_a_hold_ends_once() -> None:
    books, known = _held()
    again = replace(SETTLED, reference="paid-2")
    results = decide([SETTLED, again], books, known).results
    assert [each.status for each in results] == ["created", "refused"]
    assert results[1].why == "the hold release-1 was resolved by paid-1"
    assert _why(again, books, replace(known, resolved={"release-1": "paid-0"})).endswith("resolved by paid-0")


def test_the_whole_of_a_hold_is_the_same_content_with_and_without_its_amount() -> None:
    books, known = _held()
    results = decide([SETTLED, replace(SETTLED, amount=10_000), replace(SETTLED, amount=9_999)], books, known).results
    assert [each.status for each in results] == ["created", "existed", "refused"]

    end = replace(_recorded(RELEASE, "settled"), reference="paid-1", resolves="release-1", kind="paid out", amount=400)
    part = replace(known, transfers={**known.transfers, "paid-1": end})
    assert decide([replace(SETTLED, amount=400)], books, part).results[0].status == "existed"
    assert "other content" in _why(SETTLED, books, part), "the whole is not the part that was settled"


def test_a_transfer_that_moved_money_is_no_hold() -> None:
    known = Known(transfers={"lesson-1": _recorded(LESSON)}, resolved={})
    assert "there is no hold lesson-1" in _why(replace(SETTLED, hold="lesson-1"), known=known)


def test_only_what_was_posted_before_can_be_corrected() -> None:
    correction = replace(LESSON, corrects="pay-1")
    assert "there is no transfer pay-1" in _why(correction)
    known = Known(transfers={"pay-1": _recorded(PAYMENT)}, resolved={})
    assert decide([correction], _books(), known).results[0].status == "created"


amounts = st.integers(min_value=1, max_value=150_000)
pairs = st.sampled_from([(BANK, PREPAID), (PREPAID, EARNED), (EARNED, BANK), (EARNED, PREPAID), (PREPAID, BANK)])


@given(st.lists(st.tuples(pairs, amounts, st.booleans()), max_size=30))
def test_whatever_is_asked_debits_are_credits_and_nobody_has_less_than_nothing(
    asked: list[tuple[tuple[str, str], int, bool]],
) -> None:
    requests = [
        replace(LESSON, debit=debit, credit=credit, amount=amount, hold=hold, reference=f"r{number}")
        for number, ((debit, credit), amount, hold) in enumerate(asked)
    ]
    decision = decide(requests, _books(), NOTHING)
    after = decision.accounts.values()
    assert sum(each.debits_posted for each in after) == sum(each.credits_posted for each in after)
    assert sum(each.debits_pending for each in after) == sum(each.credits_pending for each in after)
    assert all(each.available >= 0 for each in after)
    created = [each.reference for each in decision.results if each.status == "created"]
    assert created == decision.references
