"""`escrow keys …` and `escrow merchants …`: who may ask, whose signed word is believed, where a wallet's money goes."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from sqlalchemy import Connection

from escrow import db as database
from escrow.access import four_eyes, key_files, key_ring, keys
from escrow.access.caller import Role
from escrow.access.key_files import KeyFile
from escrow.access.keys import AES, Channel
from escrow.commands.terminal import CannotGoOn, caller, the_database
from escrow.registry import merchants
from escrow.registry.merchants import Merchant, PaymentChannel
from escrow.rules.months import SHANGHAI
from escrow.settings import Settings
from qrpay.keys import Key, Secret
from qrpay.schemes import SchemeNotInstalled

key_commands = typer.Typer(help="Keys of callers, of banks and of wallets.", no_args_is_help=True)
merchant_commands = typer.Typer(help="Merchants of wallets 商户号, and their accounts.", no_args_is_help=True)

Algorithm = Literal["v1", "v1a", "rsa-sha256", "sm2-sm3", "aes-256-gcm"]

_NEXT: Final = {"not yet": "尚未生效", "in force": "有效", "ended": "已停用"}
_MOMENT: Final = "2026-12-01T00:00:00+08:00; without a zone it is Shanghai's."


@key_commands.command()
def issue(
    name: Annotated[str, typer.Option(help="The person or system that will act with it.")],
    role: Annotated[Role, typer.Option(help="What it may do.")],
    party: Annotated[int | None, typer.Option(help="The institution's or guardian's id, for those two roles.")] = None,
    person: Annotated[
        str | None, typer.Option(help="The person's number 工号: one person under two names is no second pair of eyes.")
    ] = None,
) -> None:
    """Make an API key. It is shown this once; only its hash is kept, and of a person's number too."""
    if (party is not None) != (role in {"family", "institution"}):
        raise typer.BadParameter("--party goes with the roles family and institution, and only with them")
    if person is not None and not person.strip():
        raise typer.BadParameter("--person is a number that the bureau knows this person by")

    def do(db: Connection) -> None:
        mark = None if person is None else four_eyes.person_of(db, person)
        typer.echo(keys.issue(db, name=name, role=role, party=party, person=mark, now=_now()))

    _write(do)


@key_commands.command()
def trust(
    *,
    key_id: Annotated[
        str | None, typer.Option(help="What the sender calls its key; a certificate's own serial without it.")
    ] = None,
    public_key: Annotated[str | None, typer.Option(help="The public key, in base64.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="A certificate or public key in PEM, or a file with a secret in it.")
    ] = None,
    algorithm: Annotated[
        Algorithm | None, typer.Option(help="What it is for; v1a (Ed25519) unless the file says it.")
    ] = None,
    channel: Annotated[Channel, typer.Option(help="Whose word is believed under it.")] = "bank",
    not_before: Annotated[str | None, typer.Option(help=f"From when; now without it. {_MOMENT}")] = None,
    not_after: Annotated[str | None, typer.Option(help=f"Until when, without that moment. {_MOMENT}")] = None,
) -> None:
    """Believe notifications that are signed with this key. The old and the new key of a bank may overlap.

    A secret (v1, aes-256-gcm) is read from a file alone: what stands in a command line is seen by others.
    """
    found = _found(public_key, file, algorithm)
    name, now = key_id or found.key_id, _now()
    if name is None:
        raise typer.BadParameter("give the key its name: --key-id")
    begins = _moment(not_before) or found.not_before or now
    ends = _moment(not_after) or found.not_after
    try:
        if found.algorithm == AES:
            key: Key | Secret = Secret(key_id=name, material=found.material, not_before=begins, not_after=ends)
        else:
            key = Key(
                key_id=name, algorithm=found.algorithm, material=found.material, not_before=begins, not_after=ends
            )
        _write(lambda db: key_ring.trust(db, key, channel=channel, by=caller(), now=now))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    except SchemeNotInstalled as missing:
        raise CannotGoOn(str(missing)) from missing
    until = f" until {_told(ends)}" if ends else ""
    typer.echo(f"{channel}: what {name} ({found.algorithm}) signs is believed from {_told(begins)}{until}")


@key_commands.command("list")
def list_keys() -> None:
    """The keys of banks and wallets, their time, and whether they count now. Callers' keys are not listed."""
    now = _now()

    def show(db: Connection) -> None:
        for each in key_ring.everyone(db):
            standing, ends = each.standing(now), _told(each.not_after) if each.not_after else "…"
            typer.echo(
                f"{each.channel:7} {each.key_id}  {each.algorithm}  {_told(each.not_before)} – {ends}  "
                f"{standing} {_NEXT[standing]}"
            )

    _read(show)


@key_commands.command()
def end(
    key_id: Annotated[str, typer.Argument(help="What the sender calls its key.")],
    at: Annotated[str | None, typer.Option(help=f"When it ends; now without it. {_MOMENT}")] = None,
) -> None:
    """Believe a key no longer, from now or from a later moment on."""
    now = _now()
    moment = _moment(at) or now
    _write(lambda db: key_ring.end(db, key_id, at=moment, by=caller(), now=now))
    typer.echo(f"what {key_id} signs is not believed from {_told(moment)} on")


@merchant_commands.command()
def bind(
    channel: Annotated[PaymentChannel, typer.Option(help="The wallet, or unionpay.")],
    number: Annotated[str, typer.Option(help="The merchant's number there: mchid, sub_mchid, or seller_id.")],
    account: Annotated[str, typer.Option("--account", help="The supervised account that its money goes to.")],
) -> None:
    """Say which supervised account a wallet's merchant pays into."""
    wanted = Merchant(channel=channel, number=number, supervised_account=account)
    _write(lambda db: merchants.bind(db, wanted, by=caller(), now=_now()))
    typer.echo(f"{channel} {number} pays into {account}")


@merchant_commands.command("list")
def list_merchants() -> None:
    """Every merchant, and the account that it pays into."""

    def show(db: Connection) -> None:
        for each in merchants.everyone(db):
            typer.echo(f"{each.channel:7} {each.number}  {each.supervised_account}")

    _read(show)


def _found(public_key: str | None, file: Path | None, algorithm: Algorithm | None) -> KeyFile:
    if (public_key is None) == (file is None):
        raise typer.BadParameter("give the key either by --public-key or by --file")
    if file is not None:
        return key_files.read(file.read_bytes(), algorithm)
    if algorithm in {"v1", AES}:
        raise typer.BadParameter("a secret in a command line is seen by others: put it into a file, and give --file")
    return key_files.read((public_key or "").encode(), algorithm or "v1a")


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"a moment is written {_MOMENT} {text!r} came") from None
    return at if at.tzinfo else at.replace(tzinfo=SHANGHAI)


def _told(at: datetime) -> str:
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def _write(do: Callable[[Connection], object]) -> None:
    with the_database(Settings()) as engine, database.transaction(engine) as db:
        do(db)


def _read(look: Callable[[Connection], None]) -> None:
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        look(db)


def _now() -> datetime:
    return datetime.now(UTC)
