"""Columns as the queries of the detectors give them, a row at a time: what a test does not name is ordinary."""

from datetime import date, datetime
from typing import Any, Final

import pandas as pd

from escrow.monitoring.detectors.ground import Ground, Seen
from escrow.monitoring.frames import AHEAD, DAY, number_of
from escrow.rules.habits import Habits
from tests.escrow.county import RULEBOOK, at

HABITS: Final = Habits.load()
NOW: Final = at(9, 1)
GROUND: Final = Ground(rulebook=RULEBOOK, habits=HABITS, jurisdiction="900001", now=NOW)

PLACE: Final = {"institution": 7, "category": "non_subject", "mode": "offline", "jurisdiction": "900001"}


def day(month: int, day_: int) -> int:
    return number_of(date(2026, month, day_))


def second(instant: datetime) -> int:
    return int(instant.timestamp())


def columns(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The rows, texts and integers each in their own kind of column."""
    found = pd.DataFrame(rows)
    return found.astype({name: "str" if isinstance(rows[0][name], str) else "int64" for name in found.columns})


def sold(*contracts: dict[str, Any]) -> pd.DataFrame:
    """Contracts of 30 lessons of drawing at 3,000.00 for one student, a day after each other unless they say more."""
    rows = []
    for number, given in enumerate(contracts, 1):
        row: dict[str, Any] = PLACE | {
            "id": number,
            "student": 1,
            "subject": "drawing",
            "lessons": 30,
            "gifted": 0,
            "price": 300000,
            "list_price": 12000,
            "signed_on": day(7, number),
            "first_lesson": day(7, 20),
            "last_lesson": day(9, 30),
        }
        row |= given
        row["signed_at"] = row["signed_on"] * DAY - AHEAD + 36_000
        row["all_lessons"] = row["lessons"] + row["gifted"]
        rows.append(row)
    return columns(rows).sort_values(["student", "institution", "signed_at", "id"], ignore_index=True)


def facts(found: list[Seen]) -> list[str]:
    """What was seen, by its fact, the rule left off."""
    return [each.sighting.finding.fact for each in found]
