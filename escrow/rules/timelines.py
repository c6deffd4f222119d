"""Timelines: which version of a parameter holds from which day on, in one place, for one category and mode."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from escrow.rules.rule import Rule
from escrow.rules.rulebook import Rulebook


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """The versions of one parameter in one scope (规则沿革): from each of `days` on, the version beside it.

    The first day is the calendar's own first. None: from that day on no version is in force.
    """

    days: Sequence[date]
    versions: Sequence[Rule | None]


def timeline(
    rulebook: Rulebook, name: str, *, jurisdiction: str, category: str | None = None, mode: str | None = None
) -> Timeline:
    """All answers that `rulebook.in_force` can give for this parameter and scope, in the order of their days.

    Raises what `in_force` raises.
    """
    days: list[date] = []
    versions: list[Rule | None] = []
    for day in _turning_days(rulebook, name):
        version = rulebook.in_force(name, jurisdiction=jurisdiction, on=day, category=category, mode=mode)
        if not versions or version is not versions[-1]:
            days.append(day)
            versions.append(version)
    return Timeline(days=days, versions=versions)


def _turning_days(rulebook: Rulebook, name: str) -> list[date]:
    """The days on which any version of the parameter begins, or the day after one ended."""
    turning = {date.min}
    for rule in rulebook.rules:
        if rule.name == name:
            turning.add(rule.first_day)
            if rule.last_day is not None and rule.last_day < date.max:
                turning.add(rule.last_day + timedelta(days=1))
    return sorted(turning)
