"""What the tests of the service share besides the databases."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from escrow.db import open_engine, transaction
from tests.conftest import KINDS, TEMPLATE
from tests.postgres import Postgres


class _UndoneAfterTheTest(Exception):
    """Makes a transaction roll back the way it would for any failure."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "db" in metafunc.fixturenames and "database_url" not in metafunc.fixturenames:
        chosen = metafunc.config.getoption("database")
        metafunc.parametrize("rolled_back", [chosen] if chosen else KINDS, indirect=True)


@pytest.fixture(scope="session")
def one_postgres(postgres: Postgres, next_database: Callable[[], str]) -> Iterator[Engine]:
    """The service's engine on a migrated PostgreSQL database in which nothing is ever committed."""
    name = next_database()
    postgres.create(name, template=TEMPLATE)
    engine = open_engine(postgres.url(name))
    yield engine
    engine.dispose()
    postgres.drop(name)


@pytest.fixture(scope="session")
def one_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The service's engine on a migrated SQLite file in which nothing is ever committed."""
    engine = open_engine(f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path_factory.mktemp('one') / 'escrow.db')}")
    yield engine
    engine.dispose()


@pytest.fixture
def rolled_back(request: pytest.FixtureRequest) -> Engine:
    """An engine for one transaction that will not be committed; the test runs once for each kind of database.

    They all share one database of each kind: making one, and an engine that has to compile every statement anew, takes
    longer than most tests. A test that also asks for the `engine` gets that one.
    """
    kind = getattr(request, "param", None)
    # Asked for by name, so that a run on SQLite alone never starts PostgreSQL.
    fixture = {None: "engine", "sqlite": "one_sqlite", "postgresql": "one_postgres"}[kind]
    engine: Engine = request.getfixturevalue(fixture)
    return engine


@pytest.fixture
def db(rolled_back: Engine) -> Iterator[Connection]:
    """An open transaction that is rolled back after the test. On SQLite no second writer gets in meanwhile."""
    with suppress(_UndoneAfterTheTest), transaction(rolled_back) as connection:
        yield connection
        raise _UndoneAfterTheTest


@pytest.fixture
def postgres_engine(postgres_url: str) -> Iterator[Engine]:
    """The service's engine on PostgreSQL alone, for races: SQLite has one writer and no race to lose."""
    engine = open_engine(postgres_url)
    yield engine
    engine.dispose()
