"""`escrow statement profiles` and `check FILE`: which banks' files are known, and what this file is taken for."""

from pathlib import Path
from typing import Annotated, Final

import typer

from escrow.commands.terminal import told
from reconciliation import bill_profiles, bills, checking, control, profiles, reading
from reconciliation.amounts import major
from reconciliation.bills import Bill
from reconciliation.statement import Statement, StatementRefused

REFUSED: Final = 1

commands = typer.Typer()


@commands.command("profiles")
def list_profiles() -> None:
    """The layouts that are known: bank, file, header row, columns, and where each was seen."""
    for each in profiles.known():
        told_of = f"{each.name} ({each.bank}): {each.file}; header on row {each.header_row}"
        typer.echo(f"{told_of}\n  columns: {'，'.join(each.header)}\n  seen: {each.source}")
    for bill in bill_profiles.known():
        told_of = f"{bill.name} ({bill.channel}, a merchant's bill): {bill.file}"
        typer.echo(f"{told_of}\n  columns: {'，'.join(bill.columns)}\n  seen: {bill.source}")
    typer.echo("camt.052, camt.053, camt.054 and MT940 need no profile")


@commands.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="A bank's file or a channel's bill; nothing is imported.")],
) -> None:
    """Which profile fits a file, and why each of the others does not. Exit status 1 when it could not be imported."""
    data = file.read_bytes()
    try:
        channel = bills.channel(data)
        lines = [_of_bill(bills.read(data))] if channel else _of_statements(data, file.name)
    except StatementRefused as reason:
        typer.echo(f"{file.name}: refused\n{told(reason)}")
        _compare(data)
        raise typer.Exit(REFUSED) from None
    typer.echo(f"{file.name}: can be {'read' if channel else 'imported'}")
    for line in lines:
        typer.echo(line)
    _compare(data)


def _of_statements(data: bytes, name: str) -> list[str]:
    return [_of(control.confirmed(each)) for each in reading.read(data, filename=name)]


def _of(statement: Statement) -> str:
    account = statement.account or "(the file names no account; say --account when importing)"
    opening, closing = (
        "unknown" if each is None else major(each, statement.currency)
        for each in (statement.opening, statement.closing)
    )
    told_of = (
        f"{statement.format}: {account} {statement.currency}, {statement.begins} – {statement.ends}, "
        f"{len(statement.lines)} lines, opening {opening}, closing {closing}"
    )
    return "\n  ".join([told_of, *statement.notes])


def _of_bill(bill: Bill) -> str:
    told_of = f"{bill.format}: {bill.channel}, {len(bill.lines)} payments and refunds, net {major(bill.net, 'CNY')}"
    return "\n  ".join([told_of, *bill.notes])


def _compare(data: bytes) -> None:
    """Every profile against every table, the nearest first. A file that holds no table has nothing to compare."""
    try:
        sheets = checking.sheets(data)
    except StatementRefused:
        return  # the reason has been told already
    for sheet in sheets:
        typer.echo(f"sheet {sheet.name}:" if sheet.name else "compared with each profile:")
        for each in sheet.against:
            verdict = f"fits, header on row {each.row}" if each.fits else str(each)
            typer.echo(f"  {each.profile.name} ({each.profile.bank}): {verdict}")
