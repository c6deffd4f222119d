"""Codes of orders: what they ask comes from our signed record alone, whichever way they are written."""

from datetime import datetime
from typing import Final

from escrow.enrolment.orders import Order
from escrow.refusals import Conflict
from escrow.registry.institutions import Institution
from ledger.money import Money
from qrpay.codes import Asked, Codes, Payee
from qrpay.emv import EmvCode
from qrpay.link import LinkCode, Links

PAYEE_DOMAIN: Final = "cn.tuition-escrow"


class NotPayable(Conflict):
    """The order {reference} is {state}, so it has no code: what is paid on it would not reach its contract. Make a new
    order if something is still due."""

    zh = "订单 {reference} 的状态为 {state}，不再提供付款码，以免误付；如仍有应付款项，请重新下单。"


def encoders(links: Links) -> Codes:
    """The ways in which codes are written here; a bank's own would stand beside them."""
    return Codes([LinkCode(links), EmvCode(domain=PAYEE_DOMAIN)])


def payee(institution: Institution, *, city: str) -> Payee:
    """Whom an institution's codes name: its credit code in ASCII, which a register can be asked for, and its name."""
    return Payee(
        number=institution.id,
        account=institution.supervised_account,
        name=institution.credit_code,
        name_zh=institution.name,
        city=city,
    )


def payload(order: Order, institution: Institution, *, kind: str, codes: Codes, city: str, now: datetime) -> str:
    """What the order's code holds. Raises NotPayable for an order that takes no money any more."""
    state = order.state_at(now)
    if state != "open":
        raise NotPayable(reference=order.reference, state=state)
    asked = Asked(
        payee=payee(institution, city=city),
        reference=order.reference,
        amount=Money(order.amount),
        expires=order.expires_at,
    )
    return codes.named(kind).encode(asked)
