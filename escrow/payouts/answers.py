"""The bank's answers to payout files (pain.002): read, held against the batch, and taken line by line."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Connection, insert, select

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.payouts import batch_files, batches, instructions, outcomes
from escrow.payouts.instructions import Instruction
from escrow.payouts.outcomes import Told
from escrow.payouts.tables import answer_line
from escrow.payouts.tables import payout_answer as table
from escrow.refusals import Conflict
from ledger.chunks import chunks
from ledger.money import Money
from reconciliation import pain002
from reconciliation.pain002 import PARTLY, REJECTED, Report, Said

Effect: TypeAlias = Literal["pending", "confirmed", "rejected", "known", "contradiction"]

FINAL: Final = frozenset({"ACSC", "ACCC"})
"""Settled, by the bank's own word. The books wait for its statement all the same."""


class AnswerDoesNotFit(Conflict):
    """The bank's report {report} does not fit the payout batch {batch}: {why}. Nothing of it was taken; ask the bank
    for a right one."""

    zh = "银行的付款状态报告 {report} 与付款批次 {batch} 不符：{why_zh}。整份报告未作处理，请银行更正后重新提供。"


class AnswerChanged(Conflict):
    """The bank's report {report} came before with another content and was taken then; nothing was taken now."""

    zh = "付款状态报告 {report} 此前已收到且内容不同，本次未作处理。"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredLine:
    """What a report said of one payout, and what came of it.

    Pending and confirmed wait for the statement; rejected is owed again; known was so already; a contradiction moved
    nothing, and somebody must ask the bank.
    """

    instruction_id: int
    status: str
    code: str
    reason: str
    effect: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A payment status report in the books (付款状态报告)."""

    id: int
    batch_id: int
    message_id: str
    created_at: datetime
    sha256: str
    received_by: str
    received_at: datetime
    lines: Sequence[AnsweredLine]


def take(db: Connection, data: bytes, *, by: Caller, now: datetime) -> Answer:
    """Take a pain.002: what it rejects is owed again, everything else waits for the statement. The same file once.

    A payout of which it says nothing stays as it is. Raises StatusReportRefused, DoctypeRefused, TooLarge
    (reconciliation), Unknown where it answers no batch of ours, AnswerDoesNotFit, AnswerChanged.
    """
    by.must_be("bureau", "bank")
    report, sha256 = pain002.read(data), hashlib.sha256(data).hexdigest()
    batch = batches.by_message(db, report.original, lock=True)  # one report of a batch at a time
    known = _known(db, batch.id, report, sha256)
    if known is not None:
        return known
    lines = {each.id: each for each in instructions.of_batch(db, batch.id)}
    said = _said(report, batch.id, list(lines.values()))

    refused = [
        Told(instruction_id=each, at=report.created_at, code=one.code, reason=one.reason)
        for each, one in said.items()
        if one.status == REJECTED
    ]
    fates = {each.instruction.id: each.fate for each in outcomes.rejected(db, refused, by=by, now=now)}

    taken = [
        AnsweredLine(
            instruction_id=each,
            status=one.status,
            code=one.code,
            reason=one.reason,
            effect=effect_of(one.status, lines[each].state, fates.get(each, "")),
        )
        for each, one in said.items()
    ]
    answer = _keep(db, report, taken, data=data, batch_id=batch.id, sha256=sha256, by=by, now=now)
    effects = {each: sum(line.effect == each for line in taken) for each in sorted({line.effect for line in taken})}
    trail.record(db, by, "answer.taken", f"batch:{batch.id}", now=now, report=report.message_id, effects=effects)
    return answer


def of_batch(db: Connection, batch_id: int) -> list[Answer]:
    """All reports on a batch, in the order they came."""
    rows = db.execute(select(*_columns()).where(table.c.batch_id == batch_id).order_by(table.c.id)).all()
    return [Answer(**row._asdict(), lines=_lines(db, row.id)) for row in rows]


def effect_of(status: str, state: str, fate: str) -> Effect:
    """What a status means for a payout in this state; `fate`: what a rejection came to. Pure."""
    if status == REJECTED:
        return {"rejected": "rejected", "known": "known"}.get(fate, "contradiction")  # type: ignore[return-value]
    if status in FINAL:
        return "contradiction" if state == "rejected" else "confirmed" if state == "sent" else "known"
    return "pending" if state == "sent" else "known"


def said_of(report: Report, asked: Mapping[str, Mapping[str, int]]) -> dict[str, Said]:
    """What a report says of each transfer, by end-to-end id: the nearest level that says something. Pure.

    `asked`: by payment information, the fen of each transfer. Raises ValueError with two sentences where the report
    names what was not asked, or repeats another count, sum or amount.
    """
    every = {name: amount for part in asked.values() for name, amount in part.items()}
    _must_repeat(report, every, "the file", "整份文件")
    said = {name: report for name in every if report.status not in ("", PARTLY)}
    found: dict[str, Said] = dict(said)
    for part in report.parts:
        inside = asked.get(part.payment_information)
        if inside is None:
            raise ValueError(f"it names {part.payment_information}", f"含有不属于该批次的 {part.payment_information}")
        _must_repeat(part, inside, part.payment_information, part.payment_information)
        if part.status not in ("", PARTLY):
            found.update(dict.fromkeys(inside, part))
        for line in part.lines:
            if line.end_to_end not in inside:
                raise ValueError(f"it names {line.end_to_end}", f"含有该部分中没有的付款 {line.end_to_end}")
            if line.amount not in (None, inside[line.end_to_end]):
                was = Money(inside[line.end_to_end]).major
                raise ValueError(
                    f"{line.end_to_end} was of {was}, not {Money(line.amount or 0).major}",
                    f"{line.end_to_end} 应为 {was} 元，而非 {Money(line.amount or 0).major} 元",
                )
            if line.status:
                found[line.end_to_end] = line
    return found


def _must_repeat(told: Report | pain002.Part, asked: Mapping[str, int], what: str, what_zh: str) -> None:
    count, total = len(asked), sum(asked.values())
    if told.count not in (None, count):
        raise ValueError(f"{what} had {count} transfers, not {told.count}", f"{what_zh}应有 {count} 笔")
    if told.total not in (None, total):
        raise ValueError(
            f"{what} was of {Money(total).major}, not {Money(told.total or 0).major}",
            f"{what_zh}金额应为 {Money(total).major} 元，而非 {Money(told.total or 0).major} 元",
        )


def _said(report: Report, batch_id: int, lines: Sequence[Instruction]) -> dict[int, Said]:
    asked: dict[str, dict[str, int]] = {}
    names = batch_files.part_names(report.original, [each.supervised_account for each in lines])
    for each in lines:
        asked.setdefault(names[each.supervised_account], {})[each.end_to_end] = each.amount
    try:
        found = said_of(report, asked)
    except ValueError as misfit:
        why, why_zh = misfit.args
        raise AnswerDoesNotFit(report=report.message_id, batch=batch_id, why=why, why_zh=why_zh) from None
    return {each.id: found[each.end_to_end] for each in lines if each.end_to_end in found}


def _known(db: Connection, batch_id: int, report: Report, sha256: str) -> Answer | None:
    row = db.execute(
        select(*_columns()).where(table.c.batch_id == batch_id, table.c.message_id == report.message_id)
    ).one_or_none()
    if row is None:
        return None
    if row.sha256 != sha256:
        raise AnswerChanged(report=report.message_id)
    return Answer(**row._asdict(), lines=_lines(db, row.id))


def _columns() -> list[Any]:
    return [each for each in table.c if each.name != "file"]


def _lines(db: Connection, answer_id: int) -> list[AnsweredLine]:
    lines = answer_line.c
    wanted = (lines.instruction_id, lines.status, lines.code, lines.reason, lines.effect)
    query = select(*wanted).where(lines.answer_id == answer_id).order_by(lines.instruction_id)
    return [AnsweredLine(**row._asdict()) for row in db.execute(query)]


def _keep(
    db: Connection,
    report: Report,
    taken: Sequence[AnsweredLine],
    *,
    data: bytes,
    batch_id: int,
    sha256: str,
    by: Caller,
    now: datetime,
) -> Answer:
    made = insert(table).values(
        batch_id=batch_id,
        message_id=report.message_id,
        created_at=report.created_at,
        sha256=sha256,
        file=data,
        received_by=by.name,
        received_at=now,
    )
    row = db.execute(made.returning(*_columns())).one()
    kept = [
        {
            "answer_id": row.id,
            "instruction_id": each.instruction_id,
            "status": each.status,
            "code": each.code,
            "reason": each.reason,
            "effect": each.effect,
        }
        for each in taken
    ]
    for chunk in chunks(kept):
        db.execute(insert(answer_line), chunk)
    return Answer(**row._asdict(), lines=taken)
