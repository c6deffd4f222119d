"""Money that is nobody's yet: one person proposes whose it is, another decides, and only then it moves."""

import pytest
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from escrow.access.caller import Caller
from escrow.enrolment import orders, payments
from escrow.enrolment.contracts import ContractEnded
from escrow.payouts import batches, payees, refunds, suspense
from escrow.payouts.batches import NothingToSend
from escrow.payouts.suspense import DoesNotFit, NotInSuspense
from escrow.payouts.tables import instruction, suspense_decision
from escrow.refusals import AlreadyDecided, Forbidden, FourEyes, ReasonMissing, Unknown
from tests.escrow.county import (
    BANK,
    BUREAU,
    RULEBOOK,
    SECOND,
    at,
    balances,
    breaches,
    credit,
    enrolled,
    family,
    order,
    pay,
    receive,
    school,
    signed,
)


def parked(db: Connection, amount: int = 100000, *, serial: str = "S1", payer_account: str = "6222") -> int:
    """A payment without a reference; its id."""
    (receipt,) = receive(db, credit("", amount, serial=serial, payer_account=payer_account))
    assert receipt.status == "parked"
    return receipt.payment.id


def proposed(db: Connection, payment_id: int, contract_id: int | None) -> suspense.Proposal:
    return suspense.propose(db, payment_id, contract_id=contract_id, reason="附言有学员姓名", by=BUREAU, now=at(7, 22))


def test_money_finds_its_contract_and_the_order_it_was_meant_for(db: Connection) -> None:
    contract = signed(db, school(db), family(db))
    placed = order(db, contract)
    payment = parked(db)
    proposal = proposed(db, payment, contract.id)
    assert balances(db)["bank/6200000001/suspense"] == 100000, "a proposal moves nothing"
    found = suspense.approve(db, proposal.id, by=SECOND, now=at(7, 23))

    assert (found.state, found.contract_id, found.order_id) == ("placed", contract.id, placed.id)
    assert orders.get(db, placed.reference).state == "paid"
    assert balances(db) == {"bank/6200000001": 100000, contract.prepaid_path: 100000}
    assert payments.in_suspense(db) == []
    assert breaches(db) == []


def test_an_order_of_another_amount_stays_open(db: Connection) -> None:
    contract = signed(db, school(db), family(db))
    placed = order(db, contract)
    suspense.approve(db, proposed(db, parked(db, 99999), contract.id).id, by=SECOND, now=at(7, 22))
    assert orders.get(db, placed.reference).state == "open"
    assert breaches(db) == []


def test_money_sent_back_stays_ours_to_account_for_until_it_leaves(db: Connection) -> None:
    school(db)
    payment = parked(db)
    found = suspense.approve(db, proposed(db, payment, None).id, by=SECOND, now=at(7, 23))
    line = db.execute(select(instruction)).one()

    assert (found.state, line.kind, line.amount, line.creditor, line.creditor_account) == (
        "returning",
        "return",
        100000,
        "王芳1",
        "6222",
    )
    assert balances(db)["bank/6200000001/suspense"] == 100000
    assert payments.in_suspense(db) == []
    assert breaches(db) == []


def test_who_proposes_never_decides_in_code_or_in_the_database(db: Connection) -> None:
    contract = signed(db, school(db), family(db))
    proposal = proposed(db, parked(db), contract.id)
    for decide in (
        lambda: suspense.approve(db, proposal.id, by=BUREAU, now=at(7, 23)),
        lambda: suspense.reject(db, proposal.id, reason="x", by=BUREAU, now=at(7, 23)),
    ):
        with pytest.raises(FourEyes):
            decide()
    with pytest.raises(IntegrityError, match="four_eyes"), db.begin_nested():
        db.execute(update(suspense_decision).values(state="approved", decided_by=BUREAU.name, decided_at=at(7, 23)))
    for by in (BANK, Caller(name="x", role="auditor"), Caller(name="x", role="family", party=1)):
        with pytest.raises(Forbidden):
            suspense.approve(db, proposal.id, by=by, now=at(7, 23))


