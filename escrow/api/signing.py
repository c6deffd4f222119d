"""Days signed off and reopened, and the proof of cash of any day that a statement covers."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection

from escrow.access.four_eyes import SamePerson
from escrow.api.asking import Act, Look, acting, looking, moving_money
from escrow.api.description import BANK, may_refuse
from escrow.api.shapes import (
    After,
    Asked,
    BankAccount,
    Day,
    Fen,
    Limit,
    NeededReason,
    Page,
    PathId,
    Shown,
    following,
    place,
)
from escrow.api.statements import DifferenceShown, ProofShown
from escrow.refusals import AlreadyDecided, FourEyes, ReasonMissing, Unknown
from escrow.settlement import cash, reopening, signing
from escrow.settlement.reconciling import reconcile
from escrow.settlement.reopening import NotSigned, ReopeningWaits
from escrow.settlement.signing import (
    BreaksWithoutOwner,
    CashNotProved,
    GapInStatements,
    LinesWithoutPlace,
    NoBalanceStated,
    NotOver,
    NotTiedOut,
    SignedAlready,
    SignOff,
)
from escrow.settlement.statements import NotSupervised
from escrow.settlement.tie_out import TieOut, tie_out

routes = APIRouter(tags=[BANK])


class DayAsked(Asked):
    """A day of an account."""

    account: BankAccount
    day: Day


class ReopeningAsked(DayAsked):
    """A day that should be opened again, with all signed days after it."""

    reason: NeededReason


class SignOffShown(Shown):
    """A day that was signed off (日终签核), with what was proved then."""

    id: int
    account: str
    day: date
    statement_id: int
    ledger_balance: Fen
    differences: list[DifferenceShown]
    statement_balance: Fen
    owed: Mapping[str, Fen] = Field(description="By kind; fees count against it. Its sum is the ledger balance.")
    signed_by: str
    signed_at: datetime
    reopening_id: int | None = Field(description="null: the day stands signed.")
    confirmation_id: int | None = Field(description="Who states the balance; null: the statement does.")


class ReopeningShown(Shown):
    """A request to reopen a day and all later ones (重开申请)."""

    id: int
    account: str
    day: date
    reason: str
    state: Literal["requested", "approved", "rejected"]
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class DayProved(Shown):
    """An account at the end of a day: the proof of cash, and what is owed out of what the bank holds."""

    proof: ProofShown
    bank: Fen
    fees: Fen
    owed: Mapping[str, Fen]
    tied_out: bool

    @classmethod
    def of(cls, proof: object, tied: TieOut) -> Self:
        own = {"bank": tied.bank, "fees": tied.fees, "owed": tied.owed, "tied_out": tied.holds}
        return cls.model_validate({"proof": ProofShown.model_validate(proof), **own})


@routes.post(
    "/day-signoffs",
    status_code=201,
    response_model=SignOffShown,
    responses=may_refuse(
        *(NotSupervised, SignedAlready, NotOver, NoBalanceStated, GapInStatements, LinesWithoutPlace),
        *(BreaksWithoutOwner, CashNotProved, NotTiedOut),
    ),
    summary="Sign a day off 日终签核",
)
def sign(asked: DayAsked, act: Annotated[Act, Depends(acting("bureau"))]) -> Response:
    """Only when every line up to the day has its place, the statements follow each other, nothing of the cash is
    unexplained, and what the bank holds is what is owed. It freezes the day and all before."""

    def do(db: Connection) -> SignOffShown:
        return _shown(signing.sign_off(db, asked.account, asked.day, by=act.by, now=act.now))

    return act(do, status=201)


@routes.get("/day-signoffs", responses=may_refuse(), summary="An account's signed days 已签核日")
def signed(
    account: Annotated[BankAccount, Query()],
    look: Annotated[Look, Depends(looking("bureau", "bank", "auditor"))],
    after: After = None,
    limit: Limit = 50,
) -> Page[SignOffShown]:
    """Oldest first, reopened ones too: they say by which request."""

    def read(db: Connection) -> Page[SignOffShown]:
        found = signing.of_account(db, account, after=place(after), limit=limit)
        return Page(items=[_shown(each) for each in found], next=following([each.id for each in found], limit))

    return look(read)


@routes.post(
    "/day-reopenings",
    status_code=201,
    response_model=ReopeningShown,
    responses=may_refuse(ReasonMissing, NotSigned, ReopeningWaits),
    summary="Ask for a signed day to be reopened 申请重开",
)
def ask(asked: ReopeningAsked, act: Annotated[Act, Depends(acting("bureau", "bank"))]) -> Response:
    """With the reason. The days stay frozen until somebody else approves."""

    def do(db: Connection) -> ReopeningShown:
        made = reopening.ask(db, asked.account, asked.day, reason=asked.reason, by=act.by, now=act.now)
        return ReopeningShown.model_validate(made)

    return act(do, status=201)


@routes.post(
    "/day-reopenings/{reopening_id}/approval",
    response_model=ReopeningShown,
    responses=may_refuse(Unknown, AlreadyDecided, FourEyes, SamePerson, keyed=True),
    summary="Approve a reopening 批准重开",
)
def approve(reopening_id: PathId, act: Annotated[Act, Depends(moving_money("bureau"))]) -> Response:
    """Lines that came late for these days are taken in, and the account is reconciled."""

    def do(db: Connection) -> ReopeningShown:
        decided = reopening.approve(db, reopening_id, by=act.by, now=act.now)
        reconcile(db, decided.account, by=act.by, now=act.now)
        return ReopeningShown.model_validate(decided)

    return act(do)


@routes.post(
    "/day-reopenings/{reopening_id}/rejection",
    response_model=ReopeningShown,
    responses=may_refuse(Unknown, AlreadyDecided, FourEyes, SamePerson),
    summary="Leave the days signed 驳回重开",
)
def reject(reopening_id: PathId, act: Annotated[Act, Depends(acting("bureau"))]) -> Response:
    """The days stay as they were signed."""

    def do(db: Connection) -> ReopeningShown:
        return ReopeningShown.model_validate(reopening.reject(db, reopening_id, by=act.by, now=act.now))

    return act(do)


@routes.get("/cash-proofs", responses=may_refuse(Unknown), summary="The proof of cash of a day 余额调节表")
def prove(
    account: Annotated[BankAccount, Query()],
    day: Annotated[Day, Query()],
    look: Annotated[Look, Depends(looking("bureau", "bank", "auditor"))],
) -> DayProved:
    """Of any day that a statement covers, signed or not. One that none covers is proved at the end of the last covered
    day before it; `proof.on` says which."""

    def read(db: Connection) -> DayProved:
        proof = cash.prove(db, account, on=day)
        return DayProved.of(proof, tie_out(db, account, on=proof.on))

    return look(read)


def _shown(found: SignOff) -> SignOffShown:
    return SignOffShown.model_validate(found)
