"""The unified social credit code (统一社会信用代码) and its check character. GB 32100-2015."""

import re
from typing import Final

from escrow.refusals import Invalid

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I, O, S, V, Z (table 2 of the standard)
_SHAPE: Final = re.compile(rf"[{_ALPHABET}]{{2}}[0-9]{{6}}[{_ALPHABET}]{{10}}", re.ASCII)
_MODULUS: Final = 31


class BadCreditCode(Invalid):
    """{code} is not a unified social credit code: {why}. It has 18 characters, digits and capital letters without
    I, O, S, V, Z; copy it from the business licence."""

    zh = "{code} 不是有效的统一社会信用代码：{why_zh}。请按营业执照核对（18位，GB 32100-2015）。"


def check_character(first_17: str) -> str:
    """The 18th character: weights 3^(i-1) mod 31 over the first 17 (GB 32100-2015, section 5)."""
    total = sum(_ALPHABET.index(char) * pow(3, i, _MODULUS) for i, char in enumerate(first_17))
    return _ALPHABET[(_MODULUS - total % _MODULUS) % _MODULUS]


def verified(code: str) -> str:
    """The code itself when it is well formed and its check character is right; raises BadCreditCode."""
    if not _SHAPE.fullmatch(code):
        raise BadCreditCode(code=code, why="its shape is wrong", why_zh="格式不符")
    if code[-1] != check_character(code[:-1]):
        raise BadCreditCode(code=code, why="its check character does not fit", why_zh="校验码不符")
    return code
