"""The command line: the bank's day, the books and the service from a terminal. The clock is read here and passed on."""

import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from sqlalchemy import Connection, Engine

from escrow import db as database
from escrow.access import keys
from escrow.commands import alerts, bank, bills, caps, layouts, posters, three_ways
from escrow.commands.bank_day import break_commands, day_commands
from escrow.commands.keys import key_commands, merchant_commands
from escrow.commands.ledger import ledger_commands
from escrow.commands.rules import rule_commands
from escrow.commands.terminal import FORESEEN, caller, shown, the_database, told
from escrow.monitoring import scoring
from escrow.monitoring.sweep import sweep
from escrow.monitoring.watching import watch
from escrow.oversight import audit as oversight
from escrow.refusals import Unknown
from escrow.rules.habits import Habits
from escrow.rules.rulebook import Rulebook
from escrow.settings import Settings
from escrow.settlement import breaks, cash, statements
from escrow.settlement.reconciling import Reconciliation
from escrow.settlement.reconciling import reconcile as reconcile_account
from escrow.teaching.confirmations import confirm_by_silence
from ledger import blocks, sealing
from ledger.blocks import Block
from ledger.money import Money

FAILED: Final = 1
GRACE_SECONDS: Final = 10

cli = typer.Typer(
    help="Tuition Escrow 校外培训预收费监管. ESCROW_DATABASE_URL chooses the database; a SQLite file by default.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
statement_commands = typer.Typer(help="The bank's statements 对账单.", no_args_is_help=True)
db_commands = typer.Typer(help="The database.", no_args_is_help=True)
statement_commands.add_typer(layouts.commands)
statement_commands.add_typer(bills.commands)
break_commands.add_typer(three_ways.commands)
rule_commands.add_typer(caps.commands)
cli.add_typer(statement_commands, name="statement")
cli.add_typer(ledger_commands, name="ledger")
cli.add_typer(break_commands, name="breaks")
cli.add_typer(day_commands, name="day")
cli.add_typer(bank.commands, name="bank")
cli.add_typer(rule_commands, name="rules")
cli.add_typer(alerts.commands, name="alerts")
cli.add_typer(db_commands, name="db")
cli.add_typer(key_commands, name="keys")
cli.add_typer(merchant_commands, name="merchants")
cli.command("poster")(posters.poster)

Account = Annotated[str, typer.Option("--account", help="The supervised account.")]


@cli.command()
def demo(
    folder: Annotated[Path, typer.Option("--dir", help="Where its database, bank files and codes go.")] = Path(
        "demo-data"
    ),
) -> None:
    """A small county lives through three months and prints what happened."""
    from escrow import demo as county  # noqa: PLC0415  it brings the sandbox bank, which no other command needs

    if not county.run(folder, console=Console()):
        raise typer.Exit(FAILED)


@cli.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8000,
    folder: Annotated[Path | None, typer.Option("--dir", help="Serve the demo's database in this folder.")] = None,
) -> None:
    """The service, until it is stopped."""
    import uvicorn  # noqa: PLC0415  the web takes a second to load, and no other command needs it

    from escrow.app import create_app  # noqa: PLC0415  likewise

    settings = Settings()
    if folder is not None:
        settings = settings.model_copy(update={"database_url": f"sqlite:///{folder / 'escrow.db'}"})
    if "base_url" not in settings.model_fields_set:
        settings = settings.model_copy(update={"base_url": f"http://127.0.0.1:{port}"})
    with the_database(settings) as engine:
        app = create_app(engine, rulebook=Rulebook.load(), settings=settings, clock=_now)
        _say(f"serving {shown(engine)} on http://{host}:{port}; what it can do: http://{host}:{port}/openapi.json")
        # A stream of alerts stays open for minutes: a service that is told to stop does not wait for it.
        uvicorn.run(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=GRACE_SECONDS)


