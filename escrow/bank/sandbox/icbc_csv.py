"""A statement in the layouts of ICBC's corporate e-banking (工行企业网银): GB18030 CSV, the header on row 3."""

import csv
import io
from typing import Final

from escrow.bank.sandbox.books import Line
from escrow.bank.sandbox.statements import SUMMARY, Statement

OLD: Final = (
    "凭证号",
    "本方账号",
    "对方账号",
    "交易时间",
    "借/贷",
    "借方发生额",
    "贷方发生额",
    "对方行号",
    "摘要",
    "用途",
    "对方单位名称",
    "余额",
    "个性化信息",
)
"""With the running balance; the voucher number (凭证号) carries the serial."""

NEW: Final = (
    "本方账号",
    "对方账号",
    "交易时间",
    "借/贷",
    "金额",
    "凭证号",
    "对方单位",
    "对方行号",
    "用途",
    "摘要",
    "附言",
    "个性化信息",
)
"""One amount with a flag, no balance; the voucher number stays empty, as for electronic transfers."""


def old(statement: Statement) -> bytes:
    """The layout with 余额."""
    return _file(statement, OLD, [_old_row(line) for line in statement.lines])


def new(statement: Statement) -> bytes:
    """The layout without balance and serial: two equal payments of one second are two equal rows."""
    return _file(statement, NEW, [_new_row(line) for line in statement.lines])


def _file(statement: Statement, header: tuple[str, ...], rows: list[list[str]]) -> bytes:
    account = statement.account
    currency = "人民币" if account.currency == "CNY" else account.currency
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([f"账号：{account.account}", f"户名：{account.holder}", f"币种：{currency}"])
    writer.writerow([f"起始日期：{statement.begins}", f"截止日期：{statement.ends}", f"笔数：{len(rows)}"])
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode("gb18030")


def _old_row(line: Line) -> list[str]:
    credit = line.amount_minor > 0
    return [
        line.serial,
        line.account,
        line.party_account,
        _time(line),
        "贷" if credit else "借",
        "" if credit else _amount(line.amount_minor),
        _amount(line.amount_minor) if credit else "",
        "",
        SUMMARY[line.kind],
        line.remark,
        line.party,
        _amount(line.balance_minor),
        line.reference,
    ]


def _new_row(line: Line) -> list[str]:
    return [
        line.account,
        line.party_account,
        _time(line),
        "贷" if line.amount_minor > 0 else "借",
        _amount(line.amount_minor),
        "",
        line.party,
        "",
        "",
        SUMMARY[line.kind],
        line.remark,
        line.reference,
    ]


def _time(line: Line) -> str:
    return f"{line.booked_at:%Y-%m-%d %H:%M:%S}"


def _amount(minor: int) -> str:
    """Yuan with thousands commas and no sign, as the bank writes them: -123456 → "1,234.56"."""
    whole, fen = divmod(abs(minor), 100)
    return f"{whole:,}.{fen:02d}"
