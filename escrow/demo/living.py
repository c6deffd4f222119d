"""The months of the demonstration: everything is put on the agenda, then lived through in the order of time."""

from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from sqlalchemy import Engine

from escrow.access import keys
from escrow.bank.sandbox import SandboxBank
from escrow.db import transaction
from escrow.demo import banking, cases, enrolling, teaching
from escrow.demo.agenda import Agenda, clock
from escrow.demo.county import County, People, plan
from escrow.demo.town import Town
from escrow.monitoring.sweep import sweep
from escrow.rules.rulebook import Rulebook

FIRST_DAY: Final = date(2026, 7, 10)
LAST_DAY: Final = date(2026, 11, 18)
LOOK_AGAIN: Final = clock(date(2026, 9, 1), 7)
"""When the fee rules are run over every open contract once more."""


def live(
    engine: Engine,
    bank: SandboxBank,
    *,
    folder: Path,
    county: County,
    seed: int,
    passing: Callable[[date], None] = lambda _day: None,
) -> Town:
    """Live through July to November 2026 on an upgraded, empty database and a new bank.

    Payout files and statements go to `folder`. `passing` is told each new day. The same seed lives the same months.
    """
    rng = Random(seed)  # noqa: S311 — it draws names and timetables that must come again with the same seed
    people = People(rng=rng)
    agenda = Agenda()
    town = Town(
        engine=engine,
        bank=bank,
        rulebook=Rulebook.load(),
        folder=folder,
        agenda=agenda,
        rng=rng,
        people=people,
    )
    with transaction(engine) as db:
        keys.trust_bank(db, bank.public_key(not_before=clock(FIRST_DAY, 0)))
    for number, school in enumerate(plan(county, rng, people)):
        enrolling.enrol_everybody(town, enrolling.register(town, school, clock(FIRST_DAY, 9, number)))
    teaching.put_on_agenda(town, FIRST_DAY, LAST_DAY)
    banking.put_on_agenda(town, FIRST_DAY, LAST_DAY)
    cases.put_on_agenda(town)
    agenda.add(LOOK_AGAIN, partial(_look_again, town))
    day = FIRST_DAY
    for at, deed in agenda.due():
        if at.date() > day:
            day = at.date()
            passing(day)
        deed(at)
    return town


def _look_again(town: Town, now: datetime) -> None:
    with town.request() as db:
        sweep(db, rulebook=town.rulebook, now=now)
