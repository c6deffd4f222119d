"""One account's part of a camt message (Stmt, Rpt, Ntfctn): its balances and sums, and the page its lines make."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import pandas as pd

from reconciliation import control
from reconciliation.amounts import EXPONENT, NotExact, minor
from reconciliation.camt_entry import moment, signed
from reconciliation.camt_lines import Lines
from reconciliation.camt_shape import Element, leaves, local
from reconciliation.noted import Noted
from reconciliation.pages import Page
from reconciliation.statement import BadRow, ControlTotalsBroken, Kind, NotAStatement, Statement

_VERSION: Final = re.compile(r"camt\.05[234]\.001\.[0-9]{2}", re.ASCII)
NAMESPACE: Final = "xmlns-was"
"""Attribute of Document under which its default namespace stands while it is read (see camt.py)."""

_FORMATS: Final = {"statement": "camt.053", "report": "camt.052", "notification": "camt.054"}
_OPENING: Final = ("OPBD", "PRCD")
_CLOSING: Final = ("CLBD",)
_INTERIM: Final = ("ITBD",)

_Leaves = dict[str, list[str]]
"""Texts by their path below an element, "Dt/Dt"; amounts' currencies under "Amt@Ccy"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """What the message says of an account besides its lines: a head, its balances, how many entries were seen."""

    kind: Kind
    format: str
    currency: str
    head: _Leaves
    balances: Sequence[_Leaves]
    count: int
    noted: Noted

    @classmethod
    def of(cls, element: Element, *, kind: Kind, currency: str, count: int, noted: Noted) -> "Account":
        document = next(element.iterancestors("{*}Document"), element)
        version = _VERSION.search(f"{element.tag} {document.get(NAMESPACE)}")
        return cls(
            kind=kind,
            format=version[0] if version else _FORMATS[kind],
            currency=currency,
            head=_head(element),
            balances=[_leaves(each) for each in element.iterchildren("{*}Bal")],
            count=count,
            noted=noted,
        )


def currency_of(element: Element, of_entry: str = "") -> str:
    """The account's own currency, else that of its balances, else of its first entry. Raises NotAStatement."""
    of_balances = (_only(_leaves(each), "Amt@Ccy") for each in element.iterchildren("{*}Bal"))
    currency = _only(_head(element), "Acct/Ccy") or next(of_balances, "") or of_entry
    if currency not in EXPONENT:
        raise NotAStatement(
            f"the account's currency is {currency or 'not given'}; known: {', '.join(EXPONENT)}",
            f"账户币种为“{currency or '空'}”；可处理的币种：{'、'.join(EXPONENT)}",
        )
    return currency


def page(account: Account, lines: Lines) -> Page:
    """The account's lines with its balances, its own counts and sums checked. Raises BadRow, ControlTotalsBroken."""
    opening, closing = (_balance(account, codes) for codes in (_OPENING, _CLOSING))
    number, last = _only(account.head, "StmtPgntn/PgNb").lstrip("0"), _only(account.head, "StmtPgntn/LastPgInd")
    begins_here = account.kind != "statement" or opening is not None or number in {"", "1"}
    ends_here = account.kind != "statement" or closing is not None or last not in {"false", "0"}
    if not begins_here:
        opening = _balance(account, _INTERIM)
    if not ends_here:
        closing = _balance(account, _INTERIM, latest=True)
    stated = lines.stated()
    _summary(account, stated)
    flipped = _flips(account, stated, opening, closing)
    if opening is None or closing is None:
        _unproved(account)
    period = [_day(account.head, f"FrToDt/{name}") for name in ("Fr", "To")]
    days = [date.fromisoformat(each) for each in stated["booked_on"].agg(["min", "max"])] if len(stated) else [None]
    statement = Statement(
        account=_only(account.head, "Acct/Id/IBAN", "Acct/Id/Othr/Id"),
        currency=account.currency,
        opening=opening,
        closing=closing,
        begins=period[0] or days[0],
        ends=period[1] or days[-1],
        identifier=_only(account.head, "Id"),
        format=account.format,
        lines=lines.settled(flipped=flipped),
        notes=account.noted.sentences(),
        kind=account.kind,
    )
    return Page(statement=statement, first=begins_here, last=ends_here)


def _leaves(element: Element) -> _Leaves:
    found: _Leaves = {}
    for path, leaf in leaves(element):
        found.setdefault(path, []).append((leaf.text or "").strip())
        if "Ccy" in leaf.attrib:
            found.setdefault(f"{path}@Ccy", []).append(str(leaf.attrib["Ccy"]))
    return found


def _only(found: _Leaves, *paths: str) -> str:
    """The text of the first path that is there, "" when none is."""
    return next((found[path][0] for path in paths if path in found), "")


