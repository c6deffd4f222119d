"""The family of camt messages: versions, envelopes, reports, notifications, pages, returns, charges."""

from datetime import date

import pytest

from reconciliation import control
from reconciliation.reading import read
from reconciliation.statement import BadRow, ControlTotalsBroken, NotAStatement, Statement
from tests.reconciliation.bank_files import balance, day, detail, entry, statement
from tests.reconciliation.bank_files import camt as document

ONE = day(entry("1.00", serial="B-1"), opening="0.00", closing="1.00")


def only(data: bytes) -> Statement:
    (found,) = read(data)
    return found


def message(name: str, *entries: str, balances: tuple[str, ...] = ()) -> bytes:
    """A Rpt or Ntfctn without namespace."""
    return document(statement(entries, balances=balances), namespace=False).replace(b"Stmt>", f"{name}>".encode())


def page(number: int, *entries: str, last: bool, balances: tuple[str, str], identifier: str = "S-1") -> str:
    """One page of a statement; the balances are opening and closing, code and amount."""
    told = f"<StmtPgntn><PgNb>{number}</PgNb><LastPgInd>{str(last).lower()}</LastPgInd></StmtPgntn>"
    whole = statement(entries, balances=[balance(*each.split()) for each in balances], identifier=identifier)
    return whole.replace("<CreDtTm>", f"{told}<CreDtTm>", 1)


@pytest.mark.parametrize("version", [f"{number:02}" for number in range(1, 14)])
def test_every_version_reads_the_same_and_is_named(version: str) -> None:
    data = ONE.replace(b"camt.053.001.08", f"camt.053.001.{version}".encode())
    found = only(data)
    assert found.format == f"camt.053.001.{version}"
    assert found.lines["amount"].tolist() == [100]


def test_a_prefixed_namespace_reads_the_same() -> None:
    data = ONE.replace(b"</", b"</n:").replace(b"<", b"<n:").replace(b"<n:/n:", b"</n:").replace(b"<n:?", b"<?")
    data = data.replace(b"xmlns=", b"xmlns:n=")
    assert b"<n:Ntry>" in data
    assert only(data).lines["key"].tolist() == only(ONE).lines["key"].tolist()


def test_a_document_beside_its_business_header_is_found() -> None:
    header = b'<AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.02"><BizMsgIdr>B-1</BizMsgIdr></AppHdr>'
    inner = ONE.split(b"?>", 1)[1]
    assert only(b'<?xml version="1.0"?>\n<BizMsg>' + header + inner + b"</BizMsg>").closing == 100


@pytest.mark.parametrize(("name", "kind"), [("Rpt", "report"), ("Ntfctn", "notification")])
def test_a_report_and_a_notification_are_read_but_confirm_nothing(name: str, kind: str) -> None:
    found = only(message(name, entry("1.00", serial="B-1")))
    assert (found.kind, found.opening, found.closing, found.lines["serial"].tolist()) == (kind, None, None, ["B-1"])
    assert found.notes == ()
    with pytest.raises(NotAStatement, match=found.format) as refused:
        control.confirmed(found)
    assert "camt.053" in refused.value.chinese
    assert control.confirmed(only(ONE)).kind == "statement"


def test_a_reports_interim_balance_is_no_closing_one() -> None:
    told = (balance("OPBD", "5.00"), balance("ITBD", "9.00"))
    assert (found := only(message("Rpt", entry("1.00"), balances=told))).opening == 500
    assert found.closing is None


def test_a_statement_without_balances_says_that_nothing_proves_it() -> None:
    own = balance("CLBD", "1.00").replace("<Cd>CLBD</Cd>", "<Prtry>期末余额</Prtry>")
    found = only(document(statement([entry("1.00")], balances=[own, balance("CLAV", "7.00")])))
    assert (found.opening, found.closing) == (None, None)
    assert "无法验证" in found.notes[0]
    assert "期末余额、CLAV" in found.notes[0]


def test_a_statement_of_several_days_opens_with_the_first_and_closes_with_the_last() -> None:
    told = [
        balance(code, amount).replace("2026-10-08", on)
        for on, code, amount in (
            ("2026-10-09", "OPBD", "1.00"),
            ("2026-10-09", "CLBD", "3.00"),
            ("2026-10-08", "OPBD", "0.00"),
            ("2026-10-08", "CLBD", "1.00"),
        )
    ]
    found = only(document(statement([entry("1.00"), entry("2.00")], balances=told)))
    assert (found.opening, found.closing) == (0, 300)


