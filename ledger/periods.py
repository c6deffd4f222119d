"""Periods: their closing, and what moved in them."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, case, func, insert, or_, select, text

from ledger.business_clock import end_of, first_of
from ledger.entries import Account, LedgerRefusal, Side
from ledger.schema import closing, transfer


def closed_until(db: Connection) -> datetime | None:
    """Everything effective before this instant is closed; None: nothing is."""
    found: datetime | None = db.scalar(select(func.max(closing.c.until)))
    return found


def close_until(db: Connection, until: datetime, *, why: str, now: datetime) -> None:
    """Close every period that ends by `until`, for ever: nothing can count before it any more.

    A transfer of something that happened before counts in the open period, and shows both dates. Raises LedgerRefusal
    when so much is closed already, or `until` is still to come.
    """
    if db.dialect.name == "postgresql":
        # Waits for every transfer that is being written, and lets the next one look again.
        db.execute(text("LOCK TABLE ledger_transfer IN SHARE ROW EXCLUSIVE MODE"))
    closed = closed_until(db)
    if closed is not None and until <= closed:
        raise LedgerRefusal(f"everything before {closed} is closed already; {until} is not later")
    if until > now:
        raise LedgerRefusal(f"a period is closed when it is over: {until} is still to come")
    last = select(func.coalesce(func.max(transfer.c.id), 0)).scalar_subquery()
    db.execute(insert(closing).values(until=until, why=why, recorded=now, after_id=last))


def moved(
    db: Connection, accounts: Iterable[Account], instants: Iterable[datetime]
) -> dict[tuple[str, Side, datetime], int]:
    """What moved, or is held to move, on the limited sides of these accounts in the periods of these instants.

    By path, side and the first instant of the period. A hold counts with what it settled, once it has ended.
    """
    found: dict[tuple[str, Side, datetime], int] = {}
    instants = set(instants)
    for account in accounts:
        limits = account.limits
        if limits.period is None:
            continue
        periods = {first_of(limits.period, each) for each in instants}
        sides: list[Side] = ["debit"] if limits.most_debits is not None else []
        sides += ["credit"] if limits.most_credits is not None else []
        for side in sides:
            for begin in periods:
                found[account.path, side, begin] = _moved(
                    db, account.id, side, begin=begin, end=end_of(limits.period, begin)
                )
    return found


_end = transfer.alias("the_end")


def _moved(db: Connection, account_id: int, side: Side, *, begin: datetime, end: datetime) -> int:
    held: ColumnElement[int] = case(
        (_end.c.id.is_(None), transfer.c.amount), (_end.c.phase == "settled", _end.c.amount), else_=0
    )
    counted = case((transfer.c.phase == "posted", transfer.c.amount), else_=held)
    column = transfer.c.debit_id if side == "debit" else transfer.c.credit_id
    query = (
        select(func.coalesce(func.sum(counted), 0))
        .outerjoin(_end, _end.c.resolves == transfer.c.id)
        .where(and_(column == account_id, or_(transfer.c.phase == "posted", transfer.c.phase == "pending")))
        .where(transfer.c.effective >= begin, transfer.c.effective < end)
    )
    return int(db.scalar(query) or 0)
