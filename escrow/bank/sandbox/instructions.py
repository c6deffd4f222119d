"""Reading a payout file: ISO 20022 CustomerCreditTransferInitiation, pain.001.001.09, as this bank takes it."""

import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
_NAMES: Final = {"p": NAMESPACE}
_AMOUNT: Final = re.compile(r"([0-9]{1,13})(?:\.([0-9]{1,2}))?", re.ASCII)
_COUNT: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_ID: Final = re.compile(r"[0-9A-Za-z/?:().,'+ -]{1,35}", re.ASCII)


class Unacceptable(ValueError):
    """The file as a whole is refused. `code` is an ISO 20022 status reason; `message_id` is empty when unread."""

    def __init__(self, code: str, reason: str, *, message_id: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.message_id = message_id


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """One transfer that the file asks for: `amount_minor` fen from `debtor_account` to `creditor_account`.

    `part` is the payment block that it stands in (PmtInfId).
    """

    end_to_end: str
    debtor_account: str
    amount_minor: int
    currency: str
    creditor: str
    creditor_account: str
    remark: str
    part: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PayoutFile:
    """A payout file whose counts and control sums hold."""

    message_id: str
    orders: tuple[Order, ...]


def read(file: bytes) -> PayoutFile:
    """Read and check a payout file. Raises Unacceptable: FF01 format, AM18 number of transfers, AM10 control sum.

    The group's control sum is optional in the standard and required by this bank; sums of payment blocks are checked
    where they are given.
    """
    message = _message(file)
    message_id = _required_id(message, "p:GrpHdr/p:MsgId")
    try:
        blocks = message.findall("p:PmtInf", _NAMES)
        orders = [_orders(block) for block in blocks]
        for block, inside in zip(blocks, orders, strict=True):
            _check_totals(block, inside, "PmtInf")
        every = [order for inside in orders for order in inside]
        _check_totals(message.find("p:GrpHdr", _NAMES), every, "GrpHdr")
    except Unacceptable as refusal:
        raise Unacceptable(refusal.code, str(refusal), message_id=message_id) from None
    return PayoutFile(message_id=message_id, orders=tuple(every))


def _message(file: bytes) -> etree._Element:
    """The message's root. A DOCTYPE is refused outright: entities could hide or cut what the file says."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(file, parser)
    except (etree.XMLSyntaxError, ValueError) as trouble:
        raise Unacceptable("FF01", f"not an XML file: {trouble}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unacceptable("FF01", "the file has a DOCTYPE; send it without one")
    message = root.find("p:CstmrCdtTrfInitn", _NAMES)
    if root.tag != f"{{{NAMESPACE}}}Document" or message is None:
        raise Unacceptable("FF01", f"{root.tag} is not a Document of {NAMESPACE} with CstmrCdtTrfInitn")
    return message


def _orders(block: etree._Element) -> list[Order]:
    if _text(block, "p:PmtMtd") != "TRF":
        raise Unacceptable("FF01", f"PmtMtd {_text(block, 'p:PmtMtd')!r} is not taken; only TRF, a transfer, is")
    debtor_account = _account(block, "p:DbtrAcct")
    part = _required_id(block, "p:PmtInfId")
    return [_order(transfer, debtor_account, part) for transfer in block.findall("p:CdtTrfTxInf", _NAMES)]


def _order(transfer: etree._Element, debtor_account: str, part: str) -> Order:
    end_to_end = _required_id(transfer, "p:PmtId/p:EndToEndId")
    amount = transfer.find("p:Amt/p:InstdAmt", _NAMES)
    if amount is None:
        raise Unacceptable("FF01", f"{end_to_end} has no InstdAmt; other kinds of amount are not taken")
    return Order(
        end_to_end=end_to_end,
        debtor_account=debtor_account,
        amount_minor=_fen(amount.text, f"InstdAmt of {end_to_end}"),
        currency=str(amount.get("Ccy", "")),
        creditor=_text(transfer, "p:Cdtr/p:Nm"),
        creditor_account=_account(transfer, "p:CdtrAcct"),
        remark=" ".join(line.text or "" for line in transfer.findall("p:RmtInf/p:Ustrd", _NAMES)),
        part=part,
    )


def _check_totals(header: etree._Element | None, orders: list[Order], name: str) -> None:
    """Compare NbOfTxs and CtrlSum of a header with what stands below it."""
    if header is None:
        raise Unacceptable("FF01", f"the file has no {name}")
    group = name == "GrpHdr"
    count, total = _text(header, "p:NbOfTxs"), _text(header, "p:CtrlSum")
    if (count or group) and (_COUNT.fullmatch(count) is None or int(count) != len(orders)):
        raise Unacceptable("AM18", f"{name} says NbOfTxs {count!r}, the file has {len(orders)} transfers there")
    found = sum(order.amount_minor for order in orders)
    if (total or group) and (not total or _fen(total, f"CtrlSum of {name}") != found):
        raise Unacceptable("AM10", f"{name} says CtrlSum {total!r}, the transfers there make {found} fen")
    if not orders:
        raise Unacceptable("AM18", f"{name} holds no transfer; send files that instruct something")


def _required_id(node: etree._Element, path: str) -> str:
    found = _text(node, path)
    if _ID.fullmatch(found) is None:
        name = path.replace("p:", "")
        raise Unacceptable("FF01", f"{name} {found!r} is not an id: 1 to 35 letters, digits or / - ? : ( ) . , ' +")
    return found


def _fen(text: str | None, name: str) -> int:
    found = _AMOUNT.fullmatch(text or "")
    if found is None:
        raise Unacceptable("AM12", f"{name} {text!r} is not an amount such as 1280.00 (at most two decimals)")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def _account(node: etree._Element, path: str) -> str:
    """An account number: Othr/Id as Chinese accounts are written, or an IBAN."""
    return _text(node, f"{path}/p:Id/p:Othr/p:Id") or _text(node, f"{path}/p:Id/p:IBAN")


def _text(node: etree._Element, path: str) -> str:
    return (node.findtext(path, "", _NAMES) or "").strip()
