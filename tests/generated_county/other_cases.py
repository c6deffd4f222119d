"""Money that should not have come, lessons that should not have been, and what people tell; each with its decoys."""

from datetime import date, datetime, timedelta
from typing import Final

from tests.generated_county.books import NOW, School, Sold, at
from tests.generated_county.county import SUBJECTS, Case, County

ODD: Final = 13_337
"""Fen that no list price divides, and no contract costs."""

SWEEPS: Final = (
    (date(2026, 9, 30), date(2026, 10, 10)),  # over the National Day holiday, to a Saturday on which offices work
    (date(2026, 6, 18), date(2026, 6, 24)),  # over the Dragon Boat Festival, a Friday
    (date(2026, 11, 9), date(2026, 11, 12)),
    (date(2026, 11, 6), date(2026, 11, 11)),
)
"""Days on which money was taken, and the third working day after each, counted in a printed calendar."""


def _bought(
    county: County, *, school: School | None = None, on: date | None = None, paid: bool = True, lessons: int = 20
) -> Sold:
    school = school or county.school()
    on = county.day() if on is None else on
    first = on + timedelta(days=7)
    sold = county.books.sell(
        school,
        county.books.child(),
        county.chance.choice([*school.courses]),
        lessons=lessons,
        signed=at(on),
        first=first,
        last=first + timedelta(days=60),
    )
    if paid:
        county.books.pay(sold)
    return sold


def _midmonth(month: date, more: int = 0) -> datetime:
    return at(month.replace(day=12 + more))


# ---- payments ----------------------------------------------------------------------------------------------------


def strange_payment(county: County) -> None:
    school, month = county.month()
    reason = county.chance.choice(("no_reference", "unknown_order", "wrong_amount"))
    made = county.books.strange(school, ODD + 2 * county.chance.randrange(100), on=_midmonth(month), reason=reason)
    county.plant("strange_payments", f"strange_payment:payment:{made}")


def four_days_ago(county: County) -> None:
    made = county.books.strange(county.school(), ODD, on=NOW - timedelta(days=4), reason="wrong_amount")
    county.plant("strange_payments", f"strange_payment:payment:{made}")


def whole_lessons(county: County) -> None:
    school, month = county.month()
    price = school.courses[county.chance.choice(SUBJECTS)][1]
    county.books.strange(school, price * county.chance.randrange(1, 40), on=_midmonth(month), reason="no_reference")


def price_of_a_contract(county: County) -> None:
    school, month = county.month()
    price = 200_001 + 2 * county.chance.randrange(1000)
    sold = county.books.sell(
        school,
        county.books.child(),
        "drawing",
        lessons=20,
        price=price,
        signed=_midmonth(month),
        first=month.replace(day=20),
        last=month.replace(day=25),
    )
    county.over_list(sold)
    county.books.strange(school, sold.price, on=_midmonth(month, 1), reason="unknown_order")


def three_days_ago(county: County) -> None:
    county.books.strange(county.school(), ODD, on=NOW - timedelta(days=3), reason="wrong_amount")


def printed_code(county: County) -> None:
    school = county.books.school({"drawing": 8_000})
    month = county.chance.choice((date(2026, 5, 1), date(2026, 9, 1)))
    for number in range(5):
        county.books.strange(school, 8_000 * (number + 2), on=_midmonth(month, number), reason="no_reference")
    county.plant("printed_code", f"printed_code:institution:{school.id}:month:{month:%Y-%m}")


def four_payers(county: County) -> None:
    school = county.books.school({"drawing": 8_000})
    for number in range(6):
        payer = f"62229{min(number, 3):011d}"
        on = _midmonth(date(2026, 5, 1), number)
        county.books.strange(school, 8_000 * (number + 2), on=on, reason="no_reference", payer=payer)


def five_payers_in_two_months(county: County) -> None:
    school = county.books.school({"drawing": 8_000})
    for number in range(5):
        on = at(date(2026, 5, 31), 23, 59, 57 + number) if number < 3 else at(date(2026, 6, 1), 0, 0, number)
        county.books.strange(school, 8_000, on=on, reason="no_reference")


