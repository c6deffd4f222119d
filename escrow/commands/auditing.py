"""`escrow audit`: everything recomputed, and held to the heads that were published."""

from pathlib import Path
from typing import Annotated

import typer

from escrow import db as database
from escrow.commands.terminal import FAILED, the_database
from escrow.oversight import audit as oversight
from escrow.settings import Settings
from ledger import blocks

auditing = typer.Typer(add_completion=False)


@auditing.command()
def audit(
    heads: Annotated[
        list[Path] | None, typer.Option("--head", help="A head that was published once, as `ledger head` printed it.")
    ] = None,
) -> None:
    """Recompute every invariant from the transfers; exit status 1 and the first breach when one fails."""
    try:
        published = dict(blocks.published(file.read_text(encoding="utf-8")) for file in heads or ())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        for breach in oversight.audit(db, published=published):
            typer.echo(f"audit: {breach}")
            raise typer.Exit(FAILED)
    typer.echo("audit: ok")
