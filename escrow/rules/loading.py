"""From a folder of files to jurisdictions and rules: anything doubtful is refused with its file, line and reason."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, time
from itertools import combinations
from pathlib import Path
from typing import Final, cast, get_args

from escrow.rules.parameters import CATEGORIES, MODES, PARAMETERS, Parameter
from escrow.rules.rule import Citation, Enforcement, Jurisdiction, Rule, Tag, Window
from escrow.rules.strict_yaml import BadRuleFile, Table, read

_JURISDICTION_FILE: Final = "jurisdiction.yaml"
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_LONGEST_MONTH: Final = 31


def load_folder(folder: Path) -> tuple[tuple[Jurisdiction, ...], tuple[Rule, ...]]:
    """Read `folder/<jurisdiction>/*.yaml`. Raises BadRuleFile for the first fault, in the order of the names."""
    if not folder.is_dir():
        raise BadRuleFile(folder, 1, "there is no such folder of rules")
    places = [(place, _jurisdiction(place)) for place in sorted(folder.iterdir()) if _is_ours(place)]
    if not places:
        raise BadRuleFile(folder, 1, "the folder holds no jurisdiction, so no rule would ever be in force")
    _refuse_broken_ancestry(places)

    rules: list[Rule] = []
    decided_by: dict[str, str] = {}
    for place, jurisdiction in places:
        for file in sorted(place.iterdir()):
            if _is_ours(file) and file.name != _JURISDICTION_FILE:
                rules.extend(_rules_of(file, jurisdiction, decided_by))
    return tuple(jurisdiction for _, jurisdiction in places), tuple(rules)


def _is_ours(path: Path) -> bool:
    """Hidden files belong to the operating system or an editor; everything else must be a part of the law."""
    return not path.name.startswith(".")


def _jurisdiction(place: Path) -> Jurisdiction:
    file = place / _JURISDICTION_FILE
    if not file.is_file():
        raise BadRuleFile(file, 1, f"{place.name} has no {_JURISDICTION_FILE}; write one, or move {place.name} away")
    table = read(file)
    table.only("code", "name", "parent", "enforcement", "note")
    name = table.table("name")
    name.only("zh", "en")
    return Jurisdiction(
        code=table.text("code"),
        folder=place.name,
        name_zh=name.text("zh"),
        name_en=name.text("en"),
        parent=table.maybe_text("parent"),
        enforcement=cast("Enforcement", table.choice("enforcement", get_args(Enforcement))),
    )


def _refuse_broken_ancestry(places: Sequence[tuple[Path, Jurisdiction]]) -> None:
    by_code: dict[str, Jurisdiction] = {}
    for place, jurisdiction in places:
        if jurisdiction.code in by_code:
            reason = f"code {jurisdiction.code!r} is already that of {by_code[jurisdiction.code].folder}"
            raise read(place / _JURISDICTION_FILE).refusal(reason, "code")
        by_code[jurisdiction.code] = jurisdiction
    for place, jurisdiction in places:
        seen = {jurisdiction.code}
        above = jurisdiction.parent
        while above is not None:
            if above not in by_code or above in seen:
                problem = "is above itself" if above in by_code else "is unknown"
                reason = f"parent {above!r} {problem}; known codes: {', '.join(sorted(by_code))}"
                raise read(place / _JURISDICTION_FILE).refusal(reason, "parent")
            seen.add(above)
            above = by_code[above].parent


def _rules_of(file: Path, jurisdiction: Jurisdiction, decided_by: dict[str, str]) -> list[Rule]:
    """The versions in one file. `decided_by` remembers, over all files, which day decides each parameter."""
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

    versions = table.tables("versions")
    rules = [_rule(version, name, jurisdiction, deciding) for version in versions]
    _refuse_overlaps(zip(versions, rules, strict=True))
    return rules


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
        value=_value_of(version, PARAMETERS[name]),
        unit=PARAMETERS[name].unit,
        citation=_citation(version.table("citation")),
        note=version.maybe_text("note"),
    )


def _value_of(version: Table, parameter: Parameter) -> int | str | time | Window:
    if parameter.kind == "integer":
        value = version.integer("value")
        if value < 0:
            raise version.refusal(f"value is {value}; a number of {parameter.unit} is not negative", "value")
        return value
    if parameter.kind == "choice":
        return version.choice("value", parameter.choices)
    if parameter.kind == "local_time":
        return _clock(version)
    return _window(version.table("value"))


def _clock(version: Table) -> time:
    text = version.text("value")
    if _CLOCK.fullmatch(text) is None:
        raise version.refusal(f'value is {text!r}; a time is written "20:30"', "value")
    return time.fromisoformat(text)


def _window(table: Table) -> Window:
    table.only("first", "last")
    window = Window(first=table.integer("first"), last=table.integer("last"))
    if not 1 <= window.first <= window.last <= _LONGEST_MONTH:
        reason = f"a window runs forward inside a month; found {window.first} to {window.last}"
        raise table.refusal(reason, "first")
    return window


def _citation(table: Table) -> Citation:
    table.only("title", "number", "source", "read_on", "tag")
    return Citation(
        title=table.text("title"),
        number=table.text("number"),
        source=table.text("source"),
        read_on=table.day("read_on"),
        tag=cast("Tag", table.choice("tag", get_args(Tag))),
    )


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
