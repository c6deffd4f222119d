"""What can happen in a county: each case puts its deeds on the agenda, and tells from the books what became of them."""

from sqlalchemy import Connection

from escrow.demo.cases import contracts, leaving, lessons, payments, releases
from escrow.demo.cases.outcome import Outcome
from escrow.demo.town import Town


def put_on_agenda(town: Town) -> None:
    """Everything out of the ordinary."""
    for each in (contracts, payments, lessons, releases, leaving):
        each.put_on_agenda(town)


def told(db: Connection, town: Town) -> list[Outcome]:
    """What became of each case, read from the database."""
    return [outcome for each in (contracts, payments, lessons, releases, leaving) for outcome in each.told(db, town)]
