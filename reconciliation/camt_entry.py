"""One booked entry (Ntry) of a camt message, read in one walk over its children (ISO 20022 message definition)."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from lxml import etree

from reconciliation.amounts import NotExact, minor
from reconciliation.statement import BadRow, ControlTotalsBroken

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")

_DATE: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII)
_COUNT: Final = re.compile(r"[0-9]{1,15}", re.ASCII)

Leaves = dict[str, list[str]]
"""Texts by their path below an element, in document order."""


class Where(NamedTuple):
    """The place of a fault in both languages, and the entry's number, 0 outside the entries."""

    english: str
    chinese: str
    number: int = 0

    def payment(self, at: int) -> "Where":
        """One payment of a batch entry."""
        return Where(f"{self.english}, payment {at}", f"{self.chinese}第 {at} 条明细", self.number)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One line to be: `amount` is signed as CdtDbtInd states it (minor units), before any reversal is weighed."""

    number: int
    booked_on: str
    booked_at: str
    amount: int
    reversal: bool
    serial: str
    end_to_end: str
    remark: str
    summary: str
    code: str
    debtor: str
    debtor_account: str
    creditor: str
    creditor_account: str


def local(element: "etree._Element") -> str:
    """The element's name without its namespace."""
    return _without_namespace(element.tag)


def leaves(element: "etree._Element", *, without: str = "") -> Leaves:
    """Every text below the element by its path, "BookgDt/Dt"; amounts' currencies under "Amt@Ccy"."""
    found: Leaves = {}
    _collect(element, "", without, found)
    return found


def only(found: Leaves, *paths: str) -> str:
    """The text of the first path that is there, "" when none is."""
    for path in paths:
        if path in found:
            return found[path][0]
    return ""


def moment(text_date: str, text_time: str, where: Where) -> tuple[str, str]:
    """A Dt or DtTm as ISO date and time at the bank's place; an offset is carried over to Asia/Shanghai."""
    try:
        if text_time:
            read = datetime.fromisoformat(text_time)
            here = read if read.tzinfo is None else read.astimezone(SHANGHAI)
            return here.date().isoformat(), here.time().isoformat("seconds")
        dated = _DATE.fullmatch(text_date)
        return date.fromisoformat(dated[1] if dated else "").isoformat(), ""
    except (ValueError, OverflowError):
        text = text_time or text_date
        raise BadRow(
            f"{where.english}: {text!r} is no booking date; write it as 2026-10-31",
            f"{where.chinese}：“{text}”不是记账日期（例：2026-10-31）",
            number=where.number,
        ) from None


def signed(found: Leaves, path: str, where: Where, currency: str) -> int:
    """The amount at path, + for CRDT and - for DBIT, in minor units of the account's currency."""
    text, indicator = only(found, path), only(found, "CdtDbtInd")
    stated = only(found, f"{path}@Ccy")
    if stated != currency:
        raise BadRow(
            f"{where.english}: the amount is in {stated or 'no currency'}, the account is kept in {currency}",
            f"{where.chinese}：金额币种为 {stated or '空'}，账户币种为 {currency}",
            number=where.number,
        )
    if indicator not in {"CRDT", "DBIT"} or text.startswith("-"):
        raise BadRow(
            f"{where.english}: CdtDbtInd is {indicator!r}, the amount {text!r}; expected CRDT or DBIT and no sign",
            f"{where.chinese}：CdtDbtInd 为“{indicator}”、金额为“{text}”；应为 CRDT 或 DBIT 加无符号金额",
            number=where.number,
        )
    try:
        value = minor(text, currency)
    except NotExact as reason:
        raise BadRow(
            f"{where.english}: {reason}", f"{where.chinese}：{reason.chinese}", number=where.number, cell=text
        ) from None
    return value if indicator == "CRDT" else -value


def read(element: "etree._Element", whole: Leaves, number: int, currency: str) -> list[Entry]:
    """The lines of one entry: one, or a batch's details each its own. Raises BadRow, ControlTotalsBroken.

    `whole` are the entry's leaves without its NtryDtls.
    """
    where = Where(f"entry {number}", f"第 {number} 笔", number)
    amount = signed(whole, "Amt", where, currency)
    dated = moment(
        only(whole, "BookgDt/Dt", "ValDt/Dt"),
        only(whole, "BookgDt/DtTm") or ("" if "BookgDt/Dt" in whole else only(whole, "ValDt/DtTm")),
        where,
    )
    groups = [child for child in element if local(child) == "NtryDtls"]
    details = [leaves(child) for group in groups for child in group if local(child) == "TxDtls"]
    _counted(groups, details, where)
    parts = _parts(details, amount, where, currency)
    return [_entry(number, dated, part, whole=whole, detail=detail) for part, detail in parts]


