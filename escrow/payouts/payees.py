"""Payees: another account for a payout that cannot be paid to the one it names. One proposes it, another approves."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import ColumnElement, Connection, and_, insert, or_, select, update

from escrow.access import four_eyes, trail
from escrow.access.caller import Caller
from escrow.payouts import instructions
from escrow.payouts.instructions import Instruction, Wanted
from escrow.payouts.tables import instruction
from escrow.payouts.tables import payee_correction as table
from escrow.refusals import AlreadyDecided, Conflict, Invalid, ReasonMissing, Unknown

_LONGEST_NAME: Final = 140


class NotToBeCorrected(Conflict):
    """The payout {payout} is {state}, or a correction of it waits already. Another account can be named for one that
    was not sent yet, and for a refund or a return that the bank rejected or that came back, while it is still owed. A
    release that failed is asked for again instead."""

    zh = (
        "付款指令 {payout} 的状态为 {state}，或已有待批的更正。"
        "仅尚未发送的指令，以及被拒付或退汇且仍应付出的退费、退款可更正收款账户；拨付失败的请重新申请。"
    )


class BadPayee(Invalid):
    """The payee cannot be paid: {why}."""

    zh = "收款账户不能使用：{why_zh}。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
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


def stuck(db: Connection, *, after: int = 0, limit: int | None = None) -> list[Instruction]:
    """What is owed and waits until somebody names an account: the bank masks it, rejected the payout or returned it."""
    i = instruction.c
    in_force = select(i.claim).where(i.state.in_(("instructed", "sent", "settled")))
    newest = select(i.id).where(_is_last_of_its_claim())
    failed = and_(i.state.in_(("rejected", "returned", "withdrawn")), i.kind != "release", i.claim.not_in(in_force))
    query = select(instruction).where(i.id > after, i.id.in_(newest), or_(failed, i.state == "instructed"))
    found = (instructions.as_instruction(row) for row in db.execute(query.order_by(i.id)))
    return [each for each in found if each.state != "instructed" or not each.payable][:limit]


def propose(
    db: Connection, instruction_id: int, *, creditor: str, creditor_account: str, reason: str, by: Caller, now: datetime
) -> Correction:
    """Put another payee forward. Nothing is paid before somebody else approves.

    Raises Unknown, NotToBeCorrected, BadPayee, ReasonMissing.
    """
    by.must_be("bureau", "bank")
    if not reason.strip():
        raise ReasonMissing
    payout = _correctable(db, instruction_id)
    live = select(table.c.id).where(table.c.instruction_id == payout.id, table.c.state == "proposed")
    if db.execute(live).first() is not None:
        raise NotToBeCorrected(payout=payout.end_to_end, state=payout.state)
    _must_be_payable(payout, creditor, creditor_account)
    made = insert(table).values(
        instruction_id=payout.id,
        creditor=creditor.strip(),
        creditor_account=creditor_account,
        state="proposed",
        reason=reason,
        proposed_by=by.name,
        proposed_at=now,
    )
    proposed = Correction(**db.execute(made.returning(table)).one()._asdict())
    trail.record(db, by, "payee.proposed", f"payout:{payout.end_to_end}", now=now, reason=reason)
    return proposed


def approve(db: Connection, correction_id: int, *, by: Caller, now: datetime) -> Instruction:
    """Approve a payee that somebody else put forward: another attempt at the same claim waits for the next batch.

    Raises Unknown, AlreadyDecided, FourEyes, SamePerson, NotToBeCorrected where it was paid or sent meanwhile.
    """
    correction = _to_be_decided(db, correction_id, by)
    payout = _correctable(db, correction.instruction_id)
    if payout.state == "instructed":
        withdrawn = update(instruction).where(instruction.c.id == payout.id)
        db.execute(withdrawn.values(state="withdrawn", ended_at=now, why=correction.reason))
    wanted = Wanted(
        kind=payout.kind,
        source_id=payout.source_id,
        supervised_account=payout.supervised_account,
        amount=payout.amount,
        creditor=correction.creditor,
        creditor_account=correction.creditor_account,
        owed_path=payout.owed_path,
        claim=payout.claim,
    )
    (attempt,) = instructions.add(db, [wanted], now=now)
    _decide(db, correction, state="approved", by=by, now=now)
    trail.record(db, by, "payee.approved", f"payout:{payout.end_to_end}", now=now, attempt=attempt.end_to_end)
    return attempt


def reject(db: Connection, correction_id: int, *, reason: str, by: Caller, now: datetime) -> Correction:
    """Reject a payee that somebody else put forward, with a reason. Raises as `approve`, and ReasonMissing."""
    if not reason.strip():
        raise ReasonMissing
    correction = _to_be_decided(db, correction_id, by)
    rejected = _decide(db, correction, state="rejected", by=by, now=now)
    trail.record(db, by, "payee.rejected", f"correction:{correction.id}", now=now, reason=reason)
    return rejected


def _correctable(db: Connection, instruction_id: int) -> Instruction:
    """The payout, locked with all other attempts at its claim, when another account can be named for it."""
    found = instructions.by_id(db, [instruction_id]).get(instruction_id)
    if found is None:
        raise Unknown(what="payout", key=instruction_id)
    attempts = instructions.attempts(db, found.claim)
    payout = next(each for each in attempts if each.id == instruction_id)
    in_force = [each for each in attempts if each.state in ("instructed", "sent", "settled")]
    waits = payout.state == "instructed"
    failed = payout.kind != "release" and payout.id == attempts[-1].id and not in_force
    if not waits and not failed:
        raise NotToBeCorrected(payout=payout.end_to_end, state=payout.state)
    return payout


def _must_be_payable(payout: Instruction, creditor: str, account: str) -> None:
    why = why_zh = ""
    if not instructions.is_full_account(account):
        why, why_zh = "an account has 1 to 34 letters and digits, nothing masked", "账号须完整，为1至34位字母或数字"
    elif account == payout.supervised_account:
        why, why_zh = "it is the supervised account itself", "与付款的监管账户相同"
    elif not creditor.strip() or not creditor.isprintable() or len(creditor) > _LONGEST_NAME:
        why, why_zh = f"a name has 1 to {_LONGEST_NAME} printable characters", f"户名须为1至{_LONGEST_NAME}个可见字符"
    if why:
        raise BadPayee(why=why, why_zh=why_zh)


def _to_be_decided(db: Connection, correction_id: int, by: Caller) -> Correction:
    by.must_be("bureau")
    row = db.execute(select(table).where(table.c.id == correction_id).with_for_update()).one_or_none()
    if row is None:
        raise Unknown(what="correction", key=correction_id)
    correction = Correction(**row._asdict())
    if correction.state != "proposed":
        raise AlreadyDecided(what="correction", what_zh="收款账户更正", key=correction.id, state=correction.state)
    four_eyes.must_be_another(db, by, correction.proposed_by, what="correction", what_zh="收款账户更正")
    return correction


def _decide(
    db: Connection, correction: Correction, *, state: Literal["approved", "rejected"], by: Caller, now: datetime
) -> Correction:
    decided = update(table).where(table.c.id == correction.id).values(state=state, decided_by=by.name, decided_at=now)
    return Correction(**db.execute(decided.returning(table)).one()._asdict())


def _is_last_of_its_claim() -> ColumnElement[bool]:
    later = instruction.alias("later")
    newer = select(later.c.id).where(later.c.claim == instruction.c.claim, later.c.id > instruction.c.id)
    return ~newer.exists()
