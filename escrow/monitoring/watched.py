"""What ordering and paying find: the caps held again on that day, each finding an alert in the same transaction."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection

from escrow.enrolment import examining
from escrow.enrolment.measured import Act, Found
from escrow.enrolment.payments import Payment
from escrow.monitoring import alerts
from escrow.monitoring.alerts import Sighting
from escrow.rules.months import SHANGHAI
from escrow.rules.rulebook import Rulebook


def ordered(db: Connection, contract_id: int, *, rulebook: Rulebook, now: datetime) -> list[Found]:
    """What the order that was just made finds at its contract, and raise it."""
    act = Act(kind="ordered", on=now.astimezone(SHANGHAI).date())
    found = examining.at(db, [contract_id], act=act, rulebook=rulebook)
    _raise(db, found, rulebook=rulebook, now=now)
    return found


def paid(db: Connection, payments: Sequence[Payment], *, rulebook: Rulebook, now: datetime) -> list[Found]:
    """What payments find at the contracts they were booked on, by the day on which they were paid, and raise it.

    A payment is never stopped, wherever it came: the money is safer on the account than anywhere else, and the family
    has paid on an order that was let through.
    """
    by_day: defaultdict[date, set[int]] = defaultdict(set)
    for each in payments:
        if each.contract_id is not None:
            by_day[each.paid_at.astimezone(SHANGHAI).date()].add(each.contract_id)
    found = [
        each
        for day, contract_ids in sorted(by_day.items())
        for each in examining.at(db, contract_ids, act=Act(kind="paid", on=day), rulebook=rulebook)
    ]
    _raise(db, found, rulebook=rulebook, now=now)
    return found


def _raise(db: Connection, found: Sequence[Found], *, rulebook: Rulebook, now: datetime) -> None:
    seen = [
        Sighting(finding=each.finding, institution_id=each.institution_id, contract_id=each.contract_id)
        for each in found
    ]
    alerts.raise_(db, seen, rulebook=rulebook, now=now)
