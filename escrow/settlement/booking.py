"""Booking what a statement proves: matched items are confirmed or settled; lines that stand alone find their place."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, select

from escrow.access.caller import Caller
from escrow.enrolment import payments
from escrow.enrolment.notifications import order_reference
from escrow.enrolment.payments import Payment, Receipt
from escrow.enrolment.placing import IN_CHINESE, Credit
from escrow.rules.months import SHANGHAI
from escrow.rules.working_days import due_day
from escrow.settlement import making
from escrow.settlement.breaks import Open
from escrow.settlement.making import Wanted
from escrow.settlement.tables import STANDS
from escrow.settlement.tables import match as match_table
from escrow.settlement.unmatched import Line, Loose, payment_key, payout_key
from ledger.chunks import chunks
from ledger.money import Money

WORKING_DAYS_TO_PAY_OUT = 2
"""After this many a payout that was instructed and has not left the account is a break."""


WORKING_DAYS_TO_SHOW = 1
"""By then the statement shows what the bank has notified, or it is a sign of fraud."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """What became of lines and items without a counterpart: kinds of the lines booked, and breaks that stay open."""

    booked: Sequence[str]
    breaks: Sequence[Open]


def book_matches(
    db: Connection, loose: Loose, found: pd.DataFrame, *, by: Caller, now: datetime
) -> tuple[list[str], list[Open]]:
    """Keep the matches with rule and evidence, and settle the payouts among them. The rule of each; and the breaks of
    those for which the books do not hold enough."""
    lines = {each.key: each for each in loose.lines}
    payouts = {payout_key(each.id): each for each in loose.payouts}
    credits = {payment_key(each.id): each for each in loose.payments}
    wanted = [
        Wanted(
            account=loose.account,
            rule=each["rule"],
            evidence=each["evidence"],
            lines=[lines[each["line_key"]]],
            payments=[credits[each["item_key"]]] if each["item_key"] in credits else [],
            payouts=[payouts[each["item_key"]]] if each["item_key"] in payouts else [],
        )
        for each in found.to_dict("records")
    ]
    made, listed = _made(db, wanted, by=by, now=now)
    return [each.rule for each in made], listed


def _made(db: Connection, wanted: Sequence[Wanted], *, by: Caller, now: datetime) -> tuple[list[Wanted], list[Open]]:
    """Make the matches that the books can follow; the lines of the others are breaks."""
    lacking = making.beyond_the_books(db, [each for each in wanted if each.payouts or each.own], now=now)
    made = [each for each in wanted if each not in lacking] if lacking else list(wanted)
    making.make(db, made, by=by, now=now)
    short = "账面余额不足，无法入账，此前应有流水尚未入账"
    return made, [_on_line(line, "not_in_books", f"{short}：{line.remark}") for each in lacking for line in each.lines]


def book_alone(
    db: Connection,
    loose: Loose,
    matched: pd.DataFrame,
    found: pd.DataFrame,
    *,
    waiting: Collection[str],
    by: Caller,
    now: datetime,
) -> Alone:
    """Book lines that no item explains where the statement alone suffices; everything else becomes a break.

    `waiting`: keys of lines for which a proposal waits; nothing is booked from them meanwhile.
    """
    taken = set(matched["line_key"])
    why = {each["line_key"]: each for each in found.to_dict("records") if each["line_key"]}
    rest = [each for each in loose.lines if each.key not in taken]
    by_kind: dict[str, list[Line]] = {}
    for line in rest:
        by_hand = line.id in loose.undone or line.key in waiting
        place = "break" if by_hand else place_of(line, why.get(line.key, {}).get("kind", ""))
        by_kind.setdefault(place, []).append(line)
    # First what needs contracts: everybody locks those before the ledger's accounts.
    explained = set(matched["item_key"])
    met = {each.id for each in loose.payments if payment_key(each.id) in explained}
    refused = _receive(db, by_kind.get("credit", []), met, by=by, now=now)
    own = [own_of(each, kind=kind) for kind in ("interest", "fee") for each in by_kind.get(kind, [])]
    made, short = _made(db, own, by=by, now=now)
    listed = [_line_break(each, why.get(each.key, {})) for each in by_kind.get("break", [])]
    booked = [*(each.rule for each in made), *["credit"] * (len(by_kind.get("credit", [])) - len(refused))]
    return Alone(booked=booked, breaks=[*refused, *short, *listed, *_missing(loose, matched)])


def place_of(line: Line, break_kind: str) -> str:
    """What a line without a counterpart is: "interest", "fee", "credit" or "break". Pure.

    Only a credit with a serial of its own is booked by the statement alone: without one, nobody can tell it from a
    payment that was or will be notified, and it would be booked twice. A serial that has been booked already does
    not book again: such a line is a break (see `_receive`).
    """
    if line.nature == "interest" and line.amount > 0:
        return "interest"
    if line.nature == "fee" and line.amount < 0:
        return "fee"
    if line.amount > 0 and line.serial and break_kind != "opposite_direction":
        return "credit"
    return "break"


def _receive(db: Connection, lines: Sequence[Line], met: Collection[int], *, by: Caller, now: datetime) -> list[Open]:
    """Book credits that only the statement tells of. `met`: payments that a line of this run explains already.

    Gives those that cannot be booked because their serial is: a second line of it, or one of another amount.
    """
    receipts = payments.receive(db, [credit_of(each) for each in lines], source="statement", now=now, caller_key=by.key)
    taken = {*met, *_matched(db, [each.payment.id for each in receipts])}
    wanted, listed = [], []
    for line, receipt in zip(lines, receipts, strict=True):
        # Known and without a line of its own: the bank's word came while we were looking.
        if receipt.status == "conflicting" or receipt.payment.id in taken:
            listed.append(_known_by_its_serial(line, receipt))
            continue
        taken.add(receipt.payment.id)
        evidence = f"银行流水号 {line.serial}，{IN_CHINESE.get(receipt.payment.reason, '已入订单')}"
        wanted.append(
            Wanted(
                account=line.account,
                rule="statement_alone",
                evidence=evidence,
                lines=[line],
                payments=[receipt.payment],
            )
        )
    making.make(db, wanted, by=by, now=now)
    return listed


def receive_one(db: Connection, line: Line, *, proposal_id: int, by: Caller, now: datetime) -> Wanted:
    """Book a credit that people say is one of its own: on the order it names, or in suspense. The match, to be made.

    Its serial is the bank's only where no payment has it: another one would say that this is a repeat.
    """
    told = credit_of(line)
    if not line.serial or payments.is_known(db, told):
        told = replace(told, serial=f"line/{line.id}/{proposal_id}")
    [receipt] = payments.receive(db, [told], source="statement", now=now, caller_key=by.key)
    return Wanted(
        account=line.account,
        rule="credit",
        evidence=f"按来款入账，{IN_CHINESE.get(receipt.payment.reason, '已入订单')}",
        lines=[line],
        payments=[receipt.payment],
        proposal_id=proposal_id,
    )


def _matched(db: Connection, payment_ids: Sequence[int]) -> set[int]:
    """Those of the payments that a line was matched with before."""
    m = match_table.c
    queries = (select(m.payment_id).where(m.payment_id.in_(chunk), STANDS) for chunk in chunks(payment_ids))
    return {row.payment_id for query in queries for row in db.execute(query)}


def _known_by_its_serial(line: Line, receipt: Receipt) -> Open:
    """A second line under a serial that is booked: perhaps the bank's mistake, perhaps its habit; a person decides."""
    told = Money(receipt.known).major
    if receipt.status == "conflicting":
        return _on_line(line, "conflict", f"银行流水号 {line.serial} 此前告知的金额为 {told} 元")
    return _on_line(line, "duplicate", f"银行流水号 {line.serial} 已有一笔 {told} 元入账，此笔疑为重复")


