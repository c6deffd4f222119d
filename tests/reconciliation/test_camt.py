"""camt.053: what each entry becomes, and what is refused."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from reconciliation import camt_lines
from reconciliation.amounts import major
from reconciliation.reading import read
from reconciliation.statement import (
    COLUMNS,
    BadRow,
    ControlTotalsBroken,
    DoctypeRefused,
    OtherAccount,
    Statement,
)
from tests.reconciliation.bank_files import (
    ACCOUNT,
    SAMPLES,
    balance,
    camt,
    day,
    detail,
    entry,
    statement,
)

SUMMARY = (
    "<TxsSummry><TtlNtries><NbOfNtries>{count}</NbOfNtries></TtlNtries>"
    "<TtlCdtNtries><NbOfNtries>1</NbOfNtries><Sum>{credits}</Sum></TtlCdtNtries></TxsSummry>"
)


def only(data: bytes) -> Statement:
    (found,) = read(data)
    return found


def test_an_entry_becomes_a_line_with_exactly_the_documented_columns() -> None:
    payment = detail(end_to_end="TE2610080001", debtor="张三", account="6222", remark=["学费", "三年级"])
    found = only(day(entry("1280.00", serial="B-77", details=[payment]), opening="10.00", closing="1290.00"))

    assert (found.account, found.currency, found.identifier, found.format) == (
        ACCOUNT,
        "CNY",
        "S-1",
        "camt.053.001.08",
    )
    assert (found.opening, found.closing) == (1_000, 129_000)
    assert {name: str(kind) for name, kind in found.lines.dtypes.items()} == dict(COLUMNS)
    assert found.lines.drop(columns=["key", "balance"]).to_dict("records") == [
        {
            "number": 1,
            "booked_on": "2026-10-08",
            "booked_at": "",
            "amount": 128_000,
            "serial": "B-77",
            "end_to_end": "TE2610080001",
            "remark": "学费 三年级",
            "counterparty": "张三",
            "counterparty_account": "6222",
            "reversal": False,
            "nature": "transfer",
        }
    ]


def test_a_booking_time_with_an_offset_falls_on_the_day_it_has_in_shanghai() -> None:
    late = entry("1.00", booked="<DtTm>2026-10-31T16:30:00Z</DtTm>")
    lines = only(day(late, opening="0.00", closing="1.00")).lines
    assert (lines["booked_on"][0], lines["booked_at"][0]) == ("2026-11-01", "00:30:00")


@pytest.mark.parametrize("version", ["02", "08"])
def test_a_batch_entry_is_split_into_its_payments(version: str) -> None:
    payments = [
        detail(end_to_end=name, amount=amount, debtor=name, account="6", version=version)
        for name, amount in (("A", "100.00"), ("B", "100.00"), ("C", "50.01"))
    ]
    batch = entry("250.01", details=payments, batch=3, serial="B-9", version=version)
    lines = only(day(batch, opening="0.00", closing="250.01", version=version)).lines

    assert lines["amount"].tolist() == [10_000, 10_000, 5_001]
    assert lines["end_to_end"].tolist() == lines["counterparty"].tolist() == ["A", "B", "C"]
    assert lines["key"].is_unique


def test_a_batch_whose_payments_do_not_make_its_amount_is_one_line_and_says_so() -> None:
    payments = [detail(end_to_end=each, amount="100.00", remark=[f"学费{each}"]) for each in "AB"]
    found = only(day(entry("250.00", details=payments), opening="0.00", closing="250.00"))
    assert found.lines["amount"].tolist() == [25_000]
    assert found.lines["remark"].tolist() == ["A 学费A B 学费B"]
    assert found.notes == ("明细金额合计与该笔金额不符，按一笔计：第 1 笔 250.00（明细 200.00）",)


def test_a_batch_that_shows_fewer_payments_than_it_states_is_refused() -> None:
    payments = [detail(end_to_end=each, amount="100.00") for each in "AB"]
    with pytest.raises(ControlTotalsBroken, match="states 3 payments and shows 2"):
        read(day(entry("200.00", details=payments, batch=3), opening="0.00", closing="200.00"))


def test_a_batch_without_amounts_stays_one_line_and_loses_nothing() -> None:
    lines = only(day(entry("200.00", details=[detail(), detail()]), opening="0.00", closing="200.00")).lines
    assert lines["amount"].tolist() == [20_000]


@pytest.mark.parametrize(
    ("closing", "amounts"),
    [
        pytest.param("10.00", [500, -500], id="the bank states the entry that is undone"),
        pytest.param("20.00", [500, 500], id="the bank states the undoing itself"),
    ],
)
def test_the_balances_decide_which_way_a_reversal_moves(closing: str, amounts: list[int]) -> None:
    undone = entry("5.00", reversal=True, details=[detail(debtor="张三", creditor="本机构", account="6")])
    found = only(day(entry("5.00", reversal=False), undone, opening="10.00", closing=closing))

    assert found.lines["amount"].tolist() == amounts
    assert found.lines["reversal"].tolist() == [False, True]
    assert found.lines["counterparty"][1] == ("张三" if amounts[1] < 0 else "本机构")


def test_lines_are_the_same_in_however_many_blocks_they_are_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    paid = detail(debtor="张三", creditor="本机构", account="6")
    entries = [entry(f"{at}.00", reversal=at % 3 == 0, details=[paid]) for at in range(1, 9)]
    files = [day(*entries, opening="0.00", closing=closing) for closing in ("18.00", "36.00")]
    whole = [only(each).lines for each in files]
    monkeypatch.setattr(camt_lines, "_BLOCK", 3)
    for data, lines in zip(files, whole, strict=True):
        pd.testing.assert_frame_equal(only(data).lines, lines)
    assert whole[0]["amount"].tolist() == [100, 200, -300, 400, 500, -600, 700, 800]
    assert whole[1]["counterparty"].tolist() == ["张三", "张三", "本机构", "张三", "张三", "本机构", "张三", "张三"]


def test_a_reversal_without_balances_flips_and_says_that_nothing_proves_it() -> None:
    found = only(camt(statement([entry("5.00", reversal=True)], balances=[])))
    assert found.lines["amount"].tolist() == [-500]
    assert found.opening is None
    assert "冲正" in found.notes[0]


def test_interest_and_fees_are_known_by_the_banks_own_code_never_by_a_payers_words() -> None:
    data = day(
        entry("3.21", code="INTR"),
        entry("1.00", "DBIT", code="CHRG"),
        entry("2.00", details=[detail(debtor="张三", account="6222", remark=["利息"])]),
        entry("4.00", code="INTR", details=[detail(debtor="张三", account="6222")]),
        opening="0.00",
        closing="8.21",
    )
    assert only(data).lines["nature"].tolist() == ["interest", "fee", "transfer", "transfer"]


def test_several_statements_in_one_file_stay_several() -> None:
    first = statement([entry("1.00")], balances=[balance("OPBD", "0.00"), balance("CLBD", "1.00")], identifier="S-1")
    second = statement([entry("1.00")], balances=[balance("PRCD", "1.00"), balance("CLBD", "2.00")], identifier="S-2")
    found = read(camt(first, second))
    assert [(each.identifier, each.opening, each.closing) for each in found] == [("S-1", 0, 100), ("S-2", 100, 200)]
    assert found[0].lines["key"][0] != found[1].lines["key"][0]


@pytest.mark.parametrize("encoding", ["UTF-8", "GB18030", "GBK"])
def test_a_document_without_namespace_in_the_declared_encoding_reads_the_same(encoding: str) -> None:
    body = statement(
        [entry("1.00", details=[detail(debtor="欧阳娜娜", account="6")])],
        balances=[balance("OPBD", "0.00"), balance("CLBD", "1.00")],
    )
    found = only(camt(body, namespace=False, encoding=encoding))
    assert found.lines["counterparty"].tolist() == ["欧阳娜娜"]
    assert found.format == "camt.053"


def test_a_statement_inside_a_banks_envelope_is_found() -> None:
    inner = day(entry("1.00"), opening="0.00", closing="1.00").split(b"?>", 1)[1]
    assert only(b"<Envelope><Body>" + inner + b"</Body></Envelope>").closing == 100


def test_a_comment_inside_an_amount_does_not_cut_it_short() -> None:
    data = day(entry("12.34"), opening="0.00", closing="12.34").replace(
        b">12.34</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>", b">12<!-- -->.34</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>"
    )
    assert b"<!--" in data
    assert only(data).lines["amount"].tolist() == [1_234]


def test_a_pending_entry_is_no_line_but_is_named() -> None:
    found = only(day(entry("1.00"), entry("9.00").replace("BOOK", "PDNG"), opening="0.00", closing="1.00"))
    assert found.lines["amount"].tolist() == [100]
    assert "PDNG" in found.notes[0]
    assert "9.00" in found.notes[0]


def test_no_entries_while_the_balance_moved_is_refused() -> None:
    with pytest.raises(ControlTotalsBroken, match="0 lines"):
        read(day(opening="5.00", closing="7.00"))
    assert len(only(day(opening="5.00", closing="5.00")).lines) == 0


def test_a_missing_line_breaks_the_control_total_and_both_sums_are_shown() -> None:
    with pytest.raises(ControlTotalsBroken) as refused:
        read(day(entry("1.00"), opening="5.00", closing="7.00"))
    assert refused.value.facts == {"expected": "6.00", "found": "7.00"}
    assert "6.00" in refused.value.chinese


@pytest.mark.parametrize(("count", "credits"), [(2, "1.00"), (1, "2.00")])
def test_a_summary_that_disagrees_with_the_entries_is_refused(count: int, credits: str) -> None:
    balances = [balance("OPBD", "0.00"), balance("CLBD", "1.00")]
    told = SUMMARY.format(count=count, credits=credits)
    with pytest.raises(ControlTotalsBroken):
        read(camt(statement([entry("1.00")], balances=balances, summary=told)))
    agreed = SUMMARY.format(count=1, credits="1.00")
    assert only(camt(statement([entry("1.00")], balances=balances, summary=agreed))).closing == 100


@pytest.mark.parametrize("bad", ["1.", "1.001", "1.000", "-1.00", "1e2", "", "1,00", "１.00", "NaN", "9" * 16])
def test_an_amount_that_is_not_exact_fen_names_its_entry(bad: str) -> None:
    with pytest.raises(BadRow, match="entry 2") as refused:
        read(day(entry("1.00"), entry(bad), opening="0.00", closing="2.00"))
    assert refused.value.facts["number"] == 2


@pytest.mark.parametrize(
    "booked", ["<Dt>2026-02-30</Dt>", "<Dt>20261008</Dt>", "<Dt/>", "<DtTm>0001-01-01T00:00:00+14:00</DtTm>"]
)
def test_an_impossible_booking_date_names_its_entry(booked: str) -> None:
    with pytest.raises(BadRow, match="entry 1"):
        read(day(entry("1.00", booked=booked), opening="0.00", closing="1.00"))


def test_a_doctype_is_refused_whatever_it_declares() -> None:
    data = day(entry("1.00"), opening="0.00", closing="1.00")
    bomb = data.replace(b"?>", b'?><!DOCTYPE Document [<!ENTITY x "99">]>', 1)
    with pytest.raises(DoctypeRefused):
        read(bomb)


def test_a_statement_of_another_account_is_refused_with_both_named() -> None:
    data = day(entry("1.00"), opening="0.00", closing="1.00")
    assert only(data).account == ACCOUNT
    with pytest.raises(OtherAccount, match=f"{ACCOUNT}.*99999"):
        read(data, account="99999")


def test_entries_in_another_currency_than_the_account_are_refused() -> None:
    with pytest.raises(BadRow, match="USD"):
        read(day(entry("1.00").replace("CNY", "USD"), opening="0.00", closing="1.00"))


@given(st.lists(st.integers(min_value=-(10**14), max_value=10**14), max_size=12), st.integers(0, 10**14))
@settings(max_examples=60, deadline=None)
def test_any_amounts_come_back_to_the_fen_and_the_balances_agree(amounts: list[int], opening: int) -> None:
    entries = [entry(major(abs(each), "CNY"), "CRDT" if each >= 0 else "DBIT") for each in amounts]
    found = only(day(*entries, opening=major(opening, "CNY"), closing=major(opening + sum(amounts), "CNY")))
    assert found.lines["amount"].tolist() == amounts
    assert found.closing == opening + sum(amounts)


@pytest.mark.parametrize("version", ["02", "08"])
def test_our_own_fixtures_are_valid_camt(version: str) -> None:
    path = SAMPLES / "xsd" / f"genkgo__assets__camt.053.001.{version}.xsd"
    if not path.exists():
        pytest.skip("the sample schemas are not here")
    schema = etree.XMLSchema(etree.parse(str(path)))
    payments = [
        detail(end_to_end=each, amount="1.00", debtor="张三", account="6", remark=["学费"], version=version)
        for each in "AB"
    ]
    data = day(
        entry("2.00", details=payments, batch=2, serial="B-1", reversal=False, version=version),
        opening="0.00",
        closing="2.00",
        version=version,
    )
    schema.assertValid(etree.fromstring(data))
