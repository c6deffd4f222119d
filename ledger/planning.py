"""How PostgreSQL goes about a query where its statistics may be from before the rows were written."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from sqlalchemy import Connection, text


@contextmanager
def without(db: Connection, method: Literal["nestloop", "seqscan"]) -> Iterator[None]:
    """Let it plan without this method, within the block. SQLite has but one way, and is left alone.

    An error in the block ends the transaction or savepoint, and the setting with it.
    """
    if db.dialect.name != "postgresql":
        yield
        return
    name = f"enable_{method}"
    before = db.scalar(text(f"SHOW {name}"))
    db.execute(text(f"SET LOCAL {name} = off"))
    yield
    db.execute(text(f"SET LOCAL {name} = {before}"))
