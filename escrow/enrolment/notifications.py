"""The bank's signed word: verified events become credits; each event has an answer, and the word itself is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.access.keys import Channel
from escrow.enrolment import payments, words
from escrow.enrolment.payments import Payment, Receipt
from escrow.enrolment.placing import IN_CHINESE, Credit
from escrow.enrolment.tables import bank_event
from escrow.enrolment.words import order_reference
from escrow.refusals import Conflict
from qrpay.events import VerifiedEvent

__all__ = ["SPEAKERS", "Heard", "NotificationChanged", "hear", "order_reference", "take"]

SPEAKERS: Final[Mapping[Channel, Caller]] = {
    "bank": Caller(name="supervising bank", role="bank"),
    "wechat": Caller(name="WeChat Pay", role="bank"),
    "alipay": Caller(name="Alipay", role="bank"),
}


class NotificationChanged(Conflict):
    """The notification {id} came before with another content and was answered then; nothing was booked now. Send what
    is new under a new webhook-id."""

    zh = "通知 {id} 此前已收到且内容不同，本次未作任何入账；新的内容请使用新的 webhook-id 发送。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the sender is answered, and the payments that this very word has booked on contracts."""

    answer: dict[str, Any]
    booked: Sequence[Payment]


def hear(db: Connection, event: VerifiedEvent, *, now: datetime, channel: Channel = "bank") -> dict[str, Any]:
    """What the sender of a verified notification is answered when it is taken in. See `take`."""
    return take(db, event, now=now, channel=channel).answer


def take(db: Connection, event: VerifiedEvent, *, now: datetime, channel: Channel = "bank") -> Heard:
    """Book what a verified notification says, each payment once. The same notification again gets the same answer.

    Answers for each event: booked, parked (with the reason), repeated, or conflicting. Raises
    UnreadableNotification or NotificationChanged, and then keeps nothing: the sender must mend it and send it again.
    """
    name = _name(channel, event)
    before = db.execute(select(bank_event).where(bank_event.c.webhook_id == name)).one_or_none()
    if before is not None:
        if before.body.encode("utf-8") != event.body:
            raise NotificationChanged(id=name)
        return Heard(answer=dict(before.answer), booked=[])
    said = words.credits(db, channel, event.body)
    receipts = payments.receive(db, said, source="notification", now=now, caller_key=name)
    answer = {"events": [_answer(*each) for each in zip(said, receipts, strict=True)]}
    kept = {
        "webhook_id": name,
        "key_id": event.key_id,
        "received_at": now,
        "body": event.body.decode("utf-8"),
        "answer": answer,
    }
    insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    # The bank may send the same word twice at once; its payments are booked once, and so it is kept once.
    db.execute(insert(bank_event).values(kept).on_conflict_do_nothing(index_elements=["webhook_id"]))
    conflicts = [told.serial for told, each in zip(said, receipts, strict=True) if each.status == "conflicting"]
    by = replace(SPEAKERS[channel], key=name)
    facts = {"events": len(receipts), "conflicts": conflicts}
    trail.record(db, by, "notification.heard", f"notification:{name}", now=now, **facts)
    return Heard(answer=answer, booked=[each.payment for each in receipts if each.status == "booked"])


def _name(channel: Channel, event: VerifiedEvent) -> str:
    """What an event is kept under. A bank's own ids have no slash, so a wallet's never meets one of them."""
    return event.id if channel == "bank" else f"{channel}/{event.id}"


def _answer(told: Credit, receipt: Receipt) -> Mapping[str, str]:
    answer = {"serial": told.serial, "status": receipt.status}
    if receipt.payment.reason and receipt.payment.serial == told.serial:
        answer |= {"reason": receipt.payment.reason, "reason_zh": IN_CHINESE[receipt.payment.reason]}
    return answer
