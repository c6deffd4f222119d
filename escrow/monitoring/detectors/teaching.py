"""How lessons are taught: too late in the evening, and to pupils for whom nothing came into the account."""

from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, func, select

from escrow.enrolment.tables import contract, payment
from escrow.monitoring.detectors.ground import NO_LIMIT, Ground, Seen, seen
from escrow.monitoring.frames import AHEAD, DAY, days, frame, instant_of, records, seconds
from escrow.payouts.tables import refund
from escrow.registry.tables import institution
from escrow.rules.rule import Rule
from escrow.teaching.tables import attendance, lesson
from ledger.money import Money


def lessons(db: Connection, since: datetime) -> pd.DataFrame:
    """Every lesson held since, with when it ended."""
    t, i = lesson.c, institution.c
    query = (
        select(
            t.id,
            t.institution_id.label("institution"),
            t.course_id.label("course"),
            days(t.held_on).label("held_on"),
            seconds(t.ends_at).label("ends_at"),
            i.category,
            i.mode,
            i.jurisdiction,
        )
        .join(institution, i.id == t.institution_id)
        .where(t.starts_at >= since)
        .order_by(t.id)
    )
    return frame(db, query, texts=("category", "mode", "jurisdiction"))


def late_lessons(held: pd.DataFrame, ground: Ground) -> list[Seen]:
    """Lessons that ended later than the law lets them; the minute itself is in time."""
    rules = ground.rules("lesson.latest_end", held, taught="held_on")
    # Seconds after the midnight before the lesson: one that ends after the next midnight is late too.
    ended = held["ends_at"] + AHEAD - held["held_on"] * DAY
    late = ended.to_numpy() > [_latest(rule) for rule in rules]
    found = []
    for row, rule in zip(
        records(held[late]), [each for each, yes in zip(rules, late, strict=True) if yes], strict=True
    ):
        if rule is None:
            continue
        at, allowed = instant_of(row["ends_at"]), rule.local_time.isoformat("minutes")
        ends = at.isoformat(" ", "seconds" if at.second else "minutes")[:-6]
        found.append(
            seen(
                rule,
                f"late_lesson:lesson:{row['id']}",
                institution=row["institution"],
                last=at,
                figures=(allowed, ends),
                zh=f"课次{row['id']}于{ends}下课，晚于{allowed}。",
                en=f"Lesson {row['id']} ended at {ends}, later than {allowed}.",
                evidence={"lessons": [row["id"]], "course": row["course"], "ended": ends, "allowed": allowed},
            )
        )
    return found


def _latest(rule: Rule | None) -> int:
    if rule is None:
        return NO_LIMIT
    return rule.local_time.hour * 3_600 + rule.local_time.minute * 60


def attended(db: Connection, since: datetime) -> pd.DataFrame:
    """Every contract that lessons were taught on since: how many in all, when last, and what was paid and repaid."""
    c, i, a, t = contract.c, institution.c, attendance.c, lesson.c
    taught = (
        select(a.contract_id, func.count().label("lessons"), func.max(t.ends_at).label("last"))
        .join(lesson, t.id == a.lesson_id)
        .where(a.state != "struck")
        .group_by(a.contract_id)
        .subquery()
    )
    paid = (
        select(payment.c.contract_id, func.sum(payment.c.amount).label("fen"))
        .where(payment.c.state == "placed")
        .group_by(payment.c.contract_id)
        .subquery()
    )
    repaid = select(refund.c.contract_id, func.sum(refund.c.amount).label("fen")).group_by(refund.c.contract_id)
    gone = repaid.subquery()
    query = (
        select(
            c.id,
            c.institution_id.label("institution"),
            c.student_id.label("student"),
            c.lessons,
            c.price,
            taught.c.lessons.label("taught"),
            seconds(taught.c.last).label("last"),
            (func.coalesce(paid.c.fen, 0) - func.coalesce(gone.c.fen, 0)).label("paid"),
            i.jurisdiction,
        )
        .join(taught, taught.c.contract_id == c.id)
        .join(institution, i.id == c.institution_id)
        .join_from(contract, paid, paid.c.contract_id == c.id, isouter=True)
        .join(gone, gone.c.contract_id == c.id, isouter=True)
        .where(taught.c.last >= since)
        .order_by(c.id)
    )
    return frame(db, query, texts=("jurisdiction",))


def unfunded_lessons(had: pd.DataFrame, ground: Ground) -> list[Seen]:
    """Contracts on which more was taught than has come into the account, some days after the last lesson."""
    habit = ground.habit("unfunded_lessons")
    if habit is None:
        return []
    # Gifted lessons come after the paid ones and cost nothing; what k lessons earn is floor(price · k / lessons).
    earned = had["price"] * had["taught"].clip(upper=had["lessons"]) // had["lessons"]
    quiet = ground.today - (had["last"] + AHEAD) // DAY > habit["days"]
    chosen = had.assign(earned=earned)[quiet & (earned > had["paid"])]
    return [
        seen(
            habit.rule,
            f"unfunded_lessons:contract:{row['id']}",
            institution=row["institution"],
            contract=row["id"],
            last=instant_of(row["last"]),
            figures=(f"{Money(row['paid'])} paid", f"{row['taught']} lessons, {Money(row['earned'])}"),
            zh=f"合同{row['id']}已授课{row['taught']}课时，价值{Money(row['earned']).major}元，监管账户仅收到"
            f"{Money(row['paid']).major}元。",
            en=f"{row['taught']} lessons worth {Money(row['earned'])} were taught on contract {row['id']}, and "
            f"{Money(row['paid'])} came into the supervised account.",
            evidence={
                "student": row["student"],
                "contracts": [row["id"]],
                "lessons_taught": row["taught"],
                "earned_minor": row["earned"],
                "paid_minor": row["paid"],
            },
        )
        for row in records(chosen)
    ]
