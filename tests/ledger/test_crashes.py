"""A process killed anywhere in its work: what it was told is there, and nothing is there in part."""

from collections.abc import Collection
from typing import Final

import pytest
from sqlalchemy import Engine

from escrow.db import snapshot, transaction
from ledger.accounts import find
from ledger.audit import audit, limits_are_the_last_ones_given
from ledger.posting import post_all
from ledger.reading import by_reference
from tests.ledger.books import BANK, NOW, PAYMENT, opened
from tests.ledger.killed import acts, children, limits_of, singles

EVEN: Final = 160
"""Points over the whole of the work; and then some before each answer, where a commit is quickly over:"""
BEFORE: Final = (0, 1, 2, 3, 5, 8, 13, 21)
AUDITED: Final = 20
"""The books are audited after every so many of them, the last one included."""
KILLED: Final = 200
"""At least so many of the points must fall before the end of the work, which is never twice quite as long."""


@pytest.mark.long
def test_whenever_a_process_is_killed_what_it_was_told_is_there_and_nothing_in_part(prepared: Engine) -> None:
    with children(prepared.url.render_as_string(hide_password=False)) as child:
        whole = child("day-0", 0)
        assert whole.events is not None
        assert len(whole.told) == len(acts("day-0")) + len(singles("day-0"))
        _check(prepared, "day-0", whole.told, audited=True)
        points = [1 + number * whole.events // EVEN for number in range(EVEN)]
        points += [seen - before for act, seen in whole.told.items() if act in acts("day-0") for before in BEFORE]
        killed, untold = 0, 0
        for number, point in enumerate(points, start=1):
            name = f"day-{number}"
            ended = child(name, point)
            # What is amiss with transfers stays so, and need not be looked for each time.
            done = _check(prepared, name, ended.told, audited=number % AUDITED == 0 or number == len(points))
            killed += ended.events is None
            untold += len(done - ended.told.keys()) > 0
    print(f"{whole.events} events, {killed} killed, {untold} of them between commit and answer")  # noqa: T201  for who asks with -s
    assert killed >= KILLED, "the work ended before it was to be killed"
    assert untold, "none was killed between a commit and its answer"


@pytest.fixture
def prepared(own: Engine) -> Engine:
    """On the books in which every child does its work."""
    with transaction(own) as db:
        opened(db)
        post_all(db, [PAYMENT], now=NOW)
    own.dispose()
    return own


def _check(engine: Engine, name: str, told: Collection[str], *, audited: bool) -> set[str]:
    """Open the books again: they hold what was told, and of no act a part. Gives back what was done."""
    wanted = {act: references for act, (_, references) in acts(name).items() if references}
    wanted |= {each.reference: {each.reference} for each in singles(name)}
    with snapshot(engine) as db:
        kept = by_reference(db, {each for references in wanted.values() for each in references}).keys()
        by_now = find(db, [BANK])[BANK].limits
        breaches = list(audit(db) if audited else limits_are_the_last_ones_given(db))
    engine.dispose()
    assert breaches == [], name
    done = {act for act, references in wanted.items() if references <= kept}
    assert kept == {each for act in done for each in wanted[act]}, f"{name}: in part, after {told}"
    assert done >= {each for each in told if each in wanted}, f"{name}: told {told}, of which only {done} is there"
    assert len(done) <= len(wanted.keys() & told) + len(singles(name)), "it went on without a commit"
    if "other limits" in told:
        assert by_now == limits_of(name)
    return done
