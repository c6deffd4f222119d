"""Four cycles, one engine: what may be asked for when, by the rules of the place, and who approves it."""

from datetime import date, datetime
from typing import Final

import pytest
from sqlalchemy import Connection, update
from sqlalchemy.exc import IntegrityError

from escrow.access.caller import Caller
from escrow.enrolment.contracts import Contract
from escrow.payouts import instructions, refunds, releases
from escrow.payouts.cycles import AskedByTheMonth, MonthNotOver, PeriodNotOver, Terms
from escrow.payouts.release_drafts import AlreadyRequested, NothingToRelease, ReleaseRequest
from escrow.payouts.tables import release_request
from escrow.refusals import AlreadyDecided, Forbidden, FourEyes
from escrow.rules.months import Month
from tests.escrow.county import (
    BANK,
    BUREAU,
    RULEBOOK,
    SECOND,
    Family,
    School,
    at,
    breaches,
    confirmed,
    enrolled,
    school,
)

COUNTY, WUHU, XIAMEN, CHENGDU, ZHEJIANG, BEIJING = "900001", "340200", "350200", "510100", "330000", "110000"
AUGUST: Final = Month(2026, 8)


def terms(place: str) -> Terms:
    return Terms.in_force(RULEBOOK, jurisdiction=place, now=at(9, 10))


def ask(db: Connection, of: School, period: Month | date, now: datetime, *, by: Caller | None = None) -> ReleaseRequest:
    return releases.submit(db, of.institution.id, period=period, rulebook=RULEBOOK, by=by or of.caller, now=now)


def taught_in(db: Connection, place: str, *days: tuple[int, int]) -> tuple[School, tuple[Family, Contract]]:
    """A school there with one contract of three lessons at 333.33 and a fen, some of them taught and confirmed."""
    of = school(db, jurisdiction=place)
    whose = enrolled(db, of)
    for day in days:
        confirmed(db, of, whose, on=day)
    return of, whose


# ---- the terms, pure ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "cycle", "wait", "approval"),
    [
        (COUNTY, "monthly", 0, "bureau"),
        (WUHU, "after_whole_order", 15, "bureau"),
        (XIAMEN, "weekly", 0, "bureau"),
        (CHENGDU, "in_step_with_teaching", 0, "tripartite"),
        (ZHEJIANG, "in_step_with_teaching", 0, "bank_after_guardian"),
        (BEIJING, "in_step_with_teaching", 0, "bureau"),
    ],
)
def test_each_place_has_its_terms(place: str, cycle: str, wait: int, approval: str) -> None:
    found = terms(place)
    assert (found.cycle.text, found.wait, found.approval) == (cycle, wait, approval)
    assert (found.windows is not None) == (cycle == "monthly")
    assert found.let_in_by.name == ("release.window" if cycle == "monthly" else "release.cycle")


def test_a_day_is_not_asked_for_where_releases_are_monthly() -> None:
    with pytest.raises(AskedByTheMonth) as refused:
        terms(COUNTY).period(date(2026, 9, 3), at(9, 10))
    assert '{"month": "2026-10"}' in refused.value.english
    assert "按月申请" in refused.value.chinese


@pytest.mark.parametrize(
    ("day", "name", "last_day"),
    [
        (date(2026, 9, 7), "2026-W37", date(2026, 9, 13)),
        (date(2026, 9, 13), "2026-W37", date(2026, 9, 13)),
        (date(2026, 1, 1), "2026-W01", date(2026, 1, 4)),
        (date(2025, 12, 29), "2026-W01", date(2026, 1, 4)),
    ],
)
def test_by_the_week_a_day_stands_for_its_week_from_monday_to_sunday(day: date, name: str, last_day: date) -> None:
    period = terms(XIAMEN).period(day, at(9, 14, 0))
    assert (period.name, period.last_day) == (name, last_day)


def test_a_week_can_be_asked_for_when_it_is_over() -> None:
    with pytest.raises(PeriodNotOver, match="from 2026-09-14 on"):
        terms(XIAMEN).period(date(2026, 9, 9), at(9, 13, 23, 59))
    assert terms(XIAMEN).period(date(2026, 9, 9), at(9, 14, 0, 0)).name == "2026-W37"


