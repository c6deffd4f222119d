"""What the commands share: their database, their clock, who works at the terminal, and how a failure is told there."""

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError

from escrow.access.caller import Caller
from escrow.db import missing_version, open_engine, transaction
from escrow.refusals import Refusal
from escrow.rules.rulebook import BadRuleFile, NoRuleInForce, UnknownJurisdiction, UnknownParameter, UnknownVersion
from escrow.rules.working_days import CalendarUnknown
from escrow.settings import Settings
from ledger.entries import LedgerRefusal

if TYPE_CHECKING:
    from reconciliation.statement import StatementRefused


FAILED: Final = 1
"""The exit status of a command that said no."""


class CannotGoOn(Exception):
    """The command cannot be carried out; the message says why and what to do."""


def foreseen() -> tuple[type[Exception], ...]:
    """What goes wrong without being a fault of ours: told in a sentence, without a traceback. Asked for only when
    something went wrong, since to name them all takes most of what the commands are made of."""
    return (
        *(CannotGoOn, Refusal, _statement_refused(), LedgerRefusal, NoRuleInForce, CalendarUnknown, BadRuleFile),
        *(UnknownJurisdiction, UnknownParameter, UnknownVersion),
        *(DBAPIError, ArgumentError, ValidationError, OSError),
    )


def told(error: Exception) -> str:
    """What the person at the terminal reads of a foreseen failure."""
    if isinstance(error, _statement_refused()):
        return f"{error}\n{error.chinese}"
    match error:
        case Refusal():
            return f"{error.english}\n{error.chinese}"
        case IntegrityError():
            return f"the database refuses it, nothing was done: {_line(error.orig)}"
        case DBAPIError():
            return f"the database cannot be reached or read: {_line(error.orig)}"
        case ArgumentError():
            return f"ESCROW_DATABASE_URL is not the address of a database: {_line(error)}"
        case ValidationError():
            return "; ".join(f"ESCROW_{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors())
        case OSError(filename=str() as name, strerror=str() as why):
            return f"{name}: {why}"
    return str(error)


@contextmanager
def the_database(settings: Settings, *, upgraded: bool = True) -> Iterator[Engine]:
    """The database that the settings name. Raises CannotGoOn when it must be `upgraded` first and is not."""
    url = make_url(settings.database_url)
    # SQLite would make an empty file of any name that is misspelt.
    if upgraded and url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        raise CannotGoOn(f"there is no database {url.database}; make it with: escrow db upgrade")
    engine = open_engine(settings.database_url)
    try:
        if upgraded and missing_version(engine) is not None:
            raise CannotGoOn(f"the database {shown(engine)} is of another version; run: escrow db upgrade")
        yield engine
    finally:
        engine.dispose()


def write(do: Callable[[Connection], None]) -> None:
    """Do it in one transaction on the database that the settings name."""
    with the_database(Settings()) as engine, transaction(engine) as db:
        do(db)


def shown(engine: Engine) -> str:
    """The database's address without its password."""
    return engine.url.render_as_string(hide_password=True)


def caller() -> Caller:
    """Whoever sits at this terminal acts for the bureau, under the name that the system knows them by."""
    return Caller(name=f"{getpass.getuser()} at the terminal", role="bureau")


def now() -> datetime:
    """The time at this terminal, aware; commands pass it on."""
    return datetime.now(UTC)


def _line(error: BaseException | None) -> str:
    return " ".join(str(error).split())


def _statement_refused() -> "type[StatementRefused]":
    from reconciliation.statement import StatementRefused  # noqa: PLC0415  it brings pandas

    return StatementRefused
