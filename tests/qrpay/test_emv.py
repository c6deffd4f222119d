import dataclasses
import io
from typing import Any

import cemacqr
import pytest
import qriskit
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ledger.money import Money
from qrpay import reference, symbol
from qrpay.emv import MerchantCode, NotACode, crc, encode, parse
from qrpay.tlv import write_tlv

ORDER = MerchantCode(
    payee_domain="cn.tuition-escrow",
    payee_account="6222020200012345678",
    name="XIWANG TRAINING SCHOOL",
    city="HANGZHOU",
    name_zh="杭州市西湖区希望培训学校",
    city_zh="杭州",
    reference="XF0004K7Q84",
    amount=Money(128_000),
    purpose="TUITION",
)
STANDING = MerchantCode(
    payee_domain="cn.tuition-escrow",
    payee_account="6222020200012345678",
    name="XIWANG TRAINING SCHOOL",
    city="HANGZHOU",
    dynamic=False,
)

ascii_words = st.from_regex(r"[!-~]([ -~]{0,8}[!-~])?", fullmatch=True)
chinese_words = st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=15)

codes = st.builds(
    MerchantCode,
    payee_domain=st.from_regex(r"[a-z]{1,8}(\.[a-z0-9-]{1,8}){1,2}", fullmatch=True),
    payee_account=st.from_regex(r"[0-9A-Z]{1,32}", fullmatch=True),
    name=ascii_words,
    city=ascii_words,
    name_zh=chinese_words,
    city_zh=st.none() | chinese_words,
    reference=st.integers(0, reference.LIMIT - 1).map(reference.make),
    amount=st.none() | st.integers(1, 999_999_999_999).map(Money),
    dynamic=st.booleans(),
    purpose=st.none() | ascii_words,
)


def _sealed(*objects: tuple[str, str]) -> str:
    body = "".join(write_tlv(tag, value) for tag, value in objects) + "6304"
    return body + crc(body)


def test_an_order_s_payload_is_the_one_worked_out_by_hand() -> None:
    assert encode(ORDER) == (
        "000201" + "010212"
        "2644" + "0017cn.tuition-escrow" + "01196222020200012345678"
        "52048299" + "5303156" + "54071280.00" + "5802CN" + "5922XIWANG TRAINING SCHOOL" + "6008HANGZHOU"
        "6241" + "0111XF0004K7Q84" + "0511XF0004K7Q84" + "0807TUITION"
        "6428" + "0002ZH" + "0112杭州市西湖区希望培训学校" + "0202杭州"
        "6304327D"
    )


def test_a_standing_code_asks_for_no_amount_and_names_no_order() -> None:
    payload = encode(STANDING)
    assert payload.startswith("000201010211")
    assert parse(payload) == STANDING


@given(codes)
def test_every_code_is_read_back_from_its_payload(code: MerchantCode) -> None:
    assert parse(encode(code)) == code


@given(codes)
def test_an_independent_reader_of_the_specification_finds_nothing_wrong(code: MerchantCode) -> None:
    theirs = cemacqr.parse_payload(encode(code))
    assert cemacqr.validate(theirs).violations == []
    assert theirs.get("54") == (code.amount.major if code.amount else None)
    assert theirs.get_in("26", "01") == code.payee_account
    assert theirs.get_in("62", "01") == theirs.get_in("62", "05") == code.reference
    assert theirs.get_in("64", "01") == code.name_zh


