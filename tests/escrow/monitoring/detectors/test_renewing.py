"""Chained renewals: three contracts, each signed while much of the one before was left."""

from typing import Any

import pandas as pd

from escrow.monitoring.detectors.renewing import chained_renewals
from tests.escrow.county import at
from tests.escrow.monitoring.detectors.columns import GROUND, PLACE, columns, facts, second


def renewed(*links: dict[str, Any]) -> pd.DataFrame:
    """Renewals of one course, one a month, each with 21 lessons left."""
    return columns(
        [
            PLACE
            | {"id": number, "student": 1, "subject": "drawing", "next_id": number + 1, "left": 21}
            | {"next_signed_at": second(at(4 + number, 1))}
            | given
            for number, given in enumerate(links, 1)
        ]
    )


def test_two_renewals_in_a_row_with_twenty_one_lessons_left_are_a_chain() -> None:
    (found,) = chained_renewals(renewed({}, {}), GROUND)
    finding = found.sighting.finding
    assert (finding.fact, finding.evidence["contracts"]) == ("chained_renewals:contract:1", [1, 2, 3])
    assert (finding.limit, finding.found) == ("20 lessons left", "21, 21 lessons left")


def test_twenty_left_may_be_and_one_renewal_is_no_chain() -> None:
    assert chained_renewals(renewed({}, {"left": 20}), GROUND) == []
    assert chained_renewals(renewed({}, {"left": 20}, {}), GROUND) == [], "it was broken in the middle"
    assert chained_renewals(renewed({}), GROUND) == []


def test_a_chain_goes_over_no_other_course() -> None:
    assert chained_renewals(renewed({}, {"subject": "piano"}), GROUND) == []
    assert chained_renewals(renewed({}, {"student": 2}), GROUND) == []


def test_a_longer_chain_is_one_fact_and_two_families_are_two() -> None:
    assert facts(chained_renewals(renewed({}, {}, {}), GROUND)) == ["chained_renewals:contract:1"]
    two = chained_renewals(renewed({}, {}, {"student": 2}, {"student": 2}), GROUND)
    assert facts(two) == ["chained_renewals:contract:1", "chained_renewals:contract:3"]
