"""The release window at its four edges, on the wall clock of Asia/Shanghai, over HTTP."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.escrow.api.town import PROBLEM, Town, yuan

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def taught(town: Town) -> Town:
    """A paid contract with one confirmed lesson in October and one that its guardian has not confirmed yet."""
    town.pay()
    town.teach(datetime(2026, 10, 10, 9, tzinfo=SHANGHAI))
    return town


def ask(town: Town, at: str, *, month: str = "2026-10", key: str | None = None) -> tuple[int, dict[str, object]]:
    town.service.clock.at = datetime.fromisoformat(at)
    path = f"/institutions/{town.institution}/release-requests"
    answer = town.service.post("school", path, {"month": month}, key=key)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == PROBLEM
    return answer.status_code, answer.json()


def test_a_request_one_second_before_the_tenth_is_refused_and_at_the_tenth_accepted(taught: Town) -> None:
    status, problem = ask(taught, "2026-11-09T15:59:59Z", key="early")
    assert (status, problem["type"]) == (409, "/problems/outside-release-window")
    assert problem["next_opens"] == "2026-11-10T00:00:00+08:00"
    assert problem["next_closes"] == "2026-11-16T00:00:00+08:00"
    assert str(problem["rule"]).startswith("county/release.window@")
    assert "2026-11-10T00:00:00+08:00" in str(problem["detail"])
    assert "2026-11-10T00:00:00+08:00" in str(problem["detail_zh"])
    status, request = ask(taught, "2026-11-09T16:00:00Z")
    assert (status, request["amount"], request["state"]) == (201, yuan("333.33"), "requested")
    assert ask(taught, "2026-11-09T16:00:00Z", key="early") == (409, problem), "the refusal stays"


def test_a_request_at_the_sixteenth_is_refused_and_one_second_before_it_accepted(taught: Town) -> None:
    status, problem = ask(taught, "2026-11-15T16:00:00Z")
    assert (status, problem["type"]) == (409, "/problems/outside-release-window")
    assert problem["next_opens"] == "2026-12-10T00:00:00+08:00"
    assert problem["next_closes"] == "2026-12-16T00:00:00+08:00"
    status, _ = ask(taught, "2026-11-15T15:59:59Z")
    assert status == 201


def test_a_lesson_that_silence_has_confirmed_by_then_is_held_though_no_sweep_has_run(taught: Town) -> None:
    taught.teach(datetime(2026, 10, 12, 9, tzinfo=SHANGHAI), confirmed=False)
    status, request = ask(taught, "2026-11-10T08:00:00+08:00")
    assert (status, request["lessons"], request["left_out"]) == (201, 2, [])
    assert request["amount"] == yuan("666.66")


def test_what_is_left_out_carries_its_reason_and_its_month(taught: Town) -> None:
    evening = datetime(2026, 11, 9, 18, tzinfo=SHANGHAI)
    taught.teach(datetime(2026, 10, 30, 9, tzinfo=SHANGHAI), recorded=evening, confirmed=False)
    lesson = taught.teach(datetime(2026, 10, 31, 9, tzinfo=SHANGHAI), recorded=evening, confirmed=False)
    taught.service.done("family", f"/lessons/{lesson}/dispute", {"contract_id": taught.contract, "reason": "未上课"})
    status, request = ask(taught, "2026-11-10T08:00:00+08:00")
    shown = taught.service.get("school", f"/release-requests/{request['id']}").json()
    assert (status, request["lessons"], shown["left_out"]) == (201, 1, request["left_out"])
    assert [(each["reason"], each["expected"]) for each in shown["left_out"]] == [
        ("awaiting_confirmation", "2026-12"),
        ("disputed", None),
    ]


def test_who_asked_never_approves_and_a_rejection_needs_its_reason(taught: Town) -> None:
    service = taught.service
    service.clock.at = datetime(2026, 11, 10, 1, tzinfo=SHANGHAI)
    path = f"/institutions/{taught.institution}/release-requests"
    request = service.done("zhang", path, {"month": "2026-10"})["id"]
    assert service.post("zhang", f"/release-requests/{request}/approval").json()["type"] == "/problems/four-eyes"
    empty = service.post("li", f"/release-requests/{request}/rejection", {"reason": " "})
    assert (empty.status_code, empty.json()["type"]) == (422, "/problems/reason-missing")
    assert service.done("li", f"/release-requests/{request}/rejection", {"reason": "材料不全"})["state"] == "rejected"
    late = service.post("li", f"/release-requests/{request}/approval")
    assert (late.status_code, late.json()["state"]) == (409, "rejected")
    again = service.done("school", path, {"month": "2026-10"})["id"]
    assert service.done("li", f"/release-requests/{again}/approval")["decided_by"] == "li"
