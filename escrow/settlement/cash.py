"""The proof of cash: what our books say the account holds, every difference named, and what the bank says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from sqlalchemy import Connection, and_, case, func, select

from escrow.enrolment.tables import payment
from escrow.refusals import Unknown
from escrow.rules.months import SHANGHAI
from escrow.settlement import confirmations, frozen, statements
from escrow.settlement.tables import STANDS, match, statement_line
from ledger.balances import balance
from ledger.money import Money
from reconciliation.proof import Difference, Proof

ONLY_ON_STATEMENT: Final = "对账单有、账上无"
ONLY_NOTIFIED: Final = "已通知、对账单尚无"
BROUGHT_IN: Final = "首期对账单之前已有余额"


def prove(db: Connection, account: str, *, on: date | None = None) -> Proof:
    """Prove an account at the end of the local day `on`, or of the last day that a statement with balances covers.

    Statement = ledger + what came in before the first statement + lines not in the books − payments not on the
    statement. A day that none covers is proved at the end of the last one before it. Where no file states a balance,
    what two people have confirmed stands for it. Raises Unknown without any.
    """
    stated = stated_at(db, account, on)
    if stated is None:
        raise Unknown(what="statement", key=account)
    day = stated.on
    end = datetime.combine(day + timedelta(days=1), time.min, SHANGHAI)
    books = balance(db, f"bank/{account}", as_of=end)
    return Proof(
        account=account,
        on=day,
        ledger_balance=Money(0 if books is None else books.amount),
        differences=(
            *_brought_in(db, account),
            *_only_on_statement(db, account, day),
            *_at_other_times(db, account, day, end),
            *_only_in_books(db, account, end),
        ),
        statement_balance=Money(stated.balance),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What the bank says the account held at the end of a day, in fen, and the statement that says or covers it.

    `confirmation_id`: by whose word, where that statement states no balance. None of both: before the first one.
    """

    on: date
    balance: int
    statement_id: int | None
    confirmation_id: int | None = None


def stated_at(db: Connection, account: str, on: date | None = None) -> Stated | None:
    """The bank's balance at the end of `on`; where no statement covers that day, at the end of the last one before it.

    The newest statement that covers the day says it; a signed day keeps what it was signed with. Within a statement of
    several days it is its opening and the account's lines up to the day. What was confirmed on paper counts where it is
    of a later day than all that is stated.
    """
    if on is not None and (signed := frozen.statement_of(db, account, on)) is not None:
        return Stated(on=on, balance=signed[1], statement_id=signed[0])
    over = None if on is None else statements.over(db, account, on)
    if on is not None and over is not None and over.opening is not None:
        return Stated(on=on, balance=statements.balance_within(db, over, on), statement_id=over.id)
    last = statements.last_with_balance(db, account, until=on)
    told = confirmations.last(db, account, until=on)
    if told is not None and (last is None or told.day > last.ends):
        return Stated(on=told.day, balance=told.balance, statement_id=told.statement_id, confirmation_id=told.id)
    if last is None or last.closing is None:
        return None
    return Stated(on=last.ends, balance=last.closing, statement_id=last.id)


def _brought_in(db: Connection, account: str) -> Sequence[Difference]:
    """What the account held before its first line that we know of: a file without balances may come before one."""
    first = statements.first_with_balance(db, account)
    if first is None or first.opening is None:
        before = confirmations.opening(db, account)
        if before is None or before.balance == 0:
            return []
        return [Difference(name=BROUGHT_IN, amount=Money(before.balance), reference=before.document)]
    lines = statement_line.c
    earlier = select(func.coalesce(func.sum(lines.amount), 0)).where(
        lines.account == account, lines.booked_on < first.begins
    )
    brought_in = first.opening - int(db.execute(earlier).scalar_one())
    if brought_in == 0:
        return []
    return [Difference(name=BROUGHT_IN, amount=Money(brought_in), reference=first.identifier)]


def _only_on_statement(db: Connection, account: str, day: date) -> list[Difference]:
    """Lines up to the day that stand in no match."""
    query = (
        select(statement_line)
        .outerjoin(match, and_(match.c.line_id == statement_line.c.id, STANDS))
        .where(statement_line.c.account == account, statement_line.c.booked_on <= day, match.c.id.is_(None))
        .order_by(statement_line.c.id)
    )
    return [
        Difference(name=ONLY_ON_STATEMENT, amount=Money(row.amount), reference=row.serial or row.remark)
        for row in db.execute(query)
    ]


def _at_other_times(db: Connection, account: str, day: date, end: datetime) -> list[Difference]:
    """Matches of which the bank and our books each show another part by the end of the day."""
    lines = case((statement_line.c.booked_on <= day, statement_line.c.amount), else_=0)
    payments = case((payment.c.paid_at < end, payment.c.amount), else_=0)
    booked = case((match.c.booked_on <= day, match.c.booked), else_=0)
    ahead = func.sum(func.coalesce(lines, 0) - func.coalesce(payments, 0) - func.coalesce(booked, 0))
    query = (
        select(ahead.label("ahead"))
        .add_columns(func.max(func.coalesce(payment.c.serial, statement_line.c.serial)).label("serial"))
        .outerjoin(statement_line, statement_line.c.id == match.c.line_id)
        .outerjoin(payment, payment.c.id == match.c.payment_id)
        .where(match.c.account == account, STANDS)
        .group_by(func.coalesce(match.c.first_id, match.c.id))
        .having(ahead != 0)
        .order_by(func.coalesce(match.c.first_id, match.c.id))
    )
    return [
        Difference(
            name=ONLY_ON_STATEMENT if row.ahead > 0 else ONLY_NOTIFIED,
            amount=Money(int(row.ahead)),
            reference=row.serial or "",
        )
        for row in db.execute(query)
    ]


def _only_in_books(db: Connection, account: str, end: datetime) -> list[Difference]:
    """Payments up to the day that stand in no match."""
    query = (
        select(payment)
        .outerjoin(match, and_(match.c.payment_id == payment.c.id, STANDS))
        .where(
            payment.c.supervised_account == account,
            payment.c.paid_at < end,
            payment.c.state != "reversed",
            match.c.id.is_(None),
        )
        .order_by(payment.c.id)
    )
    return [
        Difference(name=ONLY_NOTIFIED, amount=Money(-row.amount), reference=row.serial) for row in db.execute(query)
    ]
