"""Instructions to the bank: pay this much out of that supervised account, once."""

import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, Text, cast, func, insert, select, update

from escrow.payouts.tables import instruction as table
from ledger.chunks import chunks
from ledger.entries import Transfer

_FULL_ACCOUNT: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z -]{0,33}", re.ASCII)
"""As pain.001 takes an account (Max34Text); a bank that masks one writes stars into it."""

Kind = Literal["release", "refund", "return"]
State = Literal["instructed", "sent", "settled", "rejected", "returned", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A payout that was decided. `amount` in fen; `owed_path` is the ledger account that it will empty.

    `claim` is the first attempt's id, where this is another attempt at paying the same claim.
    """

    kind: Kind
    source_id: int
    supervised_account: str
    amount: int
    creditor: str
    creditor_account: str
    owed_path: str
    claim: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction(Wanted):
    """A payout instruction (付款指令). `end_to_end` names it at the bank, in files and on the statement.

    Rejected: the bank said no, and it never left. Returned: it left and came back (退汇). Withdrawn: another attempt
    took its place before it was sent. Of all attempts at one claim the database lets one be in force. `contested_at`:
    the statement shows a rejected one leaving, when what it was for had been decided anew. `channel`: the payment
    channel that pays it back; it is in no file for the bank, and leaves with the channel's lump.
    """

    id: int
    claim: int
    end_to_end: str
    made_at: datetime
    batch_id: int | None
    settled_at: datetime | None
    state: State
    ended_at: datetime | None
    code: str | None
    why: str | None
    contested_at: datetime | None
    channel: str | None

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

    def coming_back(self, at: datetime) -> Transfer:
        """The transfer that takes `leaving` back once the statement shows the money in the account again."""
        return Transfer(
            debit=f"bank/{self.supervised_account}",
            credit=self.owed_path,
            amount=self.amount,
            kind=self.kind,
            reference=f"payout/{self.end_to_end}/returned",
            effective=at,
            corrects=f"payout/{self.end_to_end}",
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
        names = {"end_to_end": "PO" + cast(table.c.id, Text), "claim": func.coalesce(table.c.claim, table.c.id)}
        named = update(table).where(table.c.id.in_(ids)).values(names)
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
    """How many repayments to families have not left the account yet, or have come back."""
    t = table.c
    settled = select(t.claim).where(t.supervised_account == supervised_account, t.state == "settled")
    open_ = t.supervised_account == supervised_account, t.kind == "refund", t.claim.not_in(settled)
    return int(db.execute(select(func.count(t.claim.distinct())).where(*open_)).scalar_one())


def by_id(db: Connection, instruction_ids: Collection[int], *, lock: bool = False) -> dict[int, Instruction]:
    """Instructions by id; unknown ones are missing. Locked in the order of their ids, by everyone."""
    found = {}
    for chunk in chunks(sorted(set(instruction_ids))):
        query = select(table).where(table.c.id.in_(chunk)).order_by(table.c.id)
        rows = db.execute(query.with_for_update() if lock else query)
        found.update({row.id: as_instruction(row) for row in rows})
    return found


def by_end_to_end(db: Connection, names: Collection[str]) -> dict[str, Instruction]:
    """Instructions in any state by their end-to-end ids; ones that we never gave are missing."""
    found = {}
    for chunk in chunks(sorted(set(names))):
        rows = db.execute(select(table).where(table.c.end_to_end.in_(chunk)))
        found.update({row.end_to_end: as_instruction(row) for row in rows})
    return found


def attempts(db: Connection, claim: int) -> list[Instruction]:
    """All attempts at paying one claim, the first one first, locked."""
    query = select(table).where(table.c.claim == claim).order_by(table.c.id).with_for_update()
    return [as_instruction(row) for row in db.execute(query)]


def contested(db: Connection, supervised_account: str | None = None) -> list[Instruction]:
    """Rejected payouts that the statement shows leaving all the same, for which the books have no place."""
    query = select(table).where(table.c.contested_at.is_not(None)).order_by(table.c.id)
    if supervised_account is not None:
        query = query.where(table.c.supervised_account == supervised_account)
    return [as_instruction(row) for row in db.execute(query)]


def unsettle(db: Connection, instruction_ids: Collection[int]) -> list[Instruction]:
    """Note that the statement did not show these leaving after all: they are on their way again."""
    found: list[Instruction] = []
    for chunk in chunks(sorted(instruction_ids)):
        again = update(table).where(table.c.id.in_(chunk)).values(state="sent", settled_at=None)
        found += [as_instruction(row) for row in db.execute(again.returning(table))]
    return found


def settle_again(db: Connection, left: Collection[Instruction], *, at: datetime) -> None:
    """Note that the statement shows these leaving after all, which had been unsettled."""
    for chunk in chunks(sorted(each.id for each in left)):
        db.execute(update(table).where(table.c.id.in_(chunk)).values(state="settled", settled_at=at))


def as_instruction(row: Row[Any]) -> Instruction:
    """The noun behind a row of the table."""
    return Instruction(**row._asdict())
