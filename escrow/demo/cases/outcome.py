"""How a case ended, and where its money is: read from the tables and the ledger, never remembered."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, case, func, select

import ledger.accounts
from escrow.demo.yuan import yuan
from escrow.enrolment.payments import Payment
from escrow.enrolment.tables import contract, payment
from escrow.payouts.instructions import Instruction, as_instruction
from escrow.payouts.tables import instruction, release_request
from escrow.rules.months import SHANGHAI
from escrow.settlement.tables import STANDS, match, statement_line
from escrow.teaching.tables import attendance


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One row of the cases: in Chinese and English what it is, what the service answered, where the money is now."""

    zh: str
    en: str
    answer: str
    money: str


def money_of(db: Connection, contract_id: int) -> str:
    """Where all that was paid on a contract is now; the parts add up to it."""
    return "\n".join(f"{name} {yuan(fen)}" for name, fen in _parts(db, contract_id) if fen) or "0.00"


def _parts(db: Connection, contract_id: int) -> Iterator[tuple[str, int]]:
    books = ledger.accounts.find(db, [f"contract/{contract_id}/prepaid", f"contract/{contract_id}/refund"])
    yield "预付 prepaid", books[f"contract/{contract_id}/prepaid"].balance
    earned, asked, released = _shares(db, contract_id)
    yield "已课消待拨付 earned", earned + asked
    yield "已拨付 released", released
    owed = books[f"contract/{contract_id}/refund"]
    yield "待退 refund on its way", owed.balance
    yield "已退 refunded", owed.debits_posted


def _shares(db: Connection, contract_id: int) -> tuple[int, int, int]:
    """Fen of confirmed lessons: not asked for, asked for, approved."""
    state = func.coalesce(release_request.c.state, "free")
    query = (
        select(*(func.coalesce(func.sum(case((state == each, attendance.c.share))), 0) for each in _STATES))
        .outerjoin(release_request, release_request.c.id == attendance.c.release_id)
        .where(attendance.c.contract_id == contract_id, attendance.c.state == "confirmed")
    )
    free, requested, approved = db.execute(query).one()
    return int(free), int(requested), int(approved)


_STATES = ("free", "requested", "approved")


def payments_of(db: Connection, payer_account: str) -> list[Payment]:
    """Everything that came from one payer, oldest first."""
    query = select(payment).where(payment.c.payer_account == payer_account).order_by(payment.c.paid_at, payment.c.id)
    return [Payment(**row._asdict()) for row in db.execute(query)]


def payouts_of(db: Connection, kind: str, source_id: int) -> list[Instruction]:
    """The instructions that a release, a refund or a return made."""
    query = select(instruction).where(instruction.c.kind == kind, instruction.c.source_id == source_id)
    return [as_instruction(row) for row in db.execute(query.order_by(instruction.c.id))]


def seen_on(db: Connection, *, instruction_id: int | None = None, payment_id: int | None = None) -> date | None:
    """The day on which the bank's statement shows a payout leaving or a payment coming in; None: not yet."""
    ours = match.c.instruction_id == instruction_id if instruction_id else match.c.payment_id == payment_id
    query = select(statement_line.c.booked_on).join(match, match.c.line_id == statement_line.c.id).where(ours, STANDS)
    found: date | None = db.execute(query).scalar()
    return found


def gone(db: Connection, paid_out: Instruction) -> str:
    """A payout in words: its id, state, and when the statement showed it leaving."""
    day = seen_on(db, instruction_id=paid_out.id)
    leaving = f"对账单 {day} 已见付出 seen leaving" if day else "对账单尚未见付出 not seen leaving yet"
    return f"{paid_out.end_to_end} {yuan(paid_out.amount)}\n{leaving}"


def name_of(db: Connection, contract_id: int) -> str:
    """A contract as people name it: its last digits."""
    row = db.execute(select(contract.c.lessons, contract.c.gifted).where(contract.c.id == contract_id)).one()
    gifts = f"＋赠{row.gifted}" if row.gifted else ""
    return f"合同…{contract_id % 10_000:04d}（{row.lessons}课时{gifts}）"


def local(moment: datetime) -> str:
    """An instant of the database on the county's clock, to the minute."""
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
