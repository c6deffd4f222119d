"""Annulling a contract that nobody has paid and nobody has taught: it counts for no cap any more."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.enrolment import contracts, orders, payments
from escrow.enrolment.contracts import Contract
from escrow.refusals import Conflict, ReasonMissing
from escrow.teaching.tables import attendance
from ledger.money import Money


class NotToBeAnnulled(Conflict):
    """The contract {contract} cannot be annulled: {paid} are paid on it and {lessons} lessons recorded. Ask for a
    refund of what was paid; lessons that were not taught are disputed and struck out first."""

    zh = (
        "合同 {contract} 不能作废：已付 {paid} 元，已记录 {lessons} 课时。"
        "已付款的请申请退费；未实际授课的课时请先提出异议并撤销。"
    )


def annul(db: Connection, contract_id: int, *, reason: str, by: Caller, now: datetime) -> Contract:
    """Annul an unpaid contract on the word of its family, its institution or the bureau; its open orders are cancelled.

    What is paid on one of them all the same stands in suspense. Raises Unknown, ContractEnded, NotToBeAnnulled,
    ReasonMissing.
    """
    by.must_be("family", "institution", "bureau")
    if not reason.strip():
        raise ReasonMissing
    contract = contracts.get(db, contract_id, lock=True)  # a payment of its orders waits for this lock
    contracts.must_be_party(contract, by)
    contract.must_be_open()
    paid = sum(each.amount for each in payments.of_contract(db, [contract_id]))
    a = attendance.c
    recorded = select(func.count()).where(a.contract_id == contract_id, a.state != "struck")
    lessons = int(db.execute(recorded).scalar_one())
    if paid or lessons:
        raise NotToBeAnnulled(contract=contract_id, paid=Money(paid).major, lessons=lessons)
    contracts.end(db, [contract_id])
    orders.cancel_of_contracts(db, [contract_id])
    trail.record(db, by, "contract.annulled", f"contract:{contract_id}", now=now, reason=reason)
    return contracts.get(db, contract_id)
