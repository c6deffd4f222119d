"""Which lines are a channel's lumps, whose they are, what each brought, and which days of the bills did not come."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, select

from escrow.enrolment.notifications import order_reference
from escrow.enrolment.payments import Payment
from escrow.enrolment.placing import Credit
from escrow.payouts.instructions import Instruction
from escrow.registry import merchants
from escrow.settlement import lump_sides, making
from escrow.settlement.bill_tables import merchant_bill
from escrow.settlement.booking import due_to_show
from escrow.settlement.lump_sides import Sides
from escrow.settlement.tables import STANDS, match, statement_line
from escrow.settlement.unmatched import Line, Loose, as_line
from ledger.money import Money
from reconciliation.channel import Settled, brings, settle

DAYS: Final = 9
"""A lump brings days of the bill that lie at most so far back: those of the longest holiday come together."""

LOOKS_BACK: Final = timedelta(days=400)
"""Days of a bill before this are not waited for any more: a year and a month, as the watch looks back."""

PAYERS: Final[Mapping[str, Sequence[str]]] = {
    "wechat": ("财付通", "微信支付"),
    "alipay": ("支付宝",),
    "unionpay": ("银联",),
}
"""What stands in the payer's name when a channel pays."""

_OF_A_DAY: Final = ("merchant", "traded_on", "amount", "fee")

MerchantDay = tuple[str, str]
"""A merchant and an ISO day of its bill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lump:
    """A lump (渠道汇总到账) and what it brought: payments that were told of, credits that only the bill tells of, and
    the refunds of ours that the channel had paid back.

    `why`: every difference, in Chinese; a lump without one agrees, and is matched. `fee` in fen, kept by the channel;
    `rows`: ids of the bill's rows.
    """

    line: Line
    billed: bool
    evidence: str = ""
    fee: int = 0
    known: Sequence[Payment] = ()
    untold: Sequence[Credit] = ()
    refunds: Sequence[Instruction] = ()
    rows: Sequence[int] = ()
    why: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A day of a merchant's bill whose net, more than nothing, has not come though the statements reach its due day."""

    channel: str
    merchant: str
    day: str
    net: int
    due: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The lumps among loose lines, and the days that no line brought."""

    lumps: Sequence[Lump] = field(default=())
    missing: Sequence[Missing] = field(default=())


def find(db: Connection, loose: Loose) -> Found:
    """The lumps among loose lines, of channels that have a merchant or a bill here, each with what it brought.

    Left to the other rules: a line whose match somebody undid, one that names an order of its own, and one that the
    bank had told of. That one's money is in the books already, and would be booked once more on the orders.
    """
    if loose.covered is None:
        return Found()
    told = {each.serial for each in loose.payments}
    aside = [each for each in loose.lines if each.id in loose.undone or each.serial in told]
    free = [each for each in loose.lines if each not in aside]
    lumps: list[Lump] = []
    missing: list[Missing] = []
    for channel, known in sorted(_channels(db, loose.account).items()):
        sides = lump_sides.load(db, loose, channel, known=known, since=loose.covered - LOOKS_BACK)
        numbers = {*known, *sides.merchants} - {""}
        lines = [each for each in free if _is_of(each, channel, numbers)]
        held, brought = _held(sides, lines, numbers)
        lumps += held
        left = _days_left(sides, brought)
        if left:
            came = [*aside, *_matched_otherwise(db, loose.account, since=min(day for _, day in left))]
            there = _frame([each for each in came if _is_of(each, channel, numbers)])
            missing += _missing(sides, there, left, channel=channel, covered=loose.covered)
    return Found(lumps=lumps, missing=missing)


def _channels(db: Connection, account: str) -> dict[str, set[str]]:
    """The channels of an account, each with the merchants that are bound to it."""
    found = merchants.of_account(db, account)
    for row in db.execute(select(merchant_bill.c.channel).where(merchant_bill.c.account == account).distinct()):
        found.setdefault(row.channel, set())
    return found


def _is_of(line: Line, channel: str, numbers: Collection[str]) -> bool:
    """Money in, from the channel by its name or under a number of its merchants, and for no order of its own."""
    pays = any(name in line.counterparty for name in PAYERS.get(channel, (channel,)))
    named = pays or bool(_merchants_named(line, numbers))
    return named and line.amount > 0 and not order_reference(line.end_to_end, line.remark)


def _merchants_named(line: Line, numbers: Collection[str]) -> list[str]:
    """The merchants whose numbers stand by themselves in what the line says."""
    words = set(re.findall(r"[0-9A-Za-z]+", f"{line.end_to_end} {line.remark} {line.counterparty_account}"))
    return sorted(words & set(numbers))


def _held(sides: Sides, lines: Sequence[Line], numbers: Collection[str]) -> tuple[list[Lump], set[MerchantDay]]:
    """The lumps of one channel held against its rows: first each merchant's own, then what came for all together."""
    whose = _whose(sides, lines, numbers)
    lumps: list[Lump] = []
    brought: set[MerchantDay] = set()
    for merchant in sides.merchants:
        own = [each for each in lines if whose[each.id] == [merchant]]
        if own:
            found = settle(*sides.of(merchant), _frame(own), days=DAYS)
            lumps += _lumps(own, found, sides, [merchant])
            brought |= {(merchant, day) for days in found.lumps["days"] for day in days.split(",")}
    rest = [each for each in lines if not whose[each.id]]
    bill, ours = sides.without(brought)
    found = settle(bill, ours, _frame(rest), days=DAYS)
    lumps += _lumps(rest, found, sides, sorted(set(bill["merchant"])))
    together = {day for days in found.lumps["days"] for day in days.split(",")}
    brought |= {each for each in _merchant_days(bill) if each[1] in together}
    clear = [[], *([each] for each in sides.merchants)]
    lumps += [_of_nobody(each, whose[each.id]) for each in lines if whose[each.id] not in clear]
    return lumps, brought


