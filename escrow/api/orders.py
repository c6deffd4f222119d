"""Payment orders: made for a contract, shown as a code that a phone can scan."""

from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection

import qrpay.reference
from escrow.api.asking import Act, Look, acting, looking
from escrow.api.description import CONTRACTS, file, may_refuse
from escrow.api.desk import Desk
from escrow.api.findings import FindingShown
from escrow.api.shapes import Amount, Asked, AskedAmount, Fen, PathId, Shown
from escrow.enrolment import contracts, orders
from escrow.enrolment.contracts import ContractEnded, FeeRuleBroken
from escrow.enrolment.orders import NothingToPay, Order
from escrow.monitoring import watched
from escrow.refusals import Conflict, Unknown
from escrow.registry import institutions
from escrow.registry.institutions import InstitutionClosed
from ledger.money import Money
from qrpay import emv, symbol
from qrpay.emv import MerchantCode

routes = APIRouter(tags=[CONTRACTS])

PAYEE_DOMAIN: Final = "cn.tuition-escrow"
_LONGEST_NAME: Final = 25
"""Characters in tag 64.01 of an EMV code."""


class NotPayable(Conflict):
    """The order {reference} is {state}, so it has no code: what is paid on it would not reach its contract. Make a new
    order if something is still due."""

    zh = "订单 {reference} 的状态为 {state}，不再提供付款码，以免误付；如仍有应付款项，请重新下单。"


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


Kind = Annotated[Literal["link", "emv"], Field(description="A payment link, or an EMV merchant-presented code.")]
Parties = Annotated[Look, Depends(looking("family", "institution", "bureau", "auditor"))]

_QR: Final = may_refuse(Unknown, NotPayable)


@routes.post(
    "/contracts/{contract_id}/orders",
    status_code=201,
    response_model=OrderPlaced,
    responses=may_refuse(Unknown, ContractEnded, InstitutionClosed, FeeRuleBroken, NothingToPay),
    summary="Make a payment order 下单",
)
def place(
    contract_id: PathId,
    act: Annotated[Act, Depends(acting("family", "institution", "bureau"))],
    asked: OrderAsked | None = None,
) -> Response:
    """One code for one amount, good for one payment within 24 hours. Without a body, or without an amount in it, it is
    for all that is still due. The fee rules are held against the contract once more, on the day of the order: what its
    jurisdiction does not let pass is refused, what it flags is told here and to the bureau."""
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
    return look(lambda db: _shown(_seen(db, reference, look), look.desk.clock()))


@routes.get(
    "/orders/{reference}/qr.svg",
    response_class=Response,
    responses=file("image/svg+xml", "The code as a scalable picture.") | _QR,
    summary="The order's code as SVG 付款码",
)
def svg(reference: str, look: Parties, kind: Kind = "link") -> Response:
    """Only an order that can be paid has a code."""
    payload = look(lambda db: _payload(db, reference, look, kind))
    return Response(symbol.svg(payload), media_type="image/svg+xml")


@routes.get(
    "/orders/{reference}/qr.png",
    response_class=Response,
    responses=file("image/png", "The code as pixels, eight to a module.") | _QR,
    summary="The order's code as PNG 付款码",
)
def png(reference: str, look: Parties, kind: Kind = "link") -> Response:
    """Only an order that can be paid has a code."""
    payload = look(lambda db: _payload(db, reference, look, kind))
    return Response(symbol.png(payload), media_type="image/png")


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


def _seen(db: Connection, reference: str, look: Look) -> Order:
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


def _payload(db: Connection, reference: str, look: Look, kind: Literal["link", "emv"]) -> str:
    order, now = _seen(db, reference, look), look.desk.clock()
    if order.state_at(now) != "open":
        raise NotPayable(reference=order.reference, state=order.state_at(now))
    if kind == "link":
        return look.desk.links.make(order.reference, expires=order.expires_at)
    return emv.encode(_merchant_code(db, order, look.desk))


def _merchant_code(db: Connection, order: Order, desk: Desk) -> MerchantCode:
    payee = institutions.get(db, contracts.get(db, order.contract_id).institution_id)
    return MerchantCode(
        payee_domain=PAYEE_DOMAIN,
        payee_account=payee.supervised_account,
        name=payee.credit_code,  # the name in ASCII: a register can be asked for it, a transliteration cannot
        city=desk.settings.merchant_city,
        name_zh=payee.name[:_LONGEST_NAME].strip(),
        reference=order.reference,
        amount=Money(order.amount),
    )
