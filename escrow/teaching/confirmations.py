"""Confirmation: the guardian confirms, disputes, or is silent; what is confirmed is earned, to the fen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, bindparam, select, update

import ledger.accounts
from escrow.access import trail
from escrow.access.caller import Caller
from escrow.enrolment import contracts
from escrow.enrolment.contracts import Contract
from escrow.enrolment.tables import contract as contract_table
from escrow.refusals import AlreadyDecided, Conflict, ReasonMissing, Unknown
from escrow.rules.months import SHANGHAI
from escrow.teaching.shares import Account, Earned, earn
from escrow.teaching.tables import attendance as table
from escrow.teaching.tables import lesson
from ledger.chunks import chunks
from ledger.entries import Transfer
from ledger.posting import post_all


class NotPaidFor(Conflict):
    """The prepaid money of contract {contract} does not cover this lesson; pay what is due, then confirm again."""

    zh = "合同 {contract} 的预付余额不足以支付本节课，请补足款项后再确认。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """One student at one lesson (考勤). `share` in fen; `ordinal` its place among the contract's confirmed lessons."""

    id: int
    lesson_id: int
    contract_id: int
    state: Literal["recorded", "confirmed", "disputed", "struck"]
    silent_on: date
    ordinal: int | None
    share: int | None
    confirmed_at: datetime | None
    confirmed_by: str | None
    dispute: str | None
    release_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """What a sweep over silent guardians did: lessons confirmed, and attendances that no money covers yet."""

    confirmed: int
    amount: int
    unfunded: Sequence[int]


def confirm(db: Connection, lesson_id: int, contract_id: int, *, by: Caller, now: datetime) -> Attendance:
    """The guardian confirms that a lesson was taught; its share is earned. Confirming again changes nothing.

    Raises Unknown, AlreadyDecided, NotPaidFor.
    """
    contract = contracts.get(db, contract_id, lock=True)
    by.must_act_for("family", contract.guardian_id, "contract", contract.id)
    attended = _get(db, lesson_id, contract_id)
    if attended.state == "confirmed":
        return attended
    if attended.state != "recorded":
        raise AlreadyDecided(what="lesson", what_zh="课次", key=lesson_id, state=attended.state)
    return _confirm_one(db, attended, contract, by=by, now=now)


def dispute(db: Connection, lesson_id: int, contract_id: int, *, reason: str, by: Caller, now: datetime) -> Attendance:
    """The guardian says that a lesson was not taught as recorded; it earns nothing until the bureau has decided.

    Raises Unknown, AlreadyDecided, ReasonMissing.
    """
    contract = contracts.get(db, contract_id, lock=True)
    by.must_act_for("family", contract.guardian_id, "contract", contract.id)
    attended = _get(db, lesson_id, contract_id)
    if not reason.strip():
        raise ReasonMissing
    if attended.state != "recorded":
        raise AlreadyDecided(what="lesson", what_zh="课次", key=lesson_id, state=attended.state)
    db.execute(update(table).where(table.c.id == attended.id).values(state="disputed", dispute=reason))
    trail.record(db, by, "lesson.disputed", f"attendance:{attended.id}", now=now, reason=reason)
    return _get(db, lesson_id, contract_id)


def decide(
    db: Connection,
    lesson_id: int,
    contract_id: int,
    *,
    taught: bool,
    reason: str,
    by: Caller,
    now: datetime,
) -> Attendance:
    """The bureau decides a dispute: the lesson was taught (and is earned), or it is struck out.

    Raises Unknown, AlreadyDecided, ReasonMissing, NotPaidFor.
    """
    by.must_be("bureau")
    contract = contracts.get(db, contract_id, lock=True)
    attended = _get(db, lesson_id, contract_id)
    if not reason.strip():
        raise ReasonMissing
    if attended.state != "disputed":
        raise AlreadyDecided(what="lesson", what_zh="课次", key=lesson_id, state=attended.state)
    trail.record(db, by, "dispute.decided", f"attendance:{attended.id}", now=now, taught=taught, reason=reason)
    if taught:
        return _confirm_one(db, attended, contract, by=by, now=now)
    db.execute(update(table).where(table.c.id == attended.id).values(state="struck"))
    return _get(db, lesson_id, contract_id)


THE_RULE: Final = Caller(name="confirmation.silence", role="bureau")
"""Who confirms when nobody speaks: the rule itself."""


