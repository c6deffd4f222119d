"""Who may do what: by role and by relation; everything else looks as if it did not exist."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from escrow.access import keys
from escrow.db import transaction
from tests.escrow.api.town import API, PROBLEM, Service, Town, institution, yuan

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOBODY = 9_000_010_009_999_999


@pytest.fixture
def stranger(town: Town) -> Town:
    """The town, and a second school and family in it who have nothing to do with the first."""
    service = town.service
    other = service.done("zhang", "/institutions", institution(2, "邻家书法"))["id"]
    service.hire("other school", "institution", other)
    child = {"name": "小红", "guardian_name": "李雷", "mobile": "13900000000"}
    service.hire("other family", "family", service.done("other school", "/students", child)["guardian_id"])
    return town


def test_what_belongs_to_others_is_told_like_what_does_not_exist(stranger: Town) -> None:
    service = stranger.service
    reference = stranger.order()
    lesson = stranger.teach(datetime(2026, 9, 5, 9, tzinfo=SHANGHAI), confirmed=False)
    asked = {"contract_id": stranger.contract}
    theirs = [
        ("other family", "GET", f"/contracts/{stranger.contract}", None),
        ("other school", "GET", f"/contracts/{stranger.contract}", None),
        ("other family", "GET", f"/orders/{reference}", None),
        ("other school", "GET", f"/orders/{reference}/qr.svg", None),
        ("other family", "GET", f"/orders/{reference}/qr.png?kind=emv", None),
        ("other family", "POST", f"/contracts/{stranger.contract}/orders", None),
        ("other school", "POST", f"/contracts/{stranger.contract}/orders", None),
        ("other family", "POST", f"/contracts/{stranger.contract}/refunds", None),
        ("other family", "POST", f"/lessons/{lesson}/confirmation", asked),
        ("other family", "POST", f"/lessons/{lesson}/dispute", asked | {"reason": "x"}),
        ("other school", "POST", f"/institutions/{stranger.institution}/courses", _course()),
        ("other school", "POST", f"/institutions/{stranger.institution}/release-requests", {"month": "2026-08"}),
        ("other school", "POST", f"/institutions/{stranger.institution}/closure", {"reason": "x"}),
        ("other school", "POST", "/contracts", _terms(stranger.course, stranger.student)),
        ("other school", "POST", "/lessons", _session(stranger.course, stranger.contract)),
    ]
    for who, method, path, body in theirs:
        answer = service.get(who, path) if method == "GET" else service.post(who, path, body)
        assert answer.status_code == 404, (who, path, answer.text)
        missing = {str(stranger.contract), str(stranger.institution), str(stranger.course), reference}
        ours = next(each for each in missing if each in path or (body and int_in(body, each)))
        invented = "XF0004K7Q84" if ours == reference else str(NOBODY)
        other_path = path.replace(ours, invented)
        other_body = None if body is None else {k: NOBODY if str(v) == ours else v for k, v in body.items()}
        gone = service.get(who, other_path) if method == "GET" else service.post(who, other_path, other_body)
        assert gone.status_code == 404
        assert gone.text.replace(invented, ours) == answer.text, "not a word may differ"


def test_a_release_request_and_a_closure_are_seen_by_their_institution_only(stranger: Town) -> None:
    service = stranger.service
    stranger.pay()
    stranger.teach(datetime(2026, 9, 5, 9, tzinfo=SHANGHAI))
    service.clock.at = datetime(2026, 10, 12, 9, tzinfo=SHANGHAI)
    request = service.done("school", f"/institutions/{stranger.institution}/release-requests", {"month": "2026-09"})
    closure = service.done("school", f"/institutions/{stranger.institution}/closure", {"reason": "停办"})
    for path in (f"/release-requests/{request['id']}", f"/closures/{closure['id']}"):
        assert service.get("school", path).status_code == 200
        assert service.get("auditor", path).status_code == 200
        assert service.get("other school", path).status_code == 404
        assert service.get("family", path).status_code == 403
    roster = service.get("zhang", f"/closures/{closure['id']}").json()["roster"]
    assert [(each["contract_id"], each["refundable"]) for each in roster] == [(stranger.contract, yuan("666.67"))]
    assert service.post("school", f"/closures/{closure['id']}/approval").status_code == 403
    approved = service.done("zhang", f"/closures/{closure['id']}/approval")
    assert (approved["state"], approved["roster"], len(approved["refunds"])) == ("approved", [], 1)


def test_a_key_that_is_missing_unknown_or_revoked_opens_nothing(service: Service) -> None:
    wrong = [{}, {"Authorization": "Bearer te_unknown"}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer é"}]
    for headers in wrong:
        answer = service.client.get(f"{API}/alerts", headers={k: v.encode("latin-1") for k, v in headers.items()})  # type: ignore[arg-type]  # raw bytes
        assert (answer.status_code, answer.headers["content-type"]) == (401, PROBLEM)
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert service.get("li", "/alerts").status_code == 200
    with transaction(service.engine) as db:
        assert keys.revoke(db, "li", now=service.clock()) == 1
    assert service.get("li", "/alerts").status_code == 401


def test_a_role_does_only_what_is_its_own(town_anywhere: Town) -> None:
    service = town_anywhere.service
    forbidden = [
        ("school", "/institutions", institution(3)),
        ("family", f"/institutions/{town_anywhere.institution}/courses", _course()),
        ("school", f"/contracts/{town_anywhere.contract}/refunds", None),
        ("auditor", "/payout-batches", None),
        ("teller", f"/contracts/{town_anywhere.contract}/orders", None),
    ]
    for who, path, body in forbidden:
        answer = service.post(who, path, body)
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden"), (who, path)
    for who in ("school", "family", "teller"):
        assert service.get(who, "/ledger/trial-balance").status_code == 403
    assert service.get("family", "/suspense").status_code == 403


def test_anybody_may_check_a_licence_and_nobody_is_told_the_settlement_account(town_anywhere: Town) -> None:
    for path in ("/institutions", f"/institutions/{town_anywhere.institution}"):
        answer = town_anywhere.service.get("", path)
        assert answer.status_code == 200
        assert "明日美术" in answer.text
        assert "6300000001" not in answer.text
    assert town_anywhere.service.get("", f"/institutions/{town_anywhere.institution}").json()["courses"][0][
        "list_price"
    ] == yuan("400.00")


def int_in(body: Mapping[str, object], number: str) -> bool:
    return any(str(value) == number for value in body.values())


def _course() -> dict[str, object]:
    return {"name": "书法", "subject": "calligraphy", "list_price": yuan("100.00")}


def _terms(course: int, student: int) -> dict[str, object]:
    return {
        "course_id": course,
        "student_id": student,
        "lessons": 3,
        "price": yuan("100.00"),
        "first_lesson": "2026-09-06",
        "last_lesson": "2026-10-06",
    }


def _session(course: int, contract: int) -> dict[str, object]:
    return {
        "course_id": course,
        "class_no": "A",
        "starts_at": "2026-09-01T09:00:00+08:00",
        "ends_at": "2026-09-01T10:00:00+08:00",
        "contract_ids": [contract],
    }
