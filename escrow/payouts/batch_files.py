"""The files of a payout batch: pain.001, and the same instructions as a table for banks that take no ISO 20022."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, TypeAlias

from escrow.payouts.instructions import Instruction
from escrow.rules.months import SHANGHAI
from escrow.spreadsheets import csv_of
from ledger.money import Money
from reconciliation.pain001 import CreditTransfer, DebitAccount, PaymentFile, write

INITIATOR: Final = "Tuition Escrow 预收费监管"
PURPOSE: Final = {"release": "培训费拨付", "refund": "培训费退费", "return": "款项退回"}

Encoding: TypeAlias = Literal["utf-8", "gb18030"]

COLUMNS: Final = (
    *("批次号", "账户序号", "付款账号", "付款户名", "指令号"),
    *("收款账号", "收款户名", "金额", "币种", "用途"),
)
TRAILER: Final = "合计"
"""The first cell of the last rows: each account's lines and sum, then the whole file's."""

_LONGEST_NAME: Final = 140


def part_names(message_id: str, accounts: Sequence[str]) -> dict[str, str]:
    """What each account's part of the file is called in it (PmtInfId), by account: in their order, from 1."""
    return {account: f"{message_id}-{number}" for number, account in enumerate(sorted(set(accounts)), start=1)}


def pain001_of(message_id: str, lines: Sequence[Instruction], holders: Mapping[str, str], *, now: datetime) -> bytes:
    """The batch as pain.001.001.09, validated against its schema."""
    file = PaymentFile(
        message_id=message_id,
        created_at=now,
        requested_on=now.astimezone(SHANGHAI).date(),
        initiator=INITIATOR,
        debits=tuple(
            DebitAccount(
                name=_named(holders.get(account, account)),
                account=account,
                transfers=tuple(_credit_transfer(each) for each in of_account),
            )
            for account, of_account in by_account(lines).items()
        ),
    )
    return write(file)


def table_of(
    message_id: str, lines: Sequence[Instruction], holders: Mapping[str, str], numbers: Mapping[str, int]
) -> bytes:
    """The batch as CSV in UTF-8 with its mark; `numbers`: each account's sequence number. Control totals at the end."""
    rows: list[list[str | int | Money]] = []
    totals: list[list[str | int | Money]] = []
    for account, of_account in by_account(lines).items():
        number, holder = numbers[account], _named(holders.get(account, account))
        for each in of_account:
            payer = (message_id, str(number), account, holder, each.end_to_end)
            payee = (each.creditor_account, _named(each.creditor) or each.creditor_account)
            rows.append([*payer, *payee, Money(each.amount), "CNY", f"{each.end_to_end} {PURPOSE[each.kind]}"])
        totals.append(_total(message_id, of_account, account=account, number=str(number)))
    return csv_of(COLUMNS, [*rows, *totals, _total(message_id, lines)])


def encoded(table: bytes, encoding: Encoding) -> bytes:
    """A kept table in the encoding that a bank wants; GB18030 has no mark before it."""
    return table if encoding == "utf-8" else table.decode("utf-8-sig").encode("gb18030")


def by_account(lines: Sequence[Instruction]) -> dict[str, list[Instruction]]:
    """The instructions of each account, accounts in their order."""
    found: dict[str, list[Instruction]] = {}
    for each in lines:
        found.setdefault(each.supervised_account, []).append(each)
    return dict(sorted(found.items()))


def _total(
    message_id: str, lines: Sequence[Instruction], *, account: str = "", number: str = ""
) -> list[str | int | Money]:
    total = Money(sum(each.amount for each in lines))
    return [TRAILER, number, account, "", message_id, "", f"{len(lines)} 笔", total, "CNY", ""]


def _credit_transfer(each: Instruction) -> CreditTransfer:
    return CreditTransfer(
        end_to_end=each.end_to_end,
        amount=Money(each.amount),
        creditor=_named(each.creditor) or each.creditor_account,
        creditor_account=each.creditor_account,
        remittance=f"{each.end_to_end} {PURPOSE[each.kind]}",
    )


def _named(name: str) -> str:
    """A name as the file can hold it (Max140Text): one that cannot would keep all others from being paid."""
    return "".join(character if character.isprintable() else " " for character in name).strip()[:_LONGEST_NAME]
