"""Matches as they stand: which lines of the bank are which payments and payouts, in rows that say so for ever."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, select

from escrow.refusals import Unknown
from escrow.settlement.tables import match as table
from ledger.chunks import chunks

Own = Literal["interest", "fees"]
"""The bank's own accounts beside a supervised one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A match (勾对) by its first row. `booked` in fen, as the bank signs them."""

    id: int
    account: str
    first_id: int | None
    line_id: int | None
    payment_id: int | None
    instruction_id: int | None
    rule: str
    evidence: str
    matched_at: datetime
    matched_by: str
    proposal_id: int | None
    reverses_id: int | None
    booked: int
    booked_on: date | None
    own: Own | None
    own_amount: int
    transfers: Sequence[str]
    undone_at: datetime | None
    undone_by: str | None
    undone_why: str | None


def get(db: Connection, match_id: int, *, lock: bool = False) -> Match:
    """A match by the id of any of its rows. Raises Unknown."""
    first = select(func.coalesce(table.c.first_id, table.c.id)).where(table.c.id == match_id).scalar_subquery()
    query = select(table).where(table.c.id == first)
    row = db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise Unknown(what="match", key=match_id)
    return as_match(row)


def rows_of(db: Connection, first_id: int) -> list[Match]:
    """Every row of a match, its first one first."""
    query = select(table).where((table.c.id == first_id) | (table.c.first_id == first_id)).order_by(table.c.id)
    return [as_match(row) for row in db.execute(query)]


def of_lines(db: Connection, line_ids: Collection[int]) -> dict[int, Match]:
    """The first rows of the matches in which these lines stand, by line."""
    first = table.alias("first")
    query = select(table.c.line_id.label("of"), first).join(
        first, first.c.id == func.coalesce(table.c.first_id, table.c.id)
    )
    found = {}
    for chunk in chunks(sorted(line_ids)):
        for row in db.execute(query.where(table.c.line_id.in_(chunk), table.c.undone_at.is_(None))):
            of, *columns = row
            found[of] = Match(**dict(zip(table.c.keys(), columns, strict=True)))
    return found


def of_payouts(db: Connection, instruction_ids: Collection[int]) -> dict[int, int]:
    """The standing match of each of these payouts that has one: the id of its first row."""
    query = select(table.c.instruction_id, func.coalesce(table.c.first_id, table.c.id).label("first"))
    return {
        row.instruction_id: row.first
        for chunk in chunks(sorted(set(instruction_ids)))
        for row in db.execute(query.where(table.c.instruction_id.in_(chunk), table.c.undone_at.is_(None)))
    }


def reversed_ids(db: Connection, line_ids: Collection[int]) -> set[int]:
    """Those of these lines that the bank has taken back already, or that are such a reversal themselves."""
    reverses = table.alias("reverses")
    taken_back = select(reverses.c.reverses_id).where(
        reverses.c.undone_at.is_(None), reverses.c.reverses_id.is_not(None)
    )
    of_match = func.coalesce(table.c.first_id, table.c.id)
    query = select(table.c.line_id).where(
        table.c.undone_at.is_(None), of_match.in_(taken_back) | (table.c.rule == "reversal")
    )
    return {
        row.line_id for chunk in chunks(sorted(line_ids)) for row in db.execute(query.where(table.c.line_id.in_(chunk)))
    }


def as_match(row: Row[Any]) -> Match:
    """The noun behind a row of the table."""
    return Match(**row._asdict())