def test_in_step_with_teaching_today_can_be_asked_for_and_tomorrow_cannot() -> None:
    assert terms(BEIJING).period(date(2026, 9, 9), at(9, 9, 0, 0)).name == "2026-09-09"
    with pytest.raises(PeriodNotOver, match="2026-09-10"):
        terms(BEIJING).period(date(2026, 9, 10), at(9, 9, 23, 59))


@pytest.mark.parametrize("place", [XIAMEN, BEIJING, WUHU])
def test_a_month_can_be_asked_for_in_every_cycle_when_it_is_over(place: str) -> None:
    assert terms(place).period(AUGUST, at(9, 1, 0, 0)).last_day == date(2026, 8, 31)
    with pytest.raises(MonthNotOver):
        terms(place).period(AUGUST, at(8, 31, 23, 59))


def test_an_order_rests_fifteen_working_days_after_its_last_lesson() -> None:
    """15 working days after 3 August 2026, a Monday, is the 24th."""
    assert terms(WUHU).rests_until(date(2026, 8, 3)) == at(8, 25, 0)


# ---- the engine --------------------------------------------------------------------------------------------------


def test_by_the_week_each_week_is_released_once(db: Connection) -> None:
    of, _ = taught_in(db, XIAMEN, (8, 3), (8, 10))
    first = ask(db, of, date(2026, 8, 5), at(8, 17))
    assert (first.period, first.month, first.lessons) == ("2026-W32", None, 1)
    with pytest.raises(AlreadyRequested, match="2026-W32"):
        ask(db, of, date(2026, 8, 9), at(8, 17))
    second = ask(db, of, date(2026, 8, 12), at(8, 17))
    assert (second.period, second.lessons) == ("2026-W33", 1)
    assert first.window_rule.startswith("xiamen/release.cycle@")
    assert breaches(db) == []


def test_in_step_with_teaching_a_lesson_is_released_on_its_day(db: Connection) -> None:
    of, _ = taught_in(db, BEIJING, (8, 3), (8, 4))
    request = ask(db, of, date(2026, 8, 3), at(8, 4, 19))
    assert (request.period, request.lessons) == ("2026-08-03", 1)
    assert ask(db, of, date(2026, 8, 4), at(8, 4, 20)).lessons == 1


def test_after_the_whole_order_nothing_is_released_before_its_last_lesson_has_rested(db: Connection) -> None:
    of, whose = taught_in(db, WUHU, (8, 3), (8, 4))
    with pytest.raises(NothingToRelease, match="order_not_over"):
        ask(db, of, date(2026, 9, 1), at(9, 1))
    confirmed(db, of, whose, on=(8, 5))
    with pytest.raises(NothingToRelease) as refused:
        ask(db, of, date(2026, 8, 26), at(8, 26, 23, 59))
    assert "等待期未满" in refused.value.chinese
    request = ask(db, of, date(2026, 8, 27), at(8, 27, 0, 0))
    assert (request.lessons, request.amount) == (3, whose[1].price)
    assert breaches(db) == []


def test_an_order_that_was_ended_early_is_over_with_what_was_taught(db: Connection) -> None:
    of, (child, contract) = taught_in(db, WUHU, (8, 3))
    refunds.repay(
        db,
        refunds.refundable(db, [contract]),
        rule=RULEBOOK.require("refund.price", jurisdiction=COUNTY, on=date(2026, 8, 4)),
        supervised_account=of.account,
        by=child.caller,
        now=at(8, 4),
    )
    assert ask(db, of, date(2026, 9, 1), at(9, 1)).lessons == 1


def test_an_order_of_another_family_that_goes_on_stays_behind(db: Connection) -> None:
    of, _ = taught_in(db, WUHU, (8, 3), (8, 4), (8, 5))
    going_on = enrolled(db, of, 2)
    confirmed(db, of, going_on, on=(8, 6))
    request = ask(db, of, date(2026, 9, 1), at(9, 1))
    assert request.lessons == 3
    (left,) = releases.left_out_of(db, request.id)
    assert (left.reason, left.expected) == ("order_not_over", None)


