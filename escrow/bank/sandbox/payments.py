"""Families' payments as they arrive, and the bank's word about one: the event that its notification carries."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self, assert_never

from escrow.bank.sandbox.books import Entry, Line, major, positive
from escrow.bank.sandbox.dials import Fault, Query


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    """Money that someone sends to a supervised account. The bank judges neither remark, reference nor payer.

    `amount_minor` in fen. `fault` orders what befalls its notification; without one the bank's dials decide.
    """

    account: str
    amount_minor: int
    payer: str
    payer_account: str
    remark: str
    at: datetime
    reference: str = ""
    fault: Fault | None = None

    @property
    def entry(self) -> Entry:
        """The payment as an entry for the books. Raises NotAPayment."""
        return Entry(
            account=self.account,
            kind="payment",
            amount_minor=positive(self.amount_minor),
            at=self.at,
            party=self.payer,
            party_account=self.payer_account,
            remark=self.remark,
            reference=self.reference,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """A payment as the bank booked it (来账); `amount_minor` in fen, `paid_at` in business time."""

    serial: str
    account: str
    amount_minor: int
    currency: str
    reference: str
    remark: str
    payer: str
    payer_account: str
    paid_at: datetime

    @classmethod
    def of(cls, line: Line, currency: str) -> Self:
        """What a payment's line says, with its account's currency."""
        return cls(
            serial=line.serial,
            account=line.account,
            amount_minor=line.amount_minor,
            currency=currency,
            reference=line.reference,
            remark=line.remark,
            payer=line.party,
            payer_account=line.party_account,
            paid_at=line.booked_at,
        )

    @property
    def event(self) -> Mapping[str, Any]:
        """The `payment.received` event, ready for JSON."""
        return {
            "type": "payment.received",
            "serial": self.serial,
            "account": self.account,
            "amount": {"amount": major(self.amount_minor), "currency": self.currency},
            "reference": self.reference,
            "remark": self.remark,
            "payer": {"name": self.payer, "account": self.payer_account},
            "paid_at": self.paid_at.isoformat(),
        }


def misheard(told: tuple[Received, ...], fault: Query | None) -> tuple[Received, ...]:
    """The answer to a question with its fault, if one was ordered."""
    match fault:
        case None:
            return told
        case "silent":
            raise TimeoutError("the bank does not answer")
        case "twice":
            return told + told
        case "currency":
            return tuple(replace(each, currency="USD") for each in told)
        case "reference":
            return tuple(replace(each, reference="XF0004K7Q84") for each in told)
        case "nothing":
            return tuple(replace(each, amount_minor=0) for each in told)
    assert_never(fault)
