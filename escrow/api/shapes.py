"""The small shapes that requests and answers are made of: amounts, days, times, names, pages.

What comes in is read strictly: JSON types as they are, ASCII digits, no member that the schema does not name. (In its
lax mode pydantic takes true for 1, " 1" for 1, and a number for a day.)
"""

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Final, Generic, Literal, Self, TypeVar

from fastapi import Path as InPath
from fastapi import Query
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from escrow.refusals import Invalid
from escrow.rules.months import SHANGHAI, Month
from ledger.money import Money

T = TypeVar("T")

LARGEST_ID: Final = 2**53 - 1
"""Ids stay below what a browser can count to."""

_DAY: Final = re.compile("(?:20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}")
_INSTANT: Final = re.compile(
    r"(?:20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_PLAIN_ID: Final = re.compile("[1-9][0-9]{0,15}")
_MONTH: Final = "^(20|21)[0-9]{2}-(0[1-9]|1[0-2])$"
_AMOUNT: Final = r"^(0|[1-9][0-9]{0,9})(\.[0-9]{1,2})?$"


class BadCursor(Invalid):
    """The cursor is none that a page of this list gave. Take `next` of the page before as it is, or leave it out."""

    zh = "分页游标无效：请原样使用上一页的 next，或不带游标从头开始。"


class Asked(BaseModel):
    """What comes in: nothing is converted, no unknown member is passed over."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Shown(BaseModel):
    """What goes out, read from the noun's own attributes."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class AskedAmount(Asked):
    """An amount in major units: digits, at most two decimals, never rounded."""

    amount: str = Field(pattern=_AMOUNT, examples=["1280.00"])
    currency: Literal["CNY"]

    @property
    def money(self) -> Money:
        return Money.parse(self.amount, self.currency)


class Amount(Shown):
    """An amount in major units with its currency."""

    amount: str = Field(pattern=r"^-?(0|[1-9][0-9]*)\.[0-9]{2}$", examples=["1280.00"])
    currency: Literal["CNY"]

    @classmethod
    def of(cls, fen: Any) -> Self:
        """The amount of so many fen, or of Money."""
        return cls(amount=(fen if isinstance(fen, Money) else Money(fen)).major, currency="CNY")


def _amount(fen: Any) -> Any:
    return fen if fen is None or isinstance(fen, Amount) else Amount.of(fen)


def _positive(amount: AskedAmount) -> AskedAmount:
    if amount.money.minor == 0:
        raise ValueError("more than 0.00 is wanted")
    return amount


def _day(text: object) -> date:
    if not isinstance(text, str) or _DAY.fullmatch(text) is None:
        raise ValueError("a day is written 2026-10-31, from 2000 to 2199")
    return date.fromisoformat(text)


def _instant(text: object) -> datetime:
    if not isinstance(text, str) or _INSTANT.fullmatch(text) is None:
        raise ValueError("a time is written 2026-10-31T18:30:00+08:00, with its zone, from 2000 to 2199")
    return datetime.fromisoformat(text)


def _moment(text: object) -> datetime:
    if isinstance(text, str) and _DAY.fullmatch(text):
        return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time.min, SHANGHAI)
    return _instant(text)


def _id(text: object) -> int:
    if not isinstance(text, str) or _PLAIN_ID.fullmatch(text) is None:
        raise ValueError("an id is written in plain digits")
    return int(text)


def _printable(text: str) -> str:
    return _without_controls(text, allowed="")


def _prose(text: str) -> str:
    return _without_controls(text, allowed="\n\t")


def _without_controls(text: str, *, allowed: str) -> str:
    # Control characters and noncharacters: no bank file, database or spreadsheet takes them all. Characters that this
    # Python does not know yet are let through: new ones are in people's names.
    for each in text:
        control = unicodedata.category(each) in {"Cc", "Cs"} and each not in allowed
        if control or ord(each) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(each) <= 0xFDEF:  # noqa: PLR2004  Unicode, 23.7
            raise ValueError("control characters are not taken")
    return text


Fen = Annotated[Amount, BeforeValidator(_amount)]
"""An amount shown, from the fen of a noun."""

Price = Annotated[AskedAmount, AfterValidator(_positive)]
"""An amount asked, more than nothing."""

Id = Annotated[int, Field(ge=1, le=LARGEST_ID, examples=[9000010000000042])]
PathId = Annotated[
    int,
    BeforeValidator(_id),
    WithJsonSchema({"type": "integer", "minimum": 1, "examples": [9000010000000042]}),
    InPath(),
]
QueryId = Annotated[int, BeforeValidator(_id), WithJsonSchema({"type": "integer", "minimum": 1})]
Day = Annotated[date, BeforeValidator(_day)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string"})]
"""An instant, or a day for the end of that day in Asia/Shanghai."""
MonthText = Annotated[
    str, Field(pattern=_MONTH, examples=["2026-10"], description="A calendar month of Asia/Shanghai.")
]

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(_printable)
]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50), AfterValidator(_printable)]
Reason = Annotated[
    str,
    StringConstraints(max_length=1000),
    AfterValidator(_prose),
    Field(description="For the others to read (理由)."),
]
# Written out whole: a constraint added to `Reason` would be checked before its blanks are gone.
NeededReason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=1000),
    AfterValidator(_prose),
    Field(description="For the others to read (理由)."),
]
BankAccount = Annotated[str, Field(pattern="^[0-9A-Za-z-]{4,34}$", examples=["1202020219900088888"])]

Limit = Annotated[int, Query(ge=1, le=200, description="Items a page.")]
After = Annotated[str | None, Query(max_length=40, description="`next` of the page before; absent: from the start.")]


class Page(Shown, Generic[T]):
    """A page of a list. `next` is the cursor of the page after; null where the list ends for now."""

    items: list[T]
    next: str | None


def place(after: str | None) -> int:
    """The id after which a page begins. Raises BadCursor."""
    if after is None:
        return 0
    if _PLAIN_ID.fullmatch(after) is None:
        raise BadCursor
    return int(after)


def following(ids: list[int], limit: int) -> str | None:
    """The cursor behind a page of these ids."""
    return str(ids[-1]) if len(ids) == limit else None


def month(text: str) -> Month:
    """The month that a `MonthText` names."""
    return Month.parse(text)
