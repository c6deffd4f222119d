"""Payouts of which the statement tells another end: come back, too early, twice, or paid though the bank said no."""

import pytest
from sqlalchemy import select

from escrow.payouts import batches, outcomes, refunds, releases, suspense
from escrow.payouts.outcomes import Told
from escrow.payouts.tables import instruction, release_request
from escrow.settlement import cash, matches, undoing
from escrow.settlement.tables import match
from escrow.settlement.undoing import ClaimFreed, TakenBackByTheBank
from tests.escrow.county import (
    BUREAU,
    RULEBOOK,
    SECOND,
    at,
    balances,
    breaches,
    confirmed,
    credit,
    enrolled,
    receive,
    requested,
)
from tests.escrow.settlement.bank_days import BankLine, written
from tests.escrow.settlement.conftest import Day

NOW = at(10, 9)


def release(day: Day) -> str:
    """A release of 333.33 that was sent to the bank; its end-to-end id."""
    confirmed(day.db, day.of, enrolled(day.db, day.of), on=(8, 3))
    releases.approve(day.db, requested(day.db, day.of).id, by=BUREAU, now=at(9, 11))
    return sent(day)


def refund(day: Day) -> str:
    _, contract = enrolled(day.db, day.of)
    refunds.ask(day.db, contract.id, rulebook=RULEBOOK, by=BUREAU, now=at(9, 11))
    return sent(day)


def sent_back(day: Day) -> str:
    (parked,) = receive(day.db, credit("", 5000, serial="S-parked"))
    proposal = suspense.propose(day.db, parked.payment.id, contract_id=None, reason="误汇", by=BUREAU, now=at(9, 10))
    suspense.approve(day.db, proposal.id, by=SECOND, now=at(9, 10))
    return sent(day)


def sent(day: Day) -> str:
    batches.make(day.db, by=BUREAU, now=at(9, 11, 16))
    return str(day.db.execute(select(instruction.c.end_to_end)).scalar_one())


def line(amount: int, on: int, end_to_end: str, *, serial: str) -> BankLine:
    return BankLine(amount=amount, at=at(9, on), serial=serial, use=end_to_end, party="x", party_account="63")


def taken(day: Day, *lines: BankLine, opening: int = 500_000) -> None:
    day.take_file(written(day.of.account, lines, opening=opening), now=NOW)


def state(day: Day) -> str:
    return str(day.db.execute(select(instruction.c.state)).scalar_one())


def everything_holds(day: Day) -> None:
    assert breaches(day.db) == []
    assert cash.prove(day.db, day.of.account).unexplained.minor == 0


def test_a_release_that_comes_back_is_earned_again_and_can_be_asked_for_anew(day: Day) -> None:
    name = release(day)
    before = balances(day.db)
    taken(day, line(-33333, 12, name, serial="L1"), line(33333, 14, name, serial="L2"))
    found = day.reconcile(NOW)
    assert (found.matched, found.booked, [each.kind for each in found.open if each.line_id]) == (
        {"reference": 1},
        {"payout": 1},
        [],
    )
    assert state(day) == "returned"
    assert day.db.execute(select(release_request.c.state)).scalar_one() == "bounced"
    after = balances(day.db)
    institution = day.of.institution.id
    assert after[f"institution/{institution}/earned"] == before[f"institution/{institution}/payout"] == 33333
    assert after["bank/6200000001"] == before["bank/6200000001"]
    everything_holds(day)
    left, back = (matches.as_match(row) for row in day.db.execute(select(match).order_by(match.c.id)))
    assert (back.rule, back.reverses_id, back.booked) == ("returned", left.id, 33333)
    for found_, refusal in ((left, TakenBackByTheBank), (back, ClaimFreed)):
        with pytest.raises(refusal):
            undoing.undo(day.db, found_.id, reason="x", by=BUREAU, now=NOW)


@pytest.mark.parametrize(("decided", "amount"), [(refund, 100000), (sent_back, 5000)])
def test_a_refund_or_a_return_that_comes_back_is_owed_as_before(day: Day, decided: object, amount: int) -> None:
    name = decided(day)  # type: ignore[operator]  # one of the two functions above
    before = balances(day.db)
    taken(day, line(-amount, 12, name, serial="L1"))
    day.reconcile(NOW)
    assert state(day) == "settled"
    taken(day, line(-amount, 12, name, serial="L1"), line(amount, 14, name, serial="L2"))
    assert day.reconcile(NOW).booked == {"payout": 1}
    assert (state(day), balances(day.db)) == ("returned", before)
    everything_holds(day)


def test_money_that_comes_back_before_it_was_seen_leaving_waits_for_that(day: Day) -> None:
    name = refund(day)
    before = balances(day.db)
    taken(day, line(100000, 14, name, serial="L2"))
    (listed,) = [each for each in day.reconcile(NOW).open if each.line_id]
    assert (listed.kind, listed.amount) == ("returned_early", 100000)
    assert (state(day), balances(day.db)) == ("sent", before)
    everything_holds(day)
    taken(day, line(-100000, 12, name, serial="L1"), line(100000, 14, name, serial="L2"), opening=500_000)
    found = day.reconcile(NOW)
    assert [each.kind for each in found.open if each.line_id] == []
    assert (state(day), balances(day.db)) == ("returned", before)
    everything_holds(day)


def test_a_payout_that_comes_back_twice_is_a_contradiction_and_moves_nothing_the_second_time(day: Day) -> None:
    name = refund(day)
    before = balances(day.db)
    taken(
        day,
        line(-100000, 12, name, serial="L1"),
        line(100000, 14, name, serial="L2"),
        line(100000, 15, name, serial="L3"),
    )
    (listed,) = [each for each in day.reconcile(NOW).open if each.line_id]
    assert (listed.kind, listed.severity, listed.amount) == ("contradiction", "high", 100000)
    assert balances(day.db) == before
    everything_holds(day)


def test_a_payout_that_left_though_the_bank_had_rejected_it_is_settled_after_all(day: Day) -> None:
    name = refund(day)
    (payout,) = day.db.execute(select(instruction.c.id)).scalars()
    told = Told(instruction_id=payout, at=at(9, 12), code="AC04", reason="账户已销户")
    outcomes.rejected(day.db, [told], by=BUREAU, now=at(9, 12))
    taken(day, line(-100000, 13, name, serial="L1"))
    found = day.reconcile(NOW)
    assert (found.booked, state(day)) == ({"payout": 1}, "settled")
    assert [each.kind for each in found.open if each.line_id] == []
    everything_holds(day)
