"""Scoring: every institution's month and the month before, from sums that are read once; what was kept of it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects import postgresql, sqlite

from escrow.monitoring.detectors.ground import Ground, Seen
from escrow.monitoring.risk import Part, Score, runaway, scored
from escrow.monitoring.risk_figures import figures, read
from escrow.monitoring.tables import risk_score as table
from escrow.registry import institutions
from escrow.rules.habits import Habits
from escrow.rules.months import Month
from escrow.rules.rulebook import Rulebook
from ledger.chunks import chunks

LOOKS_BACK: Final = timedelta(days=200)
"""The month before, and what it is compared with."""


def scores(db: Connection, *, rulebook: Rulebook, habits: Habits, now: datetime) -> tuple[list[Score], list[Seen]]:
    """Every institution's score of this month so far and of the one before, and those that somebody must look at."""
    known = read(db, since=now - LOOKS_BACK)
    this = Month.containing(now)
    grounds: dict[str, Ground] = {}
    found: list[Score] = []
    seen: list[Seen] = []
    for each in institutions.everyone(db):
        place = each.jurisdiction
        if place not in grounds:
            grounds[place] = Ground(rulebook=rulebook, habits=habits, jurisdiction=place, now=now)
        for month in (this.plus(-1), this):
            score = scored(each.id, month, figures(each, month, known, grounds[place]), grounds[place])
            found.append(score)
            high = runaway(score, grounds[place])
            seen += [] if high is None else [high]
    return found, seen


def of_institution(db: Connection, institution_id: int) -> list[Score]:
    """The kept scores of an institution, the newest month first."""
    query = select(table).where(table.c.institution_id == institution_id).order_by(table.c.month.desc())
    return [_as_score(row) for row in db.execute(query)]


def highest(db: Connection, *, now: datetime, limit: int = 10) -> list[Score]:
    """The highest kept scores of this month and the one before, those without a point left out."""
    this = Month.containing(now)
    query = (
        select(table)
        .where(table.c.month.in_([str(this), str(this.plus(-1))]), table.c.score > 0)
        .order_by(table.c.score.desc(), table.c.institution_id, table.c.month)
        .limit(limit)
    )
    return [_as_score(row) for row in db.execute(query)]


def keep(db: Connection, found: Sequence[Score]) -> None:
    """Keep the scores; a month's score that was kept before is replaced, never added to."""
    insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    rows = [
        {
            "institution_id": each.institution_id,
            "month": each.month,
            "score": each.score,
            "parts": [asdict(part) for part in each.parts],
            "scored_at": each.scored_at,
        }
        for each in found
    ]
    made = insert(table)
    again = made.on_conflict_do_update(
        index_elements=["institution_id", "month"],
        set_={name: made.excluded[name] for name in ("score", "parts", "scored_at")},
    )
    for chunk in chunks(rows):
        db.execute(again, chunk)


def _as_score(row: Row[Any]) -> Score:
    parts = [Part(**each) for each in row.parts]
    return Score(
        institution_id=row.institution_id, month=row.month, score=row.score, parts=parts, scored_at=row.scored_at
    )
