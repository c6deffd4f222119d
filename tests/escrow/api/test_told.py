"""Complaints, takings and head counts at the door."""

from datetime import datetime
from zoneinfo import ZoneInfo

from tests.escrow.api.town import Town, yuan

SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_a_complaint_is_filed_answered_and_hidden_from_the_institution(town: Town) -> None:
    service, path = town.service, f"/institutions/{town.institution}/complaints"
    today = service.clock().astimezone(SHANGHAI).date().isoformat()
    told = {"category": "personal_code", "told": "要求扫个人码", "happened_on": today}
    filed = service.done("family", path, told)
    assert service.post("school", path, told).status_code == 403
    assert service.get("school", "/complaints").status_code == 403
    assert service.post("family", path, told | {"category": "rude"}).status_code == 422
    late = service.post("family", path, told | {"happened_on": "2190-01-01"})
    assert late.json()["type"] == "/problems/not-happened-yet"
    answered = service.done("zhang", f"/complaints/{filed['id']}/answer", {"state": "upheld", "answer": "属实"})
    assert service.get("family", "/complaints").json()["items"] == [answered]
    again = service.post("zhang", f"/complaints/{filed['id']}/answer", {"state": "unfounded", "answer": "x"})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/already-decided")


def test_a_taking_is_reported_and_swept_by_the_banks_credit(town: Town) -> None:
    service, path = town.service, f"/institutions/{town.institution}/takings"
    today = service.clock().astimezone(SHANGHAI).date().isoformat()
    taken = service.done("school", path, {"amount": yuan("80.00"), "means": "cash", "taken_on": today})
    sweep = f"/takings/{taken['id']}/sweep"
    assert service.post("school", sweep, {"serial": "S9"}).json()["type"] == "/problems/no-such-credit"
    town.bank.tell(town.bank.event("S9", "", "80.00", {"code": "static"}))
    assert service.done("school", sweep, {"serial": "S9"})["swept_on"] == today
    assert [each["amount"] for each in service.get("auditor", path).json()["items"]] == [yuan("80.00")]
    assert service.get("family", path).status_code == 403
    assert service.get("school", "/institutions/1/takings").status_code == 404


def test_heads_are_counted_by_those_who_were_there(town: Town) -> None:
    service = town.service
    town.pay()
    lesson = town.teach(datetime(2026, 9, 5, 9, tzinfo=SHANGHAI))
    counted = service.done("zhang", f"/lessons/{lesson}/head-counts", {"heads": 12})
    assert (counted["heads"], counted["role"]) == (12, "bureau")
    assert service.post("family", f"/lessons/{lesson}/head-counts", {"heads": 1}).status_code == 403
    assert service.post("school", f"/lessons/{lesson}/head-counts", {"heads": 1001}).status_code == 422
