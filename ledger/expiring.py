"""Holds that end of themselves: voided, or settled whole, as each of them says."""

from datetime import datetime

from sqlalchemy import Connection, exists, not_, select

from ledger.entries import Resolution, Result
from ledger.posting import post_all
from ledger.schema import transfer

_end = transfer.alias("the_end")


def expire(db: Connection, *, now: datetime, most: int = 10_000) -> list[Result]:
    """End the holds that have expired by `now`, as one, the oldest first; at most so many, so call it until none is.

    The end of a hold `h` has the reference `expiry/h` and happened when the hold expired. While it has not been called
    what expired still reserves its amount; but nobody can end it in another way any more.
    """
    t = transfer.c
    ended = exists().where(_end.c.resolves == t.id)
    due = select(t.reference, t.expires, t.on_expiry, t.kind).where(t.expires <= now, not_(ended))
    ends = [
        Resolution(
            hold=row.reference,
            phase="settled" if row.on_expiry == "settle" else "expired",
            reference=f"expiry/{row.reference}",
            effective=row.expires,
            kind=row.kind,
        )
        for row in db.execute(due.order_by(t.expires, t.id).limit(most))
    ]
    return post_all(db, ends, now=now)
