"""`escrow db …`: the database's schema."""

import typer

from escrow import db as database
from escrow.commands.terminal import shown, the_database
from escrow.settings import Settings

commands = typer.Typer(help="The database.", no_args_is_help=True)


@commands.command()
def upgrade() -> None:
    """Bring the database to the newest version of the schema; make it when there is none."""
    settings = Settings()
    with the_database(settings, upgraded=False) as engine:
        database.upgrade(engine, region=settings.region)
        typer.echo(f"{shown(engine)} is up to date")
