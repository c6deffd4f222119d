"""Enrolment: institutions register and file their courses, families sign, order and pay."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from escrow.access.caller import Caller
from escrow.bank.sandbox import Fault
from escrow.demo import banking
from escrow.demo.agenda import clock, next_morning
from escrow.demo.county import Family, SchoolPlan
from escrow.demo.town import OFFICER, Class, Enrolled, School, Town
from escrow.enrolment import contracts, orders, students
from escrow.enrolment.contracts import Draft
from escrow.enrolment.orders import Order
from escrow.monitoring import alerts, handling
from escrow.monitoring.alerts import Sighting
from escrow.registry import courses, institutions
from escrow.registry.institutions import Registration
from ledger.money import Money

REGISTRATION: Final = date(2026, 7, 10)
FIRST_SIGNING: Final = date(2026, 7, 15)
SIGNING: Final = (20, 3)
"""Days before the first lesson between which families sign; the law allows it from one month before."""

PAY_AFTER: Final = (2, 600)
"""Minutes between order and payment; an order is good for a day."""


def register(town: Town, plan: SchoolPlan, now: datetime) -> School:
    """Register an institution with its account at the bank and file its courses."""
    registration = Registration(
        name=plan.name,
        credit_code=plan.credit_code,
        licence_no=f"教民{plan.supervised_account[-3:]}号",
        licence_expires=date(2028, 12, 31),
        category=plan.category,
        mode=plan.mode,
        jurisdiction="900001",
        supervised_account=plan.supervised_account,
        settlement_account=plan.settlement_account,
    )
    with town.request() as db:
        institution = institutions.register(db, registration, by=OFFICER, now=now)
    town.bank.open_account(institution.supervised_account, institution.name)
    head = Caller(name=f"{plan.name}校长", role="institution", party=institution.id)
    school = School(plan=plan, institution=institution, caller=head, classes=[])
    for each in plan.classes:
        with town.request() as db:
            course = courses.file(
                db,
                institution.id,
                name=each.course,
                subject=plan.subject,
                list_price=Money(each.list_price),
                by=head,
                now=now,
            )
        school.classes.append(Class(school=school, plan=each, course=course))
    (town.subject if plan.category == "subject" else town.others).append(school)
    return school


def enrol_everybody(town: Town, school: School) -> None:
    """Put the ordinary families' signing on the agenda."""
    for each in school.classes:
        earliest, latest = (each.plan.first_lesson - timedelta(days=days) for days in SIGNING)
        first = max(FIRST_SIGNING, earliest)
        for family in each.plan.families:
            day = first + timedelta(days=town.rng.randrange((latest - first).days + 1))
            at = clock(day, town.rng.randrange(9, 20), town.rng.randrange(60), town.rng.randrange(60))
            town.later(at, partial(sign_order_and_pay, town, each, family))


def sign_order_and_pay(town: Town, klass: Class, family: Family, now: datetime) -> None:
    """What an ordinary family does: sign, take the order's code home, pay it the same day."""
    enrolled = sign(town, klass, family, now)
    order = place(town, enrolled, now)
    paying = now + timedelta(minutes=town.rng.randint(*PAY_AFTER))
    # Some banking apps carry the code's reference in a field of its own, others leave it to the remark.
    field = town.rng.randrange(5) > 0
    late = Fault(delay=timedelta(hours=town.rng.randint(5, 30))) if town.rng.randrange(40) == 0 else None
    town.later(paying, partial(banking.pay, town, enrolled, order, in_field=field, fault=late))


def sign(town: Town, klass: Class, family: Family, now: datetime, *, draft: Draft | None = None) -> Enrolled:
    """Enter the child and sign the contract; what the fee rules find becomes an alert in the same transaction.

    `draft` changes the class's terms (its student is filled in). The contract comes on the class's roll, and an
    officer takes up what was found on the next working morning.
    """
    by = klass.school.caller
    with town.request() as db:
        student = students.enter(
            db, name=family.student, guardian_name=family.guardian, mobile=family.mobile, by=by, now=now
        )
    terms = draft_of(klass, student.id) if draft is None else replace(draft, student_id=student.id)
    with town.request() as db:
        signed = contracts.sign(db, terms, rulebook=town.rulebook, by=by, now=now)
        contract = signed.contract
        raised = alerts.raise_(
            db,
            [
                Sighting(finding=each, institution_id=contract.institution_id, contract_id=contract.id)
                for each in signed.findings
            ],
            rulebook=town.rulebook,
            now=now,
        )
    for each in raised:
        town.later(next_morning(now), partial(_take_up, town, each.id))
    guardian = Caller(name=family.guardian, role="family", party=contract.guardian_id)
    enrolled = Enrolled(contract=contract, klass=klass, family=family, guardian=guardian)
    klass.roll.append(enrolled)
    return enrolled


def _take_up(town: Town, alert_id: int, now: datetime) -> None:
    """Somebody at the bureau takes an alert."""
    with town.request() as db:
        handling.acknowledge(db, alert_id, by=OFFICER, now=now)


def place(town: Town, enrolled: Enrolled, now: datetime) -> Order:
    """The guardian orders what is due."""
    with town.request() as db:
        order = orders.place(db, enrolled.contract.id, rulebook=town.rulebook, by=enrolled.guardian, now=now)
    town.orders.append(order)
    return order


def draft_of(klass: Class, student_id: int = 0) -> Draft:
    """The terms that the class is sold on."""
    plan = klass.plan
    return Draft(
        course_id=klass.course.id,
        student_id=student_id,
        lessons=plan.lessons,
        gifted=0,
        price=Money(plan.price),
        first_lesson=plan.first_lesson,
        last_lesson=plan.last_lesson,
    )
