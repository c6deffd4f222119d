"""The law over the routes: open to all, exact, with its citation, for a place and a day."""

from dataclasses import replace
from typing import Any

import pytest

from escrow.rules.rulebook import Rulebook
from tests.escrow.api.town import Service

NOBODY = ""


def rules(service: Service, query: str = "") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = service.get(NOBODY, f"/rules?limit=200{query}").json()["items"]
    return items


def test_anybody_reads_every_version_page_by_page(anywhere: Service) -> None:
    versions: list[str] = []
    after: str | None = ""
    while after is not None:
        page = anywhere.get(NOBODY, f"/rules?limit=25{after and f'&after={after}'}").json()
        versions += [each["version"] for each in page["items"]]
        after = page["next"]

    assert versions == [rule.version for rule in Rulebook.load().rules]


def test_a_rule_tells_its_value_exactly_with_its_days_citation_and_worth(anywhere: Service) -> None:
    (found,) = (each for each in rules(anywhere) if each["version"] == "zigong/deposit.floor@2020-09-30")

    assert found["value"] == {"share": "0.2", "base": "fees_received", "months": 3, "rounding": "up"}
    assert (found["first_day"], found["last_day"], found["decided_by"]) == ("2020-09-30", None, "looked_at")
    assert (found["jurisdiction"], found["jurisdiction_zh"], found["zh"]) == ("510300", "自贡市", "风险保证金最低余额")
    assert (found["enforcement"], found["severity"], found["in_use"], found["draft"]) == ("flag", "grave", True, False)
    assert found["citation"]["title"] == "自贡市教育和体育局关于校外培训机构资金监管的通知"
    assert found["citation"]["tag"] == "R"


@pytest.mark.parametrize(
    ("rule", "place", "value"),
    [
        ("prepayment.max_lessons", "900001", 60),
        ("prepayment.loan", "900001", False),
        ("release.window", "900001", {"first": 10, "last": 15}),
        ("lesson.latest_end", "900001", "20:30"),
        ("release.cycle", "350200", "weekly"),
        ("deposit.payout_limit", "371082", "2"),
        ("prepayment.renew_at", "320000", {"lessons_left": 20, "months_before_start": 1}),
        ("refund.pay_within", "110000", {"before_start": 5, "after_start": 15}),
    ],
)
def test_a_value_of_each_kind_is_told_in_its_own_shape(rule: str, place: str, value: Any, anywhere: Service) -> None:
    found = anywhere.get(NOBODY, f"/rules/{rule}?jurisdiction={place}&on=2026-10-12").json()["versions"]
    assert found[0]["value"] == value


def test_a_place_and_a_day_give_the_nearest_rule_alone(anywhere: Service) -> None:
    both = [each["version"] for each in rules(anywhere, "&jurisdiction=900001")]
    there = [each["version"] for each in rules(anywhere, "&jurisdiction=900001&on=2026-10-12")]

    own, nations = "county/confirmation.silence@2025-01-01", "nation/confirmation.silence@2025-01-01"
    assert own in both
    assert nations in both
    assert own in there
    assert nations not in there


def test_an_inherited_rule_tells_what_a_breach_does_in_the_place_that_is_asked_of(anywhere: Service) -> None:
    desk = anywhere.client.app.state.desk  # type: ignore[attr-defined]  # the application under the client
    county = desk.rulebook.jurisdictions["900001"]
    stricter = replace(county, enforcement_of={"prepayment.max_lessons": "refuse"}, severity={})
    places = {**desk.rulebook.jurisdictions, "900001": stricter}
    anywhere.client.app.state.desk = replace(desk, rulebook=replace(desk.rulebook, jurisdictions=places))  # type: ignore[attr-defined]

    path = "/rules/prepayment.max_lessons?jurisdiction="
    told = {place: anywhere.get(NOBODY, path + place).json()["versions"][0] for place in ("900001", "cn")}
    assert told["900001"]["version"] == told["cn"]["version"]
    assert (told["900001"]["enforcement"], told["cn"]["enforcement"]) == ("refuse", "flag")


def test_before_its_first_day_a_rule_is_not_told(anywhere: Service) -> None:
    path = "/rules/prepayment.max_lessons?jurisdiction=900001&on="
    assert anywhere.get(NOBODY, path + "2020-12-31").json()["versions"] == []
    assert len(anywhere.get(NOBODY, path + "2021-01-01").json()["versions"]) == 1


def test_a_rule_that_is_switched_off_says_so_and_is_in_force_nowhere(anywhere: Service) -> None:
    found = anywhere.get(NOBODY, "/rules/confirmation.silence").json()["versions"]
    (draft,) = (each for each in found if each["jurisdiction"] == "330000")

    assert (draft["in_use"], draft["draft"], draft["value"]) == (False, True, 7)
    assert draft["version"] not in [each["version"] for each in rules(anywhere, "&on=2026-10-12")]


def test_a_parameter_is_told_with_its_choices_and_all_places(anywhere: Service) -> None:
    told = anywhere.get(NOBODY, "/rules/release.approval").json()

    assert (told["zh"], told["kind"]) == ("拨付审批人", "choice")
    assert told["choices"] == ["bureau", "bank_after_guardian", "tripartite"]
    assert {each["jurisdiction"] for each in told["versions"]} == {"330000", "510100", "640000", "900001"}


def test_every_place_is_told_with_the_one_above_it(anywhere: Service) -> None:
    places = {each["code"]: each for each in anywhere.get(NOBODY, "/jurisdictions").json()}

    assert set(places) == set(Rulebook.load().jurisdictions)
    assert (places["510100"]["name_zh"], places["510100"]["parent"], places["510000"]["parent"]) == (
        "成都市",
        "510000",
        "cn",
    )


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/rules/prepayment.maximum", 404, "unknown"),
        ("/rules?jurisdiction=123456", 404, "unknown"),
        ("/rules/prepayment.loan?jurisdiction=123456", 404, "unknown"),
        ("/rules?on=2026-02-30", 422, "does-not-fit-the-schema"),
        ("/rules?on=today", 422, "does-not-fit-the-schema"),
        ("/rules?after=x", 422, "bad-cursor"),
    ],
)
def test_what_does_not_exist_is_refused_by_its_slug(path: str, status: int, kind: str, anywhere: Service) -> None:
    refused = anywhere.get(NOBODY, path)
    assert (refused.status_code, refused.json()["type"]) == (status, f"/problems/{kind}")
