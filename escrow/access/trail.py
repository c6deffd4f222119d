"""The trail: one entry for each decision, written in the decision's own transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from escrow.access.caller import Caller
from escrow.access.tables import audit_entry


def record(db: Connection, by: Caller, what: str, subject: str, *, now: datetime, **facts: Any) -> None:
    """Note that `by` did `what` to `subject`. Money in `facts` is in minor units."""
    db.execute(
        insert(audit_entry).values(
            at=now, actor=by.name, role=by.role, what=what, subject=subject, facts=facts, caller_key=by.key
        )
    )


def record_all(
    db: Connection, entries: Sequence[tuple[str, str, Mapping[str, Any]]], *, actor: str, role: str, now: datetime
) -> None:
    """Note many things at once that no caller decided but `actor`, a part of this service: what, subject, facts."""
    rows = [
        {"at": now, "actor": actor, "role": role, "what": what, "subject": subject, "facts": facts, "caller_key": ""}
        for what, subject, facts in entries
    ]
    if rows:
        db.execute(insert(audit_entry), rows)
