"""Statements as the banks' corporate e-banking (企业网银) writes them: which columns, on which row, in which file.

A bank's layout is its header and where that stands; what a column holds follows from its name, for nearly all banks
mean the same by it. The few that do not say so in `means`.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final, Literal, TypeAlias

from escrow.bank.sandbox.books import Line
from escrow.bank.sandbox.statements import SUMMARY, Statement

Cell: TypeAlias = Callable[[Statement, Line], str]

FileKind: TypeAlias = Literal["csv", "tsv", "html"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """One bank's export. The header, its names between bars, stands on `header_row` (1-based).

    Above it, where there is room, stand the account and the period, with `balances` the two balances as well. `means`
    overrides what a column of that name holds elsewhere.
    """

    header: str
    header_row: int
    file: FileKind = "csv"
    encoding: str = "gb18030"
    newest_first: bool = False
    balances: bool = True
    title: str = ""
    means: Mapping[str, Cell] = field(default_factory=dict)


def write(statement: Statement, layout: Layout) -> bytes:
    """The file as the bank would save it."""
    return saved(rows(statement, layout), file=layout.file, encoding=layout.encoding)


def rows(statement: Statement, layout: Layout) -> list[list[str]]:
    """The cells of the file: what stands above the header, the header, the lines."""
    lines = statement.lines[::-1] if layout.newest_first else statement.lines
    cells = [layout.means.get(name, _MEANS.get(name, empty)) for name in layout.header.split("|")]
    above = _above(statement, layout)
    return [*above, layout.header.split("|"), *([cell(statement, line) for cell in cells] for line in lines)]


def saved(rows: Sequence[Sequence[str]], *, file: FileKind, encoding: str) -> bytes:
    """Rows as a file. An "html" one is what banks call .xls and Excel opens with a warning."""
    text = io.StringIO(newline="")
    if file == "html":
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\r\n" for row in rows)
        text.write(
            f'<html><head><meta charset="{encoding}"></head><body><table border="1">{body}</table></body></html>'
        )
    else:
        csv.writer(text, delimiter="," if file == "csv" else "\t", lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode(encoding)


def empty(_: Statement, __: Line) -> str:
    """Nothing: the bank leaves this column empty."""
    return ""


def clock(_: Statement, line: Line) -> str:
    """The time of booking alone."""
    return f"{line.booked_at:%H:%M:%S}"


def moment(_: Statement, line: Line) -> str:
    """Date and time of booking."""
    return f"{line.booked_at:%Y-%m-%d %H:%M:%S}"


def remark(_: Statement, line: Line) -> str:
    """What the payer wrote; banks without a cell of its own for the reference leave it in front."""
    return f"{line.reference} {line.remark}".strip()


def summary(_: Statement, line: Line) -> str:
    """The bank's own word for the line (摘要)."""
    return SUMMARY[line.kind]


def _above(statement: Statement, layout: Layout) -> list[list[str]]:
    room = layout.header_row - 1
    told = [
        *([[layout.title]] if layout.title else []),
        [
            f"账号：{statement.account.account}",
            f"户名：{statement.account.holder}",
            f"币种：{_currency(statement)}",
        ],
        [
            f"起始日期：{statement.begins}",
            f"截止日期：{statement.ends}",
            f"笔数：{len(statement.lines)}",
            *(
                [f"期初余额：{_yuan(statement.opening_minor)}", f"期末余额：{_yuan(statement.closing_minor)}"]
                if layout.balances
                else []
            ),
        ],
    ][:room]
    return [*told, *([""] for _ in range(room - len(told)))]


def _yuan(minor: int) -> str:
    """Yuan with thousands commas: 123456 → "1,234.56"."""
    whole, fen = divmod(abs(minor), 100)
    return f"{'-' if minor < 0 else ''}{whole:,}.{fen:02d}"


def _currency(statement: Statement) -> str:
    return "人民币" if statement.account.currency == "CNY" else statement.account.currency


def _day(_: Statement, line: Line) -> str:
    return f"{line.booked_at:%Y-%m-%d}"


def _stamp(_: Statement, line: Line) -> str:
    return f"{line.booked_at:%Y-%m-%d-%H.%M.%S.000000}"


def _flag(_: Statement, line: Line) -> str:
    return "贷" if line.amount_minor > 0 else "借"


def _amount(_: Statement, line: Line) -> str:
    return _yuan(abs(line.amount_minor))


def _credit(_: Statement, line: Line) -> str:
    return _yuan(line.amount_minor) if line.amount_minor > 0 else ""


def _debit(_: Statement, line: Line) -> str:
    return _yuan(-line.amount_minor) if line.amount_minor < 0 else ""


def _balance(_: Statement, line: Line) -> str:
    return _yuan(line.balance_minor)


def _payer(statement: Statement, line: Line) -> str:
    return line.party if line.amount_minor > 0 else statement.account.holder


def _payer_account(_: Statement, line: Line) -> str:
    return line.party_account if line.amount_minor > 0 else line.account


def _payee(statement: Statement, line: Line) -> str:
    return statement.account.holder if line.amount_minor > 0 else line.party


def _payee_account(_: Statement, line: Line) -> str:
    return line.account if line.amount_minor > 0 else line.party_account


_COLUMNS: Final[dict[Cell, str]] = {
    _day: "交易日期|记账日期|交易日|交易日期[ Transaction Date ]",
    moment: "交易时间",
    _stamp: "交易时间戳",
    _flag: "借/贷|借贷标志",
    _amount: "金额|发生额|交易金额[ Trade Amount ]",
    _credit: "贷方发生额|贷方发生额/元|贷方发生额/元(收入)|贷|收入金额|转入金额|贷方金额|贷方(入账)",
    _debit: "借方发生额|借方发生额/元|借方发生额/元(支取)|借|支出金额|转出金额|借方金额|借方(出账)",
    _balance: "余额|余额/元|账户余额|本次余额|交易后余额[ After-transaction balance ]",
    lambda _, line: line.serial: (
        "凭证号|账户明细编号-交易流水号|主机交易流水号|交易流水号|流水号|核心流水号|"
        "交易流水号[ Transaction reference number ]"
    ),
    lambda _, line: line.account: "本方账号|账号",
    lambda statement, _: statement.account.holder: "本方账户名称",
    lambda statement, _: _currency(statement): "币种|交易货币[ Trade Currency ]",
    lambda _, line: line.party: ("对方单位|对方单位名称|对方户名|对方账户名称|对方账号名称|收(付)方名称"),
    lambda _, line: line.party_account: "对方账号|对方账户|收(付)方账号",
    summary: "摘要|交易摘要|摘要[ Reference ]",
    remark: "用途|附言|备注|交易附言|交易附言[ Remark ]",
    _payer: "付款人名称[ Payer's Name ]",
    _payer_account: "付款人账号[ Debit Account No. ]",
    _payee: "收款人名称[ Payee's Name ]",
    _payee_account: "收款人账号[ Payee's Account Number ]",
    clock: "交易时间[ Transaction time ]",
    lambda _, line: line.reference: "个性化信息",
    lambda _, line: "来账" if line.amount_minor > 0 else "往账": "交易类型[ Transaction Type ]",
}
_MEANS: Final[dict[str, Cell]] = {name: cell for cell, names in _COLUMNS.items() for name in names.split("|")}
