"""Renewal upon renewal: a family that never gets to use up what it has paid for."""

from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, Subquery, func, select

from escrow.enrolment.tables import CHILD, contract, student
from escrow.monitoring.detectors.ground import Ground, Seen, seen
from escrow.monitoring.frames import frame, instant_of, integers, seconds
from escrow.registry.tables import institution
from escrow.teaching.tables import attendance, lesson

_COURSE = ["student", "institution", "subject"]


def renewals(db: Connection, since: datetime) -> pd.DataFrame:
    """Every contract that another of the same course followed, with what was left of it when that one was signed."""
    i = institution.c
    followed = _followed(since)
    s, taught = followed.c, _taught_by_then(followed)
    query = (
        select(
            s.id,
            s.institution_id.label("institution"),
            s.student_id.label("student"),
            s.subject,
            s.next_id,
            seconds(s.next_signed).label("next_signed_at"),
            (s.lessons - func.coalesce(taught.c.lessons, 0)).label("left"),
            i.jurisdiction,
        )
        .join(institution, i.id == s.institution_id)
        .join_from(followed, taught, taught.c.id == s.id, isouter=True)
        .where(s.next_id.is_not(None))
    )
    found = frame(db, query, texts=("subject", "jurisdiction"))
    return found.sort_values([*_COURSE, "next_signed_at", "next_id"], ignore_index=True)


def _followed(since: datetime) -> Subquery:
    """Each contract beside the one of its course that was signed next."""
    c = contract.c
    key, order = [CHILD, c.institution_id, c.subject], [c.signed_at, c.id]
    query = select(
        c.id,
        c.institution_id,
        CHILD.label("student_id"),
        c.subject,
        (c.lessons + c.gifted).label("lessons"),
        func.lead(c.id).over(partition_by=key, order_by=order).label("next_id"),
        func.lead(c.signed_at).over(partition_by=key, order_by=order).label("next_signed"),
    )
    return query.join(student, student.c.id == c.student_id).where(c.signed_at >= since).subquery()


def _taught_by_then(followed: Subquery) -> Subquery:
    """How many lessons of each were over when the next was signed."""
    s, t = followed.c, lesson.c
    query = (
        select(s.id, func.count().label("lessons"))
        .join(attendance, attendance.c.contract_id == s.id)
        .join(lesson, t.id == attendance.c.lesson_id)
        .where(s.next_id.is_not(None), attendance.c.state != "struck", t.ends_at <= s.next_signed)
    )
    return query.group_by(s.id).subquery()


def chained_renewals(renewed: pd.DataFrame, ground: Ground) -> list[Seen]:
    """So many renewals in a row, each while more was left of the contract before than may be at a renewal."""
    habit = ground.habit("chained_renewals")
    if habit is None or renewed.empty:
        return []
    allowed = habit["lessons_left"]
    early = renewed["left"] > allowed
    same = (renewed[_COURSE] == renewed[_COURSE].shift(1)).all(axis="columns")
    chain = (~(same & early & early.shift(1, fill_value=False))).cumsum()[early]
    long = chain[chain.groupby(chain).transform("size") >= habit["links"]]
    found = []
    for _, of_chain in renewed.loc[long.index].groupby(long):
        ids = [int(of_chain["id"].iloc[0]), *integers(of_chain["next_id"])]
        left = integers(of_chain["left"])
        found.append(
            seen(
                habit.rule,
                f"chained_renewals:contract:{ids[0]}",
                institution=int(of_chain["institution"].iloc[0]),
                contract=ids[-1],
                last=instant_of(of_chain["next_signed_at"].iloc[-1]),
                figures=(f"{allowed} lessons left", f"{', '.join(map(str, left))} lessons left"),
                zh=f"同一学员同一科目连续{len(left)}次续费，续费时前一合同分别尚余{'、'.join(map(str, left))}课时，"
                f"均多于{allowed}课时。",
                en=f"{len(left)} renewals in a row, signed while {', '.join(map(str, left))} lessons of the contract "
                f"before were left; at most {allowed} should be.",
                evidence={"student": int(of_chain["student"].iloc[0]), "contracts": ids, "lessons_left": left},
            )
        )
    return found
