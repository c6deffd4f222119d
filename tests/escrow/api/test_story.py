"""The whole loop through the doors: from an order to the release, with the balance of every account at the end."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from escrow.bank.sandbox import SandboxBank
from escrow.db import snapshot
from escrow.oversight.audit import audit
from tests.escrow.api.town import Town, yuan

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(month: int, day: int, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=SHANGHAI)


def test_a_term_from_the_scanned_code_to_the_release_and_the_refund(town: Town, tmp_path: Path) -> None:
    service = town.service
    with SandboxBank.open(tmp_path / "bank.db", key=town.bank.key) as bank:
        bank.open_account("6200000001", "明日美术")
        reference = town.order()
        bank.pay(
            account="6200000001",
            amount_minor=100_000,
            payer="王芳",
            payer_account="6222",
            remark=f"{reference} 学费",
            at=service.clock(),
            reference=reference,
        )
        for notice in bank.due(service.clock()):
            answer = service.client.post("/api/v1/bank/notifications", content=notice.body, headers=notice.headers)
            assert answer.json()["events"][0]["status"] == "booked"
        assert service.get("family", f"/orders/{reference}").json()["state"] == "paid"

        town.teach(at(9, 5))
        second = town.teach(at(10, 10), confirmed=False)
        standing = service.get("family", f"/contracts/{town.contract}").json()
        assert (standing["prepaid"], standing["lessons_left"]) == (yuan("666.67"), 3)

        service.clock.at = at(10, 12)
        request = service.done("school", f"/institutions/{town.institution}/release-requests", {"month": "2026-09"})
        assert request["amount"] == yuan("333.33")
        service.done("zhang", f"/release-requests/{request['id']}/approval")
        service.done("family", f"/lessons/{second}/dispute", {"contract_id": town.contract, "reason": "没上"})
        decision = {"contract_id": town.contract, "taught": False, "reason": "核实未授课"}
        service.done("li", f"/lessons/{second}/dispute-decision", decision)
        refund = service.done("family", f"/contracts/{town.contract}/refunds")
        assert refund["amount"] == yuan("666.67")

        batch = service.done("zhang", "/payout-batches")
        assert (batch["lines"], batch["total"]) == (2, yuan("1000.00"))
        file = service.get("teller", f"/payout-batches/{batch['id']}/file?format=pain.001").content
        service.clock.at = at(10, 13)
        assert bank.deliver(file, at=service.clock()).status == "accepted"
        statement = bank.statement("6200000001", begins=at(9, 1).date(), ends=at(10, 13).date(), format="camt.053")

    service.clock.at = at(10, 14)
    taken = service.client.post(
        "/api/v1/statements",
        files={"file": ("对账单.xml", statement)},
        data={"account": "6200000001"},
        headers={"Authorization": f"Bearer {service.tokens['teller']}", "Idempotency-Key": "statement-1"},
    )
    assert taken.status_code == 201, taken.text
    shown = service.get("auditor", f"/statements/{taken.json()['statements'][0]['id']}/reconciliation").json()
    assert (shown["unmatched"], shown["breaks"]) == (0, [])
    assert shown["proof"]["unexplained"] == yuan("0.00")

    trial = service.get("auditor", "/ledger/trial-balance").json()
    assert {each["path"]: each["balance"]["amount"] for each in trial["accounts"]} == {
        "bank/6200000001": "0.00",
        "bank/6200000001/fees": "0.00",
        "bank/6200000001/interest": "0.00",
        "bank/6200000001/suspense": "0.00",
        f"contract/{town.contract}/prepaid": "0.00",
        f"contract/{town.contract}/refund": "0.00",
        f"institution/{town.institution}/earned": "0.00",
        f"institution/{town.institution}/payout": "0.00",
    }
    before = service.get("auditor", "/ledger/trial-balance?as_of=2026-09-30").json()
    assert {each["path"]: each["balance"]["amount"] for each in before["accounts"] if each["kind"] == "asset"} == {
        "bank/6200000001": "1000.00"
    }
    with snapshot(service.engine) as db:
        assert list(audit(db)) == []
