"""`escrow statement import-bill FILE`: what a payment channel says of each order, brought in from a terminal."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from escrow import db as database
from escrow.commands.terminal import caller, the_database
from escrow.settings import Settings
from escrow.settlement import merchant_bills
from escrow.settlement.making import LUMP
from escrow.settlement.reconciling import reconcile
from ledger.money import Money

commands = typer.Typer()


@commands.command("import-bill")
def import_bill(
    file: Annotated[Path, typer.Argument(help="A bill of all trades by WeChat Pay, Alipay or UnionPay.")],
    account: Annotated[str, typer.Option("--account", help="The supervised account that the merchant pays into.")],
) -> None:
    """Keep a channel's bill row by row, whole or not at all; no row is kept twice. Then reconcile the account."""
    data = file.read_bytes()
    with the_database(Settings()) as engine, database.transaction(engine) as db:
        by, now = caller(), datetime.now(UTC)
        kept = merchant_bills.import_file(db, data, account=account, by=by, now=now)
        run = reconcile(db, account, by=by, now=now)
        days = "no trades" if kept.begins is None else f"{kept.begins} – {kept.ends}"
        counted = f"{kept.trades} payments and refunds, {kept.fresh} of them new, net {Money(kept.net).major}"
        typer.echo(f"{kept.account}: {kept.channel} {days}, {counted}")
        typer.echo(f"{kept.account}: lumps matched: {run.matched.get(LUMP, 0)}, open breaks: {len(run.open)}")
