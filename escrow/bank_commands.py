"""`escrow bank …`: what the bank says, brought in from a terminal."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from escrow import db as database
from escrow.payouts import answers
from escrow.settings import Settings
from escrow.terminal import caller, the_database

commands = typer.Typer(help="The supervising bank 监管银行.", no_args_is_help=True)


@commands.command("answer")
def take_answer(
    file: Annotated[Path, typer.Argument(help="pain.002, the bank's report on a payout file.")],
) -> None:
    """Take in the bank's answer to a payout file: what it rejects is owed again, the rest waits for the statement."""
    data = file.read_bytes()
    with the_database(Settings()) as engine, database.transaction(engine) as db:
        answer = answers.take(db, data, by=caller(), now=datetime.now(UTC))
        effects = Counter(each.effect for each in answer.lines)
        told = ", ".join(f"{effect} {count}" for effect, count in sorted(effects.items())) or "nothing"
        typer.echo(f"{answer.message_id} on batch {answer.batch_id}: {told}")
        for each in answer.lines:
            if each.effect in ("rejected", "contradiction"):
                typer.echo(f"  {each.instruction_id} {each.effect}: {each.status} {each.code} {each.reason}".rstrip())
