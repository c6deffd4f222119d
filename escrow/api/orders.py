"""Payment orders: made for a contract, looked at by its parties."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection

import qrpay.reference
from escrow.api.asking import Act, Look, acting, looking
from escrow.api.description import CONTRACTS, may_refuse
from escrow.api.findings import FindingShown
from escrow.api.shapes import Amount, Asked, AskedAmount, Fen, PathId, Shown
from escrow.enrolment import contracts, orders
from escrow.enrolment.contracts import ContractEnded, FeeRuleBroken
from escrow.enrolment.orders import NothingToPay, Order
from escrow.monitoring import watched
from escrow.refusals import Unknown
from escrow.registry.institutions import InstitutionClosed
from escrow.registry.licences import LicenceExpired

routes = APIRouter(tags=[CONTRACTS])


class OrderAsked(Asked):
    """What to order; without an amount, all that is still due."""

    amount: AskedAmount | None = None
    by_loan: bool = Field(default=False, description="To be paid by a training loan (培训贷), which the rules forbid.")


class OrderShown(Shown):
    """A payment order (缴费订单)."""

    reference: str = Field(examples=["XF0004K7Q84"], description="To be written in the payment's remark.")
    contract_id: int
    amount: Fen
    state: Literal["open", "paid", "cancelled", "expired"]
    expires_at: datetime
    created_at: datetime
    by_loan: bool


class OrderPlaced(OrderShown):
    """A new order, and the fee rules that its contract breaks on this day."""

    findings: list[FindingShown]


Parties = Annotated[Look, Depends(looking("family", "institution", "bureau", "auditor"))]


@routes.post(
    "/contracts/{contract_id}/orders",
    status_code=201,
    response_model=OrderPlaced,
    responses=may_refuse(Unknown, ContractEnded, InstitutionClosed, LicenceExpired, FeeRuleBroken, NothingToPay),
    summary="Make a payment order 下单",
)
def place(
    contract_id: PathId,
    act: Annotated[Act, Depends(acting("family", "institution", "bureau"))],
    asked: OrderAsked | None = None,
) -> Response:
    """One code for one amount, good for one payment within 24 hours. Without a body, or without an amount in it, it is
    for all that is still due. The fee rules are held against the contract once more, on the day of the order: what its
    jurisdiction does not let pass is refused, what it flags is told here and to the bureau. So is an order for an
    institution whose licence has expired."""
    asked = asked or OrderAsked()
    amount = None if asked.amount is None else asked.amount.money

    def do(db: Connection) -> OrderPlaced:
        order = orders.place(
            db, contract_id, amount=amount, by_loan=asked.by_loan, rulebook=act.rulebook, by=act.by, now=act.now
        )
        found = watched.ordered(db, contract_id, rulebook=act.rulebook, now=act.now)
        return OrderPlaced(**dict(_shown(order, act.now)), findings=[FindingShown.of(each.finding) for each in found])

    return act(do, status=201)


@routes.get("/orders/{reference}", responses=may_refuse(Unknown), summary="An order and its state 订单")
def show(reference: str, look: Parties) -> OrderShown:
    """Expired is what the clock says of an open order; a payment that was made in time is still taken."""
    return look(lambda db: _shown(seen(db, reference, look), look.desk.clock()))


def _shown(order: Order, now: datetime) -> OrderShown:
    return OrderShown(
        reference=order.reference,
        contract_id=order.contract_id,
        amount=Amount.of(order.amount),
        state=order.state_at(now),
        expires_at=order.expires_at,
        created_at=order.created_at,
        by_loan=order.by_loan == 1,
    )


def seen(db: Connection, reference: str, look: Look) -> Order:
    """The order, for a party to its contract; for others there is none. Raises Unknown."""
    unknown = Unknown(what="order", key=reference[:40])
    if not qrpay.reference.is_valid(reference):
        raise unknown
    order = orders.get(db, reference)
    try:
        contracts.must_be_party(contracts.get(db, order.contract_id), look.by)
    except Unknown:
        raise unknown from None
    return order
