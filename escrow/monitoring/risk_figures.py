"""What a score is made of, read in sums by institution and day: a query for each source, whatever the county's size."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Connection, Select, func, select

from escrow.enrolment.tables import contract, payment
from escrow.monitoring.detectors.filing import months_taught
from escrow.monitoring.detectors.ground import Ground
from escrow.monitoring.frames import day_of, days, frame, local_day, number_of, records
from escrow.monitoring.risk import Figures
from escrow.monitoring.tables import complaint
from escrow.payouts.tables import instruction, refund
from escrow.registry import rosters
from escrow.registry.institutions import Institution
from escrow.registry.tables import institution
from escrow.rules.months import Month
from escrow.rules.values import Floor
from escrow.teaching.tables import attendance, lesson

Sums: TypeAlias = Mapping[int, Mapping[Month, int]]
"""By institution and local month; what is not there is 0."""

BEFORE: Final = 3
"""Months that a month is compared with."""

_OPEN: Final = -1
"""The day of what has not happened yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something that somebody waits for, by days counted from 1970: since when, and until when (-1: it still is)."""

    since: int
    until: int

    def too_long(self, allowed: int, *, at: int) -> bool:
        """Whether it was waited for longer than so many days at the end of this day."""
        return self.since + allowed < at and not _OPEN < self.until <= at


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Everything that scores are made of, of all institutions, read once."""

    collected: Sums
    lessons: Sums
    taught: Sums
    released: Sums
    left: Sums
    refunds: Mapping[int, list[Waiting]]
    refused: Mapping[int, list[Waiting]]
    families: Sums
    rosters: Mapping[int, list[Month]]
    """The months whose roster is missing, whether it is due or not."""


def read(db: Connection, *, since: datetime) -> Sources:
    """All sums by institution and month, money from the start. `since` bounds the rosters that are looked for."""
    p, o, t, a = payment.c, instruction.c, lesson.c, attendance.c
    collected = _at_home(payment.c.supervised_account, local_day(p.paid_at), func.sum(p.amount))
    released = _at_home(o.supervised_account, local_day(o.made_at), func.sum(o.amount))
    left = _at_home(o.supervised_account, local_day(o.settled_at), func.sum(o.amount))
    held = (
        select(t.institution_id.label("institution"), days(t.held_on).label("day"))
        .join(attendance, a.lesson_id == t.id)
        .where(a.state != "struck")
        .group_by(t.institution_id, t.held_on)
    )
    told = _complaints(db)
    missing = defaultdict(list)
    for row in records(months_taught(db, since)):
        if not row["filed"]:
            missing[row["institution"]].append(Month.parse(row["month"]))
    return Sources(
        collected=_sums(db, collected),
        lessons=_sums(db, held.add_columns(func.count().label("total"))),
        taught=_sums(db, held.add_columns(func.coalesce(func.sum(a.share), 0).label("total"))),
        released=_sums(db, released.where(o.kind == "release", o.state.in_(("instructed", "sent", "settled")))),
        left=_sums(db, left.where(o.state == "settled")),
        refunds=_refunds(db),
        refused=_waiting(row for row in told if row["about"] == "refused_refund"),
        families=_families(told),
        rosters=missing,
    )


def figures(of: Institution, month: Month, known: Sources, ground: Ground) -> Figures:
    """The figures of one institution's month, to its end or to today. Pure."""
    end = min(number_of(month.last_day), ground.today)
    before = [month.plus(-number) for number in range(1, BEFORE + 1)]
    lately = [month.plus(-number) for number in range(BEFORE)]
    habit = ground.habit("risk_refunds")
    waits = [*known.refunds.get(of.id, ()), *known.refused.get(of.id, ())]
    return Figures(
        collected=_over(known.collected, of, [month]),
        collected_before=_over(known.collected, of, before),
        lessons=_over(known.lessons, of, [month]),
        lessons_before=_over(known.lessons, of, before),
        unanswered=0 if habit is None else sum(each.too_long(habit["days"], at=end) for each in waits),
        balance=_until(known.collected, of, month) - _until(known.left, of, month),
        floor=_floor(of, month, known, ground),
        released=_over(known.released, of, lately),
        taught_minor=_over(known.taught, of, before),
        rosters_missing=_missing(known.rosters.get(of.id, ()), lately, ground, day_of(end)),
        families=_over(known.families, of, [month]),
    )


