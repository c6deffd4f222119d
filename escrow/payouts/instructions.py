"""Instructions to the bank: pay this much out of that supervised account, once."""

import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, Text, cast, insert, select, update

from escrow.payouts.tables import instruction as table
from ledger.chunks import chunks
from ledger.entries import Transfer

_FULL_ACCOUNT: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z -]{0,33}", re.ASCII)
"""As pain.001 takes an account (Max34Text); a bank that masks one writes stars into it."""

Kind = Literal["release", "refund", "return"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A payout that was decided. `amount` in fen; `owed_path` is the ledger account that it will empty."""

    kind: Kind
    source_id: int
    supervised_account: str
    amount: int
    creditor: str
    creditor_account: str
    owed_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction(Wanted):
    """A payout instruction (付款指令). `end_to_end` names it at the bank, in files and on the statement."""

    id: int
    end_to_end: str
    made_at: datetime
    batch_id: int | None
    settled_at: datetime | None
    state: Literal["instructed", "sent", "settled"]

    @property
    def payable(self) -> bool:
        """Whether the payee's account is known in full: banks leave it out or mask it when they report a credit."""
        return is_full_account(self.creditor_account)

    def leaving(self, at: datetime) -> Transfer:
        """The transfer that books it once the bank's statement shows that it left."""
        return Transfer(
            debit=self.owed_path,
            credit=f"bank/{self.supervised_account}",
            amount=self.amount,
            kind=self.kind,
            reference=f"payout/{self.end_to_end}",
            effective=at,
        )


def is_full_account(account: str) -> bool:
    """Whether this is an account number, with nothing masked."""
    return _FULL_ACCOUNT.fullmatch(account) is not None


def add(db: Connection, wanted: Sequence[Wanted], *, now: datetime) -> list[Instruction]:
    """Write instructions; they wait for the next batch."""
    added: list[Instruction] = []
    for chunk in chunks([asdict(each) | {"made_at": now, "state": "instructed"} for each in wanted]):
        made = db.execute(insert(table).returning(table.c.id), chunk)
        ids = [row.id for row in made]
        named = update(table).where(table.c.id.in_(ids)).values(end_to_end="PO" + cast(table.c.id, Text))
        added += [as_instruction(row) for row in db.execute(named.returning(table))]
    return sorted(added, key=lambda each: each.id)


def waiting(db: Connection) -> list[Instruction]:
    """Decided and not yet in a batch, locked."""
    query = select(table).where(table.c.state == "instructed").order_by(table.c.id)
    return [as_instruction(row) for row in db.execute(query.with_for_update())]


def of_batch(db: Connection, batch_id: int) -> list[Instruction]:
    """The lines of a batch."""
    query = select(table).where(table.c.batch_id == batch_id).order_by(table.c.id)
    return [as_instruction(row) for row in db.execute(query)]


def on_the_way(db: Connection, supervised_account: str) -> list[Instruction]:
    """Sent to the bank and not yet seen leaving the account."""
    query = select(table).where(table.c.supervised_account == supervised_account, table.c.state == "sent")
    return [as_instruction(row) for row in db.execute(query.order_by(table.c.id))]


def unsettled_refunds(db: Connection, supervised_account: str) -> int:
    """How many repayments to families have not left the account yet."""
    query = select(table.c.id).where(
        table.c.supervised_account == supervised_account, table.c.kind == "refund", table.c.state != "settled"
    )
    return len(db.execute(query).all())


def settle(db: Connection, instruction_ids: Collection[int], *, at: datetime) -> None:
    """Note that the bank's statement showed these leaving. The statement's line names each one's own time."""
    for chunk in chunks(sorted(instruction_ids)):
        db.execute(update(table).where(table.c.id.in_(chunk)).values(state="settled", settled_at=at))


def as_instruction(row: Row[Any]) -> Instruction:
    """The noun behind a row of the table."""
    return Instruction(**row._asdict())
