"""Making matches: what a match books, and the rows that keep it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, update

import ledger.accounts
from escrow.access.caller import Caller
from escrow.enrolment.payments import Payment
from escrow.enrolment.tables import payment
from escrow.payouts import instructions, outcomes
from escrow.payouts.instructions import Instruction
from escrow.payouts.outcomes import Told
from escrow.rules.months import SHANGHAI
from escrow.settlement.matches import Own
from escrow.settlement.tables import match as table
from escrow.settlement.unmatched import Line
from ledger.chunks import chunks
from ledger.entries import Transfer
from ledger.posting import post_all

LUMP: Final = "channel_lump"
"""The rule that a payment channel's net brought whole days of its bill."""

_OWN_KINDS: Final[Mapping[str, str]] = {"interest": "interest", "fee": "fee", "reversal": "reversal", LUMP: "fee"}
"""What the bank's own part of a match is called in the ledger, by rule; of any other rule it is a write-off."""

MADE_THE_PAYMENT: Final = ("statement_alone", "credit")
"""Rules by which the line itself booked its payment: no notification told of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A match to be made, and what it books: its payouts leave, `own_amount` fen are the bank's own, `also` moves.

    `posted`: all of it stands in the ledger already.
    """

    account: str
    rule: str
    evidence: str
    lines: Sequence[Line] = ()
    payments: Sequence[Payment] = ()
    payouts: Sequence[Instruction] = ()
    own: Own | None = None
    own_amount: int = 0
    also: Sequence[Transfer] = ()
    proposal_id: int | None = None
    reverses_id: int | None = None
    posted: bool = False

    @property
    def shown(self) -> int:
        """Fen that the lines add up to."""
        return sum(each.amount for each in self.lines)

    @property
    def known(self) -> int:
        """Fen that the payments add up to: in the books without this match."""
        return sum(each.amount for each in self.payments)


def make(db: Connection, wanted: Sequence[Wanted], *, by: Caller, now: datetime) -> None:
    """Keep these matches, post what they book, and settle the payouts among them. Each must add up.

    Raises TransferRefused where the ledger cannot follow, and what the database says where a side is matched already.
    """
    again = _undone_before(db, wanted)
    made = [(each, transfers_of(each, again, now=now)) for each in wanted]
    for each, transfers in made:
        if each.shown != each.known + moved(each.account, transfers):
            raise ValueError(f"{each.rule} of {each.shown} fen does not add up: {transfers}")
    told = _leave(db, [each for each in wanted if not each.posted], again, by=by, now=now)
    fresh = [each for of, transfers in made if not of.posted for each in transfers if each.reference not in told]
    post_all(db, fresh, now=now, caller_key=by.key)
    _keep(db, made, by=by, now=now)


def beyond_the_books(db: Connection, wanted: Sequence[Wanted], *, now: datetime) -> list[Wanted]:
    """Those of these matches, in their order, for which the books do not hold enough: something before them is missing.

    A bank that pays what we think is not there is right; the line waits on the list until we know better.
    """
    booked = [(each, transfers_of(each, {}, now=now)) for each in wanted]
    paths = {path for _, transfers in booked for each in transfers for path in (each.debit, each.credit)}
    accounts = ledger.accounts.find(db, paths, lock=True)
    left = {path: each.available for path, each in accounts.items()}
    lacking = []
    for each, transfers in booked:
        after = dict(left)
        for transfer in transfers:
            for path, sign in ((transfer.debit, 1), (transfer.credit, -1)):
                after[path] += transfer.amount * (sign if accounts[path].grows_by_debit else -sign)
        if any(after[path] < (accounts[path].limits.floor or 0) for path in after):
            lacking.append(each)
        else:
            left = after
    return lacking


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """A ledger account that does not hold what is asked of it; fen."""

    path: str
    available: int
    asked: int


def short_of(db: Connection, transfers: Sequence[Transfer]) -> Short | None:
    """The first account that these transfers, one after the other, would take more from than it holds; locked."""
    accounts = ledger.accounts.find(db, {path for each in transfers for path in (each.debit, each.credit)}, lock=True)
    left = {path: each.available for path, each in accounts.items()}
    for transfer in transfers:
        for path, sign in ((transfer.debit, 1), (transfer.credit, -1)):
            after = left[path] + transfer.amount * (sign if accounts[path].grows_by_debit else -sign)
            if after < left[path] and after < (accounts[path].limits.floor or 0):
                return Short(path=path, available=left[path], asked=transfer.amount)
            left[path] = after
    return None


def booked_by(db: Connection, wanted: Wanted, *, now: datetime) -> list[Transfer]:
    """What a match books when it is made now, in its order."""
    return transfers_of(wanted, _undone_before(db, [wanted]), now=now)


def transfers_of(wanted: Wanted, again: Mapping[str, int], *, now: datetime) -> list[Transfer]:
    """What a match books, effective when the last of its lines was booked. Pure.

    `again`: how often what a reference stands for was booked and undone; a reference is used once.
    """
    at = _counts_from(wanted, now)
    made = [each.leaving(at) for each in wanted.payouts]
    if wanted.own is not None:
        bank, own = f"bank/{wanted.account}", f"bank/{wanted.account}/{wanted.own}"
        debit, credit = (bank, own) if wanted.own_amount > 0 else (own, bank)
        made.append(
            Transfer(
                debit=debit,
                credit=credit,
                amount=abs(wanted.own_amount),
                kind=_OWN_KINDS.get(wanted.rule, "write_off"),
                reference=f"line/{wanted.lines[0].id}" if wanted.lines else f"write-off/{wanted.proposal_id}",
                effective=at,
            )
        )
    made += wanted.also
    return [_once_more(each, again.get(each.reference, 0)) for each in made]


