import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrpay.tlv import CrcMismatch, NotACode, check, crc, read_tlv, write_tlv

VECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "samples" / "emvqr" / "vectors.json"

# The sample of the specification, with the checksum that it prints.
SPECIMEN = (
    "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN5914BEST TRANSPORT"
    "6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233030412340603***0708A60086670902ME"
    "91320016A0112233449988770708123456786304A13A"
)


def _sealed(body: str) -> str:
    return f"{body}6304{crc(f'{body}6304')}"


def test_the_checksum_of_the_nine_digits_is_the_one_every_catalogue_of_checksums_prints() -> None:
    assert crc("123456789") == "29B1"


def test_the_specification_s_own_sample_has_checksum_a13a_and_all_its_objects() -> None:
    assert crc(SPECIMEN[:-4]) == "A13A"
    objects = check(SPECIMEN)
    assert objects["54"] == "23.72"
    assert read_tlv(objects["64"], within="64") == {"00": "ZH", "01": "最佳运输", "02": "北京"}


def test_collected_payloads_from_four_other_programs_are_judged_as_they_should() -> None:
    if not VECTORS.exists():
        pytest.skip(f"no collected payloads at {VECTORS}")
    vectors: list[dict[str, Any]] = json.loads(VECTORS.read_text(encoding="utf-8"))
    assert vectors
    assert [_accepted(vector["payload"]) for vector in vectors] == [vector["crc_valid"] for vector in vectors]


def _accepted(payload: str) -> bool:
    try:
        check(payload)
    except NotACode:
        return False
    return True


def test_a_checksum_is_always_four_digits_with_leading_zeros() -> None:
    early = next(_sealed(f"000201{write_tlv('59', str(n))}") for n in range(2000) if crc_of(n).startswith("00"))
    assert early[-4:-2] == "00"
    assert check(early)


def crc_of(number: int) -> str:
    return crc(f"000201{write_tlv('59', str(number))}6304")


@given(st.integers(0, len(SPECIMEN) - 1), st.characters(exclude_categories=["Cs"]))
def test_no_single_character_of_a_payload_can_be_altered_unseen(place: int, character: str) -> None:
    altered = SPECIMEN[:place] + character + SPECIMEN[place + 1 :]
    if altered == SPECIMEN:
        return
    with pytest.raises(NotACode):
        check(altered)


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        ("", "begins with 000201; '' came"),
        (_sealed("010211"), "begins with 000201; '010211' came"),
        (_sealed("000202"), "begins with 000201; '000202' came"),
        ("000201", "ends with tag 63"),
        ("0002016304", "tag 63 announces 04 characters; only 0 are left"),
        (_sealed("000201") + "5802CN", "ends with tag 63"),
        (_sealed("00020159"), "tag 59 must be followed by a length from 01 to 99; '63' came|tag 59 announces"),
        (_sealed("0002015900"), "tag 59 must be followed by a length from 01 to 99; '00' came"),
        (_sealed("00020159٠٣abc"), "tag 59 must be followed by a length"),
        (_sealed("000201５９03abc"), "two-digit tag; '５９' came"),
        (_sealed("00020154041.005404" + "9.00"), "tag 54 may come once; it came twice"),
        ("000201" + write_tlv("59", "\ud800") + "63040000", "half a character"),
        ("0" * 513, "at most 512 characters; 513 came"),
    ],
)
def test_a_payload_that_is_not_well_formed_is_refused_and_the_tag_named(payload: str, complaint: str) -> None:
    with pytest.raises(NotACode, match=complaint):
        check(payload)


def test_a_wrong_checksum_is_told_apart_from_a_wrong_shape() -> None:
    with pytest.raises(CrcMismatch, match="tag 63 must be A13A for this payload; 'A13B' came"):
        check(SPECIMEN[:-1] + "B")
    with pytest.raises(CrcMismatch, match="'a13a' came"):
        check(SPECIMEN[:-4] + "a13a")


def test_an_object_inside_a_template_is_named_with_its_template() -> None:
    with pytest.raises(NotACode, match=r"tag 62\.05 announces 11 characters; only 3 are left"):
        read_tlv("0511XF0", within="62")


@pytest.mark.parametrize("value", ["", "学" * 100])
def test_a_value_that_two_digits_cannot_measure_is_not_written(value: str) -> None:
    with pytest.raises(NotACode, match="tag 59 holds 1 to 99 characters"):
        write_tlv("59", value)


@given(
    st.dictionaries(st.integers(0, 99).map("{:02d}".format), st.text(min_size=1, max_size=99), min_size=1, max_size=6)
)
def test_what_is_written_is_read_back_with_lengths_in_characters(objects: dict[str, str]) -> None:
    assert read_tlv("".join(write_tlv(tag, value) for tag, value in objects.items())) == objects


@given(st.text(max_size=60) | st.text(alphabet="0123456789", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_tlv(text)
    except NotACode:
        return
    assert text.isascii() or len(text) > 4