def _head(element: Element) -> _Leaves:
    """What stands in an account's part besides its entries and balances."""
    found: _Leaves = {}
    for child in element:
        name = local(child)
        if name not in {"Ntry", "Bal"}:
            below = {f"{name}/{path}": texts for path, texts in _leaves(child).items()}
            for path, texts in (below or {name: [(child.text or "").strip()]}).items():
                found.setdefault(path, []).extend(texts)
    return found


def _day(head: _Leaves, path: str) -> date | None:
    text = _only(head, f"{path}DtTm", f"{path}Dt")
    try:
        return date.fromisoformat(moment(text)[0]) if text else None
    except NotExact as reason:
        raise BadRow(f"the period (FrToDt): {reason}", f"对账单期间（FrToDt）：{reason.chinese}") from None


def _balance(account: Account, codes: tuple[str, ...], *, latest: bool = False) -> int | None:
    """The booked balance under the first of the codes that is there, minor units. Raises when one day has two.

    A statement of several days may state each day's: it opens with the earliest and closes with the latest.
    """
    for code in codes:
        stated = [each for each in account.balances if _only(each, "Tp/CdOrPrtry/Cd") == code]
        dated: dict[str, set[int]] = {}
        for each in stated:
            day = _only(each, "Dt/Dt", "Dt/DtTm")
            dated.setdefault(day, set()).add(_in_currency(each, code, account.currency))
        if any(len(values) > 1 for values in dated.values()) and code not in _INTERIM:
            raise ControlTotalsBroken(
                f"the balance {code} is stated {len(stated)} times with different amounts on one day",
                f"余额 {code} 在同一天出现多个不同金额（共 {len(stated)} 次）",
            )
        if code in _INTERIM and stated:
            return _in_currency(stated[-1 if latest else 0], code, account.currency)
        if dated:
            return dated[max(dated) if code in _CLOSING else min(dated)].pop()
    return None


def _in_currency(balance: _Leaves, code: str, currency: str) -> int:
    stated = _only(balance, "Amt@Ccy")
    if stated != currency:
        raise ControlTotalsBroken(
            f"the balance {code} is in {stated}, the account in {currency}: it proves nothing about the lines",
            f"余额 {code} 的币种为 {stated}，账户币种为 {currency}，无法核对",
        )
    try:
        return signed(_only(balance, "Amt"), stated, _only(balance, "CdtDbtInd"), currency)
    except NotExact as reason:
        raise BadRow(f"balance {code}: {reason}", f"余额 {code}：{reason.chinese}") from None


def _unproved(account: Account) -> None:
    """Say that nothing proves the lines complete, and which balances are there that this house cannot use."""
    if account.kind != "statement":
        return
    codes = [_only(each, "Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry") for each in account.balances]
    unused = "、".join(dict.fromkeys(code for code in codes if code not in {*_OPENING, *_CLOSING}))
    account.noted.add(
        "没有成对的期初（OPBD、PRCD）与期末（CLBD）余额，无法验证流水是否完整"
        + (f"；所列余额 {unused} 不能代替" if unused else "")
    )


def _flips(account: Account, lines: pd.DataFrame, opening: int | None, closing: int | None) -> bool:
    """Whether an entry with RvslInd moves the account against its CdtDbtInd.

    Banks differ: some state the direction of the entry that is undone, some that of the undoing. The house reads the
    first; where only the other lets the statement close, the balances decide.
    """
    undone: list[int] = lines["amount"][lines["reversal"]].tolist()
    if not undone:
        return True
    if opening is None or closing is None:
        account.noted.add("含冲正分录而无期初、期末余额，冲正方向按 RvslInd 反向处理，未能以余额验证")
        return True
    as_stated: int = opening + sum(lines["amount"].tolist())
    return as_stated != closing or sum(undone) == 0


def _summary(account: Account, lines: pd.DataFrame) -> None:
    """The bank's own count and sums of entries (TxsSummry), where given, against what was read."""
    head, count = account.head, account.count
    stated = _only(head, "TxsSummry/TtlNtries/NbOfNtries")
    if stated and stated.lstrip("0") != (str(count) if count else ""):
        raise ControlTotalsBroken(
            f"the summary states {stated} entries, the statement holds {count}",
            f"汇总写明 {stated} 笔，对账单内有 {count} 笔",
        )
    booked = lines.groupby("number", sort=False)["amount"].sum().tolist()  # entries, whose lines fit an int64 together
    if len(booked) < count:
        return  # the bank's sums may hold what is not booked yet, and is in the notes
    for path, english, chinese, sign in (
        ("TtlCdtNtries", "the summary of credits", "贷方合计", 1),
        ("TtlDbtNtries", "the summary of debits", "借方合计", -1),
    ):
        text = _only(head, f"TxsSummry/{path}/Sum")
        if text:
            found = sum(sign * amount for amount in booked if sign * amount > 0)
            try:
                total = minor(text, account.currency)
            except NotExact as reason:
                raise BadRow(f"{english}: {reason}", f"{chinese}：{reason.chinese}", cell=text[:60]) from None
            control.agrees(english, chinese, stated=total, found=found, currency=account.currency)
