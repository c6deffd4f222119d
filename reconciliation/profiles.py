"""Bank profiles: what each bank's table looks like, written as YAML in profiles/, loaded and validated once."""

import re
import unicodedata
from collections.abc import Hashable
from functools import cache
from importlib.resources import files
from typing import Annotated, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from reconciliation.amounts import EXPONENT

_PARTS: Final = {"%Y": "[0-9]{4}", "%f": "[0-9]{1,6}"}


class ProfileBroken(Exception):
    """A profile contradicts itself or another one; found when it is loaded, not when a file comes."""


def heading(cell: str) -> str:
    """A column name without what varies between exports: spaces of any kind, full-width brackets and colons."""
    return "".join(unicodedata.normalize("NFKC", cell).split())


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OwnAccount(_Strict):
    """Where the file names the account it is of: a column, or a labelled cell above the header."""

    column: str = ""
    label: str = ""
    tail: bool = False
    """The column holds only the last digits of the number."""


class CurrencyRule(_Strict):
    """The column that names the currency and what its words mean (ISO 4217); without a column, `always`."""

    column: str = ""
    names: dict[str, str] = {}
    always: str = ""


class Booked(_Strict):
    """Booking date, and time where there is one, with the strptime formats that they may have."""

    date: str
    formats: list[str]
    time: str = ""
    time_formats: list[str] = []


class Separate(_Strict):
    """收入 and 支出 (贷方 and 借方) in columns of their own."""

    rule: Literal["separate"]
    credit: str
    debit: str


class Flagged(_Strict):
    """One unsigned column and a 借贷 flag."""

    rule: Literal["flagged"]
    value: str
    flag: str
    credit: list[str]
    debit: list[str]


class Signed(_Strict):
    """One column, + in and - out."""

    rule: Literal["signed"]
    value: str


class Trailer(_Strict):
    """A row after the lines whose first cell begins so; `sums` are the columns whose total stands in it."""

    begins: str
    sums: list[str] = []
    required: bool = False


class Profile(_Strict):
    """One table layout of one bank. Columns are named as in `header`, whose set of names is the fingerprint."""

    name: str
    bank: str
    header: list[str]
    account: OwnAccount = OwnAccount()
    currency: CurrencyRule
    booked: Booked
    amount: Annotated[Separate | Flagged | Signed, Field(discriminator="rule")]
    balance: str = ""
    serial: str = ""
    summary: str = ""
    """The bank's own word for the line (摘要); it alone decides interest and fees."""
    remark: list[str]
    counterparty: str = ""
    counterparty_account: str = ""
    trailers: list[Trailer] = []
    may_end_early: bool = False
    """Rows may leave off their last cells. Only with a running balance, or a cut file would go unseen."""

    @property
    def fingerprint(self) -> frozenset[str]:
        """The header's names in their invariant form."""
        return frozenset(map(heading, self.header))

    @property
    def amounts(self) -> list[str]:
        """The columns that hold amounts of money."""
        rule = self.amount
        return [rule.credit, rule.debit] if isinstance(rule, Separate) else [rule.value]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        used = [self.account.column, self.currency.column, self.booked.date, self.booked.time, *self.amounts]
        used += [self.balance, self.serial, self.summary, *self.remark]
        used += [self.counterparty, self.counterparty_account, *(c for each in self.trailers for c in each.sums)]
        used += [self.amount.flag] if isinstance(self.amount, Flagged) else []
        if unknown := {column for column in used if column} - set(self.header):
            raise ProfileBroken(f"{self.name}: no such column in its header: {', '.join(sorted(unknown))}")
        if len(self.fingerprint) != len(self.header):
            raise ProfileBroken(f"{self.name}: a column name stands twice in its header")
        currencies = {*self.currency.names.values(), self.currency.always} - {""}
        if not currencies or currencies - set(EXPONENT):
            raise ProfileBroken(f"{self.name}: currencies are some of {', '.join(EXPONENT)}")
        if self.may_end_early and not self.balance:
            raise ProfileBroken(f"{self.name}: rows may end early only where a running balance proves them")
        return self


@cache
def known() -> tuple[Profile, ...]:
    """All profiles, by name. Raises ProfileBroken, also when two have one fingerprint."""
    found = [
        Profile.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=_Once))  # noqa: S506 a SafeLoader
        for path in sorted((files("reconciliation") / "profiles").iterdir(), key=lambda each: each.name)
        if path.name.endswith(".yaml")
    ]
    if len({each.fingerprint for each in found}) != len(found):
        raise ProfileBroken("two profiles have the same header; a file could be read by either")
    return tuple(found)


@cache
def shape(written: str) -> re.Pattern[str]:
    """A strptime format as an exact pattern: strptime itself reads "2024011" as the first of January."""
    packed = re.fullmatch(r"(%\w)+", written) is not None
    two = "[0-9]{2}" if packed else "[0-9]{1,2}"
    pieces = re.split(r"(%\w)", written)
    return re.compile("".join(_PARTS.get(p, two) if p.startswith("%") else re.escape(p) for p in pieces), re.ASCII)


class _Once(yaml.SafeLoader):
    """YAML in which a key may stand once: the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:  # noqa: FBT001, FBT002 the base class's signature
        names = [key.value for key, _ in node.value]
        if doubled := {name for name in names if names.count(name) > 1}:
            raise ProfileBroken(f"stands twice: {', '.join(sorted(doubled))}")
        return super().construct_mapping(node, deep)
