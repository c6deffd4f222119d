"""`escrow serve`: the service, until it is stopped."""

from pathlib import Path
from typing import Annotated, Final

import typer
import uvicorn

from escrow.app import create_app
from escrow.commands.terminal import now, shown, the_database
from escrow.rules.rulebook import Rulebook
from escrow.settings import Settings

GRACE_SECONDS: Final = 10

commands = typer.Typer(add_completion=False)


@commands.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8000,
    folder: Annotated[Path | None, typer.Option("--dir", help="Serve the demo's database in this folder.")] = None,
) -> None:
    """The service, until it is stopped."""
    settings = Settings()
    if folder is not None:
        settings = settings.model_copy(update={"database_url": f"sqlite:///{folder / 'escrow.db'}"})
    if "base_url" not in settings.model_fields_set:
        settings = settings.model_copy(update={"base_url": f"http://127.0.0.1:{port}"})
    with the_database(settings) as engine:
        app = create_app(engine, rulebook=Rulebook.load(), settings=settings, clock=now)
        here = f"http://{host}:{port}"
        typer.echo(f"serving {shown(engine)} on {here}; what it can do: {here}/openapi.json")
        # A stream of alerts stays open for minutes: a service that is told to stop does not wait for it.
        uvicorn.run(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=GRACE_SECONDS)
