"""Alerts over the routes: found, filtered, exported, worked off, and the notice that an institution can fetch."""

import csv
import hashlib
import io
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from python_calamine import CalamineWorkbook

from escrow.db import transaction
from escrow.monitoring import alerts
from escrow.monitoring.alerts import Sighting
from tests.escrow.api.town import Town, institution
from tests.escrow.county import RULEBOOK
from tests.escrow.monitoring.facts import sighting

MEASURES = {"measures": ["退还超收部分"], "deadline": "2026-09-15"}
HOSTILE = '=HYPERLINK("http://evil.example","退款")'


def seen(town: Town, *facts: Sighting) -> list[int]:
    """Alerts of these findings; their ids, in the order of the findings."""
    with transaction(town.service.engine) as db:
        found = alerts.raise_(db, facts, rulebook=RULEBOOK, now=town.service.clock())
    ids_by_fact = {each.fact: each.id for each in found}
    return [ids_by_fact[each.fact] for each in facts]


def about(town: Town, fact: str = "complaint:1", **more: str) -> Sighting:
    return sighting(fact, institution_id=town.institution, **more)  # type: ignore[arg-type]  # found and severity


def ids(town: Town, query: str) -> list[int]:
    answer = town.service.get("auditor", f"/alerts?{query}")
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["items"]]


def test_an_alert_is_worked_off_and_shown_with_its_history_its_links_and_its_notice(town: Town) -> None:
    service = town.service
    (key,) = seen(town, about(town))
    service.done("zhang", f"/alerts/{key}/acknowledgement")
    service.done("zhang", f"/alerts/{key}/investigation")
    ordered = service.done("zhang", f"/alerts/{key}/rectification", MEASURES)
    assert (ordered["state"], ordered["state_zh"], ordered["due_on"]) == (
        "rectification_ordered",
        "责令整改中",
        "2026-09-15",
    )
    service.done("zhang", f"/alerts/{key}/owner", {"owner": "li"})
    service.done("li", f"/alerts/{key}/resolution", {"reason": "已退还"})
    (again,) = seen(town, about(town))

    shown = service.get("auditor", f"/alerts/{again}").json()
    assert (shown["state"], shown["reopens"], shown["possible"]) == ("open", key, ["acknowledge"])
    assert [(each["alert_id"], each["move"], each["state"]) for each in shown["history"]] == [
        (key, "open", "open"),
        (key, "acknowledge", "acknowledged"),
        (key, "investigate", "investigating"),
        (key, "order_rectification", "rectification_ordered"),
        (key, "hand_over", "rectification_ordered"),
        (key, "resolve", "resolved"),
        (again, "reopen", "open"),
    ]
    assert shown["links"]["institution"] == f"/api/v1/institutions/{town.institution}"
    (notice,) = service.get("auditor", f"/alerts/{key}").json()["notices"]
    pdf = service.get("school", f"/alerts/{key}/notice")
    assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    assert hashlib.sha256(pdf.content).hexdigest() == notice["sha256"]


def test_a_notice_is_seen_by_the_institution_it_was_sent_to_and_by_no_other(town_anywhere: Town) -> None:
    service = town_anywhere.service
    other = service.done("zhang", "/institutions", institution(2, "邻家书法"))["id"]
    service.hire("other school", "institution", other)
    (key,) = seen(town_anywhere, about(town_anywhere))
    for step, body in (("acknowledgement", None), ("investigation", None), ("rectification", MEASURES)):
        service.done("zhang", f"/alerts/{key}/{step}", body)
    assert service.get("school", f"/alerts/{key}/notice").status_code == 200
    hidden, none = (service.get("other school", f"/alerts/{each}/notice") for each in (key, key + 1))
    assert (hidden.status_code, hidden.text.replace(str(key), "")) == (404, none.text.replace(str(key + 1), ""))
    assert service.get("school", "/alerts").status_code == 403
    assert service.get("family", f"/alerts/{key}/notice").status_code == 403


def test_the_list_is_filtered_by_state_severity_institution_rule_and_what_is_overdue(town: Town) -> None:
    (grave,) = seen(town, about(town, "b", severity="serious"))
    mine, nobodys = seen(town, about(town, "a"), sighting("c", found="90 lessons"))
    town.service.done("zhang", f"/alerts/{grave}/acknowledgement")
    assert ids(town, "") == [grave, mine, nobodys]
    assert ids(town, "state=open") == [mine, nobodys]
    assert ids(town, "state=open&state=acknowledged&severity=serious") == [grave]
    assert ids(town, f"institution={town.institution}") == [grave, mine]
    assert ids(town, "rule=prepayment.max_lessons") == [mine, nobodys]
    assert ids(town, "rule=prepayment.max_span") == []
    assert ids(town, "overdue=true") == []
    town.service.clock.at = datetime(2026, 9, 9, 1, tzinfo=UTC)  # five working days after the first have passed
    assert ids(town, "overdue=true") == [grave, mine, nobodys]
    town.service.done("zhang", f"/alerts/{grave}/resolution", {"reason": "已办"})
    assert ids(town, "overdue=true") == [mine, nobodys], "what is closed is late no more"
    first = town.service.get("auditor", "/alerts?limit=2").json()
    assert [each["id"] for each in first["items"]] == [grave, mine]
    assert ids(town, f"limit=2&after={first['next']}") == [nobodys]


@pytest.mark.parametrize("query", ["state=lost", "severity=high", "institution=x", "institution=１", "overdue=maybe"])
def test_a_filter_that_means_nothing_is_refused(town_anywhere: Town, query: str) -> None:
    answer = town_anywhere.service.get("auditor", f"/alerts?{query}")
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/does-not-fit-the-schema")


def test_every_look_is_evidence_in_pages(town_anywhere: Town) -> None:
    (key,) = seen(town_anywhere, about(town_anywhere, found="61 lessons"))
    seen(town_anywhere, about(town_anywhere, found="62 lessons"))
    first = town_anywhere.service.get("auditor", f"/alerts/{key}/sightings?limit=1").json()
    rest = town_anywhere.service.get("auditor", f"/alerts/{key}/sightings?after={first['next']}").json()
    assert [each["found"] for each in first["items"] + rest["items"]] == ["61 lessons", "62 lessons"]
    assert rest["next"] is None
    assert town_anywhere.service.get("auditor", f"/alerts/{key + 1}/sightings").status_code == 404


def test_the_exports_hold_what_the_filter_wants_and_nothing_that_a_spreadsheet_would_run(town: Town) -> None:
    hostile, _ = seen(town, about(town, "a", found=HOSTILE), about(town, "b", severity="serious"))
    texts = _csv(town, "severity=grave")
    assert texts[1][0] == str(hostile)
    assert (texts[1][9], f"查明{HOSTILE}" in texts[1][10]) == (f"'{HOSTILE}", True)
    assert len(_csv(town, "")) == 3
    data = town.service.get("zhang", "/alerts/export.xlsx?severity=grave").content
    (names, row) = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_name("预警").to_python()
    assert (names[0], row[0], row[9]) == ("编号 id", str(hostile), HOSTILE), "an id has too many digits for a number"
    assert b"<f>" not in data
    assert town.service.get("school", "/alerts/export.csv").status_code == 403


def _csv(town: Town, query: str) -> Sequence[Sequence[str]]:
    answer = town.service.get("zhang", f"/alerts/export.csv?{query}")
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
