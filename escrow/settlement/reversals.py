"""Reversals (冲正): the bank takes back a line of its own, and what we booked from that line is corrected with it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from escrow.access.caller import Caller
from escrow.enrolment import contracts, reversing
from escrow.enrolment.tables import payment, payment_order
from escrow.settlement import making, matches
from escrow.settlement.booking import credit_of
from escrow.settlement.breaks import Open
from escrow.settlement.making import Wanted
from escrow.settlement.matches import Match
from escrow.settlement.tables import statement_line
from escrow.settlement.unmatched import Line, as_line
from ledger.chunks import chunks
from ledger.money import Money

DAYS_BACK: Final = 31
"""A bank reverses a line within the period that it can still correct by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversed:
    """What became of the reversals: how many were booked, and those that somebody must look into."""

    booked: int
    breaks: Sequence[Open]
    explained: frozenset[int]
    """Lines that are no break any more: they and their reversals cancel each other out."""


def original_of(reversal: Line, candidates: Sequence[Line]) -> Line | None:
    """The one line that a reversal takes back: its amount turned round, not after it, and of the same name. Pure.

    The strongest name that any candidate bears decides (serial, end-to-end id, the other side's account); two of it are
    one too many.
    """
    earliest = reversal.booked_on - timedelta(days=DAYS_BACK)
    fitting = [
        each
        for each in candidates
        if each.amount == -reversal.amount and earliest <= each.booked_on <= reversal.booked_on and not each.reversal
    ]
    for names in (_same_serial, _same_end_to_end, _same_account):
        named = [each for each in fitting if names(reversal, each)]
        if named:
            return named[0] if len(named) == 1 else None
    return None


def lock_contracts(
    db: Connection, reversals: Sequence[Line], credits: Sequence[Line], *, billed: Collection[str] | None = None
) -> None:
    """Lock the contracts whose money a reversal or a credit of this run may move, all at once in the order of ids.

    `billed`: references of orders that a channel's lumps pay; None where no lump came.

    One after the other, a reversal and a payment could wait for each other for ever.
    """
    if not reversals and billed is None:
        return
    p, o = payment.c, payment_order.c
    told = {each.reference for each in map(credit_of, (line for line in credits if line.amount > 0)) if each.reference}
    told |= set(billed or ())
    wanted = set()
    for chunk in chunks(sorted({-each.amount for each in reversals})):
        query = select(p.contract_id).where(p.supervised_account == reversals[0].account, p.amount.in_(chunk))
        wanted |= {row.contract_id for row in db.execute(query.where(p.contract_id.is_not(None)))}
    for names in chunks(sorted(told)):
        wanted |= {row.contract_id for row in db.execute(select(o.contract_id).where(o.reference.in_(names)))}
    for ids in chunks(sorted(wanted)):
        contracts.by_id(db, ids, lock=True)


def book(db: Connection, reversals: Sequence[Line], *, by: Caller, now: datetime) -> Reversed:
    """Correct what was booked from the lines that these take back; list those that cannot be told or followed."""
    candidates = _candidates(db, reversals)
    pairs, taken, listed = [], set(), []
    for each in reversals:
        found = original_of(each, [line for line in candidates if line.id not in taken])
        if found is None:
            listed.append(_open(each, "找不到被冲正的流水，或不止一笔"))
            continue
        taken.add(found.id)
        pairs.append((each, found))
    standing = matches.of_lines(db, [found.id for _, found in pairs])
    wanted = []
    for each, found in pairs:
        match = standing.get(found.id)
        correction, why = _correction(db, each, found, match)
        if correction is None:
            listed.append(_open(each, why))
            continue
        wanted.append(correction)
    lacking = making.beyond_the_books(db, [each for each in wanted if each.own], now=now)
    listed += [_open(each.lines[0], f"{each.evidence}，但账面余额不足，须人工处理") for each in lacking]
    wanted = [each for each in wanted if each not in lacking]
    making.make(db, wanted, by=by, now=now)
    explained = frozenset(line.id for each in wanted for line in each.lines)
    return Reversed(booked=len(wanted), breaks=listed, explained=explained)


def _correction(db: Connection, reversal: Line, found: Line, match: Match | None) -> tuple[Wanted | None, str]:
    """The match of a reversal, or why there is none."""
    evidence = f"冲正 {found.booked_on} 流水 {found.serial or found.number}，金额 {Money(found.amount).major} 元"
    alone = Wanted(account=reversal.account, rule="reversal", evidence=evidence, lines=[reversal])
    if match is None:
        return replace(alone, lines=[found, reversal]), ""
    if len(matches.rows_of(db, match.id)) == 1:
        if match.own is not None and match.instruction_id is None and match.payment_id is None:
            return replace(alone, own=match.own, own_amount=reversal.amount, reverses_id=match.id), ""
        if match.payment_id is not None and match.own is None:
            return _payment_back(db, reversal, match, alone)
    return None, f"{evidence}，该笔已与付款指令或多笔勾对，须人工处理"


def _payment_back(db: Connection, reversal: Line, match: Match, alone: Wanted) -> tuple[Wanted | None, str]:
    paid = reversing.by_id(db, match.payment_id or 0)
    left = reversing.standing(db, paid)
    if left is None or left < paid.amount:
        told = "已在退回途中或已冲正" if left is None else f"仅余 {Money(left).major} 元"
        return None, f"{alone.evidence}，但该款已动用（{told}），须人工处理"
    back = reversing.take_back(db, paid, reference=f"line/{reversal.id}", effective=reversal.booked_at)
    return replace(alone, also=[back], reverses_id=match.id), ""


def _candidates(db: Connection, reversals: Sequence[Line]) -> list[Line]:
    if not reversals:
        return []
    line = statement_line.c
    since = min(each.booked_on for each in reversals) - timedelta(days=DAYS_BACK)
    query = select(statement_line).where(line.account == reversals[0].account, line.booked_on >= since)
    amounts = sorted({-each.amount for each in reversals})
    found = [row for chunk in chunks(amounts) for row in db.execute(query.where(line.amount.in_(chunk)))]
    before = matches.reversed_ids(db, [each.id for each in map(as_line, found)])
    return [each for each in map(as_line, found) if each.id not in before]


def _same_serial(reversal: Line, line: Line) -> bool:
    return bool(line.serial) and (reversal.serial == line.serial or line.serial in reversal.remark.split())


def _same_end_to_end(reversal: Line, line: Line) -> bool:
    return bool(line.end_to_end) and reversal.end_to_end == line.end_to_end


def _same_account(reversal: Line, line: Line) -> bool:
    return bool(line.counterparty_account) and reversal.counterparty_account == line.counterparty_account


def _open(line: Line, detail: str) -> Open:
    return Open(
        kind="reversal", line_id=line.id, payment_id=None, instruction_id=None, amount=line.amount, detail=detail
    )