def test_a_balance_stated_twice_differently_on_one_day_is_refused() -> None:
    told = [balance("OPBD", "0.00"), balance("CLBD", "1.00"), balance("CLBD", "2.00")]
    with pytest.raises(ControlTotalsBroken, match="CLBD is stated 2 times"):
        read(document(statement([entry("1.00")], balances=told)))


def test_pages_of_one_file_are_one_statement() -> None:
    first = page(1, entry("1.00"), last=False, balances=("OPBD 5.00", "ITBD 6.00"))
    second = page(2, entry("2.00"), last=True, balances=("ITBD 6.00", "CLBD 8.00"))
    found = only(document(first, second))
    assert (found.opening, found.closing, found.lines["amount"].tolist()) == (500, 800, [100, 200])
    assert found.begins == date(2026, 10, 8)
    assert found.lines["key"].is_unique


@pytest.mark.parametrize(
    ("pages", "sentence"),
    [
        (["1 F OPBD 5.00 ITBD 6.00"], "the page after it"),
        (["2 T ITBD 5.00 CLBD 6.00"], "the page before it"),
        (["1 F OPBD 5.00 ITBD 6.00", "3 T ITBD 7.00 CLBD 8.00"], r"closes with 6\.00, the next opens with 7\.00"),
        (["1 F OPBD 5.00 ITBD 6.00", "1 T OPBD 6.00 CLBD 7.00"], "the page after it"),
    ],
)
def test_a_missing_page_is_refused(pages: list[str], sentence: str) -> None:
    made = []
    for each in pages:
        number, last, opens, opening, closes, closing = each.split()
        told = (f"{opens} {opening}", f"{closes} {closing}")
        made.append(page(int(number), entry("1.00"), last=last == "T", balances=told))
    with pytest.raises(ControlTotalsBroken, match=sentence):
        read(document(*made))


def test_many_pending_entries_are_one_sentence_with_their_number() -> None:
    waiting = [entry("9.00").replace("BOOK", "PDNG")] * 30 + [entry("7.00").replace("BOOK", "INFO")]
    found = only(day(entry("1.00"), *waiting, opening="0.00", closing="1.00"))
    pending, informed = found.notes
    assert pending.startswith("状态为 PDNG，尚未入账，不计入流水：第 2 笔 9.00、")
    assert pending.endswith("等共 30 处")
    assert informed == "状态为 INFO，尚未入账，不计入流水：第 32 笔 7.00"


def test_sums_that_may_hold_pending_entries_are_not_held_against_the_booked_ones() -> None:
    summary = "<TxsSummry><TtlCdtNtries><Sum>{}</Sum></TtlCdtNtries></TxsSummry>"
    told = [balance("OPBD", "0.00"), balance("CLBD", "1.00")]
    both = [entry("1.00"), entry("9.00").replace("BOOK", "PDNG")]
    assert only(document(statement(both, balances=told, summary=summary.format("10.00")))).closing == 100
    with pytest.raises(ControlTotalsBroken):
        read(document(statement(both[:1], balances=told, summary=summary.format("10.00"))))


def test_a_returned_payment_keeps_its_reference_and_tells_why() -> None:
    reason = "<RtrInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>账户已销户</AddtlInf></RtrInf></TxDtls>"
    returned = detail(end_to_end="PO0000000000000001", creditor="李四", account="6").replace("</TxDtls>", reason)
    found = only(day(entry("5.00", details=[returned]), opening="0.00", closing="5.00"))
    assert found.lines["end_to_end"].tolist() == ["PO0000000000000001"]
    assert found.lines["remark"].tolist() == ["退汇原因 AC04 账户已销户"]


