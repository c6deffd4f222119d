"""Institutions and their courses: registered by the bureau, looked up by anybody."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field, model_validator
from sqlalchemy import Connection, select

from escrow.api.asking import Act, acting
from escrow.api.description import INSTITUTIONS, may_refuse
from escrow.api.desk import AtDesk
from escrow.api.shapes import (
    After,
    Asked,
    BankAccount,
    Day,
    Fen,
    Limit,
    Name,
    Page,
    PathId,
    Price,
    Shown,
    Word,
    following,
    place,
)
from escrow.refusals import Invalid, Unknown
from escrow.registry import courses, institutions, licences
from escrow.registry.courses import CourseAlreadyFiled
from escrow.registry.credit_code import BadCreditCode
from escrow.registry.institutions import AlreadyRegistered, InstitutionClosed, Registration
from escrow.registry.licences import LicenceNotRenewed
from escrow.registry.tables import course as course_table

routes = APIRouter(tags=[INSTITUTIONS])


class NoSuchJurisdiction(Invalid):
    """The rulebook has no jurisdiction {code}, so no rule could decide anything about the institution. Known:
    {known}."""

    zh = "规则库中没有辖区 {code}，无法适用任何规则。已有辖区：{known}。"


class RegistrationAsked(Asked):
    """What an institution files (机构登记)."""

    name: Name = Field(examples=["明日美术培训学校"])
    credit_code: str = Field(max_length=40, examples=["91500110MA5U0000X9"], description="统一社会信用代码, GB 32100.")
    licence_no: Word = Field(description="办学许可证号")
    licence_expires: Day
    category: Literal["subject", "non_subject"] = Field(description="学科 / 非学科")
    mode: Literal["offline", "online"] = Field(description="线下 / 线上")
    jurisdiction: str = Field(pattern="^[0-9a-z]{2,6}$", examples=["900001"], description="GB/T 2260.")
    supervised_account: BankAccount = Field(description="监管账户: where families pay. One for one institution.")
    settlement_account: BankAccount = Field(description="结算账户: the institution's own, where releases go.")

    @model_validator(mode="after")
    def _two_accounts(self) -> Self:
        if self.supervised_account == self.settlement_account:
            raise ValueError("the supervised and the settlement account must be two")
        return self


class LicenceAsked(Asked):
    """A licence that stands in the earlier one's place (换发办学许可证)."""

    licence_no: Word = Field(description="办学许可证号")
    expires: Day = Field(description="Its last day, not before today.")


class CourseAsked(Asked):
    """A course to be filed (课程备案)."""

    name: Name = Field(examples=["素描基础"])
    subject: Word = Field(examples=["drawing"], description="Contracts of one subject count together for the caps.")
    list_price: Price = Field(description="The published price of one lesson (明码标价).")


class CourseShown(Shown):
    """A filed course."""

    id: int
    institution_id: int
    name: str
    subject: str
    list_price: Fen
    filed_at: datetime


class InstitutionShown(Shown):
    """What anybody may know of an institution: whether it is licensed, and where families pay."""

    id: int
    name: str
    credit_code: str
    licence_no: str
    licence_expires: date
    category: str
    mode: str
    jurisdiction: str
    supervised_account: str
    state: Literal["open", "closing", "closed"]
    registered_at: datetime


class InstitutionWithCourses(InstitutionShown):
    """An institution with its filed courses and their published prices."""

    courses: list[CourseShown]


@routes.post(
    "/institutions",
    status_code=201,
    response_model=InstitutionShown,
    responses=may_refuse(BadCreditCode, NoSuchJurisdiction, AlreadyRegistered),
    summary="Register an institution 机构登记",
)
def register(asked: RegistrationAsked, act: Annotated[Act, Depends(acting("bureau"))]) -> Response:
    """The bureau enters an institution into the register with its one supervised account. The check character of the
    credit code is verified."""

    def do(db: Connection) -> InstitutionShown:
        known = act.rulebook.jurisdictions
        if asked.jurisdiction not in known:
            raise NoSuchJurisdiction(code=asked.jurisdiction, known=", ".join(sorted(known)))
        registered = institutions.register(db, Registration(**asked.model_dump()), by=act.by, now=act.now)
        return InstitutionShown.model_validate(registered)

    return act(do, status=201)


@routes.get("/institutions", responses=may_refuse(public=True), summary="The register of institutions 机构名录")
def everyone(desk: AtDesk, after: After = None, limit: Limit = 50) -> Page[InstitutionShown]:
    """Open to all: which institutions are supervised, in the order of their registration."""
    found = desk.read(lambda db: institutions.everyone(db, after=place(after), limit=limit))
    return Page(
        items=[InstitutionShown.model_validate(each) for each in found],
        next=following([each.id for each in found], limit),
    )


@routes.get(
    "/institutions/{institution_id}",
    responses=may_refuse(Unknown, public=True),
    summary="Check an institution 机构查询",
)
def show(institution_id: PathId, desk: AtDesk) -> InstitutionWithCourses:
    """Open to all: licence, state, where families pay, and the filed courses with their published prices. Its own
    settlement account is not told."""

    def look(db: Connection) -> InstitutionWithCourses:
        found = institutions.get(db, institution_id)
        filed = db.execute(
            select(course_table).where(course_table.c.institution_id == institution_id).order_by(course_table.c.id)
        )
        return InstitutionWithCourses(
            **InstitutionShown.model_validate(found).model_dump(),
            courses=[CourseShown.model_validate(row) for row in filed],
        )

    return desk.read(look)


@routes.post(
    "/institutions/{institution_id}/licence",
    response_model=InstitutionShown,
    responses=may_refuse(Unknown, InstitutionClosed, LicenceNotRenewed),
    summary="Register a renewed licence 换发许可证登记",
)
def renew_licence(
    institution_id: PathId, asked: LicenceAsked, act: Annotated[Act, Depends(acting("bureau"))]
) -> Response:
    """After the last day of its licence nothing more is ordered for an institution, until the renewed one is here."""

    def do(db: Connection) -> InstitutionShown:
        renewed = licences.renew(
            db, institution_id, licence_no=asked.licence_no, expires=asked.expires, by=act.by, now=act.now
        )
        return InstitutionShown.model_validate(renewed)

    return act(do)


@routes.post(
    "/institutions/{institution_id}/courses",
    status_code=201,
    response_model=CourseShown,
    responses=may_refuse(Unknown, InstitutionClosed, CourseAlreadyFiled),
    summary="File a course with its price 课程备案",
)
def file_course(
    institution_id: PathId, asked: CourseAsked, act: Annotated[Act, Depends(acting("institution", "bureau"))]
) -> Response:
    """Nothing may be sold that is not filed with its published price."""

    def do(db: Connection) -> CourseShown:
        filed = courses.file(
            db,
            institution_id,
            name=asked.name,
            subject=asked.subject,
            list_price=asked.list_price.money,
            by=act.by,
            now=act.now,
        )
        return CourseShown.model_validate(filed)

    return act(do, status=201)
