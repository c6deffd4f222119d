"""From folders to jurisdictions: who stands below whom, and what a breach does and is worth in each place."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast, get_args

from escrow.rules.parameters import PARAMETERS
from escrow.rules.rule import Enforcement, Jurisdiction, SchoolTerm, Severity
from escrow.rules.strict_yaml import BadRuleFile, Table, read

JURISDICTION_FILE: Final = "jurisdiction.yaml"


def places_of(folder: Path) -> list[tuple[Path, Jurisdiction]]:
    """Every jurisdiction of `folder/<jurisdiction>/`, in the order of the names. Raises BadRuleFile."""
    tables = [_table(place) for place in sorted(folder.iterdir()) if not place.name.startswith(".")]
    if not tables:
        raise BadRuleFile(folder, 1, "the folder holds no jurisdiction, so no rule would ever be in force")
    by_code = _by_code(tables)
    _refuse_broken_ancestry(by_code)
    return [(table.file.parent, _jurisdiction(table, by_code)) for table in tables]


def _table(place: Path) -> Table:
    file = place / JURISDICTION_FILE
    if not file.is_file():
        raise BadRuleFile(file, 1, f"{place.name} has no {JURISDICTION_FILE}; write one, or move {place.name} away")
    table = read(file)
    table.only("code", "name", "parent", "enforcement", "enforcement_of", "severity", "school_terms", "note")
    table.maybe_text("note")
    return table


def _jurisdiction(table: Table, by_code: Mapping[str, Table]) -> Jurisdiction:
    name = table.table("name")
    name.only("zh", "en")
    enforcement_of = _by_rule(table, "enforcement_of", get_args(Enforcement))
    return Jurisdiction(
        code=table.text("code"),
        folder=table.file.parent.name,
        name_zh=name.text("zh"),
        name_en=name.text("en"),
        parent=table.maybe_text("parent"),
        enforcement=_enforcement(table, by_code),
        enforcement_of=cast("Mapping[str, Enforcement]", enforcement_of),
        severity=cast("Mapping[str, Severity]", _by_rule(table, "severity", get_args(Severity))),
        school_terms=_school_terms(table),
    )


def _school_terms(table: Table) -> tuple[SchoolTerm, ...]:
    """The term calendar, if there is one: terms in the order of their days, none inside another."""
    terms: list[SchoolTerm] = []
    for each in table.tables("school_terms") if "school_terms" in table.entries else ():
        each.only("name", "first_day", "last_day", "source")
        term = SchoolTerm(
            name=each.text("name"),
            first_day=each.day("first_day"),
            last_day=each.day("last_day"),
            source=each.text("source"),
        )
        if term.last_day < term.first_day or (terms and term.first_day <= terms[-1].last_day):
            raise each.refusal(f"the term from {term.first_day} to {term.last_day} is out of order", "first_day")
        terms.append(term)
    return tuple(terms)


def _enforcement(table: Table, by_code: Mapping[str, Table]) -> Enforcement:
    """What the place says, or the nearest place above it that says something."""
    said = table
    while "enforcement" not in said.entries and "parent" in said.entries:
        said = by_code[said.text("parent")]
    return cast("Enforcement", said.choice("enforcement", get_args(Enforcement)))


def _by_rule(table: Table, key: str, allowed: Sequence[str]) -> dict[str, str]:
    """A word for each rule that is named under `key`."""
    if key not in table.entries:
        return {}
    words = table.table(key)
    words.only(*PARAMETERS)
    return {name: words.choice(name, allowed) for name in words.entries}


def _by_code(tables: Sequence[Table]) -> dict[str, Table]:
    by_code: dict[str, Table] = {}
    for table in tables:
        code = table.text("code")
        if code in by_code:
            reason = f"code {code!r} is already that of {by_code[code].file.parent.name}"
            raise table.refusal(reason, "code")
        by_code[code] = table
    return by_code


def _refuse_broken_ancestry(by_code: Mapping[str, Table]) -> None:
    for code, table in by_code.items():
        seen = {code}
        above = table.maybe_text("parent")
        while above is not None:
            if above not in by_code or above in seen:
                problem = "is above itself" if above in by_code else "is unknown"
                reason = f"parent {above!r} {problem}; known codes: {', '.join(sorted(by_code))}"
                raise table.refusal(reason, "parent")
            seen.add(above)
            above = by_code[above].maybe_text("parent")
