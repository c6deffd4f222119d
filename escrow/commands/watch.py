"""`escrow monitor` and `escrow silence`: what is looked through and confirmed once a day."""

import typer
from sqlalchemy import Connection

from escrow.commands.terminal import caller, now, write
from escrow.monitoring import scoring
from escrow.monitoring.sweep import sweep
from escrow.monitoring.watching import watch
from escrow.rules.habits import Habits
from escrow.rules.rulebook import Rulebook
from escrow.teaching.confirmations import confirm_by_silence
from ledger.money import Money

monitoring = typer.Typer(add_completion=False)
confirming = typer.Typer(add_completion=False)


@monitoring.command()
def monitor() -> None:
    """Hold the fee rules against every open contract and watch for evasions; print and keep what is found."""
    rulebook, habits = Rulebook.load(), Habits.load()

    def do(db: Connection) -> None:
        at = now()
        found = [*sweep(db, rulebook=rulebook, now=at), *watch(db, rulebook=rulebook, habits=habits, now=at)]
        for each in found:
            citation = " ".join(each.citation[part] for part in ("title", "number") if each.citation[part])
            typer.echo(f"{each.id} {each.state} {each.version} ({citation})\n  {each.zh}\n  {each.en}")
        for score in scoring.highest(db, now=at):
            typer.echo(str(score))
        typer.echo(f"alerts: {len(found)}")

    write(do)


@confirming.command()
def silence() -> None:
    """Confirm the lessons whose guardians have let the rule's working days pass; once a day."""

    def do(db: Connection) -> None:
        swept = confirm_by_silence(db, by=caller(), now=now())
        typer.echo(f"confirmed: {swept.confirmed} lessons, {Money(swept.amount)}; not paid for: {len(swept.unfunded)}")

    write(do)
