"""Batches: decided payouts become one file for the bank, kept byte for byte, numbered for each account, sent once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.payouts import batch_files, instructions
from escrow.payouts.instructions import Instruction
from escrow.payouts.tables import batch_part, instruction
from escrow.payouts.tables import payout_batch as table
from escrow.refusals import Conflict, Unknown
from escrow.registry.tables import institution
from ledger.chunks import chunks


class NothingToSend(Conflict):
    """No decided payout is waiting to be sent to the bank."""

    zh = "没有待发送银行的付款指令。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Payout instructions that went to the bank together (付款批次). `total` in fen; `sha256` of the file."""

    id: int
    message_id: str
    lines: int
    total: int
    made_by: str
    made_at: datetime
    sha256: str
    csv_sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one account pays in a batch. `number` counts the account's batches, 1, 2, 3 …: a gap is a lost file."""

    supervised_account: str
    number: int
    lines: int
    total: int


def make(db: Connection, *, by: Caller, now: datetime) -> Batch:
    """Put every waiting instruction into a new batch and write its files. Raises NothingToSend.

    One whose payee's account nobody knows in full stays behind: it must not keep the others from being paid. So does
    a release from an account where a rejected one left all the same: the bank must put that right first.
    """
    by.must_be("bureau", "bank")
    contested = {each.supervised_account for each in instructions.contested(db)}
    lines = [
        each
        for each in instructions.waiting(db)
        if each.payable and not (each.kind == "release" and each.supervised_account in contested)
    ]
    if not lines:
        raise NothingToSend
    total = sum(each.amount for each in lines)
    made = insert(table).values(lines=len(lines), total=total, made_by=by.name, made_at=now)
    batch_id = db.execute(made.returning(table.c.id)).scalar_one()
    message_id = f"PB{batch_id}"
    holders, numbers = _holders(db), _number(db, batch_id, lines)
    file = batch_files.pain001_of(message_id, lines, holders, now=now)
    csv = batch_files.table_of(message_id, lines, holders, numbers)
    sha256, csv_sha256 = (hashlib.sha256(each).hexdigest() for each in (file, csv))
    kept = {"message_id": message_id, "file": file, "sha256": sha256, "csv": csv, "csv_sha256": csv_sha256}
    db.execute(update(table).where(table.c.id == batch_id).values(kept))
    for ids in chunks([each.id for each in lines]):
        sent = update(instruction).where(instruction.c.id.in_(ids))
        db.execute(sent.values(batch_id=batch_id, state="sent"))
    trail.record(db, by, "batch.made", f"batch:{batch_id}", now=now, lines=len(lines), total=total, sha256=sha256)
    return get(db, batch_id)


def get(db: Connection, batch_id: int) -> Batch:
    """One batch. Raises Unknown."""
    columns = [each for each in table.c if each.name not in {"file", "csv"}]
    row = db.execute(select(*columns).where(table.c.id == batch_id)).one_or_none()
    if row is None:
        raise Unknown(what="payout batch", key=batch_id)
    return Batch(**row._asdict())


def file_of(db: Connection, batch_id: int) -> bytes:
    """The pain.001 of a batch, the same bytes for ever. Raises Unknown."""
    file = db.execute(select(table.c.file).where(table.c.id == batch_id)).scalar()
    if file is None:
        raise Unknown(what="payout batch", key=batch_id)
    return bytes(file)


def table_of(db: Connection, batch_id: int) -> bytes:
    """The batch as a table for the bank, UTF-8 with its mark, the same bytes for ever. Raises Unknown."""
    csv = db.execute(select(table.c.csv).where(table.c.id == batch_id)).scalar()
    if csv is None:
        raise Unknown(what="payout batch", key=batch_id)
    return bytes(csv)


def by_message(db: Connection, message_id: str, *, lock: bool = False) -> Batch:
    """The batch whose file has this MsgId. Raises Unknown."""
    query = select(table.c.id).where(table.c.message_id == message_id)
    batch_id = db.execute(query.with_for_update() if lock else query).scalar()
    if batch_id is None:
        raise Unknown(what="payout batch", key=message_id)
    return get(db, batch_id)


def parts(db: Connection, batch_id: int) -> list[Part]:
    """What each account pays in a batch, accounts in their order."""
    query = select(batch_part).where(batch_part.c.batch_id == batch_id).order_by(batch_part.c.supervised_account)
    return [
        Part(supervised_account=row.supervised_account, number=row.number, lines=row.lines, total=row.total)
        for row in db.execute(query)
    ]


def _number(db: Connection, batch_id: int, lines: Sequence[Instruction]) -> dict[str, int]:
    """Give each account of the batch its next number, and keep it. Whoever makes a batch holds all that waits."""
    of_accounts, p = batch_files.by_account(lines), batch_part.c
    last: dict[str, int] = {}
    for names in chunks(list(of_accounts)):
        query = select(p.supervised_account, func.max(p.number).label("number")).where(p.supervised_account.in_(names))
        last |= {row.supervised_account: row.number for row in db.execute(query.group_by(p.supervised_account))}
    rows = [
        {
            "batch_id": batch_id,
            "supervised_account": account,
            "number": last.get(account, 0) + 1,
            "lines": len(of_account),
            "total": sum(each.amount for each in of_account),
        }
        for account, of_account in of_accounts.items()
    ]
    for chunk in chunks(rows):
        db.execute(insert(batch_part), chunk)
    return {str(row["supervised_account"]): int(str(row["number"])) for row in rows}


def _holders(db: Connection) -> dict[str, str]:
    i = institution.c
    return {row.supervised_account: row.name for row in db.execute(select(i.supervised_account, i.name))}
