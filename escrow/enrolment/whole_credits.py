"""Credits that stand in the books as several payments (a channel's lump): known as a whole by the bank's own serial."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, tuple_, update

from escrow.enrolment.tables import shown_in_parts as table
from ledger.chunks import chunks


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A credit (整笔到账) whose `amount` fen are in the books as payments, of which `payment_id` is the first."""

    supervised_account: str
    serial: str
    amount: int
    payment_id: int


def note(db: Connection, wholes: Sequence[Whole]) -> None:
    """Note that these credits are in the books in parts: the bank's word of one books nothing from now on."""
    for chunk in chunks([asdict(each) for each in wholes]):
        db.execute(insert(table), chunk)


def end(db: Connection, supervised_account: str, serials: Sequence[str], *, now: datetime) -> None:
    """Note that they are not: what the bank says of one is booked like any word."""
    for chunk in chunks(serials):
        standing = table.c.supervised_account == supervised_account, table.c.ended_at.is_(None)
        db.execute(update(table).where(*standing, table.c.serial.in_(chunk)).values(ended_at=now))


def standing(db: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Whole]:
    """Those of these accounts and serials that stand in parts."""
    t = table.c
    query = select(t.supervised_account, t.serial, t.amount, t.payment_id).where(t.ended_at.is_(None))
    found = {}
    for chunk in chunks(sorted(set(keys))):
        for row in db.execute(query.where(tuple_(t.supervised_account, t.serial).in_(chunk))):
            found[row.supervised_account, row.serial] = Whole(**row._asdict())
    return found
