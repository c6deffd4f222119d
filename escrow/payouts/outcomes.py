"""What became of payouts at the bank: they left, were rejected, or came back. The books follow by linked corrections.

The bank's words may come in any order, and contradict each other. What its statement shows outranks what it reports:

              rejected         left                        came back
sent          rejected         settled                     waiting: its debit is still to come
settled       contradiction    contradiction: paid twice   returned
rejected      known            settled, or contested       waiting, or undone where contested
returned      known            contradiction: paid twice   contradiction
not sent      contradiction    contradiction               contradiction

Nothing moves but for `settled`, `rejected` and `returned`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

from sqlalchemy import Connection, update

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.enrolment.tables import payment
from escrow.payouts import instructions, reviving
from escrow.payouts.instructions import Instruction
from escrow.payouts.tables import instruction as table
from escrow.payouts.tables import release_request
from escrow.registry import institutions
from escrow.teaching.tables import attendance
from ledger.chunks import chunks
from ledger.entries import Transfer
from ledger.posting import post_all

Event: TypeAlias = Literal["rejected", "left", "came_back"]
Fate: TypeAlias = Literal[
    "settled", "rejected", "returned", "known", "waiting", "revived", "contested", "undone", "contradiction"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the bank says of one payout. `at`: the time in the bank's books; `code` and `reason`: why it failed."""

    instruction_id: int
    at: datetime
    code: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one word of the bank. `instruction` is as it stood before.

    `revived`: settled after it had been rejected. `waiting`, `contested` and `contradiction` changed no balance, and
    somebody must look at them; `undone`: the credit takes back a debit that was contested, and both are explained.
    """

    told: Told
    instruction: Instruction
    fate: Fate


_FATES: Final[Mapping[tuple[Event, str], Fate]] = {
    ("rejected", "sent"): "rejected",
    ("rejected", "rejected"): "known",
    ("rejected", "returned"): "known",
    ("left", "sent"): "settled",
    ("left", "rejected"): "revived",
    ("came_back", "sent"): "waiting",
    ("came_back", "settled"): "returned",
    ("came_back", "rejected"): "waiting",
    ("rejected", "contested"): "known",
    ("came_back", "contested"): "undone",
}
_AFTERWARDS: Final[Mapping[Fate, str]] = {
    "settled": "settled",
    "revived": "settled",
    "rejected": "rejected",
    "returned": "returned",
}


def left(db: Connection, told: Sequence[Told], *, by: Caller, now: datetime) -> list[Outcome]:
    """The statement shows these leaving the account: they are booked and settled.

    One that the bank had rejected is revived where its claim is still open: an attempt in its place that was not sent
    is withdrawn, a release holds its lessons again. Where that cannot be, it is contested.
    """
    outcomes = _judged(db, "left", told, revivable=lambda each: reviving.can_be_revived(db, each))
    revived = [each for each in outcomes if each.fate == "revived"]
    transfers = reviving.revive(db, [each.instruction for each in revived], now=now)
    gone = [each for each in outcomes if each.fate in ("settled", "revived")]
    post_all(db, [*transfers, *(each.instruction.leaving(each.told.at) for each in gone)], now=now, caller_key=by.key)
    ids = [each.instruction.id for each in gone]
    _mark(db, ids, state="settled", settled_at=now, ended_at=None, code=None, why=None)
    _payments(db, gone, state="returned")
    _mark(db, [each.instruction.id for each in outcomes if each.fate == "contested"], contested_at=now)
    _record(db, [each for each in outcomes if each.fate != "settled"], "left", by=by, now=now)
    return outcomes


def came_back(db: Connection, told: Sequence[Told], *, by: Caller, now: datetime) -> list[Outcome]:
    """The statement shows these credited again (退汇): the money is back in the account, and owed as before.

    A refund is owed to the family again, a return stands in suspense again, until `payees` names another account. A
    release goes back to earned: its request has bounced and its lessons can be asked for again. Tell `left` first
    what the same statement shows leaving.
    """
    outcomes = _judged(db, "came_back", told)
    back = [each for each in outcomes if each.fate == "returned"]
    again = _earned_again(db, back, name="earned-again", now=now)
    post_all(db, [*(each.instruction.coming_back(each.told.at) for each in back), *again], now=now, caller_key=by.key)
    _end(db, back, state="returned", now=now)
    _payments(db, back, state="returning")
    _mark(db, [each.instruction.id for each in outcomes if each.fate == "undone"], contested_at=None)
    _record(db, outcomes, "came_back", by=by, now=now)
    return outcomes


def rejected(db: Connection, told: Sequence[Told], *, by: Caller, now: datetime) -> list[Outcome]:
    """The bank reports that it will not pay these: nothing left, and what was instructed is owed as before.

    As in `came_back`. One that the statement has shown leaving stays settled: that is a contradiction.
    """
    outcomes = _judged(db, "rejected", told)
    refused = [each for each in outcomes if each.fate == "rejected"]
    post_all(db, _earned_again(db, refused, name="rejected", now=now), now=now, caller_key=by.key)
    _end(db, refused, state="rejected", now=now)
    _record(db, [each for each in outcomes if each.fate != "known"], "rejected", by=by, now=now)
    return outcomes


def _judged(
    db: Connection,
    event: Event,
    told: Sequence[Told],
    *,
    revivable: Callable[[Instruction], bool] = lambda _: False,
) -> list[Outcome]:
    """One after the other, so that the second word about one payout finds what the first has made of it."""
    named = [each.instruction_id for each in told]
    # As everybody who decides about an institution's money: first the institution, then what it is about.
    for account in sorted({each.supervised_account for each in instructions.by_id(db, named).values()}):
        institutions.by_account(db, account, lock=True)
    standing = instructions.by_id(db, named, lock=True)
    states: dict[int, str] = {each.id: each.state for each in standing.values()}
    outcomes = []
    for each in told:
        found = standing[each.instruction_id]
        fate = fate_of(event, states[found.id], contested=found.contested_at is not None)
        if fate == "revived" and not revivable(found):
            fate = "contested"
        states[found.id] = _AFTERWARDS.get(fate, states[found.id])
        outcomes.append(Outcome(told=each, instruction=found, fate=fate))
    return outcomes


def fate_of(event: Event, state: str, *, contested: bool = False) -> Fate:
    """What a word of the bank means for a payout in this state; whether it can be revived is seen later. Pure."""
    return _FATES.get((event, "contested" if contested else state), "contradiction")


def _earned_again(db: Connection, failed: Iterable[Outcome], *, name: str, now: datetime) -> list[Transfer]:
    """Releases that were not paid after all: their lessons are free to be asked for; what puts them back to earned."""
    bounced = [each for each in failed if each.instruction.kind == "release"]
    for ids in chunks([each.instruction.source_id for each in bounced]):
        db.execute(update(attendance).where(attendance.c.release_id.in_(ids)).values(release_id=None))
    for each in bounced:
        ended = update(release_request).where(release_request.c.id == each.instruction.source_id)
        db.execute(ended.values(state="bounced", reason=_why(each.told)))
    return [
        Transfer(
            debit=each.instruction.owed_path,
            credit=reviving.earned_path(each.instruction),
            amount=each.instruction.amount,
            kind="release",
            reference=f"payout/{each.instruction.end_to_end}/{name}",
            effective=each.told.at if name == "earned-again" else now,
            corrects=f"release/{each.instruction.source_id}/approved",
        )
        for each in bounced
    ]


def _end(db: Connection, failed: Iterable[Outcome], *, state: str, now: datetime) -> None:
    for each in failed:
        told = each.told
        _mark(db, [told.instruction_id], state=state, ended_at=now, code=told.code, why=told.reason)


def _mark(db: Connection, ids: Sequence[int], **values: object) -> None:
    for chunk in chunks(sorted(ids)):
        db.execute(update(table).where(table.c.id.in_(chunk)).values(values))


def _payments(db: Connection, outcomes: Iterable[Outcome], *, state: str) -> None:
    """A payment on its way back to its payer is returned when it left, and again on its way when it came back."""
    for ids in chunks([each.instruction.source_id for each in outcomes if each.instruction.kind == "return"]):
        db.execute(update(payment).where(payment.c.id.in_(ids)).values(state=state))


def _record(db: Connection, outcomes: Iterable[Outcome], event: Event, *, by: Caller, now: datetime) -> None:
    for each in outcomes:
        subject, told = f"payout:{each.instruction.end_to_end}", each.told
        facts = {"fate": each.fate, "code": told.code, "reason": told.reason, "amount": each.instruction.amount}
        trail.record(db, by, f"payout.{event}", subject, now=now, **facts)


def _why(told: Told) -> str:
    return f"{told.code} {told.reason}".strip() or "-"
