"""Why no version of a rule decides a case: never set there, not in force that day, for others only, or switched off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from escrow.rules.rule import Rule
from escrow.rules.rulebook import Rulebook

Why = Literal["unset", "switched_off", "other_scope", "not_in_force"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Absence:
    """Why a parameter has no version for a case (不适用原因). `nearest` is the version that comes closest, if any."""

    why: Why
    nearest: Rule | None


def absence(
    rulebook: Rulebook, name: str, *, jurisdiction: str, on: date, category: str | None = None, mode: str | None = None
) -> Absence:
    """Why `rulebook.in_force` answers None to the same question. What is nearest to deciding is told."""
    there = _versions(rulebook, name, jurisdiction)
    for_it = [rule for rule in there if rule.is_for(category, mode)]
    off = [rule for rule in for_it if rule.holds_on(on) and not rule.enabled]
    if off:
        return Absence(why="switched_off", nearest=off[0])
    for_others = [rule for rule in there if rule.holds_on(on) and rule.enabled and rule not in for_it]
    if for_others:
        return Absence(why="other_scope", nearest=for_others[0])
    at_other_times = [rule for rule in for_it if rule.enabled] or there
    if at_other_times:
        return Absence(why="not_in_force", nearest=min(at_other_times, key=lambda rule: _days_between(rule, on)))
    return Absence(why="unset", nearest=None)


def _versions(rulebook: Rulebook, name: str, jurisdiction: str) -> Sequence[Rule]:
    """All versions of the parameter in the place and those above it, the nearest place first."""
    return [
        rule
        for place in rulebook.upwards(jurisdiction)
        for rule in rulebook.rules
        if rule.name == name and rule.jurisdiction.code == place.code
    ]


def _days_between(rule: Rule, on: date) -> int:
    """How far from the day the version is: the days until it begins, or since it ended."""
    return (rule.first_day - on).days if on < rule.first_day else (on - (rule.last_day or on)).days