@lru_cache(maxsize=1024)  # bounded: the names come from outside
def _without_namespace(tag: str) -> str:
    return tag.rpartition("}")[2]


def _collect(element: "etree._Element", path: str, without: str, found: Leaves) -> None:
    for child in element:
        name = _without_namespace(child.tag)
        if name == without:
            continue
        here = f"{path}/{name}" if path else name
        if len(child):
            _collect(child, here, without, found)
            continue
        found.setdefault(here, []).append((child.text or "").strip())
        if "Ccy" in child.attrib:
            found.setdefault(f"{here}@Ccy", []).append(str(child.attrib["Ccy"]))


def _counted(groups: "list[etree._Element]", details: list[Leaves], where: Where) -> None:
    """A batch that says how many payments it holds must hold that many, when it shows any."""
    counts = [leaves(group, without="TxDtls").get("Btch/NbOfTxs", ["?"])[0] for group in groups]
    if details and all(_COUNT.fullmatch(count) for count in counts) and sum(map(int, counts)) != len(details):
        said = "+".join(counts)
        raise ControlTotalsBroken(
            f"{where.english}: the batch states {said} payments and shows {len(details)}",
            f"{where.chinese}：批量写明 {said} 笔，明细只有 {len(details)} 笔",
        )


def _parts(details: list[Leaves], amount: int, where: Where, currency: str) -> list[tuple[int, Leaves]]:
    """A batch entry as (amount, detail) pairs that sum to it; undivided when its details carry no such amounts."""
    if len(details) <= 1:
        return [(amount, details[0] if details else {})]
    paths = [next((p for p in ("Amt", "AmtDtls/TxAmt/Amt") if p in detail), "") for detail in details]
    if any(only(detail, f"{path}@Ccy") != currency for detail, path in zip(details, paths, strict=True)):
        return [(amount, {})]
    direction = {"CdtDbtInd": ["CRDT" if amount >= 0 else "DBIT"]}
    amounts = [
        signed({**direction, **detail}, path, where.payment(at), currency)
        for at, (detail, path) in enumerate(zip(details, paths, strict=True), start=1)
    ]
    if sum(amounts) != amount:
        raise ControlTotalsBroken(
            f"{where.english}: the batch's payments come to {sum(amounts)} minor units, the entry is {amount}",
            f"{where.chinese}：批量明细合计 {sum(amounts)}，该笔总额 {amount}（最小货币单位）",
            expected=amount,
            found=sum(amounts),
        )
    return list(zip(amounts, details, strict=True))


def _entry(number: int, dated: tuple[str, str], amount: int, *, whole: Leaves, detail: Leaves) -> Entry:
    end_to_end = only(detail, "Refs/EndToEndId")
    texts = [
        *detail.get("RmtInf/Ustrd", []),
        *detail.get("RmtInf/Strd/CdtrRefInf/Ref", []),
        only(detail, "AddtlTxInf"),
        only(whole, "AddtlNtryInf"),
    ]
    return Entry(
        number=number,
        booked_on=dated[0],
        booked_at=dated[1],
        amount=amount,
        reversal=only(whole, "RvslInd") in {"true", "1"},
        serial=only(detail, "Refs/AcctSvcrRef") or only(whole, "AcctSvcrRef"),
        end_to_end="" if end_to_end == "NOTPROVIDED" else end_to_end,
        remark=" ".join(dict.fromkeys(text for text in texts if text)),
        summary=only(whole, "AddtlNtryInf"),
        code=only(detail, "BkTxCd/Domn/Fmly/SubFmlyCd") or only(whole, "BkTxCd/Domn/Fmly/SubFmlyCd"),
        debtor=_party(detail, "Dbtr"),
        debtor_account=_account(detail, "DbtrAcct"),
        creditor=_party(detail, "Cdtr"),
        creditor_account=_account(detail, "CdtrAcct"),
    )


def _party(detail: Leaves, role: str) -> str:
    names = (f"RltdPties/{who}{below}/Nm" for who in (role, f"Ultmt{role}") for below in ("", "/Pty"))
    return only(detail, *names)


def _account(detail: Leaves, role: str) -> str:
    return only(detail, f"RltdPties/{role}/Id/IBAN", f"RltdPties/{role}/Id/Othr/Id")
