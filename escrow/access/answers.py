"""Answers already given under an Idempotency-Key: the same request again gets the same bytes, a refusal too.

The key is claimed before anything is done, in the transaction of the act itself: of two requests with one key the
second waits at the claimed row until the first has committed, and then finds its answer.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from escrow.access.caller import Caller
from escrow.access.tables import answer as table
from escrow.refusals import Conflict

_NOT_YET: Final = 0
"""The status of a claimed row. Nobody but its own transaction ever sees it."""


class IdempotencyKeyReused(Conflict):
    """The Idempotency-Key {key} was sent before with another request, which was answered then; nothing was done now.
    Give each request a key of its own, and repeat a request only unchanged."""

    zh = "幂等键 {key} 已用于另一请求，本次未作任何处理。每个请求请使用各自的幂等键；重发时内容不得改变。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered to a request: the HTTP status, and the body byte for byte."""

    status: int
    body: bytes


def claim(db: Connection, by: Caller, *, fingerprint: str, now: datetime) -> Answer | None:
    """Take the key `by.key` for the request with this fingerprint, or give the answer that it has already.

    None: the key is ours, and `keep` must follow in the same transaction. Raises IdempotencyKeyReused.
    """
    insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    claimed = insert(table).values(
        caller=_name(by), key=by.key, fingerprint=fingerprint, status=_NOT_YET, body="", at=now
    )
    fresh = claimed.on_conflict_do_nothing(index_elements=["caller", "key"]).returning(table.c.id)
    if db.execute(fresh).first() is not None:
        return None
    known = db.execute(select(table).where(table.c.caller == _name(by), table.c.key == by.key)).one()
    if known.fingerprint != fingerprint:
        raise IdempotencyKeyReused(key=by.key)
    return Answer(status=known.status, body=known.body.encode("utf-8"))


def keep(db: Connection, by: Caller, given: Answer) -> None:
    """Keep the answer under the key that `claim` took."""
    mine = update(table).where(table.c.caller == _name(by), table.c.key == by.key)
    db.execute(mine.values(status=given.status, body=given.body.decode("utf-8")))


def _name(by: Caller) -> str:
    """Whose key it is: two callers may choose the same key, and two institutions may employ people of one name."""
    return f"{by.role}/{by.party or ''}/{by.name}"
