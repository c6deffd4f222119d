"""What a family sees of its contracts through the doors, and what it can undo before it has paid."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tests.escrow.api.town import Town, yuan

SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_a_family_lists_its_contracts_orders_and_lessons(town: Town) -> None:
    service = town.service
    first, second = town.order("400.00"), town.order("600.00")
    town.bank.tell(town.bank.event("S1", first, "400.00"))
    cancelled = service.done("family", f"/orders/{second}/cancellation")
    assert cancelled["state"] == "cancelled"
    late = service.post("family", f"/orders/{second}/cancellation")
    assert (late.status_code, late.json()["type"]) == (409, "/problems/order-not-open")
    told = town.bank.tell(town.bank.event("S2", second, "600.00")).json()
    assert told["events"][0]["reason"] == "order_cancelled"
    (parked,) = service.get("zhang", "/suspense").json()["items"]
    assert (parked["owner"], parked["due_on"]) == ("bureau", "2026-09-08")

    mine = service.get("family", "/family/contracts").json()["items"]
    assert [each["id"] for each in mine] == [town.contract]
    listed = service.get("family", f"/contracts/{town.contract}/orders").json()["items"]
    assert [(each["reference"], each["state"]) for each in listed] == [(first, "paid"), (second, "cancelled")]
    page = service.get("school", f"/contracts/{town.contract}/orders?limit=1").json()
    after = service.get("school", f"/contracts/{town.contract}/orders?after={page['next']}").json()
    assert [each["reference"] for each in after["items"]] == [second]

    lesson = town.teach(datetime(2026, 9, 5, 12, tzinfo=SHANGHAI))
    (taught,) = service.get("family", f"/contracts/{town.contract}/lessons").json()["items"]
    assert (taught["lesson_id"], taught["state"], taught["share"]) == (lesson, "confirmed", yuan("333.33"))
    assert taught["released"] is False


def test_what_is_another_familys_looks_as_if_it_did_not_exist(town: Town) -> None:
    service, reference = town.service, town.order()
    service.hire("stranger", "family", town.guardian + 1)
    assert service.get("stranger", "/family/contracts").json()["items"] == []
    for path in (f"/contracts/{town.contract}/orders", f"/contracts/{town.contract}/lessons"):
        assert service.get("stranger", path).status_code == 404
    for path, body in ((f"/orders/{reference}/cancellation", None), (f"/contracts/{town.contract}/annulment", "x")):
        answer = service.post("stranger", path, None if body is None else {"reason": body})
        assert answer.status_code == 404, answer.text
    assert service.get("school", "/family/contracts").status_code == 403


def test_an_unpaid_contract_is_annulled_and_a_closure_withdrawn_or_rejected(town: Town) -> None:
    service = town.service
    closure = service.done("school", f"/institutions/{town.institution}/closure", {"reason": "停业"})
    refused = service.post("zhang", f"/closures/{closure['id']}/withdrawal", {"reason": "x"})
    assert refused.json()["type"] == "/problems/not-the-one-who-asked"
    back = service.done("school", f"/closures/{closure['id']}/withdrawal", {"reason": "继续办学"})
    assert (back["state"], back["ended_why"]) == ("withdrawn", "继续办学")
    again = service.done("school", f"/institutions/{town.institution}/closure", {"reason": "停业"})
    assert service.done("zhang", f"/closures/{again['id']}/rejection", {"reason": "材料不全"})["state"] == "rejected"
    ended = service.done("family", f"/contracts/{town.contract}/annulment", {"reason": "不学了"})
    assert ended["state"] == "ended"
    assert service.post("family", f"/contracts/{town.contract}/annulment", {"reason": "x"}).status_code == 409


def test_an_order_under_an_expired_licence_is_refused_with_its_rule_until_the_bureau_has_renewed_it(town: Town) -> None:
    service, path = town.service, f"/institutions/{town.institution}/licence"
    service.done("zhang", path, {"licence_no": "教民1", "expires": "2026-09-01"})
    service.clock.at += timedelta(days=1)
    refused = service.post("family", f"/contracts/{town.contract}/orders")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/licence-expired")
    assert refused.json()["rule"] == "nation/licence.valid@2022-01-01"
    late = service.post("zhang", path, {"licence_no": "教民2", "expires": "2026-09-01"})
    assert (late.status_code, late.json()["type"]) == (422, "/problems/licence-not-renewed")
    assert service.post("school", path, {"licence_no": "教民2", "expires": "2029-09-01"}).status_code == 403
    renewed = service.done("zhang", path, {"licence_no": "教民2", "expires": "2029-09-01"})
    assert (renewed["licence_no"], renewed["licence_expires"]) == ("教民2", "2029-09-01")
    assert town.order()


def test_a_child_of_two_guardians_is_entered_with_its_document_and_the_bureau_takes_a_wrong_one_back(
    town: Town,
) -> None:
    service = town.service
    child = {"name": "小明", "mobile": "13800000000", "identity": "11010120160101001X"}
    first = service.done("school", "/students", child | {"guardian_name": "王芳"})
    second = service.done("school", "/students", child | {"guardian_name": "李强"})
    assert first["id"] == town.student != second["id"]
    assert set(second) == {"id", "guardian_id", "name"}, "no guardian is told of the other"
    terms = {
        "course_id": town.course,
        "student_id": second["id"],
        "lessons": 58,
        "price": yuan("4000.00"),
        "first_lesson": "2026-09-05",
        "last_lesson": "2026-11-20",
    }
    found = service.done("school", "/contracts", terms)["findings"]
    assert [each["found"] for each in found] == ["62 lessons"]
    other = service.post("school", "/students", child | {"guardian_name": "李强", "identity": "E12345678"})
    assert (other.status_code, other.json()["type"]) == (409, "/problems/another-identity")
    path = f"/students/{second['id']}/identity-withdrawal"
    assert service.post("school", path, {"reason": "x"}).status_code == 403
    tied = service.post("zhang", f"/students/{first['id']}/identity-withdrawal", {"reason": "x"})
    assert (tied.status_code, tied.json()["type"]) == (409, "/problems/others-tied")
    assert service.done("zhang", path, {"reason": "证件号码登记有误"}) == second
