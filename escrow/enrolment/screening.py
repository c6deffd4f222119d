"""The caps over all contracts at once: the arithmetic of `caps` on columns, findings only for what breaks a rule.

Which contracts break a cap is decided on whole columns of integers; the words and the evidence of those few come from
the measures of `caps`, so that one contract alone and a million together are told the same.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from escrow.enrolment.caps import CAPS
from escrow.enrolment.contract_columns import Columns, number_of
from escrow.enrolment.measured import Case
from escrow.rules.finding import Finding
from escrow.rules.rule import Rule
from escrow.rules.rulebook import Rulebook
from escrow.rules.timelines import timeline
from ledger.integers import Integers

Flags: TypeAlias = NDArray[np.bool_]

NONE: Final = -1
"""The number of no version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Versions:
    """Which version of one parameter decides each contract: its place in `rules`, or NONE."""

    rules: list[Rule]
    of: Integers

    def values(self, value: Callable[[Rule], int]) -> Integers:
        """For each contract a figure of its version; where there is none it means nothing."""
        return np.array([*(value(rule) for rule in self.rules), 0], dtype=np.int64)[self.of]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A finding, and the contract that it was found at."""

    finding: Finding
    institution_id: int
    contract_id: int


def findings(columns: Columns, rulebook: Rulebook) -> Iterator[Found]:
    """What the caps find at these contracts, each held against those of its course before it."""
    begins = columns.course_begins
    broken = {name: broken_by(columns, rulebook, name) for name in CAPS}
    touched = np.logical_or.reduce([flags for _, flags in broken.values()])
    for place in np.flatnonzero(touched):
        course = [columns.terms(each) for each in range(begins[place], place + 1)]
        case = Case(terms=course[-1], others=course[:-1])
        for name, (versions, flags) in broken.items():
            if flags[place]:
                yield _found(case, name, versions.rules[versions.of[place]])


def broken_by(columns: Columns, rulebook: Rulebook, name: str) -> tuple[Versions, Flags]:
    """Of one cap: which version decides each contract, and which contracts break it."""
    versions = versions_of(columns, rulebook, name)
    in_force = versions.of != NONE
    if not in_force.any():
        return versions, in_force
    return versions, np.logical_and(in_force, _SCREENS[name](columns, versions))


def versions_of(columns: Columns, rulebook: Rulebook, name: str) -> Versions:
    """Which version of a parameter decides each of these contracts, by the day that the rule says decides."""
    deciding = rulebook.decided_by(name)
    if deciding is None:
        return Versions(rules=[], of=np.full(len(columns), NONE))
    lines = [timeline(rulebook, name, **scope._asdict()) for scope in columns.scopes]
    turning = sorted({day for line in lines for day in line.days})
    rules = list({rule.version: rule for line in lines for rule in line.versions if rule is not None}.values())
    place = {rule.version: number for number, rule in enumerate(rules)}
    table = np.full((len(lines), len(turning)), NONE)
    for row, line in enumerate(lines):
        for day, rule in zip(line.days, line.versions, strict=True):
            table[row, turning.index(day) :] = NONE if rule is None else place[rule.version]
    on = getattr(columns, _DECIDING[deciding])
    period = np.searchsorted([number_of(day) for day in turning], on, side="right") - 1
    return Versions(rules=rules, of=table[columns.scope, period])


def add_months(days: Integers, months: Integers) -> Integers:
    """`months.add_months` on whole columns: the same day so many months later, or that month's last."""
    day = days.astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    begins = (month + months).astype("datetime64[D]")
    longest = (month + months + 1).astype("datetime64[D]") - begins - np.timedelta64(1, "D")
    later: Integers = (begins + np.minimum(day - month.astype("datetime64[D]"), longest)).astype(np.int64)
    return later


def untaught_minor(columns: Columns) -> Integers:
    """`Terms.untaught_minor` on whole columns; no product is larger than a price or a square of lessons."""
    taught = np.minimum(columns.taught, columns.lessons)
    whole, rest = columns.price // columns.lessons, columns.price % columns.lessons
    left: Integers = columns.price - whole * taught - rest * taught // columns.lessons
    return left


def untaught_lessons(columns: Columns) -> Integers:
    """`Terms.untaught_lessons` on whole columns."""
    left: Integers = np.maximum(columns.lessons + columns.gifted - columns.taught, 0)
    return left


def _found(case: Case, name: str, rule: Rule) -> Found:
    finding, terms = CAPS[name](case, rule).finding, case.terms
    if finding is None or terms.contract_id is None:
        raise AssertionError(f"{terms.key}: the columns say that {rule.version} is broken, and the contract does not")
    return Found(finding=finding, institution_id=terms.institution_id, contract_id=terms.contract_id)


def _so_far(columns: Columns, figure: Integers) -> Integers:
    """The sum over each contract and those of its course before it."""
    total = np.cumsum(figure)
    begins = columns.course_begins
    return total - total[begins] + figure[begins]


def _allowed(versions: Versions) -> Integers:
    return versions.values(lambda rule: rule.integer)


def _span(columns: Columns, versions: Versions) -> Flags:
    return np.greater(columns.last, add_months(columns.first, _allowed(versions)))


def _earliest(columns: Columns, versions: Versions) -> Flags:
    return np.less(columns.signed, add_months(columns.first, -_allowed(versions)))


def _lessons(columns: Columns, versions: Versions) -> Flags:
    larger: Integers = np.maximum(_so_far(columns, untaught_lessons(columns)), columns.lessons + columns.gifted)
    return np.greater(larger, _allowed(versions))


def _amount(columns: Columns, versions: Versions) -> Flags:
    larger: Integers = np.maximum(_so_far(columns, untaught_minor(columns)), columns.price)
    return np.greater(larger, _allowed(versions))


_DECIDING: Final = {"signed": "signed", "first_lesson": "first"}
"""The column of each day that may decide a version."""

_SCREENS: Final[Mapping[str, Callable[[Columns, Versions], Flags]]] = {
    "prepayment.max_span": _span,
    "prepayment.max_lessons": _lessons,
    "prepayment.max_amount": _amount,
    "prepayment.earliest": _earliest,
}
"""By parameter, as the measures of `caps`."""
