"""What is printed at the end, read from the books in one snapshot; the last line is the audit's word."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.console import Console, RenderableType
from rich.text import Text
from sqlalchemy import Connection

from escrow.demo import cases
from escrow.demo.reports import books, lists
from escrow.demo.town import Town
from escrow.oversight.audit import audit
from escrow.settlement import cash
from reconciliation.proof import Proof

WIDTH: Final = 118
"""Columns where nobody says how wide the output is: a file, a pipe."""
LEAST: Final = 100
"""A narrower terminal breaks the lines itself, which loses no digit of an amount."""


def tell(console: Console, db: Connection, town: Town, *, folder: Path, seed: int, seconds: int) -> bool:
    """Print everything. True when the audit finds nothing and every proof of cash has zero unexplained."""
    proofs = [cash.prove(db, school.account) for school in town.schools]
    console.width = max(console.width, LEAST if console.is_terminal else WIDTH)
    for each in _parts(db, town, proofs=proofs, folder=folder, seed=seed, seconds=seconds):
        console.print(each)
    breach = next(iter(audit(db)), None)
    console.print(Text(f"audit: {breach or 'ok'}"), soft_wrap=True)  # the last line, however long
    return breach is None and all(each.unexplained.minor == 0 for each in proofs)


def _parts(
    db: Connection, town: Town, *, proofs: list[Proof], folder: Path, seed: int, seconds: int
) -> Iterator[RenderableType]:
    yield lists.heading(town, folder=folder, seed=seed)
    yield lists.months(db)
    yield lists.cases(cases.told(db, town))
    yield books.by_kind(db)
    yield books.by_institution(db, town)
    yield books.proofs(proofs, town)
    yield lists.alerts(db, town)
    yield lists.breaks(db, town)
    yield lists.figures(db, town, folder=folder, seconds=seconds)
