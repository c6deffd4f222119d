from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrpay import reference
from qrpay.reference import ALPHABET, LIMIT, NotAReference, find, find_each, is_valid, make, number_of, read

GOOD = make(150775)
DIGITS_AND_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

numbers = st.integers(min_value=0, max_value=LIMIT - 1)


def _put(text: str, place: int, character: str) -> str:
    return text[:place] + character + text[place + 1 :]


def _exchanged(text: str, one: int, other: int) -> str:
    return _put(_put(text, one, text[other]), other, text[one])


@given(numbers)
def test_a_reference_gives_back_its_number(number: int) -> None:
    assert len(make(number)) == 11
    assert number_of(make(number)) == number


def test_the_first_the_last_and_an_ordinary_reference_are_as_printed_on_paper() -> None:
    assert make(0) == "XF000000098"
    assert make(150775) == "XF0004K7Q84"
    assert make(LIMIT - 1) == "XFZZZZZZZ37"


@pytest.mark.parametrize("number", [-1, LIMIT, True])
def test_a_number_that_no_reference_can_hold_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="whole number from 0 to 34,359,738,367"):
        make(number)


def test_every_single_character_mistyped_is_refused_in_every_reference_there_is() -> None:
    # Whether a slip passes depends only on the number modulo 97 and on the characters concerned. 97 * 32 consecutive
    # numbers show each remainder with each last character, and the products below each character in each place.
    every_remainder = (make(number) for number in range(97 * 32))
    every_character = (_with_body(place, character) for place, character in product(range(7), ALPHABET))
    for good in (*every_remainder, *every_character):
        for place, character in product(range(len(good)), DIGITS_AND_LETTERS):
            assert is_valid(_put(good, place, character)) == (good[place] == character)


def test_every_two_neighbours_exchanged_are_refused_in_every_reference_there_is() -> None:
    goods = [make(number) for number in range(97 * 32)]
    for place, (one, other) in product(range(6), permutations(ALPHABET, 2)):
        digits = [0] * 7
        digits[place : place + 2] = [ALPHABET.index(one), ALPHABET.index(other)]
        goods.append(make(sum(digit * 32 ** (6 - index) for index, digit in enumerate(digits))))
    for good in goods:
        for place in range(10):
            swapped = _exchanged(good, place, place + 1)
            assert swapped == good or not is_valid(swapped), (good, swapped)


@given(numbers, st.integers(0, 10), st.integers(0, 10), st.sampled_from(DIGITS_AND_LETTERS))
def test_a_slip_in_any_reference_is_refused(number: int, one: int, other: int, character: str) -> None:
    good = make(number)
    for slip in (_put(good, one, character), _exchanged(good, one, other)):
        assert slip == good or not is_valid(slip)


@pytest.mark.parametrize(
    "typed",
    [
        GOOD,
        "xf0004k7q84",
        "XFOOO4K7Q84",
        "XF 0004 K7Q 84",
        "xf-0004-k7q-84",
        "ＸＦ０００４Ｋ７Ｑ８４",
        "　ｘｆ０００４－ｋ７ｑ　８４\u200b\n",
    ],
)
def test_what_a_person_types_for_a_reference_is_understood(typed: str) -> None:
    assert read(typed) == GOOD


def test_the_letters_i_and_l_are_read_as_one() -> None:
    good = make(33)
    assert good.startswith("XF0000011")
    assert read(good.replace("11", "Il")) == good


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("", "has 0 characters; a reference has 11"),
        ("XF0004K7Q8", "has 10 characters"),
        ("XF0004K7Q844", "has 12 characters"),
        ("X" * 1000, "has 1000 characters"),
        ("XG0004K7Q84", "does not begin with XF"),
        ("XF0U04K7Q84", "'U' in place 4"),
        ("XF0004K7Q8A", "two check digits"),
        ("XF0004K7Q8４".replace("４", "٤"), "two check digits"),
        ("XF0004K7Q85", "check digits of XF0004K7Q85 do not fit"),
        ("XF0004K7①84", "'①' in place 9"),
        ("XF00000ı196", "'ı' in place 8"),
    ],
)
def test_what_is_not_a_reference_is_refused_and_the_reason_named(typed: str, complaint: str) -> None:
    with pytest.raises(NotAReference, match=complaint) as refusal:
        read(typed)
    assert len(str(refusal.value)) < 200
    assert not is_valid(typed)


