"""Alerts: a broken fee rule with its version, citation and evidence, and somebody at the bureau who owns it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, exists, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from escrow.monitoring import steps
from escrow.monitoring.states import Standing, State
from escrow.monitoring.tables import alert as table
from escrow.monitoring.tables import alert_sighting
from escrow.refusals import Unknown
from escrow.registry.tables import institution
from escrow.rules.finding import Finding
from escrow.rules.months import SHANGHAI
from escrow.rules.parameters import PARAMETERS
from escrow.rules.rulebook import Rule, Rulebook, Severity
from escrow.rules.working_days import due_day
from ledger.among import among

DAYS_TO_ACT: Final = 5
"""Working days until an alert is due. The bureau's own habit, not the law's."""

_OF_THE_SIGHTING: Final = ("version", "citation", "severity", "limit_text", "found_text", "zh", "en", "evidence")
"""What an alert shows of its newest sighting. The older ones stay as rows of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert (预警). `fact` names what it is about; `seen` how many looks have found it; `reopens` is the alert that
    the same fact had before."""

    id: int
    fact: str
    institution_id: int | None
    contract_id: int | None
    rule: str
    version: str
    citation: Mapping[str, str]
    severity: Severity
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
    reopens: int | None
    dismissal_by: str | None
    dismissal_reason: str | None
    quiet_until: date | None
    closed_at: datetime | None
    closed_by: str | None
    closing_reason: str | None

    @property
    def standing(self) -> Standing:
        return Standing(self.state, proposed=self.dismissal_by is not None)

    @property
    def told(self) -> dict[str, Any]:
        """The alert as JSON can hold it: how its history and those who are told of it know it."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A finding, and whom it concerns: an institution, one of its contracts, or (both None) nobody registered here."""

    finding: Finding
    institution_id: int | None
    contract_id: int | None

    @property
    def fact(self) -> str:
        """One open alert for one fact: a fact is a rule broken by one thing, not one look at it."""
        return f"{self.finding.rule.name}|{self.finding.fact}"


def raise_(db: Connection, sightings: Sequence[Sighting], *, rulebook: Rulebook, now: datetime) -> list[Alert]:
    """Open an alert for every fact that has none; a fact seen again adds its evidence to the alert it has.

    Gives the open alerts of these facts, by id. A fact whose alert was closed is opened anew and points at it, unless
    it was dismissed to stay quiet on this day and its figures are still the same: then only the evidence is added.
    """
    by_fact = {each.fact: each for each in sightings}
    today = now.astimezone(SHANGHAI).date()
    quiet, due_on = _quiet(db, by_fact, today=today), due_day(today, DAYS_TO_ACT)
    looked = [by_fact[fact] for fact in sorted(by_fact) if fact not in quiet]
    worth = _severities(db, looked, rulebook)
    opening = {"state": "open", "seen": 1, "opened_at": now, "seen_at": now, "due_on": due_on}
    live = _upserted(db, [_row(each) | {"severity": worth[each.fact]} | opening for each in looked])
    fresh = [each.id for each in live.values() if each.seen == 1]
    again = _linked(db, fresh)
    raised = {fact: again.get(each.id, each) for fact, each in live.items()}
    if quiet:
        seen = update(table).where(among(db, table.c.id, list(quiet.values())))
        db.execute(seen.values(seen=table.c.seen + 1, seen_at=now))
    ids = quiet | {fact: each.id for fact, each in raised.items()}
    if sightings:
        db.execute(insert(alert_sighting), [_evidence(each, ids[each.fact], now) for each in sightings])
    opened = sorted((each for each in raised.values() if each.seen == 1), key=lambda each: each.id)
    steps.opened(db, [(each.id, each.reopens, each.told) for each in opened], now=now)
    return sorted(raised.values(), key=lambda each: each.id)


def get(db: Connection, alert_id: int, *, lock: bool = False) -> Alert:
    """One alert. Raises Unknown."""
    query = select(table).where(table.c.id == alert_id)
    row = db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise Unknown(what="alert", key=alert_id)
    return as_alert(row)


