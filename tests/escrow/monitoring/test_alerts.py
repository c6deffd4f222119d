"""Alerts: one open alert for one fact; the sweep finds what signing found, and what passed another door."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from threading import Barrier

import pytest
from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.exc import IntegrityError

from escrow.access.caller import Caller
from escrow.db import transaction
from escrow.enrolment.contracts import Signed
from escrow.enrolment.tables import contract as contract_table
from escrow.monitoring import alerts
from escrow.monitoring.alerts import Alert, Sighting
from escrow.monitoring.sweep import sweep
from escrow.monitoring.tables import alert as alert_table
from escrow.payouts import refunds
from escrow.refusals import AlreadyDecided, Forbidden, ReasonMissing, Unknown
from tests.escrow.county import (
    BUREAU,
    RULEBOOK,
    at,
    draft,
    enrolled,
    family,
    school,
    sign,
)


def sightings(signed: Signed) -> list[Sighting]:
    """What signing found, as the entrance hands it on."""
    contract = signed.contract
    return [
        Sighting(finding=each, institution_id=contract.institution_id, contract_id=contract.id)
        for each in signed.findings
    ]


def too_long(db: Connection) -> Signed:
    """A contract of 75 lessons."""
    of = school(db)
    return sign(db, of, draft(of, family(db), lessons=75, price="4000.00"))


def raised(db: Connection, signed: Signed, now: datetime) -> Alert:
    (found,) = alerts.raise_(db, sightings(signed), now=now)
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
    alerts.acknowledge(db, first.id, by=BUREAU, now=at(7, 21))
    assert raised(db, signed, at(7, 22)).id == first.id, "somebody works on it already"
    assert len(alerts.page(db)) == 1


@pytest.mark.parametrize("state", ["resolved", "dismissed"])
def test_a_fact_found_again_after_its_alert_was_closed_opens_a_new_one(db: Connection, state: str) -> None:
    signed = too_long(db)
    first = raised(db, signed, at(7, 20))
    alerts.acknowledge(db, first.id, by=BUREAU, now=at(7, 21))
    closed = alerts.close(db, first.id, state=state, reason="已整改", by=BUREAU, now=at(7, 22))  # type: ignore[arg-type]  # one of the two
    second = raised(db, signed, at(7, 23))

    assert (closed.state, closed.closing_reason, closed.owner) == (state, "已整改", BUREAU.name)
    assert (second.id != first.id, second.seen, second.state) == (True, 1, "open")
    assert alerts.get(db, first.id) == closed
    assert [each.id for each in alerts.page(db)] == [first.id, second.id]
    assert alerts.page(db, after=first.id, state="open") == [second]


def test_an_alert_is_taken_and_closed_by_the_bureau_with_a_reason_and_once(db: Connection) -> None:
    found = raised(db, too_long(db), at(7, 20))
    with pytest.raises(AlreadyDecided):
        alerts.close(db, found.id, state="resolved", reason="x", by=BUREAU, now=at(7, 21))
    for role in ("institution", "family", "bank", "auditor"):
        with pytest.raises(Forbidden):
            alerts.acknowledge(db, found.id, by=Caller(name="x", role=role), now=at(7, 21))
    alerts.acknowledge(db, found.id, by=BUREAU, now=at(7, 21))
    with pytest.raises(ReasonMissing):
        alerts.close(db, found.id, state="dismissed", reason=" ", by=BUREAU, now=at(7, 21))
    with pytest.raises(AlreadyDecided) as refused:
        alerts.acknowledge(db, found.id, by=BUREAU, now=at(7, 21))
    assert "处理中" in refused.value.chinese
    with pytest.raises(Unknown):
        alerts.acknowledge(db, found.id + 1, by=BUREAU, now=at(7, 21))


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
        alerts.raise_(db, sightings(signed), now=at(7, 22))
    assert {each.seen for each in alerts.page(db)} == {2}, "the same facts, seen again"


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
