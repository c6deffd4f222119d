"""Rosters over the routes: filed, read by who may, and told of with a release that has none."""

from datetime import UTC, datetime
from typing import Any

from tests.escrow.api.town import Town


def roster(town: Town, **changed: Any) -> dict[str, Any]:
    return {
        "month": "2026-10",
        "teachers": [{"name": "李老师", "subject": "drawing"}],
        "classes": [{"course_id": town.course, "name": "A", "teacher": "李老师", "pupils": 1}],
    } | changed


def test_a_school_files_its_roster_and_reads_it_again(town: Town) -> None:
    service, path = town.service, f"/institutions/{town.institution}/rosters"
    service.clock.at = datetime(2026, 11, 8, 2, tzinfo=UTC)
    filed = service.done("school", path, roster(town))
    assert (filed["due_on"], filed["late"], filed["classes"][0]["pupils"]) == ("2026-11-10", False, 1)
    for who in ("school", "zhang", "auditor"):
        assert service.get(who, f"{path}?month=2026-10").json() == filed
    assert service.get("family", f"{path}?month=2026-10").status_code == 403
    assert service.get("school", f"{path}?month=2026-11").status_code == 404
    refused = service.post("school", path, roster(town, classes=[{**roster(town)["classes"][0], "course_id": 1}]))
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/bad-roster")


def test_a_release_without_a_roster_is_flagged_and_the_bureau_alerted(town: Town) -> None:
    service = town.service
    town.pay()
    town.teach(datetime(2026, 10, 12, 2, tzinfo=UTC))
    service.clock.at = datetime(2026, 11, 10, 2, tzinfo=UTC)
    asked = service.done("school", f"/institutions/{town.institution}/release-requests", {"month": "2026-10"})
    (finding,) = asked["findings"]
    assert (finding["rule"], finding["limit"], finding["found"]) == ("roster.deadline", "2026-11-10", "not filed")
    rules = [each["rule"] for each in service.get("zhang", "/alerts").json()["items"]]
    assert "roster.deadline" in rules


def test_a_release_with_its_roster_has_no_finding(town: Town) -> None:
    service = town.service
    town.pay()
    town.teach(datetime(2026, 10, 12, 2, tzinfo=UTC))
    service.clock.at = datetime(2026, 11, 10, 2, tzinfo=UTC)
    service.done("school", f"/institutions/{town.institution}/rosters", roster(town))
    asked = service.done("school", f"/institutions/{town.institution}/release-requests", {"month": "2026-10"})
    assert asked["findings"] == []
