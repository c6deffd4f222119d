"""Alerts as they stand: the list and its tables, one with its history and evidence, and the notice that was sent."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection

from escrow.api.asking import Look, looking
from escrow.api.description import ALERTS, file, may_refuse
from escrow.api.desk import AtDesk
from escrow.api.shapes import After, Limit, Page, PathId, QueryId, Shown, following, place
from escrow.monitoring import alerts, listing, notices, steps
from escrow.monitoring.alerts import Alert
from escrow.monitoring.listing import Wanted
from escrow.monitoring.states import IN_CHINESE, Move, State
from escrow.refusals import Unknown
from escrow.rules.months import SHANGHAI
from escrow.rules.rulebook import Severity
from escrow.spreadsheets import csv_of, xlsx_of

routes = APIRouter(tags=[ALERTS])

CSV: Final = "text/csv"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF: Final = "application/pdf"


class AlertShown(Shown):
    """An alert (预警): the rule with its version and citation, the figures, and who owns it."""

    id: int
    fact: str = Field(description="What it is about; one open alert for one fact.")
    institution_id: int | None
    contract_id: int | None
    rule: str
    version: str
    citation: Mapping[str, str]
    severity: Severity
    limit: str
    found: str
    zh: str
    en: str
    evidence: Mapping[str, Any] = Field(description="The figures of the newest sighting; money in fen.")
    links: Mapping[str, str] = Field(description="Where what it is about can be looked at.")
    state: State
    state_zh: str
    possible: list[Move] = Field(description="What can be done with it now.")
    seen: int = Field(description="How many looks have found it; each left its evidence.")
    opened_at: datetime
    seen_at: datetime
    due_on: date = Field(description="To act by, in working days; once rectification is ordered, its deadline.")
    owner: str | None
    reopens: int | None = Field(description="The alert that the same fact had before.")
    dismissal_by: str | None = Field(description="Who proposes, or proposed, that it is nothing.")
    dismissal_reason: str | None
    quiet_until: date | None
    closed_at: datetime | None
    closed_by: str | None
    closing_reason: str | None

    @classmethod
    def of(cls, alert: Alert) -> "AlertShown":
        told = {name: getattr(alert, name) for name in cls.model_fields if hasattr(alert, name)}
        return cls(
            **told,
            limit=alert.limit_text,
            found=alert.found_text,
            state_zh=IN_CHINESE[alert.state],
            possible=list(alert.standing.possible),
            links=steps.links(alert.told),
        )


class StepShown(Shown):
    """One step of the history: who did what, when, why, and what came of it."""

    id: int
    alert_id: int
    move: str
    by: str
    at: datetime
    reason: str | None
    facts: Mapping[str, Any]
    state: str = Field(description="The alert's state after it.")

    @classmethod
    def of(cls, step: steps.Step) -> "StepShown":
        told = {name: getattr(step, name) for name in cls.model_fields if name != "state"}
        return cls(**told, state=step.alert["state"])


class NoticeShown(Shown):
    """A notice to rectify (限期整改通知书) that was sent out."""

    id: int
    number: str
    measures: list[str]
    deadline: date
    ordered_by: str
    ordered_at: datetime
    sha256: str = Field(description="Of the PDF, as it was sent out.")


class AlertWithHistory(AlertShown):
    """An alert with all that was done about it, and about the earlier alerts of the same fact."""

    history: list[StepShown] = Field(description="In the order of the steps, those of earlier alerts first.")
    notices: list[NoticeShown]


class SightingShown(Shown):
    """What one look found."""

    id: int
    at: datetime
    version: str
    limit: str = Field(validation_alias="limit_text")
    found: str = Field(validation_alias="found_text")
    evidence: Mapping[str, Any]


def _wanted(
    *,
    desk: AtDesk,
    state: Annotated[list[State] | None, Query(description="In one of these states; may come more than once.")] = None,
    severity: Annotated[list[Severity] | None, Query(description="Of one of these severities.")] = None,
    institution: Annotated[QueryId | None, Query(description="About this institution.")] = None,
    contract: Annotated[QueryId | None, Query(description="About this contract.")] = None,
    rule: Annotated[str | None, Query(max_length=100, examples=["prepayment.max_lessons"])] = None,
    overdue: Annotated[bool | None, Query(description="True: only open ones whose day to act by is over.")] = None,
) -> Wanted:
    return Wanted(
        states=state or (),
        severities=severity or (),
        institution_id=institution,
        contract_id=contract,
        rule=rule,
        overdue_on=desk.clock().astimezone(SHANGHAI).date() if overdue else None,
    )


Filter = Annotated[Wanted, Depends(_wanted)]
Seer = Annotated[Look, Depends(looking("bureau", "auditor"))]


@routes.get("/alerts", responses=may_refuse(), summary="Alerts 预警列表")
def everything(look: Seer, wanted: Filter, after: After = None, limit: Limit = 50) -> Page[AlertShown]:
    """In the order they were opened."""
    found = look(lambda db: listing.page(db, wanted, after=place(after), limit=limit))
    return Page(items=[AlertShown.of(each) for each in found], next=following([each.id for each in found], limit))


@routes.get("/alerts/export.csv", responses=may_refuse() | file(CSV, "UTF-8 with its mark"), summary="预警导出 CSV")
def as_csv(look: Seer, wanted: Filter) -> Response:
    """All alerts that the filter wants, as Excel and WPS open them; no cell is a formula."""
    data = look(lambda db: csv_of(listing.COLUMNS, listing.rows(db, wanted)))
    return _file(data, media_type=CSV, name="alerts.csv")


@routes.get("/alerts/export.xlsx", responses=may_refuse() | file(XLSX, "A workbook"), summary="预警导出 Excel")
def as_xlsx(look: Seer, wanted: Filter, desk: AtDesk) -> Response:
    """All alerts that the filter wants, as a workbook of one sheet; no cell is a formula."""
    data = look(lambda db: xlsx_of(listing.SHEET, listing.COLUMNS, listing.rows(db, wanted), at=desk.clock()))
    return _file(data, media_type=XLSX, name="alerts.xlsx")


@routes.get("/alerts/{alert_id}", responses=may_refuse(Unknown), summary="One alert with its history 预警详情")
def one(alert_id: PathId, look: Seer) -> AlertWithHistory:
    """The alert, every step that was taken with it and with the earlier alerts of the same fact, and its notices."""

    def read(db: Connection) -> AlertWithHistory:
        alert = alerts.get(db, alert_id)
        family = [alert.id, *(each.id for each in alerts.earlier(db, alert))]
        return AlertWithHistory(
            **dict(AlertShown.of(alert)),
            history=[StepShown.of(each) for each in steps.history(db, family)],
            notices=[NoticeShown.model_validate(each) for each in notices.of_alert(db, alert_id)],
        )

    return look(read)


@routes.get("/alerts/{alert_id}/sightings", responses=may_refuse(Unknown), summary="Evidence of an alert 预警证据")
def sightings(alert_id: PathId, look: Seer, after: After = None, limit: Limit = 50) -> Page[SightingShown]:
    """What each look found, in the order of the looks; nothing of it is ever changed."""

    def read(db: Connection) -> Page[SightingShown]:
        alerts.get(db, alert_id)
        rows = alerts.sightings(db, alert_id, after=place(after), limit=limit)
        items = [SightingShown.model_validate(row) for row in rows]
        return Page(items=items, next=following([each.id for each in items], limit))

    return look(read)


@routes.get(
    "/alerts/{alert_id}/notice",
    responses=may_refuse(Unknown) | file(PDF, "The notice as it was sent out, byte for byte"),
    summary="The notice to rectify 限期整改通知书",
)
def notice(alert_id: PathId, look: Annotated[Look, Depends(looking("bureau", "auditor", "institution"))]) -> Response:
    """The newest one of the alert, as PDF. For the bureau, the auditor, and the institution that it was sent to."""

    def read(db: Connection) -> notices.Notice:
        found = notices.latest(db, alert_id)
        if look.by.role == "institution" and alerts.get(db, alert_id).institution_id != look.by.party:
            raise Unknown(what="notice", key=alert_id)
        return found

    sent = look(read)
    return _file(sent.pdf, media_type=PDF, name=f"rectification-notice-{sent.id}.pdf")


def _file(data: bytes, *, media_type: str, name: str) -> Response:
    return Response(data, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
