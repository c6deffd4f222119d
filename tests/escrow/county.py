"""A small county for the tests: schools, families, contracts and payments through the real verbs, all in 2026.

Everything happens in the jurisdiction 900001, whose rulebook flags what breaks a cap, unless a test brings its own.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, text

from escrow.access.caller import Caller
from escrow.db import transaction
from escrow.enrolment import contracts, orders, payments, students
from escrow.enrolment.contracts import Contract, Draft, Signed
from escrow.enrolment.orders import Order
from escrow.enrolment.payments import Receipt
from escrow.enrolment.placing import Credit
from escrow.enrolment.students import Student
from escrow.oversight.audit import audit
from escrow.payouts import releases
from escrow.payouts.release_drafts import ReleaseRequest
from escrow.registry import courses, institutions
from escrow.registry.courses import Course
from escrow.registry.credit_code import check_character
from escrow.registry.institutions import Category, Institution, Registration
from escrow.rules.months import SHANGHAI, Month
from escrow.rules.rulebook import Rulebook
from escrow.teaching import confirmations, lessons
from escrow.teaching.lessons import Session
from ledger.money import Money
from ledger.reading import all_accounts

RULEBOOK: Final = Rulebook.load()
BUREAU: Final = Caller(name="张科长", role="bureau")
SECOND: Final = Caller(name="李主任", role="bureau")
BANK: Final = Caller(name="监管银行", role="bank")
Day = tuple[int, int]
"""Month and day of 2026."""


def at(month: int, day: int, hour: int = 12, minute: int = 0, *, second: int = 0) -> datetime:
    """A moment of 2026 on Shanghai's clock; noon unless an hour is given."""
    return datetime(2026, month, day, hour, minute, second, tzinfo=SHANGHAI)


SIGNED: Final = at(7, 20)
ORDERED: Final = at(7, 21)
PAID: Final = at(7, 21, 13)
NOTIFIED: Final = at(7, 21, 14)
ASKED: Final = at(9, 10)
"""When things happen, unless a test says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class School:
    """An institution with one course, and the person who acts for it."""

    institution: Institution
    course: Course
    caller: Caller

    @property
    def account(self) -> str:
        return self.institution.supervised_account


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A student, and the guardian who acts."""

    student: Student
    caller: Caller


def registration(number: int = 1, *, category: Category = "non_subject", jurisdiction: str = "900001") -> Registration:
    """What the number-th school files to be registered."""
    first_17 = f"91500110MA5U{number:05d}"
    return Registration(
        name=f"明日美术{number}",
        credit_code=first_17 + check_character(first_17),
        licence_no=f"教民{number:06d}",
        licence_expires=date(2027, 6, 30),
        category=category,
        mode="offline",
        jurisdiction=jurisdiction,
        supervised_account=f"62{number:08d}",
        settlement_account=f"63{number:08d}",
    )


def school(
    db: Connection, number: int = 1, *, category: Category = "non_subject", jurisdiction: str = "900001"
) -> School:
    """A registered institution that teaches drawing at 360.00 a lesson."""
    filed = registration(number, category=category, jurisdiction=jurisdiction)
    institution = institutions.register(db, filed, by=BUREAU, now=at(7, 1))
    caller = Caller(name=f"校长{number}", role="institution", party=institution.id)
    course = courses.file(
        db,
        institution.id,
        name="素描",
        subject="drawing",
        list_price=Money.parse("360.00"),
        by=caller,
        now=at(7, 1),
    )
    return School(institution=institution, course=course, caller=caller)


def family(db: Connection, number: int = 1) -> Family:
    """A child with a guardian."""
    student = students.enter(
        db,
        name=f"小明{number}",
        guardian_name=f"王芳{number}",
        mobile=f"138{number:08d}",
        by=BUREAU,
        now=at(7, 2),
    )
    return Family(student=student, caller=Caller(name=f"王芳{number}", role="family", party=student.guardian_id))


def draft(
    of: School,
    child: Family,
    *,
    lessons: int = 3,
    gifted: int = 0,
    price: str = "1000.00",
    first_lesson: date = date(2026, 8, 1),
    last_lesson: date = date(2026, 10, 25),
) -> Draft:
    """A contract that breaks no cap as it stands."""
    return Draft(
        course_id=of.course.id,
        student_id=child.student.id,
        lessons=lessons,
        gifted=gifted,
        price=Money.parse(price),
        first_lesson=first_lesson,
        last_lesson=last_lesson,
    )


def sign(db: Connection, of: School, wanted: Draft, *, rulebook: Rulebook = RULEBOOK, now: datetime = SIGNED) -> Signed:
    """Sign a contract as the school's head does."""
    return contracts.sign(db, wanted, rulebook=rulebook, by=of.caller, now=now)


def signed(
    db: Connection, of: School, child: Family, *, lessons: int = 3, gifted: int = 0, price: str = "1000.00"
) -> Contract:
    """A signed contract."""
    return sign(db, of, draft(of, child, lessons=lessons, gifted=gifted, price=price)).contract


