"""Money that is nobody's yet: one person proposes whose it is, another approves; then it moves."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, insert, select, update

from escrow.access import four_eyes, trail
from escrow.access.caller import Caller
from escrow.enrolment import contracts
from escrow.enrolment.payments import Payment, as_payment
from escrow.enrolment.tables import payment as payment_table
from escrow.enrolment.tables import payment_order
from escrow.payouts import instructions
from escrow.payouts.instructions import Wanted
from escrow.payouts.tables import suspense_decision as table
from escrow.refusals import AlreadyDecided, Conflict, ReasonMissing, Unknown
from escrow.registry import institutions
from ledger.entries import Transfer
from ledger.money import Money
from ledger.posting import post_all


class NotInSuspense(Conflict):
    """The payment {payment} is {state}, or a proposal for it waits already; there is nothing to propose."""

    zh = "到账记录 {payment} 的状态为 {state}，或已有待批的处理意见，无需再提。"


class DoesNotFit(Conflict):
    """The payment of {amount} cannot go to contract {contract}: {why}."""

    zh = "金额 {amount} 的到账不能转入合同 {contract}：{why_zh}。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What should become of a payment in suspense: to a contract, or (contract None) back to its payer."""

    id: int
    payment_id: int
    contract_id: int | None
    state: Literal["proposed", "approved", "rejected"]
    reason: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


def propose(
    db: Connection, payment_id: int, *, contract_id: int | None, reason: str, by: Caller, now: datetime
) -> Proposal:
    """Propose to place a payment on a contract, or with `contract_id` None to send it back to its payer.

    Raises Unknown, NotInSuspense, DoesNotFit, ContractEnded, InstitutionClosed.
    """
    by.must_be("bureau", "bank")
    if not reason.strip():
        raise ReasonMissing
    payment = _get(db, payment_id)
    live = select(table.c.id).where(table.c.payment_id == payment_id, table.c.state == "proposed")
    if payment.state != "suspense" or db.execute(live).first() is not None:
        raise NotInSuspense(payment=payment_id, state=payment.state)
    _must_fit(db, payment, contract_id)
    made = insert(table).values(
        payment_id=payment_id,
        contract_id=contract_id,
        state="proposed",
        reason=reason,
        proposed_by=by.name,
        proposed_at=now,
    )
    proposal = Proposal(**db.execute(made.returning(table)).one()._asdict())
    trail.record(db, by, "suspense.proposed", f"payment:{payment_id}", now=now, contract=contract_id, reason=reason)
    return proposal


def approve(db: Connection, proposal_id: int, *, by: Caller, now: datetime) -> Payment:
    """Approve a proposal made by somebody else: the money moves, or its way back is instructed.

    Raises Unknown, AlreadyDecided, FourEyes, SamePerson, DoesNotFit.
    """
    proposal = _to_be_decided(db, proposal_id, by)
    payment = _get(db, proposal.payment_id)
    _must_fit(db, payment, proposal.contract_id)
    if proposal.contract_id is None:
        _send_back(db, payment, now=now)
    else:
        _assign(db, payment, proposal, by=by, now=now)
    _decide(db, proposal, state="approved", by=by, now=now)
    trail.record(db, by, "suspense.approved", f"payment:{payment.id}", now=now, contract=proposal.contract_id)
    return _get(db, payment.id)


def reject(db: Connection, proposal_id: int, *, reason: str, by: Caller, now: datetime) -> Proposal:
    """Reject a proposal made by somebody else, with a reason: the payment stays in suspense, to be proposed anew.

    Raises Unknown, AlreadyDecided, FourEyes, SamePerson, ReasonMissing.
    """
    if not reason.strip():
        raise ReasonMissing
    proposal = _to_be_decided(db, proposal_id, by)
    rejected = _decide(db, proposal, state="rejected", by=by, now=now)
    trail.record(db, by, "suspense.rejected", f"payment:{proposal.payment_id}", now=now, reason=reason)
    return rejected


