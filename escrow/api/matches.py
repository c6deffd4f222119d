"""Matches as people make them: what is unmatched, what is proposed, who approves, and how one is undone."""

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
    Fen,
    Id,
    Limit,
    NeededReason,
    Page,
    PathId,
    Shown,
    following,
    place,
)
from escrow.refusals import AlreadyDecided, FourEyes, ReasonMissing, Unknown
from escrow.settlement import matches, proposal_sides, proposals, undoing, unmatched
from escrow.settlement.frozen import DayFrozen
from escrow.settlement.proposal_sides import Chosen, MatchedAlready
from escrow.settlement.proposals import BeyondTheBooks, Proposal, ProposedAlready
from escrow.settlement.undoing import ClaimFreed, MovedOn, TakenBackByTheBank
from escrow.settlement.weighing import (
    Books,
    DoesNotBalance,
    NotForBooking,
    NothingToMatch,
    NotOnItsWay,
    OfTwoAccounts,
    SeveralWithSeveral,
    TakenBack,
)

routes = APIRouter(tags=[BANK])

_WEIGHED = (
    *(NothingToMatch, SeveralWithSeveral, OfTwoAccounts, NotForBooking, DoesNotBalance, NotOnItsWay, TakenBack),
    *(MatchedAlready, DayFrozen),
)
Few = Annotated[list[Id], Field(max_length=200)]


class LineShown(Shown):
    """A line of the bank's statement (对账单明细)."""

    id: int
    booked_on: date
    booked_at: datetime
    amount: Fen
    serial: str
    end_to_end: str
    remark: str
    counterparty: str
    counterparty_account: str
    reversal: bool


class PaymentLeft(Shown):
    """A payment that no line shows yet."""

    id: int
    serial: str
    amount: Fen
    payer: str
    paid_at: datetime


class PayoutLeft(Shown):
    """A payout that no line shows leaving yet."""

    id: int
    end_to_end: str
    amount: Fen
    creditor: str
    made_at: datetime


class UnmatchedShown(Shown):
    """What stands in no match on an account, each with the id by which a match is proposed."""

    account: str
    covered: date | None = Field(description="The last day that a statement covers.")
    lines: list[LineShown]
    payments: list[PaymentLeft]
    payouts: list[PayoutLeft]


class ProposalAsked(Asked):
    """Which lines are which payments and payouts; or what a line alone is to be booked as."""

    lines: Few = Field(default=[])
    payments: Few = Field(default=[])
    payouts: Few = Field(default=[])
    books: Books | None = Field(default=None, description="Interest, a fee, or a credit that no rule may book.")
    reason: NeededReason


class Reasoned(Asked):
    """Why."""

    reason: NeededReason


class ProposedShown(Shown):
    """A match that waits for a second person (勾对建议)."""

    id: int
    account: str
    rule: str = Field(description="manual, or the rule that suggests it.")
    evidence: str
    books: Books | None
    lines: list[int]
    payments: list[int]
    payouts: list[int]
    difference: Fen = Field(description="Lines less items: written off with the match.")
    state: Literal["proposed", "approved", "declined", "lapsed"]
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None

    @classmethod
    def of(cls, db: Connection, found: Proposal) -> Self:
        chosen = proposal_sides.chosen_of(db, found.id, found.books)
        sides = {"lines": chosen.lines, "payments": chosen.payments, "payouts": chosen.payouts}
        own = {name: getattr(found, name) for name in cls.model_fields if name not in sides}
        return cls.model_validate(own | sides)


class MatchShown(Shown):
    """A match (勾对) as it stands, or as it stood until somebody undid it."""

    id: int
    account: str
    lines: list[int]
    payments: list[int]
    payouts: list[int]
    rule: str
    evidence: str
    matched_at: datetime
    matched_by: str
    proposal_id: int | None
    reverses_id: int | None = Field(description="The match whose line the bank took back.")
    booked: Fen = Field(description="What its own transfers moved on the bank account.")
    transfers: list[str]
    undone_at: datetime | None
    undone_by: str | None
    undone_why: str | None

    @classmethod
    def of(cls, db: Connection, match_id: int) -> Self:
        first = matches.get(db, match_id)
        rows = matches.rows_of(db, first.id)
        sides = {
            "lines": [each.line_id for each in rows if each.line_id is not None],
            "payments": [each.payment_id for each in rows if each.payment_id is not None],
            "payouts": [each.instruction_id for each in rows if each.instruction_id is not None],
        }
        own = {name: getattr(first, name) for name in cls.model_fields if name not in sides}
        return cls.model_validate(own | sides)


