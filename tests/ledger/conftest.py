"""One PostgreSQL database for all tests that only ever roll back: a new one for each would take longer than the test.

A test that commits asks for `sqlite_url` or `postgres_url`, and gets a database of its own.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import TEMPLATE
from tests.postgres import Postgres


@pytest.fixture(scope="session")
def rolled_back_postgres_url(postgres: Postgres, next_database: Callable[[], str]) -> Iterator[str]:
    """A migrated database in which nothing is ever committed."""
    name = next_database()
    postgres.create(name, template=TEMPLATE)
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database that stays empty: what `engine` and `db` write in it is rolled back."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "rolled_back_postgres_url"}[request.param]
    url: str = request.getfixturevalue(fixture)
    return url