def sightings(db: Connection, alert_id: int, *, after: int = 0, limit: int = 100) -> list[Row[Any]]:
    """What each look found, in the order of the looks: rows of the table alert_sighting."""
    s = alert_sighting.c
    query = select(alert_sighting).where(s.alert_id == alert_id, s.id > after).order_by(s.id).limit(limit)
    return list(db.execute(query))


def earlier(db: Connection, alert: Alert) -> list[Alert]:
    """The alerts that the same fact had before this one, the newest first."""
    query = select(table).where(table.c.fact == alert.fact, table.c.id < alert.id).order_by(table.c.id.desc())
    return [as_alert(row) for row in db.execute(query)]


def as_alert(row: Row[Any]) -> Alert:
    return Alert(**row._asdict())


def _upserted(db: Connection, rows: list[dict[str, Any]]) -> dict[str, Alert]:
    """The live alert of each row's fact, opened or found: in one statement, so that two who look at once agree."""
    if not rows:
        return {}
    insert_into = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    written = insert_into(table)
    # In the order of the facts, as everybody writes them: nobody waits for one who waits for him.
    upsert = written.on_conflict_do_update(
        index_elements=["fact"],
        index_where=table.c.closed_at.is_(None),
        set_={
            "seen": table.c.seen + 1,
            "seen_at": written.excluded.seen_at,
            **{name: written.excluded[name] for name in _OF_THE_SIGHTING},
        },
    )
    return {row.fact: as_alert(row) for row in db.execute(upsert.returning(table), rows)}


def _linked(db: Connection, fresh: Sequence[int]) -> dict[int, Alert]:
    """Of these new alerts, those whose fact had one before, now with the link to it."""
    before = table.alias("before")
    last = select(func.max(before.c.id)).where(before.c.fact == table.c.fact, before.c.id < table.c.id)
    linked = (
        update(table)
        .where(among(db, table.c.id, fresh), last.scalar_subquery().is_not(None))
        .values(reopens=last.scalar_subquery())
    )
    return {row.id: as_alert(row) for row in db.execute(linked.returning(table))}


def _quiet(db: Connection, by_fact: Mapping[str, Sighting], *, today: date) -> dict[str, int]:
    """Facts without an open alert that were dismissed with these very figures and are to stay quiet today, and the
    alerts they had."""
    t, live = table.c, table.alias("live")
    query = select(t.id, t.fact, t.version, t.found_text).where(
        among(db, t.fact, list(by_fact)),
        t.state == "dismissed",
        t.quiet_until >= today,
        ~exists().where(live.c.fact == t.fact, live.c.closed_at.is_(None)),
    )
    return {
        row.fact: row.id
        for row in db.execute(query.order_by(t.id))
        if (row.version, row.found_text) == _figures(by_fact[row.fact].finding)
    }


def _severities(db: Connection, sightings: Sequence[Sighting], rulebook: Rulebook) -> dict[str, Severity]:
    """What each fact is worth where its institution is; where there is none, in the place of the rule itself."""
    ids = {each.institution_id for each in sightings if each.institution_id is not None}
    query = select(institution.c.id, institution.c.jurisdiction).where(among(db, institution.c.id, ids))
    places: dict[int, str] = {row.id: row.jurisdiction for row in db.execute(query)}
    return {each.fact: _worth(each.finding.rule, places.get(each.institution_id or 0), rulebook) for each in sightings}


def _worth(rule: Rule, place: str | None, rulebook: Rulebook) -> Severity:
    if rule.name in PARAMETERS:
        return rulebook.severity(rule.name, jurisdiction=place or rule.jurisdiction.code)
    return rule.jurisdiction.severity[rule.name]  # no rule of the law but a habit of the bureau's, which brings its own


def _figures(finding: Finding) -> tuple[str, str]:
    return finding.rule.version, finding.found


def _evidence(sighting: Sighting, alert_id: int, now: datetime) -> dict[str, Any]:
    finding = sighting.finding
    return {
        "alert_id": alert_id,
        "at": now,
        "version": finding.rule.version,
        "limit_text": finding.limit,
        "found_text": finding.found,
        "evidence": dict(finding.evidence),
    }


def _row(sighting: Sighting) -> dict[str, Any]:
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
    }
