"""What comes into supervised accounts and should not: for courses nobody filed, for a shop that is shut, by a printed
code, for somebody else."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import pandas as pd
from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, func, or_, select

from escrow.enrolment.tables import contract, payment, payment_order
from escrow.monitoring.detectors.ground import Ground, Seen, seen
from escrow.monitoring.frames import (
    AHEAD,
    DAY,
    day_of,
    days,
    frame,
    instant_of,
    integers,
    local_day,
    months,
    records,
    seconds,
)
from escrow.payouts.tables import closure
from escrow.registry.tables import course, institution
from escrow.rules.habits import Habit
from ledger.money import Money

_NAMES_NO_ORDER: Final = ("no_reference", "unknown_order", "wrong_amount")
NEVER: Final = 2**40
"""Later than any instant: no course was ever filed, no closure ever asked for."""


def doubtful(db: Connection, since: datetime) -> pd.DataFrame:
    """Payments since that stand, or stood, in suspense, or came when the institution should not have been paid."""
    p, i = payment.c, institution.c
    closing = select(closure.c.institution_id, func.max(seconds(closure.c.requested_at)).label("at"))
    shut = closing.where(closure.c.state.in_(("requested", "approved"))).group_by(closure.c.institution_id).subquery()
    first_course = (
        select(course.c.institution_id, func.min(seconds(course.c.filed_at)).label("at"))
        .group_by(course.c.institution_id)
        .subquery()
    )
    filed, shut_at = func.coalesce(first_course.c.at, NEVER), func.coalesce(shut.c.at, NEVER)
    paid_at, expires = seconds(p.paid_at), days(i.licence_expires)
    query: Select[Any] = (
        select(
            p.id,
            i.id.label("institution"),
            p.amount,
            paid_at.label("paid_at"),
            p.state,
            p.reason,
            p.reference,
            p.payer_account,
            expires.label("licence_expires"),
            filed.label("course_filed_at"),
            shut_at.label("shut_at"),
            _explained().label("explained"),
            i.jurisdiction,
        )
        .join(institution, i.supervised_account == p.supervised_account)
        .join(shut, shut.c.institution_id == i.id, isouter=True)
        .join(first_course, first_course.c.institution_id == i.id, isouter=True)
        .where(
            p.paid_at >= since,
            or_(p.reason != "", filed > paid_at, shut_at <= paid_at, local_day(p.paid_at) > expires),
        )
        .order_by(i.id, p.paid_at, p.id)
    )
    found = frame(db, query, texts=("state", "reason", "reference", "payer_account", "jurisdiction"))
    found["paid_on"] = (found["paid_at"] + AHEAD) // DAY
    return found


def _explained() -> ColumnElement[int]:
    """1 when the amount is that of whole lessons of a course filed by then, or of a contract or order there."""
    p, i, c, k = payment.c, institution.c, course.c, contract.c
    lessons = exists().where(c.institution_id == i.id, c.filed_at <= p.paid_at, p.amount % c.list_price == 0)
    whole = exists().where(k.institution_id == i.id, k.price == p.amount)
    part = exists().where(
        payment_order.c.contract_id == k.id, k.institution_id == i.id, payment_order.c.amount == p.amount
    )
    return case((and_(p.state == "suspense", ~or_(lessons, whole, part)), 0), else_=1)


def strange_payments(paid: pd.DataFrame, ground: Ground) -> list[Seen]:
    """Money in suspense whose amount fits no course that the institution has filed, and no contract of its."""
    habit = ground.habit("strange_payment")
    if habit is None:
        return []
    waits = (paid["state"] == "suspense") & paid["reason"].isin(_NAMES_NO_ORDER)
    chosen = paid[waits & (paid["explained"] == 0) & (ground.today - paid["paid_on"] > habit["days"])]
    return [
        seen(
            habit.rule,
            f"strange_payment:payment:{row['id']}",
            institution=row["institution"],
            last=instant_of(row["paid_at"]),
            figures=("whole lessons of a filed course, or a contract's price", str(Money(row["amount"]))),
            zh=f"{Money(row['amount']).major}元于{day_of(row['paid_on'])}到账，至今无对应订单，且金额既非该机构任一备案课程的"
            "整课时价，也非其任一合同或订单金额。",
            en=f"{Money(row['amount'])} came in on {day_of(row['paid_on'])} without an order, and fits neither whole "
            "lessons of a filed course nor a contract of the institution.",
            evidence={"payments": [row["id"]], "amount_minor": row["amount"]},
        )
        for row in records(chosen)
    ]


def printed_code(paid: pd.DataFrame, ground: Ground) -> list[Seen]:
    """Many payers without an order in one month."""
    habit = ground.habit("printed_code")
    if habit is None:
        return []
    nameless = paid[(paid["reason"] == "no_reference") & (paid["payer_account"] != "")]
    by_month = nameless.groupby(["institution", months(nameless["paid_at"])])
    many = nameless[by_month["payer_account"].transform("nunique") >= habit["payers"]]

    def told(rows: pd.DataFrame, month: str) -> tuple[str, str, str, str]:
        payers, limit = rows["payer_account"].nunique(), habit["payers"]
        return (
            f"fewer than {limit} payers",
            f"{payers} payers",
            f"{month}有{payers}名付款人未经订单付入监管账户，共{len(rows)}笔{_sum(rows).major}元，疑为使用静态收款码。",
            f"In {month} {payers} payers paid without an order, {len(rows)} payments of {_sum(rows)}: perhaps a "
            "printed code.",
        )

    return _monthly(habit, many, told)


def expired_licence(paid: pd.DataFrame, ground: Ground) -> list[Seen]:
    """Payments after the last day of the licence."""
    habit = ground.habit("expired_licence")

    def told(rows: pd.DataFrame, month: str) -> tuple[str, str, str, str]:
        expired = day_of(rows["licence_expires"].iloc[0])
        return (
            f"paid by {expired}",
            f"{len(rows)} payments, {_sum(rows)}",
            f"办学许可证已于{expired}到期，{month}仍收款{len(rows)}笔，共{_sum(rows).major}元。",
            f"The licence expired on {expired}; in {month} {len(rows)} payments of {_sum(rows)} came in all the same.",
        )

    return [] if habit is None else _monthly(habit, paid[paid["paid_on"] > paid["licence_expires"]], told)


def shut_and_paid(paid: pd.DataFrame, ground: Ground) -> list[Seen]:
    """Payments after the institution had asked to close."""
    habit = ground.habit("shut_and_paid")

    def told(rows: pd.DataFrame, month: str) -> tuple[str, str, str, str]:
        shut = instant_of(rows["shut_at"].iloc[0])
        return (
            f"paid by {shut.date()}",
            f"{len(rows)} payments, {_sum(rows)}",
            f"机构已于{shut.date()}申请终止办学，{month}仍收款{len(rows)}笔，共{_sum(rows).major}元。",
            f"The closure was asked for on {shut.date()}; in {month} {len(rows)} payments of {_sum(rows)} came in.",
        )

    return [] if habit is None else _monthly(habit, paid[paid["paid_at"] >= paid["shut_at"]], told)


def no_course_filed(paid: pd.DataFrame, ground: Ground) -> list[Seen]:
    """Payments before the institution had filed its first course."""
    habit = ground.habit("no_course_filed")

    def told(rows: pd.DataFrame, month: str) -> tuple[str, str, str, str]:
        return (
            "a filed course",
            f"{len(rows)} payments, {_sum(rows)}",
            f"机构尚未备案任何课程，{month}已收款{len(rows)}笔，共{_sum(rows).major}元。",
            f"The institution had filed no course, and took {len(rows)} payments of {_sum(rows)} in {month}.",
        )

    return [] if habit is None else _monthly(habit, paid[paid["paid_at"] < paid["course_filed_at"]], told)


def other_account(paid: pd.DataFrame, ground: Ground) -> list[Seen]:
    """Money for an order of one institution that came into the account of another and is still there."""
    habit = ground.habit("other_account")
    if habit is None:
        return []
    chosen = paid[(paid["reason"] == "other_account") & (paid["state"] == "suspense")]
    return [
        seen(
            habit.rule,
            f"other_account:payment:{row['id']}",
            institution=row["institution"],
            last=instant_of(row["paid_at"]),
            figures=("the order's own supervised account", str(Money(row["amount"]))),
            zh=f"订单{row['reference']}的{Money(row['amount']).major}元于{day_of(row['paid_on'])}进入了其他机构的监管账户。",
            en=f"{Money(row['amount'])} for the order {row['reference']} came into another institution's account on "
            f"{day_of(row['paid_on'])}.",
            evidence={"payments": [row["id"]], "order": row["reference"], "amount_minor": row["amount"]},
        )
        for row in records(chosen)
    ]


def _monthly(
    habit: Habit, rows: pd.DataFrame, told: Callable[[pd.DataFrame, str], tuple[str, str, str, str]]
) -> list[Seen]:
    """One sighting for each institution and month: five hundred payments are one fact, not five hundred."""
    found = []
    for (where, month), paid in rows.groupby(["institution", months(rows["paid_at"])]):
        limit, figure, zh, en = told(paid, str(month))
        found.append(
            seen(
                habit.rule,
                f"{habit.name}:institution:{where}:month:{month}",
                institution=int(str(where)),
                last=instant_of(paid["paid_at"].max()),
                figures=(limit, figure),
                zh=zh,
                en=en,
                evidence={
                    "month": str(month),
                    "payments": integers(paid["id"]),
                    "amount_minor": int(paid["amount"].sum()),
                },
            )
        )
    return found


def _sum(rows: pd.DataFrame) -> Money:
    return Money(int(rows["amount"].sum()))
