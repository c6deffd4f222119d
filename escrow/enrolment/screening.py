"""The caps over all contracts at once: the arithmetic of `caps` on columns, findings only for what breaks a rule.

Which contracts break a cap is decided on whole columns of integers; the words and the evidence of those few come from
the measures of `caps`, so that one contract alone and a million together are told the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from escrow.enrolment.caps import CAPS, SETTINGS, case_of
from escrow.enrolment.contract_columns import NO_DAY, Columns, number_of
from escrow.enrolment.measured import Case, Found, Measured
from escrow.enrolment.terms import CHARGED_BY
from escrow.rules.rule import Rule, SchoolTerm
from escrow.rules.rulebook import Rulebook
from escrow.rules.timelines import timeline
from escrow.rules.values import Renewal
from ledger.integers import Integers

Flags: TypeAlias = NDArray[np.bool_]

NONE: Final = -1
"""The number of no version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Versions:
    """Which version of one parameter decides each contract: its place in `rules`, or NONE."""

    rules: list[Rule]
    of: Integers

    @property
    def in_force(self) -> Flags:
        """For which contracts there is one."""
        standing: Flags = np.not_equal(self.of, NONE)
        return standing

    def values(self, value: Callable[[Rule], int]) -> Integers:
        """For each contract a figure of its version; where there is none it means nothing."""
        return np.array([*(value(rule) for rule in self.rules), 0], dtype=np.int64)[self.of]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """What the screens look at: the contracts, the version of each parameter that decides each, and their sums."""

    columns: Columns
    versions: Mapping[str, Versions]
    calendars: Sequence[Sequence[SchoolTerm]]

    def setting(self, name: str, told: Callable[[Rule], bool]) -> Flags:
        """The contracts for which a version of this parameter is in force that says so."""
        versions = self.versions[name]
        return np.logical_and(versions.in_force, versions.values(told))

    def allowed(self, name: str) -> Integers:
        """The whole number that the version deciding each contract allows."""
        return self.versions[name].values(lambda rule: rule.integer)

    def charged(self, *by: str) -> Flags:
        """The contracts whose price is reckoned by one of these."""
        flags: Flags = np.isin(self.columns.charged, [CHARGED_BY.index(each) for each in by])
        return flags

    @property
    def remaining(self) -> Integers:
        """The lessons that the contracts of each course before this one still owe."""
        left = untaught_lessons(self.columns)
        return so_far(self.columns, left) - left


def findings(columns: Columns, rulebook: Rulebook) -> Iterator[Found]:
    """What the caps find at these contracts, each held against those of its course before it."""
    ground, begins = ground_of(columns, rulebook), columns.course_begins
    broken = {name: broken_by(ground, name) for name in CAPS}
    for place in np.flatnonzero(np.logical_or.reduce(list(broken.values()))):
        terms, *others = (columns.terms(each) for each in range(place, begins[place] - 1, -1))
        scope = columns.scopes[columns.scope[place]]
        case = case_of(terms, others, rulebook=rulebook, jurisdiction=scope.jurisdiction)
        for name, flags in broken.items():
            if flags[place]:
                versions = ground.versions[name]
                yield _found(case, name, versions.rules[versions.of[place]])


def ground_of(columns: Columns, rulebook: Rulebook) -> Ground:
    """Every version that decides about these contracts, looked up once."""
    return Ground(
        columns=columns,
        versions={name: versions_of(columns, rulebook, name) for name in {*CAPS, *SETTINGS}},
        calendars=[rulebook.school_terms(scope.jurisdiction) for scope in columns.scopes],
    )


def broken_by(ground: Ground, name: str) -> Flags:
    """Which contracts break one cap."""
    in_force = ground.versions[name].in_force
    return in_force & _SCREENS[name](ground) if in_force.any() else in_force


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
    # What has no such day falls into the time before all rules.
    period = np.maximum(np.searchsorted([number_of(day) for day in turning], on, side="right") - 1, 0)
    return Versions(rules=rules, of=table[columns.scope, period])


def add_months(days: Integers, months: Integers) -> Integers:
    """`months.add_months` on whole columns: the same day so many months later, or that month's last."""
    day = days.astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    begins = (month + months).astype("datetime64[D]")
    longest = (month + months + 1).astype("datetime64[D]") - begins - np.timedelta64(1, "D")
    later: Integers = (begins + np.minimum(day - month.astype("datetime64[D]"), longest)).astype(np.int64)
    return later


def untaught_of(columns: Columns, minor: Integers) -> Integers:
    """`Terms.untaught_of` on whole columns; no product is larger than an amount or a square of lessons."""
    taught = np.minimum(columns.taught, columns.lessons)
    whole, rest = minor // columns.lessons, minor % columns.lessons
    left: Integers = minor - whole * taught - rest * taught // columns.lessons
    return left


