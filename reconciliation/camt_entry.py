"""One booked entry (Ntry) of a camt message as lines: one, or a batch's payments each its own (ISO 20022)."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from reconciliation.amounts import NotExact, major, minor
from reconciliation.camt_charges import charged
from reconciliation.camt_shape import DetailShape, Written
from reconciliation.natures import nature
from reconciliation.noted import Noted
from reconciliation.statement import BadRow, ControlTotalsBroken

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")

_WRITTEN: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?"
)
_COUNT: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_RUNNING_NUMBER: Final = re.compile(r"[0-9]{0,6}", re.ASCII)
_NO_REFERENCE: Final = frozenset({"NOTPROVIDED", "NONREF", "NOTAVAILABLE"})
_SHOWN: Final = 10
"""Payments of an undivided batch whose texts stand in the remark of its one line."""

_nature: Final = lru_cache(maxsize=1024)(nature)


class Line(NamedTuple):
    """A line as CdtDbtInd states it (`amount` in minor units, + for CRDT), before any reversal is weighed.

    `other` is the far side, should the money of a reversal have moved against what is stated.
    """

    number: int
    booked_on: str
    booked_at: str
    amount: int
    serial: str
    end_to_end: str
    remark: str
    counterparty: str
    counterparty_account: str
    reversal: bool
    nature: str
    other: str
    other_account: str


class _Own(NamedTuple):
    """What an entry says of itself, for all its payments."""

    line: int
    number: int
    day: str
    time: str
    amount: int
    text: str
    direction: str
    reversal: bool
    serial: str
    code: str
    summary: str
    currency: str


class _Payment(NamedTuple):
    """One TxDtls; `amount` is None where it states none in the account's currency."""

    amount: int | None
    serial: str = ""
    end_to_end: str = ""
    remark: Sequence[str] = ()
    code: str = ""
    debtor: str = ""
    debtor_account: str = ""
    creditor: str = ""
    creditor_account: str = ""


@lru_cache(maxsize=8192)
def moment(text: str) -> tuple[str, str]:
    """A Dt or DtTm as ISO date and time at the bank's place; an offset is carried over to Asia/Shanghai.

    Raises NotExact.
    """
    try:
        if "T" not in text:
            return date.fromisoformat(text[:10] if _WRITTEN.fullmatch(text) else "").isoformat(), ""
        read = datetime.fromisoformat(text if _WRITTEN.fullmatch(text) else "")
        here = read if read.tzinfo is None else read.astimezone(SHANGHAI)
        return here.date().isoformat(), here.time().isoformat("seconds")
    except (ValueError, OverflowError):
        raise NotExact(
            f"{text[:40]!r} is no booking date; write it as 2026-10-31",
            f"“{text[:40]}”不是记账日期（例：2026-10-31）",
        ) from None


def signed(text: str, stated: str, direction: str, currency: str) -> int:
    """An Amt, `stated` in the account's currency, in minor units: + for CRDT, - for DBIT. Raises NotExact."""
    if stated != currency:
        raise NotExact(
            f"the amount is in {stated or 'no currency'}, the account is kept in {currency}",
            f"金额币种为 {stated or '空'}，账户币种为 {currency}",
        )
    value = minor(text, currency)
    if direction not in {"CRDT", "DBIT"} or text[:1] in {"+", "-"}:
        raise NotExact(
            f"CdtDbtInd is {direction[:20]!r}, the amount {text!r}; expected CRDT or DBIT and no sign",
            f"CdtDbtInd 为“{direction[:20]}”、金额为“{text}”；应为 CRDT 或 DBIT 加无符号金额",
        )
    return value if direction == "CRDT" else -value


def read(written: Written, *, number: int, currency: str, noted: Noted) -> list[Line]:
    """The lines of one entry, together exactly its amount; none when it is not booked.

    Raises BadRow or ControlTotalsBroken, naming the entry by its number in the statement and its line in the file.
    `noted` is told of an entry that is no line, or is not divided as it might have been.
    """
    try:
        return _lines(written, number=number, currency=currency, noted=noted)
    except NotExact as reason:
        english, chinese = _place(number, written.line)
        raise BadRow(f"{english}: {reason}", f"{chinese}：{reason.chinese}", number=number) from None


def _lines(written: Written, *, number: int, currency: str, noted: Noted) -> list[Line]:
    shape, texts, currencies, line = written
    amount, direction, reversal, status, booked, serial, reference, code, summary = shape.fields(texts)
    if shape.twice:
        raise NotExact(f"{shape.twice} stands there twice; expected once", f"{shape.twice} 出现两次，应只有一次")
    if status not in {"BOOK", ""}:
        # Others are sent again once booked.
        noted.add(f"状态为 {status[:20]}，尚未入账，不计入流水", f"第 {number} 笔 {amount[:20]}")
        return []
    own = _Own(
        line,
        number,
        *moment(booked),
        signed(amount, currencies[shape.currency], direction, currency),
        amount,
        direction,
        _yes(reversal),
        _named(serial) or _lasting(reference),
        code,
        summary,
        currency,
    )
    return _divided(own, written, noted)


