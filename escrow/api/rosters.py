"""Rosters: who taught which classes in a month, filed by the institution."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection

from escrow.api.asking import Act, Look, acting, looking
from escrow.api.description import INSTITUTIONS, may_refuse
from escrow.api.shapes import Asked, Id, MonthText, Name, PathId, Shown, Word, month
from escrow.refusals import Unknown
from escrow.registry import rosters
from escrow.registry.rosters import BadRoster, MonthNotBegun, TaughtClass, Teacher

routes = APIRouter(tags=[INSTITUTIONS])

MOST_ON_A_ROSTER = 2_000


class TeacherAsked(Asked):
    """Who taught (授课教师)."""

    name: Word
    subject: Word
    certificate: Word | None = Field(default=None, description="教师资格证号, where there is one.")


class ClassAsked(Asked):
    """A class of the month (班级)."""

    course_id: Id
    name: Name
    teacher: Word = Field(description="One of `teachers`, by name.")
    pupils: int = Field(ge=0, le=10_000, description="How many were in it. No names: fee rules need none.")


class RosterAsked(Asked):
    """The roster of a month, whole; a later one stands in its place."""

    month: MonthText
    teachers: list[TeacherAsked] = Field(min_length=1, max_length=MOST_ON_A_ROSTER)
    classes: list[ClassAsked] = Field(max_length=MOST_ON_A_ROSTER)


class TeacherShown(Shown):
    """A teacher on a roster."""

    name: str
    subject: str
    certificate: str | None


class ClassShown(Shown):
    """A class on a roster."""

    course_id: int
    name: str
    teacher: str
    pupils: int


class RosterShown(Shown):
    """A filed roster (名册)."""

    id: int
    institution_id: int
    month: str
    teachers: list[TeacherShown]
    classes: list[ClassShown]
    rule: str | None = Field(description="The rule version that asked for it; null: none did.")
    due_on: date | None = Field(description="The last day on which it was in time.")
    late: bool
    filed_by: str
    filed_at: datetime


@routes.post(
    "/institutions/{institution_id}/rosters",
    status_code=201,
    response_model=RosterShown,
    responses=may_refuse(Unknown, MonthNotBegun, BadRoster),
    summary="File a month's roster 更新名册",
)
def file_roster(
    institution_id: PathId, asked: RosterAsked, act: Annotated[Act, Depends(acting("institution", "bureau"))]
) -> Response:
    """Due by the day that the jurisdiction names, as the 10th of the month after. A late one is taken and says so. A
    release asked for a month without one is refused or flagged, as the jurisdiction has it."""

    def do(db: Connection) -> RosterShown:
        filed = rosters.file(
            db,
            institution_id,
            month=month(asked.month),
            teachers=[Teacher(**each.model_dump()) for each in asked.teachers],
            classes=[TaughtClass(**each.model_dump()) for each in asked.classes],
            rulebook=act.rulebook,
            by=act.by,
            now=act.now,
        )
        return RosterShown.model_validate(filed)

    return act(do, status=201)


@routes.get(
    "/institutions/{institution_id}/rosters", responses=may_refuse(Unknown), summary="A month's roster 名册查询"
)
def show(
    institution_id: PathId,
    of_month: Annotated[MonthText, Query(alias="month")],
    look: Annotated[Look, Depends(looking("institution", "bureau", "auditor"))],
) -> RosterShown:
    """The one that stands, for its institution, the bureau and the auditor."""

    def read(db: Connection) -> RosterShown:
        found = None
        if look.by.role != "institution" or look.by.party == institution_id:
            found = rosters.latest(db, institution_id, month(of_month))
        if found is None:
            raise Unknown(what="roster", key=of_month)
        return RosterShown.model_validate(found)

    return look(read)
