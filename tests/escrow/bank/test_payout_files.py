"""Payout files at the counter: taken once, checked as a whole, executed line by line."""

import importlib.resources
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

from escrow.bank.sandbox import NoSuchPayout, SandboxBank

ACCOUNT = "1202020219900088888"
OPENED = datetime(2026, 8, 20, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
WINDOW = datetime(2026, 9, 10, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))

PayoutFile = Callable[..., bytes]


@pytest.fixture
def funded(bank: SandboxBank) -> SandboxBank:
    """The bank with 1,000.00 in the account."""
    bank.pay(account=ACCOUNT, amount_minor=100_000, payer="王建国", payer_account="6222", remark="", at=OPENED)
    return bank


def test_the_files_of_these_tests_are_what_the_standard_allows(payout_file: PayoutFile) -> None:
    schema = importlib.resources.files("sepaxml") / "schemas" / "pain.001.001.09.xsd"
    with importlib.resources.as_file(schema) as path:
        etree.XMLSchema(etree.parse(path)).assertValid(etree.fromstring(payout_file([("R-1", "1.00")])))


def test_transfers_leave_the_account_and_carry_their_end_to_end_ids(
    funded: SandboxBank, payout_file: PayoutFile
) -> None:
    receipt = funded.deliver(payout_file([("R-1", "300.00"), ("R-2", "0.01")]), at=WINDOW)

    assert (receipt.message_id, receipt.status, receipt.received_at) == ("XF-20260910-001", "accepted", WINDOW)
    assert [(line.end_to_end, line.amount_minor, line.status) for line in receipt.lines] == [
        ("R-1", 30_000, "executed"),
        ("R-2", 1, "executed"),
    ]
    assert funded.balance(ACCOUNT) == 69_999
    statement = funded.statement(ACCOUNT, begins=WINDOW.date(), ends=WINDOW.date(), format="camt.053")
    for line in receipt.lines:
        assert line.serial.encode() in statement
        assert f"<EndToEndId>{line.end_to_end}</EndToEndId>".encode() in statement
        assert f"<Ustrd>{line.end_to_end} 退费</Ustrd>".encode() in statement


@pytest.mark.parametrize(
    ("remark", "kept"),
    [("退费", "R-1 退费"), ("R-1 退费", "R-1 退费"), ("R-12 退费", "R-1 R-12 退费"), ("R-1", "R-1"), (" ", "R-1")],
)
def test_a_payouts_line_begins_with_its_end_to_end_id_once(
    funded: SandboxBank, payout_file: PayoutFile, remark: str, kept: str
) -> None:
    funded.deliver(payout_file([("R-1", "300.00")], remark=remark), at=WINDOW)
    statement = funded.statement(ACCOUNT, begins=WINDOW.date(), ends=WINDOW.date(), format="camt.053")
    assert f"<Ustrd>{kept}</Ustrd>".encode() in statement


def test_the_same_file_twice_is_executed_once_and_answered_alike(funded: SandboxBank, payout_file: PayoutFile) -> None:
    file = payout_file([("R-1", "300.00"), ("R-2", "900.00")])
    first = funded.deliver(file, at=WINDOW)
    assert funded.deliver(file, at=WINDOW + timedelta(days=2)) == first
    assert funded.balance(ACCOUNT) == 70_000


def test_another_file_under_the_same_message_id_is_refused(funded: SandboxBank, payout_file: PayoutFile) -> None:
    funded.deliver(payout_file([("R-1", "300.00")]), at=WINDOW)
    refused = funded.deliver(payout_file([("R-2", "300.00")]), at=WINDOW)
    assert (refused.status, refused.code, refused.lines) == ("rejected", "DU01", ())
    assert funded.balance(ACCOUNT) == 70_000


def test_an_end_to_end_id_is_executed_once_across_files_and_within_one(
    funded: SandboxBank, payout_file: PayoutFile
) -> None:
    funded.deliver(payout_file([("R-1", "300.00")], message_id="M1"), at=WINDOW)
    receipt = funded.deliver(
        payout_file([("R-1", "300.00"), ("R-2", "1.00"), ("R-2", "1.00")], message_id="M2"), at=WINDOW
    )
    assert (receipt.status, [line.code for line in receipt.lines]) == ("partly", ["AM05", "", "AM05"])
    assert funded.balance(ACCOUNT) == 69_900


