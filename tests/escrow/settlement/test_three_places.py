"""Three ways: in how many of notice, statement and books each payment of a period stands, and why not in all."""

import csv
import io
from datetime import date

from sqlalchemy import event, update

from escrow.enrolment import payments
from escrow.enrolment.tables import payment
from escrow.settlement import three_places, undoing
from escrow.settlement.tables import match
from escrow.settlement.three_places import COLUMNS, Stand, apart, counted, written
from ledger.entries import Transfer
from ledger.posting import post_all
from reconciliation.three_ways import STATES
from tests.escrow.county import BUREAU, at, credit, receive, unguarded
from tests.escrow.settlement import bank_days
from tests.escrow.settlement.bank_days import BankLine
from tests.escrow.settlement.conftest import Day

MONDAY, TUESDAY, FRIDAY = date(2026, 10, 12), date(2026, 10, 13), date(2026, 10, 16)


def told(day: Day, serial: str, amount: int, on: int) -> None:
    receive(day.db, credit("", amount, serial=serial, paid_at=at(10, on)), now=at(10, on))


def taken_in(day: Day, *lines: BankLine) -> None:
    day.take_file(bank_days.written(day.of.account, lines), now=at(10, 15))
    day.reconcile(at(10, 15))


def week(day: Day) -> dict[str, Stand]:
    return {each.serial: each for each in three_places.of_period(day.db, day.of.account, MONDAY, FRIDAY)}


def test_every_payment_of_the_period_is_told_with_its_places_and_why_it_does_not_stand_in_all(day: Day) -> None:
    for serial, amount, on in (("WHOLE", 100, 12), ("LATE", 200, 12), ("SOON", 300, 14), ("LOST", 400, 13)):
        told(day, serial, amount, on)
    lines = [("WHOLE", 100), ("ALONE", 500), ("LOST", 400), ("", 600)]
    taken_in(day, *(BankLine(amount=amount, at=at(10, 14), serial=serial) for serial, amount in lines))
    # What cannot happen by our hand: a payment without its transfer, and a transfer without a payment.
    unguarded(day.db, "payment")
    day.db.execute(update(payment).where(payment.c.serial == "LOST").values(amount=401))
    account = day.of.account
    ghost = Transfer(
        debit=f"bank/{account}",
        credit=f"bank/{account}/suspense",
        amount=7,
        kind="suspense",
        reference=f"payment/{account}/GHOST",
        effective=at(10, 13),
    )
    post_all(day.db, [ghost], now=at(10, 15), caller_key="")

    found = week(day)
    assert {serial: (each.places, each.state) for serial, each in found.items()} == {
        "WHOLE": (3, "whole"),
        "ALONE": (2, "not_notified"),
        "LOST": (2, "not_in_books"),
        "LATE": (2, "overdue"),
        "SOON": (2, "awaited"),
        "": (1, "only_on_statement"),
        f"payment/{account}/GHOST": (1, "only_in_books"),
    }
    assert (found["WHOLE"].reason, found["WHOLE"].reason_zh) == ("", "")
    assert "which reach past 2026-10-13" in found["LATE"].reason
    assert "应于 2026-10-13 前" in found["LATE"].reason_zh
    assert found["LATE"].break_id is not None
    assert "not_in_books" in found[""].reason
    assert "对账单有、账上无" in found[""].reason_zh
    every = list(found.values())
    assert set(counted(every).by_state) == set(STATES)
    assert counted(every).by_places == {3: 1, 2: 4, 1: 2}
    assert [each.serial for each in apart(every)] == [each.serial for each in every if each.serial != "WHOLE"]


def test_a_word_that_comes_after_the_statement_is_still_a_word(day: Day) -> None:
    taken_in(day, BankLine(amount=500, at=at(10, 14), serial="ALONE"))
    assert week(day)["ALONE"].state == "not_notified"
    for _ in range(2):
        told(day, "ALONE", 499, 15)
    assert week(day)["ALONE"].state == "not_notified", "it told of another amount"
    for _ in range(2):
        told(day, "ALONE", 500, 15)
    assert (week(day)["ALONE"].state, week(day)["ALONE"].places) == ("whole", 3)


def test_a_payment_belongs_to_the_days_of_its_payment_and_of_its_line(day: Day) -> None:
    told(day, "A", 100, 12)
    taken_in(day, BankLine(amount=100, at=at(10, 14), serial="A"))
    account = day.of.account
    for begins, ends, there in ((MONDAY, MONDAY, 1), (TUESDAY, TUESDAY, 0), (date(2026, 10, 14), FRIDAY, 1)):
        assert len(three_places.of_period(day.db, account, begins, ends)) == there


def test_what_was_undone_stands_by_its_line_alone(day: Day) -> None:
    taken_in(day, BankLine(amount=500, at=at(10, 14), serial="ALONE"))
    match_id = day.db.execute(match.select()).first().id  # type: ignore[union-attr]  # there is one
    undoing.undo(day.db, match_id, reason="错", by=BUREAU, now=at(10, 15))
    (found,) = week(day).values()
    assert (found.state, found.payment_id) == ("only_on_statement", None)
    assert "勾对已撤销" in found.reason_zh


def test_a_thousand_payments_are_asked_about_in_as_many_statements_as_one(day: Day) -> None:
    asked = []

    def heard(*_: object) -> None:
        asked.append(1)

    def statements() -> int:
        asked.clear()
        week(day)
        return len(asked)

    event.listen(day.db, "before_cursor_execute", heard)
    told(day, "A", 100, 12)
    one = statements()
    many = [credit("", 100, serial=f"B{each}", paid_at=at(10, 12)) for each in range(1000)]
    payments.receive(day.db, many, source="notification", now=at(10, 12))
    assert (one, statements(), len(week(day))) == (4, 4, 1001)


def test_the_list_is_a_file_too(day: Day) -> None:
    told(day, "A", 12345, 12)
    data = written(list(week(day).values()), "csv", at=at(10, 15))
    header, row = csv.reader(io.StringIO(data.decode("utf-8-sig")))
    assert tuple(header) == COLUMNS
    assert row[:8] == ["A", "2026-10-12", "123.45", "王芳1", "有", "无", "有", "2"]
    assert written(list(week(day).values()), "xlsx", at=at(10, 15)).startswith(b"PK")
