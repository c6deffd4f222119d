"""Late lines: a file brings them for a day that stands signed off, and they wait apart until somebody reopens it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from escrow.settlement import breaks, frozen
from escrow.settlement.breaks import Open
from escrow.settlement.tables import break_, late_line, statement_line
from ledger.chunks import chunks
from ledger.money import Money


def keep_apart(
    db: Connection, account: str, rows: Sequence[Mapping[str, Any]], *, now: datetime
) -> tuple[list[Mapping[str, Any]], int]:
    """The rows of a statement that may be taken in; those of signed days that nobody knew are kept apart, and counted.

    Each of these is a break of its own kind.
    """
    signed = frozen.signed_until(db, account)
    if signed is None:
        return list(rows), 0
    late = [each for each in rows if each["booked_on"] <= signed]
    known = _known(db, account, [each["key"] for each in late])
    unknown = [each for each in late if each["key"] not in known]
    insert_ = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    statement = insert_(late_line).on_conflict_do_nothing(index_elements=["account", "key"]).returning(late_line)
    kept = [row for chunk in chunks([_late(each) for each in unknown]) for row in db.execute(statement, chunk)]
    listed = [
        Open(
            kind="late_line",
            line_id=None,
            payment_id=None,
            instruction_id=None,
            late_line_id=each.id,
            amount=each.amount,
            detail=f"{each.booked_on} 已签核，迟到流水 {each.line['serial']} {Money(each.amount).major} 元",
        )
        for each in kept
    ]
    breaks.open_now(db, account, listed, now=now)
    return [each for each in rows if each["booked_on"] > signed], len(kept)


def take_in(db: Connection, account: str, *, now: datetime) -> int:
    """Take in what waits for days that are open again. How many lines that were."""
    signed = frozen.signed_until(db, account)
    query = select(late_line).where(late_line.c.account == account, late_line.c.taken_at.is_(None))
    if signed is not None:
        query = query.where(late_line.c.booked_on > signed)
    waiting = db.execute(query.order_by(late_line.c.id)).all()
    ids = [each.id for each in waiting]
    for chunk in chunks([_line(each) for each in waiting]):
        db.execute(insert(statement_line), chunk)
    for chunk_of_ids in chunks(ids):
        db.execute(update(late_line).where(late_line.c.id.in_(chunk_of_ids)).values(taken_at=now))
        explained = break_.c.late_line_id.in_(chunk_of_ids), break_.c.closed_at.is_(None)
        db.execute(update(break_).where(*explained).values(closed_at=now))
    return len(ids)


def _known(db: Connection, account: str, keys: Sequence[str]) -> set[str]:
    line = statement_line.c
    query = select(line.key).where(line.account == account)
    return {row.key for chunk in chunks(keys) for row in db.execute(query.where(line.key.in_(chunk)))}


def _late(row: Mapping[str, Any]) -> dict[str, Any]:
    moments = {"booked_on": row["booked_on"].isoformat(), "booked_at": row["booked_at"].isoformat()}
    same = {name: row[name] for name in ("statement_id", "account", "key", "booked_on", "amount")}
    return {**same, "line": {**row, **moments}}


def _line(late: Any) -> dict[str, Any]:
    told = dict(late.line)
    return told | {
        "booked_on": date.fromisoformat(told["booked_on"]),
        "booked_at": datetime.fromisoformat(told["booked_at"]),
    }
