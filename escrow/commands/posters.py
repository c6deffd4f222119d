"""`escrow poster INSTITUTION`: the poster that an institution hangs up, perhaps with its mark in the code."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from escrow import db as database
from escrow.access.keys import own_secret
from escrow.commands.terminal import caller, the_database
from escrow.registry import posters
from escrow.registry.posters import OUR_BUREAU, Publisher
from escrow.settings import Settings
from qrpay.link import Links
from qrpay.symbol import Mark, MarkRefused

commands = typer.Typer(add_completion=False)


@commands.command()
def poster(
    institution: Annotated[int, typer.Argument(help="The institution's id.")],
    out: Annotated[Path, typer.Option(help="The PDF to write.")] = Path("poster.pdf"),
    mark: Annotated[
        Path | None, typer.Option(help="The institution's mark, PNG or JPEG, for the middle of the code.")
    ] = None,
) -> None:
    """Write the poster that an institution hangs up: one A4 page, its code opens the institution's page."""
    settings = Settings()
    try:
        in_code = None if mark is None else Mark(picture=mark.read_bytes())
    except MarkRefused as refused:
        raise typer.BadParameter(str(refused)) from refused
    with the_database(settings) as engine, database.transaction(engine) as db:
        publisher = Publisher(
            issuer=settings.bureau_name or OUR_BUREAU,
            bank=settings.supervising_bank,
            complaints=settings.complaints,
            links=Links(settings.base_url, own_secret(db, "payment-link")),
        )
        now = datetime.now(UTC)
        drawn = posters.poster(db, institution, publisher=publisher, mark=in_code, by=caller(), now=now)
    out.write_bytes(drawn)
    typer.echo(f"{out}: {len(drawn)} bytes; hang it up where families see it, and take older ones down")
