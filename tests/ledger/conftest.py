"""One database of each kind for all tests that only ever roll back: a new one for each would take longer than the test.

A test that commits asks for `own`, `own_sqlite` or `own_postgres`, and gets a database of its own. Its engine is
disposed of when the test fails too: a connection left to the garbage collector would fail some later test.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from escrow.db import open_engine
from tests.conftest import TEMPLATE
from tests.postgres import Postgres


@pytest.fixture(scope="session")
def rolled_back() -> Iterator[dict[str, Engine]]:
    """The engines on databases in which nothing is ever committed, by address; each compiles a statement once."""
    engines: dict[str, Engine] = {}
    yield engines
    for each in engines.values():
        each.dispose()


@pytest.fixture(scope="session")
def rolled_back_sqlite_url(
    rolled_back: dict[str, Engine], sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """A migrated SQLite file in which nothing is ever committed."""
    url = f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path_factory.mktemp('ledger') / 'escrow.db')}"
    rolled_back[url] = open_engine(url)
    return url


@pytest.fixture(scope="session")
def rolled_back_postgres_url(
    rolled_back: dict[str, Engine], postgres: Postgres, next_database: Callable[[], str]
) -> Iterator[str]:
    """A migrated PostgreSQL database in which nothing is ever committed."""
    name = next_database()
    postgres.create(name, template=TEMPLATE)
    url = postgres.url(name)
    rolled_back[url] = open_engine(url)
    yield url
    postgres.drop(name)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database that stays empty: what `engine` and `db` write in it is rolled back."""
    fixture = {"sqlite": "rolled_back_sqlite_url", "postgresql": "rolled_back_postgres_url"}[request.param]
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture
def engine(database_url: str, rolled_back: dict[str, Engine]) -> Iterator[Engine]:
    """The service's engine on `database_url`; a test file with databases of its own gets engines of its own."""
    if database_url in rolled_back:
        yield rolled_back[database_url]
        return
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def own_sqlite(sqlite_url: str) -> Iterator[Engine]:
    """An engine on a migrated, empty SQLite file that the test may commit to."""
    engine = open_engine(sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture
def own_postgres(postgres_url: str) -> Iterator[Engine]:
    """An engine on a migrated, empty PostgreSQL database that the test may commit to."""
    engine = open_engine(postgres_url)
    yield engine
    engine.dispose()


@pytest.fixture
def own(request: pytest.FixtureRequest, database_url: str) -> Engine:
    """An engine on a database that the test may commit to; the test runs once for each kind."""
    kind = "own_sqlite" if database_url.startswith("sqlite") else "own_postgres"
    engine: Engine = request.getfixturevalue(kind)
    return engine
