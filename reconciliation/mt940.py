"""MT940, the customer statement of SWIFT (User Handbook, category 9), as banks in China and Germany send it.

Several messages to a file, in the SWIFT envelope ({1:…}{4:…-}) or bare; pages (:60M:, :62M:) are put together.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from reconciliation.amounts import EXPONENT, NotExact, minor
from reconciliation.mt940_details import Details, details
from reconciliation.mt940_fields import Field, bad, bookings, messages, single
from reconciliation.natures import nature
from reconciliation.noted import Noted
from reconciliation.pages import Page, joined
from reconciliation.statement import ControlTotalsBroken, NotAStatement, Statement, frame

_INTERIM: Final = re.compile(r"\{2:[IO]942|^:34F:", re.MULTILINE)

_BALANCE: Final = re.compile(r"([CD])([0-9]{6})([A-Z]{3})([0-9]{1,15},[0-9]{0,3})", re.ASCII)
_LINE: Final = re.compile(
    r"(?P<value>[0-9]{6})(?P<booked>[0-9]{4}|\ {4})?(?P<mark>R[CD]|E[CD]|[CD])(?P<funds>[A-Z])?\ ?"
    r"(?P<amount>[0-9]{1,15},[0-9]{0,3})(?P<kind>[A-Z][A-Z0-9\ ]{3})(?P<ours>.*?)(?://(?P<banks>.*))?",
    re.ASCII,
)
_COUNTED: Final = re.compile(r"([0-9]{1,5})([A-Z]{3})([0-9]{1,15},[0-9]{0,3})", re.ASCII)

_NATURES: Final[Mapping[str, str]] = MappingProxyType({"INT": "INTR", "CHG": "CHRG", "COM": "COMM"})
"""Types of :61: that natures.yaml knows under their ISO 20022 codes."""

_NO_REFERENCE: Final = frozenset({"NONREF", "NOTPROVIDED", ""})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Balance:
    """A balance (minor units, negative for D) and its day."""

    amount: int
    currency: str
    on: date


def read(text: str) -> list[Statement]:
    """Every statement of the file, keys still empty; `number` is a line's place in the file.

    Raises NotAStatement, BadRow (names the line in the file) or ControlTotalsBroken.
    """
    if _INTERIM.search(text):
        raise NotAStatement(
            "this is an MT942 (interim report); only the MT940 of the whole day confirms what was booked",
            "这是 MT942（日间报告）；只有整日的 MT940 对账单才能确认入账",
        )
    statements = joined(_page(message) for message in messages(text))
    if not statements:
        raise NotAStatement("the file holds no message (:20: to :62F:)", "文件中没有对账单报文（:20: 至 :62F:）")
    return statements


def _page(fields: Sequence[Field]) -> Page:
    """One message as a page: its fields looked at in their order."""
    noted = Noted()
    one = single(fields)
    opening, closing = (_balance(one[name]) for name in ("60", "62"))
    if opening.currency != closing.currency:
        raise bad(
            one["62"].at,
            f"the closing balance is in {closing.currency}, the opening in {opening.currency}",
            f"期末余额币种 {closing.currency} 与期初 {opening.currency} 不同",
        )
    _rest(fields, noted)
    rows = [_row(field, told, currency=opening.currency, noted=noted) for field, told in bookings(fields)]
    booked = [row for row in rows if row is not None]
    _counts(fields, booked, opening.currency)
    days = [date.fromisoformat(str(row["booked_on"])) for row in booked]
    columns = {name: [row[name] for row in booked] for name in _COLUMNS}
    statement = Statement(
        account=_account(one["25"].lines[0], opening.currency),
        currency=opening.currency,
        opening=opening.amount,
        closing=closing.amount,
        begins=min([*days, closing.on]),
        ends=max([*days, closing.on]),
        identifier=one["28"].lines[0].strip() if "28" in one else one["20"].lines[0].strip(),
        format="MT940",
        lines=frame({**columns, "balance": [None] * len(booked)}),
        notes=noted.sentences(),
    )
    return Page(statement=statement, first=one["60"].tag == "60F", last=one["62"].tag == "62F")


_COLUMNS: Final = (
    *("number", "booked_on", "booked_at", "amount", "serial", "end_to_end", "remark"),
    *("counterparty", "counterparty_account", "reversal", "nature"),
)


def _rest(fields: Sequence[Field], noted: Noted) -> None:
    """What stands in a message besides its lines: told, where it is the bank's word to its customer."""
    for before, field in pairwise(fields):
        if field.tag == "86" and before.tag != "61":
            noted.add(f"对账单附言：{' '.join(field.lines).strip()[:200]}")
        elif field.tag in {"64", "65"}:
            _balance(field)  # what can be drawn, not what is booked: read so that no damaged one passes


