"""The steps of alerts: each is a row of its history, an entry in the audit trail, and a delivery to each subscriber."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, insert, literal, select, text

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.monitoring.tables import SEVERITIES, alert, alert_delivery, alert_step, alert_subscriber
from ledger.among import among

MONITORING: Final = "monitoring 监测"
"""Who opens alerts: nobody at the bureau decides that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of an alert's history. `alert` is the alert as it stood after it; `place` where the step stands in the
    order in which steps were committed."""

    id: int
    alert_id: int
    move: str
    by: str
    role: str
    at: datetime
    reason: str | None
    facts: dict[str, Any]
    alert: dict[str, Any]
    place: str

    @property
    def event(self) -> dict[str, Any]:
        """What is told to the outside: the same for every channel and at every repeat (Standard Webhooks 1.0.0,
        "Payload structure")."""
        told = {name: getattr(self, name) for name in ("id", "move", "by", "reason", "facts", "alert")}
        data = told | {"links": links(self.alert)}
        return {"type": f"alert.{self.move}", "timestamp": self.at.isoformat(), "data": data}


def opened(db: Connection, alerts: Sequence[tuple[int, int | None, dict[str, Any]]], *, now: datetime) -> None:
    """These alerts (their ids, what they reopen, how they stand) were opened by what a look found."""
    if not alerts:
        return
    rows: list[dict[str, Any]] = [
        {
            "alert_id": alert_id,
            "move": "open" if reopens is None else "reopen",
            "by": MONITORING,
            "role": "service",
            "at": now,
            "facts": {} if reopens is None else {"reopens": reopens},
            "alert": told,
        }
        for alert_id, reopens, told in alerts
    ]
    _of_the_watch(db, rows, now=now)


def explained(db: Connection, alerts: Sequence[tuple[int, str, dict[str, Any]]], *, now: datetime) -> None:
    """These alerts (their ids, why, how they stand) were closed, since what they rested on is explained."""
    if not alerts:
        return
    rows: list[dict[str, Any]] = [
        {
            "alert_id": alert_id,
            "move": "explain",
            "by": MONITORING,
            "role": "service",
            "at": now,
            "reason": why,
            "facts": {},
            "alert": told,
        }
        for alert_id, why, told in alerts
    ]
    _of_the_watch(db, rows, now=now)


def taken(
    db: Connection,
    alert_id: int,
    move: str,
    told: dict[str, Any],
    *,
    by: Caller,
    now: datetime,
    reason: str | None = None,
    **facts: Any,
) -> None:
    """Somebody made a move with an alert, which now stands as `told`."""
    step = insert(alert_step).values(
        alert_id=alert_id, move=move, by=by.name, role=by.role, at=now, reason=reason, facts=facts, alert=told
    )
    step_id = db.execute(step.returning(alert_step.c.id)).scalar_one()
    trail.record(db, by, f"alert.{move}", f"alert:{alert_id}", now=now, reason=reason, **facts)
    _post(db, alert_step.c.id == step_id, now=now)


def history(db: Connection, alert_ids: Sequence[int]) -> list[Step]:
    """Every step of these alerts, in the order in which they were taken."""
    query = select(alert_step).where(among(db, alert_step.c.alert_id, alert_ids)).order_by(alert_step.c.id)
    return [as_step(row) for row in db.execute(query)]


def newest(db: Connection) -> tuple[int, int]:
    """The place of the last step that nothing can be written before any more: what comes later stands behind it."""
    s = alert_step.c
    query = _settled(db, select(s.xact, s.id)).order_by(s.xact.desc(), s.id.desc()).limit(1)
    row = db.execute(query).one_or_none()
    return (0, 0) if row is None else (row.xact, row.id)


def after(db: Connection, place: tuple[int, int], *, limit: int) -> list[Step]:
    """The steps behind this place, in the order of their commits: read one after another, none is ever missed.

    On PostgreSQL what a transaction that is still running might yet write before is not shown.
    """
    xact, last = place
    s = alert_step.c
    query = _settled(db, select(alert_step)).where((s.xact > xact) | and_(s.xact == xact, s.id > last))
    return [as_step(row) for row in db.execute(query.order_by(s.xact, s.id).limit(limit))]


def links(told: Mapping[str, Any]) -> dict[str, str]:
    """Where what an alert (as `told`) is about can be looked at, below the address of the service."""
    contract, institution = told["contract_id"], told["institution_id"]
    found = {"alert": f"/api/v1/alerts/{told['id']}", "evidence": f"/api/v1/alerts/{told['id']}/sightings"}
    if institution is not None:
        found["institution"] = f"/api/v1/institutions/{institution}"
    if contract is not None:
        found |= {"contract": f"/api/v1/contracts/{contract}"}
        found |= {"explanation": f"/api/v1/contracts/{contract}/explanation"}
    return found


def as_step(row: Row[Any]) -> Step:
    told = row._asdict()
    return Step(**{name: told[name] for name in told if name != "xact"}, place=f"{row.xact}-{row.id}")


def _of_the_watch(db: Connection, rows: Sequence[dict[str, Any]], *, now: datetime) -> None:
    made = list(db.execute(insert(alert_step).returning(alert_step.c.id), rows).scalars())
    trail.record_all(
        db,
        [(f"alert.{row['move']}", f"alert:{row['alert_id']}", row["facts"]) for row in rows],
        actor=MONITORING,
        role="service",
        now=now,
    )
    _post(db, among(db, alert_step.c.id, made), now=now)


def _settled(db: Connection, query: Select[Any]) -> Select[Any]:
    """Without the steps that one of a transaction still running might come to stand before."""
    if db.dialect.name == "postgresql":
        return query.where(alert_step.c.xact < text("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))
    return query


def _post(db: Connection, these: ColumnElement[bool], *, now: datetime) -> None:
    """Put a delivery of these steps into the outbox for each subscriber who wants to hear of such alerts."""
    rank = {severity: number for number, severity in enumerate(SEVERITIES)}
    s, a, step = alert_subscriber.c, alert.c, alert_step.c
    wanted = (
        select(s.id, step.alert_id, step.id, literal("waiting"), literal(0), literal(now, alert_delivery.c.due_at.type))
        .select_from(alert_step)
        .join(alert, a.id == step.alert_id)
        .join(alert_subscriber, case(rank, value=s.least) <= case(rank, value=a.severity))
        .where(these, s.ended_at.is_(None))
        .order_by(step.id, s.id)
    )
    columns = ["subscriber_id", "alert_id", "step_id", "state", "attempts", "due_at"]
    db.execute(insert(alert_delivery).from_select(columns, wanted))
