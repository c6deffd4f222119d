"""The stories run on both databases, like the tests of the service."""

from tests.escrow.conftest import db, one_postgres, one_sqlite, pytest_generate_tests, rolled_back

__all__ = ["db", "one_postgres", "one_sqlite", "pytest_generate_tests", "rolled_back"]
