"""`escrow bank …`: what the bank says, brought in from a terminal."""

import base64
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from escrow import bank_questions
from escrow import db as database
from escrow.bank.remote import RemoteBank
from escrow.commands.terminal import caller, the_database
from escrow.payouts import answers
from escrow.settings import Settings

commands = typer.Typer(help="The supervising bank 监管银行.", no_args_is_help=True)


@commands.command("answer")
def take_answer(
    file: Annotated[Path, typer.Argument(help="pain.002, the bank's report on a payout file.")],
) -> None:
    """Take in the bank's answer to a payout file: what it rejects is owed again, the rest waits for the statement."""
    data = file.read_bytes()
    with the_database(Settings()) as engine, database.transaction(engine) as db:
        answer = answers.take(db, data, by=caller(), now=datetime.now(UTC))
        effects = Counter(each.effect for each in answer.lines)
        told = ", ".join(f"{effect} {count}" for effect, count in sorted(effects.items())) or "nothing"
        typer.echo(f"{answer.message_id} on batch {answer.batch_id}: {told}")
        for each in answer.lines:
            if each.effect in ("rejected", "contradiction"):
                typer.echo(f"  {each.instruction_id} {each.effect}: {each.status} {each.code} {each.reason}".rstrip())
        for stranger in answer.strangers:
            typer.echo(f"  {stranger.chinese} {stranger.english}")


@commands.command("ask")
def ask_bank(
    url: Annotated[str, typer.Option(help="Where the bank answers; ESCROW_BANK_URL when it is left out.")] = "",
) -> None:
    """Ask once about the orders that should have been paid, and book what it says. The service asks by itself."""
    settings = Settings()
    if not (url or settings.bank_url):
        raise typer.BadParameter("say where the bank answers: --url, or ESCROW_BANK_URL")
    bank = RemoteBank(url=url or settings.bank_url)
    with the_database(settings) as engine:
        came = bank_questions.ask(
            partial(database.transaction, engine), bank.payment_status, clock=lambda: datetime.now(UTC)
        )
    typer.echo(
        f"asked about {came.asked} orders: booked {came.booked}, parked {came.parked}, "
        f"no answer {came.silent}, wrong answers {came.wrong}"
    )


@commands.command("sandbox")
def run_sandbox(
    folder: Annotated[Path, typer.Option("--dir", help="Where the bank keeps its own books and key.")] = Path("bank"),
    port: Annotated[int, typer.Option(help="The port to listen on, on this machine.", min=1, max=65535)] = 8100,
    notify: Annotated[str, typer.Option(help="Where its notices go, as …/api/v1/bank/notifications.")] = "",
    accounts: Annotated[
        list[str] | None, typer.Option("--account", help="NUMBER=HOLDER, an account to keep from now on; repeatable.")
    ] = None,
) -> None:
    """A supervising bank to try things with: a page to scan and pay, notices, questions, payout files, statements."""
    from escrow.bank.sandbox import SandboxBank  # noqa: PLC0415  another house, that no other command needs
    from escrow.bank.sandbox.keeping import kept_key  # noqa: PLC0415  likewise
    from escrow.bank.sandbox.server import BankServer  # noqa: PLC0415  likewise

    folder.mkdir(parents=True, exist_ok=True)
    key = kept_key(folder / "bank.key")
    with SandboxBank.open(folder / "bank.db", key=key) as bank:
        for each in accounts or []:
            number, _, holder = each.partition("=")
            bank.open_account(number, holder or number)
        public = base64.b64encode(bank.public_key(not_before=datetime.now(UTC)).material).decode("ascii")
        with BankServer(("127.0.0.1", port), bank, clock=lambda: datetime.now(UTC), notify=notify) as server:
            typer.echo(f"the sandbox bank is at http://127.0.0.1:{server.server_port}")
            typer.echo(f"believe it: escrow keys trust --key-id {key.key_id} --public-key {public}")
            server.serve_forever()
