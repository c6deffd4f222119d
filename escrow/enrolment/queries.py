"""Asking the bank about orders that should have been paid: the fallback where its own word was lost."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select, update

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.bank.port import ReceivedPayment
from escrow.enrolment import payments, words
from escrow.enrolment.orders import Order
from escrow.enrolment.payments import Receipt
from escrow.enrolment.placing import Credit
from escrow.enrolment.tables import payment_order
from escrow.enrolment.words import UnreadableNotification
from escrow.refusals import Invalid
from ledger.money import Money

FIRST_AFTER: Final = timedelta(minutes=10)
"""So long after an order was made its payment should have been heard of. Each further wait is as long as all before."""

UNTIL: Final = timedelta(days=4)
"""How long after its expiry an order is asked about: a bank's own word may come three days late."""

AT_ONCE: Final = 100
"""Orders in one round: each is a call to the bank."""


class WrongAnswer(Invalid):
    """The bank was asked about order {reference} and answered what cannot be: {why}. Nothing of it was booked."""

    zh = "向银行查询订单 {reference}，答复有误：{why}。未作任何入账。"


def is_due(order: Order, now: datetime) -> bool:
    """Whether the bank is to be asked about an open order now: after 10 minutes, 20, 40 … since it was made. Pure."""
    age = now - order.created_at
    return age >= (FIRST_AFTER if order.asked_at is None else 2 * (order.asked_at - order.created_at))


def choose(db: Connection, *, now: datetime) -> list[Order]:
    """The orders to ask about now, noted as asked. Of two rounds at once each takes others."""
    o = payment_order.c
    unpaid = select(payment_order).where(
        o.state == "open", o.expires_at > now - UNTIL, o.created_at <= now - FIRST_AFTER
    )
    seen = [Order(**row._asdict()) for row in db.execute(unpaid.order_by(o.id))]
    due = [each.id for each in seen if is_due(each, now)][:AT_ONCE]
    mine = select(payment_order).where(o.id.in_(due), o.state == "open").order_by(o.id)
    held = (Order(**row._asdict()) for row in db.execute(mine.with_for_update(skip_locked=True)))
    chosen = [each for each in held if is_due(each, now)]
    db.execute(update(payment_order).where(o.id.in_([each.id for each in chosen])).values(asked_at=now))
    return chosen


def hear(db: Connection, reference: str, told: Sequence[ReceivedPayment], *, now: datetime) -> list[Receipt]:
    """Book what the bank answered about an order, as its notification would: each serial once, on the order or parked.

    Raises WrongAnswer for what no bank can mean; then nothing is booked.
    """
    try:
        credits = [_credit(reference, each) for each in told]
    except (UnreadableNotification, ValueError) as why:
        raise WrongAnswer(reference=reference, why=str(why)) from None
    receipts = payments.receive(db, credits, source="query", now=now, caller_key=f"query:{reference}")
    fresh = [each.payment.serial for each in receipts if each.status in ("booked", "parked")]
    conflicts = [each.payment.serial for each in receipts if each.status == "conflicting"]
    if fresh or conflicts:
        subject = f"order:{reference}"
        trail.record(db, _asked_about(reference), "order.heard", subject, now=now, serials=fresh, conflicts=conflicts)
    return receipts


def note_wrong(db: Connection, wrong: WrongAnswer, *, now: datetime) -> None:
    """Keep on the trail that the bank answered what cannot be: somebody must ask it why."""
    reference = str(wrong.facts["reference"])
    subject, why = f"order:{reference}", str(wrong.facts["why"])
    trail.record(db, _asked_about(reference), "order.answered_wrongly", subject, now=now, why=why)


def _credit(reference: str, told: ReceivedPayment) -> Credit:
    if told.reference != reference:
        raise ValueError(f"a payment of order {told.reference[:40]!r}")
    event = {
        "type": "payment.received",
        "serial": told.serial,
        "account": told.account,
        "amount": {"amount": Money(told.amount_minor).major, "currency": told.currency},
        "reference": told.reference,
        "remark": told.remark,
        "payer": {"name": told.payer, "account": told.payer_account},
        "paid_at": told.paid_at,
    }
    return words.credit_of(event)


def _asked_about(reference: str) -> Caller:
    return Caller(name="supervising bank", role="bank", key=f"query:{reference}")
