"""The unified social credit code, held against another implementation of GB 32100-2015."""

import pytest
import stdnum.cn.uscc
from hypothesis import given
from hypothesis import strategies as st

from escrow.registry.credit_code import BadCreditCode, check_character, verified

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CODES = st.from_regex(rf"[0-9]{{8}}[{ALPHABET}]{{9}}", fullmatch=True).map(lambda text: text + check_character(text))


@given(CODES)
def test_the_check_character_is_the_one_that_another_implementation_finds(code: str) -> None:
    assert verified(code) == code
    assert stdnum.cn.uscc.validate(code) == code


@given(CODES)
def test_every_single_character_replaced_by_another_is_refused(code: str) -> None:
    replaced = [
        code[:place] + character + code[place + 1 :]
        for place in range(18)
        for character in ALPHABET
        if character != code[place]
    ]
    assert [wrong for wrong in replaced if _passes(wrong)] == []


@pytest.mark.parametrize(
    "code",
    [
        "91110000600037341",  # one short
        "91110000600037341LL",  # one over
        "91110000600037341l",  # a small letter
        "9111000060003734IL",  # an I
        "91110000600037341L\n",
        " 91110000600037341L",
        "９１１１００００６０００３７３４１Ｌ",  # full width
        "91A10000600037341L",  # a letter in the place of the region
    ],
)
def test_what_has_another_shape_is_refused_with_the_shape_that_is_wanted(code: str) -> None:
    with pytest.raises(BadCreditCode, match="18 characters") as refused:
        verified(code)
    assert "按营业执照核对" in refused.value.chinese


def test_the_published_code_of_a_state_company_passes() -> None:
    assert verified("91110000600037341L") == "91110000600037341L"


def _passes(code: str) -> bool:
    try:
        verified(code)
    except BadCreditCode:
        return False
    return True
