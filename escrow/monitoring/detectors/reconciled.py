"""Reconciliation's breaks that mean fraud: money that the bank's word told of and its statement does not show."""

from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, select

from escrow.enrolment.tables import payment
from escrow.monitoring.detectors.ground import Ground, Seen, seen
from escrow.monitoring.frames import day_of, days, frame, records, seconds
from escrow.registry.tables import institution
from escrow.settlement.tables import break_
from ledger.money import Money


def missing(db: Connection, _since: datetime) -> pd.DataFrame:
    """Open breaks: payments that were notified and stand on no statement. However old: an open break is not over."""
    b, p, i = break_.c, payment.c, institution.c
    query = (
        select(
            b.id,
            b.payment_id.label("payment"),
            i.id.label("institution"),
            p.serial,
            p.amount,
            seconds(p.paid_at).label("paid_at"),
            days(b.due_on).label("due_on"),
            i.jurisdiction,
        )
        .join(payment, p.id == b.payment_id)
        .join(institution, i.supervised_account == b.account)
        .where(b.kind.in_(("not_on_statement", "notified_and_missing")), b.closed_at.is_(None))
        .order_by(b.id)
    )
    return frame(db, query, texts=("serial", "jurisdiction"))


def notified_never_credited(open_breaks: pd.DataFrame, ground: Ground) -> list[Seen]:
    """Breaks that nobody has explained by the day on which they were due."""
    habit = ground.habit("notified_never_credited")
    if habit is None:
        return []
    return [
        seen(
            habit.rule,
            f"notified_never_credited:payment:{row['payment']}",
            institution=row["institution"],
            last=ground.now,
            figures=(f"on the statement by {day_of(row['due_on'])}", str(Money(row["amount"]))),
            zh=f"银行通知流水号{row['serial']}到账{Money(row['amount']).major}元，对账单上至今没有该笔款项"
            f"（应于{day_of(row['due_on'])}前查明）。",
            en=f"The bank told of {Money(row['amount'])} under serial {row['serial']}, and no statement shows it; it "
            f"was to be explained by {day_of(row['due_on'])}.",
            evidence={
                "payments": [row["payment"]],
                "breaks": [row["id"]],
                "serial": row["serial"],
                "amount_minor": row["amount"],
            },
        )
        for row in records(open_breaks[open_breaks["due_on"] < ground.today])
    ]
