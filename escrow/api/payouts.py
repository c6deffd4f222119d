"""Payouts at the bank: what is in a batch, what the bank answered, and payees that must be named anew."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection

from escrow.access.four_eyes import SamePerson
from escrow.api.asking import Act, Look, acting, looking, moving_money
from escrow.api.description import PAYOUTS, may_refuse
from escrow.api.shapes import (
    After,
    Asked,
    BankAccount,
    Fen,
    Limit,
    Name,
    NeededReason,
    Page,
    PathId,
    Reason,
    Shown,
    following,
    place,
)
from escrow.payouts import answers, batches, instructions, payees
from escrow.payouts.answers import AnswerChanged, AnswerDoesNotFit
from escrow.payouts.payees import BadPayee, NotToBeCorrected
from escrow.refusals import AlreadyDecided, FourEyes, ReasonMissing, Unknown
from reconciliation.pain002 import StatusReportRefused
from reconciliation.statement import DoctypeRefused, TooLarge

routes = APIRouter(tags=[PAYOUTS])


class PayoutShown(Shown):
    """A payout instruction (付款指令)."""

    id: int
    end_to_end: str = Field(description="Its name at the bank, in files and on the statement.")
    kind: Literal["release", "refund", "return"]
    source_id: int = Field(description="The release request, refund or payment behind it.")
    claim: int = Field(description="The first attempt's id: all attempts at one claim share it, one is in force.")
    supervised_account: str
    amount: Fen
    creditor: str
    creditor_account: str
    state: Literal["instructed", "sent", "settled", "rejected", "returned", "withdrawn"]
    made_at: datetime
    batch_id: int | None
    channel: str | None = Field(description="The payment channel that pays it back; such a one is in no batch.")
    settled_at: datetime | None
    ended_at: datetime | None
    code: str | None = Field(description="ISO 20022 reason, as the bank gave it.")
    why: str | None


class AnsweredLineShown(Shown):
    """What the bank reported of one payout, and what came of it."""

    instruction_id: int
    status: str = Field(examples=["ACSC", "RJCT", "PDNG"])
    code: str
    reason: str
    effect: Literal["pending", "confirmed", "rejected", "known", "contradiction"] = Field(
        description="Pending and confirmed wait for the statement; rejected is owed again; a contradiction moved "
        "nothing, and the bank must be asked."
    )


class StrangerShown(Shown):
    """What the bank reported of a payment that the batch does not hold. Nothing was taken of it: ask the bank."""

    payment_information: str
    end_to_end: str = Field(description="Empty where the bank speaks of a whole part.")
    amount: Fen | None
    status: str
    code: str
    reason: str
    english: str
    chinese: str


class AnswerShown(Shown):
    """A payment status report of the bank (付款状态报告)."""

    id: int
    batch_id: int
    message_id: str
    created_at: datetime
    sha256: str
    received_by: str
    received_at: datetime
    lines: list[AnsweredLineShown]
    strangers: list[StrangerShown]


class PartShown(Shown):
    """What one account pays in a batch."""

    supervised_account: str
    number: int = Field(description="1, 2, 3 … of the account: a gap is a lost file.")
    lines: int
    total: Fen


class BatchContent(Shown):
    """The accounts and payouts of a batch."""

    parts: list[PartShown]
    payouts: list[PayoutShown]


class CorrectionAsked(Asked):
    """Who is to be paid instead, and where."""

    creditor: Name
    creditor_account: BankAccount
    reason: NeededReason


class RejectionAsked(Asked):
    """Why not."""

    reason: Reason


class CorrectionShown(Shown):
    """Another payee put forward for a payout (收款账户更正)."""

    id: int
    instruction_id: int
    creditor: str
    creditor_account: str
    state: Literal["proposed", "approved", "rejected"]
    reason: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


Banking = Annotated[Look, Depends(looking("bureau", "bank", "auditor"))]


async def raw_body(request: Request) -> bytes:
    """The bank's file as it came."""
    return await request.body()


@routes.get("/payout-batches/{batch_id}/payouts", responses=may_refuse(Unknown), summary="What is in a batch 批次明细")
def content(batch_id: PathId, look: Banking) -> BatchContent:
    """Each account with its sequence number, lines and sum, and each payout with what became of it."""

    def read(db: Connection) -> BatchContent:
        batches.get(db, batch_id)
        return BatchContent(
            parts=[PartShown.model_validate(each) for each in batches.parts(db, batch_id)],
            payouts=[PayoutShown.model_validate(each) for each in instructions.of_batch(db, batch_id)],
        )

    return look(read)


