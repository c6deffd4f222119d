"""The watch: every detector over everything, what it sees raised as alerts, what was dealt with left alone."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pandas as pd
from sqlalchemy import Connection, func, select

from escrow.monitoring import alerts, explained, scoring
from escrow.monitoring.alerts import Alert
from escrow.monitoring.detectors import filing, paying, reconciled, renewing, selling, teaching, told
from escrow.monitoring.detectors.ground import Ground, Seen
from escrow.monitoring.tables import alert
from escrow.rules.habits import Habits
from escrow.rules.rulebook import Rulebook
from ledger.chunks import chunks

LOOKS_BACK: Final = timedelta(days=400)
"""A year and a month: a year's sales and what renewed them are seen together. What is older was seen while young."""

Load = Callable[[Connection, datetime], pd.DataFrame]
Detect = Callable[[pd.DataFrame, Ground], list[Seen]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """One evasion (逃避监管的手法): columns out of the database, and the pure function that looks at them."""

    load: Load
    detect: Detect

    @property
    def name(self) -> str:
        return self.detect.__name__


DETECTORS: Final = tuple(
    Detector(load=load, detect=detect)
    for load, detects in (
        (selling.contracts, (selling.instalments, selling.gifts, selling.token_prices, selling.packs)),
        (renewing.renewals, (renewing.chained_renewals,)),
        (
            paying.doubtful,
            (
                paying.strange_payments,
                paying.printed_code,
                paying.expired_licence,
                paying.shut_and_paid,
                paying.no_course_filed,
                paying.other_account,
            ),
        ),
        (filing.months_taught, (filing.missing_rosters,)),
        (teaching.lessons, (teaching.late_lessons,)),
        (teaching.attended, (teaching.unfunded_lessons,)),
        (told.complaints, (told.outside_complaints, told.repeated_complaints)),
        (told.takings, (told.unswept_takings,)),
        (told.static_payments, (told.static_codes,)),
        (told.counted, (told.crowded_classes,)),
        (reconciled.missing, (reconciled.notified_never_credited,)),
        (reconciled.grave, (reconciled.grave_breaks,)),
    )
    for detect in detects
)


def watch(db: Connection, *, rulebook: Rulebook, habits: Habits, now: datetime) -> list[Alert]:
    """Look at everything, score every institution, raise what is new, and close what reconciliation has explained.

    Safe to run again: a fact that was dealt with stays dealt with, a score is replaced.
    """
    found = [each for of_one in look(db, rulebook=rulebook, habits=habits, now=now).values() for each in of_one]
    scores, high = scoring.scores(db, rulebook=rulebook, habits=habits, now=now)
    scoring.keep(db, scores)
    found += high
    closed = _last_closed(db, [each.sighting.fact for each in found])
    fresh = [each for each in found if each.last >= closed.get(each.sighting.fact, each.last)]
    raised = alerts.raise_(db, [each.sighting for each in fresh], rulebook=rulebook, now=now)
    explained.close(db, now=now)
    return raised


def look(db: Connection, *, rulebook: Rulebook, habits: Habits, now: datetime) -> Mapping[str, list[Seen]]:
    """What each detector sees, by its name; nothing is kept. Each query runs once, whoever looks at its columns."""
    since = now - LOOKS_BACK
    columns = {load: load(db, since) for load in {each.load: None for each in DETECTORS}}
    grounds: dict[str, Ground] = {}
    found: dict[str, list[Seen]] = {}
    for detector in DETECTORS:
        seen = found.setdefault(detector.name, [])
        for place, rows in _by_place(columns[detector.load]):
            ground = grounds.setdefault(place, Ground(rulebook=rulebook, habits=habits, jurisdiction=place, now=now))
            seen += detector.detect(rows, ground)
    return found


def _by_place(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each jurisdiction, numbered from 0."""
    places = rows["jurisdiction"].unique()
    for place in sorted(places):
        yield str(place), rows if len(places) == 1 else rows[rows["jurisdiction"] == place].reset_index(drop=True)


def _last_closed(db: Connection, facts: list[str]) -> dict[str, datetime]:
    """When the last alert about each of these facts was closed; facts without one are missing."""
    a = alert.c
    query = select(a.fact, func.max(a.closed_at).label("at")).where(a.closed_at.is_not(None)).group_by(a.fact)
    return {row.fact: row.at for chunk in chunks(facts) for row in db.execute(query.where(a.fact.in_(chunk)))}
