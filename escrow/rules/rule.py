"""The nouns of the rulebook: a jurisdiction, a rule as one version of one parameter, and the citation that made it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from fractions import Fraction
from typing import Literal, TypeVar

from escrow.rules.values import Value, Window, told

Enforcement = Literal["refuse", "flag"]
Severity = Literal["notice", "serious", "grave"]
Tag = Literal["P", "R", "M"]

_Kind = TypeVar("_Kind")


class WrongKindOfValue(TypeError):
    """A rule was asked for a value of another kind than it holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SchoolTerm:
    """A school term (学期) of a place, from its first day to its last, both inside, and where that was read."""

    name: str
    first_day: date
    last_day: date
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Jurisdiction:
    """A place with rules of its own (辖区): the nation, or an area by its GB/T 2260 code; `parent` is a code.

    `enforcement` says what a finding does here: `refuse` stops the contract, `flag` lets it in and alerts;
    `enforcement_of` says it for single rules. `severity` is what a breach of a rule is worth here. Both hold what
    this place says itself; `enforcement` alone is inherited already. Ask the rulebook, it looks upwards.
    `school_terms` is the term calendar, in the order of the days; empty where the place has filed none.
    """

    code: str
    folder: str
    name_zh: str
    name_en: str
    parent: str | None
    enforcement: Enforcement
    enforcement_of: Mapping[str, Enforcement] = field(default_factory=dict, hash=False)
    severity: Mapping[str, Severity] = field(default_factory=dict, hash=False)
    school_terms: tuple[SchoolTerm, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Citation:
    """Where a value was read (依据). `number` is the document's own (文号), `source` a link or "as reported by …".

    A document's title stands in 《》; a title without them describes a requirement whose document is not known.

    Tag: P read in the primary text, R in a reprint or press report of it, M from memory and therefore not in use.
    H is no law at all but a habit of the bureau's (escrow.rules.habits); no file of the law can bear it. A draft
    (征求意见稿) is no law yet, so it is not in use either.
    """

    title: str
    number: str
    source: str
    read_on: date
    tag: Tag | Literal["H"]
    draft: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One version of one parameter in one jurisdiction, for one category or mode where the law sets them apart.

    In force from `first_day` to `last_day`, both inside; no `last_day` means until further notice.
    `decided_by` names the day that decides which version holds: signed, paid, taught … `about` says what the rule
    means, for all its versions; `note` what is to be known of this one.
    """

    name: str
    jurisdiction: Jurisdiction
    category: str | None
    mode: str | None
    first_day: date
    last_day: date | None
    decided_by: str
    value: Value
    unit: str
    citation: Citation
    about: str | None = None
    note: str | None = None

    @property
    def version(self) -> str:
        """The name a decision records: `county/release.window@2025-01-01`, `nation/lesson.latest_end:online@…`.

        Never two alike in one rulebook: versions of one scope may not overlap.
        """
        scope = "".join(f":{part}" for part in (self.category, self.mode) if part is not None)
        return f"{self.jurisdiction.folder}/{self.name}{scope}@{self.first_day.isoformat()}"

    @property
    def enabled(self) -> bool:
        """Whether the rule may decide anything: what stands only in someone's memory, or in a draft, may not."""
        return self.citation.tag != "M" and not self.citation.draft

    @property
    def told(self) -> str:
        """The value with its unit, as a list shows it: "60 lessons per subject"."""
        return f"{told(self.value)} ({self.unit})"

    @property
    def integer(self) -> int:
        """The value as a whole number of `unit`. Raises WrongKindOfValue."""
        if isinstance(self.value, bool):
            raise self._wrong_kind("a whole number")
        return self.as_a(int, "a whole number")

    @property
    def flag(self) -> bool:
        """The value as yes or no. Raises WrongKindOfValue."""
        return self.as_a(bool, "yes or no")

    @property
    def ratio(self) -> Fraction:
        """The value as an exact ratio. Raises WrongKindOfValue."""
        return self.as_a(Fraction, "a ratio")

    @property
    def window(self) -> Window:
        """The value as days of a month. Raises WrongKindOfValue."""
        return self.as_a(Window, "a window of days")

    @property
    def text(self) -> str:
        """The value as one of its parameter's choices. Raises WrongKindOfValue."""
        return self.as_a(str, "a choice")

    @property
    def local_time(self) -> time:
        """The value as a time on the wall clock of Asia/Shanghai. Raises WrongKindOfValue."""
        return self.as_a(time, "a local time")

    def as_a(self, kind: type[_Kind], asked: str | None = None) -> _Kind:
        """The value as a noun of its own: `rule.as_a(Renewal)`. Raises WrongKindOfValue."""
        if isinstance(self.value, kind):
            return self.value
        raise self._wrong_kind(asked or kind.__name__)

    def holds_on(self, day: date) -> bool:
        """Whether the version is in force on this day."""
        return self.first_day <= day and (self.last_day is None or day <= self.last_day)

    def is_for(self, category: str | None, mode: str | None) -> bool:
        """Whether the version speaks of this category and mode; one for a category is not for an unnamed one."""
        return self.category in {None, category} and self.mode in {None, mode}

    def _wrong_kind(self, asked: str) -> WrongKindOfValue:
        return WrongKindOfValue(f"{self.version} holds {self.value!r} ({self.unit}), not {asked}")
