"""The PostgreSQL that the tests start is closed to others and never outlives them; the benchmarks' is durable too."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import psycopg
import pytest

from tests.architecture.sources import ROOT
from tests.postgres import NoPostgres, Postgres

_START_AND_BE_KILLED: Final = """
import os, signal, sys
from pathlib import Path
from tests.postgres import Postgres

with Postgres.start(Path(sys.argv[1])) as server:
    with server.connect() as db:
        for setting in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
            print(setting, *db.execute("SELECT current_setting(%s)", [setting]).fetchone(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("setting", "value"), [("synchronous_commit", "on"), ("data_checksums", "on")])
def test_what_it_acknowledges_outlives_every_process(postgres: Postgres, setting: str, value: str) -> None:
    with postgres.connect() as db:
        assert db.execute("SELECT current_setting(%s)", [setting]).fetchone() == (value,)


def test_it_listens_on_the_loopback_interface_alone(postgres: Postgres) -> None:
    with postgres.connect() as db:
        listening = db.execute(
            "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')"
        ).fetchone()
    assert listening == ("127.0.0.1", "")


def test_it_lets_nobody_in_with_another_password(postgres: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url("postgres").replace("+psycopg", "").replace(postgres.password, "guessed"))


def test_it_ends_with_a_run_that_was_killed_and_what_it_acknowledged_before_is_on_disk(postgres: Postgres) -> None:
    del postgres  # asked for first, so that a machine without PostgreSQL says why
    with tempfile.TemporaryDirectory(prefix="escrow-postgres-") as folder:
        run = subprocess.run(
            [sys.executable, "-c", _START_AND_BE_KILLED, folder],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert run.returncode == -signal.SIGKILL
        assert run.stdout.split() == (
            ["fsync", "on", "full_page_writes", "on", "synchronous_commit", "on", "data_checksums", "on"]
        )
        _wait_until_gone(Path(folder) / "data" / "postmaster.pid")


def test_programs_that_do_not_run_are_said_not_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESCROW_TEST_POSTGRES_BIN", str(tmp_path / "nowhere"))
    with pytest.raises(NoPostgres, match=r"cannot run here.*nowhere"), Postgres.start(tmp_path):
        pytest.fail("it started")


def _wait_until_gone(file: Path) -> None:
    """PostgreSQL removes its file as the last thing it does."""
    deadline = time.monotonic() + 30
    while file.exists():
        assert time.monotonic() < deadline, f"{file} is still there"
        time.sleep(0.05)