def _counts_from(wanted: Wanted, now: datetime) -> datetime:
    """When what a match books is effective."""
    return max((each.booked_at for each in wanted.lines), default=now)


def moved(account: str, transfers: Iterable[Transfer]) -> int:
    """Fen that transfers move into the bank account, out of it negative. Pure."""
    bank = f"bank/{account}"
    return sum((each.debit == bank) * each.amount - (each.credit == bank) * each.amount for each in transfers)


def _undone_before(db: Connection, wanted: Sequence[Wanted]) -> dict[str, int]:
    """How often each reference of these matches has been booked by a match that was undone since."""
    lines = {each.lines[0].id for each in wanted if each.lines and (each.own or each.also)}
    payouts = {payout.id: payout.end_to_end for each in wanted for payout in each.payouts}
    counted: dict[str, int] = {}
    for column, named in (
        (table.c.line_id, {each: f"line/{each}" for each in lines}),
        (table.c.instruction_id, {number: f"payout/{name}" for number, name in payouts.items()}),
    ):
        undone = select(column.label("of"), func.count().label("times")).where(table.c.undone_at.is_not(None))
        for chunk in chunks(sorted(named)):
            for row in db.execute(undone.where(column.in_(chunk)).group_by(column)):
                counted[named[row.of]] = row.times
    return counted


def _once_more(transfer: Transfer, times: int) -> Transfer:
    return replace(transfer, reference=f"{transfer.reference}/{times + 1}") if times else transfer


def _keep(db: Connection, made: Sequence[tuple[Wanted, list[Transfer]]], *, by: Caller, now: datetime) -> None:
    plain = []
    for each, transfers in made:
        first = _first(each, transfers, by=by, now=now)
        more = _more(each)
        if not more:
            plain.append(first)
            continue
        first_id = db.execute(insert(table).values(**first).returning(table.c.id)).scalar_one()
        db.execute(insert(table), [{**_EMPTY, **_same(first), **side, "first_id": first_id} for side in more])
    for chunk in chunks(plain):
        db.execute(insert(table), chunk)


_EMPTY: Final[Mapping[str, Any]] = {
    "first_id": None,
    "line_id": None,
    "payment_id": None,
    "instruction_id": None,
    "reverses_id": None,
    "booked": 0,
    "booked_on": None,
    "own": None,
    "own_amount": 0,
    "transfers": [],
}


def _same(first: Mapping[str, Any]) -> dict[str, Any]:
    """What every row of a match says alike."""
    return {name: first[name] for name in ("account", "rule", "evidence", "matched_at", "matched_by", "proposal_id")}


def _first(each: Wanted, transfers: Sequence[Transfer], *, by: Caller, now: datetime) -> dict[str, Any]:
    booked = moved(each.account, transfers)
    return {
        **_EMPTY,
        "account": each.account,
        "line_id": each.lines[0].id if each.lines else None,
        "payment_id": each.payments[0].id if each.payments else None,
        "instruction_id": each.payouts[0].id if each.payouts and not each.payments else None,
        "rule": each.rule,
        "evidence": each.evidence,
        "matched_at": now,
        "matched_by": by.name,
        "proposal_id": each.proposal_id,
        "reverses_id": each.reverses_id,
        "booked": booked,
        "booked_on": transfers[0].effective.astimezone(SHANGHAI).date() if booked else None,
        "own": each.own,
        "own_amount": each.own_amount,
        "transfers": [transfer.reference for transfer in transfers],
    }


def _more(each: Wanted) -> list[dict[str, Any]]:
    """The lines and items beyond those of the first row."""
    payouts = each.payouts if each.payments else each.payouts[1:]
    return [
        *({"line_id": line.id} for line in each.lines[1:]),
        *({"payment_id": paid.id} for paid in each.payments[1:]),
        *({"instruction_id": payout.id} for payout in payouts),
    ]


def _leave(
    db: Connection, wanted: Sequence[Wanted], again: Mapping[str, int], *, by: Caller, now: datetime
) -> set[str]:
    """Payouts that the statement shows leaving are settled. Gives the references of the transfers that stand already.

    One whose match was undone before leaves by a transfer of its own: the first one's reference is used.
    """
    told, once_more = [], []
    for each in wanted:
        at = _counts_from(each, now)
        for payout in each.payouts:
            if again.get(payout.leaving(at).reference, 0):
                once_more.append(payout)
            else:
                told.append(Told(instruction_id=payout.id, at=at))
    settled = outcomes.left(db, told, by=by, now=now) if told else []
    instructions.settle_again(db, once_more, at=now)
    returned = [each.source_id for each in once_more if each.kind == "return"]
    for ids in chunks(returned):
        db.execute(update(payment).where(payment.c.id.in_(ids)).values(state="returned"))
    return {each.instruction.leaving(each.told.at).reference for each in settled}
