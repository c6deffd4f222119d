"""Rosters: who taught which classes in a month, filed by the day that the jurisdiction names (名册更新)."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.refusals import Conflict, Invalid
from escrow.registry import institutions
from escrow.registry.institutions import Institution
from escrow.registry.tables import course
from escrow.registry.tables import roster as table
from escrow.rules.finding import Finding
from escrow.rules.months import SHANGHAI, Month
from escrow.rules.rule import Rule
from escrow.rules.rulebook import Rulebook


class MonthNotBegun(Conflict):
    """The roster of {month} cannot be filed yet: that month begins on {begins}. File those of months that
    have begun."""

    zh = "{month} 尚未开始（{begins} 起），不能更新该月名册；请更新已开始月份的名册。"


class BadRoster(Invalid):
    """The roster cannot be taken: {why}. Correct it and file the whole of it again."""

    zh = "名册不能受理：{why_zh}。请更正后重新提交整份名册。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher:
    """Who taught (授课教师). `certificate`: 教师资格证号, where there is one."""

    name: str
    subject: str
    certificate: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaughtClass:
    """A class of the month (班级): its filed course, who taught it, and how many pupils were in it."""

    course_id: int
    name: str
    teacher: str
    pupils: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """A filed roster (名册). A later one of the same month stands in its place; both stay.

    `due_on` is the last day in time by the rule version `rule`; None: no rule asked for it then.
    """

    id: int
    institution_id: int
    month: str
    teachers: Sequence[Teacher]
    classes: Sequence[TaughtClass]
    rule: str | None
    due_on: date | None
    filed_by: str
    filed_at: datetime

    @property
    def late(self) -> bool:
        """Whether it came after its day."""
        return self.due_on is not None and self.filed_at.astimezone(SHANGHAI).date() > self.due_on


def file(
    db: Connection,
    institution_id: int,
    *,
    month: Month,
    teachers: Sequence[Teacher],
    classes: Sequence[TaughtClass],
    rulebook: Rulebook,
    by: Caller,
    now: datetime,
) -> Roster:
    """File the roster of a month, or a newer one in its place. One that is late is taken, and says so.

    Raises Unknown, MonthNotBegun, BadRoster.
    """
    by.must_act_for("institution", institution_id, "institution", institution_id)
    of = institutions.get(db, institution_id)
    if month.start > now:
        raise MonthNotBegun(month=month, begins=month.first_day)
    _must_fit_together(teachers, classes, _filed_courses(db, institution_id))
    rule = rule_of(rulebook, of, now)
    made = insert(table).values(
        institution_id=institution_id,
        month=str(month),
        teachers=[asdict(each) for each in teachers],
        classes=[asdict(each) for each in classes],
        rule=None if rule is None else rule.version,
        due_on=None if rule is None else due_on(month, rule),
        filed_by=by.name,
        filed_at=now,
    )
    filed = _as_roster(db.execute(made.returning(table)).one())
    subject = f"institution:{institution_id}"
    trail.record(db, by, "roster.filed", subject, now=now, month=str(month), classes=len(classes), late=filed.late)
    return filed


def latest(db: Connection, institution_id: int, month: Month) -> Roster | None:
    """The roster of a month that stands now, or None."""
    query = select(table).where(table.c.institution_id == institution_id, table.c.month == str(month))
    row = db.execute(query.order_by(table.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _as_roster(row)


def finding(db: Connection, of: Institution, month: Month, *, rulebook: Rulebook, now: datetime) -> Finding | None:
    """What the rule finds when a release is asked for this month: that no roster was filed for it; or nothing."""
    rule = rule_of(rulebook, of, now)
    if rule is None or latest(db, of.id, month) is not None:
        return None
    return missing(of.id, of.name, month, rule)


def rule_of(rulebook: Rulebook, of: Institution, now: datetime) -> Rule | None:
    """The rule that asks for rosters where the institution is, or None."""
    return rulebook.in_force("roster.deadline", jurisdiction=of.jurisdiction, on=now.astimezone(SHANGHAI).date())


def due_on(month: Month, rule: Rule) -> date:
    """The last day on which a month's roster is in time: the rule's day of the month after, or that month's last."""
    after = month.plus(1)
    return after.first_day.replace(day=min(rule.integer, after.last_day.day))


def missing(institution_id: int, name: str, month: Month, rule: Rule) -> Finding:
    """The finding that no roster was filed for a month. Pure."""
    day = due_on(month, rule)
    citation = f"{rule.citation.title} {rule.citation.number}".strip()
    return Finding(
        rule=rule,
        fact=f"institution:{institution_id}:roster:{month}",
        limit=day.isoformat(),
        found="not filed",
        zh=f"「{name}」未更新 {month} 的名册（应于 {day} 前更新），请先提交名册。"
        f"依据：{citation}，规则版本{rule.version}。",
        en=f"{name} has filed no roster for {month}; it was due by {day}: file it. Rule {rule.version}, by {citation}.",
        evidence={"institution": institution_id, "month": str(month), "due_on": day.isoformat()},
    )


def _must_fit_together(teachers: Sequence[Teacher], classes: Sequence[TaughtClass], courses: Collection[int]) -> None:
    names = [each.name for each in teachers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadRoster(why=f"a teacher stands in it twice: {', '.join(twice)}", why_zh=f"教师重复：{'、'.join(twice)}")
    for each in classes:
        if each.teacher not in names:
            raise BadRoster(
                why=f"{each.teacher}, who teaches {each.name}, is not among its teachers",
                why_zh=f"班级「{each.name}」的教师 {each.teacher} 不在教师名单中",
            )
        if each.course_id not in courses:
            raise BadRoster(
                why=f"the course {each.course_id} of {each.name} is not filed by this institution",
                why_zh=f"班级「{each.name}」的课程 {each.course_id} 不是本机构的备案课程",
            )
        if each.pupils < 0:
            raise BadRoster(
                why=f"{each.name} has {each.pupils} pupils; none is the least",
                why_zh=f"班级「{each.name}」的人数不能为负",
            )


def _filed_courses(db: Connection, institution_id: int) -> set[int]:
    return set(db.scalars(select(course.c.id).where(course.c.institution_id == institution_id)))


def _as_roster(row: Row[Any]) -> Roster:
    facts = row._asdict()
    teachers = [Teacher(**each) for each in facts.pop("teachers")]
    classes = [TaughtClass(**each) for each in facts.pop("classes")]
    return Roster(**facts, teachers=teachers, classes=classes)
