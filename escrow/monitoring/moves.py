"""What every move of an alert shares: the alert is loaded and locked, the move is allowed, and it is recorded."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, update

from escrow.access.caller import Caller
from escrow.monitoring import alerts, steps
from escrow.monitoring.alerts import Alert
from escrow.monitoring.states import Move
from escrow.monitoring.tables import alert as table
from escrow.refusals import Invalid, ReasonMissing
from escrow.rules.months import SHANGHAI


class NotAhead(Invalid):
    """The {what} {day} does not lie ahead: today is {today}. Give a later day."""

    zh = "{what_zh} {day} 不在今天（{today}）之后，请另填日期。"


def the_alert(db: Connection, alert_id: int, move: Move, *, by: Caller, reason: str | None = None) -> Alert:
    """The alert, locked, if this move may be made with it now by this caller; a reason, if one is needed, is given."""
    by.must_be("bureau")
    if reason is not None and not reason.strip():
        raise ReasonMissing
    alert = alerts.get(db, alert_id, lock=True)
    alert.standing.must_allow(move, alert_id)
    return alert


def moved(
    db: Connection,
    alert_id: int,
    move: Move,
    changes: Mapping[str, Any],
    *,
    by: Caller,
    now: datetime,
    reason: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Alert:
    """Record a move that was allowed: the alert as it now is, the step of its history, the trail, the outbox."""
    changed = update(table).where(table.c.id == alert_id).values(**changes).returning(table)
    alert = alerts.as_alert(db.execute(changed).one())
    steps.taken(db, alert_id, move, alert.told, by=by, now=now, reason=reason, **(facts or {}))
    return alert


def must_lie_ahead(day: date | None, what: str, what_zh: str, now: datetime) -> None:
    """Raises NotAhead when the day is today or before, on the business clock."""
    today = now.astimezone(SHANGHAI).date()
    if day is not None and day <= today:
        raise NotAhead(what=what, what_zh=what_zh, day=day.isoformat(), today=today.isoformat())
