"""camt.053, the bank-to-customer statement of ISO 20022 (.02 to .08 and later), with or without a namespace."""

import re
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from typing import Final

from lxml import etree

from reconciliation import control
from reconciliation.amounts import EXPONENT, NotExact, minor
from reconciliation.camt_entry import Entry, Leaves, Where, leaves, local, moment, only, signed
from reconciliation.camt_entry import read as read_entry
from reconciliation.natures import nature
from reconciliation.statement import (
    BadRow,
    ControlTotalsBroken,
    DoctypeRefused,
    NotAStatement,
    Statement,
    frame,
)

_DECLARATION: Final = re.compile(r"\s*<\?xml\b[^>]*\?>")
_VERSION: Final = re.compile(r"camt\.053\.001\.[0-9]{2}", re.ASCII)
_OPENING: Final = ("OPBD", "PRCD")
_CLOSING: Final = ("CLBD",)
_OTHERS: Final = {
    "Rpt": ("camt.052 (intraday report)", "camt.052（日间报告）"),
    "Ntfctn": ("camt.054 (notification)", "camt.054（通知）"),
}


def read(text: str) -> list[Statement]:
    """Every statement of a decoded camt.053 document, keys still empty, totals stated in it checked.

    Raises DoctypeRefused, NotAStatement, BadRow (an entry that cannot be read exactly) or ControlTotalsBroken.
    """
    if "<!doctype" in text.lower():
        raise DoctypeRefused(
            "the XML has a DOCTYPE; a bank statement has none, ask the bank for the file as it made it",
            "XML 含有 DOCTYPE 声明，对账单不应有；请使用银行生成的原始文件",
        )
    # The text is decoded by now; what encoding its first line names no longer holds.
    data = _DECLARATION.sub("", text, count=1).encode()
    try:
        statements = list(_statements(data))
    except etree.XMLSyntaxError as reason:
        raise NotAStatement(
            f"the XML is broken: {reason.msg}; fetch the file again",
            f"XML 文件不完整或已损坏：{reason.msg}；请重新下载",
        ) from None
    if not statements:
        raise NotAStatement(
            "the XML holds no statement (Stmt); send a camt.053", "XML 中没有对账单（Stmt）；请提交 camt.053 文件"
        )
    return statements


def _statements(data: bytes) -> Iterator[Statement]:
    entries: list[Entry] = []
    notes: list[str] = []
    currency = ""
    count = 0
    tags = tuple(f"{{*}}{name}" for name in ("Ntry", "Stmt", *_OTHERS))
    for _, element in etree.iterparse(
        BytesIO(data),
        events=("end",),
        tag=tags,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        remove_comments=True,  # a comment inside <Amt> would otherwise cut its text short
        remove_pis=True,
    ):
        parent = element.getparent()
        if local(element) in _OTHERS:
            _refuse_other(local(element))
        elif local(element) == "Stmt":
            yield _statement(element, entries, notes, count)
            entries, notes, count = [], [], 0
            element.clear()
        elif parent is not None and local(parent) == "Stmt":
            count += 1
            currency = currency if count > 1 else _currency(_head(parent), element)
            whole = leaves(element, without="NtryDtls")
            if _booked(whole, count, notes):
                entries += read_entry(element, whole, count, currency)
            _forget_previous(element, parent)


def _refuse_other(name: str) -> None:
    english, chinese = _OTHERS[name]
    raise NotAStatement(
        f"this is a {english}; only a camt.053 confirms what was booked",
        f"这是 {chinese}；只有 camt.053 对账单才能确认入账",
    )


def _booked(found: Leaves, number: int, notes: list[str]) -> bool:
    """Only booked entries are on the account. Others are named in the notes; the bank sends them again once booked."""
    status = only(found, "Sts/Cd", "Sts/Prtry", "Sts")
    if status in {"BOOK", ""}:
        return True
    notes.append(f"第 {number} 笔状态为 {status}，尚未入账，金额 {only(found, 'Amt')}，不计入流水")
    return False


def _forget_previous(element: "etree._Element", parent: "etree._Element") -> None:
    """Keep at most one read entry in memory. (The current one must stay: the parser is still at it.)"""
    element.clear()
    previous = element.getprevious()
    if previous is not None and local(previous) == "Ntry":
        parent.remove(previous)


def _head(statement: "etree._Element") -> Leaves:
    """What stands in a Stmt besides its entries and balances."""
    found: Leaves = {}
    for child in statement:
        if local(child) not in {"Ntry", "Bal"}:
            for path, texts in leaves(child).items():
                found.setdefault(f"{local(child)}/{path}", []).extend(texts)
            if not len(child):
                found.setdefault(local(child), []).append((child.text or "").strip())
    for balance in statement.iterchildren("{*}Bal"):
        found.setdefault("Bal/Amt@Ccy", []).append(only(leaves(balance), "Amt@Ccy"))
    return found


def _currency(head: Leaves, entry: "etree._Element | None") -> str:
    of_entry = "" if entry is None else only(leaves(entry, without="NtryDtls"), "Amt@Ccy")
    currency = only(head, "Acct/Ccy", "Bal/Amt@Ccy") or of_entry
    if currency not in EXPONENT:
        raise NotAStatement(
            f"the account's currency is {currency or 'not given'}; known: {', '.join(EXPONENT)}",
            f"账户币种为“{currency or '空'}”；可处理的币种：{'、'.join(EXPONENT)}",
        )
    return currency


