"""`escrow breaks report` and `escrow day …`: what is open between bank and books, and days proved and signed off."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from escrow import db as database
from escrow.commands import day_work, three_ways
from escrow.commands.terminal import caller, the_database
from escrow.rules.months import SHANGHAI
from escrow.settings import Settings
from escrow.settlement import ageing_picture, break_report, cash, signing
from escrow.settlement.break_kinds import IN_CHINESE
from escrow.settlement.break_report import COLUMNS, Entry, aged
from escrow.settlement.tie_out import tie_out
from escrow.spreadsheets import csv_of, xlsx_of
from ledger.money import Money

break_commands = typer.Typer(help="What bank and books do not agree on 未决差异.", no_args_is_help=True)
break_commands.add_typer(three_ways.commands)
day_commands = typer.Typer(help="A day of an account, proved and signed off 日终.", no_args_is_help=True)
day_commands.add_typer(day_work.commands)

Account = Annotated[str, typer.Option("--account", help="The supervised account.")]
Day = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The local day, 2026-10-31.")]
To = Annotated[Path | None, typer.Option(help="Write it into this file.")]


@break_commands.callback()
def _with_a_name() -> None:
    """What bank and books do not agree on 未决差异."""


@break_commands.command()
def report(
    csv: To = None,
    xlsx: To = None,
    svg: To = None,
    account: Annotated[str | None, typer.Option("--account", help="Of one supervised account only.")] = None,
) -> None:
    """Everything open, the gravest and oldest first, and how much of it is how old; as a table or a picture too."""
    now = _now()
    on = now.astimezone(SHANGHAI).date()
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        found = break_report.report(db, account, on=on)
    for each in found:
        typer.echo(_told(each))
    for name, of_age in aged(found).items():
        count, fen = (sum(each[part] for each in of_age.values()) for part in (0, 1))
        typer.echo(f"{name}: {count}, {Money(fen)}")
    rows = [each.cells for each in found]
    if csv is not None:
        csv.write_bytes(csv_of(COLUMNS, rows))
    if xlsx is not None:
        xlsx.write_bytes(xlsx_of("未决差异", COLUMNS, rows, at=now))
    if svg is not None:
        svg.write_text(ageing_picture.picture(found, on=on), encoding="utf-8")


@day_commands.command()
def prove(day: Day, account: Account) -> None:
    """The proof of cash at the end of a day, and what is owed out of what the bank holds."""
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        _print_proof(db, account, day.date())


@day_commands.command("sign-off")
def sign_off(day: Day, account: Account) -> None:
    """Sign a day off, and freeze it and all before: when every line has its place and nothing is unexplained."""
    with the_database(Settings()) as engine, database.transaction(engine) as db:
        made = signing.sign_off(db, account, day.date(), by=caller(), now=_now())
        _print_proof(db, account, made.day)
        typer.echo(f"{account}: signed off up to {made.day} by {made.signed_by}")


def _print_proof(db: Connection, account: str, day: date) -> None:
    proof = cash.prove(db, account, on=day)
    tied = tie_out(db, account, on=proof.on)
    typer.echo(str(proof))
    for kind, fen in sorted(tied.owed.items()):
        typer.echo(f"{kind}: {Money(fen).major}")
    held = Money(tied.bank + tied.fees).major
    typer.echo(
        f"bank and fees {held}, owed {Money(sum(tied.owed.values())).major}: {'tied out' if tied.holds else 'NOT'}"
    )


def _told(each: Entry) -> str:
    late = " 逾期" if each.overdue else ""
    kind = IN_CHINESE.get(each.kind, each.kind)
    return (
        f"{each.id} {each.account} {kind} {Money(each.amount).major} {each.detail} "
        f"({each.age} 天, 限期 {each.due_on}{late}, {each.owner or '无责任人'})"
    )


def _now() -> datetime:
    return datetime.now(UTC)
