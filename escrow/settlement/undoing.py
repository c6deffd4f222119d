"""Undoing a match: it stays on record with who, when and why; what it booked is reversed by linked transfers."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.enrolment import reversing, whole_credits
from escrow.enrolment.tables import payment
from escrow.payouts import instructions
from escrow.refusals import AlreadyDecided, Conflict, ReasonMissing
from escrow.registry import institutions
from escrow.settlement import breaks, frozen, making, matches
from escrow.settlement.breaks import Open
from escrow.settlement.matches import Match
from escrow.settlement.tables import match as table
from escrow.settlement.tables import statement_line
from escrow.settlement.unmatched import Line, as_line
from ledger.entries import Transfer
from ledger.money import Money
from ledger.posting import post_all
from ledger.reading import by_reference


class MovedOn(Conflict):
    """The money that match {match} booked has moved on from where it was put, so it cannot be taken from there: {why}.
    Put that right first."""

    zh = "勾对 {match} 入账的款项已被动用，无法撤销：{why_zh}。请先处理后续业务。"


class TakenBackByTheBank(Conflict):
    """The bank has taken back the line of match {match}, and match {by_match} says so. Undo that one first."""

    zh = "勾对 {match} 的流水已被银行冲正（见勾对 {by_match}），请先撤销后者。"


class ClaimFreed(Conflict):
    """Match {match} says that a payout came back, and what it was for can be decided anew since. Undoing cannot take
    that back: pay it again, or put right what is wrong by a match of its own."""

    zh = "勾对 {match} 确认了退汇，相关款项已可重新申请，不能以撤销收回；请重新付款，或另行勾对更正。"


def undo(db: Connection, match_id: int, *, reason: str, by: Caller, now: datetime) -> Match:
    """Undo a match, with the reason. Its lines come back on the list of breaks, its payouts are on their way again.

    No rule makes it again; people can. Raises Unknown, AlreadyDecided, ReasonMissing, DayFrozen, TakenBackByTheBank,
    ClaimFreed, MovedOn.
    """
    by.must_be("bureau", "bank")
    if not reason.strip():
        raise ReasonMissing
    institutions.by_account(db, matches.get(db, match_id).account, lock=True)
    first = matches.get(db, match_id, lock=True)
    _must_stand(db, first)
    rows = matches.rows_of(db, first.id)
    lines = _lines(db, rows)
    frozen.must_be_open(db, first.account, {each.booked_on for each in lines})

    transfers = [*_payments_back(db, first, rows, lines), *_booked_back(db, first)]
    # What comes back to the bank account first: a lump's payments are more than its net by the fee.
    transfers.sort(key=lambda each: each.debit != f"bank/{first.account}")
    _must_be_there(db, first, transfers)
    _mark(db, first, reason=reason, by=by, now=now)
    if first.rule == making.LUMP:
        whole_credits.end(db, first.account, [each.serial for each in lines if each.serial], now=now)
    _on_the_way_again(db, rows)
    post_all(db, transfers, now=now, caller_key=by.key)
    listed = [
        Open(
            kind="undone",
            line_id=each.id,
            payment_id=None,
            instruction_id=None,
            amount=each.amount,
            detail=f"{by.name} 撤销勾对：{reason}",
        )
        for each in lines
    ]
    breaks.open_now(db, first.account, listed, now=now)
    trail.record(db, by, "match.undone", f"match:{first.id}", now=now, reason=reason)
    return matches.get(db, first.id)


def _must_stand(db: Connection, first: Match) -> None:
    if first.rule == "returned" and first.reverses_id is not None:
        raise ClaimFreed(match=first.id)
    if first.undone_at is not None:
        raise AlreadyDecided(what="match", what_zh="勾对", key=first.id, state="undone")
    reversal = select(table.c.id).where(table.c.reverses_id == first.id, table.c.undone_at.is_(None))
    if (by_match := db.execute(reversal).scalar()) is not None:
        raise TakenBackByTheBank(match=first.id, by_match=by_match)


def _must_be_there(db: Connection, first: Match, transfers: Sequence[Transfer]) -> None:
    if (short := making.short_of(db, transfers)) is not None:
        asked, left = Money(short.asked).major, Money(short.available).major
        why_zh = f"须自 {short.path} 收回 {asked} 元，账面仅有 {left} 元"
        raise MovedOn(match=first.id, why=f"{asked} are asked of {short.path}, which holds {left}", why_zh=why_zh)


def _lines(db: Connection, rows: Sequence[Match]) -> list[Line]:
    ids = [each.line_id for each in rows if each.line_id is not None]
    query = select(statement_line).where(statement_line.c.id.in_(ids)).order_by(statement_line.c.id)
    return [as_line(row) for row in db.execute(query)]


def _payments_back(db: Connection, first: Match, rows: Sequence[Match], lines: Sequence[Line]) -> Iterator[Transfer]:
    """A payment that only this line told of has not come; one that this line had taken back has come after all."""
    if first.rule in (*making.MADE_THE_PAYMENT, making.LUMP):
        for paid in [reversing.by_id(db, each.payment_id) for each in rows if each.payment_id is not None]:
            if paid.source != "statement":
                continue  # a notice told of it
            left = reversing.standing(db, paid)
            if left is None or left < paid.amount:
                why = f"payment {paid.id} is {paid.state}, {left or 0} fen of it are left"
                raise MovedOn(match=first.id, why=why, why_zh=f"到账记录 {paid.id} 的款项已动用或在退回途中")
            yield reversing.take_back(db, paid, reference=f"undo/{first.id}/payment/{paid.id}", effective=paid.paid_at)
    elif first.reverses_id is not None and first.own is None:
        original = matches.get(db, first.reverses_id)
        paid = reversing.by_id(db, original.payment_id or 0)
        at = max(each.booked_at for each in lines)
        yield reversing.give_again(db, paid, reference=f"undo/{first.id}/payment", effective=at)


def _booked_back(db: Connection, first: Match) -> Iterator[Transfer]:
    """Each transfer of the match the other way round, effective when it was: as if it had never been."""
    if first.reverses_id is not None and first.own is None:
        return
    standing = by_reference(db, first.transfers)
    for number, reference in enumerate(first.transfers, start=1):
        booked = standing[reference]
        yield Transfer(
            debit=booked.credit,
            credit=booked.debit,
            amount=booked.amount,
            kind="undone",
            reference=f"undo/{first.id}/{number}",
            effective=booked.effective,
            corrects=reference,
        )


def _mark(db: Connection, first: Match, *, reason: str, by: Caller, now: datetime) -> None:
    of_match = (table.c.id == first.id) | (table.c.first_id == first.id)
    db.execute(update(table).where(of_match).values(undone_at=now, undone_by=by.name, undone_why=reason))


def _on_the_way_again(db: Connection, rows: Sequence[Match]) -> None:
    ids = [each.instruction_id for each in rows if each.instruction_id is not None]
    for each in instructions.unsettle(db, ids):
        if each.kind == "return":
            db.execute(update(payment).where(payment.c.id == each.source_id).values(state="returning"))