def _statement(element: "etree._Element", entries: list[Entry], notes: list[str], count: int) -> Statement:
    head = _head(element)
    currency = _currency(head, None) if not entries else _currency(head, next(element.iterchildren("{*}Ntry"), None))
    opening, closing = (_balance(element, codes, currency) for codes in (_OPENING, _CLOSING))
    _summary(head, entries, count, currency)
    flipped = _flips(entries, opening, closing, notes)
    version = _VERSION.search(str(element.tag))
    period = [_day(head, f"FrToDt/{name}") for name in ("Fr", "To")]
    days = sorted(entry.booked_on for entry in entries)
    return Statement(
        account=only(head, "Acct/Id/IBAN", "Acct/Id/Othr/Id"),
        currency=currency,
        opening=opening,
        closing=closing,
        begins=period[0] or (date.fromisoformat(days[0]) if days else None),
        ends=period[1] or (date.fromisoformat(days[-1]) if days else None),
        identifier=only(head, "Id"),
        format=version[0] if version else "camt.053",
        lines=frame(_columns(entries, flipped=flipped)),
        notes=tuple(notes),
    )


def _day(head: Leaves, path: str) -> date | None:
    text_date, text_time = only(head, f"{path}Dt"), only(head, f"{path}DtTm")
    if not text_date and not text_time:
        return None
    return date.fromisoformat(moment(text_date, text_time, Where("the period (FrToDt)", "对账单期间（FrToDt）"))[0])


def _balance(element: "etree._Element", codes: tuple[str, ...], currency: str) -> int | None:
    """The booked balance under the first of the codes that is there, minor units. Raises when stated twice."""
    balances = [leaves(balance) for balance in element.iterchildren("{*}Bal")]
    for code in codes:
        stated = [each for each in balances if only(each, "Tp/CdOrPrtry/Cd") == code]
        values = {_in_currency(each, code, currency) for each in stated}
        if len(values) > 1:
            raise ControlTotalsBroken(
                f"the balance {code} is stated {len(stated)} times with different amounts",
                f"余额 {code} 出现 {len(stated)} 次且金额不同",
            )
        if values:
            return values.pop()
    return None


def _in_currency(balance: Leaves, code: str, currency: str) -> int:
    stated = only(balance, "Amt@Ccy")
    if stated != currency:
        raise ControlTotalsBroken(
            f"the balance {code} is in {stated}, the account in {currency}: it proves nothing about the lines",
            f"余额 {code} 的币种为 {stated}，账户币种为 {currency}，无法核对",
        )
    return signed(balance, "Amt", Where(f"balance {code}", f"余额 {code}"), currency)


def _flips(entries: list[Entry], opening: int | None, closing: int | None, notes: list[str]) -> bool:
    """Whether an entry with RvslInd moves the account against its CdtDbtInd.

    Banks differ: some state the direction of the entry that is undone, some that of the undoing. The house reads the
    first; where only the other lets the statement close, the balances decide.
    """
    undone = sum(entry.amount for entry in entries if entry.reversal)
    if not any(entry.reversal for entry in entries):
        return True
    if opening is None or closing is None:
        notes.append("含冲正分录而无期初、期末余额，冲正方向按 RvslInd 反向处理，未能以余额验证")
        return True
    as_stated = opening + sum(entry.amount for entry in entries)
    return as_stated != closing or undone == 0


def _summary(head: Leaves, entries: list[Entry], count: int, currency: str) -> None:
    """The bank's own count and sums of entries (TxsSummry), where given, against what was read."""
    stated = only(head, "TxsSummry/TtlNtries/NbOfNtries")
    if stated and stated.lstrip("0") != (str(count) if count else ""):
        raise ControlTotalsBroken(
            f"the summary states {stated} entries, the statement holds {count}",
            f"汇总写明 {stated} 笔，对账单内有 {count} 笔",
        )
    for path, english, chinese, sign in (
        ("TtlCdtNtries", "the summary of credits", "贷方合计", 1),
        ("TtlDbtNtries", "the summary of debits", "借方合计", -1),
    ):
        text = only(head, f"TxsSummry/{path}/Sum")
        if text:
            found = sum(sign * entry.amount for entry in entries if sign * entry.amount > 0)
            try:
                total = minor(text, currency)
            except NotExact as reason:
                raise BadRow(f"{english}: {reason}", f"{chinese}：{reason.chinese}", cell=text) from None
            control.agrees(english, chinese, stated=total, found=found, currency=currency)


def _columns(entries: list[Entry], *, flipped: bool) -> dict[str, list[object]]:
    columns: dict[str, list[object]] = {name: [] for name in _PLAIN}
    columns |= {name: [] for name in ("amount", "balance", "counterparty", "counterparty_account", "nature")}
    for entry in entries:
        for name in _PLAIN:
            columns[name].append(getattr(entry, name))
        amount = -entry.amount if entry.reversal and flipped else entry.amount
        # The other side is the payer of money that came in, also when that coming in is being undone.
        came_in = (amount > 0) != entry.reversal
        who, account = (entry.debtor, entry.debtor_account) if came_in else (entry.creditor, entry.creditor_account)
        columns["amount"].append(amount)
        columns["balance"].append(None)
        columns["counterparty"].append(who)
        columns["counterparty_account"].append(account)
        columns["nature"].append(nature(summary=entry.summary, code=entry.code, counterparty_account=account))
    return columns


_PLAIN: Final = ("number", "booked_on", "booked_at", "serial", "end_to_end", "remark", "reversal")
