"""What people tell and the books cannot know: money outside the account, full classrooms, printed codes, complaints."""

from datetime import date, datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from sqlalchemy import Connection, case, func, select

from escrow.enrolment.tables import payment, taking
from escrow.monitoring.detectors.ground import Ground, Seen, limits, seen
from escrow.monitoring.frames import (
    AHEAD,
    DAY,
    day_of,
    days,
    frame,
    instant_of,
    integers,
    months,
    number_of,
    records,
    seconds,
)
from escrow.monitoring.tables import COMPLAINTS, complaint
from escrow.registry.tables import institution
from escrow.rules.rule import Rule
from escrow.rules.working_days import due_day
from escrow.teaching.tables import attendance, head_count, lesson
from ledger.money import Money

OUTSIDE: Final = {
    "personal_code": "account.personal_code",
    "cash": "account.supervised",
    "cheaper_outside": "account.supervised",
}
"""Complaints about money outside the account, each with the rule that it would break."""


def complaints(db: Connection, since: datetime) -> pd.DataFrame:
    """Complaints since that were not found to be unfounded."""
    c, i = complaint.c, institution.c
    query = (
        select(
            c.id,
            c.institution_id.label("institution"),
            c.category.label("about"),
            # Who is not named is somebody else each time: the negative of the complaint's own id.
            func.coalesce(c.guardian_id, -c.id).label("family"),
            seconds(c.filed_at).label("filed_at"),
            days(c.happened_on).label("happened_on"),
            i.category,
            i.mode,
            i.jurisdiction,
        )
        .join(institution, i.id == c.institution_id)
        .where(c.filed_at >= since, c.state != "unfounded")
        .order_by(c.id)
    )
    return frame(db, query, texts=("about", "category", "mode", "jurisdiction"))


def outside_complaints(told: pd.DataFrame, ground: Ground) -> list[Seen]:
    """A single family that was asked to pay elsewhere is enough: once a month for an institution and a way of it."""
    habit = ground.habit("outside_complaints")
    if habit is None:
        return []
    found = []
    for about, name in OUTSIDE.items():
        rows = told[told["about"] == about]
        rules = ground.rules(name, rows, received="happened_on")
        by_row = dict(zip(rows.index, rules, strict=True))
        for _, of_month in _monthly(rows):
            found.append(_complaints(of_month, by_row[of_month.index[-1]] or habit.rule, "outside_complaints", 1))
    return found


def repeated_complaints(told: pd.DataFrame, ground: Ground) -> list[Seen]:
    """Several families that complain of the same thing in one month."""
    habit = ground.habit("repeated_complaints")
    if habit is None:
        return []
    rows = told[~told["about"].isin([*OUTSIDE])]
    return [
        _complaints(of_month, habit.rule, "repeated_complaints", habit["families"])
        for _, of_month in _monthly(rows)
        if of_month["family"].nunique() >= habit["families"]
    ]


def _monthly(rows: pd.DataFrame) -> Any:
    return rows.groupby(["institution", "about", months(rows["filed_at"])])


def _complaints(rows: pd.DataFrame, rule: Rule, name: str, limit: int) -> Seen:
    where, about = int(rows["institution"].iloc[0]), str(rows["about"].iloc[0])
    month, families = months(rows["filed_at"]).iloc[0], int(rows["family"].nunique())
    return seen(
        rule,
        f"{name}:institution:{where}:{about}:month:{month}",
        institution=where,
        last=instant_of(rows["filed_at"].max()),
        figures=(f"fewer than {limit} families", f"{families} families"),
        zh=f"{month}有{families}个家庭投诉该机构{COMPLAINTS[about]}（共{len(rows)}件）。",
        en=f"In {month} {families} families complained of the institution ({about}), {len(rows)} complaints.",
        evidence={"month": str(month), "complaints": integers(rows["id"]), "about": about},
    )


def takings(db: Connection, since: datetime) -> pd.DataFrame:
    """Money that institutions took elsewhere, and the day on which the bank's credit swept it in (-1: not yet)."""
    t, i = taking.c, institution.c
    query = (
        select(
            t.id,
            t.institution_id.label("institution"),
            t.amount,
            days(t.taken_on).label("taken_on"),
            func.coalesce(days(t.swept_on), -1).label("swept_on"),
            i.category,
            i.mode,
            i.jurisdiction,
        )
        .join(institution, i.id == t.institution_id)
        .where(t.reported_at >= since)
        .order_by(t.id)
    )
    return frame(db, query, texts=("category", "mode", "jurisdiction"))


def unswept_takings(taken: pd.DataFrame, ground: Ground) -> list[Seen]:
    """Money that had not reached the account by the end of the last working day it had."""
    habit = ground.habit("unswept_takings")
    if habit is None:
        return []
    rules = [each or habit.rule for each in ground.rules("cash.sweep", taken, received="taken_on")]
    allowed = [habit["working_days"] if rule is habit.rule else rule.integer for rule in rules]
    due = {key: number_of(due_day(day_of(key[0]), key[1])) for key in set(zip(taken["taken_on"], allowed, strict=True))}
    last_day = np.array([due[key] for key in zip(taken["taken_on"], allowed, strict=True)], dtype="int64")
    reached = np.where(taken["swept_on"] < 0, ground.today, taken["swept_on"])
    return [
        _unswept(row, rule, day_of(day), ground.now)
        for row, rule, day, late in zip(records(taken), rules, last_day, reached > last_day, strict=True)
        if late
    ]


