"""The lists that people work off: breaks and money in suspense, each with its owner, its age and the day it is due."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Final, Literal, Self, TypeVar

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection

from escrow.api.asking import Act, Look, acting, looking
from escrow.api.description import BANK, file, may_refuse
from escrow.api.shapes import After, Asked, BankAccount, Fen, Limit, Name, Page, PathId, Shown, place
from escrow.refusals import AlreadyDecided, Unknown
from escrow.rules.months import SHANGHAI
from escrow.settlement import ageing_picture, break_report, breaks, suspense_list
from escrow.settlement.break_kinds import IN_CHINESE, Severity
from escrow.settlement.break_report import Entry
from escrow.settlement.suspense_list import Waiting
from escrow.spreadsheets import csv_of, xlsx_of

T = TypeVar("T")

routes = APIRouter(tags=[BANK])

EXCEL: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA: Final = {"csv": "text/csv; charset=utf-8", "xlsx": EXCEL, "svg": "image/svg+xml"}
Account = Annotated[BankAccount | None, Query(description="Of one supervised account only.")]


class OwnerAsked(Asked):
    """Who is to look into it; left out: whoever asks takes it."""

    owner: Name | None = None


class EntryShown(Shown):
    """Something open, on the day of the question."""

    id: int
    account: str
    institution: str
    kind: str
    kind_zh: str
    severity: Severity
    amount: Fen
    detail: str
    owner: str = Field(description='"bureau" or "": nobody has taken it.')
    opened_on: date
    age: int = Field(description="Days.")
    bucket: str
    due_on: date
    overdue: bool

    @classmethod
    def of(cls, found: Entry) -> Self:
        own = {name: getattr(found, name) for name in cls.model_fields if name != "kind_zh"}
        return cls.model_validate(own | {"kind_zh": IN_CHINESE.get(found.kind, found.kind)})


class OwnedShown(Shown):
    """Who looks into it now."""

    id: int
    owner: str
    assigned_by: str | None
    assigned_at: datetime | None
    due_on: date


class SuspenseShown(Shown):
    """A payment in suspense (待查款项) with its owner, age and due day."""

    payment_id: int
    account: str
    amount: Fen
    payer: str
    remark: str
    owner: str
    since: date
    age: int
    due_on: date
    overdue: bool

    @classmethod
    def of(cls, found: Waiting, on: date) -> Self:
        paid = found.payment
        own = {"payment_id": paid.id, "account": paid.supervised_account, "amount": paid.amount, "payer": paid.payer}
        own |= {"remark": paid.remark, "owner": found.owner, "since": found.since, "age": found.age(on)}
        return cls.model_validate(own | {"due_on": found.due_on, "overdue": found.overdue(on)})


@routes.get("/breaks", responses=may_refuse(), summary="What is open 未决差异")
def everything(
    look: Annotated[Look, Depends(looking("bureau", "bank", "auditor"))],
    account: Account = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[EntryShown]:
    """Breaks and money in suspense, the gravest and oldest first. The cursor is a place in that order."""
    found = look(lambda db: break_report.report(db, account, on=_today(look)))
    shown, following_place = _slice(found, after, limit)
    return Page(items=[EntryShown.of(each) for each in shown], next=following_place)


@routes.get(
    "/breaks/report",
    response_class=Response,
    responses=file(EXCEL, "The list as CSV or Excel, or its ages as a picture (SVG).") | may_refuse(),
    summary="The list as a file 差异报告",
)
def as_file(
    look: Annotated[Look, Depends(looking("bureau", "bank", "auditor"))],
    account: Account = None,
    form: Annotated[Literal["csv", "xlsx", "svg"], Query(alias="format")] = "xlsx",
) -> Response:
    """As old as everything is today."""
    on, now = _today(look), look.desk.clock()
    found = look(lambda db: break_report.report(db, account, on=on))
    rows = [each.cells for each in found]
    match form:
        case "csv":
            data = csv_of(break_report.COLUMNS, rows)
        case "xlsx":
            data = xlsx_of("未决差异", break_report.COLUMNS, rows, at=now)
        case "svg":
            data = ageing_picture.picture(found, on=on).encode("utf-8")
    named = {"Content-Disposition": f'attachment; filename="breaks-{on.isoformat()}.{form}"'}
    return Response(data, media_type=MEDIA[form], headers=named if form != "svg" else None)


@routes.post(
    "/breaks/{break_id}/owner",
    response_model=OwnedShown,
    responses=may_refuse(Unknown, AlreadyDecided),
    summary="Take or assign a break 认领或指派差异",
)
def assign(break_id: PathId, asked: OwnerAsked, act: Annotated[Act, Depends(acting("bureau", "bank"))]) -> Response:
    """A day is signed off only when every break on its lines has an owner by name."""

    def do(db: Connection) -> OwnedShown:
        owner = asked.owner or act.by.name
        return OwnedShown.model_validate(breaks.assign(db, break_id, owner=owner, by=act.by, now=act.now))

    return act(do)


@routes.get("/suspense/worklist", responses=may_refuse(), summary="Money in suspense, by its owner 待查款项清单")
def suspended(
    look: Annotated[Look, Depends(looking("bureau", "bank", "auditor"))],
    account: Account = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[SuspenseShown]:
    """With its age and the day by which its owner must be found; the oldest first, the cursor is a place among them."""
    on = _today(look)
    shown, following_place = _slice(look(lambda db: suspense_list.waiting(db, account)), after, limit)
    return Page(items=[SuspenseShown.of(each, on) for each in shown], next=following_place)


@routes.post(
    "/payments/{payment_id}/owner",
    response_model=SuspenseShown,
    responses=may_refuse(Unknown, AlreadyDecided),
    summary="Take or assign money in suspense 认领或指派待查款项",
)
def own(payment_id: PathId, asked: OwnerAsked, act: Annotated[Act, Depends(acting("bureau", "bank"))]) -> Response:
    """Who looks for the owner of the money; what becomes of it takes two people."""

    def do(db: Connection) -> SuspenseShown:
        owner = asked.owner or act.by.name
        given = suspense_list.assign(db, payment_id, owner=owner, by=act.by, now=act.now)
        return SuspenseShown.of(given, act.now.astimezone(SHANGHAI).date())

    return act(do)


def _slice(found: Sequence[T], after: str | None, limit: int) -> tuple[Sequence[T], str | None]:
    """The page behind a place in the list, and the place behind the page; None at the end."""
    begin = place(after)
    end = begin + limit
    return found[begin:end], str(end) if end < len(found) else None


def _today(look: Look) -> date:
    return look.desk.clock().astimezone(SHANGHAI).date()
