"""pain.002: what a bank says of a payout file is read at its three levels, exactly, or refused with a true sentence."""

import re
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation import pain002
from reconciliation.pain002 import Line, Part, StatusReportRefused, read
from reconciliation.statement import DoctypeRefused, StatementRefused

SHANGHAI = ZoneInfo("Asia/Shanghai")


def report(
    *parts: str, group: str = "<GrpSts>PART</GrpSts>", version: str = "10", created: str = "2026-09-12T09:30:00"
) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.{version}">'
        f"<CstmrPmtStsRpt><GrpHdr><MsgId>R1</MsgId><CreDtTm>{created}</CreDtTm></GrpHdr><OrgnlGrpInfAndSts>"
        f"<OrgnlMsgId>PB1</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>{group}</OrgnlGrpInfAndSts>"
        f"{''.join(parts)}</CstmrPmtStsRpt></Document>"
    ).encode()


def part(*lines: str, status: str = "", name: str = "PB1-1") -> str:
    return f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{name}</OrgnlPmtInfId>{status}{''.join(lines)}</OrgnlPmtInfAndSts>"


def line(name: str = "PO1", status: str = "ACSC", amount: str = "", reason: str = "") -> str:
    told = f'<OrgnlTxRef><Amt><InstdAmt Ccy="CNY">{amount}</InstdAmt></Amt></OrgnlTxRef>' if amount else ""
    return f"<TxInfAndSts><OrgnlEndToEndId>{name}</OrgnlEndToEndId><TxSts>{status}</TxSts>{reason}{told}</TxInfAndSts>"


def why(code: str, *texts: str) -> str:
    told = "".join(f"<AddtlInf>{each}</AddtlInf>" for each in texts)
    return f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn>{told}</StsRsnInf>"


@pytest.mark.parametrize("version", ["03", "10", "12"])
def test_each_level_says_its_status_and_reason(version: str) -> None:
    found = read(
        report(
            part(line("PO1", "ACSC", "333.33"), line("PO2", "RJCT", reason=why("AC04", "账户", "已销户"))),
            part(name="PB1-2", status="<PmtInfSts>PDNG</PmtInfSts>"),
            group="<OrgnlNbOfTxs>3</OrgnlNbOfTxs><OrgnlCtrlSum>2000.00</OrgnlCtrlSum><GrpSts>PART</GrpSts>",
            version=version,
        )
    )
    assert (found.message_id, found.original, found.status, found.count, found.total) == (
        "R1",
        "PB1",
        "PART",
        3,
        200000,
    )
    assert found.created_at == datetime(2026, 9, 12, 9, 30, tzinfo=SHANGHAI)
    rejected = Line(end_to_end="PO2", amount=None, status="RJCT", code="AC04", reason="账户 已销户")
    assert found.parts == (
        Part(
            payment_information="PB1-1",
            count=None,
            total=None,
            lines=(Line(end_to_end="PO1", amount=33333, status="ACSC"), rejected),
        ),
        Part(payment_information="PB1-2", count=None, total=None, lines=(), status="PDNG"),
    )


def test_a_report_without_namespace_or_in_an_envelope_is_read_and_its_comments_cut_nothing() -> None:
    bare = report(part(line("PO1", "RJCT", "12.<!-- x -->30"))).replace(b' xmlns="', b' id="')
    wrapped = b"<Envelope>" + re.sub(rb"<\?xml.*?\?>", b"", bare) + b"</Envelope>"
    for each in (bare, wrapped):
        assert read(each).parts[0].lines[0].amount == 1230


def test_a_doctype_is_refused_whatever_it_declares() -> None:
    for declared in (b"<!DOCTYPE Document>", b'<!DOCTYPE Document [<!ENTITY a "RJCT">]>'):
        with pytest.raises(DoctypeRefused):
            read(report().replace(b'"UTF-8"?>', b'"UTF-8"?>' + declared))


