"""An account's statement (对账单): opening balance, the lines of some business days, closing balance."""

import sqlite3
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from escrow.bank.sandbox import books, store
from escrow.bank.sandbox.books import Account, Kind, Line

SUMMARY: Final[dict[Kind, str]] = {
    "payment": "转账汇入",
    "payout": "转账汇出",
    "bounce": "退汇",
    "interest": "结息",
    "fee": "手续费",
}
"""What the bank prints as the business summary (摘要) of a line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """The lines of an account from `begins` to `ends`, both included; balances in fen.

    `account.balance_minor` is today's and has no place on a statement; `closing_minor` is the balance at the end.
    """

    account: Account
    begins: date
    ends: date
    opening_minor: int
    lines: tuple[Line, ...]

    @property
    def closing_minor(self) -> int:
        """The balance after the last line, as the books carry it; the opening one when nothing happened."""
        return self.lines[-1].balance_minor if self.lines else self.opening_minor


def gather(connection: sqlite3.Connection, account: str, *, begins: date, ends: date) -> Statement:
    """Read the statement from the books. The closed days of a statement never change. Raises UnknownAccount."""
    if ends < begins:
        raise ValueError(f"a statement from {begins} to {ends} ends before it begins")
    kept = store.require_account(connection, account)
    first, after = books.midnight(begins), books.midnight(ends + timedelta(days=1))
    before = connection.execute(
        "SELECT balance_minor FROM lines WHERE account = ? AND booked_at < ? ORDER BY seq DESC LIMIT 1",
        [account, first],
    ).fetchone()
    period = "account = ? AND booked_at >= ? AND booked_at < ?"
    return Statement(
        account=kept,
        begins=begins,
        ends=ends,
        opening_minor=before["balance_minor"] if before else 0,
        lines=tuple(store.lines_where(connection, period, [account, first, after])),
    )
