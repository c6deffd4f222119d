"""Whatever happens at the bank: opening balance + lines = closing balance, in every format and for every period."""

import csv
import dataclasses
import io
import json
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from escrow.bank.port import StatementFormat
from escrow.bank.sandbox import (
    AccountTaken,
    BalanceTooSmall,
    BankClockRanBack,
    NotAPayment,
    Payment,
    SandboxBank,
    UnknownAccount,
    store,
)
from qrpay.webhooks import SigningKey

ACCOUNT = "1202020219900088888"
OPENED = datetime(2026, 8, 20, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
FIRST, LAST = date(2026, 8, 1), date(2026, 12, 31)

Event = tuple[str, int, timedelta, str, str]

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["payment", "payment", "payout", "bounce", "interest", "fee"]),
        st.integers(1, 10**9),
        st.timedeltas(timedelta(0), timedelta(days=2)),
        st.text(max_size=12),
        st.text(max_size=200),
    ),
    max_size=15,
)


def happen(bank: SandboxBank, events: list[Event], payout_file: Callable[..., bytes]) -> list[tuple[date, int]]:
    """Let the events happen; what must stand in the books: (business date, signed fen), in order."""
    expected: list[tuple[date, int]] = []
    executed: dict[str, int] = {}
    at = OPENED
    for number, (kind, minor, gap, name, remark) in enumerate(events):
        at += gap
        match kind:
            case "payment":
                bank.pay(account=ACCOUNT, amount_minor=minor, payer=name, payer_account=name, remark=remark, at=at)
                expected.append((at.date(), minor))
            case "interest":
                bank.pay_interest(ACCOUNT, minor, at=at)
                expected.append((at.date(), minor))
            case "fee":
                with suppress(BalanceTooSmall):
                    bank.charge_fee(ACCOUNT, minor, at=at)
                    expected.append((at.date(), -minor))
            case "payout":
                yuan = f"{minor // 100}.{minor % 100:02d}"
                file = payout_file([(f"R-{number}", yuan)], message_id=f"M-{number}")
                if bank.deliver(file, at=at).status == "accepted":
                    executed[f"R-{number}"] = minor
                    expected.append((at.date(), -minor))
            case "bounce" if executed:
                end_to_end, returned = executed.popitem()
                bank.bounce(end_to_end, at=at)
                expected.append((at.date(), returned))
    return expected


def camt(file: bytes) -> tuple[int, list[int], int]:
    """(opening, entries, closing) in fen as a camt.053 says."""
    root = etree.fromstring(file)
    balances = {balance.findtext("{*}Tp/{*}CdOrPrtry/{*}Cd"): signed(balance) for balance in root.iterfind(".//{*}Bal")}
    return balances["OPBD"], [signed(entry) for entry in root.iterfind(".//{*}Ntry")], balances["CLBD"]


def signed(node: etree._Element) -> int:
    fen = int((node.findtext("{*}Amt") or "").replace(".", ""))
    return fen if node.findtext("{*}CdtDbtInd") == "CRDT" else -fen


def rows(file: bytes) -> list[dict[str, str]]:
    """The lines of an ICBC file, whose header stands on row 3."""
    table = list(csv.reader(io.StringIO(file.decode("gb18030", errors="strict"), newline="")))
    assert all(len(row) == len(table[2]) for row in table[2:])
    return [dict(zip(table[2], row, strict=True)) for row in table[3:]]


def fen(text: str) -> int:
    return int(text.replace(",", "").replace(".", "") or "0")


