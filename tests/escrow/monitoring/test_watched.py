"""What ordering and paying find becomes alerts: the same fact, one alert, more evidence."""

from datetime import date

from sqlalchemy import Connection

from escrow.enrolment import payments
from escrow.monitoring import listing, watched
from tests.escrow.county import RULEBOOK, at, credit, draft, family, order, receive, school, sign


def test_a_contract_over_a_cap_that_is_ordered_and_paid_keeps_one_alert(db: Connection) -> None:
    of = school(db)
    contract = sign(db, of, draft(of, family(db), lessons=75)).contract
    placed = order(db, contract)
    watched.ordered(db, contract.id, rulebook=RULEBOOK, now=at(7, 21))
    told = credit(placed.reference, placed.amount, account=of.account)
    receive(db, told)
    (payment,) = payments.of_contract(db, [contract.id])
    found = watched.paid(db, [payment], rulebook=RULEBOOK, now=at(7, 21, 14))

    (alert,) = listing.page(db)
    assert [each.contract_id for each in found] == [contract.id]
    assert (alert.rule, alert.seen, alert.contract_id) == ("prepayment.max_lessons", 2, contract.id)


def test_a_payment_earlier_than_a_month_ahead_is_alerted_by_the_day_on_which_it_was_paid(db: Connection) -> None:
    of = school(db)
    far = draft(of, family(db), first_lesson=date(2026, 8, 22), last_lesson=date(2026, 10, 25))
    contract = sign(db, of, far).contract
    placed = order(db, contract)
    receive(db, credit(placed.reference, placed.amount, account=of.account, paid_at=at(7, 21, 23, 59)))
    (payment,) = payments.of_contract(db, [contract.id])
    (found,) = watched.paid(db, [payment], rulebook=RULEBOOK, now=at(7, 25))

    assert (found.finding.found, found.finding.limit) == ("2026-07-21", "2026-07-22")
    assert [each.contract_id for each in listing.page(db)] == [contract.id]


def test_nothing_booked_finds_nothing(db: Connection) -> None:
    assert watched.paid(db, [], rulebook=RULEBOOK, now=at(7, 25)) == []
