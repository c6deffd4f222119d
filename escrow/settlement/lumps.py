"""Channel lumps: the net that a channel pays in for whole days is held against its bill and the orders paid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, insert, select

from escrow.access.caller import Caller
from escrow.enrolment import payments, whole_credits
from escrow.enrolment.payments import Payment
from escrow.enrolment.whole_credits import Whole
from escrow.settlement import making
from escrow.settlement.bill_tables import lump_row
from escrow.settlement.breaks import Open
from escrow.settlement.lump_finding import Found, Lump, Missing
from escrow.settlement.making import Wanted
from escrow.settlement.tables import match
from ledger.chunks import chunks
from ledger.money import Money

_NO_BILL: Final = "渠道汇总到账，尚无对应账单；请导入该渠道账单后再对账"
_LACKING: Final = "账单与订单相符，但账面余额不足以支付手续费或退款，须人工处理"


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """What became of the lumps: ids of payments and refunds that they explain, how many agreed, and the breaks of the
    others and of days whose net has not come."""

    payments: frozenset[int]
    refunds: frozenset[int]
    booked: int
    breaks: Sequence[Open]


def book(db: Connection, found: Found, *, by: Caller, now: datetime) -> Booked:
    """Match the lumps that agree: with their payments, booked first where nobody had told of them, and with the refunds
    that the channel paid back, which leave with them; the channel's fee goes to the account's fees. The others are
    breaks, and nothing is booked from them."""
    agreed = [each for each in found.lumps if each.billed and not each.why]
    untold = [credit for each in agreed for credit in each.untold]
    receipts = payments.receive(db, untold, source="statement", now=now, caller_key=by.key)
    told = {each.payment.serial: each.payment for each in receipts}
    wanted = {each.line.id: _wanted(each, told) for each in agreed}
    lacking = making.beyond_the_books(db, [each for each in wanted.values() if each.own or each.payouts], now=now)
    made = [each for each in wanted.values() if each not in lacking]
    making.make(db, made, by=by, now=now)
    _keep(db, [each for each in agreed if wanted[each.line.id] not in lacking], wanted)
    listed = [_break(each, each.why or [_NO_BILL]) for each in found.lumps if each.line.id not in wanted]
    listed += [_break(each, [_LACKING]) for each in agreed if wanted[each.line.id] in lacking]
    listed += [_missing(each) for each in found.missing]
    explained = frozenset(paid.id for each in made for paid in each.payments)
    left = frozenset(payout.id for each in made for payout in each.payouts)
    return Booked(payments=explained, refunds=left, booked=len(made), breaks=listed)


def references(lumps: Sequence[Lump]) -> set[str] | None:
    """The orders whose contracts booking these lumps will lock; None where no lump came."""
    return {credit.reference for each in lumps for credit in each.untold} if lumps else None


def _wanted(lump: Lump, told: Mapping[str, Payment]) -> Wanted:
    return Wanted(
        account=lump.line.account,
        rule=making.LUMP,
        evidence=lump.evidence,
        lines=[lump.line],
        payments=[*lump.known, *(told[each.serial] for each in lump.untold)],
        payouts=lump.refunds,
        own="fees" if lump.fee else None,
        own_amount=-lump.fee,
    )


def _keep(db: Connection, made: Sequence[Lump], wanted: Mapping[int, Wanted]) -> None:
    """Which rows each lump brought; and that its credit is in the books, whenever the bank speaks of it."""
    of_line: dict[int, int] = {}
    for ids in chunks([each.line.id for each in made]):
        query = select(match.c.line_id, match.c.id).where(match.c.line_id.in_(ids), match.c.undone_at.is_(None))
        of_line |= {row.line_id: row.id for row in db.execute(query)}
    rows = [{"match_id": of_line[each.line.id], "row_id": row} for each in made for row in each.rows]
    for chunk in chunks(rows):
        db.execute(insert(lump_row), chunk)
    wholes = [
        Whole(
            supervised_account=each.line.account,
            serial=each.line.serial,
            amount=each.line.amount,
            payment_id=wanted[each.line.id].payments[0].id,
        )
        for each in made
        if each.line.serial
    ]
    whole_credits.note(db, wholes)


def _break(lump: Lump, why: Sequence[str]) -> Open:
    return Open(
        kind="channel_lump" if lump.billed else "channel_bill_missing",
        line_id=lump.line.id,
        payment_id=None,
        instruction_id=None,
        amount=lump.line.amount,
        detail="；".join(why),
    )


def _missing(each: Missing) -> Open:
    net = Money(each.net).major
    return Open(
        kind="channel_lump_missing",
        line_id=None,
        payment_id=None,
        instruction_id=None,
        amount=each.net,
        channel_day=f"{each.channel}/{each.merchant}/{each.day}",
        detail=f"{each.channel} 商户 {each.merchant or '（账单未写明）'} {each.day} 账单净额 {net} 元，"
        f"应于 {each.due} 前到账，对账单上未见",
    )
