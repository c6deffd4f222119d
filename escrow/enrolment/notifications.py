"""The bank's signed word: verified events become credits; each event has an answer, and the word itself is kept."""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.enrolment import payments
from escrow.enrolment.payments import Receipt
from escrow.enrolment.placing import IN_CHINESE, Code, Credit
from escrow.enrolment.tables import bank_event
from escrow.refusals import Conflict, Invalid
from ledger.money import Money, NotAnAmount
from qrpay import reference
from qrpay.webhooks import VerifiedEvent

BANK = Caller(name="supervising bank", role="bank")

_IDENTITY: Final = "^[!-.0-~]{1,64}$"
"""The bank's own words for a line and an account: ASCII that can be seen, no slash, for they become ledger paths."""
_YEARS: Final = (2000, 2999)


class UnreadableNotification(Invalid):
    """The notification is signed but cannot be read: {why}. Send {{"events": [...]}} as agreed."""

    zh = "通知签名有效，但内容无法识别：{why}。"


class NotificationChanged(Conflict):
    """The notification {id} came before with another content and was answered then; nothing was booked now. Send what
    is new under a new webhook-id."""

    zh = "通知 {id} 此前已收到且内容不同，本次未作任何入账；新的内容请使用新的 webhook-id 发送。"


class _Amount(BaseModel):
    model_config = ConfigDict(strict=True)
    amount: str
    currency: str


class _Payer(BaseModel):
    model_config = ConfigDict(strict=True)
    name: str = ""
    account: str = ""


class _Event(BaseModel):
    model_config = ConfigDict(strict=True)
    type: str
    serial: str = Field(pattern=_IDENTITY)
    account: str = Field(pattern=_IDENTITY)
    amount: _Amount
    reference: str = ""
    remark: str = ""
    payer: _Payer = Field(default_factory=_Payer)
    paid_at: AwareDatetime = Field(strict=False)
    code: Code = ""


class _Notification(BaseModel):
    events: list[_Event]


def hear(db: Connection, event: VerifiedEvent, *, now: datetime) -> dict[str, Any]:
    """Book what a verified notification says, each payment once. The same notification again gets the same answer.

    Answers for each event: booked, parked (with the reason), repeated, or conflicting. Raises
    UnreadableNotification or NotificationChanged, and then keeps nothing: the sender must mend it and send it again.
    """
    before = db.execute(select(bank_event).where(bank_event.c.webhook_id == event.id)).one_or_none()
    if before is not None:
        if before.body.encode("utf-8") != event.body:
            raise NotificationChanged(id=event.id)
        return dict(before.answer)
    receipts = payments.receive(db, _credits(event.body), source="notification", now=now, caller_key=event.id)
    answer = {"events": [_answer(each) for each in receipts]}
    kept = {
        "webhook_id": event.id,
        "key_id": event.key_id,
        "received_at": now,
        "body": event.body.decode("utf-8"),
        "answer": answer,
    }
    insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    # The bank may send the same word twice at once; its payments are booked once, and so it is kept once.
    db.execute(insert(bank_event).values(kept).on_conflict_do_nothing(index_elements=["webhook_id"]))
    conflicts = [each.payment.serial for each in receipts if each.status == "conflicting"]
    trail.record(
        db,
        Caller(name=BANK.name, role=BANK.role, key=event.id),
        "notification.heard",
        f"notification:{event.id}",
        now=now,
        events=len(receipts),
        conflicts=conflicts,
    )
    return answer


def _credits(body: bytes) -> list[Credit]:
    try:
        # A number with a point becomes a Decimal, which no member takes: an amount is a text, or it is refused.
        notification = _Notification.model_validate(json.loads(body.decode("utf-8"), parse_float=Decimal))
        return [_credit(each) for each in notification.events]
    except RecursionError:
        raise UnreadableNotification(why="it is nested too deeply") from None
    except (UnicodeDecodeError, ValidationError, NotAnAmount, ValueError) as error:
        raise UnreadableNotification(why=_printable(_first_line(error))) from error


def _credit(event: _Event) -> Credit:
    amount = Money.parse(event.amount.amount, event.amount.currency)
    if event.type != "payment.received" or amount.minor == 0:
        raise ValueError(f"an event is a payment.received of more than 0.00, not {event.type} of {amount}")
    if not _YEARS[0] <= event.paid_at.year <= _YEARS[1]:
        raise ValueError(
            f"a payment is made between the years {_YEARS[0]} and {_YEARS[1]}, not in {event.paid_at.year}"
        )
    return Credit(
        supervised_account=event.account,
        serial=event.serial,
        amount=amount.minor,
        reference=order_reference(event.reference, event.remark),
        remark=_printable(event.remark),
        payer=_printable(event.payer.name),
        payer_account=_printable(event.payer.account),
        paid_at=event.paid_at,
        code=event.code,
    )


def _printable(text: str) -> str:
    """A payer's own text without what no database or payout file can hold: control characters, halves of pairs."""
    return "".join(character if character.isprintable() else " " for character in text)


def order_reference(named: str, remark: str) -> str:
    """The order that a payment names: in the bank's own field, or as the one reference that stands in the remark."""
    for text in (named, remark):
        found = set(reference.find(text))
        if len(found) == 1:
            return found.pop()
    return ""


def _answer(receipt: Receipt) -> Mapping[str, str]:
    answer = {"serial": receipt.payment.serial, "status": receipt.status}
    if receipt.payment.reason:
        answer |= {"reason": receipt.payment.reason, "reason_zh": IN_CHINESE[receipt.payment.reason]}
    return answer


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error).splitlines()[0][:200]
