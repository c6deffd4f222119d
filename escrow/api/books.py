"""The books: accounts, the trial balance, and every transfer in the order in which it counts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from sqlalchemy import Connection

import ledger.accounts
from escrow.api.asking import Look, looking
from escrow.api.description import LEDGER, may_refuse
from escrow.api.shapes import After, Amount, BadCursor, Fen, Instant, Limit, Moment, Page, Shown
from escrow.refusals import Unknown
from ledger import balances, reading
from ledger.balances import Balance
from ledger.entries import AccountKind, Phase

routes = APIRouter(tags=[LEDGER], prefix="/ledger")


class AccountShown(Shown):
    """An account and what stands in it now."""

    path: str
    kind: AccountKind
    currency: str
    state: Literal["open", "frozen", "closed"]
    floor: Fen | None = Field(description="The least that may be available; null: there is none.")
    ceiling: Fen | None = Field(description="The most that may stand in it or be promised to it; null: there is none.")
    overdraft: str | None = Field(description="Why it may go below zero; null: it may not.")
    balance: Fen = Field(description="On its own side; positive is the normal case for every kind.")
    available: Fen = Field(description="The balance less what holds reserve.")
    debits: Fen
    credits: Fen


class BalanceShown(Shown):
    """A line of the trial balance."""

    path: str
    kind: AccountKind
    debits: Fen
    credits: Fen
    balance: Fen


class TrialBalance(Shown):
    """Every account's debits and credits, summed from the transfers; the two totals are equal."""

    as_of: datetime | None
    known_at: datetime | None
    debits: Fen
    credits: Fen
    accounts: list[BalanceShown]

    @classmethod
    def of(cls, lines: Sequence[Balance], *, as_of: datetime | None, known_at: datetime | None) -> Self:
        return cls(
            as_of=as_of,
            known_at=known_at,
            debits=Amount.of(sum(each.debits for each in lines)),
            credits=Amount.of(sum(each.credits for each in lines)),
            accounts=[
                BalanceShown(
                    path=each.path,
                    kind=each.kind,
                    debits=Amount.of(each.debits),
                    credits=Amount.of(each.credits),
                    balance=Amount.of(each.amount),
                )
                for each in lines
            ],
        )


class NodeShown(Shown):
    """A node of the tree of accounts: what it and all accounts below it add up to."""

    path: str
    accounts: int
    debits: Fen
    credits: Fen
    net: Fen = Field(description="Debits less credits: accounts of several kinds have no side of their own together.")


class TreeShown(Shown):
    """A node, and those one level below it, each with all that is below itself."""

    as_of: datetime | None
    known_at: datetime | None
    node: NodeShown
    children: list[NodeShown]


class TransferShown(Shown):
    """A transfer as it stands in the books, for ever."""

    id: int
    debit: str
    credit: str
    amount: Fen
    phase: Phase
    kind: str
    reference: str = Field(description="Its own name: nothing is posted twice under it.")
    effective: datetime = Field(description="When it counts: when it happened, if that period was still open.")
    occurred: datetime | None = Field(
        description="When it happened, if that was in a period closed by then; else null."
    )
    recorded: datetime = Field(description="When it was written into these books.")
    resolves: str | None
    corrects: str | None
    caller_key: str = Field(description="The Idempotency-Key of the request, or the id of the notification, behind it.")


def _fen(minor: int | None) -> Amount | None:
    return None if minor is None else Amount.of(minor)


def _could_be(path: str) -> bool:
    """No path of ours has a character that a database would not even look for, such as NUL."""
    return path.isascii() and path.isprintable()


Books = Annotated[Look, Depends(looking("bureau", "auditor"))]
AsOf = Annotated[
    Moment | None,
    Query(
        description="A day (its end in Asia/Shanghai) or an instant: only what had happened before.",
        examples=["2026-10-31"],
    ),
]
KnownAt = Annotated[
    Instant | None, Query(description="Only what had been recorded by then: the report as it was made that day.")
]


@routes.get("/accounts/{path:path}", responses=may_refuse(Unknown), summary="An account 账户")
def account(path: str, look: Books) -> AccountShown:
    """By its path, such as `contract/9000010000000042/prepaid`."""

    def read(db: Connection) -> AccountShown:
        found = ledger.accounts.get(db, path) if _could_be(path) else None
        if found is None:
            raise Unknown(what="account", key=path[:100])
        return AccountShown(
            path=found.path,
            kind=found.kind,
            currency=found.currency,
            state=found.state,
            floor=_fen(found.limits.floor),
            ceiling=_fen(found.limits.ceiling),
            overdraft=found.limits.overdraft,
            balance=Amount.of(found.balance),
            available=Amount.of(found.available),
            debits=Amount.of(found.debits_posted),
            credits=Amount.of(found.credits_posted),
        )

    return look(read)


@routes.get("/trial-balance", responses=may_refuse(), summary="The trial balance 试算平衡表")
def trial_balance(look: Books, as_of: AsOf = None, known_at: KnownAt = None) -> TrialBalance:
    """Summed from the transfers, back-dated ones included. With `known_at` it stays the same for ever."""

    def read(db: Connection) -> TrialBalance:
        return TrialBalance.of(
            balances.trial_balance(db, as_of=as_of, known_at=known_at), as_of=as_of, known_at=known_at
        )

    return look(read)


@routes.get("/tree/{path:path}", responses=may_refuse(Unknown), summary="The tree of accounts 科目汇总")
def tree(path: str, look: Books, as_of: AsOf = None, known_at: KnownAt = None) -> TreeShown:
    """Rolled up along the "/" of the paths: `contract`, `contract/9000010000000042`; the empty path is the root."""

    def read(db: Connection) -> TreeShown:
        found = balances.rolled_up(db, path, as_of=as_of, known_at=known_at) if _could_be(path) else None
        if found is None or not found.nodes:
            raise Unknown(what="account", key=path[:100])
        (node,) = found.nodes  # every account of this service is in yuan, as amounts are in JSON
        return TreeShown(
            as_of=as_of,
            known_at=known_at,
            node=NodeShown.model_validate(node),
            children=[NodeShown.model_validate(each) for each in found.children],
        )

    return look(read)


@routes.get("/transfers", responses=may_refuse(BadCursor), summary="All transfers in recorded order 分录流水")
def transfers(look: Books, after: After = None, limit: Limit = 100) -> Page[TransferShown]:
    """Pages read one after another never miss a transfer, nor show one twice, while others are being posted. `next` is
    null at the end of what there is: to go on later, ask for the last page again."""

    def read(db: Connection) -> Page[TransferShown]:
        try:
            page = reading.transfers(db, after=after, limit=limit)
        except ValueError:
            raise BadCursor from None
        return Page(items=[TransferShown.model_validate(each) for each in page.transfers], next=page.after)

    return look(read)
