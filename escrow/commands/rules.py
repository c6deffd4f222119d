"""The law from a terminal: `escrow rules …` lists it, shows one rule whole, and checks a file before it is in force."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from escrow.commands import caps
from escrow.commands.terminal import CannotGoOn
from escrow.rules.holidays import Notice
from escrow.rules.jurisdictions import JURISDICTION_FILE
from escrow.rules.looking_up import listed
from escrow.rules.parameters import PARAMETERS
from escrow.rules.rulebook import Rule, Rulebook, UnknownParameter
from escrow.rules.strict_yaml import read

rule_commands = typer.Typer(help="The rulebook 规则库: the law as data.", no_args_is_help=True)
rule_commands.add_typer(caps.commands)

NATION: Final = "cn"

Place = Annotated[
    str | None, typer.Option("--jurisdiction", help="A place by its code, such as 510100: its own rules and inherited.")
]
OnDay = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only what is in force on this day.")]


@rule_commands.command("list")
def list_rules(jurisdiction: Place = None, on: OnDay = None) -> None:
    """Every version of every rule, with its value and where it was read; or those of one place, or of one day.

    A place and a day together: what is in force there then, the nearest jurisdiction's rule of each.
    """
    for rule in listed(Rulebook.load(), jurisdiction=jurisdiction, on=None if on is None else on.date()):
        typer.echo(_line(rule))


@rule_commands.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A parameter, such as prepayment.max_lessons, or one of its versions.")],
    jurisdiction: Place = None,
) -> None:
    """One rule whole: what it means, its value in every place, each version's days, citation and note."""
    rulebook = Rulebook.load()
    parameter = name if name in PARAMETERS or "@" not in name else rulebook.version(name).name
    if parameter not in PARAMETERS:
        raise CannotGoOn(str(UnknownParameter(parameter)))
    spec = PARAMETERS[parameter]
    found = [rule for rule in listed(rulebook, jurisdiction=jurisdiction) if name in {rule.name, rule.version}]
    typer.echo(f"{parameter} {spec.zh}: {spec.kind.replace('_', ' ')} ({spec.unit})")
    if spec.choices:
        typer.echo(f"  one of: {', '.join(spec.choices)}")
    for rule in found:
        typer.echo("\n".join(_whole(rule, rulebook, asked_of=jurisdiction)))
    if not found:
        typer.echo("  no version stands in the files, so nothing is decided by it")


@rule_commands.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="A rule file, or a folder of jurisdictions; nothing is stored.")],
    jurisdiction: Annotated[
        str | None,
        typer.Option("--jurisdiction", help="Whose rule it is; else the place in whose folder it lies, or the nation."),
    ] = None,
) -> None:
    """Read a file as the start would: what it says, what it would replace; or its line and fault, and status 1."""
    if file.is_dir():
        whole = Rulebook.load(file)
        typer.echo(f"{file}: in order: {len(whole.jurisdictions)} jurisdictions, {len(whole.rules)} versions of rules")
        return
    rulebook = Rulebook.load()
    place = jurisdiction or _place_of(file) or NATION
    drafted = rulebook.with_draft(file, jurisdiction=place)
    standing = {rule.version: rule for rule in rulebook.rules}
    own = [rule for rule in drafted.rules if (rule.jurisdiction.code, rule.name) == (place, file.stem)]
    typer.echo(f"{file}: in order, as a rule of {rulebook.jurisdiction(place).name_en} ({place})")
    for rule in own:
        typer.echo(f"  {_line(rule)}\n    {_compared(rule, standing.get(rule.version))}")
    kept = {rule.version for rule in own}
    for rule in rulebook.rules:
        if (rule.jurisdiction.code, rule.name) == (place, file.stem) and rule.version not in kept:
            typer.echo(f"  {_line(rule)}\n    is in force now and not in the file: it would be gone")


@rule_commands.command("calendar")
def show_calendar(jurisdiction: Place = None) -> None:
    """By which notices working days are counted, a place's own among them, and where the calendar ends."""
    rulebook = Rulebook.load()
    calendar = rulebook.calendar(jurisdiction or NATION)
    for year, notice in sorted(calendar.years.items()):
        typer.echo(f"{year}: {_noticed(notice)}")
    for notice in calendar.closures:
        typer.echo(f"{min(notice.works)} to {max(notice.works)}: {_noticed(notice)}")
    typer.echo("other years before these: chinesecalendar")
    typer.echo(
        f"known through {calendar.known_through()}; what the law counts in working days is refused beyond it, "
        "until the next notice stands in escrow/rules/calendar"
    )


def _noticed(notice: Notice) -> str:
    free = sum(not works for works in notice.works.values())
    citation = notice.citation
    return (
        f"{free} days free, {len(notice.works) - free} weekend days worked; "
        f"{citation.tag} {citation.title} {citation.number}, {citation.source}, read on {citation.read_on}"
    )


def _place_of(file: Path) -> str | None:
    """The code of the jurisdiction in whose folder the file lies."""
    beside = file.parent / JURISDICTION_FILE
    return read(beside).text("code") if beside.is_file() else None


def _compared(rule: Rule, standing: Rule | None) -> str:
    if standing is None:
        return "new"
    if (rule.value, rule.last_day, rule.citation) == (standing.value, standing.last_day, standing.citation):
        return "as it stands in the rulebook"
    return f"changes {standing.told}{_until(standing)}, {_cited(standing)}"


def _line(rule: Rule) -> str:
    return f"{rule.version}: {rule.told}{_until(rule)}; {_cited(rule)}{'' if rule.enabled else '; switched off'}"


def _until(rule: Rule) -> str:
    return "" if rule.last_day is None else f", until {rule.last_day}"


def _cited(rule: Rule) -> str:
    return f"{rule.citation.tag} {rule.citation.title} {rule.citation.number}"


def _whole(rule: Rule, rulebook: Rulebook, *, asked_of: str | None) -> list[str]:
    place, citation = rule.jurisdiction, rule.citation
    there = asked_of or place.code  # the rule may be inherited there, and a breach be another thing
    enforcement = rulebook.enforcement(rule.name, jurisdiction=there)
    severity = rulebook.severity(rule.name, jurisdiction=there)
    draft = ", a draft" if citation.draft else ""
    lines = [
        "",
        f"{rule.version} {place.name_zh}: {rule.told}{'' if rule.enabled else ' – switched off'}",
        f"  in force from {rule.first_day}{_until(rule)}, decided by the day: {rule.decided_by}",
        f"  a breach: {enforcement}, severity {severity}",
        f"  {citation.title} {citation.number}, {citation.source}, read on {citation.read_on}, {citation.tag}{draft}",
    ]
    return lines + [f"  {text}" for text in (rule.about, rule.note) if text]
