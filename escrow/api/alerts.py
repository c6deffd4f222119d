"""Alerts: broken fee rules, each on somebody's desk at the bureau."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection

from escrow.api.asking import Act, Look, acting, looking
from escrow.api.description import ALERTS, may_refuse
from escrow.api.shapes import After, Asked, Limit, Page, PathId, Reason, Shown, following, place
from escrow.monitoring import alerts
from escrow.monitoring.alerts import Alert, State
from escrow.refusals import AlreadyDecided, ReasonMissing, Unknown

routes = APIRouter(tags=[ALERTS])


class ClosingAsked(Asked):
    """What was found out, or why it is nothing."""

    reason: Reason


class AlertShown(Shown):
    """An alert (预警): the rule with its version and citation, the figures, and who owns it."""

    id: int
    fact: str = Field(description="What it is about; one open alert for one fact.")
    institution_id: int
    contract_id: int | None
    rule: str
    version: str
    citation: Mapping[str, str]
    limit: str
    found: str
    zh: str
    en: str
    evidence: Mapping[str, Any] = Field(description="The figures of the arithmetic; money in fen.")
    state: State
    seen: int
    opened_at: datetime
    seen_at: datetime
    due_on: date
    owner: str | None
    closed_at: datetime | None
    closing_reason: str | None

    @classmethod
    def of(cls, alert: Alert) -> "AlertShown":
        told = {name: getattr(alert, name) for name in cls.model_fields if hasattr(alert, name)}
        return cls(**told, limit=alert.limit_text, found=alert.found_text)


Bureau = Annotated[Act, Depends(acting("bureau"))]


@routes.get("/alerts", responses=may_refuse(), summary="Alerts 预警列表")
def everything(
    look: Annotated[Look, Depends(looking("bureau", "auditor"))],
    state: Annotated[State | None, Query(description="Only those in this state.")] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[AlertShown]:
    """In the order they were opened."""
    found = look(lambda db: alerts.page(db, state=state, after=place(after), limit=limit))
    return Page(items=[AlertShown.of(each) for each in found], next=following([each.id for each in found], limit))


@routes.post(
    "/alerts/{alert_id}/acknowledgement",
    response_model=AlertShown,
    responses=may_refuse(Unknown, AlreadyDecided),
    summary="Take an alert 受理预警",
)
def acknowledge(alert_id: PathId, act: Bureau) -> Response:
    """From now on it is the caller's."""
    return act(lambda db: AlertShown.of(alerts.acknowledge(db, alert_id, by=act.by, now=act.now)))


@routes.post(
    "/alerts/{alert_id}/resolution",
    response_model=AlertShown,
    responses=may_refuse(Unknown, AlreadyDecided, ReasonMissing),
    summary="Resolve an alert 办结预警",
)
def resolve(alert_id: PathId, asked: ClosingAsked, act: Bureau) -> Response:
    """What it told of has been put right; the reason says how."""
    return act(lambda db: _closed(db, alert_id, asked, state="resolved", act=act))


@routes.post(
    "/alerts/{alert_id}/dismissal",
    response_model=AlertShown,
    responses=may_refuse(Unknown, AlreadyDecided, ReasonMissing),
    summary="Dismiss an alert 撤销预警",
)
def dismiss(alert_id: PathId, asked: ClosingAsked, act: Bureau) -> Response:
    """It told of nothing wrong; the reason says why."""
    return act(lambda db: _closed(db, alert_id, asked, state="dismissed", act=act))


def _closed(
    db: Connection, alert_id: int, asked: ClosingAsked, *, state: Literal["resolved", "dismissed"], act: Act
) -> AlertShown:
    return AlertShown.of(alerts.close(db, alert_id, state=state, reason=asked.reason, by=act.by, now=act.now))
