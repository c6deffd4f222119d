"""Looking rules up: all of them, those of a place, of a day, or of both, in an order that a reader can follow."""

from datetime import date

from escrow.rules.rule import Rule
from escrow.rules.rulebook import Rulebook


def listed(rulebook: Rulebook, *, jurisdiction: str | None = None, on: date | None = None) -> list[Rule]:
    """Every version of every rule, or a part of them.

    Of a jurisdiction: its own and those of the places above it, by parameter, the nearest place first. Of a day: what
    is in force then in any place. Of both: what decides there then, the nearest place's rule of each scope. Raises
    UnknownJurisdiction.
    """
    if jurisdiction is None:
        return [rule for rule in rulebook.rules if on is None or (rule.enabled and rule.holds_on(on))]
    if on is not None:
        return list(rulebook.standing(jurisdiction=jurisdiction, on=on))
    places = [place.code for place in rulebook.upwards(jurisdiction)]
    of_these = [rule for rule in rulebook.rules if rule.jurisdiction.code in places]
    return sorted(of_these, key=lambda rule: (rule.name, places.index(rule.jurisdiction.code), rule.version))
