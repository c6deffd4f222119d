"""Money that is nobody's yet: the list, and the two people it takes to find its owner."""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection, and_, select

from escrow.access.four_eyes import SamePerson
from escrow.api.asking import Act, Look, acting, looking, moving_money
from escrow.api.description import PAYOUTS, may_refuse
from escrow.api.shapes import After, Asked, Fen, Id, Limit, NeededReason, Page, PathId, Reason, Shown, following, place
from escrow.enrolment.contracts import ContractEnded
from escrow.enrolment.payments import OWNER, Payment, due_on
from escrow.enrolment.placing import IN_CHINESE
from escrow.enrolment.tables import payment
from escrow.payouts import suspense
from escrow.payouts.suspense import DoesNotFit, NotInSuspense
from escrow.payouts.tables import suspense_decision
from escrow.refusals import AlreadyDecided, FourEyes, ReasonMissing, Unknown
from escrow.registry.institutions import InstitutionClosed

routes = APIRouter(tags=[PAYOUTS])


class ProposalAsked(Asked):
    """Whose the money is; a contract, or null: back to the payer."""

    contract_id: Id | None
    reason: NeededReason


class RejectionAsked(Asked):
    """Why not."""

    reason: Reason


class PaymentShown(Shown):
    """A credit as the bank reported it and as it stands in our books (到账记录)."""

    id: int
    supervised_account: str
    serial: str
    amount: Fen
    reference: str
    remark: str
    payer: str
    payer_account: str
    paid_at: datetime
    source: Literal["notification", "statement", "query"]
    contract_id: int | None
    state: Literal["placed", "suspense", "returning", "returned", "reversed"]
    reason: str
    reason_zh: str

    @classmethod
    def of(cls, found: Payment) -> "PaymentShown":
        told = {name: getattr(found, name) for name in cls.model_fields if name != "reason_zh"}
        return cls(**told, reason_zh=IN_CHINESE.get(found.reason, ""))


class ProposalShown(Shown):
    """What should become of a payment in suspense."""

    id: int
    payment_id: int
    contract_id: int | None
    state: Literal["proposed", "approved", "rejected"]
    reason: str
    proposed_by: str
    proposed_at: datetime


class InSuspense(PaymentShown):
    """A payment that is nobody's yet, with the proposal that waits for an approval, if there is one."""

    owner: str = Field(description="Who must find out whose it is.")
    due_on: date = Field(description="By which local day.")
    proposal: ProposalShown | None


@routes.get("/suspense", responses=may_refuse(), summary="Money that is nobody's yet 待查款项")
def everything(
    look: Annotated[Look, Depends(looking("bureau", "bank", "auditor"))], after: After = None, limit: Limit = 50
) -> Page[InSuspense]:
    """Every payment that found no order, with the reason: no reference, wrong amount, expired, paid twice …"""

    def read(db: Connection) -> Page[InSuspense]:
        rows = db.execute(
            select(payment, suspense_decision.c.id.label("proposal_id"))
            .outerjoin(
                suspense_decision,
                and_(suspense_decision.c.payment_id == payment.c.id, suspense_decision.c.state == "proposed"),
            )
            .where(payment.c.state == "suspense", payment.c.id > place(after))
            .order_by(payment.c.id)
            .limit(limit)
        ).all()
        proposals = _proposals(db, [row.proposal_id for row in rows if row.proposal_id])
        items = [
            InSuspense(
                **dict(PaymentShown.model_validate(row._asdict() | {"reason_zh": IN_CHINESE.get(row.reason, "")})),
                owner=OWNER,
                due_on=due_on(row.recorded_at),
                proposal=proposals.get(row.id),
            )
            for row in rows
        ]
        return Page(items=items, next=following([row.id for row in rows], limit))

    return look(read)


@routes.post(
    "/payments/{payment_id}/proposals",
    status_code=201,
    response_model=ProposalShown,
    responses=may_refuse(Unknown, NotInSuspense, DoesNotFit, ContractEnded, InstitutionClosed),
    summary="Propose whose a payment is 待查款项处理意见",
)
def propose(
    payment_id: PathId, asked: ProposalAsked, act: Annotated[Act, Depends(acting("bureau", "bank"))]
) -> Response:
    """To a contract, or back to its payer. Nothing moves before somebody else approves."""

    def do(db: Connection) -> ProposalShown:
        proposal = suspense.propose(
            db, payment_id, contract_id=asked.contract_id, reason=asked.reason, by=act.by, now=act.now
        )
        return ProposalShown.model_validate(proposal)

    return act(do, status=201)


@routes.post(
    "/proposals/{proposal_id}/approval",
    response_model=PaymentShown,
    responses=may_refuse(
        Unknown, AlreadyDecided, FourEyes, SamePerson, DoesNotFit, ContractEnded, InstitutionClosed, keyed=True
    ),
    summary="Approve a proposal 批准处理意见",
)
def approve(proposal_id: PathId, act: Annotated[Act, Depends(moving_money("bureau"))]) -> Response:
    """Somebody who did not propose it approves: the money moves to its contract, or its way back is instructed."""
    return act(lambda db: PaymentShown.of(suspense.approve(db, proposal_id, by=act.by, now=act.now)))


@routes.post(
    "/proposals/{proposal_id}/rejection",
    response_model=ProposalShown,
    responses=may_refuse(Unknown, AlreadyDecided, FourEyes, SamePerson, ReasonMissing),
    summary="Reject a proposal 驳回处理意见",
)
def reject(proposal_id: PathId, asked: RejectionAsked, act: Annotated[Act, Depends(acting("bureau"))]) -> Response:
    """With a reason; the money stays in suspense, and something else can be proposed for it."""

    def do(db: Connection) -> ProposalShown:
        rejected = suspense.reject(db, proposal_id, reason=asked.reason, by=act.by, now=act.now)
        return ProposalShown.model_validate(rejected)

    return act(do)


def _proposals(db: Connection, ids: list[int]) -> dict[int, ProposalShown]:
    query = select(suspense_decision).where(suspense_decision.c.id.in_(ids))
    return {row.payment_id: ProposalShown.model_validate(row) for row in db.execute(query)}
