"""The sweep: the fee rules over every open contract, in case one passed a door that did not look."""

from datetime import datetime

from sqlalchemy import Connection

from escrow.enrolment import caps, contracts
from escrow.monitoring import alerts
from escrow.monitoring.alerts import Alert, Sighting
from escrow.registry import institutions
from escrow.rules.rulebook import Rulebook


def sweep(db: Connection, *, rulebook: Rulebook, now: datetime) -> list[Alert]:
    """Examine all open contracts and raise what is found; contracts and institutions are read in one query each."""
    places = {each.id: each.jurisdiction for each in institutions.everyone(db)}
    sightings = []
    for of_student in contracts.open_terms(db).values():
        for terms in of_student:
            # Each contract is held against those before it, as at its own signing: the one that went over is named.
            earlier = [each for each in of_student if each.contract_id != terms.contract_id and _before(each, terms)]
            found = caps.examine(terms, earlier, rulebook=rulebook, jurisdiction=places[terms.institution_id])
            sightings += [
                Sighting(finding=each, institution_id=terms.institution_id, contract_id=terms.contract_id)
                for each in found
            ]
    return alerts.raise_(db, sightings, now=now)


def _before(one: caps.Terms, other: caps.Terms) -> bool:
    return (one.signed_on, one.contract_id or 0) < (other.signed_on, other.contract_id or 0)
