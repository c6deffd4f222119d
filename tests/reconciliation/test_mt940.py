"""MT940: what each :61: and :86: becomes, and what is refused."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation.amounts import major
from reconciliation.mt940_details import details
from reconciliation.reading import read
from reconciliation.statement import BadRow, ControlTotalsBroken, NotAStatement, OtherAccount, Statement
from tests.reconciliation.bank_files import ACCOUNT, mt940

CREDIT = "2610081008CY1280,00NTRFNONREF//B-77"


def only(text: str | bytes) -> Statement:
    (found,) = read(text.encode() if isinstance(text, str) else text)
    return found


def booked(*bookings: str, closing: str) -> Statement:
    return only(mt940(*bookings, closing=closing))


def test_a_booking_becomes_a_line() -> None:
    found = booked(f"{CREDIT}\r\n:86:学费 TE2610080001K7 张三", closing="C261008CNY1280,00")
    assert (found.account, found.currency, found.identifier) == (ACCOUNT, "CNY", "00001/001")
    assert (found.format, found.kind) == ("MT940", "statement")
    assert (found.opening, found.closing, found.begins, found.ends) == (
        0,
        128_000,
        date(2026, 10, 8),
        date(2026, 10, 8),
    )
    (line,) = found.lines.drop(columns=["key", "balance"]).to_dict("records")
    assert line == {
        "number": 5,
        "booked_on": "2026-10-08",
        "booked_at": "",
        "amount": 128_000,
        "serial": "B-77",
        "end_to_end": "",
        "remark": "学费 TE2610080001K7 张三",
        "counterparty": "",
        "counterparty_account": "",
        "reversal": False,
        "nature": "transfer",
    }


@pytest.mark.parametrize(
    ("mark", "amount", "reversal"),
    [
        ("C", 500, False),
        ("D", -500, False),
        ("RC", -500, True),
        ("RD", 500, True),
        ("CY", 500, False),
        ("DR", -500, False),
    ],
)
def test_the_mark_says_the_direction_and_a_reversal_goes_against_its_name(
    mark: str, amount: int, reversal: bool
) -> None:
    closing = f"{'C' if amount > 0 else 'D'}261008CNY5,00"
    lines = booked(f"2610081008{mark}5,00NTRFNONREF", closing=closing).lines
    assert (lines["amount"].tolist(), lines["reversal"].tolist()) == ([amount], [reversal])


@pytest.mark.parametrize(
    ("value", "entry", "on"),
    [
        ("261231", "0102", "2027-01-02"),
        ("270102", "1231", "2026-12-31"),
        ("261008", "", "2026-10-08"),
        ("261008", "    ", "2026-10-08"),
        ("280301", "0229", "2028-02-29"),
        ("270301", "0229", "2028-02-29"),
    ],
)
def test_the_entry_date_has_the_year_that_brings_it_nearest_to_the_value_date(value: str, entry: str, on: str) -> None:
    found = booked(f"{value}{entry}C1,00NTRFNONREF", closing="C261008CNY1,00")
    assert found.lines["booked_on"].tolist() == [on]


@pytest.mark.parametrize(("written", "fen"), [("0,12", 12), ("1,1", 110), ("380115,", 38_011_500), ("001,12", 112)])
def test_an_amount_ends_with_what_stands_behind_its_comma(written: str, fen: int) -> None:
    found = booked(f"261008C{written}NTRFNONREF", closing=f"C261008CNY{written}")
    assert found.lines["amount"].tolist() == [found.closing] == [fen]


@pytest.mark.parametrize(
    ("booking", "sentence"),
    [
        ("261008C1.00NTRFNONREF", "date, C or D, amount with a comma"),
        ("261008C1,001NTRFNONREF", "3 decimals, CNY has 2"),
        ("261008X1,00NTRFNONREF", "date, C or D"),
        ("261308C1,00NTRFNONREF", "'261308' is no date"),
        ("2610081399C1,00NTRFNONREF", "'1399' is no entry date"),
        ("261008C１,00NTRFNONREF", "date, C or D"),
        ("261008C,50NTRFNONREF", "date, C or D"),
    ],
)
def test_a_bad_booking_is_refused_with_its_line(booking: str, sentence: str) -> None:
    with pytest.raises(BadRow, match=f"line 6: .*{sentence}") as refused:
        booked("261008C1,00NTRFNONREF", booking, closing="C261008CNY2,00")
    assert refused.value.facts["number"] == 6
    assert refused.value.chinese.startswith("第 6 行")


def test_references_and_supplementary_details_have_their_places() -> None:
    found = booked("261008D5,00NTRFPO0000000000000001//B-9\r\n/OCMT/CNY5,00/", closing="D261008CNY5,00")
    (line,) = found.lines.to_dict("records")
    assert (line["end_to_end"], line["serial"], line["remark"]) == ("PO0000000000000001", "B-9", "/OCMT/CNY5,00/")


def test_our_reference_beside_an_end_to_end_id_is_kept_in_the_remark() -> None:
    found = booked("261008C5,00NTRFKUNDE7//B-9\r\n:86:166?00X?20EREF+TE26", closing="C261008CNY5,00")
    assert found.lines["end_to_end"].tolist() == ["TE26"]
    assert found.lines["remark"].tolist() == ["EREF+TE26 X KUNDE7"]


STRUCTURED = (
    ":86:166?00GUTSCHRIFT?109310?20EREF+TE2610080001K7?21SVWZ+学费 三年级 下?22学期?30ICBKCNBJ\r\n"
    "?316222020200098765432?32张三?33 (父亲)?34000?70付款人备注"
)


def test_sub_fields_are_the_other_side_and_its_words() -> None:
    (line,) = booked(f"{CREDIT}\r\n{STRUCTURED}", closing="C261008CNY1280,00").lines.to_dict("records")
    assert line["end_to_end"] == "TE2610080001K7"
    assert (line["counterparty"], line["counterparty_account"]) == ("张三 (父亲)", "6222020200098765432")
    assert line["remark"] == "EREF+TE2610080001K7 学费 三年级 下学期 GUTSCHRIFT 付款人备注"


def test_another_mark_than_a_question_mark_does_the_same() -> None:
    told = STRUCTURED.removeprefix(":86:").replace("?", "<").split("\r\n")
    assert details(told) == details(STRUCTURED.removeprefix(":86:").split("\r\n"))


def test_words_between_slashes_are_read() -> None:
    told = details(["/TRTP/SEPA/IBAN/NL56AGDH9619008421/NAME/张三/EREF/TE26/REMI/学费"])
    assert (told.name, told.account, told.end_to_end) == ("张三", "NL56AGDH9619008421", "TE26")


def test_a_full_line_goes_on_in_the_next_and_a_short_one_ends_a_word() -> None:
    folded = ["x" * 61 + "TE26", "10080001K7 张三"]
    assert details(folded).remark == ("x" * 61 + "TE2610080001K7 张三",)
    assert details(["学费", "张三"]).remark == ("学费 张三",)


@pytest.mark.parametrize(
    ("kind", "nature"), [("NINT", "interest"), ("NCHG", "fee"), ("NCOM", "fee"), ("NTRF", "transfer")]
)
def test_interest_and_fees_are_known_by_the_type_of_the_booking(kind: str, nature: str) -> None:
    found = booked(f"261008C1,00{kind}NONREF\r\n:86:利息 手续费", closing="C261008CNY1,00")
    assert found.lines["nature"].tolist() == [nature]


def test_several_statements_in_swift_envelopes_stay_several() -> None:
    one = mt940(CREDIT, closing="C261008CNY1280,00").removesuffix("-\r\n")
    two = mt940(CREDIT, opening="C261008CNY1280,00", closing="C261009CNY2560,00", number="00002/001")
    head = "{1:F01ICBKCNBJAXXX0000000000}{2:O9401200261008ICBKCNBJAXXX00000000002610081200N}{3:{108:X}}{4:\r\n"
    found = read(f"{head}{one}-}}{{5:{{CHK:0}}}}\r\n{head}{two}".encode())
    assert [(each.identifier, each.opening, each.closing) for each in found] == [
        ("00001/001", 0, 128_000),
        ("00002/001", 128_000, 256_000),
    ]


def test_words_of_the_bank_between_messages_are_no_fields() -> None:
    text = "ICBKCNBJ\r\n940\r\n" + mt940(CREDIT, closing="C261008CNY1280,00")
    assert only(text).closing == 128_000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_the_bytes_may_be_in_any_encoding_that_banks_use(encoding: str) -> None:
    text = mt940(f"{CREDIT}\r\n:86:学费 张三", closing="C261008CNY1280,00")
    assert only(text.encode(encoding)).lines["remark"].tolist() == ["学费 张三"]


def test_german_letters_in_one_byte_are_read() -> None:
    text = mt940(f"{CREDIT}\r\n:86:051?00Übertrag?20Gebühr ü?32Jörg", closing="C261008CNY1280,00")
    assert only(text.encode("latin-1")).lines["counterparty"].tolist() == ["Jörg"]


def test_pages_of_one_statement_are_put_together() -> None:
    first = mt940("261008C1,00NTRFNONREF", closing="C261008CNY1,00", pages="FM")
    second = mt940("261008C2,00NTRFNONREF", opening="C261008CNY1,00", closing="C261008CNY3,00", pages="MF")
    found = only(first + second)
    assert (found.opening, found.closing, found.lines["amount"].tolist()) == (0, 300, [100, 200])


@pytest.mark.parametrize(
    ("pages", "sentence"),
    [("FM", "the page after it"), ("MF", "the page before it")],
)
def test_a_page_alone_is_refused(pages: str, sentence: str) -> None:
    with pytest.raises(ControlTotalsBroken, match=sentence):
        read(mt940(CREDIT, closing="C261008CNY1280,00", pages=pages).encode())


def test_pages_of_two_accounts_are_not_put_together() -> None:
    first = mt940(CREDIT, closing="C261008CNY1280,00", pages="FM")
    second = mt940(opening="C261008CNY1280,00", closing="C261008CNY1280,00", pages="MF", account="6222")
    with pytest.raises(ControlTotalsBroken, match=f"is of 6222 CNY, not of {ACCOUNT} CNY"):
        read((first + second).encode())


def test_lines_that_do_not_lead_to_the_closing_balance_are_refused() -> None:
    with pytest.raises(ControlTotalsBroken, match=r"give 1280\.00, the closing balance is 1281\.00"):
        booked(CREDIT, closing="C261008CNY1281,00")


def test_counts_and_sums_are_held_against_the_lines() -> None:
    text = mt940(CREDIT, closing="C261008CNY1280,00")
    told = text.replace("-\r\n", ":90D:0CNY0,00\r\n:90C:1CNY1280,00\r\n-\r\n")
    assert only(told).closing == 128_000
    with pytest.raises(ControlTotalsBroken, match="90C: states 2"):
        read(told.replace(":90C:1", ":90C:2").encode())


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (":62F:C261008CNY1280,00\r\n", "", "without :62:"),
        ("CNY1280,00\r\n-", "CNY1280,00\r\nC1,00\r\n-", ":62F: goes on in the next line"),
        (":25:", ":60F:C261007CNY0,00\r\n:25:", ":60F: stands there twice"),
        (":61:", ":71:", ":71: is no field of an MT940"),
        (":28C:", ":61:261008C1,00NTRFNONREF\r\n:28C:", "does not stand between the balances"),
        ("-\r\n", ":61:261008C1,00NTRFNONREF\r\n-\r\n", "does not stand between the balances"),
        (":62F:C261008CNY", ":62F:C261008USD", "closing balance is in USD"),
        (":60F:C261007CNY", ":60F:C261007XAU", "known currency"),
        ("-\r\n", ":64:C261008CNY1.280\r\n-\r\n", ":64: 'C261008CNY1.280' is not"),
        (":20:STARTUMS\r\n", "", ":25: stands before any :20:"),
    ],
)
def test_a_damaged_message_is_refused_with_its_line(old: str, new: str, sentence: str) -> None:
    text = mt940(CREDIT, closing="C261008CNY1280,00")
    assert old in text
    with pytest.raises(BadRow, match=rf"line \d+: .*{sentence}") as refused:
        read(text.replace(old, new, 1).encode())
    assert refused.value.chinese


def test_what_the_bank_only_expects_is_no_line_and_what_it_tells_is_noted() -> None:
    text = mt940(CREDIT, "261009EC7,00NTRFNONREF", closing="C261008CNY1280,00")
    found = only(text.replace("-\r\n", ":64:C261008CNY1,00\r\n:86:请核对\r\n-\r\n"))
    assert found.lines["amount"].tolist() == [128_000]
    assert found.notes == ("对账单附言：请核对", "预期款项，尚未入账，不计入流水：第 6 行 7,00")


def test_an_interim_report_is_no_statement() -> None:
    with pytest.raises(NotAStatement, match="MT942"):
        read(mt940(CREDIT, closing="C261008CNY1280,00").replace(":28C:", ":34F:CNY0,\r\n:28C:").encode())


@pytest.mark.parametrize("stated", [f"102100099996/{ACCOUNT}", f"{ACCOUNT}CNY", f" {ACCOUNT} "])
def test_the_account_is_known_beside_its_bank_and_currency(stated: str) -> None:
    data = mt940(CREDIT, closing="C261008CNY1280,00", account=stated).encode()
    assert read(data, account=ACCOUNT)[0].account == ACCOUNT
    with pytest.raises(OtherAccount):
        read(data, account="99999")


@given(st.lists(st.integers(min_value=-(10**12), max_value=10**12), max_size=12), st.integers(0, 10**12))
@settings(max_examples=60, deadline=None)
def test_any_amounts_come_back_to_the_fen_and_the_balances_agree(amounts: list[int], opening: int) -> None:
    def written(value: int) -> str:
        return major(abs(value), "CNY").replace(".", ",")

    def stated(value: int) -> str:
        return f"{'C' if value >= 0 else 'D'}261008CNY{written(value)}"

    bookings = [f"261008{'C' if each >= 0 else 'D'}{written(each)}NTRFNONREF" for each in amounts]
    found = only(mt940(*bookings, opening=stated(opening), closing=stated(opening + sum(amounts))))
    assert found.lines["amount"].tolist() == amounts
    assert (found.opening, found.closing) == (opening, opening + sum(amounts))
