"""Bill profiles: what each payment channel's merchant bill (交易账单) looks like, as YAML in profiles/bills/."""

from functools import cache
from importlib.resources import files
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from reconciliation.profiles import Booked, ProfileBroken, Strict, documents, heading


class Kinds(Strict):
    """The column that tells payments from refunds, and its words for both. Any other word refuses the file."""

    column: str
    payment: list[str]
    refund: list[str]


class Amounts(Strict):
    """The columns of the money. A refund's amount may be written with or without its minus.

    `fee_minus_is_kept`: the channel writes the fee that it keeps with a minus (支付宝) or as D, a debit to the merchant
    (银联). `settled`, where there is one, must be amount less fee on every row.
    """

    payment: str
    refund: str
    fee: str
    fee_minus_is_kept: bool
    settled: str = ""
    unit: Literal["yuan", "fen"] = "yuan"


class BillProfile(Strict):
    """One layout of one channel's bill. Rows are cells between commas, with a backtick before each, or of fixed width.

    `header` names the cells in their order; `widths` (bytes, one blank between fields) takes its place in a file that
    has no header. `totals` are templates over the lines around the rows (as `stated` of a bank's profile), `summary`
    the columns of a second header whose row below states the totals.
    """

    name: str
    channel: str
    source: str
    file: str
    cells: Literal["comma", "backtick", "fixed"]
    header: tuple[str, ...] = ()
    widths: dict[str, int] = Field(default_factory=dict)
    merchant: str = ""
    merchant_stated: str = ""
    """A template over the lines around the rows, as `totals`, where the merchant stands there and not in a column."""
    traded: Booked
    year_from: str = ""
    """The column whose first four characters are the year, where the date has none."""
    kind: Kinds
    order: str
    transaction: str
    refund: str
    refund_number: str
    """The column of the number under which the merchant asked for a refund."""
    currency: str = ""
    amounts: Amounts
    totals: tuple[str, ...] = ()
    summary: dict[Literal["lines", "payment", "refund", "fee"], str] = Field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The names of the cells of a row, in their order."""
        return list(self.header or self.widths)

    @property
    def fingerprint(self) -> tuple[str, ...]:
        """The header in its invariant form."""
        return tuple(map(heading, self.header))

    @model_validator(mode="after")
    def _whole(self) -> Self:
        money = self.amounts
        used = {self.merchant, self.traded.date, self.traded.time, self.year_from, self.kind.column, self.currency}
        used |= {self.order, self.transaction, self.refund, self.refund_number}
        used |= {money.payment, money.refund, money.fee, money.settled}
        if unknown := used - {""} - set(self.columns):
            raise ProfileBroken(f"{self.name}: no such column: {', '.join(sorted(unknown))}")
        if bool(self.widths) != (self.cells == "fixed") or bool(self.header) == bool(self.widths):
            raise ProfileBroken(f"{self.name}: rows of fixed width have widths, all others a header")
        return self


@cache
def known() -> tuple[BillProfile, ...]:
    """All bill profiles, by file name. Raises ProfileBroken, also when two have one header or one row of widths."""
    found: dict[tuple[str | int, ...], BillProfile] = {}
    for name, written in documents(files("reconciliation") / "profiles" / "bills"):
        try:
            profile = BillProfile.model_validate(written)
        except ValidationError as reason:
            raise ProfileBroken(f"{name}: {reason}") from None
        mark: tuple[str | int, ...] = (*profile.fingerprint, *profile.widths.values())
        if mark in found:
            raise ProfileBroken(f"{found[mark].name} and {profile.name} cannot be told apart")
        found[mark] = profile
    return tuple(found.values())
