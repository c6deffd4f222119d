"""The bank's answers to payout files (pain.002): read, held against the batch, and taken line by line."""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.payouts import batch_files, batches, instructions, outcomes
from escrow.payouts.instructions import Instruction
from escrow.payouts.outcomes import Told
from escrow.payouts.reading_answers import Effect, Stranger, effect_of, said_of, strangers_of
from escrow.payouts.tables import answer_line, answer_stranger
from escrow.payouts.tables import payout_answer as table
from escrow.refusals import Conflict
from ledger.chunks import chunks
from reconciliation import pain002
from reconciliation.pain002 import REJECTED, Report, Said


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
    strangers: Sequence[Stranger]


def take(db: Connection, data: bytes, *, by: Caller, now: datetime) -> Answer:
    """Take a pain.002: what it rejects is owed again, everything else waits for the statement. The same file once.

    A payout of which it says nothing stays as it is; what it says of payments that the batch does not hold is kept and
    told, and nothing comes of it. Raises StatusReportRefused, DoctypeRefused, TooLarge (reconciliation), Unknown where
    it answers no batch of ours, AnswerDoesNotFit, AnswerChanged.
    """
    by.must_be("bureau", "bank")
    report, sha256 = pain002.read(data), hashlib.sha256(data).hexdigest()
    batch = batches.by_message(db, report.original, lock=True)  # one report of a batch at a time
    known = _known(db, batch.id, report, sha256)
    if known is not None:
        return known
    lines = {each.id: each for each in instructions.of_batch(db, batch.id)}
    asked = _asked(report, lines.values())
    said = _said(report, batch.id, lines.values(), asked)

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
    strangers = strangers_of(report, asked)
    answer = _keep(db, report, taken, strangers, data=data, batch_id=batch.id, sha256=sha256, by=by, now=now)
    facts = {"report": report.message_id, "effects": dict(sorted(Counter(each.effect for each in taken).items()))}
    trail.record(db, by, "answer.taken", f"batch:{batch.id}", now=now, **facts, strangers=len(strangers))
    return answer


def of_batch(db: Connection, batch_id: int) -> list[Answer]:
    """All reports on a batch, in the order they came."""
    rows = db.execute(select(*_columns()).where(table.c.batch_id == batch_id).order_by(table.c.id)).all()
    return [_as_answer(db, row) for row in rows]


def _asked(report: Report, lines: Collection[Instruction]) -> dict[str, dict[str, int]]:
    """The fen of each transfer of the file that a report answers, by its part."""
    asked: dict[str, dict[str, int]] = {}
    names = batch_files.part_names(report.original, [each.supervised_account for each in lines])
    for each in lines:
        asked.setdefault(names[each.supervised_account], {})[each.end_to_end] = each.amount
    return asked


def _said(
    report: Report, batch_id: int, lines: Collection[Instruction], asked: Mapping[str, Mapping[str, int]]
) -> dict[int, Said]:
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
    return _as_answer(db, row)


def _as_answer(db: Connection, row: Row[Any]) -> Answer:
    return Answer(**row._asdict(), lines=_lines(db, row.id), strangers=_strangers(db, row.id))


def _columns() -> list[Any]:
    return [each for each in table.c if each.name != "file"]


def _lines(db: Connection, answer_id: int) -> list[AnsweredLine]:
    lines = answer_line.c
    wanted = (lines.instruction_id, lines.status, lines.code, lines.reason, lines.effect)
    query = select(*wanted).where(lines.answer_id == answer_id).order_by(lines.instruction_id)
    return [AnsweredLine(**row._asdict()) for row in db.execute(query)]


def _strangers(db: Connection, answer_id: int) -> list[Stranger]:
    s = answer_stranger.c
    wanted = (s.payment_information, s.end_to_end, s.amount, s.status, s.code, s.reason)
    query = select(*wanted).where(s.answer_id == answer_id).order_by(s.id)
    return [Stranger(**row._asdict()) for row in db.execute(query)]


def _keep(
    db: Connection,
    report: Report,
    taken: Sequence[AnsweredLine],
    strangers: Sequence[Stranger],
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
    for others in chunks([asdict(each) | {"answer_id": row.id} for each in strangers]):
        db.execute(insert(answer_stranger), others)
    return Answer(**row._asdict(), lines=taken, strangers=strangers)
