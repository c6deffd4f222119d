"""The proof of cash: what our books say the account holds, every difference named, and what the bank says."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, and_, func, or_, select

from escrow.enrolment.tables import payment
from escrow.refusals import Unknown
from escrow.rules.months import SHANGHAI
from escrow.settlement import statements
from escrow.settlement.tables import match, statement_line
from ledger.balances import balance
from ledger.money import Money
from reconciliation.proof import Difference, Proof


def prove(db: Connection, account: str, *, on: date | None = None) -> Proof:
    """Prove an account at the end of its last statement that states a balance (on or before the local day `on`).

    Statement = ledger + what came in before the first statement + lines not in the books − payments not on the
    statement. Raises Unknown where no such statement was imported.
    """
    last = statements.last_with_balance(db, account, until=on)
    if last is None or last.closing is None:
        raise Unknown(what="statement", key=account)
    end = datetime.combine(last.ends + timedelta(days=1), time.min, SHANGHAI)
    books = balance(db, f"bank/{account}", as_of=end)
    return Proof(
        account=account,
        on=last.ends,
        ledger_balance=Money(0 if books is None else books.amount),
        differences=(
            *_brought_in(db, account),
            *_only_on_statement(db, account, last.ends, end),
            *_only_in_books(db, account, last.ends, end),
        ),
        statement_balance=Money(last.closing),
    )


def _brought_in(db: Connection, account: str) -> Sequence[Difference]:
    """What the account held before its first line that we know of: a file without balances may come before one."""
    first = statements.first_with_balance(db, account)
    if first is None or first.opening is None:
        return []
    lines = statement_line.c
    earlier = select(func.coalesce(func.sum(lines.amount), 0)).where(
        lines.account == account, lines.booked_on < first.begins
    )
    brought_in = first.opening - int(db.execute(earlier).scalar_one())
    if brought_in == 0:
        return []
    return [Difference(name="首期对账单之前已有余额", amount=Money(brought_in), reference=first.identifier)]


def _only_on_statement(db: Connection, account: str, day: date, end: datetime) -> list[Difference]:
    """Lines up to the day that are not in the books, or that our books date after it."""
    query = (
        select(statement_line)
        .outerjoin(match, match.c.line_id == statement_line.c.id)
        .outerjoin(payment, payment.c.id == match.c.payment_id)
        .where(
            statement_line.c.account == account,
            statement_line.c.booked_on <= day,
            or_(match.c.id.is_(None), payment.c.paid_at >= end),
        )
        .order_by(statement_line.c.id)
    )
    return [
        Difference(name="对账单有、账上无", amount=Money(row.amount), reference=row.serial or row.remark)
        for row in db.execute(query)
    ]


def _only_in_books(db: Connection, account: str, day: date, end: datetime) -> list[Difference]:
    """Payments up to the day that no line up to the day shows."""
    query = (
        select(payment)
        .outerjoin(match, match.c.payment_id == payment.c.id)
        .outerjoin(statement_line, and_(statement_line.c.id == match.c.line_id, statement_line.c.booked_on <= day))
        .where(
            payment.c.supervised_account == account,
            payment.c.paid_at < end,
            statement_line.c.id.is_(None),
        )
        .order_by(payment.c.id)
    )
    return [
        Difference(name="已通知、对账单尚无", amount=Money(-row.amount), reference=row.serial)
        for row in db.execute(query)
    ]
