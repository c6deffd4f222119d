"""The codes of orders as pictures: SVG, PNG, and a label to print."""

from typing import Annotated, Final, Literal

from babel.numbers import format_currency
from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection

from escrow.api.asking import Look, looking
from escrow.api.description import CONTRACTS, file, may_refuse
from escrow.api.orders import seen
from escrow.enrolment import codes, contracts
from escrow.enrolment.codes import NotPayable
from escrow.enrolment.orders import Order
from escrow.refusals import Unknown
from escrow.registry import institutions
from escrow.rules.months import SHANGHAI
from ledger.money import Money
from qrpay import label, symbol

routes = APIRouter(tags=[CONTRACTS])

Kind = Annotated[Literal["link", "emv"], Field(description="A payment link, or an EMV merchant-presented code.")]
Captioned = Annotated[
    Literal["yes", "no"],
    Query(description="Whether payee, amount, reference and expiry stand under the code."),
]
Parties = Annotated[Look, Depends(looking("family", "institution", "bureau", "auditor"))]

_QR: Final = may_refuse(Unknown, NotPayable)


@routes.get(
    "/orders/{reference}/qr.svg",
    response_class=Response,
    responses=file("image/svg+xml", "The code as a scalable picture.") | _QR,
    summary="The order's code as SVG 付款码",
)
def svg(reference: str, look: Parties, kind: Kind = "link", caption: Captioned = "no") -> Response:
    """Only an order that can be paid has a code."""
    payload, lines = look(lambda db: _code(db, reference, look, kind))
    drawn = symbol.svg(payload) if caption == "no" else label.label(payload, format="svg", caption=lines)
    return Response(drawn, media_type="image/svg+xml")


@routes.get(
    "/orders/{reference}/qr.png",
    response_class=Response,
    responses=file("image/png", "The code as pixels, eight to a module.") | _QR,
    summary="The order's code as PNG 付款码",
)
def png(reference: str, look: Parties, kind: Kind = "link", caption: Captioned = "no") -> Response:
    """Only an order that can be paid has a code."""
    payload, lines = look(lambda db: _code(db, reference, look, kind))
    drawn = symbol.png(payload) if caption == "no" else label.label(payload, format="png", caption=lines)
    return Response(drawn, media_type="image/png")


@routes.get(
    "/orders/{reference}/qr.pdf",
    response_class=Response,
    responses=file("application/pdf", "A label of 40 mm: the code with its caption.") | _QR,
    summary="The order's code to print 付款码标签",
)
def pdf(reference: str, look: Parties, kind: Kind = "link") -> Response:
    """Only an order that can be paid has a code. It is good for one payment: a copy of it is no second order."""
    payload, lines = look(lambda db: _code(db, reference, look, kind))
    return Response(label.label(payload, format="pdf", caption=lines), media_type="application/pdf")


def _code(db: Connection, reference: str, look: Look, kind: str) -> tuple[str, list[str]]:
    """What the code holds, and what is written under it."""
    order, desk = seen(db, reference, look), look.desk
    payee = institutions.get(db, contracts.get(db, order.contract_id).institution_id)
    city = desk.settings.merchant_city
    payload = codes.payload(order, payee, kind=kind, codes=codes.encoders(desk.links), city=city, now=desk.clock())
    return payload, _caption(order, payee.name)


def _caption(order: Order, name: str) -> list[str]:
    amount = format_currency(Money(order.amount).decimal, "CNY", locale="zh_CN")
    until = order.expires_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
    return [
        name[: label.CAPTION_CHARACTERS],
        f"{amount} · {order.reference}",
        f"有效期至 {until}",
        "付款附言请以订单号开头",
    ]
