"""`escrow breaks three-ways`: each payment of a period by its notice, its line and its transfer."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from escrow import db as database
from escrow.commands.terminal import now, the_database
from escrow.settings import Settings
from escrow.settlement import three_places
from escrow.settlement.place_reasons import IN_CHINESE
from ledger.money import Money

commands = typer.Typer()

Day = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="A local day, 2026-10-31.")]
To = Annotated[Path | None, typer.Option(help="Write every payment into this file.")]


@commands.command("three-ways")
def three_ways(
    *,
    account: Annotated[str, typer.Option("--account", help="The supervised account.")],
    begins: Day,
    ends: Day,
    csv: To = None,
    xlsx: To = None,
) -> None:
    """In how many of the three places the payments of a period stand, and each that does not stand in all 三方核对."""
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        found = three_places.of_period(db, account, begins.date(), ends.date())
    counts = three_places.counted(found)
    told = ", ".join(f"in {places}: {count}" for places, count in counts.by_places.items())
    typer.echo(f"{account} {begins.date()} – {ends.date()}: {counts.payments} payments, {told}")
    for each in three_places.apart(found):
        where = "".join("有" if there else "无" for there in (each.notified, each.on_statement, each.in_books))
        state = IN_CHINESE[each.state]
        typer.echo(f"{each.on} {each.serial} {Money(each.amount).major} {where} {state}：{each.reason_zh}")
    at = now()
    if csv is not None:
        csv.write_bytes(three_places.written(found, "csv", at=at))
    if xlsx is not None:
        xlsx.write_bytes(three_places.written(found, "xlsx", at=at))
