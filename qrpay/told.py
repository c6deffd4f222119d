"""A payment as a channel tells of it, once its word has been believed: one noun, whichever wallet it came through."""

from dataclasses import dataclass
from datetime import datetime

from ledger.money import Money


class UnreadablePayment(ValueError):
    """The word is signed, but does not say what a payment must say; the message names the member."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentTold:
    """Money that a channel took for a merchant.

    serial     the channel's own number of the payment, the same in every repetition
    merchant   whom it was taken for, as the channel numbers its merchants
    amount     what the order asked for and the merchant is owed, more than nothing
    order      the merchant's own number of the order: our reference, perhaps with something beside it
    remark     what else was written beside it
    payer      as far as the channel tells; never an account that money could be sent to
    paid_at    aware
    """

    serial: str
    merchant: str
    amount: Money
    order: str
    remark: str
    payer: str
    paid_at: datetime
