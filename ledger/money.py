"""Money: a whole number of minor units with its currency attached. Never a float, nothing is rounded on input."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self

EXPONENT: Final = {"CNY": 2}
"""Digits after the point by currency (ISO 4217). Other currencies are refused, not guessed."""

_MAJOR: Final = re.compile(r"(0|[1-9][0-9]{0,15})(?:\.([0-9]{1,2}))?", re.ASCII)


class NotAnAmount(ValueError):
    """The text is not an amount of money as this service writes it."""


class CurrencyMismatch(TypeError):
    """Two amounts of different currencies were added or compared."""


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount: `minor` counts the currency's smallest unit (fen for CNY); it may be negative."""

    minor: int
    currency: str = "CNY"

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units are an int, not {type(self.minor).__name__}")
        if self.currency not in EXPONENT:
            raise NotAnAmount(f"unknown currency {self.currency!r}; known: {', '.join(EXPONENT)}")

    @classmethod
    def parse(cls, text: str, currency: str = "CNY") -> Self:
        """Read a non-negative amount in major units, as JSON carries it: "1280.00".

        ASCII digits, at most two decimals, no sign, no exponent, no separators. Raises NotAnAmount.
        """
        found = _MAJOR.fullmatch(text)
        if found is None:
            raise NotAnAmount(f"{text!r} is not an amount such as 1280.00 (digits, at most two decimals)")
        whole, decimals = found.groups()
        return cls(int(whole) * 100 + int((decimals or "").ljust(2, "0")), currency)

    @property
    def major(self) -> str:
        """The amount in major units with all its decimals: Money(128000).major == "1280.00"."""
        sign = "-" if self.minor < 0 else ""
        whole, decimals = divmod(abs(self.minor), 100)
        return f"{sign}{whole}.{decimals:02d}"

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, exact, for formatting: Money(128000).decimal == Decimal("1280.00")."""
        return Decimal(self.minor).scaleb(-EXPONENT[self.currency])

    def __add__(self, other: Self) -> Self:
        self._same(other)
        return type(self)(self.minor + other.minor, self.currency)

    def __sub__(self, other: Self) -> Self:
        self._same(other)
        return type(self)(self.minor - other.minor, self.currency)

    def __lt__(self, other: Self) -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: Self) -> bool:
        self._same(other)
        return self.minor <= other.minor

    def __str__(self) -> str:
        return f"{self.major} {self.currency}"

    def _same(self, other: Self) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self} and {other} are of different currencies")
