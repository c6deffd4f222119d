"""What is told of institutions: complaints of families, money taken elsewhere, heads counted in a class."""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from escrow.api.asking import Act, Look, acting, looking
from escrow.api.description import ALERTS, may_refuse
from escrow.api.shapes import (
    After,
    Asked,
    Day,
    Fen,
    Id,
    Limit,
    NeededReason,
    Page,
    PathId,
    Price,
    Shown,
    following,
    place,
)
from escrow.enrolment import takings
from escrow.enrolment.takings import (
    Means,
    NoSuchCredit,
    NothingTaken,
    SweepTooSmall,
    SweptBeforeTaken,
    TakenInTheFuture,
)
from escrow.oversight import complaints
from escrow.oversight.complaints import Category, NotHappenedYet, NothingTold, Told
from escrow.refusals import AlreadyDecided, ReasonMissing, Unknown
from escrow.teaching import head_counts
from escrow.teaching.head_counts import MOST, ImpossibleHeadCount

routes = APIRouter(tags=[ALERTS])


class ComplaintAsked(Asked):
    """What a family tells the bureau (投诉)."""

    category: Category = Field(
        description="个人收款码、现金、账户外优惠、超时授课、拒绝退费、退费扣手续费、未按约授课、其他"
    )
    told: NeededReason
    happened_on: Day
    contract_id: Id | None = None


class ComplaintAnswered(Asked):
    """What the bureau has found."""

    state: Literal["upheld", "unfounded"] = Field(description="属实 / 不属实")
    answer: NeededReason


class ComplaintShown(Shown):
    """A complaint, and what the bureau answered."""

    id: int
    institution_id: int
    contract_id: int | None
    category: Category
    told: str
    happened_on: date
    filed_at: datetime
    state: Literal["open", "upheld", "unfounded"]
    answer: str | None
    answered_at: datetime | None


class TakingAsked(Asked):
    """Tuition that was taken outside the supervised account (账户外收款)."""

    amount: Price
    means: Means = Field(description="现金 / 钱包 / 刷卡")
    taken_on: Day
    contract_id: Id | None = None


class SweepAsked(Asked):
    """The bank's credit that brought the money into the account."""

    serial: str = Field(pattern="^[!-.0-~]{1,64}$", description="The bank's own id of the credit (银行流水号).")


class TakingShown(Shown):
    """A taking, and the day on which the bank's credit swept it in."""

    id: int
    institution_id: int
    contract_id: int | None
    amount: Fen
    means: Means
    taken_on: date
    reported_at: datetime
    payment_id: int | None
    swept_on: date | None


class HeadCountAsked(Asked):
    """How many pupils sat in the class."""

    heads: int = Field(ge=0, le=MOST)


class HeadCountShown(Shown):
    """A head count (到课人数)."""

    id: int
    lesson_id: int
    heads: int
    role: Literal["institution", "bureau"]
    counted_at: datetime


Institution = Annotated[Act, Depends(acting("institution", "bureau"))]


@routes.post(
    "/institutions/{institution_id}/complaints",
    status_code=201,
    response_model=ComplaintShown,
    responses=may_refuse(Unknown, NothingTold, NotHappenedYet),
    summary="Complain about an institution 投诉",
)
def complain(
    institution_id: PathId, asked: ComplaintAsked, act: Annotated[Act, Depends(acting("family", "bureau"))]
) -> Response:
    """With or without a contract: who paid to somebody's own code has none. Not shown to the institution."""
    told = Told(**{name: getattr(asked, name) for name in type(asked).model_fields})
    return act(
        lambda db: ComplaintShown.model_validate(complaints.file(db, institution_id, told, by=act.by, now=act.now)),
        status=201,
    )


@routes.get("/complaints", responses=may_refuse(), summary="Complaints 投诉列表")
def everything(
    look: Annotated[Look, Depends(looking("family", "bureau", "auditor"))], after: After = None, limit: Limit = 50
) -> Page[ComplaintShown]:
    """A family sees its own, the bureau all, in the order they were filed."""
    found = look(lambda db: complaints.page(db, by=look.by, after=place(after), limit=limit))
    shown = [ComplaintShown.model_validate(each) for each in found]
    return Page(items=shown, next=following([each.id for each in found], limit))


@routes.post(
    "/complaints/{complaint_id}/answer",
    response_model=ComplaintShown,
    responses=may_refuse(Unknown, ReasonMissing, AlreadyDecided),
    summary="Answer a complaint 答复投诉",
)
def answer(complaint_id: PathId, asked: ComplaintAnswered, act: Annotated[Act, Depends(acting("bureau"))]) -> Response:
    """What was found out: once, and the family reads it."""
    return act(
        lambda db: ComplaintShown.model_validate(
            complaints.answer(db, complaint_id, state=asked.state, answer=asked.answer, by=act.by, now=act.now)
        )
    )


@routes.post(
    "/institutions/{institution_id}/takings",
    status_code=201,
    response_model=TakingShown,
    responses=may_refuse(Unknown, NothingTaken, TakenInTheFuture),
    summary="Report money taken elsewhere 上报账户外收款",
)
def report(institution_id: PathId, asked: TakingAsked, act: Institution) -> Response:
    """Cash, or a wallet or card of the institution's own. It must be swept into the supervised account in time."""
    return act(
        lambda db: TakingShown.model_validate(
            takings.report(
                db,
                institution_id,
                amount=asked.amount.money,
                means=asked.means,
                taken_on=asked.taken_on,
                contract_id=asked.contract_id,
                by=act.by,
                now=act.now,
            )
        ),
        status=201,
    )


@routes.get(
    "/institutions/{institution_id}/takings", responses=may_refuse(Unknown), summary="Money taken elsewhere 账户外收款"
)
def taken(
    institution_id: PathId,
    look: Annotated[Look, Depends(looking("institution", "bureau", "auditor"))],
    after: After = None,
    limit: Limit = 50,
) -> Page[TakingShown]:
    """In the order they were reported; an institution sees its own."""
    if look.by.role == "institution" and look.by.party != institution_id:
        raise Unknown(what="institution", key=institution_id)
    found = look(lambda db: takings.page(db, institution_id, after=place(after), limit=limit))
    shown = [TakingShown.model_validate(each) for each in found]
    return Page(items=shown, next=following([each.id for each in found], limit))


@routes.post(
    "/takings/{taking_id}/sweep",
    response_model=TakingShown,
    responses=may_refuse(Unknown, AlreadyDecided, NoSuchCredit, SweptBeforeTaken, SweepTooSmall),
    summary="Name the credit that swept it in 归集",
)
def sweep(taking_id: PathId, asked: SweepAsked, act: Institution) -> Response:
    """The day that counts is the bank's, not the institution's."""
    return act(
        lambda db: TakingShown.model_validate(takings.sweep(db, taking_id, serial=asked.serial, by=act.by, now=act.now))
    )


@routes.post(
    "/lessons/{lesson_id}/head-counts",
    status_code=201,
    response_model=HeadCountShown,
    responses=may_refuse(Unknown, ImpossibleHeadCount),
    summary="Count the heads of a class 清点人数",
)
def count(lesson_id: PathId, asked: HeadCountAsked, act: Institution) -> Response:
    """By the institution or by an inspector; the largest count is held against the paid contracts."""
    return act(
        lambda db: HeadCountShown.model_validate(
            head_counts.count(db, lesson_id, heads=asked.heads, by=act.by, now=act.now)
        ),
        status=201,
    )
