"""A small generated county: whatever was planted is found, and nothing that only stands close to it."""

from sqlalchemy import Connection

from escrow.monitoring.watching import watch
from escrow.rules.habits import Habits
from tests.escrow.county import RULEBOOK, breaches
from tests.generated_county import judging
from tests.generated_county.books import NOW


def test_every_planted_violation_is_found_and_raised_once_and_no_decoy_is(db: Connection) -> None:
    county = judging.county_of(2_000)
    county.books.write(db)
    assert breaches(db) == [], "the books are right"

    judged = {**judging.detectors(db, county), **judging.caps(db, county)}
    assert {name: each for name, each in judged.items() if each.missed or each.false} == {}
    assert {name for name, each in judged.items() if each.planted} == set(judged), "every one had something to find"
    assert county.decoys > 30

    first, again = (watch(db, rulebook=RULEBOOK, habits=Habits.load(), now=NOW) for _ in range(2))
    assert len(first) == sum(len(facts) for facts in county.truth.values())
    assert {each.id for each in first} == {each.id for each in again}