def _place(number: int, line: int) -> tuple[str, str]:
    """The entry in both languages, with its line in the file for those who must look at it."""
    return f"entry {number} (line {line})", f"第 {number} 笔（文件第 {line} 行）"


def _divided(own: _Own, written: Written, noted: Noted) -> list[Line]:
    """The entry as its payments; as one line where they do not make its amount."""
    shape = written.shape
    if not shape.details:
        return [_line(own, own.amount, _Payment(None))]
    if shape.counts:
        _counted(own, written)
    payments = [_payment(each, written, own) for each in shape.details]
    if len(payments) == 1 and payments[0].amount == own.amount:  # nearly always
        return [_line(own, own.amount, payments[0])]
    amounts = [each.amount for each in payments if each.amount is not None]
    if len(amounts) == len(payments):
        left = own.amount - sum(amounts)
        lines = [_line(own, value, each) for value, each in zip(amounts, payments, strict=True)]
        if left == 0:
            return lines
        if left in charged(own.currency, written):
            # Paid in gross, booked net: the bank's charge is a line of its own, or no order's amount would be found.
            fee = _Payment(None, remark=("费用",), code="CHRG")
            return [*lines, _line(own, left, fee)]
        total, entry = major(sum(amounts), own.currency), major(own.amount, own.currency)
        noted.add("明细金额合计与该笔金额不符，按一笔计", f"第 {own.number} 笔 {entry}（明细 {total}）")
    elif len(payments) > 1:
        noted.add("批量没有以账户币种写明的逐笔金额，按一笔计", f"第 {own.number} 笔（{len(payments)} 条明细）")
    return [_line(own, own.amount, payments[0] if len(payments) == 1 else _Payment(None, remark=_gathered(payments)))]


def _payment(shape: DetailShape, written: Written, own: _Own) -> _Payment:
    texts, (first, second) = written.texts, shape.currencies
    stated, transaction, direction, serial, transaction_id, end_to_end, *parties = shape.fields(texts)
    amount: int | None = None
    if own.currency in (written.currencies[first], written.currencies[second]):
        text = stated if written.currencies[first] == own.currency else transaction
        amount = own.amount
        if text != own.text or direction not in {"", own.direction}:  # most payments repeat what the entry says
            amount = signed(text, own.currency, direction or own.direction, own.currency)
    remark = [texts[at] for at in shape.remark]
    if shape.returned:
        remark.append(" ".join(["退汇原因", *(texts[at] for at in shape.returned)]))
    serial = _named(serial) or own.serial or _named(transaction_id)
    return _Payment(amount, serial, _named(end_to_end), remark, *parties)


def _gathered(payments: list[_Payment]) -> tuple[str, ...]:
    """What the payments of an undivided batch say, so that whoever divides it by hand has something to go by."""
    shown = payments[:_SHOWN]
    more = (f"等 {len(payments)} 条明细",) if len(payments) > _SHOWN else ()
    return (*(text for each in shown for text in (each.end_to_end, *each.remark)), *more)


def _line(own: _Own, amount: int, payment: _Payment) -> Line:
    texts = [*payment.remark, own.summary] if own.summary else payment.remark
    remark = texts[0] if len(texts) == 1 else " ".join(dict.fromkeys(filter(None, texts)))
    _, _, _, _, code, debtor, debtor_account, creditor, creditor_account = payment
    near, near_account, far, far_account = (
        (debtor, debtor_account, creditor, creditor_account)
        if amount > 0
        else (creditor, creditor_account, debtor, debtor_account)
    )
    return Line(
        own.number,
        own.day,
        own.time,
        amount,
        payment.serial or own.serial,
        payment.end_to_end,
        remark,
        near,
        near_account,
        own.reversal,
        "transfer" if near_account else _nature(summary=own.summary, code=code or own.code),
        far,
        far_account,
    )


def _counted(own: _Own, written: Written) -> None:
    """A batch that says how many payments it holds must hold that many, when it shows any."""
    counts, shown = [written.texts[at] for at in written.shape.counts], len(written.shape.details)
    if all(map(_COUNT.fullmatch, counts)) and sum(map(int, counts)) != shown:
        (english, chinese), said = _place(own.number, own.line), "+".join(counts)
        raise ControlTotalsBroken(
            f"{english}: the batch states {said} payments and shows {shown}",
            f"{chinese}：批量写明 {said} 笔，明细却有 {shown} 笔",
        )


def _named(reference: str) -> str:
    return "" if reference in _NO_REFERENCE else reference


def _lasting(reference: str) -> str:
    """NtryRef where it can be an identity. Many banks only number a file's entries there: 1 is another one tomorrow."""
    return "" if _RUNNING_NUMBER.fullmatch(reference) else _named(reference)


def _yes(text: str) -> bool:
    if text in {"true", "1"}:
        return True
    if text in {"false", "0", ""}:
        return False
    raise NotExact(f"RvslInd is {text[:20]!r}; expected true or false", f"RvslInd 为“{text[:20]}”；应为 true 或 false")
