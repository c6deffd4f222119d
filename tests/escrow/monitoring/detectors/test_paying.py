"""Money that should not have come, or not there."""

from typing import Any

import pandas as pd

from escrow.monitoring.detectors.paying import (
    NEVER,
    expired_licence,
    no_course_filed,
    other_account,
    printed_code,
    shut_and_paid,
    strange_payments,
)
from escrow.monitoring.frames import AHEAD, DAY
from tests.escrow.county import at
from tests.escrow.monitoring.detectors.columns import GROUND, PLACE, columns, day, facts, second


def paid(*payments: dict[str, Any]) -> pd.DataFrame:
    """Payments of 3,160.00 without a reference at noon of 20 August, that fit nothing."""
    rows = []
    for number, given in enumerate(payments, 1):
        row: dict[str, Any] = PLACE | {
            "id": number,
            "amount": 316000,
            "paid_at": second(at(8, 20)),
            "state": "suspense",
            "reason": "no_reference",
            "reference": "",
            "payer_account": f"6222{number}",
            "licence_expires": day(12, 31),
            "course_filed_at": 0,
            "shut_at": NEVER,
            "explained": 0,
        }
        row |= given
        row["paid_on"] = (row["paid_at"] + AHEAD) // DAY
        rows.append(row)
    return columns(rows)


def test_money_that_fits_no_filed_course_is_seen_after_its_days() -> None:
    found = strange_payments(paid({}, {"paid_at": second(at(8, 28))}, {"paid_at": second(at(8, 29))}), GROUND)
    assert facts(found) == ["strange_payment:payment:1", "strange_payment:payment:2"]
    assert found[0].sighting.finding.found == "3160.00 CNY"


def test_money_that_fits_a_course_or_was_placed_or_has_another_reason_is_not_strange() -> None:
    close: list[dict[str, Any]] = [
        {"explained": 1},
        {"state": "placed"},
        {"state": "returned"},
        {"reason": "order_paid_already"},
    ]
    assert strange_payments(paid(*close), GROUND) == []


def test_five_payers_without_an_order_in_one_month_have_scanned_a_printed_code() -> None:
    (found,) = printed_code(paid({}, {}, {}, {}, {}), GROUND)
    assert found.sighting.finding.fact == "printed_code:institution:7:month:2026-08"
    assert found.sighting.finding.evidence["payments"] == [1, 2, 3, 4, 5]
    assert printed_code(paid({}, {}, {}, {}, {"payer_account": "62221"}), GROUND) == [], "four payers"
    assert printed_code(paid({}, {}, {}, {}, {"paid_at": second(at(9, 1, 0))}), GROUND) == [], "two months"
    assert printed_code(paid({}, {}, {}, {}, {"institution": 8}), GROUND) == [], "two institutions"


def test_the_last_day_of_a_licence_is_inside_and_the_day_after_is_not() -> None:
    licence = {"licence_expires": day(8, 20), "state": "placed", "reason": ""}
    last_second = licence | {"paid_at": second(at(8, 20, 23, 59, second=59))}
    midnight = licence | {"paid_at": second(at(8, 21, 0))}
    (found,) = expired_licence(paid(last_second, midnight), GROUND)
    assert found.sighting.finding.fact == "expired_licence:institution:7:month:2026-08"
    assert found.sighting.finding.evidence["payments"] == [2]
    assert found.last == at(8, 21, 0)


def test_what_comes_after_the_closure_was_asked_for_is_one_fact_a_month() -> None:
    shut = {"shut_at": second(at(8, 20))}
    rows = paid(shut | {"paid_at": second(at(8, 19))}, shut, shut | {"paid_at": second(at(9, 1, 0))})
    assert facts(shut_and_paid(rows, GROUND)) == [
        "shut_and_paid:institution:7:month:2026-08",
        "shut_and_paid:institution:7:month:2026-09",
    ]


def test_money_before_the_first_filed_course_is_seen_with_its_sum() -> None:
    early, later = {"course_filed_at": NEVER}, {"course_filed_at": second(at(8, 20))}
    (found,) = no_course_filed(paid(early, early, later), GROUND)
    assert found.sighting.finding.evidence["amount_minor"] == 632000


def test_money_in_another_account_is_seen_until_it_is_sent_back() -> None:
    wrong = {"reason": "other_account", "reference": "XF0004K7Q84"}
    assert facts(other_account(paid(wrong, wrong | {"state": "returned"}, {}), GROUND)) == ["other_account:payment:1"]
