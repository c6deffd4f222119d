"""Lessons: recorded by the institution, confirmed or disputed by the guardian, disputes decided by the bureau."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field, model_validator
from sqlalchemy import Connection

from escrow.api.asking import Act, acting, moving_money
from escrow.api.description import LESSONS, may_refuse
from escrow.api.shapes import Asked, Fen, Id, Instant, PathId, Reason, Shown, Word
from escrow.refusals import AlreadyDecided, ReasonMissing, Unknown
from escrow.registry.institutions import InstitutionClosed
from escrow.teaching import confirmations, lessons
from escrow.teaching.confirmations import NotPaidFor
from escrow.teaching.lessons import (
    LessonAlreadyRecorded,
    LessonNotOver,
    NoLessonsLeft,
    NotOfThisCourse,
    RecordedLesson,
    Session,
)

routes = APIRouter(tags=[LESSONS])


class SessionAsked(Asked):
    """A class session as it was held (课次)."""

    course_id: Id
    class_no: Word = Field(examples=["A"])
    starts_at: Instant
    ends_at: Instant
    contract_ids: list[Id] = Field(min_length=1, max_length=500, description="Whose contracts were attended.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at must lie after starts_at")
        return self


class LessonShown(Shown):
    """A recorded session, and until when the guardians may speak."""

    id: int
    institution_id: int
    course_id: int
    class_no: str
    held_on: date
    starts_at: datetime
    ends_at: datetime
    recorded_at: datetime
    contract_ids: list[int]
    silent_on: date = Field(description="The last day to confirm or dispute; after it, silence confirms.")

    @classmethod
    def of(cls, recorded: RecordedLesson) -> Self:
        lesson = recorded.lesson
        told = {name: getattr(lesson, name) for name in cls.model_fields if hasattr(lesson, name)}
        return cls(**told, contract_ids=list(recorded.contract_ids), silent_on=recorded.silent_on)


class OfContract(Asked):
    """Which contract's attendance is meant."""

    contract_id: Id


class DisputeAsked(OfContract):
    """What the guardian says."""

    reason: Reason


class DecisionAsked(OfContract):
    """What the bureau has found out."""

    taught: bool = Field(description="true: the lesson is earned; false: it is struck out.")
    reason: Reason


class AttendanceShown(Shown):
    """One student at one lesson (考勤)."""

    id: int
    lesson_id: int
    contract_id: int
    state: Literal["recorded", "confirmed", "disputed", "struck"]
    silent_on: date
    ordinal: int | None = Field(description="Its place among the contract's confirmed lessons.")
    share: Fen | None = Field(description="What the institution has earned by it.")
    confirmed_at: datetime | None
    confirmed_by: str | None
    dispute: str | None


Family = Annotated[Act, Depends(moving_money("family", "bureau"))]


@routes.post(
    "/lessons",
    status_code=201,
    response_model=LessonShown,
    responses=may_refuse(
        Unknown, LessonNotOver, LessonAlreadyRecorded, NotOfThisCourse, NoLessonsLeft, InstitutionClosed
    ),
    summary="Record a class session 记课",
)
def record(asked: SessionAsked, act: Annotated[Act, Depends(acting("institution", "bureau"))]) -> Response:
    """With its attendance, whole or not at all, once it is over. The guardians' working days run from now."""
    session = Session(**{name: getattr(asked, name) for name in type(asked).model_fields})

    def do(db: Connection) -> LessonShown:
        return LessonShown.of(lessons.record(db, session, rulebook=act.rulebook, by=act.by, now=act.now))

    return act(do, status=201)


@routes.post(
    "/lessons/{lesson_id}/confirmation",
    response_model=AttendanceShown,
    responses=may_refuse(Unknown, AlreadyDecided, NotPaidFor, keyed=True),
    summary="Confirm a lesson 确认课时",
)
def confirm(lesson_id: PathId, asked: OfContract, act: Family) -> Response:
    """The guardian says that it was taught: its exact share of the price is earned. Again, it changes nothing."""

    def do(db: Connection) -> AttendanceShown:
        confirmed = confirmations.confirm(db, lesson_id, asked.contract_id, by=act.by, now=act.now)
        return AttendanceShown.model_validate(confirmed)

    return act(do)


@routes.post(
    "/lessons/{lesson_id}/dispute",
    response_model=AttendanceShown,
    responses=may_refuse(Unknown, AlreadyDecided, ReasonMissing),
    summary="Dispute a lesson 异议",
)
def dispute(
    lesson_id: PathId, asked: DisputeAsked, act: Annotated[Act, Depends(acting("family", "bureau"))]
) -> Response:
    """The guardian says that it was not taught as recorded; it earns nothing until the bureau has decided."""

    def do(db: Connection) -> AttendanceShown:
        disputed = confirmations.dispute(db, lesson_id, asked.contract_id, reason=asked.reason, by=act.by, now=act.now)
        return AttendanceShown.model_validate(disputed)

    return act(do)


@routes.post(
    "/lessons/{lesson_id}/dispute-decision",
    response_model=AttendanceShown,
    responses=may_refuse(Unknown, AlreadyDecided, ReasonMissing, NotPaidFor, keyed=True),
    summary="Decide a dispute 异议处理",
)
def decide(lesson_id: PathId, asked: DecisionAsked, act: Annotated[Act, Depends(moving_money("bureau"))]) -> Response:
    """The bureau decides: the lesson was taught, and is earned, or it is struck out."""

    def do(db: Connection) -> AttendanceShown:
        decided = confirmations.decide(
            db, lesson_id, asked.contract_id, taught=asked.taught, reason=asked.reason, by=act.by, now=act.now
        )
        return AttendanceShown.model_validate(decided)

    return act(do)
