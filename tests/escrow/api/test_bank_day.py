"""The bank's day through the door: what is open, who owns it, what two people match, a day signed and reopened."""

import io
from datetime import UTC, datetime
from typing import Any

from httpx2 import Response
from python_calamine import CalamineWorkbook

from tests.escrow.api.town import API, Town, yuan
from tests.escrow.county import at
from tests.escrow.settlement.bank_days import BankLine, written
from tests.escrow.settlement.test_confirmations import without_balances

ACCOUNT = "6200000001"


def sent(town: Town, *lines: BankLine, key: str, opening: int = 0) -> dict[str, Any]:
    """A statement is handed in by the bank's teller."""
    answer = town.service.client.post(
        f"{API}/statements",
        files={"file": ("day.csv", written(ACCOUNT, lines, opening=opening))},
        data={"account": ACCOUNT},
        headers={"Authorization": f"Bearer {town.service.tokens['teller']}", "Idempotency-Key": key},
    )
    assert answer.status_code == 201, answer.text
    taken: dict[str, Any] = answer.json()
    return taken


def line(amount: int, hour: int, *, on: int = 1, serial: str = "") -> BankLine:
    return BankLine(amount=amount, at=at(9, on, hour), serial=serial)


def problem(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"]


def matched_by_two(town: Town, left: dict[str, Any]) -> dict[str, Any]:
    """One line for two payments with a fen written off: proposed by one, approved by another."""
    service = town.service
    merged = {
        "lines": [left["lines"][0]["id"]],
        "payments": [each["id"] for each in left["payments"]],
        "reason": "银行合并入账，少一分",
    }
    refused = service.post("zhang", "/match-proposals", merged)
    assert problem(refused) == (409, "/problems/does-not-balance")
    assert service.get("zhang", "/write-off-limit").status_code == 404
    service.done("zhang", "/write-off-limit", {"amount": yuan("1.00"), "reason": "局务会决定"})
    assert service.get("auditor", "/write-off-limit").json()["amount"] == yuan("1.00")
    proposed = service.done("zhang", "/match-proposals", merged)
    assert proposed["difference"] == yuan("-0.01")
    assert [each["id"] for each in service.get("li", "/match-proposals").json()["items"]] == [proposed["id"]]
    own = service.post("zhang", f"/match-proposals/{proposed['id']}/approval")
    assert problem(own) == (409, "/problems/four-eyes")
    without = service.post("li", f"/match-proposals/{proposed['id']}/approval", key="")
    assert problem(without) == (400, "/problems/idempotency-key-required")
    first = service.post("li", f"/match-proposals/{proposed['id']}/approval", key="approve-1")
    again = service.post("li", f"/match-proposals/{proposed['id']}/approval", key="approve-1")
    assert (first.content, again.headers["idempotency-replayed"]) == (again.content, "true")
    made = first.json()
    assert (made["lines"], made["booked"]) == (merged["lines"], yuan("-0.01"))
    return dict(made)


def test_a_day_is_worked_from_the_open_list_to_its_sign_off_and_back(town: Town) -> None:
    service = town.service
    town.bank.tell(town.bank.event("S1", "", "5.00", {"remark": ""}), town.bank.event("S2", "", "3.01", {"remark": ""}))
    service.clock.at = datetime(2026, 9, 2, 2, 0, tzinfo=UTC)
    sent(town, line(800, 10), line(-7, 11), key="day-1")
    left = service.get("auditor", f"/unmatched?account={ACCOUNT}").json()
    assert ([each["amount"]["amount"] for each in left["lines"]], len(left["payments"])) == (["8.00", "-0.07"], 2)

    early = service.post("zhang", "/day-signoffs", {"account": ACCOUNT, "day": "2026-09-01"})
    assert problem(early) == (409, "/problems/breaks-without-owner")
    for each in service.get("zhang", f"/breaks?account={ACCOUNT}").json()["items"]:
        if each["kind"] != "suspense":
            assert service.done("zhang", f"/breaks/{each['id']}/owner", {"owner": "王会计"})["owner"] == "王会计"
    owner = service.done("teller", f"/payments/{left['payments'][0]['id']}/owner", {})
    assert (owner["owner"], owner["overdue"]) == ("teller", False)
    assert [
        len(service.get("auditor", f"/suspense/worklist?limit=1{more}").json()["items"]) for more in ("", "&after=1")
    ] == [1, 1]

    made = matched_by_two(town, left)

    signed = service.done("zhang", "/day-signoffs", {"account": ACCOUNT, "day": "2026-09-01"})
    assert (signed["statement_balance"], signed["ledger_balance"]) == (yuan("7.93"), yuan("8.00"))
    frozen = service.post("li", f"/matches/{made['id']}/undo", {"reason": "错了"})
    assert problem(frozen) == (409, "/problems/day-frozen")
    proof = service.get("auditor", f"/cash-proofs?account={ACCOUNT}&day=2026-09-01").json()
    assert (proof["proof"]["unexplained"], proof["tied_out"], proof["bank"]) == (yuan("0.00"), True, yuan("8.00"))

    asked = service.done("zhang", "/day-reopenings", {"account": ACCOUNT, "day": "2026-09-01", "reason": "银行更正"})
    assert problem(service.post("zhang", f"/day-reopenings/{asked['id']}/approval")) == (409, "/problems/four-eyes")
    assert service.done("li", f"/day-reopenings/{asked['id']}/approval")["state"] == "approved"
    assert service.get("auditor", f"/day-signoffs?account={ACCOUNT}").json()["items"][0]["reopening_id"] == asked["id"]
    undone = service.done("li", f"/matches/{made['id']}/undo", {"reason": "错了"})
    assert (undone["undone_by"], undone["undone_why"]) == ("li", "错了")
    assert service.get("auditor", f"/matches/{made['id']}").json() == undone
    assert town.held(f"bank/{ACCOUNT}") == "8.01"


def test_the_payments_of_a_period_are_told_three_ways_in_the_report_as_a_list_and_as_a_file(town: Town) -> None:
    service = town.service
    town.bank.tell(town.bank.event("S1", "", "5.00", {"remark": ""}))
    service.clock.at = datetime(2026, 9, 2, 2, 0, tzinfo=UTC)
    (taken,) = sent(town, line(500, 10, serial="S1"), line(301, 11, serial="S2"), key="day-1")["statements"]
    report = service.get("auditor", f"/statements/{taken['id']}/reconciliation").json()["three_ways"]
    (alone,) = report.pop("apart")
    assert (report["payments"], report["by_places"]) == (2, {"3": 1, "2": 1, "1": 0})
    assert (alone["serial"], alone["places"], alone["state"], alone["amount"]) == (
        "S2",
        2,
        "not_notified",
        yuan("3.01"),
    )
    assert (alone["state_zh"], alone["reason_zh"][:7]) == ("未获通知", "银行未曾通知，")
    days = f"account={ACCOUNT}&begins=2026-09-01&ends=2026-09-01"
    first = service.get("auditor", f"/three-ways?{days}&limit=1").json()
    second = service.get("auditor", f"/three-ways?{days}&limit=1&after={first['next']}").json()
    assert [*first["items"], *second["items"], second["next"]][1:] == [alone, None]
    file = service.get("auditor", f"/three-ways/report?{days}&format=csv")
    assert (file.text.count("\r\n"), file.headers["content-disposition"][-5:]) == (3, '.csv"')
    sheet = service.get("auditor", f"/three-ways/report?{days}").content
    assert CalamineWorkbook.from_filelike(io.BytesIO(sheet)).sheet_names == ["三方核对"]
    assert service.get("family", f"/three-ways?{days}").status_code == 403


def test_a_decline_and_a_rejection_leave_everything_as_it_was(town_anywhere: Town) -> None:
    town, service = town_anywhere, town_anywhere.service
    service.clock.at = datetime(2026, 9, 2, 2, 0, tzinfo=UTC)
    sent(town, line(800, 10), key="day-1")
    (loose,) = service.get("zhang", f"/unmatched?account={ACCOUNT}").json()["lines"]
    proposed = service.done(
        "teller", "/match-proposals", {"lines": [loose["id"]], "books": "credit", "reason": "查明为学费"}
    )
    declined = service.done("li", f"/match-proposals/{proposed['id']}/decline", {"reason": "再查"})
    assert (declined["state"], declined["reason"]) == ("declined", "再查")
    (listed,) = service.get("zhang", f"/breaks?account={ACCOUNT}").json()["items"]
    service.done("li", f"/breaks/{listed['id']}/owner", {})
    service.done("zhang", "/day-signoffs", {"account": ACCOUNT, "day": "2026-09-01"})
    asked = service.done("teller", "/day-reopenings", {"account": ACCOUNT, "day": "2026-09-01", "reason": "x"})
    assert service.done("li", f"/day-reopenings/{asked['id']}/rejection")["state"] == "rejected"
    assert service.get("auditor", f"/day-signoffs?account={ACCOUNT}").json()["items"][0]["reopening_id"] is None


def test_the_list_of_breaks_comes_as_csv_excel_and_a_picture(town_anywhere: Town) -> None:
    town, service = town_anywhere, town_anywhere.service
    service.clock.at = datetime(2026, 9, 2, 2, 0, tzinfo=UTC)
    sent(town, line(-7, 11), key="day-1")
    table = service.get("auditor", "/breaks/report?format=csv")
    assert table.headers["content-disposition"] == 'attachment; filename="breaks-2026-09-02.csv"'
    assert ",-0.07," in table.content.decode("utf-8-sig")
    book = CalamineWorkbook.from_filelike(io.BytesIO(service.get("auditor", "/breaks/report").content))
    rows = book.get_sheet_by_name("未决差异").to_python()
    assert rows[1][3:6] == ["对账单有、账上无", "中", -0.07]
    picture = service.get("auditor", "/breaks/report?format=svg")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert "未决差异账龄（2026-09-02）" in picture.text
    assert service.get("school", "/breaks/report").status_code == 403
    assert service.get("auditor", "/breaks?account=4040404").json() == {"items": [], "next": None}


def test_a_balance_that_no_file_states_is_entered_by_one_approved_by_another_and_signs_the_day(town: Town) -> None:
    service = town.service
    service.clock.at = datetime(2026, 9, 2, 2, 0, tzinfo=UTC)
    data = without_balances((500, at(9, 1, 9), "A"))
    answer = service.client.post(
        f"{API}/statements",
        files={"file": ("day.csv", data)},
        data={"account": ACCOUNT},
        headers={"Authorization": f"Bearer {service.tokens['teller']}", "Idempotency-Key": "1"},
    )
    assert answer.status_code == 201, answer.text
    day = {"account": ACCOUNT, "day": "2026-09-01"}
    assert problem(service.post("zhang", "/day-signoffs", day)) == (409, "/problems/no-balance-stated")
    asked = {**day, "balance": yuan("5.00"), "document": "余额证明 2026-0087"}
    made = service.done("teller", "/balance-confirmations", asked)
    assert (made["balance"], made["state"], made["entered_by"]) == (yuan("5.00"), "entered", "teller")
    waits = service.post("zhang", "/balance-confirmations", asked)
    assert problem(waits) == (409, "/problems/confirmation-waits")
    rejected = service.done("li", f"/balance-confirmations/{made['id']}/rejection", {"reason": "缺公章"})
    assert (rejected["state"], rejected["reason"]) == ("rejected", "缺公章")
    own = service.done("li", "/balance-confirmations", asked)
    assert problem(service.post("li", f"/balance-confirmations/{own['id']}/approval")) == (409, "/problems/four-eyes")
    assert service.post("teller", f"/balance-confirmations/{own['id']}/approval").status_code == 403
    assert service.done("zhang", f"/balance-confirmations/{own['id']}/approval")["decided_by"] == "zhang"
    assert service.done("zhang", "/day-signoffs", day)["confirmation_id"] == own["id"]
    listed = service.get("auditor", f"/balance-confirmations?account={ACCOUNT}").json()["items"]
    assert [each["state"] for each in listed] == ["rejected", "approved"]
    assert service.get("family", f"/balance-confirmations?account={ACCOUNT}").status_code == 403
