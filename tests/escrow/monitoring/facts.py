"""Findings for the tests of alerts: contracts over the caps, and facts about things that are no contract."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection

from escrow.enrolment.contracts import Signed
from escrow.monitoring.alerts import Sighting
from escrow.rules.finding import Finding
from escrow.rules.rulebook import Severity
from tests.escrow.county import RULEBOOK, draft, family, school, sign

RULES: Final[Mapping[Severity, str]] = {
    "grave": "prepayment.max_lessons",
    "serious": "lesson.latest_end",
    "notice": "lesson.minutes",
}
"""A rule of each severity, as the nation has it."""


def sightings(signed: Signed) -> list[Sighting]:
    """What signing found, as the entrance hands it on."""
    contract = signed.contract
    return [
        Sighting(finding=each, institution_id=contract.institution_id, contract_id=contract.id)
        for each in signed.findings
    ]


def too_long(db: Connection, number: int = 1) -> Signed:
    """A contract of 75 lessons at the number-th school."""
    of = school(db, number)
    return sign(db, of, draft(of, family(db, number), lessons=75, price="4000.00"))


def sighting(
    fact: str = "bank-line:1",
    *,
    found: str = "75 lessons",
    institution_id: int | None = None,
    severity: Severity = "grave",
    evidence: Mapping[str, Any] | None = None,
) -> Sighting:
    """A finding about something that is no contract."""
    finding = Finding(
        rule=next(each for each in RULEBOOK.rules if each.name == RULES[severity]),
        fact=fact,
        limit="60 lessons",
        found=found,
        zh=f"查明{found}，超过60课时的上限。",
        en=f"{found} were found; the limit is 60 lessons.",
        evidence={"counted": [40, 35]} if evidence is None else evidence,
    )
    return Sighting(finding=finding, institution_id=institution_id, contract_id=None)
