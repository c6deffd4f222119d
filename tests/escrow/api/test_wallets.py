"""The wallets' signed words over HTTP: booked like the bank's, answered in their own forms, once each."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import func, select, text

from escrow.access import keys
from escrow.access.tables import audit_entry, refused_word
from escrow.db import snapshot, transaction
from escrow.enrolment.tables import bank_event, payment
from escrow.refusals import Forbidden, Unknown
from escrow.registry import merchants
from escrow.registry.merchants import Merchant, MerchantBoundAlready
from qrpay.keys import Secret
from tests.escrow import county
from tests.escrow.api.town import API, Town
from tests.qrpay import signers
from tests.qrpay.signers import OTHER_RSA, signing_key

SERIAL = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
API_V3 = b"0123456789abcdefABCDEFghijklmnop"
WECHAT, ALIPAY = "1230000109", "2088101106499364"


@pytest.fixture
def wallets(town: Town) -> Town:
    """The town, where families also pay by WeChat Pay and Alipay."""
    now = town.service.clock()
    with transaction(town.service.engine) as db:
        begins = now - timedelta(days=1)
        keys.trust_bank(db, signing_key(SERIAL).verifier(not_before=begins), channel="wechat")
        keys.trust_bank(db, Secret(key_id="api-v3", material=API_V3, not_before=begins), channel="wechat")
        keys.trust_bank(db, signing_key("alipay-1").verifier(not_before=begins), channel="alipay")
        for channel, number in (("wechat", WECHAT), ("alipay", ALIPAY)):
            bound = Merchant(channel=channel, number=number, supervised_account="6200000001")  # type: ignore[arg-type]
            merchants.bind(db, bound, by=county.BUREAU, now=now)
    return town


def _wechat(town: Town, reference: str, fen: int = 100_000, *, changed: Mapping[str, Any] | None = None) -> Response:
    now = town.service.clock()
    said = {**signers.wechat_payment(reference, fen, paid_at=now), **(changed or {})}
    headers, body = signers.wechat(said, at=now, serial=SERIAL, secret=API_V3)
    return town.service.client.post(f"{API}/bank/notifications/wechat", content=body, headers=headers)


def _alipay(town: Town, reference: str, **changed: str) -> Response:
    now = (town.service.clock() + timedelta(hours=8)).strftime("%Y-%m-%d %H:%M:%S")
    told = {"notify_time": now, "gmt_payment": now, "total_amount": "1000.00", **changed}
    body = signers.alipay(told, order=reference)
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    return town.service.client.post(f"{API}/bank/notifications/alipay", content=body, headers=kind)


def _payments(town: Town) -> list[tuple[str, str, int, str]]:
    p = payment.c
    with snapshot(town.service.engine) as db:
        query = select(p.serial, p.state, p.amount, p.reason).order_by(p.id)
        return [(row.serial, row.state, row.amount, row.reason) for row in db.execute(query)]


def test_a_payment_by_wechat_is_booked_once_and_answered_in_its_form(wallets: Town) -> None:
    reference = wallets.order()
    for _ in range(3):  # each encrypted afresh
        told = _wechat(wallets, reference)
        assert (told.status_code, told.json()) == (200, {"code": "SUCCESS", "message": "成功"})
        wallets.service.clock.at += timedelta(seconds=15)
    assert [each[:3] for each in _payments(wallets)] == [("wechat-4200002026112000001", "placed", 100_000)]
    assert wallets.held(f"contract/{wallets.contract}/prepaid") == "1000.00"
    assert wallets.service.get("family", f"/orders/{reference}").json()["state"] == "paid"


def test_the_same_payment_by_wechat_in_another_notice_with_another_time_is_known(wallets: Town) -> None:
    reference = wallets.order()
    assert _wechat(wallets, reference).status_code == 200
    assert _wechat(wallets, reference, changed={"attach": "again"}).status_code == 200
    assert len(_payments(wallets)) == 1
    with snapshot(wallets.service.engine) as db:
        assert db.execute(select(func.count()).select_from(bank_event)).scalar_one() == 2


def test_a_payment_by_alipay_is_booked_once_and_answered_by_one_word(wallets: Town) -> None:
    reference = wallets.order()
    for status in ("TRADE_SUCCESS", "TRADE_SUCCESS", "TRADE_FINISHED"):
        told = _alipay(wallets, reference, trade_status=status)
        assert (told.status_code, told.content) == (200, b"success")
        assert told.headers["content-type"].startswith("text/plain")
    assert [each[:3] for each in _payments(wallets)] == [("alipay-2026112022001412345678901234", "placed", 100_000)]
    assert wallets.held(f"contract/{wallets.contract}/prepaid") == "1000.00"


def test_a_word_without_money_is_kept_and_books_nothing(wallets: Town) -> None:
    assert _alipay(wallets, wallets.order(), trade_status="TRADE_CLOSED").content == b"success"
    assert _payments(wallets) == []
    with snapshot(wallets.service.engine) as db:
        kept = db.execute(select(bank_event)).one()
    assert kept.webhook_id.startswith("alipay/ac05099524730693a8b330c5ecf72da9786:")
    assert '"trade_status": "TRADE_CLOSED"' in kept.body


def test_money_for_a_merchant_that_nobody_has_bound_stands_in_suspense_under_its_number(wallets: Town) -> None:
    assert _wechat(wallets, wallets.order(), changed={"mchid": "1900000001"}).status_code == 200
    assert [each[1:] for each in _payments(wallets)] == [("suspense", 100_000, "other_account")]
    assert wallets.held("bank/wechat-1900000001/suspense") == "1000.00"


def test_an_amount_or_an_order_that_is_not_ours_is_parked_like_the_banks(wallets: Town) -> None:
    reference = wallets.order()
    assert _alipay(wallets, reference, total_amount="999.00").content == b"success"
    assert _wechat(wallets, "20261120999").status_code == 200
    assert [each[3] for each in _payments(wallets)] == ["wrong_amount", "no_reference"]


def test_a_word_with_a_wrong_signature_is_401_in_the_wallets_form_and_counted(wallets: Town) -> None:
    now, reference = wallets.service.clock(), wallets.order()
    said = signers.wechat_payment(reference, 100_000, paid_at=now)
    headers, body = signers.wechat(said, at=now, serial=SERIAL, secret=API_V3, key=OTHER_RSA)
    for _ in range(3):
        told = wallets.service.client.post(f"{API}/bank/notifications/wechat", content=body, headers=headers)
        assert (told.status_code, told.json()["code"], told.json()["message"]) == (401, "FAIL", "签名未通过验证")
    forged = signers.alipay({}, key=OTHER_RSA, order=reference)
    refused = wallets.service.client.post(f"{API}/bank/notifications/alipay", content=forged)
    assert refused.status_code == 401
    assert refused.content != b"success"
    assert _payments(wallets) == []
    with snapshot(wallets.service.engine) as db:
        entries = db.execute(select(audit_entry).where(audit_entry.c.what == "notification.refused")).all()
        assert db.execute(select(func.sum(refused_word.c.times))).scalar_one() == 4
    assert [(each.actor, each.facts["kind"]) for each in entries] == [("WeChat Pay", "BadSignature")]


def test_a_wallets_word_at_the_banks_door_and_the_banks_at_a_wallets_is_not_believed(wallets: Town) -> None:
    now, client = wallets.service.clock(), wallets.service.client
    said = signers.wechat_payment(wallets.order(), 100_000, paid_at=now)
    headers, body = signers.wechat(said, at=now, serial=SERIAL, secret=API_V3)
    assert client.post(f"{API}/bank/notifications", content=body, headers=headers).status_code == 401
    assert client.post(f"{API}/bank/notifications/alipay", content=body, headers=headers).status_code == 401
    wallets.bank.tell(wallets.bank.event("S1", "", "1.00"))
    with transaction(wallets.service.engine) as db:
        keys.trust_bank(db, signing_key("BANK_RSA").verifier(not_before=now - timedelta(days=1)))
    by_bank, body = signers.wechat(said, at=now, serial="BANK_RSA", secret=API_V3)
    assert client.post(f"{API}/bank/notifications/wechat", content=body, headers=by_bank).status_code == 401


def test_a_signed_payment_that_says_nonsense_is_422_and_keeps_nothing(wallets: Town) -> None:
    for changed in ({"amount": {"total": "100000"}}, {"success_time": "1999-01-01T00:00:00+08:00"}):
        told = _wechat(wallets, wallets.order("1.00"), changed=changed)
        assert (told.status_code, told.json()["type"]) == (422, "/problems/unreadable-notification")
    with snapshot(wallets.service.engine) as db:
        assert db.execute(select(func.count()).select_from(bank_event)).scalar_one() == 0


def test_an_ill_database_is_5xx_for_a_wallet_too_and_the_repeat_is_booked(wallets: Town) -> None:
    reference = wallets.order()
    with transaction(wallets.service.engine) as db:
        db.execute(text("ALTER TABLE bank_event RENAME TO lost"))
    assert _alipay(wallets, reference).status_code >= 500
    with transaction(wallets.service.engine) as db:
        db.execute(text("ALTER TABLE lost RENAME TO bank_event"))
    assert _alipay(wallets, reference).content == b"success"
    assert wallets.held("bank/6200000001") == "1000.00"


def test_a_merchant_is_bound_once_by_the_bureau_to_a_registered_account(wallets: Town) -> None:
    now = wallets.service.clock()
    other = Merchant(channel="wechat", number="7", supervised_account="6299999999")
    bound = Merchant(channel="wechat", number=WECHAT, supervised_account="6200000001")
    with snapshot(wallets.service.engine) as db:
        assert merchants.everyone(db)[0] == bound
        with pytest.raises(Unknown):
            merchants.bind(db, other, by=county.BUREAU, now=now)
        with pytest.raises(MerchantBoundAlready, match="pays into 6200000001 already"):
            merchants.bind(db, bound, by=county.BUREAU, now=now)
        with pytest.raises(Forbidden):
            merchants.bind(db, bound, by=county.BANK, now=now)
