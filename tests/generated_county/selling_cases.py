"""Contracts sold past the rules, and contracts that come as close as the rules let them."""

from datetime import date, timedelta
from typing import Final

from escrow.monitoring.frames import number_of
from tests.generated_county.books import School, Sold, at
from tests.generated_county.county import PRICES, Case, County

CHEAPEST: Final = PRICES[0]
LESSONS, AMOUNT = "prepayment.max_lessons", "prepayment.max_amount"
SPAN, EARLIEST = "prepayment.max_span", "prepayment.earliest"


def _sold(
    county: County,
    lessons: int,
    *,
    where: tuple[School, str] | None = None,
    child: tuple[int, int] | None = None,
    on: date | None = None,
    first: date | None = None,
    last: date | None = None,
    gifted: int = 0,
    price: int | None = None,
) -> Sold:
    """One contract, paid in full; of the cheapest course and starting in a week unless the case says otherwise."""
    school, subject = where or county.subject(price=CHEAPEST)
    on = county.day() if on is None else on
    first = on + timedelta(days=7) if first is None else first
    sold = county.books.sell(
        school,
        child or county.books.child(),
        subject,
        lessons=lessons,
        gifted=gifted,
        price=price,
        signed=at(on, 9 + county.chance.randrange(9)),
        first=first,
        last=first + timedelta(days=60) if last is None else last,
    )
    county.books.pay(sold)
    county.over_list(sold)
    return sold


def _two_subjects(county: County) -> tuple[School, str, str]:
    """A school with two courses at the cheapest price, or nearly so."""
    school, subject = county.subject(price=CHEAPEST)
    other = min((each for each in school.courses if each != subject), key=lambda each: school.courses[each][1])
    return school, subject, other


def instalments(county: County) -> None:
    where, child, day = county.subject(price=CHEAPEST), county.books.child(), county.day()
    lessons = county.chance.randrange(31, 50)
    first = _sold(county, lessons, where=where, child=child, on=day)
    second = _sold(
        county, 61 - lessons + county.chance.randrange(10), where=where, child=child, on=day + timedelta(days=7)
    )
    county.plant("instalments", f"instalments:contract:{first.id}")
    county.over_cap(LESSONS, second)


def instalments_under_two_names(county: County) -> None:
    school, subject, other = _two_subjects(county)
    child, day = county.books.child(), county.day()
    first = _sold(
        county, 40, where=(school, subject), child=child, on=day, last=day + timedelta(days=20), price=160_000
    )
    then = day + timedelta(days=21)
    price = 21 * school.courses[other][1]
    _sold(county, 21, where=(school, other), child=child, on=day + timedelta(days=3), first=then, price=price)
    county.plant("instalments", f"instalments:contract:{first.id}")


def sixty_in_two(county: County) -> None:
    where, child, day = county.subject(price=CHEAPEST), county.books.child(), county.day()
    lessons = county.chance.randrange(20, 40)
    _sold(county, lessons, where=where, child=child, on=day)
    _sold(county, 60 - lessons, where=where, child=child, on=day)


def two_subjects_side_by_side(county: County) -> None:
    school, subject, other = _two_subjects(county)
    child, day = county.books.child(), county.day()
    _sold(county, 40, where=(school, subject), child=child, on=day)
    _sold(county, 40, where=(school, other), child=child, on=day + timedelta(days=1), price=250_000)


def eight_days_apart(county: County) -> None:
    where, child, day = county.subject(price=CHEAPEST), county.books.child(), county.day()
    first = _sold(county, 31, where=where, child=child, on=day, first=day + timedelta(days=1))
    county.books.teach([first], day + timedelta(days=3))
    _sold(county, 30, where=where, child=child, on=day + timedelta(days=8))


def gifts(county: County) -> None:
    lessons = county.chance.randrange(50, 61)
    sold = _sold(county, lessons, gifted=61 - lessons + county.chance.randrange(5))
    county.plant("gifts", f"gifts:contract:{sold.id}")
    county.over_cap(LESSONS, sold)


def gifts_that_fit(county: County) -> None:
    lessons = county.chance.randrange(40, 60)
    _sold(county, lessons, gifted=60 - lessons)


