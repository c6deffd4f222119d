"""Words that were not believed: told once in the trail for each source and hour, counted beyond that.

Anybody can send a wrong signature, a million times if they like. Each is counted; the trail, which is kept for ever,
grows by at most so many entries an hour.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.access.tables import refused_word

SOURCES_AN_HOUR: Final = 20
"""Sources that are told apart within an hour; all further ones are counted as one."""

OTHERS: Final = "others"


def note(db: Connection, subject: str, *, source: str, kind: str, by: Caller, now: datetime) -> int:
    """Count a refused word; how many came from this source in this hour. The first of them goes into the trail.

    subject: what it called itself; source: where it came from; kind: why it was refused; by: whose word it said it was.
    """
    slot, w = now.replace(minute=0, second=0, microsecond=0), refused_word.c
    counted = set(db.execute(select(w.source).where(w.slot == slot).limit(SOURCES_AN_HOUR + 1)).scalars())
    if source not in counted and len(counted) >= SOURCES_AN_HOUR:
        source = OTHERS
    insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    first = insert(refused_word).values(slot=slot, source=source, times=1, kind=kind, last_at=now)
    again = first.on_conflict_do_update(
        index_elements=["slot", "source"], set_={"times": w.times + 1, "kind": kind, "last_at": now}
    )
    times = int(db.execute(again.returning(w.times)).scalar_one())
    if times == 1:
        trail.record(db, by, "notification.refused", subject, now=now, kind=kind, source=source)
    return times


def counted(db: Connection, *, since: datetime) -> int:
    """How many words were refused from this hour on."""
    w = refused_word.c
    return int(db.execute(select(func.coalesce(func.sum(w.times), 0)).where(w.slot >= since)).scalar_one())
