"""The county as it is drawn from a seed: institutions, classes with their timetables, families. No database here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Final

from escrow.demo.agenda import clock
from escrow.demo.names import CHILDREN, NON_SUBJECT, PARENTS, SUBJECT, SURNAMES, Trade
from escrow.refusals import Invalid
from escrow.registry.credit_code import check_character
from escrow.registry.institutions import Category, Mode
from escrow.rules.months import add_months
from escrow.rules.working_days import is_working_day

LAST_DAY_OF_TEACHING: Final = date(2026, 10, 31)
SUMMER: Final = (date(2026, 8, 3), date(2026, 8, 10), date(2026, 8, 17), date(2026, 8, 24))
"""When classes outside the school subjects begin; the institutions that the cases are about begin on the first."""
TERM: Final = date(2026, 9, 1)
SATURDAY: Final = 5
SPAN: Final = 3
"""Calendar months that an ordinary contract keeps to, as the law has it; the cases go beyond."""

LEAST_SUBJECT: Final = 2
LEAST_NON_SUBJECT: Final = 6
DILIGENT: Final = 40
"""One family in so many confirms every lesson."""
CASES: Final = 5
"""The first institutions outside the school subjects: the cases are theirs."""

USUAL: Final = (2, 24)
"""Lessons a week and lessons of a contract."""
PACES: Final = (USUAL, USUAL, (2, 20), (2, 20), (2, 22), (3, 30), (3, 36), (4, 48))
"""As often as they are common; the last is for the summer only."""
MAX_YUAN: Final = 4_950
"""An ordinary contract outside the school subjects stays below the cap on its amount."""


class CountyTooSmall(Invalid):
    """A county for the demonstration has at least {subject} institutions for school subjects and {non_subject} others,
    at most as many as there are names for ({most_subject} and {most_non_subject}), and a family for each."""

    zh = (
        "演示县至少要有 {subject} 家学科机构、{non_subject} 家非学科机构，"
        "至多 {most_subject} 家和 {most_non_subject} 家；家庭不少于机构。"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class County:
    """How large the county is. `families` are the ordinary ones; those of the cases come on top."""

    subject: int = 6
    non_subject: int = 22
    families: int = 600

    def __post_init__(self) -> None:
        fits = LEAST_SUBJECT <= self.subject <= len(SUBJECT) and self.non_subject >= LEAST_NON_SUBJECT
        if not fits or self.non_subject > len(NON_SUBJECT) or self.families < self.subject + self.non_subject:
            raise CountyTooSmall(
                subject=LEAST_SUBJECT,
                non_subject=LEAST_NON_SUBJECT,
                most_subject=len(SUBJECT),
                most_non_subject=len(NON_SUBJECT),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A child and its guardian. The diligent confirm every lesson; the steady never miss one."""

    student: str
    guardian: str
    mobile: str
    payer_account: str
    diligent: bool = False
    steady: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassPlan:
    """A class: its course with the published price of a lesson in fen, what all of it costs, and when it meets."""

    course: str
    class_no: str
    list_price: int
    lessons: int
    price: int
    begins: time
    ends: time
    sessions: Sequence[date]
    families: Sequence[Family]

    @property
    def first_lesson(self) -> date:
        return self.sessions[0]

    @property
    def last_lesson(self) -> date:
        return self.sessions[-1]

    def taught(self) -> Iterator[tuple[datetime, datetime]]:
        """Begin and end of the sessions that the demonstration lives to see."""
        for day in self.sessions:
            if day <= LAST_DAY_OF_TEACHING:
                yield (
                    clock(day, self.begins.hour, self.begins.minute),
                    clock(day, self.ends.hour, self.ends.minute),
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolPlan:
    """An institution before it is registered."""

    name: str
    subject: str
    category: Category
    mode: Mode
    credit_code: str
    supervised_account: str
    settlement_account: str
    classes: Sequence[ClassPlan]


@dataclass(slots=True)
class People:
    """Families, none twice."""

    rng: Random
    count: int = 0
    named: set[tuple[str, str]] = field(default_factory=set)

    def family(self, *, diligent: bool = False, steady: bool = False) -> Family:
        """One more family."""
        while True:
            surname = self.rng.choice(SURNAMES)
            guardian = surname + self.rng.choice(PARENTS) + self.rng.choice(("", self.rng.choice(PARENTS)))
            student = surname + "".join(self.rng.sample(CHILDREN, self.rng.choice((1, 2, 2))))
            if guardian != student and (guardian, student) not in self.named:
                break
        self.named.add((guardian, student))
        self.count += 1
        return Family(
            student=student,
            guardian=guardian,
            mobile=f"139{self.count:08d}",
            payer_account=f"6222{self.rng.randrange(10**9):09d}{self.count:06d}",
            diligent=diligent,
            steady=steady,
        )


def plan(county: County, rng: Random, people: People) -> list[SchoolPlan]:
    """Draw the county's institutions, those for school subjects first."""
    trades = [*SUBJECT[: county.subject], *NON_SUBJECT[: county.non_subject - 1], NON_SUBJECT[-1]]
    sizes = _class_sizes(county.families, len(trades), rng)
    return [
        _school(number, trade, sizes[number], is_subject=number < county.subject, county=county, people=people)
        for number, trade in enumerate(trades)
    ]


def _class_sizes(families: int, schools: int, rng: Random) -> list[list[int]]:
    """Families by school and class: one class for each school, then second ones (of 12 to 15) while families last."""
    least = min(families // schools, 14)
    sizes = [[least] for _ in range(schools)]
    left = families - least * schools
    at = 0
    while left:
        size = min(left, rng.randint(12, 15))
        sizes[at % schools].append(size)
        left -= size
        at += 1
    return sizes


def _school(
    number: int, trade: Trade, sizes: Sequence[int], *, is_subject: bool, county: County, people: People
) -> SchoolPlan:
    rng = people.rng
    for_cases = number - county.subject in {*range(CASES), county.non_subject - 1}
    code = f"52900001MJX{number:02d}{number * 7919 % 10_000:04d}"
    classes = []
    for at, size in enumerate(sizes):
        starts = TERM if is_subject else SUMMER[0] if for_cases else rng.choice(SUMMER)
        pace = USUAL if for_cases else rng.choice(PACES[:-1] if is_subject else PACES)
        families = [people.family(diligent=rng.randrange(DILIGENT) == 0) for _ in range(size)]
        classes.append(_class(trade, at, families, starts=starts, pace=pace, rng=rng))
    return SchoolPlan(
        name=f"{trade.name}培训中心",
        subject=trade.subject,
        category="subject" if is_subject else "non_subject",
        mode="online" if trade.online else "offline",
        credit_code=code + check_character(code),
        supervised_account=f"62179000{number + 1:04d}",
        settlement_account=f"62288000{number + 1:04d}",
        classes=classes,
    )


def _class(
    trade: Trade, at: int, families: Sequence[Family], *, starts: date, pace: tuple[int, int], rng: Random
) -> ClassPlan:
    is_subject = starts == TERM
    a_week, lessons = pace
    yuan = rng.randint(trade.lowest, trade.highest)
    # A discount that makes shares of a fen: what is divided over the lessons rarely divides evenly.
    price = yuan * lessons * rng.choice((100, 97, 95, 92, 90)) // 100
    price = price if is_subject else min(price, MAX_YUAN - rng.randrange(90))
    weekdays = sorted(rng.sample(range(5) if is_subject else range(7), a_week))
    begins = rng.choice((time(18, 0), time(18, 30), time(19, 0)) if is_subject else (time(9, 30), time(15, 0)))
    return ClassPlan(
        course=trade.courses[at % 2],
        class_no=f"{trade.courses[at % 2]}{at + 1}班",
        list_price=yuan * 100,
        lessons=lessons,
        price=min(price * 100 + rng.choice((0, 0, 0, 80, 88)), yuan * lessons * 100),  # never above the published one
        begins=begins,
        ends=begins.replace(hour=begins.hour + 1),
        sessions=_sessions(starts, weekdays, lessons),
        families=families,
    )


def _sessions(starts: date, weekdays: Sequence[int], lessons: int) -> list[date]:
    """The days of the lessons: no public holiday from Monday to Friday. What the span leaves over is made up for at
    its end, on weekdays."""
    last = add_months(starts, SPAN)
    days = [starts + timedelta(days=n) for n in range((last - starts).days + 1)]
    usual = [day for day in days if day.weekday() in weekdays and (day.weekday() >= SATURDAY or is_working_day(day))]
    spare = [day for day in reversed(days) if day not in usual and day.weekday() < SATURDAY and is_working_day(day)]
    return sorted([*usual[:lessons], *spare[: max(0, lessons - len(usual))]])
