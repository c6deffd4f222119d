"""The rulebook: which rule was in force, where, on which day. Before its first day there is none, never a default."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Final, Self

from escrow.rules.holidays import Notice
from escrow.rules.loading import load_folder, rules_of
from escrow.rules.parameters import CATEGORIES, MODES, PARAMETERS, UnknownParameter
from escrow.rules.rule import Citation, Enforcement, Jurisdiction, Rule, SchoolTerm, Severity, WrongKindOfValue
from escrow.rules.strict_yaml import BadRuleFile
from escrow.rules.values import Window
from escrow.rules.working_days import WorkingCalendar, national

__all__ = [
    "BadRuleFile",
    "Citation",
    "Enforcement",
    "Jurisdiction",
    "NoRuleInForce",
    "NoSeverity",
    "Rule",
    "Rulebook",
    "Severity",
    "UnknownJurisdiction",
    "UnknownParameter",
    "UnknownVersion",
    "Window",
    "WrongKindOfValue",
]

SHIPPED: Final = Path(__file__).parent / "cn"


class UnknownJurisdiction(KeyError):
    """The rulebook has no jurisdiction with this code."""

    def __str__(self) -> str:
        return f"no jurisdiction {self.args[0]!r} in the rulebook; known: {', '.join(self.args[1])}"


class UnknownVersion(KeyError):
    """The rulebook has no version of this name."""

    def __str__(self) -> str:
        return f"no version {self.args[0]!r} in the rulebook; escrow rules list shows them all"


class NoRuleInForce(LookupError):
    """A decision needs a rule, and on that day none is in force. Nothing is assumed in its place."""

    def __init__(self, name: str, jurisdiction: Jurisdiction, on: date, scope: str) -> None:
        super().__init__(
            f"no version of {name}{scope} is in force in {jurisdiction.name_en} ({jurisdiction.code}) on {on}; "
            f"add one with its citation to {jurisdiction.folder}/{name}.yaml or to a jurisdiction above it"
        )
        self.name = name
        self.jurisdiction = jurisdiction
        self.on = on


class NoSeverity(LookupError):
    """Nobody has said what a breach of a rule is worth, and nothing is assumed."""

    def __init__(self, name: str, jurisdiction: Jurisdiction) -> None:
        super().__init__(
            f"no severity of {name} is given in {jurisdiction.name_en} ({jurisdiction.code}) or above; "
            f"add one under severity in {jurisdiction.folder}/jurisdiction.yaml"
        )


@dataclass(frozen=True, kw_only=True)
class Rulebook:
    """All rules of all jurisdictions (规则库), as read from their files."""

    jurisdictions: Mapping[str, Jurisdiction]
    rules: tuple[Rule, ...]
    years: Mapping[int, Notice] = field(default_factory=dict)
    closures: Mapping[str, tuple[Notice, ...]] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path | None = None) -> Self:
        """Read the shipped rules, or those of `folder`. Raises BadRuleFile: with a doubtful rule nothing starts."""
        loaded = load_folder(SHIPPED if folder is None else folder)
        return cls(
            jurisdictions={place.code: place for place in loaded.jurisdictions},
            rules=loaded.rules,
            years=national().years,
            closures=loaded.closures,
        )

    def with_draft(self, file: Path, *, jurisdiction: str) -> Self:
        """This rulebook with the versions of one file in place of the jurisdiction's own of that parameter.

        For a look at what a draft would change; nothing is stored. Raises BadRuleFile, UnknownJurisdiction.
        """
        place = self.jurisdiction(jurisdiction)
        own = (jurisdiction, file.stem)
        others = tuple(rule for rule in self.rules if (rule.jurisdiction.code, rule.name) != own)
        drafted = rules_of(file, place, {rule.name: rule.decided_by for rule in others})
        return replace(self, rules=(*others, *drafted))

    def jurisdiction(self, code: str) -> Jurisdiction:
        """The jurisdiction with this code. Raises UnknownJurisdiction."""
        if code not in self.jurisdictions:
            raise UnknownJurisdiction(code, sorted(self.jurisdictions))
        return self.jurisdictions[code]

    def upwards(self, code: str) -> Iterator[Jurisdiction]:
        """The jurisdiction with this code, and those above it up to the nation. Raises UnknownJurisdiction."""
        above: str | None = code
        while above is not None:
            place = self.jurisdiction(above)
            yield place
            above = place.parent

    def calendar(self, jurisdiction: str) -> WorkingCalendar:
        """The working days of the jurisdiction with this code: its own holidays and closures, then those above it."""
        local = [notice for place in self.upwards(jurisdiction) for notice in self.closures.get(place.code, ())]
        return WorkingCalendar(years=self.years, closures=local)

    def enforcement(self, name: str, *, jurisdiction: str) -> Enforcement:
        """What a finding of this rule does in the jurisdiction with this code.

        The nearest place that speaks of this very rule decides; where none does, the place's own general word.
        """
        if name not in PARAMETERS:
            raise UnknownParameter(name)
        for place in self.upwards(jurisdiction):
            if name in place.enforcement_of:
                return place.enforcement_of[name]
        return self.jurisdiction(jurisdiction).enforcement

    def school_terms(self, jurisdiction: str) -> tuple[SchoolTerm, ...]:
        """The term calendar of the place, or of the nearest above it that has one; empty where none is known."""
        return next((place.school_terms for place in self.upwards(jurisdiction) if place.school_terms), ())

    def severity(self, name: str, *, jurisdiction: str) -> Severity:
        """What a breach of this rule is worth in the jurisdiction with this code; the nearest place decides.

        Loading has refused a rule without one. Raises NoSeverity for a parameter that has no rule here.
        """
        if name not in PARAMETERS:
            raise UnknownParameter(name)
        for place in self.upwards(jurisdiction):
            if name in place.severity:
                return place.severity[name]
        raise NoSeverity(name, self.jurisdiction(jurisdiction))

    def in_force(
        self, name: str, *, jurisdiction: str, on: date, category: str | None = None, mode: str | None = None
    ) -> Rule | None:
        """The version of `name` that holds on this local day in the jurisdiction with this code, or None.

        The nearest jurisdiction with a version in force wins, from the place itself up to the nation. A version
        for one category or mode answers only when that category or mode is named. Raises UnknownParameter,
        UnknownJurisdiction, and ValueError for a category or mode that does not exist.
        """
        if name not in PARAMETERS:
            raise UnknownParameter(name)
        _known("category", category, CATEGORIES)
        _known("mode", mode, MODES)
        for place in self.upwards(jurisdiction):
            for rule in self._by_place.get((place.code, name), ()):
                if rule.enabled and rule.holds_on(on) and rule.is_for(category, mode):
                    return rule
        return None

    def version(self, version: str) -> Rule:
        """The rule that a decision recorded by its version, in use or not. Raises UnknownVersion."""
        if version not in self._by_version:
            raise UnknownVersion(version)
        return self._by_version[version]

    def require(
        self, name: str, *, jurisdiction: str, on: date, category: str | None = None, mode: str | None = None
    ) -> Rule:
        """Like `in_force`, for a decision that cannot go on without: raises NoRuleInForce instead of None."""
        rule = self.in_force(name, jurisdiction=jurisdiction, on=on, category=category, mode=mode)
        if rule is None:
            scope = "".join(f", {part}" for part in (category, mode) if part is not None)
            raise NoRuleInForce(name, self.jurisdiction(jurisdiction), on, scope)
        return rule

    def deciding(
        self,
        name: str,
        days: Mapping[str, date],
        *,
        jurisdiction: str,
        category: str | None = None,
        mode: str | None = None,
    ) -> Rule | None:
        """Like `in_force`, on whichever of `days` the rule itself says decides: {"signed": …, "first_lesson": …}.

        Raises KeyError when the rule is decided by a day that was not given.
        """
        if name not in PARAMETERS:
            raise UnknownParameter(name)
        if name not in self._decided_by:
            return None
        on = days[self._decided_by[name]]
        return self.in_force(name, jurisdiction=jurisdiction, on=on, category=category, mode=mode)

    def decided_by(self, name: str) -> str | None:
        """Which day decides the versions of a parameter: signed, paid …; None where it has no version at all."""
        return self._decided_by.get(name)

    def standing(self, *, jurisdiction: str, on: date) -> tuple[Rule, ...]:
        """All that is in force in the jurisdiction on this local day, its own and inherited, by parameter and scope."""
        scopes = [(category, mode) for category in (None, *CATEGORIES) for mode in (None, *MODES)]
        found = [
            self.in_force(name, jurisdiction=jurisdiction, on=on, category=category, mode=mode)
            for name in PARAMETERS
            for category, mode in scopes
        ]
        return tuple(dict.fromkeys(rule for rule in found if rule is not None))

    @cached_property
    def _by_place(self) -> Mapping[tuple[str, str], Sequence[Rule]]:
        found: defaultdict[tuple[str, str], list[Rule]] = defaultdict(list)
        for rule in self.rules:
            found[rule.jurisdiction.code, rule.name].append(rule)
        return found

    @cached_property
    def _by_version(self) -> Mapping[str, Rule]:
        return {rule.version: rule for rule in self.rules}

    @cached_property
    def _decided_by(self) -> Mapping[str, str]:
        """By parameter; loading has refused two answers for one parameter."""
        return {rule.name: rule.decided_by for rule in self.rules}


def _known(what: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise ValueError(f"{what} {value!r} does not exist; allowed: {', '.join(allowed)}")
