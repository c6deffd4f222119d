"""How much of a difference may be written off (核销限额): a figure with its reason, decided by somebody."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.refusals import ReasonMissing
from escrow.settlement.tables import write_off_limit as table


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The most that may be written off in one match, in fen, and why."""

    id: int
    amount: int
    why: str
    set_by: str
    set_at: datetime


def set_limit(db: Connection, amount: int, *, why: str, by: Caller, now: datetime) -> Limit:
    """Let so many fen be written off from now on; what was allowed before stays on record. Raises ReasonMissing."""
    by.must_be("bureau")
    if not why.strip():
        raise ReasonMissing
    made = insert(table).values(amount=amount, why=why, set_by=by.name, set_at=now)
    limit = Limit(**db.execute(made.returning(table)).one()._asdict())
    trail.record(db, by, "write_off.limited", f"limit:{limit.id}", now=now, amount=amount, why=why)
    return limit


def limit_in_force(db: Connection) -> Limit | None:
    """The limit of now; None: nobody has set one, and nothing may be written off."""
    row = db.execute(select(table).order_by(table.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else Limit(**row._asdict())