@routes.post(
    "/payout-batches/answers",
    status_code=201,
    response_model=AnswerShown,
    responses=may_refuse(
        *(Unknown, StatusReportRefused, DoctypeRefused, TooLarge, AnswerDoesNotFit, AnswerChanged), keyed=True
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/xml": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
    summary="The bank's answer to a payout file 付款状态报告",
)
def answer(
    data: Annotated[bytes, Depends(raw_body)], act: Annotated[Act, Depends(moving_money("bureau", "bank"))]
) -> Response:
    """pain.002 of .03 or later, the body as the bank wrote it. What it rejects is owed again: a release goes back to
    earned and can be asked for anew, a refund waits for another account. Success moves nothing: it has left when the
    statement shows it. The same report again has no second effect. What it says of payments that the batch does not
    hold is listed under `strangers`, and nothing else comes of it."""
    return act(
        lambda db: AnswerShown.model_validate(answers.take(db, data, by=act.by, now=act.now), from_attributes=True),
        status=201,
    )


@routes.get(
    "/payout-batches/{batch_id}/answers", responses=may_refuse(Unknown), summary="The bank's answers 批次的状态报告"
)
def all_answers(batch_id: PathId, look: Banking) -> list[AnswerShown]:
    """In the order they came."""

    def read(db: Connection) -> list[AnswerShown]:
        batches.get(db, batch_id)
        return [AnswerShown.model_validate(each) for each in answers.of_batch(db, batch_id)]

    return look(read)


@routes.get("/payouts/stuck", responses=may_refuse(), summary="Payouts that wait for an account 待补收款账户")
def stuck(look: Banking, after: After = None, limit: Limit = 50) -> Page[PayoutShown]:
    """What is owed and cannot be paid until somebody names an account: the bank masks the payer's, rejected the payout,
    or it came back (退汇)."""

    def read(db: Connection) -> Page[PayoutShown]:
        found = payees.stuck(db, after=place(after), limit=limit)
        items = [PayoutShown.model_validate(each) for each in found]
        return Page(items=items, next=following([each.id for each in found], limit))

    return look(read)


@routes.post(
    "/payouts/{payout_id}/corrections",
    status_code=201,
    response_model=CorrectionShown,
    responses=may_refuse(Unknown, NotToBeCorrected, BadPayee, ReasonMissing),
    summary="Put another payee forward 更正收款账户",
)
def propose(
    payout_id: PathId, asked: CorrectionAsked, act: Annotated[Act, Depends(acting("bureau", "bank"))]
) -> Response:
    """Nothing is paid before somebody else approves."""
    return act(
        lambda db: CorrectionShown.model_validate(
            payees.propose(db, payout_id, **asked.model_dump(), by=act.by, now=act.now)
        ),
        status=201,
    )


@routes.post(
    "/corrections/{correction_id}/approval",
    response_model=PayoutShown,
    responses=may_refuse(Unknown, AlreadyDecided, FourEyes, SamePerson, NotToBeCorrected, keyed=True),
    summary="Approve another payee 批准收款账户更正",
)
def approve(correction_id: PathId, act: Annotated[Act, Depends(moving_money("bureau"))]) -> Response:
    """Somebody who did not put it forward approves: another attempt at the same claim waits for the next batch."""
    return act(lambda db: PayoutShown.model_validate(payees.approve(db, correction_id, by=act.by, now=act.now)))


@routes.post(
    "/corrections/{correction_id}/rejection",
    response_model=CorrectionShown,
    responses=may_refuse(Unknown, AlreadyDecided, FourEyes, SamePerson, ReasonMissing),
    summary="Reject another payee 驳回收款账户更正",
)
def reject(correction_id: PathId, asked: RejectionAsked, act: Annotated[Act, Depends(acting("bureau"))]) -> Response:
    """With a reason; another one can be put forward."""
    return act(
        lambda db: CorrectionShown.model_validate(
            payees.reject(db, correction_id, reason=asked.reason, by=act.by, now=act.now)
        )
    )
