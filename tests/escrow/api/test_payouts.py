"""Payouts through the doors: the bank's answer comes in, what failed waits for an account, two people name one."""

from pathlib import Path

from escrow.bank.sandbox import ReportDials, SandboxBank
from escrow.db import transaction
from escrow.registry import merchants
from escrow.registry.merchants import Merchant
from tests.escrow.api.town import API, Service, Town, yuan
from tests.escrow.county import BUREAU


def sent(town: Town) -> dict[str, object]:
    """A refund of 1,000.00 in a batch that went to the bank."""
    town.pay()
    town.service.done("family", f"/contracts/{town.contract}/refunds")
    batch: dict[str, object] = town.service.done("zhang", "/payout-batches")
    return batch


def tell(service: Service, who: str, report: bytes, key: str = "k1") -> object:
    headers = {"Authorization": f"Bearer {service.tokens[who]}", "Idempotency-Key": key}
    return service.client.post(f"{API}/payout-batches/answers", content=report, headers=headers)


def test_a_rejected_refund_waits_for_an_account_that_two_people_name(town: Town, tmp_path: Path) -> None:
    service, batch = town.service, sent(town)
    inside = service.get("auditor", f"/payout-batches/{batch['id']}/payouts").json()
    assert [(each["number"], each["total"]) for each in inside["parts"]] == [(1, yuan("1000.00"))]
    (payout,) = inside["payouts"]
    with SandboxBank.open(tmp_path / "bank.db", key=town.bank.key) as bank:
        bank.open_account("6200000001", "明日美术")
        bank.deliver(service.get("teller", f"/payout-batches/{batch['id']}/file").content, at=service.clock())
        report = bank.report(
            str(batch["message_id"]), at=service.clock(), dials=ReportDials(rejects={payout["end_to_end"]: "AC04"})
        )
    for who, status in (("family", 403), ("school", 403), ("auditor", 403), ("teller", 201), ("teller", 201)):
        answer = tell(service, who, report, key=f"{who}-1")
        assert answer.status_code == status, answer.text  # type: ignore[attr-defined]  # the client's response
    assert service.get("auditor", f"/payout-batches/{batch['id']}/answers").json() == [answer.json()]  # type: ignore[attr-defined]
    assert answer.json()["lines"][0]["effect"] == "rejected"  # type: ignore[attr-defined]
    assert answer.json()["strangers"] == []  # type: ignore[attr-defined]
    wrong = tell(service, "teller", report.replace(b"1000.00", b"1000.01"), key="k2")
    assert wrong.status_code == 409  # type: ignore[attr-defined]
    assert tell(service, "teller", b"<!DOCTYPE a><a/>", key="k3").status_code == 422  # type: ignore[attr-defined]

    (stuck,) = service.get("zhang", "/payouts/stuck").json()["items"]
    assert (stuck["state"], stuck["code"], stuck["id"]) == ("rejected", "AC04", payout["id"])
    asked = {"creditor": "王芳", "creditor_account": "6222000000000009", "reason": "家长换了卡"}
    proposed = service.done("teller", f"/payouts/{stuck['id']}/corrections", asked)
    assert service.post("teller", f"/corrections/{proposed['id']}/approval").status_code == 403
    attempt = service.done("li", f"/corrections/{proposed['id']}/approval")
    assert (attempt["claim"], attempt["creditor_account"]) == (payout["id"], "6222000000000009")
    assert service.get("zhang", "/payouts/stuck").json() == {"items": [], "next": None}
    again = service.post("li", f"/corrections/{proposed['id']}/rejection", {"reason": "x"})
    assert again.json()["type"] == "/problems/already-decided"
    assert service.done("zhang", "/payout-batches")["total"] == yuan("1000.00")
    assert service.get("family", "/payouts/stuck").status_code == 403


def test_a_refund_goes_back_by_its_channel_and_then_in_no_file_unless_the_channel_fails(town: Town) -> None:
    service = town.service
    wallet = {"payer": {"name": "", "account": ""}}
    town.bank.tell(town.bank.event("S1", town.order(), "1000.00", wallet))
    service.done("family", f"/contracts/{town.contract}/refunds")
    (stuck,) = service.get("zhang", "/payouts/stuck").json()["items"]
    path = f"/payouts/{stuck['id']}/channel"
    unbound = service.post("zhang", path, {"channel": "wechat"})
    assert (unbound.status_code, unbound.json()["type"]) == (409, "/problems/no-such-merchant")
    with transaction(service.engine) as db:
        bound = Merchant(channel="wechat", number="1900000109", supervised_account="6200000001")
        merchants.bind(db, bound, by=BUREAU, now=service.clock())
    assert service.post("family", path, {"channel": "wechat"}).status_code == 403
    sent = service.done("teller", path, {"channel": "wechat"})
    assert (sent["state"], sent["channel"], sent["batch_id"]) == ("sent", "wechat", None)
    assert service.post("zhang", "/payout-batches").json()["type"] == "/problems/nothing-to-send"
    again = service.post("zhang", path, {"channel": "wechat"})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/not-for-a-channel")
    failed = service.done("teller", f"{path}/failure", {"reason": "商户余额不足"})
    assert (failed["state"], failed["why"]) == ("rejected", "商户余额不足")
    assert [each["id"] for each in service.get("zhang", "/payouts/stuck").json()["items"]] == [stuck["id"]]
    twice = service.post("teller", f"{path}/failure", {"reason": "再次"})
    assert twice.json()["type"] == "/problems/not-with-a-channel"


def test_the_table_for_the_bank_comes_in_the_encoding_it_reads(town: Town) -> None:
    service, batch = town.service, sent(town)
    path = f"/payout-batches/{batch['id']}/file?format=csv"
    marked, chinese = service.get("teller", path), service.get("teller", f"{path}&encoding=gb18030")
    assert marked.content.startswith(b"\xef\xbb\xbf")
    assert chinese.content.decode("gb18030") == marked.content.decode("utf-8-sig")
    assert chinese.headers["content-type"] == "text/csv; charset=gb18030"
    assert service.get("teller", path).content == marked.content
    assert service.get("teller", f"{path}&encoding=big5").status_code == 422