@routes.get("/unmatched", responses=may_refuse(), summary="Lines, payments and payouts in no match 未勾对")
def left(
    account: Annotated[BankAccount, Query()], look: Annotated[Look, Depends(looking("bureau", "bank", "auditor"))]
) -> UnmatchedShown:
    """With their ids: what a clerk looks at before proposing a match."""
    return look(lambda db: UnmatchedShown.model_validate(unmatched.load(db, account, lock=False)))


@routes.get("/match-proposals", responses=may_refuse(), summary="Matches that wait for a decision 待批勾对")
def waiting(
    look: Annotated[Look, Depends(looking("bureau", "bank", "auditor"))],
    account: Annotated[BankAccount | None, Query()] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[ProposedShown]:
    """Those of people and those of rules that may err; none of them has booked anything."""

    def read(db: Connection) -> Page[ProposedShown]:
        found = proposals.page(db, account, after=place(after), limit=limit)
        shown = [ProposedShown.of(db, each) for each in found]
        return Page(items=shown, next=following([each.id for each in found], limit))

    return look(read)


@routes.post(
    "/match-proposals",
    status_code=201,
    response_model=ProposedShown,
    responses=may_refuse(Unknown, ReasonMissing, ProposedAlready, *_WEIGHED),
    summary="Propose a match 提出勾对",
)
def propose(asked: ProposalAsked, act: Annotated[Act, Depends(acting("bureau", "bank"))]) -> Response:
    """One line with one or several items, or several lines with one. Nothing is booked until somebody else approves."""
    chosen = Chosen(lines=asked.lines, payments=asked.payments, payouts=asked.payouts, books=asked.books)

    def do(db: Connection) -> ProposedShown:
        return ProposedShown.of(db, proposals.propose(db, chosen, reason=asked.reason, by=act.by, now=act.now))

    return act(do, status=201)


@routes.post(
    "/match-proposals/{proposal_id}/approval",
    response_model=MatchShown,
    responses=may_refuse(Unknown, AlreadyDecided, FourEyes, SamePerson, BeyondTheBooks, *_WEIGHED, keyed=True),
    summary="Approve a match 批准勾对",
)
def approve(proposal_id: PathId, act: Annotated[Act, Depends(moving_money("bureau"))]) -> Response:
    """Somebody who did not propose it approves: it is matched, its payouts leave, a small difference is written off."""
    return act(lambda db: MatchShown.of(db, proposals.approve(db, proposal_id, by=act.by, now=act.now)))


@routes.post(
    "/match-proposals/{proposal_id}/decline",
    response_model=ProposedShown,
    responses=may_refuse(Unknown, AlreadyDecided, FourEyes, SamePerson, ReasonMissing),
    summary="Decline a match 驳回勾对",
)
def decline(proposal_id: PathId, asked: Reasoned, act: Annotated[Act, Depends(acting("bureau"))]) -> Response:
    """With a reason; a rule that suggested it does not suggest it again."""

    def do(db: Connection) -> ProposedShown:
        return ProposedShown.of(db, proposals.decline(db, proposal_id, reason=asked.reason, by=act.by, now=act.now))

    return act(do)


@routes.get("/matches/{match_id}", responses=may_refuse(Unknown), summary="A match 勾对")
def show(match_id: PathId, look: Annotated[Look, Depends(looking("bureau", "bank", "auditor"))]) -> MatchShown:
    """With its rule, its evidence and what it booked; one that was undone says who undid it, when and why."""
    return look(lambda db: MatchShown.of(db, match_id))


@routes.post(
    "/matches/{match_id}/undo",
    response_model=MatchShown,
    responses=may_refuse(
        *(Unknown, AlreadyDecided, ReasonMissing, DayFrozen, MovedOn, TakenBackByTheBank, ClaimFreed), keyed=True
    ),
    summary="Undo a match 撤销勾对",
)
def undo(match_id: PathId, asked: Reasoned, act: Annotated[Act, Depends(moving_money("bureau", "bank"))]) -> Response:
    """It stays on record; what it booked is reversed by linked transfers, its lines come back on the list of breaks."""

    def do(db: Connection) -> MatchShown:
        return MatchShown.of(db, undoing.undo(db, match_id, reason=asked.reason, by=act.by, now=act.now).id)

    return act(do)
