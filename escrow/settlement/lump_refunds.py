"""Refunds on a channel's bill: ours by its number when there is exactly one, and else for people to decide."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from escrow.payouts import instructions
from escrow.payouts.instructions import Instruction
from escrow.settlement.unmatched import payout_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunds:
    """`met`: rows with the refund of ours that each is; `hints`: for rows that name one which it cannot be, why not."""

    met: Sequence[tuple[Row[Any], Instruction]]
    hints: Mapping[int, str]

    @property
    def by_key(self) -> Mapping[str, Instruction]:
        """The refunds that were met, by their keys."""
        return {payout_key(each.id): each for _, each in self.met}


def of(db: Connection, payouts: Sequence[Instruction], channel: str, rows: Sequence[Row[Any]]) -> Refunds:
    """The refunds on these rows that this channel was asked to pay back and has not yet, each on one row alone.

    A refund that a file for the bank holds, or may still hold, is none of them: it would be paid twice.
    """
    named = Counter(each.refund_number for each in rows if each.kind == "refund" and each.refund_number)
    ours = {each.end_to_end: each for each in payouts if each.channel == channel}
    once = [each for each in rows if named[each.refund_number] == 1]
    met = [(each, ours[each.refund_number]) for each in once if each.refund_number in ours]
    taken = {row.id for row, _ in met}
    left = [each for each in rows if named[each.refund_number] and each.id not in taken]
    known = instructions.by_end_to_end(db, [each.refund_number for each in left])
    hints = {each.id: _hint(known[each.refund_number], channel) for each in left if each.refund_number in known}
    return Refunds(met=met, hints=hints)


def _hint(payout: Instruction, channel: str) -> str:
    """Why a row that names a refund of ours is not taken for it."""
    told = f"（退款编号 {payout.end_to_end}，退费指令状态 {payout.state}"
    if payout.state == "instructed":
        return f"{told}，尚未登记为经 {channel} 退回；核实后登记即可勾对）"
    if payout.channel == channel and payout.state == "sent":
        return f"{told}，账单上不止一笔退款使用该编号）"
    return f"{told}，已由其他方式支付或了结，疑为重复退款）"