@pytest.mark.parametrize(
    "stated",
    [
        '<Chrgs><TtlChrgsAndTaxAmt Ccy="CNY">2.00</TtlChrgsAndTaxAmt></Chrgs>',
        '<Chrgs><Rcrd><Amt Ccy="CNY">1.50</Amt></Rcrd><Rcrd><Amt Ccy="CNY">0.50</Amt></Rcrd></Chrgs>',
        '<Chrgs><Amt Ccy="CNY">2.00</Amt><CdtDbtInd>DBIT</CdtDbtInd></Chrgs>',
    ],
    ids=["total", "records", "version 02"],
)
def test_a_charge_taken_out_of_a_payment_is_a_line_of_its_own(stated: str) -> None:
    paid = detail(end_to_end="TE1", amount="100.00", debtor="张三", account="6")
    booked = entry("98.00", details=[paid]).replace("<NtryDtls>", f"{stated}<NtryDtls>")
    lines = only(day(booked, opening="0.00", closing="98.00")).lines
    assert lines["amount"].tolist() == [10_000, -200]
    assert lines["nature"].tolist() == ["transfer", "fee"]
    assert lines["end_to_end"].tolist() == ["TE1", ""]


def test_a_charge_that_does_not_explain_the_difference_divides_nothing() -> None:
    paid = detail(amount="100.00")
    stated = '<Chrgs><TtlChrgsAndTaxAmt Ccy="CNY">1.00</TtlChrgsAndTaxAmt></Chrgs><NtryDtls>'
    found = only(day(entry("98.00", details=[paid]).replace("<NtryDtls>", stated), opening="0.00", closing="98.00"))
    assert found.lines["amount"].tolist() == [9_800]
    assert "明细 100.00" in found.notes[0]


@pytest.mark.parametrize(
    ("entry_says", "detail_says", "serial"),
    [
        ("<AcctSvcrRef>B-1</AcctSvcrRef>", "<TxId>T-1</TxId>", "B-1"),
        ("", "<TxId>T-1</TxId>", "T-1"),
        ("", "<AcctSvcrRef>D-1</AcctSvcrRef>", "D-1"),
        ("<AcctSvcrRef>NONREF</AcctSvcrRef>", "", ""),
        ("", "", ""),
    ],
)
def test_the_banks_own_reference_is_the_serial_where_it_lasts(entry_says: str, detail_says: str, serial: str) -> None:
    payment = detail().replace("<EndToEndId>", f"{detail_says}<EndToEndId>")
    booked = entry("1.00", details=[payment]).replace("<BkTxCd>", f"{entry_says}<BkTxCd>")
    assert only(day(booked, opening="0.00", closing="1.00")).lines["serial"].tolist() == [serial]


@pytest.mark.parametrize(("reference", "serial"), [("17", ""), ("2026100800000017", "2026100800000017")])
def test_an_entrys_running_number_is_no_identity(reference: str, serial: str) -> None:
    booked = entry("1.00").replace("<Ntry>", f"<Ntry><NtryRef>{reference}</NtryRef>")
    assert only(day(booked, opening="0.00", closing="1.00")).lines["serial"].tolist() == [serial]


def test_a_bad_entry_is_named_with_its_line_in_the_file() -> None:
    data = day(*[f"\n{entry('1.00')}"] * 3, f"\n{entry('1.00x')}", opening="0.00", closing="4.00")
    with pytest.raises(BadRow, match=r"entry 4 \(line 6\)") as refused:
        read(data)
    assert "文件第 6 行" in refused.value.chinese


@pytest.mark.parametrize("twice", ["<Amt Ccy='CNY'>1.00</Amt>", "<CdtDbtInd>DBIT</CdtDbtInd>"])
def test_an_entry_that_says_a_thing_twice_is_refused(twice: str) -> None:
    with pytest.raises(BadRow, match="stands there twice"):
        read(day(entry("1.00").replace("<Sts>", f"{twice}<Sts>"), opening="0.00", closing="1.00"))


def test_an_entry_outside_of_any_statement_is_refused_not_lost() -> None:
    data = ONE.replace(b"<GrpHdr>", entry("7.00").encode() + b"<GrpHdr>")
    with pytest.raises(BadRow, match="an entry stands in BkToCstmrStmt"):
        read(data)


@pytest.mark.parametrize("entries", ["", f"\n{entry('7.00')}" * 3])
def test_a_statement_within_another_is_refused(entries: str) -> None:
    inner = f"<x><Stmt>{entries}<Id>S-2</Id></Stmt></x>"
    with pytest.raises(BadRow, match="line 2: a Stmt stands within another"):
        read(day(entry("1.00"), inner, opening="0.00", closing="1.00"))


def test_balances_between_the_entries_are_not_lost() -> None:
    entries = [entry("1.00"), balance("CLBD", "6.00"), entry("2.00"), entry("3.00")]
    assert only(document(statement(entries, balances=[balance("OPBD", "0.00")]))).closing == 600
