"""pain.002, the customer payment status report of ISO 20022: what a bank says became of a pain.001, at three levels.

Versions .03 to .14 are read alike: what is wanted of them stands in the same places. Nothing is guessed: an element
that may stand once stands once, counts and sums that the report states agree with what it lists.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from lxml import etree

from reconciliation.statement import DoctypeRefused, StatementRefused, TooLarge

MAX_BYTES: Final = 32 * 1024 * 1024
"""Some forty thousand lines with all that a bank may say of each."""

PARTLY: Final = "PART"
REJECTED: Final = "RJCT"
STATUSES: Final = frozenset({"RCVD", "ACTC", "ACCP", "ACWC", "ACSP", "ACSC", "ACCC", "PDNG", PARTLY, REJECTED})
"""ExternalPaymentTransactionStatus1Code and its like for groups, as far as banks answer credit transfers with it."""

_ZONE: Final = ZoneInfo("Asia/Shanghai")
_ROOT: Final = "CstmrPmtStsRpt"
_NAMESPACE: Final = re.compile(r"urn:iso:std:iso:20022:tech:xsd:pain\.002\.001\.(0[3-9]|1[0-4])")
_AMOUNT: Final = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,2}))?", re.ASCII)
_COUNT: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_CODE: Final = re.compile(r"[0-9A-Z]{1,4}", re.ASCII)
_LONGEST: Final = 140


class StatusReportRefused(StatementRefused):
    """The bytes are no payment status report that can be read exactly. Nothing of it counts."""

    slug = "status-report-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A status with its reason. `status` is empty where the report gives none at this level."""

    status: str = ""
    code: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(Said):
    """One transfer that the report names (TxInfAndSts). `amount` in minor units, None where it is not repeated."""

    end_to_end: str
    amount: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Said):
    """One account's part of the file (OrgnlPmtInfAndSts); `count` and `total` as the report repeats them."""

    payment_information: str
    count: int | None
    total: int | None
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Said):
    """A payment status report (付款状态报告). `original` is the MsgId of the file that it answers."""

    message_id: str
    created_at: datetime
    original: str
    count: int | None
    total: int | None
    parts: tuple[Part, ...]


def read(data: bytes) -> Report:
    """The report in these bytes. Raises StatusReportRefused, DoctypeRefused, TooLarge."""
    if len(data) > MAX_BYTES:
        raise TooLarge(
            f"the report has {len(data)} bytes; at most {MAX_BYTES} are read, ask the bank for one report a batch",
            f"状态报告共 {len(data)} 字节，超过 {MAX_BYTES} 字节上限；请按批次提供",
            limit=MAX_BYTES,
            found=len(data),
        )
    report = _report(data)
    header, group = _one(report, "GrpHdr"), _one(report, "OrgnlGrpInfAndSts")
    parts = tuple(_part(each) for each in _all(report, "OrgnlPmtInfAndSts"))
    _must_be_once([line.end_to_end for part in parts for line in part.lines], "OrgnlEndToEndId")
    _must_be_once([part.payment_information for part in parts], "OrgnlPmtInfId")
    said = _said(group, "GrpSts")
    _must_count(group, "NbOfTxsPerSts", [line for part in parts for line in part.lines])
    _must_agree(said, [*parts, *(line for part in parts for line in part.lines)])
    return Report(
        message_id=_needed(header, "MsgId"),
        created_at=_instant(_needed(header, "CreDtTm")),
        original=_needed(group, "OrgnlMsgId"),
        count=_count(group, "OrgnlNbOfTxs"),
        total=_total(group, "OrgnlCtrlSum"),
        parts=parts,
        status=said.status,
        code=said.code,
        reason=said.reason,
    )


def _report(data: bytes) -> "etree._Element":
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as reason:
        raise StatusReportRefused(
            f"the XML is broken or none: {reason}; fetch the file again", f"不是完整的 XML 文件：{reason}；请重新下载"
        ) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise DoctypeRefused(
            "the XML has a DOCTYPE; a status report has none, ask the bank for the file as it made it",
            "XML 含有 DOCTYPE 声明，状态报告不应有；请使用银行生成的原始文件",
        )
    found: list[etree._Element] = list(root.iter("{*}" + _ROOT))
    if len(found) != 1:
        raise _refused(f"it holds {len(found)} {_ROOT}; one is wanted", f"应含一份 {_ROOT}，实有 {len(found)} 份")
    namespace = etree.QName(found[0]).namespace or ""
    if namespace and _NAMESPACE.fullmatch(namespace) is None:
        raise _refused(f"{namespace} is no pain.002 of .03 to .14", f"命名空间 {namespace} 不是 pain.002（.03–.14）")
    return found[0]


def _part(part: "etree._Element") -> Part:
    said = _said(part, "PmtInfSts")
    lines = tuple(_line(each) for each in _all(part, "TxInfAndSts"))
    _must_count(part, "NbOfTxsPerSts", lines)
    _must_agree(said, lines)
    return Part(
        payment_information=_needed(part, "OrgnlPmtInfId"),
        count=_count(part, "OrgnlNbOfTxs"),
        total=_total(part, "OrgnlCtrlSum"),
        lines=lines,
        status=said.status,
        code=said.code,
        reason=said.reason,
    )


