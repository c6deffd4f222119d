"""A statement as ISO 20022 BankToCustomerStatement, camt.053.001.08."""

from datetime import date, datetime, time, timedelta
from typing import Final

from lxml import etree

from escrow.bank.sandbox.books import ZONE, Account, Kind, Line, major
from escrow.bank.sandbox.statements import SUMMARY, Statement

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"

CODES: Final[dict[Kind, tuple[str, str, str]]] = {
    "payment": ("PMNT", "RCDT", "DMCT"),
    "payout": ("PMNT", "ICDT", "DMCT"),
    "bounce": ("PMNT", "ICDT", "RRTN"),
    "interest": ("ACMT", "MCOP", "INTR"),
    "fee": ("ACMT", "MDOP", "CHRG"),
}
"""Bank transaction codes: domain, family, sub-family (ISO 20022 external code sets)."""


def write(statement: Statement) -> bytes:
    """The whole message; the same period gives the same bytes once its last day is over."""
    document = etree.XML(f'<Document xmlns="{NAMESPACE}"/>')
    message = _put(document, "BkToCstmrStmt")
    currency = statement.account.currency
    # Issued with the first second after the period, not when asked: the bytes must not depend on the asking.
    issued = _iso(_moment(statement.ends + timedelta(days=1)))
    name = f"{statement.account.account[-15:]}-{statement.begins:%Y%m%d}-{statement.ends:%Y%m%d}"
    header = _put(message, "GrpHdr")
    _put(header, "MsgId", f"S-{name}")
    _put(header, "CreDtTm", issued)
    body = _put(message, "Stmt")
    _put(body, "Id", name)
    _put(body, "CreDtTm", issued)
    period = _put(body, "FrToDt")
    _put(period, "FrDtTm", _iso(_moment(statement.begins)))
    _put(period, "ToDtTm", _iso(_moment(statement.ends + timedelta(days=1)) - timedelta(seconds=1)))
    _own_account(body, statement.account)
    _balance(body, "OPBD", statement.opening_minor, day=statement.begins, currency=currency)
    _balance(body, "CLBD", statement.closing_minor, day=statement.ends, currency=currency)
    _totals(body, statement.lines)
    for line in statement.lines:
        _entry(body, line, statement.account)
    return etree.tostring(document, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _own_account(body: etree._Element, account: Account) -> None:
    node = _put(body, "Acct")
    _put(node, "Id/Othr/Id", account.account)
    _put(node, "Ccy", account.currency)
    _put(node, "Ownr/Nm", account.holder)


def _balance(body: etree._Element, code: str, minor: int, *, day: date, currency: str) -> None:
    node = _put(body, "Bal")
    _put(node, "Tp/CdOrPrtry/Cd", code)
    _put(node, "Amt", major(minor)).set("Ccy", currency)
    _put(node, "CdtDbtInd", "CRDT")
    _put(node, "Dt/Dt", day.isoformat())


def _totals(body: etree._Element, lines: tuple[Line, ...]) -> None:
    amounts = [line.amount_minor for line in lines]
    node = _put(body, "TxsSummry")
    for tag, counted in (
        ("TtlNtries", [abs(amount) for amount in amounts]),
        ("TtlCdtNtries", [amount for amount in amounts if amount > 0]),
        ("TtlDbtNtries", [-amount for amount in amounts if amount < 0]),
    ):
        total = _put(node, tag)
        _put(total, "NbOfNtries", str(len(counted)))
        _put(total, "Sum", major(sum(counted)))


def _entry(body: etree._Element, line: Line, account: Account) -> None:
    node = _put(body, "Ntry")
    _put(node, "Amt", major(line.amount_minor)).set("Ccy", account.currency)
    _put(node, "CdtDbtInd", _direction(line))
    if line.kind == "bounce":
        # ISO 20022: CdtDbtInd is the entry's own direction; the indicator only says that it undoes an earlier one.
        _put(node, "RvslInd", "true")
    _put(node, "Sts/Cd", "BOOK")
    _put(node, "BookgDt/DtTm", _iso(line.booked_at))
    _put(node, "ValDt/Dt", line.booked_at.date().isoformat())
    _put(node, "AcctSvcrRef", line.serial)
    code = _put(node, "BkTxCd")
    domain, family, sub_family = CODES[line.kind]
    _put(code, "Domn/Cd", domain)
    kind = _put(code[0], "Fmly")
    _put(kind, "Cd", family)
    _put(kind, "SubFmlyCd", sub_family)
    _put(code, "Prtry/Cd", SUMMARY[line.kind])
    _details(_put(node, "NtryDtls/TxDtls"), line, account)
    _put(node, "AddtlNtryInf", SUMMARY[line.kind])


def _details(node: etree._Element, line: Line, account: Account) -> None:
    references = _put(node, "Refs")
    _put(references, "AcctSvcrRef", line.serial)
    _put(references, "EndToEndId", line.end_to_end or line.reference or "NOTPROVIDED")
    _put(node, "Amt", major(line.amount_minor)).set("Ccy", account.currency)
    _put(node, "CdtDbtInd", _direction(line))
    if line.party or line.party_account:
        _parties(_put(node, "RltdPties"), line, account)
    if line.remark:
        _put(node, "RmtInf/Ustrd", line.remark)
    if line.kind == "bounce":
        _put(node, "RtrInf/Rsn/Cd", "AC04")


def _parties(node: etree._Element, line: Line, account: Account) -> None:
    """Who paid (Dbtr) and who was to be paid (Cdtr), in that order; a return names them as its payout did."""
    other, own = (line.party, line.party_account), (account.holder, account.account)
    debtor, creditor = (own, other) if line.kind in {"payout", "bounce"} else (other, own)
    for tag, (name, number) in (("Dbtr", debtor), ("Cdtr", creditor)):
        if name:
            _put(node, f"{tag}/Pty/Nm", name)
        if number:
            _put(node, f"{tag}Acct/Id/Othr/Id", number)


def _direction(line: Line) -> str:
    return "CRDT" if line.amount_minor > 0 else "DBIT"


def _put(parent: etree._Element, path: str, text: str | None = None) -> etree._Element:
    """Append the elements of a path below each other, the last with this text, and return the last."""
    for name in path.split("/"):
        parent = etree.SubElement(parent, _tag(name))
    parent.text = text
    return parent


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(), ZONE)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