def _to_be_decided(db: Connection, proposal_id: int, by: Caller) -> Proposal:
    by.must_be("bureau")
    row = db.execute(select(table).where(table.c.id == proposal_id).with_for_update()).one_or_none()
    if row is None:
        raise Unknown(what="proposal", key=proposal_id)
    proposal = Proposal(**row._asdict())
    if proposal.state != "proposed":
        raise AlreadyDecided(what="proposal", what_zh="处理意见", key=proposal.id, state=proposal.state)
    four_eyes.must_be_another(db, by, proposal.proposed_by, what="proposal", what_zh="处理意见")
    return proposal


def _decide(
    db: Connection, proposal: Proposal, *, state: Literal["approved", "rejected"], by: Caller, now: datetime
) -> Proposal:
    decided = update(table).where(table.c.id == proposal.id).values(state=state, decided_by=by.name, decided_at=now)
    return Proposal(**db.execute(decided.returning(table)).one()._asdict())


def _get(db: Connection, payment_id: int) -> Payment:
    query = select(payment_table).where(payment_table.c.id == payment_id).with_for_update()
    row = db.execute(query).one_or_none()
    if row is None:
        raise Unknown(what="payment", key=payment_id)
    return as_payment(row)


def _must_fit(db: Connection, payment: Payment, contract_id: int | None) -> None:
    if contract_id is None:
        return  # where the bank hides the payer's account, the payout waits until `payees` completes it
    contract = contracts.get(db, contract_id, lock=True)
    contract.must_be_open()
    institution = institutions.get(db, contract.institution_id)
    institution.must_be_open()  # one that closes repays its families; what comes now goes back at once
    paid = select(func.coalesce(func.sum(payment_table.c.amount), 0)).where(payment_table.c.contract_id == contract_id)
    due = contract.price - int(db.execute(paid).scalar_one())
    why = ""
    if institution.supervised_account != payment.supervised_account:
        why, why_zh = "it came into another institution's account", "款项付入了其他机构的监管账户"
    elif payment.amount > due:
        why, why_zh = f"only {Money(due).major} are due on it", f"该合同应付余额仅 {Money(due).major} 元"
    if why:
        raise DoesNotFit(amount=Money(payment.amount).major, contract=contract_id, why=why, why_zh=why_zh)


def _assign(db: Connection, payment: Payment, proposal: Proposal, *, by: Caller, now: datetime) -> None:
    if proposal.contract_id is None:
        raise TypeError("a proposal without a contract is sent back, not assigned")
    order_id = _open_order(db, proposal.contract_id, payment.amount)
    if order_id is not None:
        db.execute(update(payment_order).where(payment_order.c.id == order_id).values(state="paid"))
    db.execute(
        update(payment_table)
        .where(payment_table.c.id == payment.id)
        .values(state="placed", contract_id=proposal.contract_id, order_id=order_id)
    )
    found_owner = Transfer(
        debit=payment.suspense_path,
        credit=contracts.prepaid_path(proposal.contract_id),
        amount=payment.amount,
        kind="suspense",
        reference=f"suspense/{payment.id}",
        effective=now,
    )
    post_all(db, [found_owner], now=now, caller_key=by.key)


def _open_order(db: Connection, contract_id: int, amount: int) -> int | None:
    """The order that this payment was meant for, if one of exactly this amount is still open."""
    o = payment_order.c
    query = select(o.id).where(o.contract_id == contract_id, o.state == "open", o.amount == amount).order_by(o.id)
    return db.execute(query.limit(1)).scalar()


def _send_back(db: Connection, payment: Payment, *, now: datetime) -> None:
    # It stays in suspense until the statement shows that it left: until then the bank still holds it.
    db.execute(update(payment_table).where(payment_table.c.id == payment.id).values(state="returning"))
    back = Wanted(
        kind="return",
        source_id=payment.id,
        supervised_account=payment.supervised_account,
        amount=payment.amount,
        creditor=payment.payer,
        creditor_account=payment.payer_account,
        owed_path=payment.suspense_path,
    )
    instructions.add(db, [back], now=now)
