"""`GET /contracts/{id}/explanation`: every fee rule with its source and its numbers, for the parties alone."""

from tests.escrow.api.town import Town


def test_a_contract_is_explained_to_its_parties_rule_by_rule(town: Town) -> None:
    service = town.service
    for who in ("family", "school", "zhang", "auditor"):
        answer = service.get(who, f"/contracts/{town.contract}/explanation")
        assert answer.status_code == 200, answer.text
    told = answer.json()
    rules = {each["rule"]: each for each in told["rules"]}
    lessons = rules["prepayment.max_lessons"]

    assert (told["contract_id"], told["enforcement"], told["broken"]) == (town.contract, "flag", 0)
    assert (lessons["verdict"], lessons["limit"], lessons["found"]) == ("kept", "60 lessons", "4 lessons")
    assert (lessons["version"], lessons["decided_by"]) == ("nation/prepayment.max_lessons@2021-01-01", "signed")
    assert lessons["citation"]["number"] == "教监管函〔2021〕2号"
    assert lessons["evidence"]["lessons_counted"] == [4]
    assert all(each["zh"] and each["en"] for each in told["rules"])


def test_a_stranger_is_told_that_there_is_no_such_contract(town_anywhere: Town) -> None:
    service = town_anywhere.service
    child = {"name": "小红", "guardian_name": "李雷", "mobile": "13900000000"}
    service.hire("stranger", "family", service.done("school", "/students", child)["guardian_id"])
    answer = service.get("stranger", f"/contracts/{town_anywhere.contract}/explanation")
    missing = service.get("stranger", "/contracts/9000010009999999/explanation")
    assert (answer.status_code, missing.status_code) == (404, 404)
    assert service.get("teller", f"/contracts/{town_anywhere.contract}/explanation").status_code == 403
