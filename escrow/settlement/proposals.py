"""Matches by two people: one proposes which lines are which items, or runs a rule that may err; another approves."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select, update

from escrow.access import four_eyes, trail
from escrow.access.caller import Caller
from escrow.refusals import AlreadyDecided, Conflict, ReasonMissing, Unknown
from escrow.registry import institutions
from escrow.settlement import booking, breaks, making, proposal_sides, write_offs
from escrow.settlement.making import Wanted
from escrow.settlement.proposal_sides import Chosen
from escrow.settlement.tables import match as match_table
from escrow.settlement.tables import match_proposal as table
from escrow.settlement.weighing import Books, Sides, as_wanted, weighed
from ledger.money import Money


class ProposedAlready(Conflict):
    """The same match waits for a decision already: proposal {proposal}."""

    zh = "同样的勾对建议 {proposal} 正在等待审批，无需再提。"


class BeyondTheBooks(Conflict):
    """Proposal {proposal} takes {asked} out of {path}, where the books hold {available}: what should have come before
    it is not booked yet. Import and reconcile that first, or decline the proposal; nothing was changed now."""

    zh = (
        "勾对建议 {proposal} 须自 {path} 支出 {asked} 元，账面仅有 {available} 元：此前应有款项尚未入账。"
        "请先导入并对账，或驳回该建议；本次未作任何变动。"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A match that waits for a second person (勾对建议). `difference` fen would be written off."""

    id: int
    account: str
    rule: str
    evidence: str
    books: Books | None
    difference: int
    allowed: int
    fingerprint: str
    state: Literal["proposed", "approved", "declined", "lapsed"]
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None


def propose(db: Connection, chosen: Chosen, *, reason: str, by: Caller, now: datetime) -> Proposal:
    """Propose a match, with its reason. Nothing is booked before somebody else approves.

    A small difference can be written off with it, up to the limit in force. Raises Unknown, MatchedAlready,
    ProposedAlready, DayFrozen, ReasonMissing, and what `weighed` says no with.
    """
    by.must_be("bureau", "bank")
    if not reason.strip():
        raise ReasonMissing
    sides = proposal_sides.load(db, chosen)
    proposal_sides.must_be_free(db, sides)
    allowed = _allowed(db)
    difference = weighed(sides, books=chosen.books, limit=allowed)
    waiting = select(table.c.id).where(table.c.fingerprint == chosen.fingerprint, table.c.state == "proposed")
    if (standing := db.execute(waiting).scalar()) is not None:
        raise ProposedAlready(proposal=standing)
    made = insert(table).values(
        account=sides.account,
        rule="manual",
        evidence=reason,
        books=chosen.books,
        difference=difference,
        allowed=allowed,
        fingerprint=chosen.fingerprint,
        state="proposed",
        proposed_by=by.name,
        proposed_at=now,
    )
    proposal = _as_proposal(db.execute(made.returning(table)).one())
    proposal_sides.keep(db, proposal.id, chosen)
    trail.record(db, by, "match.proposed", f"proposal:{proposal.id}", now=now, reason=reason, difference=difference)
    return proposal


def approve(db: Connection, proposal_id: int, *, by: Caller, now: datetime) -> int:
    """Approve what somebody else proposed: it is matched and booked. The id of the match.

    Raises Unknown, AlreadyDecided, FourEyes, SamePerson, MatchedAlready, DayFrozen, BeyondTheBooks, and what `weighed`
    says no with.
    """
    proposal = _to_be_decided(db, proposal_id, by)
    sides = proposal_sides.load(db, proposal_sides.chosen_of(db, proposal.id, proposal.books))
    proposal_sides.must_be_free(db, sides)
    difference = weighed(sides, books=proposal.books, limit=_allowed(db))

    _decide(db, proposal, state="approved", by=by, now=now)
    wanted = _wanted(db, proposal, sides, difference, by=by, now=now)
    if (short := making.short_of(db, making.booked_by(db, wanted, now=now))) is not None:
        asked, available = Money(short.asked).major, Money(short.available).major
        raise BeyondTheBooks(proposal=proposal.id, path=short.path, asked=asked, available=available)
    making.make(db, [wanted], by=by, now=now)
    breaks.close_of(
        db,
        lines=[each.id for each in sides.lines],
        payments=[each.id for each in sides.payments],
        instructions=[each.id for each in sides.payouts],
        now=now,
    )
    proposal_sides.lapse(db, sides.account)
    trail.record(db, by, "match.approved", f"proposal:{proposal.id}", now=now, written_off=difference)
    of_proposal = select(match_table.c.id).where(match_table.c.proposal_id == proposal.id).order_by(match_table.c.id)
    return int(db.execute(of_proposal.limit(1)).scalar_one())