@given(codes)
def test_a_second_independent_reader_agrees_but_for_what_is_indonesian(code: MerchantCode) -> None:
    payload = encode(code)
    theirs = qriskit.parse(payload)
    # There the currency is the rupiah, the account is a card number, and a static code never has an amount.
    indonesian = {("currency.invalid", "53"), ("country.invalid", "58"), ("national.missing", "51")}
    indonesian |= {("postal_code.missing", "61"), ("tag.format", "26.01"), ("tag.length", "26.01")}
    indonesian |= {("amount.on_static", "54"), ("amount.missing_on_dynamic", "54")}
    assert {(issue.code, issue.path) for issue in qriskit.validate(theirs)} <= indonesian
    assert theirs.is_dynamic == code.dynamic
    assert theirs.merchant_name == code.name
    assert theirs.additional_data is not None
    assert theirs.additional_data.reference_label == code.reference


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"name": "A" * 26}, "tag 59 holds at most 25 characters; 26 came"),
        ({"name": "希望学校"}, "tag 59 must be printable ASCII; '希望学校' came"),
        ({"name": ""}, "tag 59 must be"),
        ({"name": " SCHOOL"}, "tag 59 must be"),
        ({"name": "SCHOOL\n"}, "tag 59 must be"),
        ({"city": "H" * 16}, "tag 60 holds at most 15 characters; 16 came"),
        ({"name_zh": "学" * 26}, "tag 64.01 holds 1 to 25 printable characters"),
        ({"name_zh": ""}, "tag 64.01 holds 1 to 25"),
        ({"name_zh": "希望\u202e校学"}, "tag 64.01 holds 1 to 25 printable"),
        ({"city_zh": "州" * 16}, "tag 64.02 holds 1 to 15"),
        ({"name_zh": None}, "tag 64.02, the city in Chinese, needs tag 64.01"),
        ({"payee_domain": "tuition"}, "tag 26.00 must be a reverse domain"),
        ({"payee_domain": "cn." + "a" * 30}, "tag 26.00 holds at most 32 characters; 33 came"),
        ({"payee_account": "6" * 75}, "tag 26.01 holds at most 74 characters; 75 came"),
        ({"mcc": "829"}, "tag 52 must be the four digits"),
        ({"mcc": "８２９９"}, "tag 52 must be the four digits"),
        ({"currency": "840"}, "tag 53 must be one of 156; '840' came"),
        ({"country": "cn"}, "tag 58 must be two capital letters"),
        ({"amount": Money(0)}, "tag 54 holds a positive amount of at most 13 characters; 0.00 CNY came"),
        ({"amount": Money(-1)}, "tag 54 holds a positive amount"),
        ({"amount": Money(100_000_000_000_00)}, "tag 54 holds a positive amount of at most 13 characters"),
        ({"reference": "XF0004K7Q85"}, "tag 62.05: the check digits"),
        ({"reference": None}, "names it in tag 62.05; no reference came"),
        ({"purpose": "T" * 26}, "tag 62.08 holds at most 25 characters; 26 came"),
    ],
)
def test_a_code_beyond_the_specification_cannot_be_made(changed: dict[str, Any], complaint: str) -> None:
    with pytest.raises(NotACode, match=complaint):
        dataclasses.replace(ORDER, **changed)


def test_the_largest_code_still_fits_what_a_phone_takes() -> None:
    largest = dataclasses.replace(
        ORDER,
        payee_account="6" * 74,
        name="A" * 25,
        city="B" * 15,
        name_zh="学" * 25,
        city_zh="州" * 15,
        amount=Money(999_999_999_999),
        purpose="P" * 25,
    )
    assert len(encode(largest)) <= 512
    assert parse(encode(largest)) == largest


PAYEE = ("26", "0017cn.tuition-escrow01041234")
FRAME = (("52", "8299"), ("53", "156"), ("58", "CN"), ("59", "SCHOOL"), ("60", "HANGZHOU"))
ASKED = ("62", "0111XF0004K7Q840511XF0004K7Q84")


