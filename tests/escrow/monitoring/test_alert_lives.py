"""Any history of alerts, however the moves come, ends where a naive model of a few lines says; on both databases."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection, Engine

from escrow.access.caller import Caller
from escrow.db import transaction
from escrow.monitoring import alerts, handling, listing, notices, steps
from escrow.monitoring.states import ImpossibleMove
from escrow.refusals import FourEyes
from tests.escrow.county import BUREAU, RULEBOOK, SECOND, at, school
from tests.escrow.monitoring.facts import sighting

FACTS: Final = ("a", "b")
MANY: Final = 1_000
"""Examples of the long profile; without it a few short histories must do."""
START: Final = at(7, 1)
WORKED_ON: Final = {"acknowledged", "investigating", "rectification_ordered", "escalated"}

facts = st.sampled_from((*FACTS, "a", "a"))
officers = st.sampled_from((BUREAU, SECOND))


@dataclass
class Life:
    """One alert as a clerk with a pencil would keep it."""

    fact: str
    figures: set[str]
    state: str = "open"
    owner: str | None = None
    proposed_by: str | None = None
    quiet_until: date | None = None
    looks: int = 1
    steps: list[str] = field(default_factory=list)

    @property
    def live(self) -> bool:
        return self.state not in {"resolved", "dismissed"}


class Alerts(RuleBasedStateMachine):
    """The real verbs beside the model, in one transaction that is thrown away."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.lives: list[Life] = []
        self.day = START
        self.block = _thrown_away(self.engine)
        self.db = self.block.__enter__()

    def teardown(self) -> None:
        self.block.__exit__(None, None, None)

    @initialize()
    def a_school(self) -> None:
        self.institution = school(self.db).institution.id

    @rule(days=st.integers(1, 20))
    def time_passes(self, days: int) -> None:
        self.day += timedelta(days=days)

    @rule(seen=st.sets(facts, min_size=1), figure=st.sampled_from(("75 lessons", "80 lessons")))
    def looked(self, seen: set[str], figure: str) -> None:
        found = [sighting(each, found=figure, institution_id=self.institution) for each in sorted(seen)]
        opened = alerts.raise_(self.db, found, rulebook=RULEBOOK, now=self.day)
        expected = []
        for fact in sorted(seen):
            last = self.last(fact)
            if last is not None and last.live:
                last.looks += 1
                last.figures = {figure}
                expected.append(last)
            elif quiet := self.quiet(fact, figure):
                quiet.looks += 1
            else:
                again = Life(fact=fact, figures={figure}, steps=["open" if last is None else "reopen"])
                self.lives.append(again)
                expected.append(again)
        assert [(each.seen, each.state) for each in opened] == [
            (each.looks, each.state) for each in sorted(expected, key=self.lives.index)
        ]

    @rule(fact=facts, by=officers)
    def acknowledged(self, fact: str, by: Caller) -> None:
        if self.made("acknowledge", fact, "open", lambda key: handling.acknowledge(self.db, key, **self.who(by))):
            self.living(fact).owner = by.name
            self.living(fact).state = "acknowledged"

    @rule(fact=facts, by=officers)
    def investigated(self, fact: str, by: Caller) -> None:
        do = lambda key: handling.investigate(self.db, key, **self.who(by))  # noqa: E731
        if self.made("investigate", fact, "acknowledged", do):
            self.living(fact).state = "investigating"

    @rule(fact=facts, by=officers)
    def ordered(self, fact: str, by: Caller) -> None:
        def do(key: int) -> object:
            deadline = self.day.date() + timedelta(days=10)
            return notices.order(self.db, key, measures=["改"], deadline=deadline, rulebook=RULEBOOK, **self.who(by))

        if self.made("order_rectification", fact, "investigating rectification_ordered", do):
            self.living(fact).state = "rectification_ordered"

    @rule(fact=facts, by=officers)
    def escalated(self, fact: str, by: Caller) -> None:
        do = lambda key: handling.escalate(self.db, key, to="市", reason="重", **self.who(by))  # noqa: E731
        if self.made("escalate", fact, "acknowledged investigating rectification_ordered", do):
            self.living(fact).state = "escalated"

    @rule(fact=facts, by=officers)
    def resolved(self, fact: str, by: Caller) -> None:
        do = lambda key: handling.resolve(self.db, key, reason="已改", **self.who(by))  # noqa: E731
        life = self.last(fact)
        if self.made("resolve", fact, " ".join(WORKED_ON), do) and life:
            life.state = "resolved"

    @rule(fact=facts, by=officers, quiet=st.none() | st.integers(1, 40))
    def proposed(self, fact: str, by: Caller, quiet: int | None) -> None:
        until = None if quiet is None else self.day.date() + timedelta(days=quiet)
        do = lambda key: handling.propose_dismissal(  # noqa: E731
            self.db, key, reason="误报", quiet_until=until, **self.who(by)
        )
        if self.made("propose_dismissal", fact, " ".join(WORKED_ON), do):
            self.living(fact).proposed_by, self.living(fact).quiet_until = by.name, until

    @rule(fact=facts, by=officers, agreed=st.booleans())
    def decided(self, fact: str, by: Caller, agreed: bool) -> None:
        life = self.last(fact)
        waits = life is not None and life.live and life.proposed_by is not None
        if not waits or life is None:
            move = "approve_dismissal" if agreed else "reject_dismissal"
            self.refused(fact, lambda key: self.decide(move, key, by))
        elif agreed and life.proposed_by == by.name:
            with pytest.raises(FourEyes):
                self.decide("approve_dismissal", self.key(fact), by)
        elif agreed:
            self.decide("approve_dismissal", self.key(fact), by)
            life.state = "dismissed"
            life.steps.append("approve_dismissal")
        else:
            self.decide("reject_dismissal", self.key(fact), by)
            life.proposed_by = life.quiet_until = None
            life.steps.append("reject_dismissal")

    @rule(fact=facts, days=st.integers(1, 40))
    def dismissed_in_one_go(self, fact: str, days: int) -> None:
        """A whole way to the end, which single moves would seldom find."""
        self.acknowledged(fact, BUREAU)
        self.proposed(fact, BUREAU, days)
        self.decided(fact, SECOND, agreed=True)

    @invariant()
    def the_books_say_what_the_pencil_says(self) -> None:
        found = listing.page(self.db)
        assert [(each.state, each.seen, each.owner, each.dismissal_by, each.quiet_until) for each in found] == [
            (each.state, each.looks, each.owner, each.proposed_by, each.quiet_until) for each in self.lives
        ]
        for alert, life in zip(found, self.lives, strict=True):
            history = steps.history(self.db, [alert.id])
            assert [each.move for each in history] == life.steps
            assert history[-1].alert["state"] == life.state
            assert len(alerts.sightings(self.db, alert.id)) == life.looks

    def made(self, move: str, fact: str, leaves: str, do: Callable[[int], object]) -> bool:
        """Whether the move was made; where the model forbids it, it must be refused."""
        life = self.last(fact)
        if life is None or life.state not in leaves.split() or (life.proposed_by is not None):
            self.refused(fact, do)
            return False
        do(self.key(fact))
        life.steps.append(move)
        return True

    def refused(self, fact: str, do: Callable[[int], object]) -> None:
        if self.last(fact) is not None:
            with pytest.raises(ImpossibleMove):
                do(self.key(fact))

    def decide(self, move: str, key: int, by: Caller) -> object:
        if move == "approve_dismissal":
            return handling.approve_dismissal(self.db, key, **self.who(by))
        return handling.reject_dismissal(self.db, key, reason="不同意", **self.who(by))

    def who(self, by: Caller) -> dict[str, Any]:
        return {"by": by, "now": self.day}

    def last(self, fact: str) -> Life | None:
        return next((each for each in reversed(self.lives) if each.fact == fact), None)

    def living(self, fact: str) -> Life:
        life = self.last(fact)
        assert life is not None
        return life

    def quiet(self, fact: str, figure: str) -> Life | None:
        """The dismissed alert that keeps these figures quiet today."""
        of = (each for each in reversed(self.lives) if each.fact == fact and each.state == "dismissed")
        today = self.day.date()
        return next((e for e in of if e.quiet_until and e.quiet_until >= today and figure in e.figures), None)

    def key(self, fact: str) -> int:
        number = max(number for number, each in enumerate(self.lives) if each.fact == fact)
        return listing.page(self.db)[number].id


def test_every_life_of_an_alert_is_as_the_model_says(engine: Engine) -> None:
    machine: type[Alerts] = type("OnThisDatabase", (Alerts,), {"engine": engine})
    examples = 30 if settings().max_examples < MANY else settings().max_examples
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=examples, stateful_step_count=25),
    )


@contextmanager
def _thrown_away(engine: Engine) -> Iterator[Connection]:
    with suppress(_Undone), transaction(engine) as db:
        yield db
        raise _Undone


class _Undone(Exception):
    """Makes the transaction roll back."""
