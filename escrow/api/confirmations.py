"""Balances that the bank confirmed on paper, for accounts whose files state none."""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection

from escrow.access.four_eyes import SamePerson
from escrow.api.asking import Act, Look, acting, looking
from escrow.api.description import BANK, may_refuse
from escrow.api.matches import Reasoned
from escrow.api.shapes import After, AskedAmount, Fen, Limit, NeededReason, Page, PathId, Shown, following, place
from escrow.api.signing import DayAsked
from escrow.refusals import AlreadyDecided, FourEyes, ReasonMissing, Unknown
from escrow.settlement import confirmations
from escrow.settlement.confirmations import (
    ConfirmationWaits,
    DayNotOver,
    DocumentMissing,
    NotCovered,
    StatedAlready,
)
from escrow.settlement.frozen import DayFrozen
from escrow.settlement.statements import NotSupervised

routes = APIRouter(tags=[BANK])


class BalanceAsked(DayAsked):
    """What the bank confirmed that an account held at the end of a day."""

    balance: AskedAmount
    document: NeededReason = Field(description="The paper: its name, number and date.")


class ConfirmationShown(Shown):
    """A balance confirmed on paper (余额确认)."""

    id: int
    account: str
    day: date
    balance: Fen
    document: str
    statement_id: int | None = Field(description="What covers the day; null: it is before the first statement.")
    state: Literal["entered", "approved", "rejected"]
    entered_by: str
    entered_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None


@routes.post(
    "/balance-confirmations",
    status_code=201,
    response_model=ConfirmationShown,
    responses=may_refuse(
        *(NotSupervised, DocumentMissing, DayNotOver, DayFrozen, StatedAlready, NotCovered, ConfirmationWaits)
    ),
    summary="Enter a confirmed balance 录入余额确认",
)
def enter(asked: BalanceAsked, act: Annotated[Act, Depends(acting("bureau", "bank"))]) -> Response:
    """Only for a day of which no statement states a balance. The balance before the first statement is entered for a
    day before it. It counts when somebody else has approved it."""

    def do(db: Connection) -> ConfirmationShown:
        fen, document = asked.balance.money.minor, asked.document
        made = confirmations.enter(db, asked.account, asked.day, balance=fen, document=document, by=act.by, now=act.now)
        return ConfirmationShown.model_validate(made)

    return act(do, status=201)


@routes.get("/balance-confirmations", responses=may_refuse(), summary="An account's confirmed balances 余额确认清单")
def everything(
    account: Annotated[str, Query(pattern="^[0-9A-Za-z-]{4,34}$")],
    look: Annotated[Look, Depends(looking("bureau", "bank", "auditor"))],
    after: After = None,
    limit: Limit = 50,
) -> Page[ConfirmationShown]:
    """Oldest first, rejected ones too."""

    def read(db: Connection) -> Page[ConfirmationShown]:
        found = confirmations.of_account(db, account, after=place(after), limit=limit)
        items = [ConfirmationShown.model_validate(each) for each in found]
        return Page(items=items, next=following([each.id for each in found], limit))

    return look(read)


@routes.post(
    "/balance-confirmations/{confirmation_id}/approval",
    response_model=ConfirmationShown,
    responses=may_refuse(Unknown, AlreadyDecided, FourEyes, SamePerson, DayFrozen, StatedAlready, NotCovered),
    summary="Approve a confirmed balance 批准余额确认",
)
def approve(confirmation_id: PathId, act: Annotated[Act, Depends(acting("bureau"))]) -> Response:
    """Paper in hand; the day can be signed off by it then."""

    def do(db: Connection) -> ConfirmationShown:
        return ConfirmationShown.model_validate(confirmations.approve(db, confirmation_id, by=act.by, now=act.now))

    return act(do)


@routes.post(
    "/balance-confirmations/{confirmation_id}/rejection",
    response_model=ConfirmationShown,
    responses=may_refuse(Unknown, AlreadyDecided, FourEyes, SamePerson, ReasonMissing),
    summary="Reject a confirmed balance 驳回余额确认",
)
def reject(confirmation_id: PathId, asked: Reasoned, act: Annotated[Act, Depends(acting("bureau"))]) -> Response:
    """With a reason; another can be entered."""

    def do(db: Connection) -> ConfirmationShown:
        ended = confirmations.reject(db, confirmation_id, reason=asked.reason, by=act.by, now=act.now)
        return ConfirmationShown.model_validate(ended)

    return act(do)