def untaught_lessons(columns: Columns) -> Integers:
    """`Terms.untaught_lessons` on whole columns."""
    left: Integers = np.maximum(columns.lessons + columns.gifted - columns.taught, 0)
    return left


def _found(case: Case, name: str, rule: Rule) -> Found:
    measured, terms = CAPS[name](case, rule), case.terms
    finding = measured.finding if isinstance(measured, Measured) else None
    if finding is None or terms.contract_id is None:
        raise AssertionError(f"{terms.key}: the columns say that {rule.version} is broken, and the contract does not")
    return Found(finding=finding, institution_id=terms.institution_id, contract_id=terms.contract_id)


def so_far(columns: Columns, figure: Integers) -> Integers:
    """The sum over each contract and those of its course before it."""
    total = np.cumsum(figure)
    begins = columns.course_begins
    return total - total[begins] + figure[begins]


def _span(ground: Ground) -> Flags:
    columns = ground.columns
    exempt = ground.setting("prepayment.both_bases", _as_charged) & ground.charged("lessons")
    return np.greater(columns.last, add_months(columns.first, ground.allowed("prepayment.max_span"))) & ~exempt


def _lessons(ground: Ground) -> Flags:
    columns = ground.columns
    larger: Integers = np.maximum(so_far(columns, untaught_lessons(columns)), columns.lessons + columns.gifted)
    exempt = ground.setting("prepayment.both_bases", _as_charged) & ground.charged("period")
    return np.greater(larger, ground.allowed("prepayment.max_lessons")) & ~exempt


def _amount(ground: Ground) -> Flags:
    columns = ground.columns
    without = ground.setting("prepayment.materials", lambda rule: not rule.flag)
    larger = _prepaid(columns, columns.price)
    if without.any():
        larger = np.where(without, _prepaid(columns, columns.price - columns.materials), larger)
    return np.greater(larger, ground.allowed("prepayment.max_amount"))


def _prepaid(columns: Columns, minor: Integers) -> Integers:
    larger: Integers = np.maximum(so_far(columns, untaught_of(columns, minor)), minor)
    return larger


def _earliest(ground: Ground) -> Flags:
    columns = ground.columns
    governed = ground.versions["prepayment.renew_at"].in_force & ground.charged("lessons") & (ground.remaining > 0)
    return (columns.signed < add_months(columns.first, -ground.allowed("prepayment.earliest"))) & ~governed


def _renewal(ground: Ground) -> Flags:
    columns, versions = ground.columns, ground.versions["prepayment.renew_at"]
    most = versions.values(lambda rule: rule.as_a(Renewal).lessons_left)
    months = versions.values(lambda rule: rule.as_a(Renewal).months_before_start)
    remaining = ground.remaining
    too_many = (remaining > most) & (remaining > 0)
    return too_many & (columns.signed < add_months(columns.first, -months)) & ground.charged("lessons", "both")


def _cross_term(ground: Ground) -> Flags:
    columns = ground.columns
    crossed: Flags = np.zeros(len(columns), dtype=bool)
    for scope, calendar in enumerate(ground.calendars):
        if calendar:
            starts = [number_of(term.first_day) for term in calendar]
            known = (columns.first >= starts[0]) & (columns.last <= number_of(calendar[-1].last_day))
            begun = [np.searchsorted(starts, days, side="right") for days in (columns.first, columns.last)]
            crossed |= (columns.scope == scope) & known & (begun[1] > begun[0])
    return crossed & ground.setting("prepayment.cross_term", lambda rule: not rule.flag)


def _loan(ground: Ground) -> Flags:
    by_loan: Flags = np.not_equal(ground.columns.loan, NO_DAY)
    return by_loan & ground.setting("prepayment.loan", lambda rule: not rule.flag)


def _above_list(ground: Ground) -> Flags:
    columns = ground.columns
    dearer: Flags = np.greater(columns.price - columns.materials, columns.list_price * columns.lessons)
    return dearer & ground.setting("course.filed", lambda rule: rule.flag)


def _as_charged(rule: Rule) -> bool:
    return rule.text == "as_charged"


_DECIDING: Final = {"signed": "signed", "received": "signed", "first_lesson": "first", "ordered": "loan"}
"""The column of each day that may decide a version."""

_SCREENS: Final[Mapping[str, Callable[[Ground], Flags]]] = {
    "prepayment.max_span": _span,
    "prepayment.max_lessons": _lessons,
    "prepayment.max_amount": _amount,
    "prepayment.earliest": _earliest,
    "prepayment.renew_at": _renewal,
    "prepayment.cross_term": _cross_term,
    "prepayment.loan": _loan,
    "course.filed": _above_list,
}
"""By parameter, as the measures of `caps`."""
