"""The sides of a proposal: what was chosen by its ids, loaded and locked, and whether any of it is taken already."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, insert, select, update

from escrow.enrolment.payments import as_payment
from escrow.enrolment.tables import payment as payment_table
from escrow.payouts.instructions import as_instruction
from escrow.payouts.tables import instruction as instruction_table
from escrow.refusals import Conflict, Unknown
from escrow.registry import institutions
from escrow.settlement import frozen
from escrow.settlement.tables import STANDS, match_proposal, proposal_side, statement_line
from escrow.settlement.tables import match as match_table
from escrow.settlement.unmatched import as_line
from escrow.settlement.weighing import Books, Sides
from ledger.chunks import chunks


class MatchedAlready(Conflict):
    """The {what} {key} stands in another match. Undo that one first, with the reason, if it is wrong."""

    zh = "{what} {key} 已在另一勾对中；如该勾对有误，请先撤销并写明理由。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The ids of what is proposed to belong together, and what a line alone is to be booked as."""

    lines: Sequence[int] = ()
    payments: Sequence[int] = ()
    payouts: Sequence[int] = ()
    books: Books | None = None

    @property
    def fingerprint(self) -> str:
        """The same for the same choice, in whatever order."""
        told = [sorted(set(each)) for each in (self.lines, self.payments, self.payouts)]
        return hashlib.sha256(f"{told} {self.books or ''}".encode()).hexdigest()


def load(db: Connection, chosen: Chosen) -> Sides:
    """What was chosen, its account locked: nothing else is matched on it meanwhile. Raises Unknown."""
    sides = Sides(
        lines=[as_line(row) for row in _found(db, statement_line, chosen.lines, "line")],
        payments=[as_payment(row) for row in _found(db, payment_table, chosen.payments, "payment")],
        payouts=[as_instruction(row) for row in _found(db, instruction_table, chosen.payouts, "payout")],
    )
    institutions.by_account(db, sides.account, lock=True)
    return sides


def keep(db: Connection, proposal_id: int, chosen: Chosen) -> None:
    """Write the sides of a proposal."""
    db.execute(
        insert(proposal_side),
        [_NOBODY | {"proposal_id": proposal_id, column: each} for column, ids in _columns(chosen) for each in ids],
    )


def chosen_of(db: Connection, proposal_id: int, books: Books | None) -> Chosen:
    """What a proposal is about."""
    rows = db.execute(select(proposal_side).where(proposal_side.c.proposal_id == proposal_id)).all()
    return Chosen(
        lines=[row.line_id for row in rows if row.line_id is not None],
        payments=[row.payment_id for row in rows if row.payment_id is not None],
        payouts=[row.instruction_id for row in rows if row.instruction_id is not None],
        books=books,
    )


def must_be_free(db: Connection, sides: Sides) -> None:
    """No side stands in a match, and no line is of a day that is signed off. Raises MatchedAlready, DayFrozen."""
    frozen.must_be_open(db, sides.account, [each.booked_on for each in sides.lines])
    for what, column, ids in (
        ("line", match_table.c.line_id, [each.id for each in sides.lines]),
        ("payment", match_table.c.payment_id, [each.id for each in sides.payments]),
        ("payout", match_table.c.instruction_id, [each.id for each in sides.payouts]),
    ):
        taken = db.execute(select(column).where(column.in_(ids), STANDS).order_by(column)).scalars().first()
        if taken is not None:
            raise MatchedAlready(what=what, key=taken)


def lapse(db: Connection, account: str) -> None:
    """Proposals of which a match has taken a part are over."""
    waiting = (
        select(proposal_side)
        .join(match_proposal, match_proposal.c.id == proposal_side.c.proposal_id)
        .where(match_proposal.c.account == account, match_proposal.c.state == "proposed")
    )
    sides = db.execute(waiting).all()
    over: set[int] = set()
    for column in ("line_id", "payment_id", "instruction_id"):
        mine = match_table.c[column]
        chosen = {getattr(each, column) for each in sides} - {None}
        for ids in chunks(sorted(chosen)):
            taken = set(db.execute(select(mine).where(mine.in_(ids), STANDS)).scalars())
            over |= {each.proposal_id for each in sides if getattr(each, column) in taken}
    for ids in chunks(sorted(over)):
        db.execute(update(match_proposal).where(match_proposal.c.id.in_(ids)).values(state="lapsed"))


_NOBODY = {"line_id": None, "payment_id": None, "instruction_id": None}


def _columns(chosen: Chosen) -> Iterator[tuple[str, list[int]]]:
    yield "line_id", sorted(set(chosen.lines))
    yield "payment_id", sorted(set(chosen.payments))
    yield "instruction_id", sorted(set(chosen.payouts))


def _found(db: Connection, table: Any, ids: Sequence[int], what: str) -> list[Any]:
    key: Column[int] = table.c.id
    rows = db.execute(select(table).where(key.in_(sorted(set(ids)))).order_by(key)).all()
    for missing in sorted(set(ids) - {row.id for row in rows}):
        raise Unknown(what=what, key=missing)
    return list(rows)
