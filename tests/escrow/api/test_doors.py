"""Every door: no hostile input is an internal error, every refusal is a problem, the description tells the truth."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import zxingcpp
from PIL import Image

from escrow.db import open_engine
from escrow.refusals import Refusal
from qrpay import emv
from tests.escrow.api.town import API, PROBLEM, Service, Town, institution, yuan

SHANGHAI = ZoneInfo("Asia/Shanghai")

HOSTILE_BODIES = [
    b"",
    b"null",
    b"[]",
    b"{",
    b"\xff\xfe",
    b'{"a": NaN}',
    b'{"price": {"amount": 1e400, "currency": "CNY"}, "amount": {"amount": -Infinity}}',
    b'{"reason": "\\ud800", "name": "\\ud800", "\\ud800": 1}',
    b"[" * 50_000,
    b'{"contract_id": 1' + b"0" * 5_000 + b"}",
    b'{"contract_id": true, "month": "2026-13", "reason": "\\u0000", "account": "x"}',
]
HOSTILE_WORDS = [
    "0",
    "-1",
    "99999999999999999999",
    "1_0",
    "１",
    "%00",
    "%F0%9F%A7%A7",
    "..%2f..",
    "a b",
    "'--",
    "9" * 4000,
]


def operations(anywhere: Service) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in anywhere.client.get("/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_no_hostile_input_is_an_internal_error(town: Town) -> None:
    service, refused = town.service, 0
    for method, path, _ in operations(service):
        addresses = [re.sub(r"\{\w+\}", word, path) for word in HOSTILE_WORDS]
        if method == "GET":
            queries = [f"?after={word}&limit={word}&as_of={word}&kind={word}" for word in HOSTILE_WORDS]
            addresses = [address + query for address, query in zip(addresses, queries, strict=True)]
        else:
            addresses += [re.sub(r"\{\w+\}", str(town.contract), path)] * len(HOSTILE_BODIES)
        for number, address in enumerate(addresses):
            headers = {"Authorization": f"Bearer {service.tokens['li']}", "Idempotency-Key": f"{path}-{number}"}
            body = HOSTILE_BODIES[number % len(HOSTILE_BODIES)] if method == "POST" else None
            kind = {"Content-Type": "multipart/form-data; boundary=x" if "statements" in path else "application/json"}
            answer = service.client.request(method, address, headers=headers | kind, content=body)
            assert answer.status_code < 500, (method, address[:100], body, answer.text)
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == PROBLEM, (method, address[:100])
                assert {"type", "title", "status", "detail", "detail_zh"} <= answer.json().keys()
                refused += 1
    assert refused > 400, "this drove nothing"


def test_amounts_are_read_exactly_or_not_at_all(town_anywhere: Town) -> None:
    bad = [
        "1e2",
        "1.005",
        "-1.00",
        "+1",
        " 1.00",
        "1.00\n",
        "１.00",
        "1_000",
        "01.00",
        "",
        "1.",
        ".5",
        "10000000000.00",
        1,
        1.5,
        True,
        None,
    ]
    for amount in bad:
        answer = town_anywhere.service.post(
            "family", f"/contracts/{town_anywhere.contract}/orders", {"amount": {"amount": amount, "currency": "CNY"}}
        )
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/does-not-fit-the-schema"), amount
    for amount in ("5", "5.1", "5.10"):
        made = town_anywhere.service.done(
            "family", f"/contracts/{town_anywhere.contract}/orders", {"amount": yuan(amount)}
        )
        assert made["amount"] == yuan(f"{amount.split('.')[0]}.{amount.partition('.')[2]:0<2}")
    foreign = town_anywhere.service.post(
        "family", f"/contracts/{town_anywhere.contract}/orders", {"amount": {"amount": "5", "currency": "USD"}}
    )
    assert foreign.status_code == 422


def test_a_day_a_month_or_a_time_that_is_none_is_not_read(anywhere: Service) -> None:
    for text in ("2026-02-30", "0001-01-01", "9999-12-31", "20260201", "2026-2-1", "２０２６-02-01", 1, None):
        answer = anywhere.post("zhang", "/institutions", institution(1) | {"licence_expires": text})
        assert answer.status_code == 422, text
    for text in ("0001-01", "2026-13", "2026-00", "2026-1", "2026-10-01", "９999-01", 202610, None):
        answer = anywhere.post("zhang", "/institutions/1/release-requests", {"month": text})
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/does-not-fit-the-schema"), text
    for text in ("2026-10-31T24:00:01Z", "2026-10-31T10:00:00", "0001-01-01T00:00:00+14:00", "1e10", "now"):
        assert anywhere.get("auditor", f"/ledger/trial-balance?as_of={text.replace('+', '%2B')}").status_code == 422, (
            text
        )


def test_a_misfit_is_told_by_its_place_and_never_repeated(anywhere: Service) -> None:
    body = institution(1) | {"mode": "secret-13800000000", "13800000000": "x", "licence_expires": "2026-02-30"}
    answer = anywhere.post("zhang", "/institutions", body)
    assert answer.status_code == 422
    assert [each["at"] for each in answer.json()["errors"]] == ["body.licence_expires", "body.mode", "body"]
    assert "13800000000" not in answer.text


def test_every_kind_of_wrong_address_is_a_problem(anywhere: Service) -> None:
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("GET", f"{API}/nothing", 404),
        ("DELETE", f"{API}/institutions", 405),
        ("GET", f"{API}/contracts", 405),
    ):
        answer = anywhere.client.request(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
        assert (status == 405) == ("allow" in answer.headers)


def test_a_body_too_large_is_refused_before_it_is_kept(anywhere: Service) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b" " * 65_536

    headers = {"Authorization": f"Bearer {anywhere.tokens['zhang']}", "Content-Type": "application/json"}
    for path, content in (
        (f"{API}/institutions", b" " * 2_000_000),
        (f"{API}/institutions", endless()),
        (f"{API}/bank/notifications", endless()),
    ):
        answer = anywhere.client.post(path, content=content, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (413, PROBLEM)


def test_an_unknown_jurisdiction_is_refused_where_it_is_entered(anywhere: Service) -> None:
    answer = anywhere.post("zhang", "/institutions", institution(1) | {"jurisdiction": "110101"})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/no-such-jurisdiction")
    assert "900001" in answer.json()["known"]


def test_a_database_that_is_down_is_our_illness_and_the_process_lives(anywhere: Service) -> None:
    dead = open_engine("postgresql+psycopg://nobody@127.0.0.1:1/nowhere")
    state = anywhere.client.app.state  # type: ignore[attr-defined]  # the test client calls it an ASGI application only
    state.desk = replace(state.desk, engine=dead)
    ill = [
        anywhere.get("", "/institutions"),
        anywhere.get("li", "/alerts"),
        anywhere.post("li", "/payout-batches"),
        anywhere.client.post(f"{API}/bank/notifications", content=b"{}"),
        anywhere.client.get("/readyz"),
    ]
    for answer in ill:
        assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM), answer.url
        assert int(answer.headers["retry-after"]) > 0
    assert anywhere.client.get("/healthz").status_code == 200


def test_a_contract_beyond_the_caps_is_flagged_with_rule_and_citation_and_the_alert_is_worked_off(
    town_anywhere: Town,
) -> None:
    service = town_anywhere.service
    terms = {
        "course_id": town_anywhere.course,
        "student_id": town_anywhere.student,
        "lessons": 75,
        "price": yuan("6000.00"),
        "first_lesson": "2026-09-05",
        "last_lesson": "2026-11-20",
    }
    findings = service.done("school", "/contracts", terms)["findings"]
    assert {each["rule"] for each in findings} >= {"prepayment.max_lessons", "prepayment.max_amount"}
    assert all(each["citation"]["title"] and each["zh"] and each["en"] and "@" in each["version"] for each in findings)
    alerts = service.get("zhang", "/alerts?state=open").json()["items"]
    assert sorted(each["version"] for each in alerts) == sorted(each["version"] for each in findings)
    first = alerts[0]["id"]
    early = service.post("zhang", f"/alerts/{first}/resolution", {"reason": "已整改"})
    assert (early.status_code, early.json()["state"]) == (409, "open")
    assert service.done("zhang", f"/alerts/{first}/acknowledgement")["owner"] == "zhang"
    proposed = service.done("zhang", f"/alerts/{first}/dismissal", {"reason": "已退"})
    assert (proposed["state"], proposed["dismissal_by"]) == ("acknowledged", "zhang")
    assert service.post("zhang", f"/alerts/{first}/dismissal/approval").json()["type"] == "/problems/four-eyes"
    assert service.done("li", f"/alerts/{first}/dismissal/approval")["state"] == "dismissed"


def test_lists_are_paged_to_their_end_without_a_gap(anywhere: Service) -> None:
    for number in range(1, 6):
        anywhere.done("zhang", "/institutions", institution(number))
    seen, after = [], ""
    while True:
        page = anywhere.get("", f"/institutions?limit=2{after}").json()
        seen += [each["supervised_account"] for each in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == [institution(number)["supervised_account"] for number in range(1, 6)]
    wrong = anywhere.get("", "/institutions?after=abc")
    assert (wrong.status_code, wrong.json()["type"]) == (422, "/problems/bad-cursor")


def test_the_transfers_carry_the_callers_key(town: Town) -> None:
    town.pay()
    lesson = town.teach(datetime(2026, 9, 5, 9, tzinfo=SHANGHAI), confirmed=False)
    town.service.done("family", f"/lessons/{lesson}/confirmation", {"contract_id": town.contract}, key="confirm-1")
    first = town.service.get("auditor", "/ledger/transfers?limit=1").json()
    second = town.service.get("auditor", f"/ledger/transfers?limit=1&after={first['next']}").json()["items"][0]
    assert first["items"][0]["reference"] == "payment/6200000001/S1"
    assert (second["kind"], second["amount"], second["caller_key"]) == ("lesson", yuan("333.33"), "confirm-1")
    assert town.service.get("auditor", "/ledger/transfers?after=x").json()["type"] == "/problems/bad-cursor"


def test_a_code_says_what_the_order_says_and_a_paid_order_has_none(town_anywhere: Town) -> None:
    reference = town_anywhere.order()
    png = town_anywhere.service.get("family", f"/orders/{reference}/qr.png?kind=emv")
    read = zxingcpp.read_barcode(Image.open(io.BytesIO(png.content)))
    assert read is not None
    code = emv.parse(read.text)
    assert (code.reference, code.payee_account, str(code.amount), code.name_zh) == (
        reference,
        "6200000001",
        "1000.00 CNY",
        "明日美术",
    )
    svg = town_anywhere.service.get("school", f"/orders/{reference}/qr.svg")
    assert svg.headers["content-type"] == "image/svg+xml"
    assert svg.content.startswith(b"<?xml")
    town_anywhere.bank.tell(town_anywhere.bank.event("S1", reference, "1000.00"))
    paid = town_anywhere.service.get("family", f"/orders/{reference}/qr.svg")
    assert (paid.status_code, paid.json()["type"], paid.json()["state"]) == (409, "/problems/not-payable", "paid")


def test_the_service_says_that_it_lives_is_ready_and_what_waits(town: Town) -> None:
    town.bank.tell(town.bank.event("S1", "", "5.00", {"remark": ""}))
    assert town.service.client.get("/healthz").json() == {"status": "ok"}
    assert town.service.client.get("/readyz").json() == {"status": "ok"}
    assert "\nescrow_suspense_payments 1\n" in town.service.client.get("/metrics").text


def test_the_description_names_every_promised_route_and_every_refusal_by_its_slug(anywhere: Service) -> None:
    described = {(method, path): operation for method, path, operation in operations(anywhere)}
    promised = """
        POST /institutions, GET /institutions, GET /institutions/{}, POST /institutions/{}/courses,
        POST /students, POST /contracts, GET /contracts/{}, POST /contracts/{}/orders, GET /orders/{},
        GET /orders/{}/qr.svg, GET /orders/{}/qr.png, POST /bank/notifications, POST /lessons,
        POST /lessons/{}/confirmation, POST /lessons/{}/dispute, POST /lessons/{}/dispute-decision,
        POST /institutions/{}/release-requests, GET /release-requests/{},
        POST /release-requests/{}/approval, POST /release-requests/{}/rejection, POST /contracts/{}/refunds,
        POST /institutions/{}/closure, POST /closures/{}/approval, GET /closures/{}, GET /suspense,
        POST /payments/{}/proposals, POST /proposals/{}/approval, POST /payout-batches,
        GET /payout-batches/{}, GET /payout-batches/{}/file, POST /statements, POST /merchant-bills,
        GET /merchant-bills/{}, GET /three-ways, GET /three-ways/report,
        POST /balance-confirmations, GET /balance-confirmations,
        POST /balance-confirmations/{}/approval, POST /balance-confirmations/{}/rejection,
        POST /payouts/{}/channel, POST /payouts/{}/channel/failure,
        GET /unmatched, GET /match-proposals, POST /match-proposals, POST /match-proposals/{}/approval,
        POST /match-proposals/{}/decline, GET /matches/{}, POST /matches/{}/undo, GET /write-off-limit,
        POST /write-off-limit, GET /breaks, GET /breaks/report, POST /breaks/{}/owner, GET /suspense/worklist,
        POST /payments/{}/owner, POST /day-signoffs, GET /day-signoffs, GET /cash-proofs, POST /day-reopenings,
        POST /day-reopenings/{}/approval, POST /day-reopenings/{}/rejection,
        GET /statements/{}/reconciliation, GET /alerts, POST /alerts/{}/acknowledgement,
        POST /alerts/{}/resolution, POST /alerts/{}/dismissal, GET /alerts/{}, GET /alerts/{}/sightings,
        POST /alerts/{}/investigation, POST /alerts/{}/rectification, GET /alerts/{}/notice,
        POST /alerts/{}/escalation, POST /alerts/{}/owner, POST /alerts/{}/dismissal/approval,
        POST /alerts/{}/dismissal/rejection, GET /alerts/export.csv, GET /alerts/export.xlsx, GET /ledger/accounts/{},
        GET /ledger/trial-balance, GET /ledger/tree/{}, GET /ledger/transfers, GET /ledger/head,
        GET /ledger/proofs/{}"""
    there = {f"{method} {re.sub('{[^}]+}', '{}', path).removeprefix(API)}" for method, path in described}
    assert {" ".join(each.split()) for each in promised.split(",")} <= there
    for (method, path), operation in described.items():
        assert operation["summary"], path
        assert operation["description"], path
        for status, response in operation["responses"].items():
            if status >= "400":
                assert list(response["content"]) == [PROBLEM], (method, path, status)
                assert response["description"].count("\n- `"), (method, path, status)
    text = anywhere.client.get("/openapi.json").text
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', text)) <= set(json.loads(text)["components"]["schemas"])
    components = json.loads(text)["components"]
    names = [name for kind in components.values() for name in kind]
    assert [name for name in names if not re.fullmatch("[a-zA-Z0-9._-]+", name)] == [], "OpenAPI 3.1, 4.8.7.1"
    window = described["POST", f"{API}/institutions/{{institution_id}}/release-requests"]
    assert "`outside-release-window`" in window["responses"]["409"]["description"]
    assert next(each for each in window["parameters"] if each["name"] == "Idempotency-Key")["required"]


def test_every_refusal_speaks_chinese() -> None:
    def below(kind: type[Refusal]) -> Iterator[type[Refusal]]:
        for each in kind.__subclasses__():
            yield each
            yield from below(each)

    silent = [each.__name__ for each in below(Refusal) if each.zh == Refusal.zh and each.__subclasses__() == []]
    assert silent == []
