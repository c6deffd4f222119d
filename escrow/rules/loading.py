"""From a folder of files to jurisdictions and rules: anything doubtful is refused with its file, line and reason."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Final

from escrow.rules.citations import citation_of
from escrow.rules.holidays import CLOSURES_FILE, Notice, closures_of
from escrow.rules.jurisdictions import JURISDICTION_FILE, places_of
from escrow.rules.parameters import CATEGORIES, MODES, PARAMETERS
from escrow.rules.reading import value_of
from escrow.rules.rule import Jurisdiction, Rule
from escrow.rules.strict_yaml import BadRuleFile, Table, read

_NO_RULES: Final = (JURISDICTION_FILE, CLOSURES_FILE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """What stands in a folder of law: the places, their rules, and by a place's code its own holiday notices."""

    jurisdictions: tuple[Jurisdiction, ...]
    rules: tuple[Rule, ...]
    closures: Mapping[str, tuple[Notice, ...]]


def load_folder(folder: Path) -> Loaded:
    """Read `folder/<jurisdiction>/*.yaml`. Raises BadRuleFile for the first fault, in the order of the names."""
    if not folder.is_dir():
        raise BadRuleFile(folder, 1, "there is no such folder of rules")
    places = places_of(folder)
    by_code = {jurisdiction.code: jurisdiction for _, jurisdiction in places}

    rules: list[Rule] = []
    decided_by: dict[str, str] = {}
    for place, jurisdiction in places:
        for file in sorted(place.iterdir()):
            if not file.name.startswith(".") and file.name not in _NO_RULES:
                found = rules_of(file, jurisdiction, decided_by)
                _refuse_without_severity(file, found[0].name, jurisdiction, by_code)
                rules.extend(found)
    return Loaded(
        jurisdictions=tuple(jurisdiction for _, jurisdiction in places),
        rules=tuple(rules),
        closures={jurisdiction.code: closures_of(place / CLOSURES_FILE) for place, jurisdiction in places},
    )


def rules_of(file: Path, jurisdiction: Jurisdiction, decided_by: dict[str, str]) -> tuple[Rule, ...]:
    """The versions in one file, at least one. Raises BadRuleFile.

    `decided_by` remembers, over all files, which day decides each parameter: one parameter has one deciding day.
    """
    if file.suffix != ".yaml":
        raise BadRuleFile(file, 1, "only files named <parameter>.yaml belong here; move this one away")
    table = read(file)
    table.only("parameter", "unit", "decided_by", "note", "versions")
    name = table.text("parameter")
    if name not in PARAMETERS:
        raise table.refusal(f"unknown parameter {name!r}; known: {', '.join(PARAMETERS)}", "parameter")
    if file.stem != name:
        raise table.refusal(f"the file is named {file.stem} and speaks of {name}; make them the same", "parameter")
    table.choice("unit", (PARAMETERS[name].unit,))
    deciding = table.choice("decided_by", PARAMETERS[name].decided_by)
    if decided_by.setdefault(name, deciding) != deciding:
        reason = f"elsewhere {name} is decided by {decided_by[name]}; one parameter has one deciding day"
        raise table.refusal(reason, "decided_by")

    about, versions = table.maybe_text("note"), table.tables("versions")
    rules = [replace(_rule(version, name, jurisdiction, deciding), about=about) for version in versions]
    _refuse_overlaps(zip(versions, rules, strict=True))
    return tuple(rules)


def _rule(version: Table, name: str, jurisdiction: Jurisdiction, decided_by: str) -> Rule:
    version.only("first_day", "last_day", "category", "mode", "value", "citation", "note")
    first_day, last_day = version.day("first_day"), version.maybe_day("last_day")
    if last_day is not None and last_day < first_day:
        raise version.refusal(f"last_day {last_day} is before first_day {first_day}", "last_day")
    return Rule(
        name=name,
        jurisdiction=jurisdiction,
        category=version.maybe_choice("category", CATEGORIES),
        mode=version.maybe_choice("mode", MODES),
        first_day=first_day,
        last_day=last_day,
        decided_by=decided_by,
        value=value_of(version, PARAMETERS[name]),
        unit=PARAMETERS[name].unit,
        citation=citation_of(version.table("citation")),
        note=version.maybe_text("note"),
    )


def _refuse_without_severity(
    file: Path, name: str, jurisdiction: Jurisdiction, by_code: Mapping[str, Jurisdiction]
) -> None:
    """A rule whose breach is worth nothing yet would only be missed by the first alert that needs it."""
    above: str | None = jurisdiction.code
    while above is not None:
        if name in by_code[above].severity:
            return
        above = by_code[above].parent
    reason = f"no severity of {name} in {jurisdiction.folder} or above; add one under severity in {JURISDICTION_FILE}"
    raise BadRuleFile(file, 1, reason)


def _refuse_overlaps(versions: Iterable[tuple[Table, Rule]]) -> None:
    """Two versions that could both answer one question are refused, so that order in a file never decides."""
    ordered = sorted(versions, key=lambda version: version[1].first_day)
    for (_, earlier), (table, later) in combinations(ordered, 2):
        if _meet(earlier.category, later.category) and _meet(earlier.mode, later.mode):
            if (earlier.last_day or date.max) < later.first_day:
                continue
            reason = (
                f"the version from {later.first_day} overlaps the one from {earlier.first_day}; "
                f"give the earlier one a last_day before {later.first_day}"
            )
            raise table.refusal(reason, "first_day")


def _meet(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other