def _whose(sides: Sides, lines: Sequence[Line], numbers: Collection[str]) -> dict[int, list[str]]:
    """The merchants whose lump each line may be: those that it names, else those whose days it brings exactly.

    None where the bills of all must be looked at together.
    """
    named = {each.id: _merchants_named(each, numbers) for each in lines}
    free, fits = _frame([each for each in lines if not named[each.id]]), dict[str, list[str]]()
    if len({*numbers, *sides.merchants}) > 1:
        for merchant in sides.merchants:
            bill = sides.of(merchant)[0]
            own = _frame([each for each in lines if named[each.id] == [merchant]])
            its = {day for days in brings(bill, own, days=DAYS).values() for day in days}
            for key in brings(bill[~bill["traded_on"].isin(its)], free, days=DAYS):
                fits.setdefault(key, []).append(merchant)
    return {each.id: named[each.id] or fits.get(each.key, []) for each in lines}


def _of_nobody(line: Line, whose: Sequence[str]) -> Lump:
    """A line that may be the lump of several merchants, or is that of one whose bill is not here."""
    if len(whose) == 1:
        return Lump(line=line, billed=False)
    return Lump(line=line, billed=True, why=[f"商户 {'、'.join(whose)} 的账单净额都与该笔相符，须人工判断归属"])


def _lumps(lines: Sequence[Line], found: Settled, sides: Sides, of: Sequence[str]) -> Iterator[Lump]:
    brought = {str(each["line_key"]): each for each in found.lumps.to_dict("records")}
    for line in lines:
        lump = brought.get(line.key)
        yield Lump(line=line, billed=False) if lump is None else _lump(line, lump, found, sides, of=of)


def _lump(line: Line, lump: Mapping[Any, Any], found: Settled, sides: Sides, *, of: Sequence[str]) -> Lump:
    days = set(lump["days"].split(","))
    matched = [each for each in found.matches.to_dict("records") if sides.day_of(each) in days]
    met = [sides.side_of(each["order_key"], each["transaction"]) for each in matched]
    rows = [sides.row_of(each) for each in matched]
    amount, fee, net = (Money(int(lump[name])).major for name in ("amount", "fee", "net"))
    merchant = f"商户 {'、'.join(of)} " if any(of) else ""
    told = f"{lump['begins']} 至 {lump['ends']} 账单 {len(met)} 笔 {amount} 元，手续费 {fee} 元，净额 {net} 元"
    return Lump(
        line=line,
        billed=True,
        evidence=f"{merchant}{told}",
        fee=int(lump["fee"]),
        known=[each for each in met if isinstance(each, Payment)],
        untold=[each for each in met if not isinstance(each, Payment | Instruction)],
        refunds=[each for each in met if isinstance(each, Instruction)],
        rows=[each.id for each in rows if each is not None],
        why=[
            f"{each['detail']}{sides.hint_of(each)}"
            for each in found.differences.to_dict("records")
            if each["line_key"] == line.key or sides.day_of(each) in days
        ],
    )


def _merchant_days(bill: pd.DataFrame) -> set[MerchantDay]:
    return set(zip(bill["merchant"], bill["traded_on"], strict=True))


def _days_left(sides: Sides, brought: Collection[MerchantDay]) -> dict[MerchantDay, int]:
    """The net of each day that no line brought, where it is more than nothing."""
    nets: Counter[MerchantDay] = Counter()
    for merchant, day, amount, fee in zip(*(sides.bill[name].tolist() for name in _OF_A_DAY), strict=True):
        nets[merchant, day] += amount - fee
    return {each: net for each, net in nets.items() if net > 0 and each not in brought}


def _missing(
    sides: Sides, came: pd.DataFrame, left: Mapping[MerchantDay, int], *, channel: str, covered: date
) -> list[Missing]:
    """The days that are due by what the statements cover, and whose net no line of `came` is either.

    Those lines are the channel's, and matched otherwise, or somebody undid their match.
    """
    found = []
    for merchant in sorted({m for m, _ in left}):
        days = sorted(day for m, day in left if m == merchant)
        bill = sides.of(merchant)[0]
        there = brings(bill[bill["traded_on"].isin(days)], came, days=DAYS).values()
        for day in sorted(set(days).difference(*there)):
            due = due_to_show(date.fromisoformat(day))
            if due <= covered:
                net = left[merchant, day]
                found.append(Missing(channel=channel, merchant=merchant, day=day, net=net, due=due))
    return found


def _matched_otherwise(db: Connection, account: str, *, since: str) -> list[Line]:
    """Credits since a day that stand in a match which is no lump's."""
    line = statement_line.c
    query = (
        select(statement_line)
        .join(match, (match.c.line_id == line.id) & STANDS)
        .where(line.account == account, line.booked_on >= date.fromisoformat(since), line.amount > 0)
        .where(match.c.rule != making.LUMP)
    )
    return [as_line(row) for row in db.execute(query)]


def _frame(lines: Sequence[Line]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "key": pd.Series([each.key for each in lines], dtype="str"),
            "booked_on": pd.Series([each.booked_on.isoformat() for each in lines], dtype="str"),
            "number": pd.Series([each.number for each in lines], dtype="int64"),
            "amount": pd.Series([each.amount for each in lines], dtype="int64"),
        }
    )