def test_a_rejected_proposal_leaves_the_money_to_be_proposed_anew(db: Connection) -> None:
    of = school(db)
    wrong, right = signed(db, of, family(db, 1)), signed(db, of, family(db, 2))
    payment = parked(db)
    proposal = proposed(db, payment, wrong.id)
    with pytest.raises(NotInSuspense):
        proposed(db, payment, right.id)
    with pytest.raises(ReasonMissing):
        suspense.reject(db, proposal.id, reason="", by=SECOND, now=at(7, 23))
    rejected = suspense.reject(db, proposal.id, reason="不是这个孩子", by=SECOND, now=at(7, 23))
    with pytest.raises(AlreadyDecided):
        suspense.approve(db, proposal.id, by=SECOND, now=at(7, 23))

    assert (rejected.state, balances(db)["bank/6200000001/suspense"]) == ("rejected", 100000)
    suspense.approve(db, proposed(db, payment, right.id).id, by=SECOND, now=at(7, 24))
    assert balances(db)[right.prepaid_path] == 100000
    assert breaches(db) == []


def test_what_does_not_fit_is_refused_with_the_reason(db: Connection) -> None:
    of, other = school(db, 1), school(db, 2)
    contract, foreign = signed(db, of, family(db)), signed(db, other, family(db, 2))
    too_much = parked(db, 100001)
    with pytest.raises(DoesNotFit, match=r"only 1000\.00 are due on it"):
        proposed(db, too_much, contract.id)
    with pytest.raises(DoesNotFit) as refused:
        proposed(db, too_much, foreign.id)
    assert "其他机构的监管账户" in refused.value.chinese
    with pytest.raises(Unknown):
        proposed(db, too_much, 1)
    with pytest.raises(Unknown):
        proposed(db, 1, contract.id)


@pytest.mark.parametrize("account", ["", "6222****0001", "6222****", "6" * 35])
def test_money_whose_payer_the_bank_hides_waits_for_an_account_and_keeps_nobody_from_being_paid(
    db: Connection, account: str
) -> None:
    suspense.approve(db, proposed(db, parked(db, payer_account=account), None).id, by=SECOND, now=at(7, 23))
    with pytest.raises(NothingToSend):
        batches.make(db, by=BUREAU, now=at(7, 24))
    assert [each.kind for each in payees.stuck(db)] == ["return"]
    assert breaches(db) == []


def test_what_changed_since_the_proposal_is_seen_at_its_approval(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    half = signed(db, of, family(db, 2))
    proposal = proposed(db, parked(db, 60000), half.id)
    pay(db, of, half, "500.00", serial="meanwhile")
    with pytest.raises(DoesNotFit):
        suspense.approve(db, proposal.id, by=SECOND, now=at(7, 23))
    ended = signed(db, of, child)
    pay(db, of, ended, "100.00", serial="a part")
    second = proposed(db, parked(db, 100, serial="S2"), ended.id)
    refunds.ask(db, ended.id, rulebook=RULEBOOK, by=child.caller, now=at(7, 23))
    with pytest.raises(ContractEnded):
        suspense.approve(db, second.id, by=SECOND, now=at(7, 23))
    suspense.reject(db, second.id, reason="合同已终止", by=SECOND, now=at(7, 23))
    assert contract.id
    assert breaches(db) == []


def test_placed_or_returning_money_is_not_in_suspense_any_more(db: Connection) -> None:
    of = school(db)
    enrolled(db, of)
    (placed,) = receive(db, credit("", 1, serial="other"))
    suspense.approve(db, proposed(db, placed.payment.id, None).id, by=SECOND, now=at(7, 23))
    with pytest.raises(NotInSuspense) as refused:
        proposed(db, placed.payment.id, None)
    assert "退回中" in refused.value.chinese
