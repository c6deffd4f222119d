"""What is not matched yet on an account: the bank's lines, the payments we know of, the payouts on their way."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from escrow.enrolment.payments import Payment, as_payment
from escrow.enrolment.tables import payment
from escrow.payouts import instructions
from escrow.payouts.instructions import Instruction
from escrow.settlement.tables import STANDS, match, statement, statement_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the bank's statement (对账单明细). `amount` in fen, positive when money came in."""

    id: int
    statement_id: int
    account: str
    key: str
    number: int
    booked_on: date
    booked_at: datetime
    amount: int
    balance: int | None
    serial: str
    end_to_end: str
    remark: str
    counterparty: str
    counterparty_account: str
    reversal: int
    nature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loose:
    """Everything on an account that has no counterpart yet. `covered`: the day up to which statements were imported.

    `undone`: for a line whose match somebody undid, the keys of what it was matched with. No rule does that again.
    """

    account: str
    lines: list[Line]
    payments: list[Payment]
    payouts: list[Instruction]
    covered: date | None
    undone: Mapping[int, set[str]] = field(default_factory=dict)


def load(db: Connection, account: str, *, lock: bool = True) -> Loose:
    """Load it with a query for each, the payments locked; without `lock` for a look that changes nothing."""
    return Loose(
        account=account,
        lines=_lines(db, account),
        payments=_payments(db, account, lock=lock),
        payouts=instructions.on_the_way(db, account),
        covered=db.execute(select(func.max(statement.c.ends)).where(statement.c.account == account)).scalar(),
        undone=_undone(db, account),
    )


def payment_key(payment_id: int) -> str:
    """How a payment is named among the items to be matched."""
    return f"payment:{payment_id}"


def payout_key(instruction_id: int) -> str:
    """How a payout instruction is named among the items to be matched."""
    return f"payout:{instruction_id}"


def as_line(row: Row[Any]) -> Line:
    """The noun behind a row of the table."""
    return Line(**row._asdict())


def _lines(db: Connection, account: str) -> list[Line]:
    query = (
        select(statement_line)
        .outerjoin(match, and_(match.c.line_id == statement_line.c.id, STANDS))
        .where(statement_line.c.account == account, match.c.id.is_(None))
        .order_by(statement_line.c.booked_on, statement_line.c.id)
    )
    return [as_line(row) for row in db.execute(query)]


def _payments(db: Connection, account: str, *, lock: bool) -> list[Payment]:
    query = (
        select(payment)
        .outerjoin(match, and_(match.c.payment_id == payment.c.id, STANDS))
        .where(payment.c.supervised_account == account, match.c.id.is_(None), payment.c.state != "reversed")
        .order_by(payment.c.id)
    )
    return [as_payment(row) for row in db.execute(query.with_for_update(of=payment, key_share=True) if lock else query)]


def _undone(db: Connection, account: str) -> dict[int, set[str]]:
    first = match.alias("first")
    query = (
        select(first.c.id, match.c.line_id, match.c.payment_id, match.c.instruction_id)
        .join(first, first.c.id == func.coalesce(match.c.first_id, match.c.id))
        .where(match.c.account == account, match.c.undone_at.is_not(None))
    )
    lines, keys = defaultdict(set), defaultdict(set)
    for row in db.execute(query):
        if row.line_id is not None:
            lines[row.id].add(row.line_id)
        if row.payment_id is not None:
            keys[row.id].add(payment_key(row.payment_id))
        if row.instruction_id is not None:
            keys[row.id].add(payout_key(row.instruction_id))
    undone: defaultdict[int, set[str]] = defaultdict(set)
    for of_match, line_ids in lines.items():
        for line_id in line_ids:
            undone[line_id] |= keys[of_match]
    return dict(undone)
