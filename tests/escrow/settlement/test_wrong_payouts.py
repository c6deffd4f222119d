"""A bank that pays twice, what nobody asked for, or another amount: each is a break, and no balance moves for it."""

from datetime import date

from escrow.enrolment.contracts import Contract
from escrow.payouts import batches, instructions, refunds
from escrow.payouts.instructions import Instruction
from tests.escrow.county import BUREAU, RULEBOOK, at, balances, breaches, family, order, signed
from tests.escrow.settlement.conftest import Day

JULY = (date(2026, 7, 1), date(2026, 7, 31))


def refunded(day: Day) -> tuple[Contract, Instruction]:
    """A refund of 1,000.00 from an account that holds 3,000.00; it waits for its batch."""
    db = day.db
    contract, *others = (signed(db, day.of, family(db, number)) for number in (1, 2, 3))
    for each in (contract, *others):
        day.pay(order(db, each), at(7, 21, 13))
    day.hear(at(7, 21, 14))
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=BUREAU, now=at(7, 22))
    (payout,) = instructions.waiting(db)
    return contract, payout


def test_a_payout_that_left_twice_is_settled_once_and_the_second_is_a_break(day: Day) -> None:
    _, payout = refunded(day)
    day.send(at(7, 22))
    day.bank.pay_again(payout.end_to_end, at=at(7, 23))
    day.take(*JULY)
    found = day.reconcile().open
    assert [each.amount for each in found] == [-100000]
    assert balances(day.db)["bank/6200000001"] == 200000
    assert breaches(day.db) == []
    day.take(date(2026, 8, 1), date(2026, 8, 1))
    assert day.reconcile().open == found


def test_what_nobody_asked_for_is_a_break_and_no_owner_pays_for_it(day: Day) -> None:
    _, payout = refunded(day)
    day.send(at(7, 22))
    day.bank.pay_unasked(
        day.of.account, 5000, party="不明", party_account="6299", remark="PO9000019999999999", at=at(7, 23)
    )
    day.take(*JULY)
    assert [each.amount for each in day.reconcile().open] == [-5000]
    assert balances(day.db)["bank/6200000001"] == 200000
    assert instructions.by_id(day.db, [payout.id])[payout.id].state == "settled"
    assert breaches(day.db) == []


def test_another_amount_under_a_payouts_name_settles_nothing(day: Day) -> None:
    contract, payout = refunded(day)
    batches.make(day.db, by=BUREAU, now=at(7, 22))
    day.bank.pay_unasked(
        day.of.account,
        payout.amount + 1,
        party=payout.creditor,
        party_account=payout.creditor_account,
        remark=f"{payout.end_to_end} 培训费退费",
        at=at(7, 22),
    )
    day.take(*JULY)
    assert any(each.amount == -100001 for each in day.reconcile().open)
    assert instructions.by_id(day.db, [payout.id])[payout.id].state == "sent"
    assert balances(day.db)[contract.refund_path] == 100000
    assert breaches(day.db) == []