def _unswept(row: dict[str, Any], rule: Rule, due: date, now: datetime) -> Seen:
    amount, taken = Money(row["amount"]), day_of(row["taken_on"])
    came = day_of(row["swept_on"]) if row["swept_on"] >= 0 else None
    return seen(
        rule,
        f"unswept_taking:taking:{row['id']}",
        institution=row["institution"],
        last=now if came is None else instant_of(row["swept_on"] * DAY - AHEAD),
        figures=(f"in the account by {due}", f"{amount} not yet" if came is None else f"{amount} on {came}"),
        zh=f"{taken}在账户外收取{amount.major}元，应于{due}前归集到监管账户，"
        f"{'至今未到账' if came is None else f'实际于{came}到账'}。",
        en=f"{amount} were taken outside the account on {taken} and due in it by {due}; "
        f"{'they have not come' if came is None else f'they came on {came}'}.",
        evidence={"takings": [row["id"]], "amount_minor": row["amount"], "due_on": due.isoformat()},
    )


def static_payments(db: Connection, since: datetime) -> pd.DataFrame:
    """Payments of which the bank says that a printed, static code was scanned."""
    p, i = payment.c, institution.c
    query = (
        select(
            p.id,
            i.id.label("institution"),
            p.amount,
            seconds(p.paid_at).label("paid_at"),
            case((p.payer_account != "", p.payer_account), else_=p.payer).label("payer"),
            i.category,
            i.mode,
            i.jurisdiction,
        )
        .join(institution, i.supervised_account == p.supervised_account)
        .where(p.code == "static", p.paid_at >= since)
        .order_by(p.id)
    )
    found = frame(db, query, texts=("payer", "category", "mode", "jurisdiction"))
    found["paid_on"] = (found["paid_at"] + AHEAD) // DAY
    return found


def static_codes(paid: pd.DataFrame, ground: Ground) -> list[Seen]:
    """A customer who paid more by static codes in one day than the law lets a static code carry."""
    key = ["institution", "payer", "paid_on"]
    rules = ground.rules("code.static_daily", paid, paid="paid_on")
    by_row = dict(zip(paid.index, rules, strict=True))
    over = paid[paid.groupby(key)["amount"].transform("sum") > limits(rules)]
    found = []
    for _, of_day in over.groupby(key):
        rule = by_row[of_day.index[0]]
        if rule is None:
            continue
        total, limit = Money(int(of_day["amount"].sum())), Money(rule.integer)
        day, ids = day_of(of_day["paid_on"].iloc[0]), integers(of_day["id"])
        found.append(
            seen(
                rule,
                f"static_code:payment:{ids[0]}",
                institution=int(of_day["institution"].iloc[0]),
                last=instant_of(of_day["paid_at"].max()),
                figures=(str(limit), str(total)),
                zh=f"同一付款人于{day}通过静态码付款{len(ids)}笔共{total.major}元，超过每日{limit.major}元的限额。",
                en=f"One payer paid {total} by static codes on {day}, in {len(ids)} payments; "
                f"{limit} a day is the most.",
                evidence={"payments": ids, "amount_minor": total.minor, "allowed_minor": limit.minor},
            )
        )
    return found


def counted(db: Connection, since: datetime) -> pd.DataFrame:
    """Every lesson whose heads somebody counted: the largest count, and how many attended on a contract with money."""
    t, i, a, h = lesson.c, institution.c, attendance.c, head_count.c
    heads = select(h.lesson_id, func.max(h.heads).label("heads"), func.max(h.counted_at).label("at"))
    heads_of = heads.where(h.counted_at >= since).group_by(h.lesson_id).subquery()
    funded = select(payment.c.id).where(payment.c.contract_id == a.contract_id).exists()
    paid = (
        select(func.count()).where(a.lesson_id == heads_of.c.lesson_id, a.state != "struck", funded).scalar_subquery()
    )
    query = (
        select(
            t.id,
            t.institution_id.label("institution"),
            days(t.held_on).label("held_on"),
            heads_of.c.heads,
            seconds(heads_of.c.at).label("counted_at"),
            paid.label("paid"),
            i.jurisdiction,
        )
        .join(heads_of, heads_of.c.lesson_id == t.id)
        .join(institution, i.id == t.institution_id)
        .order_by(t.id)
    )
    return frame(db, query, texts=("jurisdiction",))


def crowded_classes(classes: pd.DataFrame, ground: Ground) -> list[Seen]:
    """More heads in the class than contracts with money behind them, and some for a trial."""
    habit = ground.habit("crowded_classes")
    if habit is None:
        return []
    return [
        seen(
            habit.rule,
            f"crowded_class:lesson:{row['id']}",
            institution=row["institution"],
            last=instant_of(row["counted_at"]),
            figures=(f"{row['paid']} paid contracts and {habit['guests']} guests", f"{row['heads']} heads"),
            zh=f"课次{row['id']}（{day_of(row['held_on'])}）现场{row['heads']}人，有缴费合同的出勤学员仅{row['paid']}人。",
            en=f"{row['heads']} pupils were counted in lesson {row['id']} on {day_of(row['held_on'])}; {row['paid']} "
            "attended on a contract that was paid for.",
            evidence={"lessons": [row["id"]], "heads": row["heads"], "paid_contracts": row["paid"]},
        )
        for row in records(classes[classes["heads"] > classes["paid"] + habit["guests"]])
    ]
