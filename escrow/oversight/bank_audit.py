"""The audit of the bank's day: matches and payouts against what the lines say, and what was signed off."""

from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from escrow.enrolment.tables import payment
from escrow.payouts.tables import instruction
from escrow.settlement import cash, signing
from escrow.settlement.tables import STANDS, match, signoff, statement_line
from escrow.settlement.tie_out import tie_out
from ledger.audit import Breach

AGREE = "matches agree in amount"
SIGNED = "signed days stand"


def matches_agree_in_amount(db: Connection) -> Iterator[Breach]:
    """The lines of a match are of one account and come to its payments and what it booked; and it booked exactly its
    payouts, the bank's own part, and what another match had shown that this one takes back."""
    first = func.coalesce(match.c.first_id, match.c.id)
    accounts = [match.c.account, statement_line.c.account]
    accounts += [payment.c.supervised_account, instruction.c.supervised_account]
    query = (
        select(first.label("id"), func.max(match.c.reverses_id).label("reverses"), func.max(match.c.own).label("own"))
        .add_columns(func.sum(match.c.booked).label("booked"), func.sum(match.c.own_amount).label("own_amount"))
        .add_columns(func.coalesce(func.sum(statement_line.c.amount), 0).label("shown"))
        .add_columns(func.coalesce(func.sum(payment.c.amount), 0).label("paid"))
        .add_columns(func.coalesce(func.sum(instruction.c.amount), 0).label("out"))
        .add_columns(func.count(match.c.line_id).label("named"), func.count(statement_line.c.id).label("lines"))
        .add_columns(*(side(each).label(f"{name}{at}") for at, each in enumerate(accounts) for name, side in _ENDS))
        .outerjoin(statement_line, match.c.line_id == statement_line.c.id)
        .outerjoin(payment, payment.c.id == match.c.payment_id)
        .outerjoin(instruction, instruction.c.id == match.c.instruction_id)
        .where(STANDS)
        .group_by(first)
        .order_by(first)
    )
    taken_back = _taken_back(db)
    for row in db.execute(query):
        named = {getattr(row, f"{name}{at}") for at in range(len(accounts)) for name, _ in _ENDS} - {None}
        back = taken_back.get(row.reverses, 0) if row.own is None else 0
        adds_up = row.shown == row.paid + row.booked and row.booked == row.own_amount - row.out - back
        if len(named) != 1 or row.named != row.lines or not adds_up:
            detail = (
                f"lines {row.shown}, payments {row.paid}, payouts {row.out}, the bank's own {row.own_amount}, "
                f"taken back {back}, booked {row.booked}, accounts {sorted(named)}"
            )
            yield Breach(invariant=AGREE, subject=f"match:{row.id}", detail=detail)


def payouts_are_seen_leaving(db: Connection) -> Iterator[Breach]:
    """A payout is settled when a line shows it, and only then."""
    seen = select(instruction.c.end_to_end, instruction.c.state).outerjoin(
        match, (match.c.instruction_id == instruction.c.id) & STANDS
    )
    shown = instruction.c.state.in_(("settled", "returned"))
    for row in db.execute(seen.where(shown != match.c.id.is_not(None)).distinct()):
        detail = f"{row.state}, against what the statement shows"
        yield Breach(invariant=AGREE, subject=f"payout:{row.end_to_end}", detail=detail)


_ENDS = (("least", func.min), ("most", func.max))


def _taken_back(db: Connection) -> dict[int, int]:
    """Fen that came in by matches that another one reverses (of their payouts: went out), by match."""
    reverses = match.alias("reverses")
    first = func.coalesce(match.c.first_id, match.c.id)
    query = (
        select(first.label("id"))
        .add_columns(
            (func.coalesce(func.sum(payment.c.amount), 0) - func.coalesce(func.sum(instruction.c.amount), 0)).label(
                "amount"
            )
        )
        .outerjoin(payment, payment.c.id == match.c.payment_id)
        .outerjoin(instruction, instruction.c.id == match.c.instruction_id)
        .join(reverses, (reverses.c.reverses_id == first) & reverses.c.undone_at.is_(None))
        .where(STANDS)
        .group_by(first)
    )
    return {row.id: int(row.amount) for row in db.execute(query)}


def signed_days_stand(db: Connection) -> Iterator[Breach]:
    """What was proved of each signed day adds up, and the last one of each account proves the same today: its cash, its
    tie-out, and a place for every line."""
    last: dict[str, signing.SignOff] = {}
    for row in db.execute(select(signoff).where(signoff.c.reopening_id.is_(None)).order_by(signoff.c.day)):
        signed = last[row.account] = signing.as_sign_off(row)
        differences = sum(each["amount"] for each in signed.differences)
        owed = sum(signed.owed.values())
        if signed.ledger_balance + differences != signed.statement_balance or owed != signed.ledger_balance:
            detail = (
                f"ledger {signed.ledger_balance}, differences {differences}, statement {signed.statement_balance}, "
                f"owed {owed}"
            )
            yield Breach(invariant=SIGNED, subject=f"{signed.account} {signed.day}", detail=detail)
    for account, signed in last.items():
        proof, tied = cash.prove(db, account, on=signed.day), tie_out(db, account, on=signed.day)
        lost = signing.unplaced(db, account, signed.day)
        if proof.unexplained.minor or not tied.holds or lost:
            detail = f"unexplained {proof.unexplained.minor} fen, tied out: {tied.holds}, lines without a place: {lost}"
            yield Breach(invariant=SIGNED, subject=f"{account} {signed.day}", detail=detail)