def confirm_by_silence(
    db: Connection, *, institution_id: int | None = None, by: Caller = THE_RULE, now: datetime
) -> Silence:
    """Confirm every lesson whose guardian has let the rule's working days pass; one set, whatever its size.

    With `institution_id` only that institution's, as before it asks for a release: what the rule has confirmed by then
    must not be left out because the day's sweep has not run yet.

    A lesson counts as confirmed from the end of the last of those days. Its money moves now: on the day that has
    passed, the books may not have held it yet.
    """
    by.must_be("bureau")
    today = now.astimezone(SHANGHAI).date()
    due = (
        select(table, lesson.c.starts_at)
        .join(lesson, lesson.c.id == table.c.lesson_id)
        .where(table.c.state == "recorded", table.c.silent_on < today)
        .order_by(lesson.c.starts_at, table.c.id)
    )
    if institution_id is not None:
        due = due.where(lesson.c.institution_id == institution_id)
    contract_ids = {row.contract_id for row in db.execute(due)}
    held = {}
    for chunk in chunks(sorted(contract_ids)):
        held.update(contracts.by_id(db, chunk, lock=True))
    # Read again under the lock: meanwhile a guardian may have confirmed or disputed.
    rows = [row for row in db.execute(due) if row.contract_id in held]
    earned, unfunded = earn([(row.id, row.contract_id) for row in rows], _accounts(db, held))
    ended = {row.id: _end_of(row.silent_on) for row in rows}
    _book(db, earned, held, at=ended, confirmed_by="silence", now=now, caller_key=by.key)
    amount = sum(each.share for each in earned)
    if rows:
        trail.record(db, by, "silence.swept", f"day:{today}", now=now, confirmed=len(earned), amount=amount)
    return Silence(confirmed=len(earned), amount=amount, unfunded=unfunded)


def _confirm_one(db: Connection, attended: Attendance, contract: Contract, *, by: Caller, now: datetime) -> Attendance:
    earned, _ = earn([(attended.id, contract.id)], _accounts(db, {contract.id: contract}))
    if not earned:
        raise NotPaidFor(contract=contract.id)
    who = "guardian" if by.role == "family" else by.role
    _book(db, earned, {contract.id: contract}, at={attended.id: now}, confirmed_by=who, now=now, caller_key=by.key)
    trail.record(db, by, "lesson.confirmed", f"attendance:{attended.id}", now=now, share=earned[0].share)
    return _get(db, attended.lesson_id, contract.id)


def _accounts(db: Connection, held: dict[int, Contract]) -> dict[int, Account]:
    prepaid = ledger.accounts.find(db, [each.prepaid_path for each in held.values()], lock=True)
    return {
        each.id: Account(
            price=each.price,
            lessons=each.lessons,
            taught=each.taught,
            available=prepaid[each.prepaid_path].available,
        )
        for each in held.values()
    }


def _book(
    db: Connection,
    earned: Sequence[Earned],
    held: dict[int, Contract],
    *,
    at: dict[int, datetime],
    confirmed_by: str,
    now: datetime,
    caller_key: str,
) -> None:
    """Write confirmations and move their shares from prepaid to earned."""
    _write(db, earned, at=at, confirmed_by=confirmed_by)
    transfers = [
        Transfer(
            debit=held[each.contract_id].prepaid_path,
            credit=f"institution/{held[each.contract_id].institution_id}/earned",
            amount=each.share,
            kind="lesson",
            reference=f"lesson/{each.attendance_id}",
            effective=now,
        )
        for each in earned
        if each.share
    ]
    post_all(db, transfers, now=now, caller_key=caller_key)


def _write(db: Connection, earned: Sequence[Earned], *, at: dict[int, datetime], confirmed_by: str) -> None:
    confirmed = (
        update(table)
        .where(table.c.id == bindparam("attendance"))
        .values(
            state="confirmed",
            ordinal=bindparam("place"),
            share=bindparam("part"),
            confirmed_at=bindparam("at"),
            confirmed_by=confirmed_by,
        )
    )
    # In the order of ids, as a release locks them: otherwise the two could wait for each other.
    rows = [
        {"attendance": e.attendance_id, "place": e.ordinal, "part": e.share, "at": at[e.attendance_id]}
        for e in sorted(earned, key=lambda each: each.attendance_id)
    ]
    for chunk in chunks(rows):
        db.execute(confirmed, chunk)
    c = contract_table.c
    counted = update(contract_table).where(c.id == bindparam("contract")).values(taught=bindparam("so_far"))
    # In the order of their ordinals, so that the last one of a contract is its count.
    taught = {each.contract_id: each.ordinal for each in earned}
    for counts in chunks([{"contract": contract, "so_far": ordinal} for contract, ordinal in taught.items()]):
        db.execute(counted, counts)


def _get(db: Connection, lesson_id: int, contract_id: int) -> Attendance:
    query = select(table).where(table.c.lesson_id == lesson_id, table.c.contract_id == contract_id)
    row: Row[Any] | None = db.execute(query).one_or_none()
    if row is None:
        raise Unknown(what="lesson", key=f"{lesson_id} of contract {contract_id}")
    return Attendance(**row._asdict())


def _end_of(day: date) -> datetime:
    """The first instant after a local day: silence speaks when the last day is over."""
    return datetime.combine(day + timedelta(days=1), time.min, SHANGHAI)
