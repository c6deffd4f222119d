"""`escrow matches …`: matches that wait for a second person, and one that is undone, from a terminal."""

from collections.abc import Callable
from typing import Annotated

import typer
from sqlalchemy import Connection

from escrow import db as database
from escrow.commands.terminal import caller, now, the_database
from escrow.settings import Settings
from escrow.settlement import matches, proposal_sides, proposals, undoing
from escrow.settlement.proposals import Proposal
from ledger.money import Money

commands = typer.Typer(help="Matches as people decide them 勾对.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="ID")]
Reason = Annotated[str, typer.Option("--reason", help="For the others to read.")]


@commands.command("list")
def waiting(
    account: Annotated[str | None, typer.Option("--account", help="Of one supervised account only.")] = None,
) -> None:
    """Every proposal that waits for a second person, with what it would match."""
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        last = 0
        while page := proposals.page(db, account, after=last):
            for each in page:
                typer.echo(_told(db, each))
            last = page[-1].id


@commands.command()
def accept(proposal: Number) -> None:
    """Approve what somebody else proposed, or ran the rule of: it is matched and booked."""

    def do(db: Connection) -> None:
        made = matches.get(db, proposals.approve(db, proposal, by=caller(), now=now()))
        typer.echo(f"proposal {proposal}: match {made.id}, booked {Money(made.booked).major}")

    _write(do)


@commands.command()
def refuse(proposal: Number, reason: Reason) -> None:
    """Decline what somebody else proposed; a rule does not propose it again."""

    def do(db: Connection) -> None:
        ended = proposals.decline(db, proposal, reason=reason, by=caller(), now=now())
        typer.echo(f"proposal {ended.id}: {ended.state} by {ended.decided_by}")

    _write(do)


@commands.command()
def undo(match: Number, reason: Reason) -> None:
    """Undo a match: it stays on record, what it booked is reversed, its lines come back on the list of breaks."""

    def do(db: Connection) -> None:
        ended = undoing.undo(db, match, reason=reason, by=caller(), now=now())
        typer.echo(f"match {ended.id} ({ended.rule}): undone by {ended.undone_by}")

    _write(do)


def _told(db: Connection, each: Proposal) -> str:
    chosen = proposal_sides.chosen_of(db, each.id, each.books)
    sides = (("lines", chosen.lines), ("payments", chosen.payments), ("payouts", chosen.payouts))
    told = ", ".join(f"{name} {' '.join(map(str, ids))}" for name, ids in sides if ids)
    books = f" as {each.books}" if each.books else ""
    written_off = f", {Money(each.difference).major} written off" if each.difference else ""
    return f"{each.id} {each.account} {each.rule}: {told}{books}{written_off} (by {each.proposed_by}) {each.evidence}"


def _write(do: Callable[[Connection], None]) -> None:
    with the_database(Settings()) as engine, database.transaction(engine) as db:
        do(db)
