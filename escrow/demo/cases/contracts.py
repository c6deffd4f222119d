"""Contracts beyond a cap: the county lets them in, so that the money is inside the account, and flags each."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection, select

from escrow.demo import banking, enrolling
from escrow.demo.agenda import clock
from escrow.demo.cases.outcome import Outcome, money_of, name_of
from escrow.demo.county import Family
from escrow.demo.enrolling import draft_of
from escrow.demo.town import Class, Town
from escrow.enrolment.contracts import Draft
from escrow.monitoring.tables import alert
from escrow.rules.months import add_months
from ledger.money import Money

SUMMER: Final = date(2026, 7, 21)
TERM: Final = date(2026, 8, 18)

_TITLES: Final = {
    "75 lessons": ("75课时合同", "a 75-lesson contract"),
    "50 + 15": ("50课时另赠15课时", "50 lessons and 15 gifted"),
    "40 + 40": ("同一孩子同一科目两份40课时合同", "two contracts of 40 lessons, one child, one subject"),
    "6,000 yuan": ("六千元素描课", "a drawing course of 6,000 yuan"),
    "four months": ("跨度四个月的合同", "a contract of four months"),
}


def put_on_agenda(town: Town) -> None:
    """Five families sign, order and pay."""
    maths, english = town.subject[:2]
    art, dance = town.others[:2]
    for title, school, day, change in (
        ("75 lessons", maths, TERM, lambda draft: _sized(draft, 75)),
        ("50 + 15", english, TERM, lambda draft: replace(_sized(draft, 50), gifted=15)),
        ("40 + 40", maths, TERM, lambda draft: _sized(draft, 40)),
        ("6,000 yuan", art, SUMMER, lambda draft: replace(draft, lessons=48, price=Money.parse("6000.00"))),
        (
            "four months",
            dance,
            SUMMER,
            lambda draft: replace(_sized(draft, 30), last_lesson=add_months(draft.first_lesson, 4)),
        ),
    ):
        klass = school.classes[0]
        draft, family = change(draft_of(klass)), town.people.family(steady=True, diligent=True)
        deed = partial(_sign_and_pay, town, klass, family, draft=draft, title=title)
        town.later(clock(day, 10, len(title)), deed)
        if title == "40 + 40":
            town.later(clock(day + timedelta(days=1), 15), deed)


def _sign_and_pay(town: Town, klass: Class, family: Family, now: datetime, *, draft: Draft, title: str) -> None:
    enrolled = enrolling.sign(town, klass, family, now, draft=draft)
    order = enrolling.place(town, enrolled, now)
    town.later(now + timedelta(minutes=30), partial(banking.pay, town, enrolled, order))
    town.notes.setdefault(title, []).append(enrolled.contract.id)
    if len(town.notes[title]) > 1:
        klass.roll.remove(enrolled)  # the child goes to class on the first contract until that is used up


def _sized(draft: Draft, lessons: int) -> Draft:
    """More lessons at the class's price of one, in whole yuan."""
    per_lesson = draft.price.minor // draft.lessons // 100
    return replace(draft, lessons=lessons, price=Money(per_lesson * lessons * 100))


def told(db: Connection, town: Town) -> list[Outcome]:
    """Each contract with its alerts."""
    return [
        Outcome(
            zh=zh,
            en=en,
            answer=_alerts(db, town.notes[title]),
            money="\n".join(f"{name_of(db, each)}\n{money_of(db, each)}" for each in town.notes[title]),
        )
        for title, (zh, en) in _TITLES.items()
    ]


def _alerts(db: Connection, contract_ids: Sequence[int]) -> str:
    query = select(alert).where(alert.c.contract_id.in_(contract_ids)).order_by(alert.c.id)
    return "\n".join(
        f"签订，并预警 let in and flagged\n"
        f"{row.found_text}，上限 limit {row.limit_text}\n"
        f"{row.version}\n{row.citation['number']}"
        for row in db.execute(query)
    )
