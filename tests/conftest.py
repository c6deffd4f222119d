"""What every test may ask for: a database of its own, of each kind that the service runs on.

A test of pure code asks for none and starts nothing. `database_url`, `engine` and `db` run a test twice, on SQLite and
on PostgreSQL; `--database` keeps one of the two. `sqlite_url` and `postgres_url` are for tests about one of them.
"""

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import hypothesis
import pandas as pd  # noqa: F401  imported while freezegun holds the clock, pandas crashes: so it comes first
import pytest
from sqlalchemy import Connection, Engine

from tests.postgres import NoPostgres, Postgres

KINDS: Final = ("sqlite", "postgresql")
TEMPLATE: Final = "migrated"

_UNHURRIED: Final = [hypothesis.HealthCheck.too_slow]  # a busy machine is no fault of the code
hypothesis.settings.register_profile("short", deadline=None, print_blob=True, suppress_health_check=_UNHURRIED)
hypothesis.settings.register_profile("long", hypothesis.settings.get_profile("short"), max_examples=3000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))


class _UndoneAfterTheTest(Exception):
    """Makes a transaction roll back the way it would for any failure."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=KINDS, help="run the database tests on one kind only")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_url" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("database")
        metafunc.parametrize("database_url", [chosen] if chosen else KINDS, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long ones first; with `--database`, leave out the tests about the other kind alone."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    unwanted = {"sqlite": "postgres", "postgresql": "sqlite_template"}.get(config.getoption("database") or "")
    left_out = {item for item in items if unwanted in getattr(item, "fixturenames", ())}
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to copy."""
    file = tmp_path_factory.mktemp("sqlite") / f"{TEMPLATE}.db"
    _migrate(f"sqlite:///{file}")
    assert not file.with_name(f"{file.name}-wal").exists(), "a copy of the file alone would lose what the log holds"
    return file


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for this process's tests (about 2 s), with a migrated database in it to copy."""
    # Not pytest's own temporary folder: that one is closed to the user whom a test run by root may have to become.
    with tempfile.TemporaryDirectory(prefix="escrow-postgres-") as folder:
        try:
            with Postgres.start(Path(folder), durable=False) as server:  # no test cuts the power
                server.create(TEMPLATE)
                _migrate(server.url(TEMPLATE))
                yield server
        except NoPostgres as failure:
            raise pytest.fail.Exception(str(failure), pytrace=False) from None


@pytest.fixture(scope="session")
def next_database() -> Callable[[], str]:
    """Names for databases, none used twice."""
    numbers = itertools.count(1)
    return lambda: f"test_{next(numbers)}"


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated, empty SQLite database of the test's own."""
    return f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'escrow.db')}"


@pytest.fixture
def postgres_url(postgres: Postgres, next_database: Callable[[], str]) -> Iterator[str]:
    """A migrated, empty PostgreSQL database of the test's own."""
    name = next_database()
    postgres.create(name, template=TEMPLATE)
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database of the test's own; the test runs once for each kind."""
    # Asked for by name, so that a run on SQLite alone never starts PostgreSQL.
    url: str = request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param])
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The service's engine on `database_url`."""
    from escrow.db import open_engine  # noqa: PLC0415  tests of pure packages must not need the service

    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def db(engine: Engine) -> Iterator[Connection]:
    """An open transaction that is rolled back after the test. On SQLite no second writer gets in meanwhile."""
    from escrow.db import transaction  # noqa: PLC0415  tests of pure packages must not need the service

    with suppress(_UndoneAfterTheTest), transaction(engine) as connection:
        yield connection
        raise _UndoneAfterTheTest


def _migrate(url: str) -> None:
    from escrow.db import open_engine, upgrade  # noqa: PLC0415  tests of pure packages must not need the service

    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()