def _wanted(db: Connection, proposal: Proposal, sides: Sides, difference: int, *, by: Caller, now: datetime) -> Wanted:
    match proposal.books:
        case "credit":
            return booking.receive_one(db, sides.lines[0], proposal_id=proposal.id, by=by, now=now)
        case "interest" | "fee":
            return booking.own_of(sides.lines[0], kind=proposal.books, proposal_id=proposal.id)
        case None:
            told = {"rule": proposal.rule, "evidence": proposal.evidence}
            return as_wanted(sides, **told, difference=difference, proposal_id=proposal.id)


def decline(db: Connection, proposal_id: int, *, reason: str, by: Caller, now: datetime) -> Proposal:
    """Decline what somebody else proposed, with a reason.

    Raises Unknown, AlreadyDecided, FourEyes, SamePerson, ReasonMissing.
    """
    if not reason.strip():
        raise ReasonMissing
    proposal = _to_be_decided(db, proposal_id, by)
    declined = _decide(db, proposal, state="declined", by=by, now=now, reason=reason)
    trail.record(db, by, "match.declined", f"proposal:{proposal.id}", now=now, reason=reason)
    return declined


def get(db: Connection, proposal_id: int) -> Proposal:
    """One proposal. Raises Unknown."""
    row = db.execute(select(table).where(table.c.id == proposal_id)).one_or_none()
    if row is None:
        raise Unknown(what="match proposal", key=proposal_id)
    return _as_proposal(row)


def page(db: Connection, account: str | None = None, *, after: int = 0, limit: int = 100) -> list[Proposal]:
    """Proposals that wait for somebody, oldest first."""
    query = select(table).where(table.c.state == "proposed", table.c.id > after).order_by(table.c.id).limit(limit)
    if account is not None:
        query = query.where(table.c.account == account)
    return [_as_proposal(row) for row in db.execute(query)]


def _allowed(db: Connection) -> int:
    """Fen that may be written off; nothing, as long as nobody has decided how much."""
    limit = write_offs.limit_in_force(db)
    return 0 if limit is None else limit.amount


def _to_be_decided(db: Connection, proposal_id: int, by: Caller) -> Proposal:
    by.must_be("bureau")
    # First the account, as everybody who matches on it does.
    institutions.by_account(db, get(db, proposal_id).account, lock=True)
    row = db.execute(select(table).where(table.c.id == proposal_id).with_for_update()).one()
    proposal = _as_proposal(row)
    if proposal.state != "proposed":
        raise AlreadyDecided(what="match proposal", what_zh="勾对建议", key=proposal.id, state=proposal.state)
    four_eyes.must_be_another(db, by, proposal.proposed_by, what="match proposal", what_zh="勾对建议")
    return proposal


def _decide(
    db: Connection,
    proposal: Proposal,
    *,
    state: Literal["approved", "declined"],
    by: Caller,
    now: datetime,
    reason: str | None = None,
) -> Proposal:
    decided = update(table).where(table.c.id == proposal.id)
    decided = decided.values(state=state, decided_by=by.name, decided_at=now, reason=reason)
    return _as_proposal(db.execute(decided.returning(table)).one())


def _as_proposal(row: Row[Any]) -> Proposal:
    return Proposal(**row._asdict())