# ---- who approves ------------------------------------------------------------------------------------------------


def test_in_zhejiang_the_bank_approves_and_the_bureau_may_only_reject(db: Connection) -> None:
    of, _ = taught_in(db, ZHEJIANG, (8, 3))
    request = ask(db, of, AUGUST, at(9, 10))
    with pytest.raises(Forbidden, match="it is for bank"):
        releases.approve(db, request.id, by=BUREAU, now=at(9, 11))
    assert releases.approve(db, request.id, by=BANK, now=at(9, 11)).state == "approved"
    other = enrolled(db, of, 2)
    confirmed(db, of, other, on=(8, 4))
    again = ask(db, of, date(2026, 9, 10), at(9, 11))
    assert releases.reject(db, again.id, reason="课次存疑", by=BUREAU, now=at(9, 11)).state == "rejected"


def test_in_the_county_the_bank_approves_nothing(db: Connection) -> None:
    of, _ = taught_in(db, COUNTY, (8, 3))
    request = ask(db, of, AUGUST, at(9, 10))
    with pytest.raises(Forbidden, match="it is for bureau"):
        releases.approve(db, request.id, by=BANK, now=at(9, 11))


@pytest.mark.parametrize("order", [(BANK, BUREAU), (BUREAU, BANK)])
def test_in_chengdu_bank_and_bureau_both_approve_in_any_order(db: Connection, order: tuple[Caller, Caller]) -> None:
    of, _ = taught_in(db, CHENGDU, (8, 3))
    request = ask(db, of, AUGUST, at(9, 10))
    first = releases.approve(db, request.id, by=order[0], now=at(9, 11))
    assert (first.state, first.first_approved_by, first.decided_by) == ("requested", order[0].name, None)
    assert instructions.waiting(db) == []
    second = releases.approve(db, request.id, by=order[1], now=at(9, 12))
    assert (second.state, second.first_approved_by, second.decided_by) == ("approved", order[0].name, order[1].name)
    assert [each.amount for each in instructions.waiting(db)] == [request.amount]
    assert breaches(db) == []


def test_two_at_the_bureau_are_not_bank_and_bureau(db: Connection) -> None:
    of, _ = taught_in(db, CHENGDU, (8, 3))
    request = ask(db, of, AUGUST, at(9, 10))
    releases.approve(db, request.id, by=BUREAU, now=at(9, 11))
    with pytest.raises(AlreadyDecided) as refused:
        releases.approve(db, request.id, by=SECOND, now=at(9, 11))
    assert "已获一方批准" in refused.value.chinese
    namesake = Caller(name=BUREAU.name, role="bank")
    with pytest.raises(FourEyes):
        releases.approve(db, request.id, by=namesake, now=at(9, 11))


def test_one_side_may_still_reject_what_the_other_approved(db: Connection) -> None:
    of, _ = taught_in(db, CHENGDU, (8, 3))
    request = ask(db, of, AUGUST, at(9, 10))
    releases.approve(db, request.id, by=BUREAU, now=at(9, 11))
    assert releases.reject(db, request.id, reason="金额有误", by=BANK, now=at(9, 11)).state == "rejected"
    assert ask(db, of, AUGUST, at(9, 12)).lessons == 1


def test_the_database_keeps_both_approvals_apart(db: Connection) -> None:
    of, _ = taught_in(db, CHENGDU, (8, 3))
    request = ask(db, of, AUGUST, at(9, 10))
    table = update(release_request).where(release_request.c.id == request.id)
    for wrong in (
        {"state": "approved", "decided_by": "x"},
        {"first_approved_by": of.caller.name},
        {"state": "approved", "decided_by": "x", "first_approved_by": "x"},
        {"approval": "nobody"},
    ):
        with pytest.raises(IntegrityError), db.begin_nested():
            db.execute(table.values(**wrong))