@statement_commands.command("import")
def import_statement(
    file: Annotated[Path, typer.Argument(help="camt.053, or a bank's CSV or Excel file.")], account: Account
) -> None:
    """Take in a bank's file, whole or not at all, and reconcile its account."""
    data = file.read_bytes()

    def do(db: Connection) -> None:
        by, now = caller(), _now()
        imported = statements.import_file(db, data, filename=file.name, account=account, by=by, now=now)
        for each in imported:
            _say(f"{each.account}: {each.begins} – {each.ends}, {each.lines} lines, {each.fresh} of them new")
        for each_account in sorted({each.account for each in imported}):
            _print_run(reconcile_account(db, each_account, by=by, now=now))

    _write(do)


@cli.command()
def reconcile(account: Account) -> None:
    """Match the bank's lines of an account, book what they prove, list the rest, and prove the cash."""

    def do(db: Connection) -> None:
        _print_run(reconcile_account(db, account, by=caller(), now=_now()))
        try:
            _say(str(cash.prove(db, account)))
        except Unknown:
            _say(f"{account}: no statement with a balance was imported, so there is no proof of cash yet")

    _write(do)


@cli.command()
def monitor() -> None:
    """Hold the fee rules against every open contract and watch for evasions; print and keep what is found."""
    rulebook, habits = Rulebook.load(), Habits.load()

    def do(db: Connection) -> None:
        now = _now()
        found = [*sweep(db, rulebook=rulebook, now=now), *watch(db, rulebook=rulebook, habits=habits, now=now)]
        for each in found:
            citation = " ".join(each.citation[part] for part in ("title", "number") if each.citation[part])
            _say(f"{each.id} {each.state} {each.version} ({citation})\n  {each.zh}\n  {each.en}")
        for score in scoring.highest(db, now=now):
            _say(str(score))
        _say(f"alerts: {len(found)}")

    _write(do)


@cli.command()
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
            _say(f"audit: {breach}")
            raise typer.Exit(FAILED)
    _say("audit: ok")


@ledger_commands.command("seal")
def seal_ledger() -> None:
    """Seal what is committed and not sealed yet, once; the service does it by itself all the time."""
    sealed = []
    with the_database(Settings()) as engine:
        while (block := _seal_next(engine)) is not None:
            sealed.append(block.header.transfers)
    _say(f"sealed: {sum(sealed)} transfers in {len(sealed)} blocks")


@cli.command()
def silence() -> None:
    """Confirm the lessons whose guardians have let the rule's working days pass; once a day."""

    def do(db: Connection) -> None:
        swept = confirm_by_silence(db, by=caller(), now=_now())
        _say(f"confirmed: {swept.confirmed} lessons, {Money(swept.amount)}; not paid for: {len(swept.unfunded)}")

    _write(do)


@db_commands.command()
def upgrade() -> None:
    """Bring the database to the newest version of the schema; make it when there is none."""
    settings = Settings()
    with the_database(settings, upgraded=False) as engine:
        database.upgrade(engine, region=settings.region)
        _say(f"{shown(engine)} is up to date")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. What goes wrong foreseeably is one sentence on the standard error, and exit status 1."""
    try:
        cli(args=arguments)
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python must not complain about it a second time on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except FORESEEN as error:
        print(f"escrow: {told(error)}", file=sys.stderr)
        sys.exit(FAILED)


def _write(do: Callable[[Connection], None]) -> None:
    with the_database(Settings()) as engine, database.transaction(engine) as db:
        do(db)


def _seal_next(engine: Engine) -> Block | None:
    with database.transaction(engine) as db:
        return sealing.seal(db, signer=keys.sealer(db), now=_now())


def _print_run(run: Reconciliation) -> None:
    for kind, counts in (("matched", run.matched), ("booked", run.booked)):
        told = ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "nothing new"
        _say(f"{run.account}: {kind}: {told}")
    _say(f"{run.account}: open breaks: {len(run.open)}")
    for each in run.open:
        kind = breaks.IN_CHINESE.get(each.kind, each.kind)
        _say(f"  {each.id} {kind} {Money(each.amount).major} {each.detail} (due {each.due_on}, {each.owner})")


def _now() -> datetime:
    return datetime.now(UTC)


def _say(line: str) -> None:
    print(line, flush=True)