def token_price(county: County) -> None:
    where, child, day = county.subject(price=CHEAPEST), county.books.child(), county.day()
    _sold(county, 20, where=where, child=child, on=day)
    gift = _sold(county, 6, where=where, child=child, on=day + timedelta(days=30), price=6 * CHEAPEST * 30 // 100 - 1)
    county.plant("token_prices", f"token_price:contract:{gift.id}")


def thirty_per_cent(county: County) -> None:
    where, child, day = county.subject(price=CHEAPEST), county.books.child(), county.day()
    _sold(county, 20, where=where, child=child, on=day)
    _sold(county, 8, where=where, child=child, on=day + timedelta(days=5), price=8 * CHEAPEST * 30 // 100)


def a_month_later(county: County) -> None:
    where, child, day = county.subject(price=CHEAPEST), county.books.child(), county.day()
    _sold(county, 20, where=where, child=child, on=day)
    _sold(county, 6, where=where, child=child, on=day + timedelta(days=31), price=990)


def trial(county: County) -> None:
    where, child, day = county.subject(price=CHEAPEST), county.books.child(), county.day()
    _sold(county, 5, where=where, child=child, on=day, price=990)
    _sold(county, 20, where=where, child=child, on=day + timedelta(days=9))


def pack(county: County) -> None:
    day, child, (school, subject) = county.day(), county.books.child(), county.subject(price=CHEAPEST)
    sold = _sold(county, county.chance.randrange(120, 126), where=(school, subject), child=child, on=day)
    county.plant("packs", f"pack:student:{child[0]}:institution:{school.id}:day:{number_of(day)}")
    county.over_cap(LESSONS, sold)


def pack_in_two(county: County, *, lessons: int = 60) -> None:
    day, child, (school, subject, other) = county.day(), county.books.child(), _two_subjects(county)
    _sold(county, 60, where=(school, subject), child=child, on=day)
    _sold(county, lessons, where=(school, other), child=child, on=day, price=300_000)
    if lessons == 60:
        county.plant("packs", f"pack:student:{child[0]}:institution:{school.id}:day:{number_of(day)}")


def hundred_and_nineteen(county: County) -> None:
    pack_in_two(county, lessons=59)


def chain(county: County) -> None:
    _chain(county, taught=19)


def broken_chain(county: County) -> None:
    _chain(county, taught=20)


def _chain(county: County, *, taught: int) -> None:
    """Three contracts a month apart: 40 lessons of which so many are taught by the first renewal, then 25, and 25."""
    where, child, day = county.subject(price=CHEAPEST), county.books.child(), county.day(last=date(2026, 8, 1))
    first = _sold(
        county, 40, where=where, child=child, on=day, first=day + timedelta(days=1), last=day + timedelta(days=80)
    )
    for number in range(taught):
        county.books.teach([first], day + timedelta(days=2 + number))
    second = _sold(county, 25, where=where, child=child, on=day + timedelta(days=30))
    for number in range(35 - taught):
        county.books.teach([first], day + timedelta(days=31 + number))
    for number in range(2):
        county.books.teach([second], day + timedelta(days=53 + number))
    _sold(county, 25, where=where, child=child, on=day + timedelta(days=60))
    if 40 - taught > 20:
        county.plant("chained_renewals", f"chained_renewals:contract:{first.id}")


def too_many_lessons(county: County) -> None:
    county.over_cap(LESSONS, _sold(county, county.chance.randrange(61, 76)))
    county.planted[LESSONS] += 1


def exactly_sixty(county: County) -> None:
    _sold(county, 60)


def too_much_money(county: County) -> None:
    county.over_cap(AMOUNT, _sold(county, 40, price=500_001))
    county.planted[AMOUNT] += 1


def exactly_five_thousand(county: County) -> None:
    _sold(county, 40, price=500_000)


def too_long(county: County) -> None:
    county.over_cap(SPAN, _sold(county, 20, on=date(2026, 7, 20), first=date(2026, 7, 31), last=date(2026, 11, 1)))
    county.planted[SPAN] += 1


def to_the_anniversary(county: County) -> None:
    _sold(county, 20, on=date(2026, 7, 20), first=date(2026, 7, 31), last=date(2026, 10, 31))
    _sold(county, 20, on=date(2026, 5, 20), first=date(2026, 5, 31), last=date(2026, 8, 31))


def too_early(county: County) -> None:
    county.over_cap(EARLIEST, _sold(county, 20, on=date(2026, 2, 27), first=date(2026, 3, 31)))
    county.planted[EARLIEST] += 1


def a_month_ahead(county: County) -> None:
    _sold(county, 20, on=date(2026, 2, 28), first=date(2026, 3, 31))


CASES: Final[dict[str, tuple[Case, ...]]] = {
    "instalments": (instalments, sixty_in_two, two_subjects_side_by_side, eight_days_apart),
    "instalments_under_two_names": (instalments_under_two_names,),
    "gifts": (gifts, gifts_that_fit),
    "token_prices": (token_price, thirty_per_cent, a_month_later, trial),
    "packs": (pack, hundred_and_nineteen),
    "packs_in_two": (pack_in_two,),
    "chained_renewals": (chain, broken_chain),
    LESSONS: (too_many_lessons, exactly_sixty),
    AMOUNT: (too_much_money, exactly_five_thousand),
    SPAN: (too_long, to_the_anniversary),
    EARLIEST: (too_early, a_month_ahead),
}
