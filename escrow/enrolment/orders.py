"""Payment orders: one dynamic code for one amount, once, until it expires."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import Connection, func, insert, select, update

import qrpay.reference
from escrow.access import trail
from escrow.access.caller import Caller
from escrow.enrolment import contracts, examining
from escrow.enrolment.measured import Act
from escrow.enrolment.tables import payment, payment_order
from escrow.refusals import Conflict, Unknown
from escrow.registry import institutions, licences
from escrow.rules.months import SHANGHAI
from escrow.rules.rulebook import Rulebook
from ledger.chunks import chunks
from ledger.money import Money

VALID_FOR: Final = timedelta(hours=24)

_NUMBERS_PER_REGION: Final = 10**10


class NothingToPay(Conflict):
    """The contract costs {price}; {paid} are paid and {ordered} stand in orders that can still be paid. {due} can be
    ordered, not {asked}: pay the open orders or let them expire, or ask for less."""

    zh = (
        "合同总价 {price} 元，已付 {paid} 元，未付订单 {ordered} 元；现可下单 {due} 元，不能下单 {asked} 元。"
        "请先支付未付订单或待其失效。"
    )


class OrderNotOpen(Conflict):
    """The order {reference} is {state}: only one that nobody has paid can be cancelled. What was paid is asked back by
    a refund of its contract."""

    zh = "订单 {reference} 的状态为 {state}，只有未支付的订单可以取消；已支付的请按合同申请退费。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A payment order (缴费订单). `amount` in fen. Expired is not a state: it is what the clock says of an open one.

    `by_loan` is 1 for one that is to be paid by a training loan, else 0.
    """

    id: int
    reference: str
    contract_id: int
    amount: int
    expires_at: datetime
    created_at: datetime
    state: Literal["open", "paid", "cancelled"]
    asked_at: datetime | None = None
    by_loan: int = 0

    def state_at(self, now: datetime) -> Literal["open", "paid", "cancelled", "expired"]:
        """Its state by the clock; the last instant of its validity counts."""
        return "expired" if self.state == "open" and now > self.expires_at else self.state


def place(
    db: Connection,
    contract_id: int,
    *,
    amount: Money | None = None,
    by_loan: bool = False,
    rulebook: Rulebook,
    by: Caller,
    now: datetime,
) -> Order:
    """Make an order for what is still due on a contract, or for a part of it (`amount`).

    The fee rules are held against the contract once more, on this day; what the jurisdiction only flags goes on, and
    `examining.at` tells it. `by_loan`: to be paid by a training loan (培训贷).
    Raises Unknown, Forbidden, ContractEnded, InstitutionClosed, LicenceExpired, FeeRuleBroken, NothingToPay.
    """
    by.must_be("family", "institution", "bureau")
    contract = contracts.get(db, contract_id, lock=True)
    contracts.must_be_party(contract, by)
    contract.must_be_open()
    institution = institutions.get(db, contract.institution_id)
    institution.must_be_open()
    act = Act(kind="ordered", on=now.astimezone(SHANGHAI).date())
    licences.must_be_valid(institution, rulebook=rulebook, on=act.on)
    found = examining.at(db, [contract_id], act=act, rulebook=rulebook, by_loan=by_loan)
    contracts.must_pass([each.finding for each in found], institution.jurisdiction, rulebook)
    paid, ordered = _paid(db, contract_id), _ordered(db, contract_id, now)
    due = contract.price - paid - ordered
    asked = due if amount is None else amount.minor
    if not 0 < asked <= due:
        figures = {"price": contract.price, "paid": paid, "ordered": ordered, "due": max(due, 0), "asked": asked}
        raise NothingToPay(**{name: Money(fen).major for name, fen in figures.items()})
    order = _add(db, contract_id, amount=asked, by_loan=by_loan, now=now)
    facts = {"contract": contract_id, "amount": asked, "broken": [each.finding.rule.version for each in found]}
    trail.record(db, by, "order.placed", f"order:{order.reference}", now=now, **facts)
    return order


def get(db: Connection, reference: str) -> Order:
    """One order. Raises Unknown."""
    row = db.execute(select(payment_order).where(payment_order.c.reference == reference)).one_or_none()
    if row is None:
        raise Unknown(what="order", key=reference)
    return Order(**row._asdict())


def of_contract(db: Connection, contract_id: int, *, after: int = 0, limit: int | None = None) -> list[Order]:
    """A contract's orders in the order they were made."""
    o = payment_order.c
    query = select(payment_order).where(o.contract_id == contract_id, o.id > after).order_by(o.id).limit(limit)
    return [Order(**row._asdict()) for row in db.execute(query)]


def cancel(db: Connection, reference: str, *, by: Caller, now: datetime) -> Order:
    """Cancel an order that nobody has paid; what is paid on it from now on stands in suspense.

    Raises Unknown, Forbidden, OrderNotOpen.
    """
    by.must_be("family", "institution", "bureau")
    contract = contracts.get(db, get(db, reference).contract_id, lock=True)  # its lock is its orders' too
    try:
        contracts.must_be_party(contract, by)
    except Unknown:
        raise Unknown(what="order", key=reference) from None
    order = get(db, reference)
    if order.state != "open":
        raise OrderNotOpen(reference=reference, state=order.state)
    cancelled = update(payment_order).where(payment_order.c.id == order.id).values(state="cancelled")
    row = db.execute(cancelled.returning(payment_order)).one()
    trail.record(db, by, "order.cancelled", f"order:{reference}", now=now, amount=order.amount)
    return Order(**row._asdict())


def cancel_of_contracts(db: Connection, contract_ids: list[int]) -> None:
    """Cancel the open orders of these contracts: what is paid on them from now on stands in suspense."""
    o = payment_order.c
    for chunk in chunks(contract_ids):
        of_these = update(payment_order).where(o.contract_id.in_(chunk), o.state == "open")
        db.execute(of_these.values(state="cancelled"))


def _add(db: Connection, contract_id: int, *, amount: int, by_loan: bool, now: datetime) -> Order:
    o = payment_order.c
    made = insert(payment_order).values(
        contract_id=contract_id,
        amount=amount,
        created_at=now,
        expires_at=now + VALID_FOR,
        state="open",
        by_loan=int(by_loan),
    )
    order_id = db.execute(made.returning(o.id)).scalar_one()
    # The account an order is paid into belongs to one region, so its number within the region is enough.
    reference = qrpay.reference.make(order_id % _NUMBERS_PER_REGION)
    named = update(payment_order).where(o.id == order_id).values(reference=reference)
    return Order(**db.execute(named.returning(payment_order)).one()._asdict())


def _paid(db: Connection, contract_id: int) -> int:
    query = select(func.coalesce(func.sum(payment.c.amount), 0)).where(payment.c.contract_id == contract_id)
    return int(db.execute(query).scalar_one())


def _ordered(db: Connection, contract_id: int, now: datetime) -> int:
    o = payment_order.c
    query = select(func.coalesce(func.sum(o.amount), 0)).where(
        o.contract_id == contract_id, o.state == "open", o.expires_at > now
    )
    return int(db.execute(query).scalar_one())
