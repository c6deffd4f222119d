"""Reconciliation's breaks that mean fraud: what the bank's word, its statement and our books tell differently."""

from datetime import datetime
from typing import Final

import pandas as pd
from sqlalchemy import ColumnElement, Connection, Text, case, cast, literal, select

from escrow.enrolment.tables import payment
from escrow.monitoring.detectors.ground import Ground, Seen, seen
from escrow.monitoring.frames import day_of, days, frame, instant_of, records, seconds
from escrow.registry.tables import institution
from escrow.settlement.break_kinds import FRAUD_SIGNALS, IN_CHINESE
from escrow.settlement.tables import break_
from ledger.money import Money

_MISSING: Final = ("not_on_statement", "notified_and_missing")
"""Money that was notified and no statement shows: it has its own detector, and time to come."""


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
        .where(b.kind.in_(_MISSING), b.closed_at.is_(None))
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


def grave(db: Connection, _since: datetime) -> pd.DataFrame:
    """Open breaks of the gravest kinds, but for money that is missing. However old: an open break is not over."""
    b, i = break_.c, institution.c
    query = (
        select(
            b.id,
            i.id.label("institution"),
            b.kind,
            _subject().label("subject"),
            b.amount,
            b.detail,
            seconds(b.opened_at).label("opened_at"),
            days(b.due_on).label("due_on"),
            i.jurisdiction,
        )
        .join(institution, i.supervised_account == b.account)
        .where(b.kind.in_(sorted(FRAUD_SIGNALS.difference(_MISSING))), b.closed_at.is_(None))
        .order_by(b.id)
    )
    return frame(db, query, texts=("kind", "subject", "detail", "jurisdiction"))


def grave_breaks(open_breaks: pd.DataFrame, ground: Ground) -> list[Seen]:
    """Breaks that mean fraud or a bank that errs, on the day on which they are found."""
    habit = ground.habit("grave_break")
    if habit is None:
        return []
    return [
        seen(
            habit.rule,
            f"grave_break:{row['subject']}",
            institution=row["institution"],
            last=instant_of(row["opened_at"]),
            figures=(f"explained by {day_of(row['due_on'])}", f"{row['kind']} {Money(row['amount'])}"),
            zh=f"对账差异{row['id']}：{IN_CHINESE[row['kind']]}，{Money(row['amount']).major}元，{row['detail']}"
            f"（应于{day_of(row['due_on'])}前查明）。",
            en=f"Reconciliation found a break of {Money(row['amount'])}, {row['kind'].replace('_', ' ')}, to be "
            f"explained by {day_of(row['due_on'])}.",
            evidence={
                "breaks": [row["id"]],
                "kind": row["kind"],
                "subject": row["subject"],
                "amount_minor": row["amount"],
            },
        )
        for row in records(open_breaks)
    ]


def _subject() -> ColumnElement[str]:
    """What a break is about: another break on the same line or item tells of the same fact."""
    b = break_.c
    columns = {"line": b.line_id, "payment": b.payment_id, "payout": b.instruction_id, "late": b.late_line_id}
    named = [(column.is_not(None), literal(f"{name}:") + cast(column, Text)) for name, column in columns.items()]
    return case(*named, else_=literal("break:") + cast(b.id, Text))