def _expiring(county: County, paid: datetime) -> School:
    school = county.books.school({"drawing": 8_000}, expires=date(2026, 7, 31))
    county.books.pay(_bought(county, school=school, on=date(2026, 7, 20), paid=False), on=paid)
    return school


def expired_licence(county: County) -> None:
    school = _expiring(county, at(date(2026, 8, 1), 0))
    county.plant("expired_licence", f"expired_licence:institution:{school.id}:month:2026-08")


def last_day_of_the_licence(county: County) -> None:
    _expiring(county, at(date(2026, 7, 31), 23, 59, 59))


def _closing(county: County, paid: datetime, *, state: str = "requested") -> School:
    school = county.books.school({"drawing": 8_000})
    county.books.pay(_bought(county, school=school, on=date(2026, 7, 20), paid=False), on=paid)
    ended = state == "withdrawn"
    county.books.add(
        "closure",
        institution_id=school.id,
        state=state,
        reason="停办",
        requested_by="校长",
        requested_at=at(date(2026, 7, 21), 10),
        ended_by="校长" if ended else None,
        ended_at=at(date(2026, 7, 21), 11) if ended else None,
    )
    return school


def shut_and_paid(county: County) -> None:
    school = _closing(county, at(date(2026, 7, 21), 10))
    county.plant("shut_and_paid", f"shut_and_paid:institution:{school.id}:month:2026-07")


def paid_and_shut(county: County) -> None:
    _closing(county, at(date(2026, 7, 21), 9, 59, 59))


def closure_withdrawn(county: County) -> None:
    _closing(county, at(date(2026, 7, 22)), state="withdrawn")


def no_course_filed(county: County) -> None:
    school = county.books.school({})
    county.books.strange(school, 300_000, on=NOW - timedelta(days=2), reason="no_reference")
    county.plant("no_course_filed", f"no_course_filed:institution:{school.id}:month:2026-11")


def course_filed_just_before(county: County) -> None:
    school = county.books.school({"drawing": 8_000}, filed=NOW - timedelta(days=2, seconds=1))
    county.books.strange(school, 80_000, on=NOW - timedelta(days=2), reason="no_reference")


def other_account(county: County) -> None:
    sold = _bought(county, paid=False)
    elsewhere = county.chance.choice([each for each in county.schools if each.id != sold.school.id])
    on = sold.signed + timedelta(hours=2)
    reference = county.books.order(sold, sold.price, on)
    made = county.books.strange(elsewhere, sold.price, on=on, reason="other_account", reference=reference)
    county.plant("other_account", f"other_account:payment:{made}")


def paid_twice(county: County) -> None:
    sold = _bought(county)
    on = sold.signed + timedelta(hours=3)
    county.books.strange(sold.school, sold.price, on=on, reason="order_paid_already")


def static_code(county: County, *, second: int = 20_001, days: int = 0, code: str = "static") -> None:
    """Two payments of one contract by one payer, 300.00 and so much."""
    sold = _bought(county, paid=False)
    payer, on = f"62228{sold.id % 10**11:011d}", sold.signed + timedelta(hours=2)
    first = county.books.pay(sold, 30_000, on=on, code=code, payer=payer)
    county.books.pay(sold, second, on=on + timedelta(days=days, hours=1), code=code, payer=payer)
    if code == "static" and not days and second > 20_000:
        county.plant("static_codes", f"static_code:payment:{first}")


def five_hundred_exactly(county: County) -> None:
    static_code(county, second=20_000)


def five_hundred_in_two_days(county: County) -> None:
    static_code(county, second=40_000, days=1)


def dynamic_code(county: County) -> None:
    static_code(county, second=50_000, code="dynamic")


