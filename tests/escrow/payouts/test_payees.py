"""Payees: a payout that cannot be paid waits on a list until two people name an account; then it is paid once."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection, update
from sqlalchemy.exc import IntegrityError

from escrow.access.caller import Caller
from escrow.enrolment.contracts import Contract
from escrow.payouts import batches, instructions, outcomes, payees, refunds, releases
from escrow.payouts.batches import NothingToSend
from escrow.payouts.instructions import Instruction
from escrow.payouts.outcomes import Told
from escrow.payouts.payees import BadPayee, Correction, NotToBeCorrected
from escrow.payouts.tables import payee_correction
from escrow.refusals import AlreadyDecided, Forbidden, FourEyes, ReasonMissing, Unknown
from tests.escrow.county import (
    BANK,
    BUREAU,
    RULEBOOK,
    SECOND,
    at,
    balances,
    breaches,
    confirmed,
    enrolled,
    family,
    pay,
    requested,
    school,
    signed,
)


def masked(db: Connection) -> tuple[Contract, Instruction]:
    """A refund to a payer whose account the bank hides."""
    of, child = school(db), family(db)
    contract = signed(db, of, child)
    pay(db, of, contract, payer_account="6222****0001")
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(8, 1))
    (waiting,) = instructions.waiting(db)
    return contract, waiting


def named(db: Connection, payout: Instruction, *, account: str = "6222000000000009", by: Caller = BUREAU) -> Correction:
    return payees.propose(
        db, payout.id, creditor="王芳1", creditor_account=account, reason="家长提供了账户", by=by, now=at(8, 2)
    )


def test_a_masked_payee_is_completed_by_two_people_and_paid_once(db: Connection) -> None:
    contract, payout = masked(db)
    assert payees.stuck(db) == [payout]
    proposal = named(db, payout)
    with pytest.raises(NothingToSend):
        batches.make(db, by=BUREAU, now=at(8, 2))
    attempt = payees.approve(db, proposal.id, by=SECOND, now=at(8, 3))
    batch = batches.make(db, by=BUREAU, now=at(8, 3))

    assert (attempt.claim, attempt.amount, attempt.creditor_account) == (payout.id, 100000, "6222000000000009")
    assert (batch.lines, payees.stuck(db)) == (1, [])
    assert instructions.by_id(db, [payout.id])[payout.id].state == "withdrawn"
    outcomes.left(db, [Told(instruction_id=attempt.id, at=at(8, 4))], by=BUREAU, now=at(8, 5))
    assert contract.refund_path not in balances(db)


def test_a_refund_that_came_back_goes_to_another_account_and_can_come_back_again(db: Connection) -> None:
    contract, payout = masked(db)
    attempt = payees.approve(db, named(db, payout).id, by=SECOND, now=at(8, 3))
    for number in (1, 2):
        batches.make(db, by=BUREAU, now=at(8, 3))
        outcomes.left(db, [Told(instruction_id=attempt.id, at=at(8, 4))], by=BUREAU, now=at(8, 5))
        told = Told(instruction_id=attempt.id, at=at(8, 6), code="AC04", reason="账户已销户")
        outcomes.came_back(db, [told], by=BUREAU, now=at(8, 7))
        assert [each.id for each in payees.stuck(db)] == [attempt.id]
        assert balances(db)[contract.refund_path] == 100000
        attempt = payees.approve(db, named(db, attempt, account=f"622200000000000{number}").id, by=SECOND, now=at(8, 8))
    assert payees.stuck(db) == []


def test_who_names_an_account_never_approves_it(db: Connection) -> None:
    _, payout = masked(db)
    proposal = named(db, payout)
    with pytest.raises(FourEyes):
        payees.approve(db, proposal.id, by=BUREAU, now=at(8, 3))
    with pytest.raises(FourEyes):
        payees.reject(db, proposal.id, reason="x", by=BUREAU, now=at(8, 3))
    with pytest.raises(IntegrityError, match="four_eyes"), db.begin_nested():
        db.execute(update(payee_correction).values(state="approved", decided_by=BUREAU.name, decided_at=at(8, 3)))
    for by in (BANK, Caller(name="x", role="family", party=1), Caller(name="x", role="institution", party=1)):
        with pytest.raises(Forbidden):
            payees.approve(db, proposal.id, by=by, now=at(8, 3))
    with pytest.raises(Forbidden):
        named(db, payout, by=Caller(name="x", role="family", party=1))


def test_a_rejected_account_leaves_the_payout_to_be_corrected_anew(db: Connection) -> None:
    _, payout = masked(db)
    proposal = named(db, payout)
    with pytest.raises(NotToBeCorrected):
        named(db, payout)
    with pytest.raises(ReasonMissing):
        payees.reject(db, proposal.id, reason=" ", by=SECOND, now=at(8, 3))
    assert payees.reject(db, proposal.id, reason="户名不符", by=SECOND, now=at(8, 3)).state == "rejected"
    with pytest.raises(AlreadyDecided):
        payees.approve(db, proposal.id, by=SECOND, now=at(8, 3))
    payees.approve(db, named(db, payout).id, by=SECOND, now=at(8, 3))
    assert breaches(db) == []


@pytest.mark.parametrize("account", ["", "6222****0001", "6200000001", "6" * 35, "六二"])
def test_an_account_that_cannot_be_paid_is_not_taken(db: Connection, account: str) -> None:
    _, payout = masked(db)
    with pytest.raises(BadPayee) as refused:
        named(db, payout, account=account)
    assert refused.value.chinese
    for name in ("", " ", "\x07", "王" * 141):
        with pytest.raises(BadPayee):
            payees.propose(db, payout.id, creditor=name, creditor_account="62229", reason="x", by=BUREAU, now=at(8, 2))


def test_what_is_on_its_way_or_was_paid_cannot_be_sent_elsewhere(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(8, 1))
    (payout,) = instructions.waiting(db)
    hasty = named(db, payout)
    batches.make(db, by=BUREAU, now=at(8, 1))
    with pytest.raises(NotToBeCorrected) as refused:
        payees.approve(db, hasty.id, by=SECOND, now=at(8, 2))
    assert "已发送银行" in refused.value.chinese
    outcomes.left(db, [Told(instruction_id=payout.id, at=at(8, 2))], by=BUREAU, now=at(8, 2))
    with pytest.raises(NotToBeCorrected):
        payees.approve(db, hasty.id, by=SECOND, now=at(8, 2))
    with pytest.raises(Unknown):
        named(db, replace(payout, id=1))


def test_a_release_that_failed_is_asked_for_again_and_its_account_corrected_before_it_is_sent(db: Connection) -> None:
    of = school(db)
    confirmed(db, of, enrolled(db, of), on=(8, 3))
    releases.approve(db, requested(db, of).id, by=BUREAU, now=at(9, 11))
    batches.make(db, by=BUREAU, now=at(9, 11))
    (sent,) = instructions.on_the_way(db, of.account)
    outcomes.rejected(db, [Told(instruction_id=sent.id, at=at(9, 12), code="AC04")], by=BUREAU, now=at(9, 12))
    with pytest.raises(NotToBeCorrected, match="asked for again"):
        named(db, sent)
    assert payees.stuck(db) == []
    releases.approve(db, requested(db, of, now=at(9, 13)).id, by=BUREAU, now=at(9, 13))
    (second,) = instructions.waiting(db)
    payees.approve(db, named(db, second).id, by=SECOND, now=at(9, 13))
    assert (batches.make(db, by=BUREAU, now=at(9, 13)).lines, breaches(db)) == (1, [])
