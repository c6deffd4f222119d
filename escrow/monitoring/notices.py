"""Notices to rectify (限期整改通知书): what an institution must put right by when, printed and kept byte for byte."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, text

from escrow.access.caller import Caller
from escrow.monitoring.alerts import Alert
from escrow.monitoring.moves import moved, must_lie_ahead, the_alert
from escrow.monitoring.states import IN_CHINESE
from escrow.monitoring.tables import rectification_notice as table
from escrow.printing import printed
from escrow.refusals import Conflict, Invalid, Unknown
from escrow.registry import institutions
from escrow.registry.institutions import Institution
from escrow.rules.months import SHANGHAI
from escrow.rules.rulebook import Rulebook

TEMPLATE: Final = Path(__file__).with_name("rectification_notice.typ")

_TAGS: Final = {"P": "原文", "R": "转载或报道", "B": "监管部门自定措施"}
"""How a citation's source was read. What stands only in somebody's memory decides nothing, so no notice cites it."""


class MeasuresMissing(Invalid):
    """A notice to rectify demands at least one measure, in words that the institution can follow."""

    zh = "请至少填写一项整改要求，内容须具体可执行。"


class NobodyToOrder(Conflict):
    """The alert {alert} concerns no registered institution, so there is none that could be ordered to rectify."""

    zh = "预警 {alert} 不涉及已登记的机构，无法向其发出限期整改通知书。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice as it was sent out: its number, what it demands by when, and the PDF with its SHA-256."""

    id: int
    alert_id: int
    number: str
    measures: Sequence[str]
    deadline: date
    ordered_by: str
    ordered_at: datetime
    pdf: bytes
    sha256: str


def order(
    db: Connection,
    alert_id: int,
    *,
    measures: Sequence[str],
    deadline: date,
    rulebook: Rulebook,
    bureau: str | None = None,
    by: Caller,
    now: datetime,
) -> Alert:
    """Order the institution to put right what was found by the deadline, which becomes the day the alert is due.

    The notice is printed and kept with the step. `bureau` is who sends it; by default the education bureau (教育局)
    of the institution's jurisdiction. Raises Unknown, ImpossibleMove, NobodyToOrder, MeasuresMissing, NotAhead.
    """
    demands = [each.strip() for each in measures if each.strip()]
    if not demands:
        raise MeasuresMissing
    must_lie_ahead(deadline, "deadline", "整改期限", now)
    alert = the_alert(db, alert_id, "order_rectification", by=by)
    if alert.institution_id is None:
        raise NobodyToOrder(alert=alert_id)
    of = institutions.get(db, alert.institution_id)
    place = rulebook.jurisdiction(of.jurisdiction).name_zh
    numbered = _next_number(db, place, now)
    facts = _facts(alert, of, number=numbered["number"], measures=demands, deadline=deadline, now=now)
    pdf = printed(TEMPLATE, facts | {"bureau": bureau or f"{place}教育局"}, at=now)
    sha256 = hashlib.sha256(pdf).hexdigest()
    kept = insert(table).values(
        alert_id=alert_id, measures=demands, deadline=deadline, ordered_by=by.name, ordered_at=now, **numbered
    )
    notice = db.execute(kept.values(pdf=pdf, sha256=sha256).returning(table.c.id)).scalar_one()
    ordered = {"state": "rectification_ordered", "due_on": deadline}
    told = {"notice": notice, "number": numbered["number"], "deadline": deadline.isoformat(), "sha256": sha256}
    return moved(db, alert_id, "order_rectification", ordered, by=by, now=now, facts=told)


def latest(db: Connection, alert_id: int) -> Notice:
    """The newest notice of an alert. Raises Unknown."""
    query = select(table).where(table.c.alert_id == alert_id).order_by(table.c.id.desc()).limit(1)
    row = db.execute(query).one_or_none()
    if row is None:
        raise Unknown(what="notice", key=alert_id)
    return _as_notice(row)


def of_alert(db: Connection, alert_id: int) -> list[Notice]:
    """All notices of an alert, in the order in which they were sent out."""
    query = select(table).where(table.c.alert_id == alert_id).order_by(table.c.id)
    return [_as_notice(row) for row in db.execute(query)]


def _as_notice(row: Row[Any]) -> Notice:
    return Notice(**{name: value for name, value in row._asdict().items() if name not in {"year", "serial"}})


def _next_number(db: Connection, place: str, now: datetime) -> dict[str, Any]:
    """The next number of the year, without gaps: one at a time until the transaction ends."""
    if db.dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_xact_lock(hashtext('rectification_notice'))"))
    year = now.astimezone(SHANGHAI).year
    last = db.execute(select(func.max(table.c.serial)).where(table.c.year == year)).scalar_one()
    serial = (last or 0) + 1
    return {"year": year, "serial": serial, "number": f"{place}教限改〔{year}〕{serial}号"}


def _facts(
    alert: Alert, of: Institution, *, number: str, measures: Sequence[str], deadline: date, now: datetime
) -> dict[str, Any]:
    """What the template prints, as people read it."""
    citation = alert.citation
    return {
        "number": number,
        "institution": of.name,
        "credit_code": of.credit_code,
        "licence": f"{of.licence_no}（有效期至{_day(of.licence_expires)}）",
        "found": alert.zh,
        "figures": [
            ["首次发现", _day(alert.opened_at.astimezone(SHANGHAI))],
            ["最近核实", f"{_day(alert.seen_at.astimezone(SHANGHAI))}（第 {alert.seen} 次）"],
            ["严重程度", IN_CHINESE[alert.severity]],
            ["涉及合同", f"编号 {alert.contract_id}" if alert.contract_id else "—"],
        ],
        "basis": citation["title"] + (f"（{citation['number']}）" if citation["number"] else ""),
        "version": alert.version,
        "source": f"{citation['source']}（{citation['read_on']} 查阅{_read(citation['tag'])}）",
        "measures": measures,
        "deadline": _day(deadline),
        "day": _day(now.astimezone(SHANGHAI)),
        "alert": alert.id,
    }


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _read(tag: str) -> str:
    return f"，{_TAGS[tag]}" if tag in _TAGS else ""