def _row(field: Field, told: Sequence[str], *, currency: str, noted: Noted) -> dict[str, object] | None:
    """One :61: with its :86:; None where the bank only expects it."""
    found = _LINE.fullmatch(field.lines[0].rstrip())
    if found is None:
        shown = field.lines[0][:80]
        raise bad(
            field.at,
            f":61: {shown!r} is not date, C or D, amount with a comma, type and reference",
            f":61:“{shown}”不符合“日期、借贷标志、带逗号的金额、类型、参考号”的格式",
        )
    amount = _amount(found["amount"], currency, field.at)
    if found["mark"].startswith("E"):
        noted.add("预期款项，尚未入账，不计入流水", f"第 {field.at} 行 {found['amount']}")
        return None
    told_of = details(told)
    texts = [*told_of.remark, *(line.strip() for line in field.lines[1:])]
    ours, banks = (_reference(found[name]) for name in ("ours", "banks"))
    end_to_end = told_of.end_to_end or ours
    if ours and ours != end_to_end:
        texts.append(ours)
    return {
        "number": field.at,
        "booked_on": _booked(found["value"], (found["booked"] or "").strip(), field.at).isoformat(),
        "booked_at": "",
        # RC undoes a credit: money goes out. RD undoes a debit.
        "amount": amount if found["mark"] in {"C", "RD"} else -amount,
        "serial": banks,
        "end_to_end": end_to_end,
        "remark": " ".join(dict.fromkeys(filter(None, texts))),
        "counterparty": told_of.name,
        "counterparty_account": told_of.account,
        "reversal": found["mark"] in {"RC", "RD"},
        "nature": _nature(found["kind"], told_of),
    }


def _nature(kind: str, told: Details) -> str:
    return nature(summary=told.summary, code=_NATURES.get(kind[1:], ""), counterparty_account=told.account)


def _counts(fields: Sequence[Field], rows: Sequence[Mapping[str, object]], currency: str) -> None:
    """Number and sum of debits (:90D:) and credits (:90C:), which an MT940 need not state. Raises."""
    for field in fields:
        if field.tag not in {"90C", "90D"}:
            continue
        found = _COUNTED.fullmatch(field.lines[0].strip())
        if found is None:
            raise bad(field.at, f":{field.tag}: is not count, currency, sum", f":{field.tag}: 应为笔数、币种、合计")
        sign = 1 if field.tag == "90C" else -1
        sums = [sign * int(str(row["amount"])) for row in rows]
        sums = [each for each in sums if each > 0]
        if (int(found[1]), _amount(found[3], currency, field.at)) != (len(sums), sum(sums)):
            raise ControlTotalsBroken(
                f"line {field.at}: :{field.tag}: states {found[1]} of {found[3]}, the lines are {len(sums)} "
                f"of {sum(sums)} minor units; fetch the file again",
                f"第 {field.at} 行：:{field.tag}: 写明 {found[1]} 笔 {found[3]}，流水为 {len(sums)} 笔 "
                f"{sum(sums)}（最小货币单位）；请重新下载",
            )


def _balance(field: Field) -> _Balance:
    found = _BALANCE.fullmatch(field.lines[0].strip())
    if found is None or found[3] not in EXPONENT:
        raise bad(
            field.at,
            f":{field.tag}: {field.lines[0][:40]!r} is not C or D, date, known currency and amount with a comma",
            f":{field.tag}:“{field.lines[0][:40]}”不符合“借贷标志、日期、已知币种、带逗号的金额”的格式",
        )
    amount = _amount(found[4], found[3], field.at)
    return _Balance(amount=amount if found[1] == "C" else -amount, currency=found[3], on=_date(found[2], field.at))


def _amount(text: str, currency: str, at: int) -> int:
    """ "1250,4" in minor units: after the comma there may be less than the currency has, never more."""
    try:
        return minor(text.replace(",", ".").removesuffix("."), currency)
    except NotExact as reason:
        raise bad(at, str(reason), reason.chinese) from None


def _date(text: str, at: int) -> date:
    try:
        return date(2000 + int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        raise bad(at, f"{text!r} is no date (YYMMDD)", f"“{text}”不是日期（YYMMDD）") from None


def _booked(value: str, booked: str, at: int) -> date:
    """The entry date, which has no year: of the three it can be, the one nearest to the value date."""
    valued = _date(value, at)
    if not booked:
        return valued
    candidates = []
    for year in (valued.year - 1, valued.year, valued.year + 1):
        try:
            candidates.append(date(year, int(booked[:2]), int(booked[2:])))
        except ValueError:
            continue  # 29 February, in a year that has none
    if not candidates:
        raise bad(at, f"{booked!r} is no entry date (MMDD)", f"“{booked}”不是入账日期（MMDD）")
    return min(candidates, key=lambda day: abs((day - valued).days))


def _account(text: str, currency: str) -> str:
    """The account of :25:, which may stand behind the bank's code ("50880050/0194787400888") or before its currency."""
    number = text.strip().rpartition("/")[2].strip()
    return number.removesuffix(currency).strip() or number


def _reference(text: str | None) -> str:
    shown = (text or "").strip()
    return "" if shown in _NO_REFERENCE else shown
