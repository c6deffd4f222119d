"""A bank statement (对账单): what the bank says happened on one account, and the reasons for refusing a file."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import ClassVar, Final, Literal

import pandas as pd

COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "number": "int64",  # 1-based row of the file (as a spreadsheet or editor counts), or camt entry
        "booked_on": "str",  # ISO date, the bank's booking date (记账日期)
        "booked_at": "str",  # ISO time HH:MM:SS, "" where the bank gives none
        "amount": "int64",  # minor units; + is money in (贷方), - is money out (借方)
        "balance": "Int64",  # minor units after this line; missing where the bank gives none
        "serial": "str",  # the bank's own id of the line (流水号), or ""
        "end_to_end": "str",  # the payment's EndToEndId, or ""
        "remark": "str",  # 摘要, 用途, 附言: the non-empty ones, joined by one space
        "counterparty": "str",  # 对方户名
        "counterparty_account": "str",  # 对方账号, masked where the bank masks it
        "reversal": "bool",  # 冲正 or 红字
        "nature": "str",  # "transfer", "interest" or "fee"
        "key": "str",  # stable identity, see identity.py
    }
)
"""The columns of `Statement.lines` and their exact dtypes. Nothing but `balance` is ever missing."""


Kind = Literal["statement", "report", "notification"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Statement:
    """One account's lines over a period, as one bank file tells them, oldest first where the file lets us know.

    Amounts are minor units of `currency`. `opening` and `closing` are the booked balances before the first and after
    the last line, None where the file gives neither balances nor a running balance: then nothing proves that no line
    is missing. `begins` and `ends` are the file's own period, else the days of the first and last line. `notes` are
    sentences (Chinese) on what the file holds besides booked lines, or what in it could not be checked.

    Only `kind` "statement" (对账单) is the bank's last word. A "report" (日间报告, camt.052) tells the day so far and a
    "notification" (到账通知, camt.054) single bookings; the statement repeats both, so neither counts as one
    (`control.confirmed`).
    """

    account: str
    currency: str
    opening: int | None
    closing: int | None
    begins: date | None
    ends: date | None
    identifier: str
    format: str
    lines: pd.DataFrame
    notes: tuple[str, ...] = ()
    kind: Kind = "statement"


def frame(columns: Mapping[str, Collection[object]]) -> pd.DataFrame:
    """The lines as a frame with the documented columns and dtypes. `key` may be left out: it is then empty."""
    rows = len(columns["number"])
    given = {"key": [""] * rows, **columns}
    return pd.DataFrame({name: pd.Series(given[name], dtype=kind) for name, kind in COLUMNS.items()})


class StatementRefused(ValueError):
    """The file is not imported; nothing of it is. `str()` is the English sentence, `chinese` the Chinese one."""

    slug: ClassVar[str] = "statement-refused"

    def __init__(self, english: str, chinese: str, **facts: str | int) -> None:
        super().__init__(english)
        self.chinese = chinese
        self.facts = facts


class NotAStatement(StatementRefused):
    """The bytes are no bank statement: empty, binary, a web page, another kind of message."""

    slug = "not-a-statement"


class UnknownLayout(StatementRefused):
    """A table whose header no bank profile knows. Facts: header, nearest."""

    slug = "unknown-layout"


class BadRow(StatementRefused):
    """One row or entry cannot be read exactly. Facts: number, and where it is one cell, column and cell."""

    slug = "bad-row"


class ControlTotalsBroken(StatementRefused):
    """The file contradicts itself: balances, totals or counts do not agree with its lines."""

    slug = "control-totals-broken"


class OtherAccount(StatementRefused):
    """The file is of another account than the one it was handed in for. Facts: expected, found."""

    slug = "other-account"


class DoctypeRefused(StatementRefused):
    """The XML has a DOCTYPE: entities could hide or cut text, so none is read."""

    slug = "doctype-refused"


class TooLarge(StatementRefused):
    """The file, or what it unpacks to, is larger than is read at once. Facts: limit, found."""

    slug = "statement-too-large"
