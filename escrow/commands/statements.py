"""`escrow statement …` and `escrow reconcile`: the bank's files come in and are explained."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from escrow.commands import bills, layouts
from escrow.commands.terminal import caller, now, write
from escrow.refusals import Unknown
from escrow.settlement import breaks, cash, statements
from escrow.settlement.reconciling import Reconciliation
from escrow.settlement.reconciling import reconcile as reconcile_account
from ledger.money import Money

commands = typer.Typer(help="The bank's statements 对账单.", no_args_is_help=True)
commands.add_typer(layouts.commands)
commands.add_typer(bills.commands)
reconciling = typer.Typer(add_completion=False)

Account = Annotated[str, typer.Option("--account", help="The supervised account.")]


@commands.command("import")
def import_statement(
    file: Annotated[Path, typer.Argument(help="camt.053, or a bank's CSV or Excel file.")], account: Account
) -> None:
    """Take in a bank's file, whole or not at all, and reconcile its account."""
    data = file.read_bytes()

    def do(db: Connection) -> None:
        by, at = caller(), now()
        imported = statements.import_file(db, data, filename=file.name, account=account, by=by, now=at)
        for each in imported:
            typer.echo(f"{each.account}: {each.begins} – {each.ends}, {each.lines} lines, {each.fresh} of them new")
        for each_account in sorted({each.account for each in imported}):
            _print_run(reconcile_account(db, each_account, by=by, now=at))

    write(do)


@reconciling.command()
def reconcile(account: Account) -> None:
    """Match the bank's lines of an account, book what they prove, list the rest, and prove the cash."""

    def do(db: Connection) -> None:
        _print_run(reconcile_account(db, account, by=caller(), now=now()))
        try:
            typer.echo(str(cash.prove(db, account)))
        except Unknown:
            typer.echo(f"{account}: no statement with a balance was imported, so there is no proof of cash yet")

    write(do)


def _print_run(run: Reconciliation) -> None:
    for kind, counts in (("matched", run.matched), ("booked", run.booked)):
        told = ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "nothing new"
        typer.echo(f"{run.account}: {kind}: {told}")
    typer.echo(f"{run.account}: open breaks: {len(run.open)}")
    for each in run.open:
        kind = breaks.IN_CHINESE.get(each.kind, each.kind)
        typer.echo(f"  {each.id} {kind} {Money(each.amount).major} {each.detail} (due {each.due_on}, {each.owner})")
