"""Writing the bank's report on a payout file: ISO 20022 CustomerPaymentStatusReport, pain.002.001.03 or .10."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Final, Literal, TypeAlias

from lxml import etree

from escrow.bank.sandbox.books import ZONE, major
from escrow.bank.sandbox.execution import LineReceipt, Receipt

Version: TypeAlias = Literal["03", "10"]

_RECEIVED_UNREADABLE: Final = "NOTPROVIDED"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportDials:
    """What goes wrong with reports on purpose. `pending`, `unknown`: end-to-end ids told as PDNG, or under this name
    instead; `rejects`: told as rejected with this code though executed; `only`: the lines told of; `sum_by`: fen that
    the repeated control sum is off; `as_group`: one status for the whole file where all lines share it; `accepted`: the
    status of what was executed."""

    pending: frozenset[str] = frozenset()
    unknown: Mapping[str, str] = field(default_factory=dict)
    rejects: Mapping[str, str] = field(default_factory=dict)
    only: frozenset[str] | None = None
    sum_by: int = 0
    as_group: bool = False
    accepted: str = "ACSC"


def write(
    receipt: Receipt, *, at: datetime, number: int = 1, version: Version = "10", dials: ReportDials | None = None
) -> bytes:
    """The receipt as a report; `number` tells several reports about one file apart."""
    dials = dials or ReportDials()
    namespace = f"urn:iso:std:iso:20022:tech:xsd:pain.002.001.{version}"
    document = etree.fromstring(f'<Document xmlns="{namespace}"/>')
    report = etree.SubElement(document, f"{{{namespace}}}CstmrPmtStsRpt")
    header = _add(report, "GrpHdr")
    _add(header, "MsgId", f"R{number}-{receipt.message_id or _RECEIVED_UNREADABLE}"[:35])
    _add(header, "CreDtTm", at.astimezone(ZONE).isoformat(timespec="seconds"))
    _group(report, receipt, dials)
    told = [each for each in receipt.lines if dials.only is None or each.end_to_end in dials.only]
    statuses = {_status(each, dials) for each in receipt.lines}
    if told and not (dials.as_group and len(statuses) == 1):
        for name, lines in groupby(told, key=lambda each: each.part):
            part = _add(report, "OrgnlPmtInfAndSts")
            _add(part, "OrgnlPmtInfId", name)
            for line in lines:
                _line(part, line, dials)
    return etree.tostring(document, xml_declaration=True, encoding="UTF-8")


def _group(report: "etree._Element", receipt: Receipt, dials: ReportDials) -> None:
    group = _add(report, "OrgnlGrpInfAndSts")
    _add(group, "OrgnlMsgId", receipt.message_id or _RECEIVED_UNREADABLE)
    _add(group, "OrgnlMsgNmId", "pain.001.001.09")
    if receipt.lines:
        _add(group, "OrgnlNbOfTxs", str(len(receipt.lines)))
        _add(group, "OrgnlCtrlSum", major(sum(each.amount_minor for each in receipt.lines) + dials.sum_by))
    statuses = sorted({_status(each, dials) for each in receipt.lines})
    _add(group, "GrpSts", "RJCT" if not receipt.lines else statuses[0] if len(statuses) == 1 else "PART")
    if not receipt.lines:
        _reason(group, receipt.code, receipt.reason)


def _status(line: LineReceipt, dials: ReportDials) -> str:
    if line.end_to_end in dials.pending:
        return "PDNG"
    return "RJCT" if line.status == "rejected" or line.end_to_end in dials.rejects else dials.accepted


def _line(part: "etree._Element", line: LineReceipt, dials: ReportDials) -> None:
    told, status = _add(part, "TxInfAndSts"), _status(line, dials)
    _add(told, "OrgnlEndToEndId", dials.unknown.get(line.end_to_end, line.end_to_end))
    _add(told, "TxSts", status)
    if status == "RJCT":
        _reason(told, dials.rejects.get(line.end_to_end, line.code), line.reason or "拒绝付款")
    amount = _add(_add(_add(told, "OrgnlTxRef"), "Amt"), "InstdAmt", major(line.amount_minor))
    amount.set("Ccy", "CNY")


def _reason(parent: "etree._Element", code: str, text: str) -> None:
    reason = _add(parent, "StsRsnInf")
    _add(_add(reason, "Rsn"), "Cd", code)
    for at in range(0, len(text), 105):
        _add(reason, "AddtlInf", text[at : at + 105])


def _add(parent: "etree._Element", name: str, text: str | None = None) -> "etree._Element":
    element = etree.SubElement(parent, f"{{{etree.QName(parent).namespace}}}{name}")
    element.text = text
    return element
