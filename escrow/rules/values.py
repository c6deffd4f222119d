"""What a rule can hold: plain nouns of the law, exact numbers only, each with its words for a list."""

from dataclasses import dataclass, fields
from datetime import time
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal, TypeAlias

Rounding = Literal["up", "down"]
FLOOR_BASES: Final = ("fees_received", "charging_cycle")


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Days of a month, from the first to the last, both inside (1 to 31)."""

    first: int
    last: int

    def __contains__(self, day_of_month: int) -> bool:
        return self.first <= day_of_month <= self.last

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Renewal:
    """When a course may be renewed (续费): at most so many lessons left, or so many calendar months before the start.

    Either is enough. Both edges are inside: exactly so many lessons, and the day exactly so many months ahead.
    """

    lessons_left: int
    months_before_start: int

    def __str__(self) -> str:
        months = f"{self.months_before_start} calendar month(s) before the new start"
        return f"{self.lessons_left} lessons left, or {months}"


@dataclass(frozen=True, kw_only=True, slots=True)
class PayTerm:
    """Within how many days a refund is paid: asked for before the first lesson, and from the first lesson on."""

    before_start: int
    after_start: int

    def __str__(self) -> str:
        return f"{self.before_start} before the first lesson, {self.after_start} from it on"


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """The least that stays on the account (最低余额): a share of a base, rounded to the fen.

    Of `fees_received`: what came in over the last `months` calendar months. Of `charging_cycle`: the fees of all
    students for the charging cycle they are in; then there are no `months`.
    """

    share: Fraction
    base: str
    months: int | None
    rounding: Rounding

    def of(self, base_minor: int) -> int:
        """The floor in fen, when the base is so many fen."""
        exact = base_minor * self.share
        return -(-exact.numerator // exact.denominator) if self.rounding == "up" else int(exact)

    def __str__(self) -> str:
        over = "" if self.months is None else f" of the last {self.months} calendar month(s)"
        return f"{decimal(self.share)} × {self.base}{over}, rounded {self.rounding} to the fen"


Value: TypeAlias = int | str | time | Fraction | Window | Renewal | PayTerm | Floor
"""What a version holds; a flag is a bool, which Python counts among the ints."""


def told(value: Value) -> str:
    """The value as a list shows it: 60, "20:30", "10 to 15", "yes", "0.2"."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, Fraction):
        return decimal(value)
    return str(value)


def plain(value: Value) -> int | str | bool | dict[str, int | str | None]:
    """The value for programs: a number, yes or no, a text (a time and a ratio too), or its parts by name; exact."""
    if isinstance(value, int | str):
        return value
    if isinstance(value, time | Fraction):
        return told(value)
    parts = {each.name: getattr(value, each.name) for each in fields(value)}
    return {name: decimal(part) if isinstance(part, Fraction) else part for name, part in parts.items()}


def decimal(ratio: Fraction) -> str:
    """A ratio as the decimal it was written as: exact, since only finite decimals are read."""
    return format(Decimal(ratio.numerator) / Decimal(ratio.denominator), "f")