def test_a_refusal_does_not_tell_the_check_digits_that_would_fit() -> None:
    with pytest.raises(NotAReference) as refusal:
        read("XF0004K7Q85")
    assert "84" not in str(refusal.value)


@given(st.text())
def test_reading_any_text_gives_a_valid_reference_or_a_refusal(typed: str) -> None:
    try:
        assert is_valid(read(typed))
    except NotAReference:
        assert not is_valid(typed)


@pytest.mark.parametrize(
    ("remark", "found"),
    [
        ("XF0004K7Q84 王小明学费", [GOOD]),
        ("XF0004K7Q84王小明学费", [GOOD]),
        ("学费:XF0004K7Q84。", [GOOD]),
        ("转账-xf0004k7q84/三年级2班", [GOOD]),
        ("ＸＦ０００４Ｋ７Ｑ８４　王小明", [GOOD]),
        (f"{GOOD},{make(7)} {GOOD}", [GOOD, make(7)]),
        # Glued to something that could be part of it: a person must look.
        ("XF0004K7Q842026", []),
        ("学费 XF0004K7Q84A", []),
        ("NOXF0004K7Q84", []),
        ("XF0004K7Q84ABC", []),
        ("XF0004K7Q84９", []),
        # Cut in two, mistyped, or only looking like one.
        ("XF0004K7 Q84 王小明", []),
        ("XF0004K7Q85 王小明", []),
        ("XFOOO4K7Q84", []),
        ("XF 0004K7Q84", []),
        ("王小明学费", []),
        ("", []),
    ],
)
def test_a_reference_is_found_only_where_it_stands_by_itself(remark: str, found: list[str]) -> None:
    assert find(remark) == found


def test_a_reference_is_not_made_up_from_two_neighbouring_words() -> None:
    # "XF0004K7Q" + "84号楼": with the spaces removed first, a reference would appear that nobody wrote.
    assert find("XF0004K7Q 84号楼") == []
    assert find("XF0004K7Q84号楼") == [GOOD]


@given(
    st.lists(numbers, max_size=4, unique=True),
    st.lists(st.text(alphabet="王小明学费 :：，。-/_()（）\t\n", min_size=1), min_size=5, max_size=5),
)
def test_every_reference_is_found_between_words_that_are_not_latin(orders: list[int], words: list[str]) -> None:
    references = [make(number) for number in orders]
    remark = words[0] + "".join(good + word for good, word in zip(references, words[1:], strict=False))
    assert find(remark) == references
    assert find(remark.lower()) == references


@given(st.text(alphabet="XFxf0123456789ＫK王 ,ZABC"))
def test_whatever_is_found_is_valid(remark: str) -> None:
    assert all(is_valid(found) for found in find(remark))


@given(st.lists(st.lists(st.tuples(numbers, st.integers(0, 99)), max_size=3), max_size=5))
def test_of_many_remarks_each_gives_its_own_valid_references_once(written: list[list[tuple[int, int]]]) -> None:
    shaped = [[f"{make(number)[:9]}{check:02d}" for number, check in each for _ in "twice"] for each in written]
    expected = [list(dict.fromkeys(filter(is_valid, each))) for each in shaped]
    assert find_each([" ".join(each) for each in shaped]) == expected


def _with_body(place: int, character: str) -> str:
    return make(reference.ALPHABET.index(character) * 32**place)


@given(
    number=st.integers(0, reference.LIMIT - 1),
    before=st.sampled_from(["", "付款:", "【跨行】", "   ", "转账-", "2026/", "ＡＢ "]),
    after=st.text("学费王小明 -/：。", max_size=20),
    kept=st.integers(0, 60),
)
def test_a_remark_cut_anywhere_holds_the_whole_reference_or_none(
    number: int, before: str, after: str, kept: int
) -> None:
    """Banks keep 10, 12, 20, 30 … characters of a remark: every length is one of them."""
    whole = reference.make(number)
    remark = f"{before}{whole}{after}"[:kept]
    assert reference.find(remark) == ([whole] if kept >= len(before) + reference.LENGTH else [])


@pytest.mark.parametrize("glued", ["{}5", "A{}", "{}XF", "1{}1", "{}ｘ"])
def test_a_reference_glued_to_the_next_word_swallows_nothing_of_it(glued: str) -> None:
    assert reference.find(glued.format(reference.make(150775))) == []
