"""Four eyes: who asks does not approve, under no other name either, as far as persons are known."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, select

from escrow.access import four_eyes, keys
from escrow.access.caller import Caller
from escrow.access.four_eyes import SamePerson, must_be_another, person_of
from escrow.access.tables import api_key
from escrow.monitoring import alerts, handling
from escrow.payouts import closures, releases
from escrow.refusals import FourEyes
from tests.architecture.sources import modules
from tests.escrow.county import BUREAU, RULEBOOK, SECOND, at, confirmed, enrolled, requested, school
from tests.escrow.monitoring.facts import sighting

ASKED = {"what": "closure", "what_zh": "终止办学申请"}


def hired(db: Connection, who: Caller, number: str | None) -> None:
    person = None if number is None else person_of(db, number)
    keys.issue(db, name=who.name, role=who.role, party=who.party, person=person, now=at(7, 1))


def test_one_person_under_two_names_is_one_pair_of_eyes(db: Connection) -> None:
    hired(db, BUREAU, "B-1024")
    hired(db, SECOND, "b-1024 ")
    with pytest.raises(SamePerson) as refused:
        must_be_another(db, SECOND, BUREAU.name, **ASKED)

    assert refused.value.slug == "same-person"
    assert (refused.value.facts["name"], refused.value.facts["you"]) == (BUREAU.name, SECOND.name)
    assert f"{BUREAU.name} 与 {SECOND.name} 为同一人" in refused.value.chinese
    assert "are one person" in refused.value.english


def test_a_key_that_has_ended_still_says_who_its_holder_was(db: Connection) -> None:
    hired(db, BUREAU, "1024")
    keys.revoke(db, BUREAU.name, now=at(7, 2))
    hired(db, SECOND, "1024")
    with pytest.raises(SamePerson):
        must_be_another(db, SECOND, BUREAU.name, **ASKED)


def test_two_persons_and_those_of_whom_nobody_has_said_are_told_apart_by_name_alone(db: Connection) -> None:
    hired(db, BUREAU, "1024")
    hired(db, SECOND, "2048")
    nobody = Caller(name="王会计", role="bureau")
    hired(db, nobody, None)
    must_be_another(db, SECOND, BUREAU.name, None, **ASKED)
    must_be_another(db, nobody, BUREAU.name, **ASKED)
    must_be_another(db, SECOND, nobody.name, **ASKED)
    with pytest.raises(FourEyes):
        must_be_another(db, nobody, None, nobody.name, **ASKED)


def test_the_number_is_kept_as_a_keyed_hash_alone(db: Connection) -> None:
    hired(db, BUREAU, "1024")
    (kept,) = db.execute(select(api_key.c.person)).scalars()
    assert (len(kept), "1024" in kept) == (64, False)
    assert kept == four_eyes.person_of(db, " 10 24")


def a_closure(db: Connection) -> Callable[[], object]:
    closure = closures.freeze(db, school(db).institution.id, reason="停业", by=BUREAU, now=at(8, 1))
    return lambda: closures.approve(db, closure.id, rulebook=RULEBOOK, by=SECOND, now=at(8, 2))


def a_rejected_closure(db: Connection) -> Callable[[], object]:
    closure = closures.freeze(db, school(db).institution.id, reason="停业", by=BUREAU, now=at(8, 1))
    return lambda: closures.reject(db, closure.id, reason="材料不全", by=SECOND, now=at(8, 2))


def a_dismissal(db: Connection) -> Callable[[], object]:
    (alert,) = alerts.raise_(db, [sighting("a")], rulebook=RULEBOOK, now=at(8, 1))
    handling.acknowledge(db, alert.id, by=BUREAU, now=at(8, 1))
    handling.propose_dismissal(db, alert.id, reason="误报", by=BUREAU, now=at(8, 1))
    return lambda: handling.approve_dismissal(db, alert.id, by=SECOND, now=at(8, 2))


def a_release(db: Connection) -> Callable[[], object]:
    of = school(db)
    confirmed(db, of, enrolled(db, of), on=(8, 3))
    hired(db, of.caller, "1024")
    request = requested(db, of)
    return lambda: releases.approve(db, request.id, by=SECOND, now=at(9, 11))


@pytest.mark.parametrize("asked", [a_closure, a_rejected_closure, a_dismissal, a_release])
def test_wherever_two_must_decide_they_are_two_persons(
    db: Connection, asked: Callable[[Connection], Callable[[], object]]
) -> None:
    decide = asked(db)
    hired(db, BUREAU, "1024")
    hired(db, SECOND, "1024")
    with pytest.raises(SamePerson):
        decide()


def test_nobody_else_decides_who_is_another() -> None:
    elsewhere = [name for name, text in modules("escrow") if "raise FourEyes" in text]
    assert elsewhere == ["escrow/access/four_eyes.py"]