@settings(max_examples=60, deadline=None)
@given(events=EVENTS, cuts=st.tuples(st.dates(FIRST, LAST), st.dates(FIRST, LAST)))
def test_every_statement_balances_and_the_next_one_opens_where_it_closed(
    events: list[Event], cuts: tuple[date, date], key: SigningKey, payout_file: Callable[..., bytes]
) -> None:
    begins, ends = min(cuts), max(cuts)
    with (
        tempfile.TemporaryDirectory() as folder,
        SandboxBank.open(Path(folder) / "bank.db", key=key) as bank,
    ):
        bank.open_account(ACCOUNT, "海淀区晨光培训学校")
        expected = happen(bank, events, payout_file)

        opening, entries, closing = camt(bank.statement(ACCOUNT, begins=begins, ends=ends, format="camt.053"))

        assert opening == sum(minor for day, minor in expected if day < begins)
        assert entries == [minor for day, minor in expected if begins <= day <= ends]
        assert opening + sum(entries) == closing
        rest = bank.statement(ACCOUNT, begins=ends + timedelta(days=1), ends=date(2027, 1, 1), format="camt.053")
        assert camt(rest)[0] == closing
        assert camt(rest)[2] == bank.balance(ACCOUNT)

        balance = opening
        for row in rows(bank.statement(ACCOUNT, begins=begins, ends=ends, format="icbc-csv")):
            balance += fen(row["贷方发生额"]) - fen(row["借方发生额"])
            assert fen(row["余额"]) == balance
        assert balance == closing
        new = rows(bank.statement(ACCOUNT, begins=begins, ends=ends, format="icbc-csv-new"))
        assert [fen(row["金额"]) * (1 if row["借/贷"] == "贷" else -1) for row in new] == entries


@settings(max_examples=40, deadline=None)
@given(events=EVENTS)
def test_every_camt_statement_is_valid_whatever_people_type(
    events: list[Event],
    camt_schema: etree.XMLSchema,
    key: SigningKey,
    payout_file: Callable[..., bytes],
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        SandboxBank.open(Path(folder) / "bank.db", key=key) as bank,
    ):
        bank.open_account(ACCOUNT, "海淀区晨光培训学校")
        happen(bank, events, payout_file)
        statement = bank.statement(ACCOUNT, begins=FIRST, ends=LAST, format="camt.053")
        camt_schema.assertValid(etree.fromstring(statement))


def test_the_icbc_layouts_have_the_banks_own_columns(bank: SandboxBank) -> None:
    headers = Path(__file__).resolve().parents[4] / "shared/samples/cn/corporate_headers/headers.json"
    if not headers.exists():
        pytest.skip(f"the banks' header rows are not at {headers}")
    known = json.loads(headers.read_text(encoding="utf-8"))
    layouts: dict[StatementFormat, str] = {
        "icbc-csv": "ICBC 工行 old (row 3)",
        "icbc-csv-new": "ICBC 工行 new (row 3)",
    }
    for format_, name in layouts.items():
        statement = bank.statement(ACCOUNT, begins=FIRST, ends=LAST, format=format_)
        assert statement.decode("gb18030").splitlines()[2].split(",") == known[name]


def test_an_icbc_row_reads_as_the_bank_writes_it(bank: SandboxBank) -> None:
    serial = bank.pay(
        account=ACCOUNT,
        amount_minor=123_456_789,
        payer="王㐂国𠮷",  # the last one takes four bytes in GB18030 and is not in GBK
        payer_account="6222021202020202020",
        remark='XF0004K7Q84,"学费"\n第二行',
        at=OPENED,
        reference="XF0004K7Q84",
    )
    file = bank.statement(ACCOUNT, begins=FIRST, ends=LAST, format="icbc-csv")
    assert rows(file) == [
        {
            "凭证号": serial,
            "本方账号": ACCOUNT,
            "对方账号": "6222021202020202020",
            "交易时间": "2026-08-20 09:00:00",
            "借/贷": "贷",
            "借方发生额": "",
            "贷方发生额": "1,234,567.89",
            "对方行号": "",
            "摘要": "转账汇入",
            "用途": 'XF0004K7Q84,"学费" 第二行',
            "对方单位名称": "王㐂国𠮷",
            "余额": "1,234,567.89",
            "个性化信息": "XF0004K7Q84",
        }
    ]
    assert [row["凭证号"] for row in rows(bank.statement(ACCOUNT, begins=FIRST, ends=LAST, format="icbc-csv-new"))] == [
        ""
    ]