def notified(county: County, *, due: date = date(2026, 11, 19), closed: bool = False, kind: str = "") -> None:
    """A break on a payment that was notified."""
    sold = _bought(county, on=date(2026, 11, 2))
    made = county.books.rows["payment"][-1]["id"]
    county.books.add(
        "statement_break",
        account=sold.school.account,
        kind=kind or "not_on_statement",
        line_id=None,
        payment_id=made,
        instruction_id=None,
        amount=sold.price,
        detail="",
        owner="bureau",
        opened_at=at(date(2026, 11, 18)),
        due_on=due,
        closed_at=at(date(2026, 11, 19)) if closed else None,
    )
    if due < NOW.date() and not closed and not kind:
        county.plant("notified_never_credited", f"notified_never_credited:payment:{made}")


def due_today(county: County) -> None:
    notified(county, due=NOW.date())


def explained(county: County) -> None:
    notified(county, closed=True)


def of_another_kind(county: County) -> None:
    notified(county, kind="suspense")


def grave(
    county: County, *, kind: str = "", item: str = "line", closed: bool = False, opened: date = date(2026, 11, 20)
) -> None:
    """A break that the bank's statement makes: a line of it, perhaps for a signed day, or a payout."""
    school, known = county.school(), ("duplicate", "conflict", "opposite_direction", "contradiction")
    number = county.books.add("statement_line", **_a_line(county, school)) if item == "line" else None
    made = county.books.add(
        "statement_break",
        account=school.account,
        kind=kind or county.chance.choice(known),
        line_id=number,
        payment_id=None,
        instruction_id=None,
        amount=ODD,
        detail="银行流水号重复",
        owner="bureau",
        opened_at=at(opened),
        due_on=opened + timedelta(days=1),
        closed_at=at(date(2026, 11, 20), 11) if closed else None,
    )
    if kind in ("", "duplicate") and not closed:
        about = f"line:{number}" if number is not None else f"break:{made}"
        county.plant("grave_breaks", f"grave_break:{about}")


def _a_line(county: County, school: School) -> dict[str, object]:
    """A line of a statement of one day."""
    on = date(2026, 11, 19)
    names = ("identifier", "format", "sha256", "imported_by")
    statement = county.books.add(
        "statement",
        account=school.account,
        begins=on,
        ends=on,
        opening=None,
        closing=None,
        lines=1,
        imported_at=at(on, 20),
        **{name: f"{county.chance.random()}" for name in names},
    )
    blank = dict.fromkeys(("serial", "end_to_end", "remark", "counterparty", "counterparty_account", "nature"), "")
    told = {"account": school.account, "number": 1, "booked_on": on, "booked_at": at(on), "amount": ODD}
    return {"statement_id": statement, "key": f"K{statement}", "balance": None, "reversal": 0, **told, **blank}


def grave_since_long(county: County) -> None:
    grave(county, kind="duplicate", opened=date(2025, 9, 1))


def grave_and_explained(county: County) -> None:
    grave(county, closed=True)


def not_so_grave(county: County) -> None:
    grave(county, kind=county.chance.choice(("not_in_books", "partial", "bounced", "channel_lump")))


def missing_but_not_due(county: County) -> None:
    notified(county, due=NOW.date(), kind="notified_and_missing")


# ---- lessons -----------------------------------------------------------------------------------------------------


def late_lesson(county: County, *, after: timedelta = timedelta(seconds=1)) -> None:
    """A lesson that ends so long after its institution's hour."""
    sold = _bought(county)
    online = county.books.rows["institution"][county.schools.index(sold.school)]["mode"] == "online"
    day = (sold.signed + timedelta(days=10)).date()
    ends = at(day, 21 if online else 20, 0 if online else 30) + after
    lesson = county.books.teach([sold], day, ends=ends, starts=at(day, 19))
    if after:
        county.plant("late_lessons", f"late_lesson:lesson:{lesson}")


def past_midnight(county: County) -> None:
    late_lesson(county, after=timedelta(hours=4))


def on_the_minute(county: County) -> None:
    late_lesson(county, after=timedelta())


