"""`escrow rules explain CONTRACT`: every fee rule held against one contract, with the numbers."""

from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from escrow import db as database
from escrow.enrolment.explaining import Explanation, Look, explain
from escrow.rules.parameters import PARAMETERS
from escrow.rules.rulebook import Rulebook
from escrow.settings import Settings
from escrow.terminal import the_database

commands = typer.Typer(help="The fee rules 收费规则.", no_args_is_help=True)

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