def _line(line: "etree._Element") -> Line:
    said = _said(line, "TxSts")
    amounts = [each for path in ("OrgnlTxRef/Amt/InstdAmt",) for each in _all(line, path)]
    if any(each.get("Ccy", "CNY") != "CNY" for each in amounts) or len(amounts) > 1:
        raise _refused("a transfer is told in another currency than CNY, or twice", "付款币种须为人民币，且只出现一次")
    return Line(
        end_to_end=_needed(line, "OrgnlEndToEndId"),
        amount=_minor(amounts[0].text or "", "InstdAmt") if amounts else None,
        status=said.status,
        code=said.code,
        reason=said.reason,
    )


def _said(parent: "etree._Element", name: str) -> Said:
    status = _text(parent, name)
    if status and (status not in STATUSES or (status == PARTLY and name == "TxSts")):
        raise _refused(
            f"{name} {status!r} is none of {', '.join(sorted(STATUSES))}", f"{name} 状态 {status!r} 无法识别"
        )
    reasons = _all(parent, "StsRsnInf")
    codes = [_text(each, path) for each in reasons for path in ("Rsn/Cd", "Rsn/Prtry")]
    told = [" ".join((node.text or "").split()) for each in reasons for node in _all(each, "AddtlInf")]
    code = next((each for each in codes if each), "")
    if _text_of_code(reasons) and _CODE.fullmatch(_text_of_code(reasons)) is None:
        raise _refused(f"the reason {_text_of_code(reasons)!r} is no ISO 20022 code", "原因代码不符合 ISO 20022")
    return Said(status=status, code=_plain(code)[:35], reason=_plain(" ".join(filter(None, told))))


def _text_of_code(reasons: Sequence["etree._Element"]) -> str:
    return next((found for each in reasons if (found := _text(each, "Rsn/Cd"))), "")


def _must_agree(above: Said, below: Sequence[Said]) -> None:
    """What was rejected as a whole was rejected in every part; PART stands only where parts differ or are told."""
    if above.status == REJECTED and any(each.status not in ("", REJECTED) for each in below):
        raise _refused(
            "it rejects the whole and accepts a part of it; ask the bank which holds",
            "整批被拒绝而其中个别付款未被拒绝，前后矛盾；请向银行核实",
        )


def _must_count(parent: "etree._Element", name: str, lines: Sequence[Line]) -> None:
    """The numbers and sums by status are those of the lines, where lines of that status are listed."""
    counted = Counter(each.status for each in lines)
    for stated in _all(parent, name):
        status, wanted = _needed(stated, "DtldSts"), _count(stated, "DtldNbOfTxs")
        listed = [each for each in lines if each.status == status]
        if listed and wanted != counted[status]:
            raise _refused(
                f"it states {wanted} transfers {status} and lists {counted[status]}",
                f"注明 {status} 共 {wanted} 笔，实列 {counted[status]} 笔",
            )
        total, amounts = _total(stated, "DtldCtrlSum"), [each.amount for each in listed]
        found = sum(each for each in amounts if each is not None)
        if listed and total is not None and None not in amounts and total != found:
            raise _refused(
                f"it states {total} fen {status} and lists {found}", f"注明 {status} 共 {total} 分，实列 {found} 分"
            )


def _must_be_once(names: Sequence[str], what: str) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        shown = ", ".join(twice[:5])
        raise _refused(f"{what} stands twice: {shown}", f"{what} 重复：{shown}")


def _all(parent: "etree._Element", path: str) -> list["etree._Element"]:
    return list(_walk(parent, path.split("/")))


def _walk(parent: "etree._Element", names: Sequence[str]) -> Iterator["etree._Element"]:
    for child in parent.iterchildren("{*}" + names[0]):
        if len(names) == 1:
            yield child
        else:
            yield from _walk(child, names[1:])


def _one(parent: "etree._Element", name: str) -> "etree._Element":
    found = _all(parent, name)
    if len(found) != 1:
        raise _refused(f"{name} stands {len(found)} times; once is wanted", f"{name} 应出现一次，实有 {len(found)} 次")
    return found[0]


def _text(parent: "etree._Element", path: str) -> str:
    found = _all(parent, path)
    if len(found) > 1 or (found and len(found[0])):
        raise _refused(f"{path} stands {len(found)} times or is no text", f"{path} 重复或不是文本")
    return (found[0].text or "").strip() if found else ""


def _needed(parent: "etree._Element", path: str) -> str:
    found = _text(parent, path)
    if not 0 < len(found) <= _LONGEST or not found.isprintable():
        raise _refused(f"{path} is missing or unreadable: {found[:40]!r}", f"缺少 {path} 或无法识别：{found[:40]!r}")
    return found


def _count(parent: "etree._Element", name: str) -> int | None:
    found = _text(parent, name)
    if found and _COUNT.fullmatch(found) is None:
        raise _refused(f"{name} {found[:40]!r} is no number", f"{name} 不是数字：{found[:40]!r}")
    return int(found) if found else None


def _total(parent: "etree._Element", name: str) -> int | None:
    found = _text(parent, name)
    return _minor(found, name) if found else None


def _minor(text: str, name: str) -> int:
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise _refused(f"{name} {text[:40]!r} is no amount such as 1280.00", f"{name} 不是金额：{text[:40]!r}")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _refused(f"CreDtTm {text!r} is no time", f"CreDtTm 不是时间：{text!r}") from None
    # A bank here that writes no zone means its own clock.
    return at.replace(tzinfo=_ZONE) if at.tzinfo is None else at


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)[:1000]


def _refused(english: str, chinese: str) -> StatusReportRefused:
    return StatusReportRefused(f"the status report cannot be used: {english}", f"付款状态报告不能使用：{chinese}")
