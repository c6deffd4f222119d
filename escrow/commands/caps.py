"""`escrow rules explain`, `what-if` and `changes`: the fee rules held against contracts, now, by a draft, over time."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from escrow import db as database
from escrow.commands.terminal import the_database
from escrow.enrolment.explaining import Explanation, Look, explain
from escrow.monitoring.rule_changes import HEADINGS as TURN_HEADINGS
from escrow.monitoring.rule_changes import turns, version_of
from escrow.monitoring.what_if import HEADINGS as DIFFERENCE_HEADINGS
from escrow.monitoring.what_if import drafted, summed, what_if
from escrow.rules.parameters import PARAMETERS
from escrow.rules.rulebook import Rulebook
from escrow.settings import Settings
from escrow.spreadsheets import csv_of

commands = typer.Typer(help="The fee rules 收费规则.", no_args_is_help=True)

_DAY: Final = "%Y-%m-%d"
_NAMED: Final = 20
"""So many contracts are named at the terminal; the CSV has all."""

_VERDICTS: Final = {
    "kept": ("符合 kept", "green"),
    "broken": ("违反 broken", "bold red"),
    "not_applicable": ("不适用 n/a", "dim"),
    "setting": ("口径 setting", "cyan"),
}


@commands.command("explain")
def explain_contract(contract: Annotated[int, typer.Argument(help="The contract's number.", min=1)]) -> None:
    """Each fee rule for a contract: version, arithmetic with its numbers, kept or broken, or why it says nothing."""
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        _show(explain(db, contract, rulebook=Rulebook.load()), Console())


@commands.command("what-if")
def show_what_if(
    draft: Annotated[Path, typer.Argument(help="A draft rule file, or a folder of them.", exists=True)],
    jurisdiction: Annotated[
        str | None, typer.Option("--jurisdiction", help="For which place, by its code; else its folder's name tells.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the CSV here instead of printing it.")] = None,
) -> None:
    """Which contracts a draft would flag or free, for how much money, as CSV. Nothing is stored."""
    standing = Rulebook.load()
    book = drafted(standing, draft, jurisdiction=jurisdiction)
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        found = what_if(db, standing=standing, draft=book)
    _give(csv_of(DIFFERENCE_HEADINGS, [each.row for each in found]), out)
    for outcome, zh in (("flagged", "新增预警"), ("freed", "不再预警")):
        contracts, money = summed(found, outcome)
        typer.echo(f"{zh} {outcome}: {contracts} contracts, {money}", err=True)


@commands.command("changes")
def show_changes(
    on: Annotated[datetime | None, typer.Option("--on", formats=[_DAY], help="The changes of this day.")] = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=[_DAY], help="Or of all days from this.")] = None,
    last: Annotated[datetime | None, typer.Option("--until", formats=[_DAY], help="To this one, inside.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write every contract with its version, as CSV.")] = None,
) -> None:
    """Which fee rules change, and which open contracts keep which version: those signed before keep theirs."""
    begins, ends = first or on, last or on
    if begins is None or ends is None or (on is not None and (first or last)) or ends < begins:
        raise typer.BadParameter("name one day with --on, or two with --from and --until, in their order")
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        found = turns(db, rulebook=Rulebook.load(), first=begins.date(), last=ends.date())
    for turn in found:
        place = " ".join(turn.scope)
        typer.echo(f"{turn.day} {turn.name} ({place}): {version_of(turn.before)} → {version_of(turn.after)}")
        for version, contract_ids in turn.under.items():
            shown = ", ".join(str(each) for each in contract_ids[:_NAMED])
            more = f", … {len(contract_ids) - _NAMED} more" if len(contract_ids) > _NAMED else ""
            typer.echo(f"  {len(contract_ids)} under {version}: {shown}{more}")
    typer.echo(f"变更 changes: {len(found)}")
    if out is not None:
        _give(csv_of(TURN_HEADINGS, [row for turn in found for row in turn.rows]), out)


def _give(content: bytes, out: Path | None) -> None:
    if out is None:
        typer.echo(content, nl=False)
    else:
        out.write_bytes(content)


def _show(explanation: Explanation, console: Console) -> None:
    terms, place = explanation.terms, explanation.jurisdiction
    looked = sum(each.verdict in ("kept", "broken") for each in explanation.looks)
    broken = len(explanation.broken)
    console.print(
        f"合同 contract {terms.contract_id}，{place.name_zh} {place.name_en}，{terms.subject}："
        f"适用 {looked} 条规则 rules apply，违反 {broken} 条 broken",
        style="bold",
        highlight=False,
    )
    table = Table(show_lines=True, expand=True)
    table.add_column("规则 rule", overflow="fold", ratio=2)
    table.add_column("说明 explanation", overflow="fold", ratio=5)
    for each in explanation.looks:
        table.add_row(_heading(each), Text(f"{each.zh}\n{each.en}"))
    console.print(table)


def _heading(look: Look) -> Text:
    words, style = _VERDICTS[look.verdict]
    heading = Text.assemble((words, style), "\n", PARAMETERS[look.name].zh, "\n", look.name)
    if look.limit is not None:
        heading.append(f"\n上限 limit {look.limit}\n实际 found {look.found}")
    if look.rule is not None:
        heading.append(f"\n{look.rule.version}")
    return heading
