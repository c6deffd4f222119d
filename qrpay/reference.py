"""Payment references (付款参考号): eleven characters that name an order, and that betray a slip of the finger.

    XF 0004K7Q 84
    |  |       two check digits
    |  the order's number in base 32, seven characters: 0 to 34,359,738,367
    the mark by which the eye and `find` know a reference

The alphabet is Crockford's: no I, L or O, which look like 1 and 0, and no U, which makes words.

The check digits are ISO/IEC 7064 MOD 97-10 over the *number*: number * 100 + check = 1 (mod 97). They catch every
single character replaced by another and every two characters exchanged, neighbours or not: 97 is prime and larger
than the alphabet, and no two places weigh the same modulo 97. (The usual way, each letter spelt as two decimal
digits as in an IBAN, would not do here: a letter is then wider than a digit, and "1B" and "B1" both spell 111.)
Of all other errors about one in 97 passes.
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import chain
from typing import Final

import numpy as np

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PREFIX: Final = "XF"
LENGTH: Final = 11
LIMIT: Final = 32**7
"""Numbers run from 0 up to, and without, this one."""

_SHAPE: Final = f"{PREFIX}[{ALPHABET}]{{7}}[0-9]{{2}}"
_WHOLE: Final = re.compile(_SHAPE)
_TOKEN: Final = re.compile(f"(?<![0-9A-Z]){_SHAPE}(?![0-9A-Z])")

# One character for one character, so that what stands beside a reference still stands beside it afterwards.
# Not str.upper() and not NFKC: they also turn ß into SS, ı into I and ① into 1.
_FULL_WIDTH: Final = {wide: chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)}
_LOWER: Final = {ord(letter): letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"}
_PLAIN: Final = {**_FULL_WIDTH, **_LOWER, **{wide: plain.upper() for wide, plain in _FULL_WIDTH.items()}}
_UNUSUAL: Final = re.compile("[a-z\uff01-\uff5e]")
"""What `_plain` changes. Few remarks hold any, and a search costs less than a translation."""
_DIGITS: Final = str.maketrans(ALPHABET, "0123456789ABCDEFGHIJKLMNOPQRSTUV")
"""Our alphabet as Python counts in base 32."""
_VALUES: Final = np.array([max(ALPHABET.find(chr(code)), 0) for code in range(256)], np.int64)
"""What each character of our alphabet counts, by its code."""
_MISREAD: Final = str.maketrans("OIL", "011")
_BETWEEN: Final = {"Zs", "Pd", "Cf", "Cc"}
"""Unicode's spaces, dashes, invisible marks and line ends: what people and chat programs put inside a reference."""


class NotAReference(ValueError):
    """The text is not a payment reference; the message says why."""


def make(number: int) -> str:
    """The reference of an order's number: make(150775) == "XF0004K7Q84". Raises ValueError outside 0 ... LIMIT - 1."""
    if type(number) is not int or not 0 <= number < LIMIT:
        raise ValueError(f"an order's number is a whole number from 0 to {LIMIT - 1:,}, not {number!r}")
    body = "".join(ALPHABET[(number >> shift) & 31] for shift in range(30, -1, -5))
    return f"{PREFIX}{body}{_check_digits(number)}"


def number_of(reference: str) -> int:
    """The order's number in a reference as `make` writes it. Raises NotAReference for anything else."""
    if _WHOLE.fullmatch(reference) is None:
        raise NotAReference(_misshapen(reference))
    number = int(reference[2:9].translate(_DIGITS), 32)
    if reference[9:] != _check_digits(number):
        # The right digits are not told: whoever copies them in would pay for somebody else's order.
        raise NotAReference(
            f"the check digits of {reference} do not fit: a character is mistyped or two have changed places; "
            "compare it with the order"
        )
    return number


def is_valid(text: str) -> bool:
    """Whether the text is exactly a reference as `make` writes it."""
    try:
        number_of(text)
    except NotAReference:
        return False
    return True


def read(typed: str) -> str:
    """The reference that a person meant by what they typed.

    Forgiven: lower case, full-width characters, spaces and dashes anywhere, O for 0, I or L for 1.
    Raises NotAReference, saying what is wrong, when no valid reference comes of it.
    """
    kept = "".join(character for character in typed if unicodedata.category(character) not in _BETWEEN)
    reference = _plain(kept).translate(_MISREAD)
    number_of(reference)
    return reference


def find(remark: str) -> list[str]:
    """Every valid reference that stands by itself in a bank's remark, each once, in the order of appearance.

    "XF0004K7Q84 王小明学费" and "学费:ｘｆ0004k7q84。" both hold XF0004K7Q84. A neighbour may be anything but an ASCII
    letter or digit (full-width ones count as such). Nothing is repaired here, and spaces are never removed before
    searching: a reference cut in two, or one glued to the next word, is a matter for a person, not for a guess.
    """
    return find_each([remark])[0]


def find_each(remarks: Sequence[str]) -> list[list[str]]:
    """What `find` finds in each of many remarks, their check digits all at once."""
    shaped = [_TOKEN.findall(_plain(each) if _UNUSUAL.search(each) else each) for each in remarks]
    wrong = _wrong(list(chain.from_iterable(shaped)))
    return [
        [each for each in dict.fromkeys(found) if each not in wrong] if wrong or len(found) > 1 else found
        for found in shaped
    ]


def _wrong(shaped: list[str]) -> set[str]:
    """Those whose check digits do not fit, all of them of the shape of a reference."""
    places = np.array(shaped, f"S{LENGTH}").view(np.uint8).reshape(len(shaped), LENGTH)
    weights = 32 ** np.arange(6, -1, -1)
    numbers = _VALUES[places[:, 2:9]] @ weights
    check = _VALUES[places[:, 9:]] @ np.array([10, 1])
    return {shaped[at] for at in np.flatnonzero(check != 98 - numbers * 100 % 97).tolist()}


def _plain(text: str) -> str:
    return text.translate(_PLAIN)


def _check_digits(number: int) -> str:
    return f"{98 - number * 100 % 97:02d}"


def _misshapen(text: str) -> str:
    shown = repr(text if len(text) <= 2 * LENGTH else text[: 2 * LENGTH] + "…")
    if len(text) != LENGTH:
        return f"{shown} has {len(text)} characters; a reference has {LENGTH}, such as {make(150775)}"
    if not text.startswith(PREFIX):
        return f"{shown} does not begin with {PREFIX}; a reference looks like {make(150775)}"
    for place, character in enumerate(text[2:9], start=3):
        if character not in ALPHABET:
            return f"{character!r} in place {place} of {shown} is none of {ALPHABET}"
    return f"{shown} does not end in two check digits; a reference looks like {make(150775)}"
