"""The demonstration: a small county lives through three months of teaching, and the books are shown to be right."""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import Engine

from escrow.access import keys
from escrow.access.caller import Caller
from escrow.bank.sandbox import Dials, SandboxBank
from escrow.db import open_engine, snapshot, transaction, upgrade
from escrow.demo import codes, reports
from escrow.demo.agenda import clock
from escrow.demo.banking import EVENTS
from escrow.demo.county import County
from escrow.demo.folder import BANK, CODES, DATABASE, prepare, write_keys
from escrow.demo.living import FIRST_DAY, LAST_DAY, live
from escrow.demo.town import OFFICER, SECOND, Town

__all__ = ["County", "run"]


def run(folder: Path, *, seed: int = 20260801, console: Console, county: County | None = None) -> bool:
    """Live through July to November 2026 in `folder`, and print what became of it.

    True when the audit finds no breach and every proof of cash has zero unexplained. Raises NotADemoFolder for a
    folder that holds anything else than a former demonstration.
    """
    started = time.monotonic()
    prepare(folder)
    engine = open_engine(f"sqlite:///{folder / DATABASE}")
    key = SandboxBank.new_key("sandbox-bank")
    try:
        with SandboxBank.open(folder / BANK / "bank.db", key=key, dials=Dials(batch=EVENTS), seed=seed) as bank:
            upgrade(engine)
            with _progress(console) as progress:
                town = live(
                    engine,
                    bank,
                    folder=folder / BANK,
                    county=county or County(),
                    seed=seed,
                    passing=_day_by_day(progress),
                )
        _draw_codes(engine, town, folder)
        _give_out_keys(engine, town, folder)
        lived = time.monotonic() - started
        with snapshot(engine) as db:
            return reports.tell(console, db, town, folder=folder, seed=seed, seconds=int(lived))
    finally:
        engine.dispose()


def _progress(console: Console) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[day]}"), TimeElapsedColumn()
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _day_by_day(progress: Progress) -> Callable[[date], None]:
    task = progress.add_task("示范县 the county", total=(LAST_DAY - FIRST_DAY).days, day="")
    return lambda day: progress.update(task, completed=(day - FIRST_DAY).days, day=day.isoformat())


def _draw_codes(engine: Engine, town: Town, folder: Path) -> None:
    with transaction(engine) as db:
        for order in town.orders[: codes.FIRST]:
            codes.draw(db, order, folder / CODES)


def _give_out_keys(engine: Engine, town: Town, folder: Path) -> None:
    """Keys for one caller of each kind, and for a second officer, so that four eyes can be tried."""
    school = town.others[0]
    callers = (
        OFFICER,
        SECOND,
        Caller(name="监管银行", role="bank"),
        Caller(name="审计员", role="auditor"),
        school.caller,
        school.classes[0].roll[0].guardian,
    )
    with transaction(engine) as db:
        issued = [
            (
                each.role,
                each.name,
                keys.issue(db, name=each.name, role=each.role, party=each.party, now=clock(LAST_DAY, 9)),
            )
            for each in callers
        ]
    write_keys(folder, issued)