def test_a_day_begins_at_midnight_in_shanghai(bank: SandboxBank) -> None:
    late = datetime(2026, 8, 31, 23, 59, 59, tzinfo=ZoneInfo("Asia/Shanghai")).astimezone(ZoneInfo("UTC"))
    for at in (late, late + timedelta(seconds=1)):
        bank.pay(account=ACCOUNT, amount_minor=1, payer="", payer_account="", remark="", at=at)
    august = bank.statement(ACCOUNT, begins=date(2026, 8, 1), ends=date(2026, 8, 31), format="icbc-csv")
    september = bank.statement(ACCOUNT, begins=date(2026, 9, 1), ends=date(2026, 9, 1), format="icbc-csv")
    assert [row["交易时间"] for row in rows(august)] == ["2026-08-31 23:59:59"]
    assert [row["交易时间"] for row in rows(september)] == ["2026-09-01 00:00:00"]
    first = bank.statement(ACCOUNT, begins=date(2026, 9, 1), ends=date(2026, 9, 1), format="camt.053")
    assert camt(first) == (1, [1], 2)


def test_a_past_statement_gives_the_same_bytes_after_later_business(bank: SandboxBank) -> None:
    bank.pay_interest(ACCOUNT, 5, at=OPENED)
    past = bank.statement(ACCOUNT, begins=OPENED.date(), ends=OPENED.date(), format="camt.053")
    bank.pay_interest(ACCOUNT, 7, at=OPENED + timedelta(days=1))
    assert bank.statement(ACCOUNT, begins=OPENED.date(), ends=OPENED.date(), format="camt.053") == past
    with pytest.raises(BankClockRanBack):
        bank.pay_interest(ACCOUNT, 7, at=OPENED)


def test_payments_given_in_any_order_are_booked_in_the_order_of_their_times(bank: SandboxBank) -> None:
    serials = bank.pay_many(
        [
            Payment(
                account=ACCOUNT,
                amount_minor=hour,
                payer="",
                payer_account="",
                remark="",
                at=OPENED + timedelta(hours=hour),
            )
            for hour in (3, 1, 2)
        ]
    )
    booked = rows(bank.statement(ACCOUNT, begins=FIRST, ends=LAST, format="icbc-csv"))
    assert [row["凭证号"] for row in booked] == [serials[1], serials[2], serials[0]]
    assert [row["贷方发生额"] for row in booked] == ["0.01", "0.02", "0.03"]


def test_the_bank_takes_two_payments_of_one_order_and_answers_for_both(bank: SandboxBank) -> None:
    for minor in (300_000, 300_000):
        bank.pay(
            account=ACCOUNT,
            amount_minor=minor,
            payer="王建国",
            payer_account="6222",
            remark="",
            at=OPENED,
            reference="XF0004K7Q84",
        )
    answered = bank.payment_status("XF0004K7Q84")
    assert [payment.amount_minor for payment in answered] == [300_000, 300_000]
    assert len({payment.serial for payment in answered}) == 2
    assert bank.payment_status("XF0004K8G20") == ()


def test_a_payment_of_nothing_or_to_nobody_is_refused_and_books_none_of_its_batch(bank: SandboxBank) -> None:
    good = Payment(account=ACCOUNT, amount_minor=1, payer="", payer_account="", remark="", at=OPENED)
    for wrong, refusal in (({"amount_minor": 0}, NotAPayment), ({"account": "9999"}, UnknownAccount)):
        bad = dataclasses.replace(good, **wrong)
        with pytest.raises(refusal):
            bank.pay_many([good, bad])
    assert bank.balance(ACCOUNT) == 0
    assert bank.due(OPENED) == []


def test_an_account_number_stays_with_its_holder(bank: SandboxBank) -> None:
    bank.open_account(ACCOUNT, "海淀区晨光培训学校")
    with pytest.raises(AccountTaken, match="晨光"):
        bank.open_account(ACCOUNT, "朝阳区启明培训学校")


def test_what_fails_halfway_leaves_nothing_behind(bank: SandboxBank) -> None:
    def half() -> None:
        with store.writing(bank.connection):
            store.open_account(bank.connection, "9999", "朝阳区启明培训学校", "CNY")
            raise RuntimeError("the power went out")

    with pytest.raises(RuntimeError):
        half()
    with pytest.raises(UnknownAccount):
        bank.balance("9999")


def test_booked_lines_cannot_be_changed_by_anybody(bank: SandboxBank) -> None:
    bank.pay_interest(ACCOUNT, 5, at=OPENED)
    for statement in ("UPDATE lines SET remark = ''", "DELETE FROM lines"):
        with pytest.raises(sqlite3.IntegrityError, match="booked line"):
            bank.connection.execute(statement)
