"""The caps at the doors: what an order and a payment find is told, alerted, or refused."""

from typing import Any

from tests.escrow.api.town import PROBLEM, Town, yuan


def over_a_cap(town: Town) -> int:
    """A contract of 75 lessons with 200.00 of materials in its price, signed for the town's child."""
    terms = {
        "course_id": town.course,
        "student_id": town.student,
        "lessons": 75,
        "price": yuan("4000.00"),
        "materials": yuan("200.00"),
        "charged_by": "both",
        "first_lesson": "2026-09-05",
        "last_lesson": "2026-11-20",
    }
    signed = town.service.done("school", "/contracts", terms)["contract"]
    assert (signed["materials"], signed["charged_by"]) == (yuan("200.00"), "both")
    contract: int = signed["id"]
    return contract


def alerts_of(town: Town, contract: int) -> list[dict[str, Any]]:
    items = town.service.get("zhang", "/alerts").json()["items"]
    return [each for each in items if each["contract_id"] == contract]


def test_an_order_by_training_loan_is_refused_with_the_rule_and_nothing_is_ordered(town: Town) -> None:
    path = f"/contracts/{town.contract}/orders"
    refused = town.service.post("family", path, {"by_loan": True})

    assert (refused.status_code, refused.headers["content-type"]) == (409, PROBLEM)
    assert refused.json()["type"] == "/problems/fee-rule-broken"
    assert refused.json()["rules"] == ["nation/prepayment.loan@2021-11-03"]
    placed = town.service.done("family", path)
    assert (placed["amount"], placed["by_loan"], placed["findings"]) == (yuan("1000.00"), False, [])


def test_ordering_and_paying_a_flagged_contract_tell_the_finding_and_add_to_its_one_alert(town: Town) -> None:
    contract = over_a_cap(town)
    (alert,) = alerts_of(town, contract)
    placed = town.service.done("family", f"/contracts/{contract}/orders")
    assert [each["rule"] for each in placed["findings"]] == ["prepayment.max_lessons"]

    told = town.bank.tell(town.bank.event("S9", placed["reference"], "4000.00"))
    assert told.json()["events"][0]["status"] == "booked"
    (after,) = alerts_of(town, contract)
    assert (alert["seen"], after["seen"], after["id"]) == (1, 3, alert["id"])


def test_materials_that_are_no_part_of_the_price_are_refused(town_anywhere: Town) -> None:
    terms = {
        "course_id": town_anywhere.course,
        "student_id": town_anywhere.student,
        "lessons": 3,
        "price": yuan("1000.00"),
        "materials": yuan("1000.00"),
        "first_lesson": "2026-09-05",
        "last_lesson": "2026-11-20",
    }
    refused = town_anywhere.service.post("school", "/contracts", terms)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/bad-terms")
