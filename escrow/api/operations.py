"""Operations: whether the service lives, whether it can work, and a few counts for a monitor."""

from typing import Final, Literal

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from sqlalchemy import Connection, Select, func, select
from sqlalchemy.exc import DBAPIError

from escrow.api.description import OPERATIONS, may_refuse
from escrow.api.desk import AtDesk
from escrow.api.problems import NotReady
from escrow.api.shapes import Shown
from escrow.db import missing_version
from escrow.enrolment.tables import payment
from escrow.monitoring.tables import alert
from escrow.payouts.tables import instruction
from escrow.settlement.tables import break_

routes = APIRouter(tags=[OPERATIONS])

_COUNTS: Final[dict[str, tuple[str, Select[int]]]] = {
    "escrow_alerts_open": (
        "Alerts that nobody has closed.",
        select(func.count()).select_from(alert).where(alert.c.closed_at.is_(None)),
    ),
    "escrow_suspense_payments": (
        "Payments that are nobody's yet.",
        select(func.count()).select_from(payment).where(payment.c.state == "suspense"),
    ),
    "escrow_breaks_open": (
        "What bank statements and books do not agree on.",
        select(func.count()).select_from(break_).where(break_.c.closed_at.is_(None)),
    ),
    "escrow_payouts_unsettled": (
        "Payouts decided and not yet seen leaving the bank.",
        select(func.count()).select_from(instruction).where(instruction.c.state != "settled"),
    ),
}


class State(Shown):
    """Well, or else a problem is answered."""

    status: Literal["ok"] = "ok"


@routes.get("/healthz", summary="The process lives 存活")
def alive() -> State:
    """Asks nobody else, so it says nothing about the database."""
    return State()


@routes.get("/readyz", responses=may_refuse(NotReady, public=True), summary="Requests can be served 就绪")
def ready(desk: AtDesk) -> State:
    """The database answers, and its schema is the one that this version was made for."""
    try:
        missing = missing_version(desk.engine)
    except DBAPIError as error:
        raise NotReady(why="the database does not answer") from error
    if missing is not None:
        raise NotReady(why=f"the database lacks version {missing} of the schema; run: escrow db upgrade")
    return State()


@routes.get(
    "/metrics", response_class=PlainTextResponse, responses=may_refuse(public=True), summary="A few counts 指标"
)
def metrics(desk: AtDesk) -> PlainTextResponse:
    """Gauges in the text format of Prometheus, version 0.0.4."""

    def read(db: Connection) -> list[str]:
        return [
            f"# HELP {name} {told}\n# TYPE {name} gauge\n{name} {db.execute(query).scalar_one()}\n"
            for name, (told, query) in _COUNTS.items()
        ]

    return PlainTextResponse("".join(desk.read(read)), media_type="text/plain; version=0.0.4; charset=utf-8")
