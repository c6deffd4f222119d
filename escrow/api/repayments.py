"""Money back: refunds of single contracts, and closures, in which every family is repaid first."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection, select

from escrow.access.four_eyes import SamePerson
from escrow.api.asking import Act, Look, acting, looking, moving_money
from escrow.api.description import PAYOUTS, may_refuse
from escrow.api.shapes import Amount, Asked, Fen, NeededReason, PathId, Shown
from escrow.payouts import closures, refunds
from escrow.payouts.closures import AlreadyClosing, Closure, NotTheOneWhoAsked
from escrow.payouts.refunds import NothingToRefund, RefundNotComputed
from escrow.payouts.tables import refund as refund_table
from escrow.refusals import AlreadyDecided, FourEyes, Unknown

routes = APIRouter(tags=[PAYOUTS])


class RefundShown(Shown):
    """A decided refund (退费)."""

    id: int
    contract_id: int
    closure_id: int | None
    amount: Fen
    held_back: Fen = Field(description="Of lessons recorded and not yet confirmed or decided.")
    rule: str
    requested_by: str
    requested_at: datetime


class ClosureAsked(Asked):
    """Why the institution closes."""

    reason: NeededReason


class OnRoster(Shown):
    """An open contract of a closing institution, and what of it can be repaid."""

    contract_id: int
    guardian_id: int
    prepaid: Fen
    held_back: Fen
    refundable: Fen


class ClosureShown(Shown):
    """The closing of an institution (终止办学)."""

    id: int
    institution_id: int
    state: Literal["requested", "approved", "withdrawn", "rejected"]
    reason: str
    requested_by: str
    requested_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    ended_by: str | None = Field(description="Who withdrew or rejected it.")
    ended_at: datetime | None
    ended_why: str | None


class ClosureWithFamilies(ClosureShown):
    """A closure, the families still to be repaid, and the refunds that were decided."""

    roster: list[OnRoster]
    refunds: list[RefundShown]


@routes.post(
    "/contracts/{contract_id}/refunds",
    status_code=201,
    response_model=RefundShown,
    responses=may_refuse(Unknown, NothingToRefund, RefundNotComputed, keyed=True),
    summary="Ask for a refund 退费",
)
def refund(contract_id: PathId, act: Annotated[Act, Depends(moving_money("family", "bureau"))]) -> Response:
    """On the guardian's word the contract ends, and what was paid and not taught goes back to whoever paid it, pro rata
    by lessons. Lessons recorded and not yet confirmed are held back; when one is struck out later, ask again."""

    def do(db: Connection) -> RefundShown:
        return RefundShown.model_validate(refunds.ask(db, contract_id, rulebook=act.rulebook, by=act.by, now=act.now))

    return act(do, status=201)


@routes.post(
    "/institutions/{institution_id}/closure",
    status_code=201,
    response_model=ClosureWithFamilies,
    responses=may_refuse(Unknown, AlreadyClosing),
    summary="Start to close an institution 申请终止办学",
)
def close(
    institution_id: PathId, asked: ClosureAsked, act: Annotated[Act, Depends(acting("institution", "bureau"))]
) -> Response:
    """From now on no contract, order or lesson is taken, and open orders are cancelled. The bureau reviews the roster
    and approves."""

    def do(db: Connection) -> ClosureWithFamilies:
        return _whole(db, closures.freeze(db, institution_id, reason=asked.reason, by=act.by, now=act.now))

    return act(do, status=201)


@routes.get("/closures/{closure_id}", responses=may_refuse(Unknown), summary="A closure and its families 终止办学名单")
def show(
    closure_id: PathId, look: Annotated[Look, Depends(looking("institution", "bureau", "auditor"))]
) -> ClosureWithFamilies:
    """For the institution, the bureau and the auditor: each open contract, what of it is untaught, what must still be
    decided, and the refunds that were made."""

    def read(db: Connection) -> ClosureWithFamilies:
        closure = closures.get(db, closure_id)
        if look.by.role == "institution" and look.by.party != closure.institution_id:
            raise Unknown(what="closure", key=closure_id)
        return _whole(db, closure)

    return look(read)


@routes.post(
    "/closures/{closure_id}/approval",
    response_model=ClosureWithFamilies,
    responses=may_refuse(Unknown, AlreadyDecided, FourEyes, SamePerson, RefundNotComputed, keyed=True),
    summary="Approve a closure 批准终止办学",
)
def approve(closure_id: PathId, act: Annotated[Act, Depends(moving_money("bureau"))]) -> Response:
    """Somebody at the bureau who did not ask for it approves: all untaught money of all families is instructed in one
    act, and the institution is closed (民办教育促进法, art. 59: families first)."""

    def do(db: Connection) -> ClosureWithFamilies:
        closures.approve(db, closure_id, rulebook=act.rulebook, by=act.by, now=act.now)
        return _whole(db, closures.get(db, closure_id))

    return act(do)


@routes.post(
    "/closures/{closure_id}/withdrawal",
    response_model=ClosureShown,
    responses=may_refuse(Unknown, AlreadyDecided, NotTheOneWhoAsked),
    summary="Withdraw a closure 撤回终止办学申请",
)
def withdraw(
    closure_id: PathId, asked: ClosureAsked, act: Annotated[Act, Depends(acting("institution", "bureau"))]
) -> Response:
    """Who asked for it takes it back before it is approved: the institution is open again, its cancelled orders are
    made anew."""
    return act(
        lambda db: ClosureShown.model_validate(
            closures.withdraw(db, closure_id, reason=asked.reason, by=act.by, now=act.now)
        )
    )


@routes.post(
    "/closures/{closure_id}/rejection",
    response_model=ClosureShown,
    responses=may_refuse(Unknown, AlreadyDecided, FourEyes, SamePerson),
    summary="Reject a closure 驳回终止办学申请",
)
def reject(closure_id: PathId, asked: ClosureAsked, act: Annotated[Act, Depends(acting("bureau"))]) -> Response:
    """Somebody at the bureau who did not ask for it, with a reason: the institution is open again."""
    return act(
        lambda db: ClosureShown.model_validate(
            closures.reject(db, closure_id, reason=asked.reason, by=act.by, now=act.now)
        )
    )


def _whole(db: Connection, closure: Closure) -> ClosureWithFamilies:
    return ClosureWithFamilies(
        **dict(ClosureShown.model_validate(closure)), roster=_roster(db, closure), refunds=_refunds(db, closure)
    )


def _roster(db: Connection, closure: Closure) -> list[OnRoster]:
    return [
        OnRoster(
            contract_id=each.contract.id,
            guardian_id=each.contract.guardian_id,
            prepaid=Amount.of(each.prepaid),
            held_back=Amount.of(each.held_back),
            refundable=Amount.of(each.amount),
        )
        for each in closures.roster(db, closure.id)
    ]


def _refunds(db: Connection, closure: Closure) -> list[RefundShown]:
    query = select(refund_table).where(refund_table.c.closure_id == closure.id).order_by(refund_table.c.id)
    return [RefundShown.model_validate(row) for row in db.execute(query)]