def order(db: Connection, contract: Contract, amount: str | None = None, *, now: datetime = ORDERED) -> Order:
    """A payment order for what is due, or for a part of it."""
    part = None if amount is None else Money.parse(amount)
    return orders.place(db, contract.id, amount=part, rulebook=RULEBOOK, by=BUREAU, now=now)


def credit(
    reference: str = "",
    amount: int = 100000,
    *,
    serial: str = "S1",
    account: str = "6200000001",
    payer: str = "王芳1",
    payer_account: str = "6222000000000001",
    paid_at: datetime = PAID,
    remark: str = "学费",
) -> Credit:
    """A credit as the bank would tell of it; `amount` in fen."""
    return Credit(
        supervised_account=account,
        serial=serial,
        amount=amount,
        reference=reference,
        remark=remark,
        payer=payer,
        payer_account=payer_account,
        paid_at=paid_at,
    )


def receive(db: Connection, *credits: Credit, now: datetime = NOTIFIED) -> list[Receipt]:
    """The bank notifies these credits."""
    return payments.receive(db, credits, source="notification", now=now)


def pay(
    db: Connection,
    of: School,
    contract: Contract,
    amount: str | None = None,
    *,
    serial: str = "S1",
    payer: str = "王芳1",
    payer_account: str = "6222000000000001",
    now: datetime = ORDERED,
) -> Receipt:
    """Order what is due, or a part of it, and pay it an hour later."""
    placed = order(db, contract, amount, now=now)
    paid_at = now + timedelta(hours=1)
    told = credit(
        placed.reference,
        placed.amount,
        serial=serial,
        account=of.account,
        payer=payer,
        payer_account=payer_account,
        paid_at=paid_at,
    )
    return receive(db, told, now=paid_at)[0]


def enrolled(
    db: Connection,
    of: School,
    number: int = 1,
    *,
    lessons: int = 3,
    gifted: int = 0,
    price: str = "1000.00",
) -> tuple[Family, Contract]:
    """A family whose contract is signed and paid."""
    child = family(db, number)
    contract = signed(db, of, child, lessons=lessons, gifted=gifted, price=price)
    pay(db, of, contract, serial=f"P{of.account}{number}", payer=f"王芳{number}", payer_account=f"6222{number:012d}")
    return child, contract


def teach(
    db: Connection,
    of: School,
    attended: Sequence[Contract],
    *,
    on: Day,
    class_no: str = "A",
    now: datetime | None = None,
) -> int:
    """Record a session from 9 to 10 on a day, at noon of it; the lesson's id."""
    session = Session(
        course_id=of.course.id,
        class_no=class_no,
        starts_at=at(*on, 9),
        ends_at=at(*on, 10),
        contract_ids=[each.id for each in attended],
    )
    now = at(*on) if now is None else now
    return lessons.record(db, session, rulebook=RULEBOOK, by=of.caller, now=now).lesson.id


def confirmed(db: Connection, of: School, whose: tuple[Family, Contract], *, on: Day) -> int:
    """A lesson that was taught and confirmed on the same day; the lesson's id."""
    child, contract = whose
    lesson = teach(db, of, [contract], on=on)
    confirmations.confirm(db, lesson, contract.id, by=child.caller, now=at(*on, 18))
    return lesson


def requested(db: Connection, of: School, month: str = "2026-08", *, now: datetime = ASKED) -> ReleaseRequest:
    """A release that the school asks for."""
    return releases.submit(db, of.institution.id, period=Month.parse(month), rulebook=RULEBOOK, by=of.caller, now=now)


def balances(db: Connection) -> dict[str, int]:
    """Every ledger account that is not empty, in fen."""
    return {each.path: each.balance for each in all_accounts(db) if each.balance}


def breaches(db: Connection) -> list[str]:
    """What the audit finds; an empty list is what every test wants."""
    return [str(each) for each in audit(db)]


def paid_school(engine: Engine, **terms: int | str) -> tuple[School, Family, Contract]:
    """A school, a family and their paid contract, committed: for tests that open transactions of their own."""
    with transaction(engine) as db:
        of = school(db)
        child, contract = enrolled(db, of, **terms)  # type: ignore[arg-type]  # lessons, gifted: int; price: str
    return of, child, contract


def unguarded(db: Connection, table: str) -> None:
    """Take the database's own guards off a table, as somebody who holds its keys could, for tests of the audit."""
    if db.dialect.name == "postgresql":
        db.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        return
    named = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
    for name in db.execute(named, {"table": table}).scalars().all():
        db.exec_driver_sql(f"DROP TRIGGER {name}")


def until_somebody_waits(db: Connection) -> None:
    """Go on only when another transaction stands before a lock, on PostgreSQL."""
    for _ in range(400):
        if db.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar_one():
            return
        time.sleep(0.05)
    raise AssertionError("nobody waits for a lock")