def credit_of(line: Line) -> Credit:
    """A line as the credit that the bank would have notified."""
    return Credit(
        supervised_account=line.account,
        serial=line.serial,
        amount=line.amount,
        reference=order_reference(line.end_to_end, line.remark),
        remark=line.remark,
        payer=line.counterparty,
        payer_account=line.counterparty_account,
        paid_at=line.booked_at,
    )


def own_of(line: Line, *, kind: str, proposal_id: int | None = None) -> Wanted:
    """A line that is the bank's own: "interest" or "fee"."""
    return Wanted(
        account=line.account,
        rule=kind,
        evidence=line.remark,
        lines=[line],
        own="interest" if kind == "interest" else "fees",
        own_amount=line.amount,
        proposal_id=proposal_id,
    )


def _missing(loose: Loose, found: pd.DataFrame) -> list[Open]:
    """What the books know and the statement should show by now, and does not."""
    if loose.covered is None:
        return []
    matched = set(found["item_key"])
    notified = [
        _on_item(_told(each, loose.covered), f"银行已通知到账，流水号 {each.serial}", each.amount, payment_id=each.id)
        for each in loose.payments
        if payment_key(each.id) not in matched and each.paid_at.astimezone(SHANGHAI).date() <= loose.covered
    ]
    instructed = [
        _on_item(
            "not_on_statement",
            f"付款指令 {each.end_to_end} 已发送银行，对账单上未见付出",
            -each.amount,
            instruction_id=each.id,
        )
        for each in loose.payouts
        if payout_key(each.id) not in matched
        and due_day(each.made_at.astimezone(SHANGHAI).date(), WORKING_DAYS_TO_PAY_OUT) <= loose.covered
    ]
    return notified + instructed


def _told(paid: Payment, covered: date) -> str:
    """What it is when the bank has notified a payment and its statement does not show it: by the next working day it
    must, and a payment that is missing then may never have been made."""
    next_one = due_to_show(paid.paid_at.astimezone(SHANGHAI).date())
    return "notified_and_missing" if next_one <= covered else "not_on_statement"


def due_to_show(paid_on: date) -> date:
    """The local day by which the statement shows what was paid on a day."""
    return due_day(paid_on, WORKING_DAYS_TO_SHOW)


def _on_item(
    kind: str, detail: str, amount: int, *, payment_id: int | None = None, instruction_id: int | None = None
) -> Open:
    return Open(
        kind=kind,
        line_id=None,
        payment_id=payment_id,
        instruction_id=instruction_id,
        amount=amount,
        detail=detail,
    )


def _line_break(line: Line, found: Mapping[Any, Any]) -> Open:
    kind = found.get("kind") or "not_in_books"
    return _on_line(line, str(kind), str(found.get("detail") or line.remark))


def _on_line(line: Line, kind: str, detail: str) -> Open:
    return Open(kind=kind, line_id=line.id, payment_id=None, instruction_id=None, amount=line.amount, detail=detail)
