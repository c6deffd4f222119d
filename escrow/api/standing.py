"""What a family sees of its contracts, orders and lessons, and what can be undone before anything is paid."""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection, select

from escrow.api.asking import Act, Look, acting, looking
from escrow.api.contracts import ContractShown
from escrow.api.description import CONTRACTS, may_refuse
from escrow.api.orders import OrderShown
from escrow.api.shapes import After, Amount, Asked, Fen, Limit, NeededReason, Page, PathId, Shown, following, place
from escrow.enrolment import contracts, orders
from escrow.enrolment.contracts import ContractEnded
from escrow.enrolment.orders import Order, OrderNotOpen
from escrow.enrolment.tables import contract as contract_table
from escrow.refusals import Unknown
from escrow.teaching import annulments
from escrow.teaching.annulments import NotToBeAnnulled
from escrow.teaching.tables import attendance, lesson

routes = APIRouter(tags=[CONTRACTS])

Parties = Annotated[Look, Depends(looking("family", "institution", "bureau", "auditor"))]
Party = Annotated[Act, Depends(acting("family", "institution", "bureau"))]


class LessonOfContract(Shown):
    """A lesson as one family sees it."""

    lesson_id: int
    held_on: date
    class_no: str
    starts_at: datetime
    ends_at: datetime
    state: Literal["recorded", "confirmed", "disputed", "struck"]
    silent_on: date = Field(description="The last day to confirm or dispute; after it, silence counts.")
    share: Fen | None = Field(description="What it earned the institution; null: nothing yet.")
    dispute: str | None
    released: bool = Field(description="Whether a release that is asked for or approved holds it.")


class AnnulmentAsked(Asked):
    """Why the contract is annulled."""

    reason: NeededReason


@routes.get("/family/contracts", responses=may_refuse(), summary="My contracts 我的合同")
def mine(
    look: Annotated[Look, Depends(looking("family"))], after: After = None, limit: Limit = 50
) -> Page[ContractShown]:
    """Every contract of the guardian whose key it is, ended ones too, in the order they were signed."""

    def read(db: Connection) -> Page[ContractShown]:
        c = contract_table.c
        query = select(contract_table).where(c.guardian_id == look.by.party, c.id > place(after))
        rows = db.execute(query.order_by(c.id).limit(limit)).all()
        items = [ContractShown.model_validate(row) for row in rows]
        return Page(items=items, next=following([row.id for row in rows], limit))

    return look(read)


@routes.get("/contracts/{contract_id}/orders", responses=may_refuse(Unknown), summary="A contract's orders 合同的订单")
def of_contract(contract_id: PathId, look: Parties, after: After = None, limit: Limit = 50) -> Page[OrderShown]:
    """Paid, open, expired and cancelled ones, in the order they were made."""

    def read(db: Connection) -> Page[OrderShown]:
        contracts.must_be_party(contracts.get(db, contract_id), look.by)
        found = orders.of_contract(db, contract_id, after=place(after), limit=limit)
        items = [shown(each, look.desk.clock()) for each in found]
        return Page(items=items, next=following([each.id for each in found], limit))

    return look(read)


@routes.get(
    "/contracts/{contract_id}/lessons", responses=may_refuse(Unknown), summary="A contract's lessons 合同的课次"
)
def lessons_of(contract_id: PathId, look: Parties, after: After = None, limit: Limit = 50) -> Page[LessonOfContract]:
    """What was taught on it by the institution's record, and whether the family agreed."""

    def read(db: Connection) -> Page[LessonOfContract]:
        contracts.must_be_party(contracts.get(db, contract_id), look.by)
        a = attendance.c
        query = (
            select(attendance, lesson.c.held_on, lesson.c.class_no, lesson.c.starts_at, lesson.c.ends_at)
            .join(lesson, lesson.c.id == a.lesson_id)
            .where(a.contract_id == contract_id, a.id > place(after))
            .order_by(a.id)
            .limit(limit)
        )
        rows = db.execute(query).all()
        items = [
            LessonOfContract.model_validate(row._asdict() | {"released": row.release_id is not None}) for row in rows
        ]
        return Page(items=items, next=following([row.id for row in rows], limit))

    return look(read)


@routes.post(
    "/orders/{reference}/cancellation",
    response_model=OrderShown,
    responses=may_refuse(Unknown, OrderNotOpen),
    summary="Cancel an order 取消订单",
)
def cancel(reference: str, act: Party) -> Response:
    """Only one that nobody has paid. What is paid on its code all the same stands in suspense, and goes to the contract
    or back to the payer by two people's word."""
    return act(lambda db: shown(orders.cancel(db, reference, by=act.by, now=act.now), act.now))


@routes.post(
    "/contracts/{contract_id}/annulment",
    response_model=ContractShown,
    responses=may_refuse(Unknown, ContractEnded, NotToBeAnnulled),
    summary="Annul an unpaid contract 合同作废",
)
def annul(contract_id: PathId, asked: AnnulmentAsked, act: Party) -> Response:
    """Only one on which nothing was paid and nothing taught. It counts for no cap any more, and its orders are
    cancelled."""

    def do(db: Connection) -> ContractShown:
        annulled = annulments.annul(db, contract_id, reason=asked.reason, by=act.by, now=act.now)
        return ContractShown.model_validate(annulled)

    return act(do)


def shown(order: Order, now: datetime) -> OrderShown:
    """An order as it stands at this time."""
    return OrderShown(
        reference=order.reference,
        contract_id=order.contract_id,
        amount=Amount.of(order.amount),
        state=order.state_at(now),
        expires_at=order.expires_at,
        created_at=order.created_at,
        by_loan=order.by_loan == 1,
    )
