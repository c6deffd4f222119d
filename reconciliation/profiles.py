"""Bank profiles: what each bank's table looks like, written as YAML in profiles/, loaded and validated once.

What a profile may say is told to the clerk who writes one in docs/statement-profiles.md.
"""

import re
import unicodedata
from collections.abc import Hashable, Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reconciliation.amounts import EXPONENT

_PARTS: Final = {"%Y": "[0-9]{4}", "%f": "[0-9]{1,6}"}
_PLACE: Final = re.compile(r"\{([a-z]*)\}")

STATED: Final = (
    *("account", "currency", "begins", "ends", "opening", "closing"),
    *("lines", "credits", "credit", "debits", "debit"),
)
"""What a cell above or below the lines may state: plurals count rows, singulars are the sums of their amounts."""


class ProfileBroken(Exception):
    """A profile contradicts itself or another one; found when it is loaded, not when a file comes."""


def heading(cell: str) -> str:
    """A column name without what varies between exports: spaces of any kind, full-width brackets and colons."""
    return "".join(unicodedata.normalize("NFKC", cell).split())


class Strict(BaseModel):
    """A part of a profile: a key that nobody knows is a mistake, not a remark."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Sided(Strict):
    """Two columns, payer and payee, of which one is ours: which one, the direction of the money decides."""

    credit: str
    debit: str


Column = str | Sided


class OwnAccount(Strict):
    """The column that names the account the line is of. Without one, a cell above the header does, or the caller."""

    column: Column = ""
    tail: bool = False
    """The column holds only the last digits of the number."""


class CurrencyRule(Strict):
    """The column that names the currency and what its words mean (ISO 4217); without a column, `always`."""

    column: str = ""
    names: dict[str, str] = {}
    always: str = ""


class Booked(Strict):
    """Booking date, and time where there is one, with the strptime formats that they may have."""

    date: str
    formats: list[str]
    time: str = ""
    time_formats: list[str] = []


class Separate(Strict):
    """收入 and 支出 (贷方 and 借方) in columns of their own."""

    rule: Literal["separate"]
    credit: str
    debit: str


class Flagged(Strict):
    """One unsigned column and a 借贷 flag."""

    rule: Literal["flagged"]
    value: str
    flag: str
    credit: list[str]
    debit: list[str]
    may_repeat_sign: bool = False
    """A debit may carry its minus as well. Only with a running balance: else it could be a reversal."""


class Signed(Strict):
    """One column, + in and - out."""

    rule: Literal["signed"]
    value: str


class Reversal(Strict):
    """A column that marks a line as a reversal (冲账标志) and the cells that say yes."""

    column: str
    marks: list[str]


class Aside(Strict):
    """Rows that are no lines of the account, by the words that one column then holds: closed trades, 不计收支."""

    column: str
    cells: list[str]


class Trailer(Strict):
    """A row after the lines whose first cell begins so; `sums` are the columns whose total stands in it."""

    begins: str
    sums: list[str] = []
    required: bool = False


class Profile(Strict):
    """One table layout of one bank. Columns are named as in `header`, whose set of names is the fingerprint."""

    name: str
    bank: str
    source: str
    """Where the layout was seen, and what of it was not."""
    file: str
    """What the bank saves it as, in words: "csv, GB18030"."""
    header_row: int
    """Where the bank writes its header. This and `file` are for people; a file is recognised by its header alone."""
    header: list[str]
    account: OwnAccount = OwnAccount()
    currency: CurrencyRule
    booked: Booked
    amount: Annotated[Separate | Flagged | Signed, Field(discriminator="rule")]
    balance: str = ""
    serial: str = ""
    summary: str = ""
    """The bank's own word for the line (摘要); it alone decides interest, fees and reversals."""
    remark: list[str]
    counterparty: Column = ""
    counterparty_account: Column = ""
    reversal: Reversal | None = None
    aside: list[Aside] = []
    """Rows left aside: counted in a note, never booked."""
    stated: list[str] = []
    """Cells outside the lines that state something, as "期末余额:{closing}"; those of stated.yaml are always known."""
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

    @property
    def columns(self) -> dict[str, list[str]]:
        """The columns that are read, by what they are read as."""
        flag = [self.amount.flag] if isinstance(self.amount, Flagged) else []
        marks = [self.reversal.column] if self.reversal else []
        named: dict[str, list[str]] = {
            "account": _sides(self.account.column),
            "currency": [self.currency.column],
            "booked": [self.booked.date, self.booked.time],
            "amount": [*self.amounts, *flag],
            "balance": [self.balance],
            "serial": [self.serial],
            "summary": [self.summary],
            "remark": self.remark,
            "counterparty": _sides(self.counterparty),
            "counterparty_account": _sides(self.counterparty_account),
            "reversal": marks,
            "aside": [each.column for each in self.aside],
            "trailers": [column for each in self.trailers for column in each.sums],
        }
        used = {role: [column for column in columns if column] for role, columns in named.items()}
        return {role: columns for role, columns in used.items() if columns}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        used = {column for columns in self.columns.values() for column in columns}
        sided = [self.account.column, self.counterparty, self.counterparty_account]
        if any(isinstance(each, Sided) for each in sided) and not isinstance(self.amount, Flagged):
            raise ProfileBroken(f"{self.name}: columns by direction need the rule flagged")
        if unknown := used - set(self.header):
            raise ProfileBroken(f"{self.name}: no such column in its header: {', '.join(sorted(unknown))}")
        if len(self.fingerprint) != len(self.header):
            raise ProfileBroken(f"{self.name}: a column name stands twice in its header")
        currencies = {*self.currency.names.values(), self.currency.always} - {""}
        if not currencies or currencies - set(EXPONENT):
            raise ProfileBroken(f"{self.name}: currencies are some of {', '.join(EXPONENT)}")
        repeats = isinstance(self.amount, Flagged) and self.amount.may_repeat_sign
        if (self.may_end_early or repeats) and not self.balance:
            raise ProfileBroken(
                f"{self.name}: may_end_early and may_repeat_sign need a balance column, for only a running balance "
                "proves what was read"
            )
        places = [place for template in self.stated for place in _PLACE.findall(template)]
        if strange := set(places) - set(STATED):
            raise ProfileBroken(f"{self.name}: stated knows {', '.join(STATED)}, not {', '.join(sorted(strange))}")
        return self