def unfunded(county: County, *, paid: int = 4, last: date = date(2026, 11, 12)) -> None:
    """Five lessons of twenty, and money for so many of them."""
    sold = _bought(county, on=date(2026, 10, 9), paid=False)
    county.books.pay(sold, sold.price * paid // 20)
    for number in range(5):
        county.books.teach([sold], last - timedelta(days=4 - number), confirmed=False)
    if paid < 5 and last <= date(2026, 11, 12):
        county.plant("unfunded_lessons", f"unfunded_lessons:contract:{sold.id}")


def paid_to_the_lesson(county: County) -> None:
    unfunded(county, paid=5)


def a_week_ago(county: County) -> None:
    unfunded(county, last=date(2026, 11, 13))


def crowded(county: County, *, heads: int = 5) -> None:
    """Three who attended, of whom two have paid, and so many heads."""
    school = county.school()
    group = [_bought(county, school=school, on=date(2026, 11, 6), paid=number < 2) for number in range(3)]
    for each in group[1:]:
        each.course = group[0].course
    lesson = county.books.teach(group, date(2026, 11, 17), confirmed=False)
    for count in (2, heads):
        county.books.add(
            "head_count",
            lesson_id=lesson,
            heads=count,
            counted_by="督导",
            role="bureau",
            counted_at=at(date(2026, 11, 17), 18),
        )
    if heads > 4:
        county.plant("crowded_classes", f"crowded_class:lesson:{lesson}")


def two_guests(county: County) -> None:
    crowded(county, heads=4)


def roster(county: County) -> None:
    """An institution of its own that taught in October and filed nothing for it."""
    school = county.books.school({"drawing": 8_000})
    sold = _bought(county, school=school, on=date(2026, 9, 20))
    county.books.teach([sold], date(2026, 9, 30))
    county.books.teach([sold], date(2026, 10, 31))
    county.books.teach([sold], date(2026, 11, 1))
    county.unfiled.add((school.id, "2026-10"))
    county.plant("missing_rosters", f"institution:{school.id}:roster:2026-10")


# ---- what people tell --------------------------------------------------------------------------------------------


def _complain(
    county: County, school: School, about: str, filed: list[tuple[datetime, int]], *, state: str = "open"
) -> None:
    """Complaints at these times, each of the family with this number of the case."""
    families = {number: county.books.child()[1] for _, number in filed}
    answered = {"answer": "查无此事", "answered_at": NOW, "answered_by": "张科长"} if state != "open" else {}
    blank = dict.fromkeys(("answer", "answered_at", "answered_by"))
    for on, number in filed:
        county.books.add(
            "complaint",
            institution_id=school.id,
            guardian_id=families[number],
            contract_id=None,
            category=about,
            told="家长反映",
            happened_on=on.date(),
            filed_at=on,
            filed_by="家长",
            state=state,
            **(blank | answered),
        )


def outside(county: County) -> None:
    school, month = county.month()
    about = county.chance.choice(("personal_code", "cash", "cheaper_outside"))
    _complain(county, school, about, [(_midmonth(month), 1)])
    county.plant("outside_complaints", f"outside_complaints:institution:{school.id}:{about}:month:{month:%Y-%m}")


def unfounded(county: County) -> None:
    school, month = county.month()
    _complain(county, school, "personal_code", [(_midmonth(month), 1)], state="unfounded")


def repeated(county: County) -> None:
    school, month = county.month()
    _complain(county, school, "late_lesson", [(_midmonth(month, number), number) for number in range(3)])
    county.plant("repeated_complaints", f"repeated_complaints:institution:{school.id}:late_lesson:month:{month:%Y-%m}")


def one_family_thrice(county: County) -> None:
    school, month = county.month()
    _complain(county, school, "refused_refund", [(_midmonth(month, number), number % 2) for number in range(4)])


def three_things(county: County) -> None:
    school, month = county.month()
    for number, about in enumerate(("late_lesson", "refused_refund", "not_taught")):
        _complain(county, school, about, [(_midmonth(month), number)])


def _taken(county: County, on: date, swept: date | None) -> int:
    """Cash that was taken on one day and came into the account on another."""
    sold, payment = _bought(county), None
    if swept is not None:
        payment = county.books.strange(sold.school, sold.price, on=at(swept, 23, 59, 59), reason="order_paid_already")
    return county.books.add(
        "taking",
        institution_id=sold.school.id,
        contract_id=sold.id,
        amount=sold.price,
        means="cash",
        taken_on=on,
        reported_at=at(on, 18),
        reported_by="财务",
        payment_id=payment,
        swept_on=swept,
    )


def unswept(county: County) -> None:
    on, _ = county.chance.choice(SWEEPS)
    county.plant("unswept_takings", f"unswept_taking:taking:{_taken(county, on, None)}")


def swept_late(county: County) -> None:
    on, due = county.chance.choice(SWEEPS)
    county.plant("unswept_takings", f"unswept_taking:taking:{_taken(county, on, due + timedelta(days=1))}")


def swept_in_time(county: County) -> None:
    _taken(county, *county.chance.choice(SWEEPS))


def swept_by_today(county: County) -> None:
    _taken(county, date(2026, 11, 17), None)


def runaway(county: County, *, families: int = 5, november_lessons: int = 0) -> None:
    """A shop that collects much in its last month, teaches less, files nothing and answers nobody."""
    school = county.books.school({"drawing": 8_000})
    for month in (8, 9, 10):
        group = [_bought(county, school=school, on=date(2026, month, 2)) for _ in range(2)]
        for day in (15, 20, 25):
            county.books.teach(group, date(2026, month, day))
    for day in range(1, november_lessons + 1):
        county.books.teach(group, date(2026, 11, day))
    for _ in range(8):
        _bought(county, school=school, on=date(2026, 11, 2))
    county.unfiled |= {(school.id, "2026-09"), (school.id, "2026-10")}
    county.plant("missing_rosters", *(f"institution:{school.id}:roster:2026-{month:02}" for month in (9, 10)))
    filed = [(at(date(2026, 11, 1), 8 + number), number) for number in range(families)]
    _complain(county, school, "refused_refund", filed)
    fact = f"repeated_complaints:institution:{school.id}:refused_refund:month:2026-11"
    county.plant("repeated_complaints", fact)
    if families == 5 and not november_lessons:
        county.plant("runaway", f"runaway:institution:{school.id}:month:2026-11")


def three_families_less(county: County) -> None:
    runaway(county, families=3)


def as_many_lessons(county: County) -> None:
    runaway(county, november_lessons=11)


CASES: Final[dict[str, tuple[Case, ...]]] = {
    "strange_payments": (strange_payment, whole_lessons, price_of_a_contract, three_days_ago),
    "strange_payments_lately": (four_days_ago,),
    "printed_code": (printed_code, four_payers, five_payers_in_two_months),
    "expired_licence": (expired_licence, last_day_of_the_licence),
    "shut_and_paid": (shut_and_paid, paid_and_shut, closure_withdrawn),
    "no_course_filed": (no_course_filed, course_filed_just_before),
    "other_account": (other_account, paid_twice),
    "static_codes": (static_code, five_hundred_exactly, five_hundred_in_two_days, dynamic_code),
    "notified_never_credited": (notified, due_today, explained, of_another_kind),
    "grave_breaks": (grave, grave_and_explained, not_so_grave, missing_but_not_due),
    "grave_breaks_since_long": (grave_since_long,),
    "late_lessons": (late_lesson, on_the_minute),
    "late_lessons_past_midnight": (past_midnight,),
    "unfunded_lessons": (unfunded, paid_to_the_lesson, a_week_ago),
    "crowded_classes": (crowded, two_guests),
    "missing_rosters": (roster,),
    "runaway": (runaway, three_families_less, as_many_lessons),
    "outside_complaints": (outside, unfounded),
    "repeated_complaints": (repeated, one_family_thrice, three_things),
    "unswept_takings": (unswept, swept_in_time, swept_by_today),
    "unswept_takings_late": (swept_late,),
}
