"""Batches: decided payouts become one pain.001 file for the bank, kept byte for byte, sent once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.payouts import instructions
from escrow.payouts.instructions import Instruction
from escrow.payouts.tables import instruction
from escrow.payouts.tables import payout_batch as table
from escrow.refusals import Conflict, Unknown
from escrow.registry.tables import institution
from escrow.rules.months import SHANGHAI
from ledger.chunks import chunks
from ledger.money import Money
from reconciliation.pain001 import CreditTransfer, DebitAccount, PaymentFile, write

INITIATOR = "Tuition Escrow 预收费监管"

_LONGEST_NAME = 140


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


def make(db: Connection, *, by: Caller, now: datetime) -> Batch:
    """Put every waiting instruction into a new batch and write its file. Raises NothingToSend.

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
    file = write(_file(message_id, lines, _holders(db), now=now))
    sha256 = hashlib.sha256(file).hexdigest()
    db.execute(update(table).where(table.c.id == batch_id).values(message_id=message_id, file=file, sha256=sha256))
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


def _holders(db: Connection) -> dict[str, str]:
    i = institution.c
    return {row.supervised_account: row.name for row in db.execute(select(i.supervised_account, i.name))}


def _file(message_id: str, lines: Sequence[Instruction], holders: dict[str, str], *, now: datetime) -> PaymentFile:
    by_account: dict[str, list[Instruction]] = {}
    for each in lines:
        by_account.setdefault(each.supervised_account, []).append(each)
    return PaymentFile(
        message_id=message_id,
        created_at=now,
        requested_on=now.astimezone(SHANGHAI).date(),
        initiator=INITIATOR,
        debits=tuple(
            DebitAccount(
                name=_named(holders.get(account, account)),
                account=account,
                transfers=tuple(_credit_transfer(each) for each in of_account),
            )
            for account, of_account in sorted(by_account.items())
        ),
    )


def _credit_transfer(each: Instruction) -> CreditTransfer:
    return CreditTransfer(
        end_to_end=each.end_to_end,
        amount=Money(each.amount),
        creditor=_named(each.creditor) or each.creditor_account,
        creditor_account=each.creditor_account,
        remittance=f"{each.end_to_end} {_PURPOSE[each.kind]}",
    )


def _named(name: str) -> str:
    """A name as the file can hold it (Max140Text): one that cannot would keep all others from being paid."""
    return "".join(character if character.isprintable() else " " for character in name).strip()[:_LONGEST_NAME]


_PURPOSE = {"release": "培训费拨付", "refund": "培训费退费", "return": "款项退回"}
