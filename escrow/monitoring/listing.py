"""Lists of alerts: filtered, paged, and as a table for a spreadsheet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, Select, select

from escrow.monitoring.alerts import Alert, as_alert
from escrow.monitoring.states import IN_CHINESE, State
from escrow.monitoring.tables import alert as table
from escrow.registry.tables import institution
from escrow.rules.rulebook import Severity
from escrow.spreadsheets import Cell

SHEET: Final = "预警"
COLUMNS: Final = (
    *("编号 id", "机构 institution", "统一社会信用代码 credit code", "合同 contract", "规则 rule", "版本 version"),
    *(
        "依据 title",
        "文号 number",
        "上限 limit",
        "实际 found",
        "说明",
        "explanation",
        "严重程度 severity",
        "状态 state",
    ),
    *("发现次数 seen", "首次发现 opened", "最近发现 last seen", "期限 due", "经办人 owner", "前一预警 reopens"),
    *("结案时间 closed", "结案人 closed by", "结案理由 reason"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which alerts: None or empty is all. `overdue_on`: only open ones that were due before this day."""

    states: Sequence[State] = ()
    severities: Sequence[Severity] = ()
    institution_id: int | None = None
    contract_id: int | None = None
    rule: str | None = None
    overdue_on: date | None = None


def page(db: Connection, wanted: Wanted | None = None, *, after: int = 0, limit: int = 100) -> list[Alert]:
    """Alerts in the order they were opened."""
    query = _filtered(select(table), wanted or Wanted()).where(table.c.id > after)
    return [as_alert(row) for row in db.execute(query.order_by(table.c.id).limit(limit))]


def rows(db: Connection, wanted: Wanted) -> Iterator[Sequence[Cell]]:
    """One row under COLUMNS for each alert, in the order they were opened."""
    query = select(table, institution.c.name.label("institution"), institution.c.credit_code).outerjoin(
        institution, institution.c.id == table.c.institution_id
    )
    for row in db.execute(_filtered(query, wanted).order_by(table.c.id)):
        yield (
            *(row.id, row.institution, row.credit_code, row.contract_id, row.rule, row.version),
            *(row.citation["title"], row.citation["number"], row.limit_text, row.found_text, row.zh, row.en),
            *(f"{IN_CHINESE[row.severity]} {row.severity}", f"{IN_CHINESE[row.state]} {row.state}"),
            *(row.seen, row.opened_at, row.seen_at, row.due_on, row.owner, row.reopens),
            *(row.closed_at, row.closed_by, row.closing_reason),
        )


def _filtered(query: Select[Any], wanted: Wanted) -> Select[Any]:
    t = table.c
    if wanted.states:
        query = query.where(t.state.in_(wanted.states))
    if wanted.severities:
        query = query.where(t.severity.in_(wanted.severities))
    if wanted.overdue_on is not None:
        query = query.where(t.closed_at.is_(None), t.due_on < wanted.overdue_on)
    exact = {t.institution_id: wanted.institution_id, t.contract_id: wanted.contract_id, t.rule: wanted.rule}
    for column, value in exact.items():
        if value is not None:
            query = query.where(column == value)
    return query
