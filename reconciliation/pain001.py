"""pain.001.001.09, the customer's credit transfer initiation of ISO 20022: what the bank is asked to pay out."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Final

from lxml import etree

from ledger.money import Money

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
_UNKNOWN_BANK: Final = "NOTPROVIDED"


@dataclass(frozen=True, kw_only=True)
class CreditTransfer:
    """One payment (付款). `bank` is the creditor's bank by its 12-digit CNAPS number (联行号), "" where not needed."""

    end_to_end: str
    amount: Money
    creditor: str
    creditor_account: str
    remittance: str = ""
    bank: str = ""


@dataclass(frozen=True, kw_only=True)
class DebitAccount:
    """The account that pays (付款账户) and its payments; `bank` as above."""

    name: str
    account: str
    transfers: tuple[CreditTransfer, ...]
    bank: str = ""


@dataclass(frozen=True, kw_only=True)
class PaymentFile:
    """One message to the bank. `message_id` at most 30 characters, for each account's part adds a number to it."""

    message_id: str
    created_at: datetime
    requested_on: date
    initiator: str
    debits: tuple[DebitAccount, ...]


class PaymentFileRefused(ValueError):
    """The file is not written. `str()` is English, `chinese` Chinese."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(english)
        self.chinese = chinese


class EmptyBatch(PaymentFileRefused):
    """There is nothing to pay, in the file or for one of its accounts."""


class BadTransfer(PaymentFileRefused):
    """A payment's amount or end-to-end id cannot stand."""


class SchemaRefused(PaymentFileRefused):
    """The message breaks the schema of pain.001.001.09. `lines` say where and how."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        listed = "; ".join(lines)
        super().__init__(f"the schema refuses the message: {listed}", f"报文不符合 pain.001.001.09：{listed}")
        self.lines = lines


def write(file: PaymentFile) -> bytes:
    """The message as UTF-8 XML, valid against the schema, with counts and control sums for it and for each account.

    Raises EmptyBatch, BadTransfer or SchemaRefused; `created_at` without zone is a ValueError.
    """
    if file.created_at.tzinfo is None:
        raise ValueError("created_at needs a zone; pass an aware datetime")
    _whole(file)
    try:
        document = _document(file)
    except ValueError as reason:  # lxml, on control characters that XML cannot hold
        raise SchemaRefused((str(reason),)) from None
    data = etree.tostring(document, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    # Validated as written, so that the lines it complains of are the lines of the file.
    schema, written = _schema(), etree.fromstring(data)
    if not schema.validate(written):
        raise SchemaRefused(tuple(str(schema.error_log).splitlines()))
    return data


def _whole(file: PaymentFile) -> None:
    if not file.debits or not all(debit.transfers for debit in file.debits):
        raise EmptyBatch(
            "there is no payment in the file, or for one of its accounts; leave the account out", "没有付款"
        )
    transfers = list(_transfers(file))
    for each in transfers:
        if each.amount.minor <= 0:
            raise BadTransfer(
                f"{each.end_to_end}: {each.amount} cannot be paid; an amount is above zero",
                f"{each.end_to_end}：付款金额 {each.amount} 须大于零",
            )
    counted = Counter(each.end_to_end for each in transfers)
    if doubled := [identity for identity, count in counted.items() if count > 1]:
        shown = ", ".join(doubled[:5])
        raise BadTransfer(
            f"the end-to-end id stands twice: {shown}; each payment has its own", f"付款参考号重复：{shown}"
        )


def _transfers(file: PaymentFile) -> Iterator[CreditTransfer]:
    for debit in file.debits:
        yield from debit.transfers


def _document(file: PaymentFile) -> "etree._Element":
    document = etree.fromstring(f'<Document xmlns="{NAMESPACE}"/>')
    message = _add(document, "CstmrCdtTrfInitn")
    header = _add(message, "GrpHdr")
    _add(header, "MsgId", file.message_id)
    _add(header, "CreDtTm", file.created_at.isoformat(timespec="seconds"))
    _sums(header, tuple(_transfers(file)))
    _add(_add(header, "InitgPty"), "Nm", file.initiator)
    for number, debit in enumerate(file.debits, start=1):
        _payment_information(message, file, debit, number)
    return document


def _payment_information(message: "etree._Element", file: PaymentFile, debit: DebitAccount, number: int) -> None:
    block = _add(message, "PmtInf")
    _add(block, "PmtInfId", f"{file.message_id}-{number}")
    _add(block, "PmtMtd", "TRF")
    _sums(block, debit.transfers)
    _add(_add(block, "ReqdExctnDt"), "Dt", file.requested_on.isoformat())
    _add(_add(block, "Dbtr"), "Nm", debit.name)
    _account(block, "DbtrAcct", debit.account)
    _agent(block, "DbtrAgt", debit.bank or _UNKNOWN_BANK)
    for transfer in debit.transfers:
        _transfer(block, transfer)


def _transfer(block: "etree._Element", transfer: CreditTransfer) -> None:
    payment = _add(block, "CdtTrfTxInf")
    _add(_add(payment, "PmtId"), "EndToEndId", transfer.end_to_end)
    amount = _add(_add(payment, "Amt"), "InstdAmt", transfer.amount.major)
    amount.set("Ccy", transfer.amount.currency)
    if transfer.bank:
        _agent(payment, "CdtrAgt", transfer.bank)
    _add(_add(payment, "Cdtr"), "Nm", transfer.creditor)
    _account(payment, "CdtrAcct", transfer.creditor_account)
    if transfer.remittance:
        _add(_add(payment, "RmtInf"), "Ustrd", transfer.remittance)


def _sums(parent: "etree._Element", transfers: tuple[CreditTransfer, ...]) -> None:
    total = sum((each.amount for each in transfers[1:]), transfers[0].amount)
    _add(parent, "NbOfTxs", str(len(transfers)))
    _add(parent, "CtrlSum", total.major)


def _account(parent: "etree._Element", name: str, number: str) -> None:
    """Chinese accounts are no IBANs: the number stands as another identification."""
    _add(_add(_add(_add(parent, name), "Id"), "Othr"), "Id", number)


def _agent(parent: "etree._Element", name: str, bank: str) -> None:
    """A bank by its CNAPS number; the schema demands the debtor's even when it is the bank that reads this."""
    institution = _add(_add(parent, name), "FinInstnId")
    if bank == _UNKNOWN_BANK:
        _add(_add(institution, "Othr"), "Id", bank)
        return
    member = _add(institution, "ClrSysMmbId")
    _add(_add(member, "ClrSysId"), "Cd", "CNAPS")
    _add(member, "MmbId", bank)


def _add(parent: "etree._Element", name: str, text: str | None = None) -> "etree._Element":
    element = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    element.text = text
    return element


@cache
def _schema() -> "etree.XMLSchema":
    """The schema as the package sepaxml ships it."""
    path = files("sepaxml") / "schemas" / "pain.001.001.09.xsd"
    return etree.XMLSchema(etree.fromstring(path.read_bytes()))
