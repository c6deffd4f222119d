"""`escrow demo`: a small county lives through three months."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from escrow import demo as county
from escrow.commands.terminal import FAILED

commands = typer.Typer(add_completion=False)


@commands.command()
def demo(
    folder: Annotated[Path, typer.Option("--dir", help="Where its database, bank files and codes go.")] = Path(
        "demo-data"
    ),
) -> None:
    """A small county lives through three months and prints what happened."""
    if not county.run(folder, console=Console()):
        raise typer.Exit(FAILED)
