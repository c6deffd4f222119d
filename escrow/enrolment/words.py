"""What a believed word says: the bank's own JSON, or a wallet's payment, read into the same credits."""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection

from escrow.access.keys import Channel
from escrow.enrolment.placing import Code, Credit
from escrow.refusals import Invalid
from escrow.registry import merchants
from ledger.money import Money, NotAnAmount
from qrpay import alipay, reference, wechat
from qrpay.told import PaymentTold, UnreadablePayment

_IDENTITY: Final = "^[!-.0-~]{1,64}$"
"""The bank's own words for a line and an account: ASCII that can be seen, no slash, for they become ledger paths."""
_YEARS: Final = (2000, 2999)


class UnreadableNotification(Invalid):
    """The notification is signed but cannot be read: {why}. Nothing was booked; send it again as agreed."""

    zh = "通知签名有效，但内容无法识别，未作任何入账：{why}。"


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


def credits(db: Connection, channel: Channel, body: bytes) -> list[Credit]:
    """The payments that a word tells of: many from the bank, from a wallet one or none.

    Raises UnreadableNotification.
    """
    if channel == "bank":
        return _of_the_bank(body)
    try:
        told = wechat.payment(body) if channel == "wechat" else alipay.payment(body)
        return [] if told is None else [_of_a_wallet(db, channel, told)]
    except UnreadablePayment as error:
        raise UnreadableNotification(why=printable(str(error))) from error


def credit_of(event: Mapping[str, Any]) -> Credit:
    """The credit that one event of the bank tells of. Raises UnreadableNotification."""
    try:
        return _credit(_Event.model_validate(event))
    except (ValidationError, NotAnAmount, ValueError) as error:
        raise UnreadableNotification(why=printable(_first_line(error))) from error


def _of_a_wallet(db: Connection, channel: str, told: PaymentTold) -> Credit:
    """The credit that a wallet's payment will be. Its payer has no account that money could be sent back to.

    Money for a merchant that nobody has bound is real all the same: it stands in suspense under the merchant's number.
    """
    _must_be_of_our_times(told.paid_at)
    account = merchants.account_of(db, channel, told.merchant)
    return Credit(
        supervised_account=account or f"{channel}-{told.merchant}",
        serial=f"{channel}-{told.serial}",
        amount=told.amount.minor,
        reference=order_reference(told.order, told.remark),
        remark=printable(told.remark),
        payer=printable(told.payer),
        payer_account="",
        paid_at=told.paid_at,
    )


def _of_the_bank(body: bytes) -> list[Credit]:
    try:
        # A number with a point becomes a Decimal, which no member takes: an amount is a text, or it is refused.
        notification = _Notification.model_validate(json.loads(body.decode("utf-8"), parse_float=Decimal))
        return [_credit(each) for each in notification.events]
    except RecursionError:
        raise UnreadableNotification(why="it is nested too deeply") from None
    except (UnicodeDecodeError, ValidationError, NotAnAmount, ValueError) as error:
        raise UnreadableNotification(why=printable(_first_line(error))) from error


def _credit(event: _Event) -> Credit:
    amount = Money.parse(event.amount.amount, event.amount.currency)
    if event.type != "payment.received" or amount.minor == 0:
        raise ValueError(f"an event is a payment.received of more than 0.00, not {event.type} of {amount}")
    _must_be_of_our_times(event.paid_at)
    return Credit(
        supervised_account=event.account,
        serial=event.serial,
        amount=amount.minor,
        reference=order_reference(event.reference, event.remark),
        remark=printable(event.remark),
        payer=printable(event.payer.name),
        payer_account=printable(event.payer.account),
        paid_at=event.paid_at,
        code=event.code,
    )


def _must_be_of_our_times(paid_at: datetime) -> None:
    first, last = _YEARS
    if not first <= paid_at.year <= last:
        raise UnreadablePayment(f"a payment is made between the years {first} and {last}, not in {paid_at.year}")


def printable(text: str) -> str:
    """A payer's own text without what no database or payout file can hold: control characters, halves of pairs."""
    return "".join(character if character.isprintable() else " " for character in text)


def order_reference(named: str, remark: str) -> str:
    """The order that a payment names: in the bank's own field, or as the one reference that stands in the remark."""
    for text in (named, remark):
        found = set(reference.find(text))
        if len(found) == 1:
            return found.pop()
    return ""


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error).splitlines()[0][:200]
