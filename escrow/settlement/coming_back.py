"""Payouts of which the statement tells another end: come back (退汇), or paid though the bank had said no."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection

import ledger.accounts
from escrow.access.caller import Caller
from escrow.payouts import instructions, outcomes
from escrow.payouts.instructions import Instruction
from escrow.payouts.outcomes import Fate, Outcome, Told
from escrow.settlement import making, matches
from escrow.settlement.breaks import Open
from escrow.settlement.making import Wanted
from escrow.settlement.unmatched import Line

PAYOUT: Final = re.compile(r"(?<![0-9A-Za-z])PO[0-9]{16}(?![0-9A-Za-z])")
"""A payout's end-to-end id, standing by itself."""

_LISTED: Final[Mapping[str, tuple[str, str]]] = {
    "short": ("not_in_books", "账面余额不足，无法入账，此前应有流水尚未入账"),
    "waiting": ("returned_early", "退汇已到，但对账单上尚未见该笔付出"),
    "contested": ("contested", "银行曾告知拒付，该款已另行处理，对账单却显示已付出"),
    "undone": ("contradiction", "银行退回了一笔有争议的付出，找不到付出的流水"),
    "known": ("contradiction", "与银行先前的告知重复"),
    "contradiction": ("contradiction", "与该付款指令的状态相矛盾，疑为重复付款或重复退汇"),
}
"""Kind and sentence of the break that a word of the bank is, where it moves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of these lines: how many were booked, those that are explained now, and what must be looked into."""

    booked: int
    explained: frozenset[int]
    breaks: Sequence[Open]


def named_in(db: Connection, lines: Sequence[Line]) -> dict[int, Instruction]:
    """The payout of the same account and amount that a line names, by line."""
    names = {each.id: _names(each) for each in lines}
    known = instructions.by_end_to_end(db, [name for of_line in names.values() for name in of_line])
    found = {}
    for line in lines:
        fitting = [known[name] for name in names[line.id] if name in known]
        if len(fitting) == 1 and _fits(line, fitting[0]):
            found[line.id] = fitting[0]
    return found


def hear(
    db: Connection, lines: Sequence[Line], named: Mapping[int, Instruction], *, by: Caller, now: datetime
) -> Heard:
    """Book what these lines say of the payouts that they name: first those that left, then those that came back.

    A release that came back is earned again, a refund is owed to the family, a return stands in suspense.
    """
    debits = [each for each in lines if each.amount < 0 and named[each.id].contested_at is None]
    contested = [each for each in lines if each.amount < 0 and named[each.id].contested_at is not None]
    credits = [each for each in lines if each.amount > 0]
    debits, short = _covered(db, debits)
    left = outcomes.left(db, [_told(each, named) for each in debits], by=by, now=now) if debits else []
    back = outcomes.came_back(db, [_told(each, named) for each in credits], by=by, now=now) if credits else []
    heard = [*zip(debits, left, strict=True), *zip(credits, back, strict=True)]
    leaving = matches.of_payouts(db, [each.instruction.id for _, each in heard])
    wanted, listed = [], [*(_open(each, "contested") for each in contested), *(_open(each, "short") for each in short)]
    for line, outcome in heard:
        match = _wanted(line, outcome, leaving.get(outcome.instruction.id), [*contested, *debits])
        if match is None:
            listed.append(_open(line, outcome.fate))
        else:
            wanted.append(match)
    making.make(db, wanted, by=by, now=now)
    explained = frozenset(line.id for each in wanted for line in each.lines)
    still = [each for each in listed if each.line_id not in explained]
    return Heard(booked=len(wanted), explained=explained, breaks=still)


def _wanted(line: Line, outcome: Outcome, leaving: int | None, debits: Sequence[Line]) -> Wanted | None:
    """The match of a line with what it says, where that moved money or explains another line."""
    payout = outcome.instruction
    match outcome.fate:
        case "settled" | "revived":
            evidence = f"付款指令 {payout.end_to_end}，银行曾告知拒付，对账单显示已付出"
            return Wanted(
                account=line.account, rule="revived", evidence=evidence, lines=[line], payouts=[payout], posted=True
            )
        case "returned" if leaving is not None:
            back = payout.coming_back(line.booked_at)
            return Wanted(
                account=line.account,
                rule="returned",
                evidence=f"付款指令 {payout.end_to_end} 退汇：{line.remark}",
                lines=[line],
                also=[back],
                reverses_id=leaving,
                posted=True,
            )
        case "undone":
            evidence = f"付款指令 {payout.end_to_end} 的付出与退回相抵"
            taken_back = [each for each in debits if payout.end_to_end in _names(each)]
            if len(taken_back) == 1:
                return Wanted(account=line.account, rule="returned", evidence=evidence, lines=[*taken_back, line])
    return None


def _covered(db: Connection, debits: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """The debits for which the books hold enough, in their order, and those for which they do not."""
    if not debits:
        return [], []
    bank = f"bank/{debits[0].account}"
    left = ledger.accounts.find(db, [bank], lock=True)[bank].available
    covered, short = [], []
    for each in debits:
        if left + each.amount < 0:
            short.append(each)
        else:
            left += each.amount
            covered.append(each)
    return covered, short


def _names(line: Line) -> list[str]:
    return list(dict.fromkeys(PAYOUT.findall(f"{line.end_to_end} {line.remark}")))


def _fits(line: Line, payout: Instruction) -> bool:
    """Money that comes back whole; or leaves though the bank had rejected it."""
    if line.account != payout.supervised_account:
        return False
    return line.amount == payout.amount or (line.amount == -payout.amount and payout.state == "rejected")


def _told(line: Line, named: Mapping[int, Instruction]) -> Told:
    return Told(instruction_id=named[line.id].id, at=line.booked_at, reason=line.remark)


def _open(line: Line, fate: Fate | Literal["short"]) -> Open:
    kind, sentence = _LISTED.get(fate, _LISTED["contradiction"])
    detail = f"{sentence}：{line.remark or line.end_to_end}"
    return Open(kind=kind, line_id=line.id, payment_id=None, instruction_id=None, amount=line.amount, detail=detail)
