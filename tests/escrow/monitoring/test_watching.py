"""The watch over a county that lives through the real verbs: what it sees, and what it lets rest."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

import pytest
from sqlalchemy import Connection, update

from escrow.enrolment import takings
from escrow.monitoring import alerts, handling, steps
from escrow.monitoring.alerts import Alert
from escrow.monitoring.detectors.ground import Seen
from escrow.monitoring.watching import look, watch
from escrow.oversight import complaints
from escrow.oversight.complaints import Told
from escrow.payouts import closures
from escrow.registry import courses
from escrow.registry.tables import course, institution
from escrow.settlement import breaks, reconciling, statements
from escrow.settlement.breaks import Open
from escrow.teaching import head_counts, lessons
from escrow.teaching.lessons import Session
from ledger.money import Money
from tests.escrow.county import (
    BUREAU,
    RULEBOOK,
    SECOND,
    School,
    at,
    confirmed,
    credit,
    draft,
    enrolled,
    family,
    order,
    receive,
    school,
    sign,
    signed,
    teach,
)
from tests.escrow.monitoring.detectors.columns import HABITS
from tests.escrow.settlement.bank_days import BankLine, written


def seen(db: Connection, now: datetime) -> dict[str, list[str]]:
    """The facts that each detector sees; those that see nothing are left out."""
    found: Mapping[str, Sequence[Seen]] = look(db, rulebook=RULEBOOK, habits=HABITS, now=now)
    return {name: [each.sighting.finding.fact for each in those] for name, those in found.items() if those}


def watched(db: Connection, now: datetime) -> list[Alert]:
    return watch(db, rulebook=RULEBOOK, habits=HABITS, now=now)


def evening(db: Connection, of: School, contract_id: int, minute: int) -> int:
    """A lesson that ends so many minutes after half past eight."""
    session = Session(
        course_id=of.course.id,
        class_no="B",
        starts_at=at(8, 4, 19, minute),
        ends_at=at(8, 4, 20, 30 + minute),
        contract_ids=[contract_id],
    )
    return lessons.record(db, session, rulebook=RULEBOOK, by=of.caller, now=at(8, 5)).lesson.id


def test_an_ordinary_county_shows_nothing(db: Connection) -> None:
    of = school(db)
    confirmed(db, of, enrolled(db, of), on=(8, 3))
    assert seen(db, at(9, 1)) == {}
    assert watched(db, at(9, 1)) == []


def test_an_empty_county_shows_nothing(db: Connection) -> None:
    assert seen(db, at(9, 1)) == {}


def test_how_contracts_were_sold_is_read_from_the_books(db: Connection) -> None:
    of, child = school(db), family(db)
    first = sign(db, of, draft(of, child, lessons=30), now=at(7, 20)).contract
    second = sign(db, of, draft(of, child, lessons=31), now=at(7, 22)).contract
    third = sign(db, of, draft(of, child, lessons=40), now=at(8, 20)).contract
    gift = sign(db, of, draft(of, family(db, 2), lessons=58, gifted=4), now=at(7, 20)).contract
    found = seen(db, at(9, 1))
    assert found["instalments"] == [f"instalments:contract:{first.id}"]
    assert found["gifts"] == [f"gifts:contract:{gift.id}"]
    assert found["chained_renewals"] == [f"chained_renewals:contract:{first.id}"]
    assert third.id > second.id


def test_lessons_taught_before_the_renewal_count(db: Connection) -> None:
    of, child = school(db), family(db)
    first = sign(db, of, draft(of, child, lessons=21), now=at(7, 20)).contract
    teach(db, of, [first], on=(8, 3))
    sign(db, of, draft(of, child, lessons=30), now=at(8, 4))
    sign(db, of, draft(of, child, lessons=30), now=at(8, 20))
    assert "chained_renewals" not in seen(db, at(9, 1)), "twenty were left, and then thirty: one renewal is no chain"


def test_money_is_read_from_the_books(db: Connection) -> None:
    of, other = school(db), school(db, 2)
    contract = signed(db, of, family(db))
    signed(db, of, family(db, 2), price="1234.56")
    reference = order(db, contract).reference
    receive(
        db,
        credit(amount=31601, serial="fits nothing"),
        credit(amount=36000, serial="three lessons at 120.00"),
        credit(amount=123456, serial="the price of a contract that nobody ordered"),
        credit(reference, contract.price, serial="elsewhere", account=other.account),
    )
    # A course that is filed when the money has come explains nothing.
    late = Money(31601)
    courses.file(db, of.institution.id, name="书法", subject="x", list_price=late, by=of.caller, now=at(7, 31))
    found = seen(db, at(8, 1))
    (strange,) = found.pop("strange_payments")
    (elsewhere,) = found.pop("other_account")
    assert found == {}
    (alert,) = [each for each in watched(db, at(8, 1)) if each.fact.endswith(elsewhere)]
    assert (alert.institution_id, alert.evidence["order"]) == (other.institution.id, reference)
    assert strange.startswith("strange_payment:payment:")


def test_a_licence_a_closure_and_a_missing_course_are_held_against_the_payments(db: Connection) -> None:
    of = school(db)
    enrolled(db, of)
    assert seen(db, at(8, 1)) == {}
    db.execute(update(institution).values(licence_expires=date(2026, 7, 20)))
    db.execute(update(course).values(filed_at=at(7, 22)))
    assert set(seen(db, at(8, 1))) == {"expired_licence", "no_course_filed"}
    closures.freeze(db, of.institution.id, reason="停办", by=of.caller, now=at(7, 30))
    receive(db, credit(serial="after the end", paid_at=at(7, 31)), now=at(7, 31))
    assert seen(db, at(8, 1))["shut_and_paid"] == [f"shut_and_paid:institution:{of.institution.id}:month:2026-07"]


def test_a_lesson_in_the_evening_and_one_that_nobody_paid_for(db: Connection) -> None:
    of = school(db)
    contract = signed(db, of, family(db))
    evening(db, of, contract.id, 0)
    assert seen(db, at(9, 1)) == {"unfunded_lessons": [f"unfunded_lessons:contract:{contract.id}"]}
    late = evening(db, of, signed(db, of, family(db, 2)).id, 1)
    assert seen(db, at(9, 1))["late_lessons"] == [f"late_lesson:lesson:{late}"]


@pytest.mark.parametrize("kind", ["not_on_statement", "notified_and_missing"])
def test_what_was_notified_and_is_on_no_statement_is_seen_when_its_day_has_passed(db: Connection, kind: str) -> None:
    of = school(db)
    (receipt,) = receive(db, credit(amount=36000))
    missing = Open(
        kind=kind,
        line_id=None,
        payment_id=receipt.payment.id,
        instruction_id=None,
        amount=36000,
        detail="",
    )
    breaks.refresh(db, of.account, [missing, replace(missing, kind="suspense", payment_id=None)], now=at(7, 23))
    assert seen(db, at(7, 24)) == {}, "it is due today"
    fact = f"notified_never_credited:payment:{receipt.payment.id}"
    assert seen(db, at(7, 25)) == {"notified_never_credited": [fact]}
    breaks.refresh(db, of.account, [], now=at(7, 25))
    assert seen(db, at(7, 26)) == {}


def day_of_two_lines(db: Connection, of: School) -> None:
    """The bank shows one serial twice: the second line is perhaps its mistake."""
    lines = [BankLine(amount=36000, at=at(10, 12, hour), serial="S1") for hour in (9, 10)]
    data = written(of.account, lines)
    statements.import_file(db, data, filename="day.csv", account=of.account, by=BUREAU, now=at(10, 13))
    reconciling.reconcile(db, of.account, by=BUREAU, now=at(10, 13))


def test_a_grave_break_is_an_alert_on_its_day_once_and_closes_when_it_is_explained(db: Connection) -> None:
    of = school(db)
    day_of_two_lines(db, of)
    (found,) = [each for each in breaks.still_open(db, of.account) if each.kind == "duplicate"]
    (first,), (again,) = watched(db, at(10, 13, 20)), watched(db, at(10, 14))
    assert (first.fact, first.id, again.seen) == (f"grave_break|grave_break:line:{found.line_id}", again.id, 2)
    assert (first.institution_id, first.severity) == (of.institution.id, "grave")
    assert (first.limit_text, first.found_text) == (f"explained by {found.due_on}", "duplicate 360.00 CNY")
    assert first.evidence["breaks"] == [found.id]
    assert "重复入账" in first.zh

    breaks.refresh(db, of.account, [], now=at(10, 15))
    assert watched(db, at(10, 16)) == []
    over = alerts.get(db, first.id)
    assert (over.state, over.closed_by, over.owner) == ("resolved", steps.MONITORING, steps.MONITORING)
    assert over.closing_reason == f"差异 {found.id} 已于 2026-10-15 查明。Break {found.id} was explained on 2026-10-15."
    assert [each.move for each in steps.history(db, [first.id])] == ["open", "explain"]
    breaks.open_now(db, of.account, [found], now=at(10, 17))
    (reopened,) = watched(db, at(10, 17, 13))
    assert reopened.reopens == first.id


def test_what_somebody_looks_into_stays_theirs_when_the_break_is_explained(db: Connection) -> None:
    of = school(db)
    day_of_two_lines(db, of)
    (alert,) = watched(db, at(10, 13, 20))
    handling.acknowledge(db, alert.id, by=BUREAU, now=at(10, 14))
    handling.investigate(db, alert.id, by=BUREAU, now=at(10, 14))
    breaks.refresh(db, of.account, [], now=at(10, 15))
    watched(db, at(10, 16))
    assert alerts.get(db, alert.id).state == "investigating"
    handling.resolve(db, alert.id, reason="银行已退回", by=BUREAU, now=at(10, 17))


def test_an_alert_that_was_dealt_with_is_not_told_again_while_its_break_stays(db: Connection) -> None:
    of = school(db)
    day_of_two_lines(db, of)
    (alert,) = watched(db, at(10, 13, 20))
    handling.acknowledge(db, alert.id, by=BUREAU, now=at(10, 14))
    handling.resolve(db, alert.id, reason="银行确认重复，次日退回", by=BUREAU, now=at(10, 14))
    assert watched(db, at(10, 15)) == []


def test_money_that_comes_after_all_closes_the_alert_that_it_was_missing(db: Connection) -> None:
    of = school(db)
    receive(db, credit(amount=36000, serial="S9", paid_at=at(10, 12)))
    for on, serial, opening in ((13, "A", 0), (15, "S9", 36000)):
        line = BankLine(amount=36000, at=at(10, on), serial=serial)
        data = written(of.account, [line], opening=opening)
        statements.import_file(db, data, filename="d.csv", account=of.account, by=BUREAU, now=at(10, on))
        reconciling.reconcile(db, of.account, by=BUREAU, now=at(10, on))
        if serial == "A":
            found = {each.rule: each for each in watched(db, at(10, 15))}
            missing = found["notified_never_credited"]
    watched(db, at(10, 16))
    assert alerts.get(db, missing.id).state == "resolved"


def test_what_people_tell_is_read_from_the_books(db: Connection) -> None:
    of, child = school(db), family(db, 9)
    today = date(2026, 8, 20)
    told = Told(category="cash", told="收现金", happened_on=today)
    complaint = complaints.file(db, of.institution.id, told, by=child.caller, now=at(8, 20))
    taking = takings.report(
        db,
        of.institution.id,
        amount=Money.parse("500.00"),
        means="cash",
        taken_on=today,
        contract_id=None,
        by=of.caller,
        now=at(8, 20),
    )
    (receipt,) = receive(db, replace(credit(amount=50001, paid_at=at(8, 24)), code="static"))
    lesson = teach(db, of, [enrolled(db, of)[1], signed(db, of, family(db, 2))], on=(8, 24))
    head_counts.count(db, lesson, heads=2, by=of.caller, now=at(8, 24))
    assert set(seen(db, at(8, 25))) == {"outside_complaints", "static_codes"}
    head_counts.count(db, lesson, heads=4, by=BUREAU, now=at(8, 24))
    assert seen(db, at(8, 26)) == {
        "outside_complaints": [f"outside_complaints:institution:{of.institution.id}:cash:month:2026-08"],
        "unswept_takings": [f"unswept_taking:taking:{taking.id}"],
        "static_codes": [f"static_code:payment:{receipt.payment.id}"],
        "crowded_classes": [f"crowded_class:lesson:{lesson}"],
    }, "one of the two who attended has paid, two may be guests, and four were there"
    takings.sweep(db, taking.id, serial="S1", by=of.caller, now=at(8, 26))
    complaints.answer(db, complaint.id, state="unfounded", answer="查无此事", by=BUREAU, now=at(8, 26))
    assert set(seen(db, at(8, 26))) == {"static_codes", "crowded_classes"}


def test_each_institution_is_held_against_the_rules_of_its_own_place(db: Connection) -> None:
    of, elsewhere = school(db), school(db, 2)
    quanzhou = next(each.code for each in RULEBOOK.jurisdictions.values() if each.folder == "quanzhou")
    away = institution.c.id == elsewhere.institution.id
    db.execute(update(institution).where(away).values(jurisdiction=quanzhou, category="subject"))
    for each in (of, elsewhere):
        takings.report(
            db,
            each.institution.id,
            amount=Money.parse("500.00"),
            means="cash",
            taken_on=date(2026, 8, 20),
            contract_id=None,
            by=each.caller,
            now=at(8, 20),
        )
    found = look(db, rulebook=RULEBOOK, habits=HABITS, now=at(8, 26))["unswept_takings"]
    rests_on = {each.sighting.institution_id: each.sighting.finding.rule.version for each in found}
    assert rests_on == {
        of.institution.id: "watch/unswept_takings@2025-01-01",
        elsewhere.institution.id: "quanzhou/cash.sweep:subject@2021-08-16",
    }


def test_a_second_watch_adds_to_the_alerts_of_the_first(db: Connection) -> None:
    of = school(db)
    evening(db, of, enrolled(db, of)[1].id, 1)
    (first,), (second,) = watched(db, at(9, 1)), watched(db, at(9, 2))
    assert (first.id, first.seen, second.id, second.seen) == (second.id, 1, first.id, 2)


def test_what_was_dealt_with_is_not_told_again_until_something_new_happens(db: Connection) -> None:
    of = school(db)
    enrolled(db, of)
    later = order(db, signed(db, of, family(db, 2)))
    db.execute(update(institution).values(licence_expires=date(2026, 7, 20)))
    (alert,) = watched(db, at(7, 22))
    handling.acknowledge(db, alert.id, by=BUREAU, now=at(7, 22))
    handling.resolve(db, alert.id, reason="已约谈", by=SECOND, now=at(7, 23))
    assert watched(db, at(7, 24)) == []
    receive(db, credit(later.reference, later.amount, serial="later", paid_at=at(7, 22, 11)), now=at(7, 25))
    receive(db, credit(serial="once more", amount=36000, paid_at=at(7, 25)), now=at(7, 25))
    (again,) = watched(db, at(7, 26))
    assert again.fact == alert.fact
    assert len(again.evidence["payments"]) == 3