def _floor(of: Institution, month: Month, known: Sources, ground: Ground) -> int:
    """The least that should stand on the account: by the law of the place, else by the bureau's habit."""
    rule = ground.rulebook.in_force(
        "deposit.floor",
        jurisdiction=ground.jurisdiction,
        on=day_of(min(number_of(month.last_day), ground.today)),
        category=of.category,
        mode=of.mode,
    )
    law = None if rule is None else rule.as_a(Floor)
    if law is not None and law.months is not None:
        return law.of(_over(known.collected, of, [month.plus(-number) for number in range(law.months)]))
    habit = ground.habit("risk_balance")
    if habit is None:
        return 0
    lately = [month.plus(-number) for number in range(habit["months"])]
    return -(-_over(known.collected, of, lately) * habit["share_percent"] // 100)


def _missing(months: Iterable[Month], lately: Iterable[Month], ground: Ground, end: date) -> int:
    rule = ground.rulebook.in_force("roster.deadline", jurisdiction=ground.jurisdiction, on=end)
    if rule is None:
        return 0
    return sum(rosters.due_on(each, rule) < end for each in {*months} & {*lately})


def _over(sums: Sums, of: Institution, months: Iterable[Month]) -> int:
    return sum(sums.get(of.id, {}).get(month, 0) for month in months)


def _until(sums: Sums, of: Institution, month: Month) -> int:
    return sum(total for each, total in sums.get(of.id, {}).items() if each <= month)


def _at_home(account: ColumnElement[str], day: ColumnElement[int], total: ColumnElement[int]) -> Select[Any]:
    """A sum by the institution that the supervised account belongs to, and by day."""
    i = institution.c
    query = select(i.id.label("institution"), day.label("day"), total.label("total"))
    return query.join(institution, i.supervised_account == account).group_by(i.id, day)


def _sums(db: Connection, query: Select[Any]) -> Sums:
    found: dict[int, dict[Month, int]] = defaultdict(lambda: defaultdict(int))
    months: dict[int, Month] = {}
    for row in records(frame(db, query)):
        day = row["day"]
        if day not in months:
            months[day] = Month(day_of(day).year, day_of(day).month)
        found[row["institution"]][months[day]] += row["total"]
    return found


def _refunds(db: Connection) -> Mapping[int, list[Waiting]]:
    """Refunds, from the day they were decided to the day the statement showed them leaving."""
    o = instruction.c
    query = (
        select(
            contract.c.institution_id.label("institution"),
            local_day(refund.c.requested_at).label("since"),
            func.coalesce(func.min(local_day(o.settled_at)), _OPEN).label("until"),
        )
        .select_from(refund)
        .join(contract, contract.c.id == refund.c.contract_id)
        .join(
            instruction,
            (o.kind == "refund") & (o.source_id == refund.c.id) & (o.state == "settled"),
            isouter=True,
        )
        .group_by(refund.c.id, contract.c.institution_id, refund.c.requested_at)
    )
    return _waiting(records(frame(db, query)))


def _complaints(db: Connection) -> list[dict[str, Any]]:
    c = complaint.c
    query = select(
        c.institution_id.label("institution"),
        c.category.label("about"),
        func.coalesce(c.guardian_id, -c.id).label("family"),
        local_day(c.filed_at).label("since"),
        func.coalesce(local_day(c.answered_at), _OPEN).label("until"),
    ).where(c.state != "unfounded")
    return records(frame(db, query, texts=("about",)))


def _families(told: Iterable[Mapping[str, Any]]) -> Sums:
    """How many different families complained, by institution and month."""
    seen = {
        (row["institution"], Month(day_of(row["since"]).year, day_of(row["since"]).month), row["family"])
        for row in told
    }
    found: dict[int, dict[Month, int]] = defaultdict(lambda: defaultdict(int))
    for where, month, _ in seen:
        found[where][month] += 1
    return found


def _waiting(rows: Iterable[Mapping[str, Any]]) -> Mapping[int, list[Waiting]]:
    found = defaultdict(list)
    for row in rows:
        found[row["institution"]].append(Waiting(since=row["since"], until=row["until"]))
    return found
