"""Alerts: a broken fee rule with its version, citation and evidence, and somebody at the bureau who owns it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.monitoring.tables import alert as table
from escrow.refusals import AlreadyDecided, ReasonMissing, Unknown
from escrow.rules.finding import Finding
from escrow.rules.months import SHANGHAI
from escrow.rules.working_days import due_day
from ledger.chunks import chunks

State = Literal["open", "acknowledged", "resolved", "dismissed"]

DAYS_TO_ACT: Final = 5
"""Working days until an alert is due. The bureau's own habit, not the law's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert (预警). `fact` names what it is about; `seen` how often that was found while the alert was open."""

    id: int
    fact: str
    institution_id: int
    contract_id: int | None
    rule: str
    version: str
    citation: Mapping[str, str]
    limit_text: str
    found_text: str
    zh: str
    en: str
    evidence: Mapping[str, Any]
    state: State
    seen: int
    opened_at: datetime
    seen_at: datetime
    due_on: date
    owner: str | None
    closed_at: datetime | None
    closing_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A finding, and whom it concerns."""

    finding: Finding
    institution_id: int
    contract_id: int | None

    @property
    def fact(self) -> str:
        """One open alert for one fact: a fact is a rule broken by one thing, not one look at it."""
        return f"{self.finding.rule.name}|{self.finding.fact}"


def raise_(db: Connection, sightings: Sequence[Sighting], *, now: datetime) -> list[Alert]:
    """Open an alert for every fact that has none; a fact seen again adds its evidence to the alert it has."""
    facts = {each.fact: each for each in sightings}
    standing: dict[str, Alert] = {}
    for chunk in chunks(sorted(facts)):
        query = select(table).where(table.c.fact.in_(chunk), table.c.closed_at.is_(None))
        query = query.order_by(table.c.fact).with_for_update()
        standing |= {row.fact: _as_alert(row) for row in db.execute(query)}
    for fact, known in standing.items():
        again = facts[fact].finding
        changed = {"evidence": again.evidence, "found_text": again.found, "zh": again.zh, "en": again.en}
        db.execute(update(table).where(table.c.id == known.id).values(seen=known.seen + 1, seen_at=now, **changed))
    due_on = due_day(now.astimezone(SHANGHAI).date(), DAYS_TO_ACT)
    fresh = [_row(each, now, due_on) for fact, each in facts.items() if fact not in standing]
    insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    for rows in chunks(fresh):
        # Somebody else may have opened the same alert since we looked: one fact, one alert.
        db.execute(insert(table).on_conflict_do_nothing(), rows)
    return [each for chunk in chunks(sorted(facts)) for each in _open_by_fact(db, chunk)]


def acknowledge(db: Connection, alert_id: int, *, by: Caller, now: datetime) -> Alert:
    """Somebody at the bureau takes the alert. Raises Unknown, AlreadyDecided."""
    by.must_be("bureau")
    alert = get(db, alert_id, lock=True)
    if alert.state != "open":
        raise AlreadyDecided(what="alert", what_zh="预警", key=alert_id, state=alert.state)
    db.execute(update(table).where(table.c.id == alert_id).values(state="acknowledged", owner=by.name))
    trail.record(db, by, "alert.acknowledged", f"alert:{alert_id}", now=now)
    return get(db, alert_id)


def close(
    db: Connection,
    alert_id: int,
    *,
    state: Literal["resolved", "dismissed"],
    reason: str,
    by: Caller,
    now: datetime,
) -> Alert:
    """The alert has come to its end, with a reason. Raises Unknown, AlreadyDecided, ReasonMissing."""
    by.must_be("bureau")
    if not reason.strip():
        raise ReasonMissing
    alert = get(db, alert_id, lock=True)
    if alert.state != "acknowledged":
        raise AlreadyDecided(what="alert", what_zh="预警", key=alert_id, state=alert.state)
    db.execute(update(table).where(table.c.id == alert_id).values(state=state, closed_at=now, closing_reason=reason))
    trail.record(db, by, f"alert.{state}", f"alert:{alert_id}", now=now, reason=reason)
    return get(db, alert_id)


def get(db: Connection, alert_id: int, *, lock: bool = False) -> Alert:
    """One alert. Raises Unknown."""
    query = select(table).where(table.c.id == alert_id)
    row = db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise Unknown(what="alert", key=alert_id)
    return _as_alert(row)


def page(db: Connection, *, state: State | None = None, after: int = 0, limit: int = 100) -> list[Alert]:
    """Alerts in the order they were opened."""
    query = select(table).where(table.c.id > after).order_by(table.c.id).limit(limit)
    if state is not None:
        query = query.where(table.c.state == state)
    return [_as_alert(row) for row in db.execute(query)]


def _open_by_fact(db: Connection, facts: Sequence[str]) -> list[Alert]:
    query = select(table).where(table.c.fact.in_(facts), table.c.closed_at.is_(None)).order_by(table.c.id)
    return [_as_alert(row) for row in db.execute(query)]


def _as_alert(row: Row[Any]) -> Alert:
    return Alert(**row._asdict())


def _row(sighting: Sighting, now: datetime, due_on: date) -> dict[str, Any]:
    finding, rule = sighting.finding, sighting.finding.rule
    return {
        "fact": sighting.fact,
        "institution_id": sighting.institution_id,
        "contract_id": sighting.contract_id,
        "rule": rule.name,
        "version": rule.version,
        "citation": {
            "title": rule.citation.title,
            "number": rule.citation.number,
            "source": rule.citation.source,
            "read_on": rule.citation.read_on.isoformat(),
            "tag": rule.citation.tag,
        },
        "limit_text": finding.limit,
        "found_text": finding.found,
        "zh": finding.zh,
        "en": finding.en,
        "evidence": dict(finding.evidence),
        "state": "open",
        "seen": 1,
        "opened_at": now,
        "seen_at": now,
        "due_on": due_on,
    }
