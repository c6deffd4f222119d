"""Channel lumps: the net that a wallet pays in for whole days is held against its bill and the orders paid."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, select

from escrow.access.caller import Caller
from escrow.enrolment import payments
from escrow.enrolment.notifications import order_reference
from escrow.enrolment.payments import Payment
from escrow.enrolment.placing import Credit
from escrow.registry.tables import merchant
from escrow.settlement import lump_sides, making
from escrow.settlement.breaks import Open
from escrow.settlement.lump_sides import Sides
from escrow.settlement.making import Wanted
from escrow.settlement.tables import merchant_bill
from escrow.settlement.unmatched import Line, Loose
from ledger.money import Money
from reconciliation.channel import Settled, settle

DAYS: Final = 9
"""A lump brings days of the bill that lie at most so far back: those of the longest holiday come together."""

PAYERS: Final[Mapping[str, Sequence[str]]] = {
    "wechat": ("财付通", "微信支付"),
    "alipay": ("支付宝",),
    "unionpay": ("银联",),
}
"""What stands in the payer's name when a channel pays."""

_NO_BILL: Final = "渠道汇总到账，尚无对应账单；请导入该渠道账单后再对账"
_LACKING: Final = "账单与订单相符，但账面余额不足以支付手续费，须人工处理"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lump:
    """A lump (渠道汇总到账) and what it brought: payments that were told of, and credits that only the bill tells of.

    `why`: every difference, in Chinese; a lump without one agrees, and is matched. `fee` in fen, kept by the channel.
    """

    line: Line
    billed: bool
    evidence: str = ""
    fee: int = 0
    known: Sequence[Payment] = ()
    untold: Sequence[Credit] = ()
    why: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """What became of the lumps: ids of payments that they explain, how many agreed, and the breaks of the others."""

    payments: frozenset[int]
    booked: int
    breaks: Sequence[Open]


def of(db: Connection, loose: Loose) -> list[Lump]:
    """The lumps among loose lines, of channels that have a merchant or a bill here, each with what it brought.

    Left to the other rules: a line whose match somebody undid, one that names an order of its own, and one that the
    bank had told of. That one's money is in the books already, and would be booked once more on the orders.
    """
    told = {each.serial for each in loose.payments}
    free = [each for each in loose.lines if each.id not in loose.undone and each.serial not in told]
    found: list[Lump] = []
    for channel in sorted(_channels(db, loose.account)):
        lines = [each for each in free if _is_of(each, channel)]
        found += _held(db, loose, channel, lines) if lines else []
    return found


def book(db: Connection, lumps: Sequence[Lump], *, by: Caller, now: datetime) -> Booked:
    """Match the lumps that agree with their payments, which are booked first where nobody had told of them; the
    channel's fee goes to the account's fees. The others are breaks, and nothing is booked from them."""
    agreed = [each for each in lumps if each.billed and not each.why]
    untold = [credit for each in agreed for credit in each.untold]
    receipts = payments.receive(db, untold, source="statement", now=now, caller_key=by.key)
    told = {each.payment.serial: each.payment for each in receipts}
    wanted = {each.line.id: _wanted(each, told) for each in agreed}
    lacking = making.beyond_the_books(db, [each for each in wanted.values() if each.own], now=now)
    made = [each for each in wanted.values() if each not in lacking]
    making.make(db, made, by=by, now=now)
    listed = [_break(each, each.why or [_NO_BILL]) for each in lumps if each.line.id not in wanted]
    listed += [_break(each, [_LACKING]) for each in agreed if wanted[each.line.id] in lacking]
    explained = frozenset(paid.id for each in made for paid in each.payments)
    return Booked(payments=explained, booked=len(made), breaks=listed)


def references(lumps: Sequence[Lump]) -> set[str]:
    """The orders whose contracts booking these lumps will lock."""
    return {credit.reference for each in lumps for credit in each.untold}


def _wanted(lump: Lump, told: Mapping[str, Payment]) -> Wanted:
    return Wanted(
        account=lump.line.account,
        rule=making.LUMP,
        evidence=lump.evidence,
        lines=[lump.line],
        payments=[*lump.known, *(told[each.serial] for each in lump.untold)],
        own="fees" if lump.fee else None,
        own_amount=-lump.fee,
    )


def _break(lump: Lump, why: Sequence[str]) -> Open:
    return Open(
        kind="channel_lump" if lump.billed else "channel_bill_missing",
        line_id=lump.line.id,
        payment_id=None,
        instruction_id=None,
        amount=lump.line.amount,
        detail="；".join(why),
    )


def _channels(db: Connection, account: str) -> set[str]:
    bound = select(merchant.c.channel).where(merchant.c.supervised_account == account)
    billed = select(merchant_bill.c.channel).where(merchant_bill.c.account == account)
    return {row.channel for row in db.execute(bound.union(billed))}


def _is_of(line: Line, channel: str) -> bool:
    pays = any(name in line.counterparty for name in PAYERS.get(channel, (channel,)))
    return pays and line.amount > 0 and not order_reference(line.end_to_end, line.remark)


def _held(db: Connection, loose: Loose, channel: str, lines: Sequence[Line]) -> Iterator[Lump]:
    """The lumps of one channel, held against the rows of its bills that no lump has brought yet."""
    sides = lump_sides.load(db, loose, channel, since=min(each.booked_on for each in lines) - timedelta(days=DAYS))
    found = settle(sides.bill, sides.ours, _lines(lines), days=DAYS)
    brought = {str(each["line_key"]): each for each in found.lumps.to_dict("records")}
    for line in lines:
        lump = brought.get(line.key)
        yield Lump(line=line, billed=False) if lump is None else _lump(line, lump, found, sides)


def _lump(line: Line, lump: Mapping[Hashable, Any], found: Settled, sides: Sides) -> Lump:
    days = {day for day in sides.days if lump["begins"] <= day <= lump["ends"]}
    met = [
        sides.side_of(each["order_key"], each["transaction"])
        for each in found.matches.to_dict("records")
        if sides.day_of(each) in days
    ]
    amount, fee, net = (Money(int(lump[name])).major for name in ("amount", "fee", "net"))
    return Lump(
        line=line,
        billed=True,
        evidence=f"{lump['begins']} 至 {lump['ends']} 账单 {len(met)} 笔 {amount} 元，手续费 {fee} 元，净额 {net} 元",
        fee=int(lump["fee"]),
        known=[each for each in met if isinstance(each, Payment)],
        untold=[each for each in met if not isinstance(each, Payment)],
        why=[
            each["detail"]
            for each in found.differences.to_dict("records")
            if each["line_key"] == line.key or sides.day_of(each) in days
        ],
    )


def _lines(lines: Sequence[Line]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "key": pd.Series([each.key for each in lines], dtype="str"),
            "booked_on": pd.Series([each.booked_on.isoformat() for each in lines], dtype="str"),
            "number": pd.Series([each.number for each in lines], dtype="int64"),
            "amount": pd.Series([each.amount for each in lines], dtype="int64"),
        }
    )
