"""`escrow day reopen …` and `confirm-balance …`: signed days opened again, and what the bank confirmed on paper."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import typer
from sqlalchemy import Connection

from escrow import db as database
from escrow.commands.terminal import CannotGoOn, caller, now, the_database
from escrow.settings import Settings
from escrow.settlement import confirmations, reopening
from escrow.settlement.reconciling import reconcile
from ledger.money import Money, NotAnAmount

commands = typer.Typer()

Account = Annotated[str, typer.Option("--account", help="The supervised account.")]
Day = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The local day, 2026-10-31.")]
Number = Annotated[int, typer.Argument(metavar="ID")]
Reason = Annotated[str, typer.Option("--reason", help="For the others to read.")]


@commands.command("reopen")
def ask(day: Day, account: Account, reason: Reason) -> None:
    """Ask for a signed day, and all later ones, to be reopened; somebody else approves."""

    def do(db: Connection) -> None:
        asked = reopening.ask(db, account, day.date(), reason=reason, by=caller(), now=now())
        typer.echo(f"reopening {asked.id}: {account} from {asked.day}, waits for somebody else")

    _write(do)


@commands.command("approve-reopening")
def approve(number: Number) -> None:
    """Approve what somebody else asked: late lines are taken in, and the account is reconciled."""

    def do(db: Connection) -> None:
        decided = reopening.approve(db, number, by=caller(), now=now())
        run = reconcile(db, decided.account, by=caller(), now=now())
        typer.echo(f"{decided.account}: open again from {decided.day}, open breaks: {len(run.open)}")

    _write(do)


@commands.command("reject-reopening")
def reject(number: Number) -> None:
    """Leave the days as they were signed."""

    def do(db: Connection) -> None:
        decided = reopening.reject(db, number, by=caller(), now=now())
        typer.echo(f"reopening {decided.id}: rejected by {decided.decided_by}")

    _write(do)


@commands.command("confirm-balance")
def enter_balance(
    day: Day,
    account: Account,
    balance: Annotated[str, typer.Option("--balance", help="At the end of the day, 1280.00.")],
    document: Annotated[str, typer.Option("--document", help="The bank's paper: its name, number and date.")],
) -> None:
    """Enter what the bank confirmed on paper, where its files state no balance; somebody else approves."""
    try:
        fen = Money.parse(balance).minor
    except NotAnAmount as error:
        raise CannotGoOn(str(error)) from None

    def do(db: Connection) -> None:
        by, at = caller(), now()
        made = confirmations.enter(db, account, day.date(), balance=fen, document=document, by=by, now=at)
        typer.echo(f"confirmation {made.id}: {account} {made.day} {Money(made.balance).major}, waits for somebody else")

    _write(do)


@commands.command("approve-balance")
def approve_balance(number: Number) -> None:
    """Approve a balance that somebody else entered, paper in hand."""

    def do(db: Connection) -> None:
        made = confirmations.approve(db, number, by=caller(), now=now())
        typer.echo(f"{made.account} {made.day}: {Money(made.balance).major} by {made.document}")

    _write(do)


@commands.command("reject-balance")
def reject_balance(number: Number, reason: Reason) -> None:
    """Reject a balance that somebody else entered."""

    def do(db: Connection) -> None:
        ended = confirmations.reject(db, number, reason=reason, by=caller(), now=now())
        typer.echo(f"confirmation {ended.id}: rejected by {ended.decided_by}")

    _write(do)


def _write(do: Callable[[Connection], None]) -> None:
    with the_database(Settings()) as engine, database.transaction(engine) as db:
        do(db)
