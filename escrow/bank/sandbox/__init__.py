"""A simulated supervising bank with its own books, keys and formats; it shares nothing with the service but `qrpay`."""

from escrow.bank.sandbox.bank import SandboxBank
from escrow.bank.sandbox.books import (
    AccountTaken,
    BalanceTooSmall,
    BankClockRanBack,
    NoSuchPayout,
    NotAPayment,
    UnknownAccount,
)
from escrow.bank.sandbox.dials import Dials, Fault
from escrow.bank.sandbox.execution import LineReceipt, Receipt
from escrow.bank.sandbox.notices import SignedNotification, UnknownNotification
from escrow.bank.sandbox.pain002 import ReportDials
from escrow.bank.sandbox.payments import Payment, Received

__all__ = [
    "AccountTaken",
    "BalanceTooSmall",
    "BankClockRanBack",
    "Dials",
    "Fault",
    "LineReceipt",
    "NoSuchPayout",
    "NotAPayment",
    "Payment",
    "Receipt",
    "Received",
    "ReportDials",
    "SandboxBank",
    "SignedNotification",
    "UnknownAccount",
    "UnknownNotification",
]
