"""The sweep: the fee rules over every open contract, in case one passed a door that did not look."""

from datetime import datetime

from sqlalchemy import Connection

from escrow.enrolment import contract_columns, screening
from escrow.enrolment.tables import contract
from escrow.monitoring import alerts
from escrow.monitoring.alerts import Alert, Sighting
from escrow.rules.rulebook import Rulebook


def sweep(db: Connection, *, rulebook: Rulebook, now: datetime) -> list[Alert]:
    """Examine all open contracts, read as columns, and raise what is found.

    Each is held against those before it, as at its own signing: the one that went over is named.
    """
    columns = contract_columns.read(db, contract.c.state == "open")
    sightings = [
        Sighting(finding=each.finding, institution_id=each.institution_id, contract_id=each.contract_id)
        for each in screening.findings(columns, rulebook)
    ]
    return alerts.raise_(db, sightings, rulebook=rulebook, now=now)
