"""The town as it lives: where its books and its bank stand, who acts in it, who is enrolled where, what was noted."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, Final

from sqlalchemy import Connection, Engine

from escrow.access.caller import Caller
from escrow.bank.sandbox import LineReceipt, SandboxBank
from escrow.db import transaction
from escrow.demo.agenda import Agenda
from escrow.demo.county import ClassPlan, Family, People, SchoolPlan
from escrow.enrolment.contracts import Contract
from escrow.enrolment.orders import Order
from escrow.registry.courses import Course
from escrow.registry.institutions import Institution
from escrow.rules.rulebook import Rulebook

OFFICER: Final = Caller(name="张督导", role="bureau")
"""Proposes, reviews, sends the payout files."""
SECOND: Final = Caller(name="李科长", role="bureau")
"""The second pair of eyes."""
AUTOMATIC: Final = Caller(name="每日任务", role="bureau")
"""What runs by itself every day."""


@dataclass(slots=True, kw_only=True, eq=False)
class Class:
    """A class with its roll; who leaves is taken from it. `held`: lesson ids by the time they began."""

    school: "School"
    plan: ClassPlan
    course: Course
    roll: list["Enrolled"] = field(default_factory=list)
    held: dict[datetime, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Enrolled:
    """A contract with the class it is taught in and the family behind it."""

    contract: Contract
    klass: Class
    family: Family
    guardian: Caller

    @property
    def account(self) -> str:
        """The supervised account that the family pays into."""
        return self.klass.school.account


@dataclass(slots=True, kw_only=True, eq=False)
class School:
    """A registered institution, the one who acts for it, and its classes."""

    plan: SchoolPlan
    institution: Institution
    caller: Caller
    classes: list[Class]
    is_teaching: bool = True

    @property
    def account(self) -> str:
        return self.institution.supervised_account


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """Everything that a deed needs.

    `orders` as they were placed, `heard`: how often each notification came (by webhook id), `refused`: payouts that
    the bank did not execute. `notes` are ids and answers that the cases will be told from.
    """

    engine: Engine
    bank: SandboxBank
    rulebook: Rulebook
    folder: Path
    agenda: Agenda
    rng: Random
    people: People
    subject: list[School] = field(default_factory=list)
    others: list[School] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    heard: Counter[str] = field(default_factory=Counter)
    refused: list[LineReceipt] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def schools(self) -> list[School]:
        return [*self.subject, *self.others]

    def request(self) -> AbstractContextManager[Connection]:
        """One request as the service takes it: one transaction."""
        return transaction(self.engine)

    def later(self, at: datetime, deed: Callable[[datetime], object]) -> None:
        """Put a deed on the agenda."""
        self.agenda.add(at, deed)