@pytest.mark.parametrize(
    ("sentence", "data"),
    [
        ("broken or none", b""),
        ("broken or none", b"RJCT"),
        ("broken or none", report()[:-20]),
        ("0 CstmrPmtStsRpt", b"<Document/>"),
        ("pain.001", report().replace(b"pain.002.001.10", b"pain.001.001.09")),
        ("pain.002.001.02", report(version="02")),
        ("OrgnlMsgId is missing", report().replace(b"<OrgnlMsgId>PB1</OrgnlMsgId>", b"")),
        ("OrgnlMsgId stands 2", report(group="<OrgnlMsgId>PB2</OrgnlMsgId>")),
        ("GrpSts stands 2", report(group="<GrpSts>ACSC</GrpSts><GrpSts>RJCT</GrpSts>")),
        ("'OK' is none of", report(group="<GrpSts>OK</GrpSts>")),
        ("'PART' is none of", report(part(line("PO1", "PART")))),
        ("TxSts stands 2", report(part(line("PO1", "ACSC</TxSts><TxSts>RJCT")))),
        ("stands twice: PO1", report(part(line("PO1"), line("PO1")))),
        ("stands twice: PO1", report(part(line("PO1")), part(line("PO1"), name="PB1-2"))),
        ("stands twice: PB1-1", report(part(), part())),
        ("rejects the whole", report(part(line("PO1", "ACSC")), group="<GrpSts>RJCT</GrpSts>")),
        ("rejects the whole", report(part(line("PO1", "PDNG"), status="<PmtInfSts>RJCT</PmtInfSts>"))),
        ("no amount", report(part(line("PO1", "ACSC", "1.005")))),
        ("no amount", report(part(line("PO1", "ACSC", "-1")))),
        ("no amount", report(part(line("PO1", "ACSC", "１")))),
        ("another currency", report(part(line("PO1", "ACSC", "1")).replace("CNY", "USD"))),
        ("no number", report(group="<OrgnlNbOfTxs>1e3</OrgnlNbOfTxs>")),
        ("no time", report(created="gestern")),
        ("no ISO 20022 code", report(part(line("PO1", "RJCT", reason=why("has space"))))),
        (
            "states 2 transfers RJCT and lists 1",
            report(
                part(
                    "<NbOfTxsPerSts><DtldNbOfTxs>2</DtldNbOfTxs><DtldSts>RJCT</DtldSts></NbOfTxsPerSts>",
                    line("PO1", "RJCT"),
                )
            ),
        ),
        (
            "states 100 fen ACSC and lists 200",
            report(
                part(line("PO1", "ACSC", "2.00")),
                group="<GrpSts>ACSC</GrpSts><NbOfTxsPerSts><DtldNbOfTxs>1</DtldNbOfTxs><DtldSts>ACSC</DtldSts>"
                "<DtldCtrlSum>1.00</DtldCtrlSum></NbOfTxsPerSts>",
            ),
        ),
    ],
)
def test_what_cannot_be_read_exactly_is_refused_with_a_sentence(sentence: str, data: bytes) -> None:
    with pytest.raises(StatusReportRefused, match=re.escape(sentence)) as refused:
        read(data)
    assert refused.value.chinese


def test_a_report_that_is_too_large_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pain002, "MAX_BYTES", 100)
    with pytest.raises(StatementRefused, match="at most 100 are read"):
        read(report())


WHOLE = report(part(line("PO1", "ACSC", "333.33"), line("PO2", "RJCT", reason=why("AC04", "账户已销户"))))


@given(at=st.integers(0, len(WHOLE) - 1), put=st.binary(max_size=6), cut=st.integers(0, 40))
def test_a_mutated_report_is_read_or_refused_and_never_anything_else(at: int, put: bytes, cut: int) -> None:
    with suppress(StatementRefused):
        found = read(WHOLE[:at] + put + WHOLE[at + cut :])
        assert all(each.status in pain002.STATUSES | {""} for part in found.parts for each in part.lines)
