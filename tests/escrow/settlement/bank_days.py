"""Statements that a test writes line by line, as ICBC's older corporate layout has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.money import Money
from tests.reconciliation.bank_files import OLD_HEADER, corporate


@dataclass(frozen=True, slots=True, kw_only=True)
class BankLine:
    """A line of the bank; `amount` in fen, positive when money came in."""

    amount: int
    at: datetime
    serial: str = ""
    summary: str = "转账"
    use: str = "学费"
    party: str = "张三"
    party_account: str = "6222"


def written(account: str, lines: Sequence[BankLine], *, opening: int = 0) -> bytes:
    """The file of these lines, with the balance after each."""
    rows, balance = [], opening
    for each in lines:
        balance += each.amount
        incoming, figure = each.amount > 0, f'"{Money(abs(each.amount)).major}"'
        rows.append(
            f"{each.serial},{{a}},{each.party_account},{each.at:%Y-%m-%d %H:%M:%S},{'贷' if incoming else '借'},"
            f"{'' if incoming else figure},{figure if incoming else ''},,{each.summary},{each.use},{each.party},"
            f'"{Money(balance).major}",'
        )
    return corporate(OLD_HEADER, rows, account=account)
