"""Alerts: one open alert for one fact; the sweep finds what signing found, and what passed another door."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from threading import Barrier
from typing import Final

import pytest
from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.event import listen
from sqlalchemy.exc import IntegrityError

from escrow.db import transaction
from escrow.enrolment.contracts import Signed
from escrow.enrolment.tables import contract as contract_table
from escrow.monitoring import alerts, handling, listing, steps
from escrow.monitoring.alerts import Alert, Sighting
from escrow.monitoring.listing import Wanted
from escrow.monitoring.sweep import sweep
from escrow.monitoring.tables import alert as alert_table
from escrow.payouts import refunds
from escrow.rules.habits import Habits
from tests.escrow.county import (
    BUREAU,
    RULEBOOK,
    SECOND,
    at,
    draft,
    enrolled,
    family,
    school,
    sign,
)
from tests.escrow.monitoring.facts import sighting, sightings, too_long

HABITS: Final = Habits.load()


def closed_as(db: Connection, alert: Alert, end: str) -> Alert:
    """The alert brought to its end by the one way or the other, in July."""
    if end == "resolved":
        return handling.resolve(db, alert.id, reason="已整改", by=BUREAU, now=at(7, 22))
    handling.propose_dismissal(db, alert.id, reason="已整改", by=BUREAU, now=at(7, 22))
    return handling.approve_dismissal(db, alert.id, by=SECOND, now=at(7, 22))


def raised(db: Connection, signed: Signed, now: datetime) -> Alert:
    (found,) = alerts.raise_(db, sightings(signed), rulebook=RULEBOOK, now=now)
    return found


def test_an_alert_carries_the_rule_its_citation_and_the_evidence_and_is_due_in_five_working_days(
    db: Connection,
) -> None:
    signed = too_long(db)
    found = raised(db, signed, at(7, 20))

    assert (found.rule, found.version) == ("prepayment.max_lessons", "nation/prepayment.max_lessons@2021-01-01")
    assert (found.limit_text, found.found_text) == ("60 lessons", "75 lessons")
    assert found.citation["number"] == "教监管函〔2021〕2号"
    assert found.evidence["lessons_counted"] == [75]
    assert (found.state, found.seen, found.due_on, found.contract_id) == (
        "open",
        1,
        date(2026, 7, 27),
        signed.contract.id,
    )


def test_a_fact_seen_again_adds_to_its_open_alert(db: Connection) -> None:
    signed = too_long(db)
    first, again = raised(db, signed, at(7, 20)), raised(db, signed, at(7, 21))
    assert (again.id, again.seen, again.opened_at, again.seen_at) == (first.id, 2, at(7, 20), at(7, 21))
    handling.acknowledge(db, first.id, by=BUREAU, now=at(7, 21))
    assert raised(db, signed, at(7, 22)).id == first.id, "somebody works on it already"
    assert len(listing.page(db)) == 1


@pytest.mark.parametrize("end", ["resolved", "dismissed"])
def test_a_fact_found_again_after_its_alert_was_closed_opens_a_new_one_that_points_at_it(
    db: Connection, end: str
) -> None:
    signed = too_long(db)
    first = raised(db, signed, at(7, 20))
    handling.acknowledge(db, first.id, by=BUREAU, now=at(7, 21))
    closed = closed_as(db, first, end)
    second = raised(db, signed, at(7, 23))

    assert (closed.state, closed.closing_reason, closed.owner) == (end, "已整改", BUREAU.name)
    assert (second.seen, second.state, second.reopens) == (1, "open", first.id)
    assert alerts.get(db, first.id) == closed
    assert [each.id for each in listing.page(db)] == [first.id, second.id]
    assert listing.page(db, Wanted(states=["open"]), after=first.id) == [second]
    assert alerts.earlier(db, second) == [closed]
    again = [each.move for each in steps.history(db, [second.id])]
    assert again == ["reopen"], "its steps are its own; those before are the earlier alert's"


def test_a_fact_dismissed_to_stay_quiet_opens_no_alert_until_that_day_or_until_its_figures_change(
    db: Connection,
) -> None:
    (first,) = alerts.raise_(db, [sighting()], rulebook=RULEBOOK, now=at(7, 20))
    handling.acknowledge(db, first.id, by=BUREAU, now=at(7, 20))
    handling.propose_dismissal(
        db, first.id, reason="补课，已备案", quiet_until=date(2026, 8, 20), by=BUREAU, now=at(7, 20)
    )
    handling.approve_dismissal(db, first.id, by=SECOND, now=at(7, 20))

    assert alerts.raise_(db, [sighting()], rulebook=RULEBOOK, now=at(8, 20)) == [], "the last quiet day"
    quiet = alerts.get(db, first.id)
    assert (quiet.state, quiet.seen, quiet.seen_at) == ("dismissed", 2, at(8, 20))
    assert len(alerts.sightings(db, first.id)) == 2, "the look left its evidence"
    (worse,) = alerts.raise_(db, [sighting(found="80 lessons")], rulebook=RULEBOOK, now=at(8, 20))
    assert (worse.reopens, worse.found_text) == (first.id, "80 lessons")
    (same,) = alerts.raise_(db, [sighting()], rulebook=RULEBOOK, now=at(8, 20))
    assert (same.id, same.found_text) == (worse.id, "75 lessons"), "while it is open, everything is about this one"
    handling.acknowledge(db, worse.id, by=BUREAU, now=at(8, 20))
    closed_as(db, worse, "resolved")
    (later,) = alerts.raise_(db, [sighting()], rulebook=RULEBOOK, now=at(8, 21))
    assert later.reopens == worse.id


def test_each_look_leaves_its_own_evidence_and_the_alert_shows_the_newest(db: Connection) -> None:
    (first,) = alerts.raise_(
        db, [sighting(found="61 lessons", evidence={"counted": [61]})], rulebook=RULEBOOK, now=at(7, 20)
    )
    (again,) = alerts.raise_(
        db,
        [sighting(found="75 lessons", evidence={"counted": [75]})],
        rulebook=RULEBOOK,
        now=at(7, 21),
    )
    assert (again.id, again.seen, again.found_text) == (first.id, 2, "75 lessons")
    assert again.zh == "查明75 lessons，超过60课时的上限。"
    looks = [(each.found_text, each.evidence) for each in alerts.sightings(db, first.id)]
    assert looks == [("61 lessons", {"counted": [61]}), ("75 lessons", {"counted": [75]})]
    assert [each.move for each in steps.history(db, [first.id])] == ["open"], "a repeat is evidence, not a step"


def test_an_alert_is_worth_what_its_rule_is_worth_where_the_institution_is(db: Connection) -> None:
    strict = replace(RULEBOOK.jurisdiction("900001"), severity={"lesson.minutes": "grave"})
    stricter = replace(RULEBOOK, jurisdictions={**RULEBOOK.jurisdictions, "900001": strict})
    of = school(db).institution.id
    nobodys, theirs = (sighting(str(each), severity="notice", institution_id=each) for each in (None, of))
    by_county, by_nation = alerts.raise_(db, [nobodys, theirs], rulebook=stricter, now=at(7, 20))
    assert (by_nation.severity, by_county.severity) == ("notice", "grave")
    pack = HABITS.versions["pack"][-1]
    habit = replace(nobodys, finding=replace(nobodys.finding, rule=pack.rule))
    (found,) = alerts.raise_(db, [habit], rulebook=RULEBOOK, now=at(7, 20))
    assert found.severity == pack.severity, "a habit of the bureau's brings its own"


def test_a_fact_that_concerns_nobody_registered_here_is_an_alert_too(db: Connection) -> None:
    evidence = {"lines": [{"serial": "B1", "amount": 128000}], "complaint": "现金缴费"}
    (found,) = alerts.raise_(db, [sighting("complaint:7", evidence=evidence)], rulebook=RULEBOOK, now=at(7, 20))
    assert (found.institution_id, found.contract_id, found.evidence) == (None, None, evidence)
    assert steps.links(found.told).keys() == {"alert", "evidence"}


def test_two_sightings_of_one_fact_in_one_look_are_one_alert_and_two_pieces_of_evidence(db: Connection) -> None:
    (found,) = alerts.raise_(
        db, [sighting(found="61 lessons"), sighting(found="62 lessons")], rulebook=RULEBOOK, now=at(7, 20)
    )
    assert (found.seen, found.found_text) == (1, "62 lessons")
    assert len(alerts.sightings(db, found.id)) == 2
    assert alerts.raise_(db, [], rulebook=RULEBOOK, now=at(7, 20)) == []


def test_thousands_of_sightings_take_a_handful_of_statements(db: Connection) -> None:
    def look(of: Sequence[Sighting]) -> tuple[int, int]:
        statements: list[str] = []
        listen(db, "before_cursor_execute", lambda *told: statements.append(told[2]))
        return len(alerts.raise_(db, of, rulebook=RULEBOOK, now=at(7, 20))), len(statements)

    few = look([sighting(f"few:{number}") for number in range(100)])
    many = look([sighting(f"many:{number}") for number in range(2_000)])
    assert (few[0], many[0]) == (100, 2_000)
    assert many[1] < few[1] + 10, "statements grow with the batches, not with the sightings"


def test_the_database_keeps_one_live_alert_for_a_fact(db: Connection) -> None:
    raised(db, too_long(db), at(7, 20))
    columns = [each for each in alert_table.c if each.name != "id"]
    twin = insert(alert_table).from_select([each.name for each in columns], select(*columns))
    with pytest.raises(IntegrityError), db.begin_nested():
        db.execute(twin)


def test_the_sweep_finds_exactly_what_signing_found(db: Connection) -> None:
    of, other = school(db, 1), school(db, 2, category="subject")
    child = family(db, 1)
    signings = [
        sign(db, of, draft(of, child, lessons=40, price="3000.00")),
        sign(db, of, draft(of, child, lessons=40, price="3000.00")),  # over 60 lessons and over 5,000 yuan together
        sign(db, of, draft(of, family(db, 2), lessons=75, price="6000.00", last_lesson=date(2026, 12, 1))),
        sign(db, other, draft(other, child, lessons=60, price="9000.00")),  # no cap on money for school subjects
        sign(db, other, draft(other, family(db, 3), first_lesson=date(2026, 9, 30))),
    ]
    expected = {each.fact: each.finding.found for signed in signings for each in sightings(signed)}
    swept = sweep(db, rulebook=RULEBOOK, now=at(7, 21))

    assert {each.fact: each.found_text for each in swept} == expected
    assert len(expected) == 6
    for signed in signings:
        alerts.raise_(db, sightings(signed), rulebook=RULEBOOK, now=at(7, 22))
    assert {each.seen for each in listing.page(db)} == {2}, "the same facts, seen again"


def test_a_contract_that_passed_a_door_that_did_not_look_is_found_by_the_sweep(db: Connection) -> None:
    of = school(db)
    _, contract = enrolled(db, of)
    assert sweep(db, rulebook=RULEBOOK, now=at(7, 21)) == []
    columns = [each for each in contract_table.c if each.name not in ("id", "lessons")]
    stolen_in = select(*columns, contract_table.c.lessons * 30).where(contract_table.c.id == contract.id)
    db.execute(insert(contract_table).from_select([*(each.name for each in columns), "lessons"], stolen_in))
    (found,) = sweep(db, rulebook=RULEBOOK, now=at(7, 22))
    assert (found.rule, found.found_text) == ("prepayment.max_lessons", "93 lessons")


def test_an_ended_contract_counts_no_more(db: Connection) -> None:
    of = school(db)
    child = family(db)
    signed = sign(db, of, draft(of, child, lessons=75, price="4000.00"))
    assert len(sweep(db, rulebook=RULEBOOK, now=at(7, 21))) == 1
    _, paid = enrolled(db, of, 2, lessons=75, price="4000.00")
    assert len(sweep(db, rulebook=RULEBOOK, now=at(7, 21))) == 2
    refunds.ask(db, paid.id, rulebook=RULEBOOK, by=BUREAU, now=at(7, 22))
    assert [each.contract_id for each in sweep(db, rulebook=RULEBOOK, now=at(7, 23))] == [signed.contract.id]


def test_eight_sweeps_at_once_open_one_alert_a_fact(postgres_engine: Engine) -> None:
    with transaction(postgres_engine) as db:
        too_long(db)
    together = Barrier(8)

    def look(_: int) -> int:
        together.wait()
        with transaction(postgres_engine) as db:
            return len(sweep(db, rulebook=RULEBOOK, now=at(7, 21)))

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(look, range(8))) == {1}
    with transaction(postgres_engine) as db:
        assert db.execute(select(func.count()).select_from(alert_table)).scalar_one() == 1