def test_a_line_that_the_balance_does_not_cover_is_rejected_and_may_come_again(
    funded: SandboxBank, payout_file: PayoutFile
) -> None:
    receipt = funded.deliver(payout_file([("R-1", "999.99"), ("R-2", "0.02"), ("R-3", "0.01")]), at=WINDOW)
    assert [line.code for line in receipt.lines] == ["", "AM04", ""]
    assert "0.01" in receipt.lines[1].reason
    assert funded.balance(ACCOUNT) == 0

    funded.pay_interest(ACCOUNT, 2, at=WINDOW)
    assert funded.deliver(payout_file([("R-2", "0.02")], message_id="M2"), at=WINDOW).status == "accepted"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"account": "9999"}, "AC02"),
        ({"currency": "USD"}, "AM03"),
        ({"creditor_account": " "}, "AC03"),
    ],
)
def test_a_line_that_cannot_be_paid_is_rejected_and_says_why(
    funded: SandboxBank, payout_file: PayoutFile, wrong: dict[str, str], code: str
) -> None:
    receipt = funded.deliver(payout_file([("R-1", "1.00")], **wrong), at=WINDOW)
    assert (receipt.status, receipt.code) == ("rejected", "")
    assert [(line.status, line.code, line.serial) for line in receipt.lines] == [("rejected", code, "")]
    assert receipt.lines[0].reason
    assert funded.balance(ACCOUNT) == 100_000


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda file: file.replace(b"<NbOfTxs>1<", b"<NbOfTxs>2<"), "AM18"),
        (lambda file: file.replace(b"<CtrlSum>1.00<", b"<CtrlSum>1.01<"), "AM10"),
        (lambda file: file.replace(b"<CtrlSum>1.00</CtrlSum>", b""), "AM10"),
        (lambda file: file.replace(b"<PmtMtd>", b"<PmtMtd>CHK</PmtMtd><PmtMtd>"), "FF01"),
        (lambda file: file.replace(b"TRF</PmtMtd>", b"TRF</PmtMtd><NbOfTxs>3</NbOfTxs>"), "AM18"),
        (lambda file: file.replace(b"TRF</PmtMtd>", b"TRF</PmtMtd><CtrlSum>0.99</CtrlSum>"), "AM10"),
        (lambda file: file.replace(b'"CNY">1.00', b'"CNY">1.001'), "AM12"),
        (lambda file: file.replace(b'"CNY">1.00', b'"CNY">1e0'), "AM12"),
        (lambda file: file.replace(b'"CNY">1.00', b'"CNY">-1.00'), "AM12"),
        (lambda file: file.replace(b"<EndToEndId>R-1<", b"<EndToEndId><"), "FF01"),
        (lambda file: file.replace(b"pain.001.001.09", b"pain.001.001.03"), "FF01"),
        (lambda file: file[:-1], "FF01"),
        (lambda _: b"", "FF01"),
        (lambda file: file.replace(b"?><Doc", b'?><!DOCTYPE Document [<!ENTITY a "1">]><Doc'), "FF01"),
        (lambda file: file.replace(b"?><Doc", b'?><!DOCTYPE Document SYSTEM "file:///etc/hostname"><Doc'), "FF01"),
        (
            lambda file: (
                file.decode().replace("?><Doc", "?><!DOCTYPE Document><Doc").replace("UTF-8", "UTF-16").encode("utf-16")
            ),
            "FF01",
        ),
    ],
)
def test_a_file_that_does_not_add_up_or_cannot_be_read_has_no_effect(
    funded: SandboxBank, payout_file: PayoutFile, spoil: Callable[[bytes], bytes], code: str
) -> None:
    sound = payout_file([("R-1", "1.00")])
    spoilt = spoil(sound)
    assert spoilt != sound

    receipt = funded.deliver(spoilt, at=WINDOW)

    assert (receipt.status, receipt.code, receipt.lines) == ("rejected", code, ())
    assert receipt.reason
    assert funded.balance(ACCOUNT) == 100_000
    assert funded.deliver(sound, at=WINDOW).status == "accepted", "a refused file used up its message id"


def test_an_entity_is_never_expanded_into_an_amount(funded: SandboxBank, payout_file: PayoutFile) -> None:
    file = payout_file([("R-1", "9.00")]).replace(b"?><Doc", b'?><!DOCTYPE Document [<!ENTITY a "9.00">]><Doc')
    receipt = funded.deliver(file.replace(b">9.00<", b">&a;<"), at=WINDOW)
    assert "DOCTYPE" in receipt.reason


def test_a_returned_payout_is_credited_once_and_marked_as_a_reversal(
    funded: SandboxBank, payout_file: PayoutFile
) -> None:
    funded.deliver(payout_file([("R-1", "300.00")]), at=WINDOW)
    serial = funded.bounce("R-1", at=WINDOW + timedelta(days=1))

    assert funded.balance(ACCOUNT) == 100_000
    day = WINDOW.date() + timedelta(days=1)
    entry = etree.fromstring(funded.statement(ACCOUNT, begins=day, ends=day, format="camt.053")).find(".//{*}Ntry")
    assert entry is not None
    assert [
        entry.findtext(f".//{{*}}{name}") for name in ("Amt", "CdtDbtInd", "RvslInd", "AcctSvcrRef", "EndToEndId")
    ] == [
        "300.00",
        "CRDT",
        "true",
        serial,
        "R-1",
    ]
    assert [entry.findtext(f".//{{*}}{role}/{{*}}Pty/{{*}}Nm") for role in ("Dbtr", "Cdtr")] == [
        "海淀区晨光培训学校",
        "王小明",
    ], "a return names payer and payee as the payout did"
    csv = funded.statement(ACCOUNT, begins=day, ends=day, format="icbc-csv").decode("gb18030")
    assert "退汇,R-1 退汇" in csv

    for end_to_end in ("R-1", "R-9"):
        with pytest.raises(NoSuchPayout, match=end_to_end):
            funded.bounce(end_to_end, at=WINDOW + timedelta(days=2))


def test_two_thousand_payouts_are_executed_in_seconds(funded: SandboxBank, payout_file: PayoutFile) -> None:
    file = payout_file([(f"R-{number}", "0.01") for number in range(2000)])
    begun = datetime.now(UTC)
    receipt = funded.deliver(file, at=WINDOW)
    assert datetime.now(UTC) - begun < timedelta(seconds=10)
    assert receipt.status == "accepted"
    assert funded.balance(ACCOUNT) == 98_000
