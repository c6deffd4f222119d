"""Days that stand signed off: up to which day of an account nothing may change any more."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import Connection, func, select

from escrow.refusals import Conflict
from escrow.settlement.tables import signoff as table


class DayFrozen(Conflict):
    """Account {account} is signed off up to {signed}; what belongs to {day} stays as it is. Ask for the day to be
    reopened, with the reason; somebody else approves it."""

    zh = "账户 {account} 已签核至 {signed}，{day} 的流水与勾对不能再变动；如确需更正，请申请重开该日并由他人批准。"


def signed_until(db: Connection, account: str) -> date | None:
    """The last day of the account that stands signed off; it and all before are frozen."""
    query = select(func.max(table.c.day)).where(table.c.account == account, table.c.reopening_id.is_(None))
    found: date | None = db.execute(query).scalar()
    return found


def must_be_open(db: Connection, account: str, days: Iterable[date]) -> None:
    """Raises DayFrozen when one of these days is signed off."""
    signed = signed_until(db, account)
    for day in sorted(days):
        if signed is not None and day <= signed:
            raise DayFrozen(account=account, signed=signed, day=day)


def statement_of(db: Connection, account: str, day: date) -> tuple[int, int] | None:
    """The statement by which a day stands signed off, and the balance in fen that it states; None: it does not."""
    query = select(table.c.statement_id, table.c.statement_balance).where(table.c.account == account)
    row = db.execute(query.where(table.c.day == day, table.c.reopening_id.is_(None))).one_or_none()
    return None if row is None else (row.statement_id, row.statement_balance)
