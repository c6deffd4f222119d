"""Lessons that a guardian disputes: one is struck out, one stands; meanwhile a release leaves it out."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from escrow.demo import banking, enrolling
from escrow.demo.agenda import clock
from escrow.demo.cases.outcome import Outcome, money_of
from escrow.demo.county import Family
from escrow.demo.town import OFFICER, Class, Enrolled, Town
from escrow.demo.yuan import yuan
from escrow.payouts.release_drafts import REASONS_IN_CHINESE
from escrow.payouts.tables import release_line, release_request
from escrow.teaching import confirmations
from escrow.teaching.tables import attendance, lesson

SIGNED: Final = date(2026, 7, 22)
STRUCK: Final = (date(2026, 8, 12), date(2026, 8, 21))
"""The first lesson from this day on is disputed; the bureau decides on that."""
STANDS: Final = (date(2026, 8, 24), date(2026, 9, 17))


def put_on_agenda(town: Town) -> None:
    """Two families of the institution that will ask on the 10th of September."""
    school = town.others[0]
    klass = school.classes[0]
    for title, (day, _), minute in (("struck", STRUCK, 10), ("stands", STANDS, 40)):
        begins = next(begins for begins, _ in klass.plan.taught() if begins.date() >= day)
        deed = partial(_enrol, town, klass, town.people.family(steady=True), title=title, begins=begins)
        town.later(clock(SIGNED, 11, minute), deed)


def _enrol(town: Town, klass: Class, family: Family, now: datetime, *, title: str, begins: datetime) -> None:
    enrolled = enrolling.sign(town, klass, family, now)
    order = enrolling.place(town, enrolled, now)
    town.later(now + timedelta(minutes=25), partial(banking.pay, town, enrolled, order))
    town.later(
        clock(begins.date() + timedelta(days=1), 8), partial(_dispute, town, enrolled, title=title, begins=begins)
    )


def _dispute(town: Town, enrolled: Enrolled, now: datetime, *, title: str, begins: datetime) -> None:
    lesson_id, is_struck = enrolled.klass.held[begins], title == "struck"
    reason = "孩子当天生病请假，没有上课" if is_struck else "孩子说只上了半节课"
    with town.request() as db:
        confirmations.dispute(db, lesson_id, enrolled.contract.id, reason=reason, by=enrolled.guardian, now=now)
    town.notes[title] = (lesson_id, enrolled.contract.id)
    decided = clock((STRUCK if is_struck else STANDS)[1], 15)
    town.later(decided, partial(_decide, town, enrolled, lesson_id=lesson_id, is_struck=is_struck))


def _decide(town: Town, enrolled: Enrolled, now: datetime, *, lesson_id: int, is_struck: bool) -> None:
    reason = "签到表无该生，记课有误" if is_struck else "监控与签到表显示全程在场"
    with town.request() as db:
        confirmations.decide(
            db, lesson_id, enrolled.contract.id, taught=not is_struck, reason=reason, by=OFFICER, now=now
        )


def told(db: Connection, town: Town) -> list[Outcome]:
    """The two disputes, what releases left out, and who confirmed the rest."""
    return [
        Outcome(
            zh="有异议的课时：撤销",
            en="a disputed lesson, struck out",
            answer=_dispute_of(db, *town.notes["struck"]),
            money=money_of(db, town.notes["struck"][1]),
        ),
        Outcome(
            zh="有异议的课时：认定已上",
            en="a disputed lesson that stands",
            answer=_dispute_of(db, *town.notes["stands"]),
            money=money_of(db, town.notes["stands"][1]),
        ),
        Outcome(
            zh="拨付申请未纳入的课时",
            en="what release requests left out",
            answer="\n".join(_left_out(db)) or "无 none",
            money="\n".join(_later(db)) or "—",
        ),
        Outcome(
            zh="家长确认与逾期默认",
            en="confirmed by guardians, by silence, by the bureau",
            answer="\n".join(f"{row.confirmed_by}：{row.lessons:,} 课时" for row in _confirmed(db)),
            money="\n".join(f"{row.confirmed_by} {yuan(int(row.amount))}" for row in _confirmed(db)),
        ),
    ]


def _dispute_of(db: Connection, lesson_id: int, contract_id: int) -> str:
    query = (
        select(attendance, lesson.c.held_on)
        .join(lesson, lesson.c.id == attendance.c.lesson_id)
        .where(attendance.c.lesson_id == lesson_id, attendance.c.contract_id == contract_id)
    )
    row = db.execute(query).one()
    said = f"{row.held_on} 的课，家长异议：\n「{row.dispute}」"
    if row.state == "struck":
        return f"{said}\n撤销，不结转 struck out, it earns nothing"
    lines = (
        select(release_request.c.period, release_request.c.state, release_line.c.left_out)
        .join(release_line, release_line.c.request_id == release_request.c.id)
        .where(release_line.c.attendance_id == row.id)
        .order_by(release_request.c.id)
    )
    asked = [
        f"{each.period} 的申请："
        + (f"未纳入 left out, {each.left_out}" if each.left_out else f"已纳入 held, {each.state}")
        for each in db.execute(lines)
    ]
    return "\n".join([said, f"认定已上 {row.state} by {row.confirmed_by}：{yuan(row.share or 0)}", *asked])


def _left_out(db: Connection) -> Iterator[str]:
    r, n = release_line.c, release_request.c
    query = (
        select(n.period, r.left_out, r.expected, func.count().label("lessons"))
        .join(release_request, n.id == r.request_id)
        .where(r.left_out.is_not(None))
        .group_by(n.period, r.left_out, r.expected)
        .order_by(n.period, r.left_out, r.expected)
    )
    for row in db.execute(query):
        expected = f"，预计 {row.expected} 窗口 expected" if row.expected else ""
        why = REASONS_IN_CHINESE.get(row.left_out, "")
        yield f"{row.period} 的申请：{row.lessons:,} 课时\n{why} {row.left_out}{expected}"


def _later(db: Connection) -> Iterator[str]:
    """Where the lessons that were once left out are now."""
    query = (
        select(attendance.c.state, release_request.c.period, func.count().label("lessons"))
        .outerjoin(release_request, release_request.c.id == attendance.c.release_id)
        .where(attendance.c.id.in_(select(release_line.c.attendance_id).where(release_line.c.left_out.is_not(None))))
        .group_by(attendance.c.state, release_request.c.period)
        .order_by(attendance.c.state, release_request.c.period)
    )
    for row in db.execute(query):
        where = f"后纳入 {row.period} 的申请 held since" if row.period else row.state
        yield f"{row.lessons:,} 课时{where}"


def _confirmed(db: Connection) -> list[Row[Any]]:
    a = attendance.c
    query = (
        select(a.confirmed_by, func.count().label("lessons"), func.sum(a.share).label("amount"))
        .where(a.state == "confirmed")
        .group_by(a.confirmed_by)
        .order_by(a.confirmed_by)
    )
    return list(db.execute(query))