@cache
def known() -> tuple[Profile, ...]:
    """All profiles, by name. Raises ProfileBroken, also when two have one fingerprint."""
    return tuple(load(files("reconciliation") / "profiles"))


def load(folder: Traversable) -> list[Profile]:
    """The profiles of a folder, by file name. Raises ProfileBroken naming the file, or both that share a header."""
    found: dict[frozenset[str], Profile] = {}
    for name, written in documents(folder):
        try:
            profile = Profile.model_validate(written)
        except ValidationError as reason:
            raise ProfileBroken(f"{name}: {reason}") from None
        if twin := found.get(profile.fingerprint):
            raise ProfileBroken(f"{twin.name} and {profile.name} have the same header; a file could be read by either")
        if profile.name in {each.name for each in found.values()}:
            raise ProfileBroken(f"{name}: there is already a profile {profile.name}")
        found[profile.fingerprint] = profile
    return list(found.values())


def documents(folder: Traversable) -> Iterator[tuple[str, object]]:
    """Each YAML file of a folder with its name. Raises ProfileBroken where a key stands twice."""
    for path in sorted(folder.iterdir(), key=lambda each: each.name):
        if path.name.endswith(".yaml"):
            try:
                yield path.name, yaml.load(path.read_text(encoding="utf-8"), Loader=_Once)  # noqa: S506 a SafeLoader
            except (yaml.YAMLError, ProfileBroken) as reason:
                raise ProfileBroken(f"{path.name}: {reason}") from None


@cache
def shape(written: str) -> re.Pattern[str]:
    """A strptime format as an exact pattern: strptime itself reads "2024011" as the first of January."""
    packed = re.fullmatch(r"(%\w)+", written) is not None
    two = "[0-9]{2}" if packed else "[0-9]{1,2}"
    pieces = re.split(r"(%\w)", written)
    return re.compile("".join(_PARTS.get(p, two) if p.startswith("%") else re.escape(p) for p in pieces), re.ASCII)


@cache
def template(written: str) -> re.Pattern[str]:
    """A `stated` template as a pattern over a cell in its invariant form: 共{lines}笔记录 finds 43 in 共43笔记录."""
    pieces = _PLACE.split(written)
    return re.compile(
        "".join(f"(?P<{piece}>.+?)" if at % 2 else re.escape(heading(piece)) for at, piece in enumerate(pieces))
    )


def _sides(column: Column) -> list[str]:
    return [column.credit, column.debit] if isinstance(column, Sided) else [column]


class _Once(yaml.SafeLoader):
    """YAML in which a key may stand once: the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:  # noqa: FBT001, FBT002 the base class's signature
        names = [key.value for key, _ in node.value]
        if doubled := {name for name in names if names.count(name) > 1}:
            raise ProfileBroken(f"stands twice: {', '.join(sorted(doubled))}")
        return super().construct_mapping(node, deep)