@pytest.mark.parametrize(
    ("objects", "complaint"),
    [
        (((PAYEE), *FRAME), "tag 01 is required; it is missing"),
        ((("01", "12"), *FRAME, ASKED), "tag 26 is required; it is missing"),
        ((("01", "12"), ("26", "0017cn.tuition-escrow"), *FRAME, ASKED), "tag 26.01 is required; it is missing"),
        ((("01", "12"), PAYEE, *FRAME, ("55", "01"), ASKED), "tag 55 is none of ours"),
        ((("01", "12"), PAYEE, *FRAME, ("62", "0511XF0004K7Q8407011")), "tag 62.07 is none of ours"),
        ((("01", "12"), PAYEE, *FRAME, ("62", "0511XF0004K7")), "tag 62.05 announces 11 characters; only 8"),
        ((("01", "12"), PAYEE, *FRAME, ("54", "1e3"), ASKED), "tag 54: '1e3' is not an amount"),
        ((("01", "12"), PAYEE, *FRAME, ("54", "１.00"), ASKED), "tag 54: "),
        ((("01", "12"), PAYEE, *FRAME, ("62", "0511XF0004K7Q84")), "the same, written otherwise, came"),
        ((("01", "12"), PAYEE, *FRAME, ("62", "0111XF0004K7Q850511XF0004K7Q84")), "the same, written otherwise, came"),
        ((("01", "12"), PAYEE, *FRAME, ASKED, ("54", "1.00")), "the same, written otherwise, came"),
        ((("01", "13"), PAYEE, *FRAME, ASKED), "the same, written otherwise, came"),
        ((("01", "12"), PAYEE, *FRAME, ASKED, ("64", "0002EN0102希望")), "the same, written otherwise, came"),
    ],
)
def test_a_payload_that_we_would_not_have_written_is_refused_though_its_checksum_is_right(
    objects: tuple[tuple[str, str], ...], complaint: str
) -> None:
    with pytest.raises(NotACode, match=complaint):
        parse(_sealed(("00", "01"), *objects))


@given(codes, st.data())
def test_whatever_is_read_is_what_would_be_written(code: MerchantCode, data: st.DataObject) -> None:
    payload = encode(code)[:-4]
    place = data.draw(st.integers(0, len(payload) - 5))
    character = data.draw(st.sampled_from("0123456789ABZ. 学"))
    altered = payload[:place] + character + payload[place + 1 :]
    resealed = altered + crc(altered)
    try:
        assert encode(parse(resealed)) == resealed
    except NotACode:
        return


@pytest.mark.parametrize("wanted", ["0000", "0001", "00A0", "0ABC", "FFFF"])
def test_checksums_of_every_shape_are_drawn_read_and_found_right_by_others(wanted: str) -> None:
    """Two of three other programs looked at drop leading zeros: so codes are made that have them."""
    accounts = (f"6222{number:012d}" for number in range(1_000_000))
    payload = next(text for text in map(_with_account, accounts) if text.endswith(wanted))
    seen = zxingcpp.read_barcode(Image.open(io.BytesIO(symbol.png(payload, scale=3))))
    assert seen is not None
    assert seen.bytes == payload.encode()
    assert cemacqr.validate(cemacqr.parse_payload(payload)).violations == []
    assert qriskit.parse(payload).merchant_name == ORDER.name
    assert encode(parse(payload)) == payload


BEFORE, AFTER = encode(dataclasses.replace(ORDER, payee_account="0" * 16)).split("0" * 16)


def _with_account(account: str) -> str:
    signed = BEFORE + account + AFTER[:-4]
    return signed + crc(signed)


@settings(max_examples=25)
@given(codes)
def test_what_was_meant_comes_through_the_symbol_to_two_other_programs(code: MerchantCode) -> None:
    payload = encode(code)
    seen = zxingcpp.read_barcode(Image.open(io.BytesIO(symbol.png(payload, scale=3))))
    assert seen is not None
    assert seen.bytes == payload.encode()
    read = seen.bytes.decode()
    theirs, others = cemacqr.parse_payload(read), qriskit.parse(read)
    assert theirs.get("59") == others.merchant_name == code.name
    assert theirs.get("60") == others.merchant_city == code.city
    assert theirs.get_in("62", "05") == code.reference
    assert theirs.get_in("64", "01") == code.name_zh
