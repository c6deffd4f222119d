"""A county of any size from one seed: ordinary families, planted violations of every kind, and decoys close to each."""

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from tests.generated_county.books import NOW, Books, School, Sold, at

SUBJECTS: Final = ("drawing", "piano", "dance", "chess")
PRICES: Final = (4_000, 6_000, 7_500, 8_000, 11_000)
"""Of one lesson, in fen. Sixty lessons of the cheapest stay inside the cap on amounts."""

CONTRACTS_A_SCHOOL: Final = 250
CONTRACTS_A_CASE: Final = 1_400
"""So many contracts for one planted violation of each kind."""

MONTHS: Final = tuple(date(2026, month, 1) for month in range(2, 11))


@dataclass
class County:
    """The books of a county, and what every detector must find in them: the facts, by the detector's name."""

    books: Books
    chance: random.Random
    schools: list[School]
    truth: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    caps: set[tuple[str, int]] = field(default_factory=set)
    """Caps broken: the parameter, and the contract at which it was."""
    planted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    decoys: int = 0
    unfiled: set[tuple[int, str]] = field(default_factory=set)
    _months: list[tuple[School, date]] = field(default_factory=list)

    def school(self) -> School:
        """Any ordinary institution."""
        return self.chance.choice(self.schools)

    def subject(self, *, price: int | None = None) -> tuple[School, str]:
        """An ordinary institution, and a subject there; of this list price where one is asked for."""
        while True:
            school, subject = self.school(), self.chance.choice(SUBJECTS)
            if price is None or school.courses[subject][1] == price:
                return school, subject

    def month(self) -> tuple[School, date]:
        """An institution and a month of its that no other case has, so that what is counted by month stays apart."""
        if not self._months:
            self._months = [(school, month) for school in self.schools for month in MONTHS]
            self.chance.shuffle(self._months)
        return self._months.pop()

    def day(self, first: date = date(2026, 2, 2), last: date = date(2026, 9, 30)) -> date:
        """Any day between two, both inside."""
        return first + timedelta(days=self.chance.randrange((last - first).days + 1))

    def plant(self, detector: str, *facts: str) -> None:
        """What a detector must find."""
        self.planted[detector] += len(facts)
        self.truth[detector] |= set(facts)

    def over_cap(self, name: str, sold: Sold) -> None:
        """A cap that is broken at this contract."""
        self.caps.add((name, sold.id))

    def over_list(self, sold: Sold) -> None:
        """A price above the published one is a violation of its own, wherever a case comes to it."""
        (listed,) = [price for course, price in sold.school.courses.values() if course == sold.course]
        if sold.price > sold.lessons * listed:
            self.over_cap("course.filed", sold)


Case = Callable[[County], None]


def generate(contracts: int, cases: dict[str, tuple[Case, ...]], *, seed: int = 20261120) -> County:
    """So many contracts, or a few more. `cases`: for each kind what plants it first, then its decoys."""
    chance, books = random.Random(seed), Books()  # noqa: S311  a county to test with; nothing secret
    many = max(12, contracts // CONTRACTS_A_SCHOOL)
    schools = []
    for number in range(many):
        prices = [*chance.sample(PRICES, 3), PRICES[0]]
        schools.append(
            books.school(dict(zip(SUBJECTS, prices, strict=True)), mode="online" if number % 6 == 0 else "offline")
        )
    county = County(books, chance, schools)
    acts: list[Case] = [case for kind in cases.values() for case in kind for _ in range(contracts // CONTRACTS_A_CASE)]
    county.decoys = sum(len(kind) - 1 for kind in cases.values()) * (contracts // CONTRACTS_A_CASE)
    acts += [ordinary_class] * max(0, (contracts - 2 * len(acts)) // IN_A_CLASS)
    # In any order: nothing about a row's place says what it is.
    chance.shuffle(acts)
    for act in acts:
        act(county)
    while len(books.rows["contract"]) < contracts:
        ordinary_class(county)
    file_rosters(county)
    return county


IN_A_CLASS: Final = 10


def ordinary_class(county: County) -> None:
    """Ten families of one course: three lessons taught, paid for in full; some renewed when little was left."""
    school, subject = county.subject()
    price = school.courses[subject][1]
    signed_on = county.day()
    first = signed_on + timedelta(days=county.chance.randrange(1, 28))
    lessons = county.chance.randrange(16, min(48, 500_000 // price))
    group = []
    for _ in range(IN_A_CLASS):
        discount = county.chance.choice((100, 100, 95, 90))
        sold = county.books.sell(
            school,
            county.books.child(),
            subject,
            lessons=lessons,
            gifted=county.chance.choice((0, 0, 0, 2)),
            price=lessons * price * discount // 100,
            signed=at(signed_on, 9 + county.chance.randrange(9), county.chance.randrange(60)),
            first=first,
            last=first + timedelta(days=80),
        )
        county.books.pay(sold)
        group.append(sold)
    for week in range(3):
        county.books.teach(group, first + timedelta(days=7 * week))


def file_rosters(county: County) -> None:
    """Every month that was taught and is due has its roster, but for those that a case left out."""
    for school, month in sorted(county.books.taught - county.unfiled):
        if month < f"{NOW:%Y-%m}":
            county.books.add(
                "roster",
                institution_id=school,
                month=month,
                teachers=["王老师"],
                classes=["A"],
                rule=None,
                due_on=None,
                filed_by="教务",
                filed_at=NOW - timedelta(days=30),
            )
