"""Amounts as banks write them, exactly as minor units: 1,280.00 is 128000 fen. Nothing is rounded."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ledger import money
from reconciliation import columns
from reconciliation.columns import Numbers, Texts

EXPONENT: Final[Mapping[str, int]] = MappingProxyType(
    {**money.EXPONENT, "EUR": 2, "USD": 2, "GBP": 2, "CHF": 2, "SEK": 2, "HKD": 2, "SGD": 2, "AUD": 2, "JPY": 0}
)
"""Digits after the point by currency (ISO 4217) for statements. Others are refused, not guessed."""

_DIGITS: Final = 15
_WRITTEN: Final = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.(?P<decimals>[0-9]+))?"
)


class NotExact(ValueError):
    """The text is no amount of the currency. `str()` is English, `chinese` Chinese; the caller says where it stood."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(english)
        self.chinese = chinese


def minor(text: str, currency: str) -> int:
    """Read "1,280.00", "-5.5" or "+10" as minor units of a known currency.

    More decimals than the currency has are refused even when they are zeros (ISO 20022: the number of fractional
    digits must comply with ISO 4217). At most 15 digits before the point, so an int64 always holds it.
    """
    whole, _, decimals = text.partition(".")
    plain = whole + decimals
    if 0 < len(decimals) == EXPONENT[currency] and 0 < len(whole) <= _DIGITS and plain.isascii() and plain.isdigit():
        return int(plain)  # what nearly every amount of a bank looks like; the pattern takes three times as long
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise NotExact(f"{text!r} is not an amount such as 1,280.00", f"“{text}”不是金额（例：1,280.00）")
    decimals, digits = found["decimals"] or "", EXPONENT[currency]
    if len(decimals) > digits:
        raise NotExact(
            f"{text!r} has {len(decimals)} decimals, {currency} has {digits}; amounts are never rounded",
            f"“{text}”有 {len(decimals)} 位小数，{currency} 只有 {digits} 位；金额不作四舍五入",
        )
    value = int(found["whole"].replace(",", "") + decimals.ljust(digits, "0"))
    return -value if found["sign"] == "-" else value


def major(value: int, currency: str) -> str:
    """Minor units in major units with all decimals of the currency: major(128000, "CNY") == "1280.00"."""
    digits = EXPONENT[currency]
    sign, text = ("-" if value < 0 else ""), str(abs(value)).rjust(digits + 1, "0")
    return f"{sign}{text[: len(text) - digits]}.{text[len(text) - digits :]}" if digits else sign + text


def majors(values: Numbers, currency: str) -> Texts:
    """`major` of many."""
    digits, sizes = EXPONENT[currency], np.abs(values)
    signs = pc.if_else(pa.array(values < 0), "-", columns.same("", len(values)))
    whole = columns.written(sizes // 10**digits)
    if not digits:
        return columns.together(signs, whole)
    return columns.together(signs, whole, ".", pc.utf8_lpad(columns.written(sizes % 10**digits), digits, "0"))
