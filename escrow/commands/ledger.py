"""The books from a terminal: `escrow ledger …`."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, Engine

from escrow import db as database
from escrow.access import keys
from escrow.commands.terminal import CannotGoOn, now, the_database
from escrow.rules.months import SHANGHAI
from escrow.settings import Settings
from ledger import balances, blocks, sealing
from ledger.blocks import Block
from ledger.money import Money

ledger_commands = typer.Typer(help="The books 账簿.", no_args_is_help=True)

AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The end of this day in Asia/Shanghai.")]


class Format(StrEnum):
    """What `ledger export` writes."""

    HLEDGER = "hledger"
    BEANCOUNT = "beancount"
    CSV = "csv"


@ledger_commands.command("trial-balance")
def trial_balance(as_of: AsOf = None) -> None:
    """Every account's debits and credits, summed from the transfers."""
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        lines = balances.trial_balance(db, as_of=_end_of(as_of))
    shown = _columns("account", "kind", amounts=("debits", "credits", "balance"))
    for each in lines:
        shown.add_row(each.path, each.kind, *_amounts(each.debits, each.credits, each.amount))
    debits, credits = (sum(getattr(each, side) for each in lines) for side in ("debits", "credits"))
    shown.add_section()
    shown.add_row("total", "", *_amounts(debits, credits, debits - credits))
    _wide().print(shown)


@ledger_commands.command()
def tree(
    path: Annotated[str, typer.Argument(help="A node, such as contract or bank/6200000001; none: the root.")] = "",
    as_of: AsOf = None,
) -> None:
    """What a node of the tree of accounts and each of its children add up to, all below them included."""
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        found = balances.rolled_up(db, path, as_of=_end_of(as_of))
    if path and not found.nodes:
        raise CannotGoOn(f"there is no account {path} and none below it; escrow ledger tree shows where they begin")
    shown = _columns("node", "accounts", amounts=("debits", "credits", "net"))
    for each in found.children:
        shown.add_row(each.path, str(each.accounts), *_amounts(each.debits, each.credits, each.net))
    shown.add_section()
    for each in found.nodes:
        shown.add_row(path or "total", str(each.accounts), *_amounts(each.debits, each.credits, each.net))
    _wide().print(shown)


@ledger_commands.command()
def head() -> None:
    """The signed head of the books as JSON, to be published; it names the public key it was signed with."""
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        newest = blocks.head(db)
    if newest is None:
        raise CannotGoOn("nothing is sealed yet; seal it with: escrow ledger seal")
    sys.stdout.write(json.dumps(blocks.head_content(newest), indent=2) + "\n")


@ledger_commands.command("export")
def export_ledger(
    file_format: Annotated[Format, typer.Option("--format", help="For which program.")] = Format.HLEDGER,
) -> None:
    """Write all transfers as a journal to the standard output."""
    from ledger import export  # noqa: PLC0415  no other command needs it

    write: Callable[[Connection], Iterator[str]] = getattr(export, file_format.value)
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        sys.stdout.writelines(write(db))


@ledger_commands.command("seal")
def seal_ledger() -> None:
    """Seal what is committed and not sealed yet, once; the service does it by itself all the time."""
    sealed = []
    with the_database(Settings()) as engine:
        while (block := _seal_next(engine)) is not None:
            sealed.append(block.header.transfers)
    typer.echo(f"sealed: {sum(sealed)} transfers in {len(sealed)} blocks")


def _end_of(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time.min, SHANGHAI) + timedelta(days=1)


def _amounts(*fen: int) -> list[str]:
    return [Money(each).major for each in fen]


def _columns(*words: str, amounts: tuple[str, ...]) -> Table:
    shown = Table(*words, box=box.HEAVY_HEAD if Console().is_terminal else None)  # plain columns for programs
    for each in amounts:
        shown.add_column(each, justify="right")
    return shown


def _wide() -> Console:
    """A terminal as it is; a file or a pipe as wide as the longest line needs."""
    console = Console()
    return console if console.is_terminal else Console(width=200)


def _seal_next(engine: Engine) -> Block | None:
    with database.transaction(engine) as db:
        return sealing.seal(db, signer=keys.sealer(db), now=now())
