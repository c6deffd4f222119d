"""Alerts that rest on breaks of reconciliation: once these are explained, what nobody has begun with is closed."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select, update

from escrow.monitoring import steps
from escrow.monitoring.alerts import Alert, as_alert
from escrow.monitoring.states import UNTOUCHED
from escrow.monitoring.tables import alert as table
from escrow.rules.months import SHANGHAI
from escrow.settlement.tables import break_
from ledger.among import among

ON_BREAKS: Final = ("grave_break", "notified_never_credited")
"""Habits whose alerts tell of a break: its id stands in their evidence."""


def close(db: Connection, *, now: datetime) -> list[Alert]:
    """Close those of these alerts whose breaks are closed; they are reopened when the same thing breaks again.

    One that somebody looks into, that was escalated, or whose dismissal is proposed is left to people: that the books
    agree again does not end an investigation.
    """
    query = select(table).where(
        table.c.rule.in_(ON_BREAKS), table.c.state.in_(UNTOUCHED), table.c.dismissal_by.is_(None)
    )
    live = [as_alert(row) for row in db.execute(query.order_by(table.c.id).with_for_update())]
    ids = sorted({number for each in live for number in each.evidence["breaks"]})
    b = break_.c
    closed = {row.id: row.closed_at for row in db.execute(select(b.id, b.closed_at).where(among(db, b.id, ids)))}
    over = [each for each in live if all(closed[number] is not None for number in each.evidence["breaks"])]
    done = [
        (each, _why(each.evidence["breaks"], max(closed[number] for number in each.evidence["breaks"])))
        for each in over
    ]
    return _close(db, done, now=now)


def _close(db: Connection, done: list[tuple[Alert, str]], *, now: datetime) -> list[Alert]:
    resolved = []
    for each, why in done:
        owner = func.coalesce(table.c.owner, steps.MONITORING)
        closing = {"closed_at": now, "closed_by": steps.MONITORING, "closing_reason": why}
        moved = update(table).where(table.c.id == each.id).values(state="resolved", owner=owner, **closing)
        resolved.append(as_alert(db.execute(moved.returning(table)).one()))
    told = zip(resolved, done, strict=True)
    steps.explained(db, [(alert.id, why, alert.told) for alert, (_, why) in told], now=now)
    return resolved


def _why(numbers: list[int], at: datetime) -> str:
    named, day = "、".join(map(str, numbers)), at.astimezone(SHANGHAI).date()
    return f"差异 {named} 已于 {day} 查明。Break {named} was explained on {day}."
