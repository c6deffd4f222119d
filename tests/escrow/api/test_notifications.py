"""The bank's signed word over HTTP: each payment once, each kind of mistake with its answer."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import func, select, text

from escrow.access.tables import audit_entry
from escrow.db import snapshot, transaction
from escrow.enrolment.tables import payment
from qrpay.webhooks import SigningKey
from tests.escrow.api.town import API, PROBLEM, Town, yuan


def one(told: object) -> dict[str, str]:
    answer: dict[str, str] = told.json()["events"][0]  # type: ignore[attr-defined]
    return answer


def test_the_same_notification_five_times_at_once_posts_once(town: Town) -> None:
    event = town.bank.event("S1", town.order(), "1000.00")
    with ThreadPoolExecutor(5) as pool:
        told = list(pool.map(lambda _: town.bank.tell(event), range(5)))
    assert {each.status_code for each in told} == {200}
    assert {one(each)["status"] for each in told} <= {"booked", "repeated"}
    assert town.held(f"contract/{town.contract}/prepaid") == "1000.00"
    assert one(town.bank.tell(event))["status"] in {"booked", "repeated"}
    assert one(town.bank.tell(event, id="another-id"))["status"] == "repeated"
    assert town.held("bank/6200000001") == "1000.00"


def test_money_that_finds_no_order_is_in_suspense_with_its_reason(town: Town) -> None:
    reference = town.order()
    strange: dict[str, dict[str, object]] = {
        "wrong_amount": {"amount": yuan("999.99")},
        "unknown_order": {"reference": "XF0004K7Q84", "remark": "学费"},
        "no_reference": {"reference": "", "remark": "学费"},
        "other_account": {"account": "6299999999"},
    }
    for reason, changed in strange.items():
        answer = one(town.bank.tell(town.bank.event(reason, reference, "1000.00", changed)))
        assert (answer["status"], answer["reason"]) == ("parked", reason)
        assert answer["reason_zh"]
    listed = town.service.get("zhang", "/suspense").json()["items"]
    assert [(each["reason"], each["proposal"]) for each in listed] == [(reason, None) for reason in strange]
    assert town.held("bank/6200000001/suspense") == "2999.99"
    assert town.held("bank/6299999999/suspense") == "1000.00", "nobody has registered the account; its money is kept"
    assert town.held(f"contract/{town.contract}/prepaid") == "0.00"


def test_what_was_paid_after_the_order_had_expired_is_in_suspense(town: Town) -> None:
    reference = town.order()
    in_time = town.service.clock() + timedelta(hours=23)
    town.service.clock.at += timedelta(hours=25)
    assert town.service.get("family", f"/orders/{reference}").json()["state"] == "expired"
    assert one(town.bank.tell(town.bank.event("late", reference, "1000.00")))["reason"] == "order_expired"
    late_word = town.bank.event("in-time", reference, "1000.00", {"paid_at": in_time.isoformat()})
    assert one(town.bank.tell(late_word))["status"] == "booked", "the day it was paid counts, not the day of the word"


def test_an_order_paid_twice_is_booked_once_and_the_second_payment_goes_back(town: Town) -> None:
    reference = town.order()
    assert one(town.bank.tell(town.bank.event("S1", reference, "1000.00")))["status"] == "booked"
    assert one(town.bank.tell(town.bank.event("S2", reference, "1000.00")))["reason"] == "order_paid_already"
    stuck = town.service.get("zhang", "/suspense").json()["items"][0]["id"]
    hasty = town.service.done("zhang", f"/payments/{stuck}/proposals", {"contract_id": None, "reason": "退"})["id"]
    assert town.service.done("li", f"/proposals/{hasty}/rejection", {"reason": "请先核实"})["state"] == "rejected"
    proposal = town.service.done("zhang", f"/payments/{stuck}/proposals", {"contract_id": None, "reason": "重复付款"})
    assert town.service.get("zhang", "/suspense").json()["items"][0]["proposal"]["id"] == proposal["id"]
    own = town.service.post("zhang", f"/proposals/{proposal['id']}/approval")
    assert own.json()["type"] == "/problems/four-eyes"
    assert town.service.done("li", f"/proposals/{proposal['id']}/approval")["state"] == "returning"
    assert town.service.done("li", "/payout-batches")["total"] == yuan("1000.00")


def test_a_wrong_signature_is_401_leaves_a_trail_and_books_nothing(town: Town) -> None:
    stranger = SigningKey(key_id="bank-1", algorithm="v1a", material=hashlib.sha256(b"a stranger").digest())
    told = town.bank.tell(town.bank.event("S1", town.order(), "1000.00"), id="forged-1", key=stranger)
    assert (told.status_code, told.headers["content-type"]) == (401, PROBLEM)
    assert told.json()["type"] == "/problems/signature-not-believed"
    assert "www-authenticate" in told.headers
    with snapshot(town.service.engine) as db:
        assert db.execute(select(func.count()).select_from(payment)).scalar_one() == 0
        trail = db.execute(select(audit_entry).where(audit_entry.c.what == "notification.refused")).one()
    assert (trail.subject, trail.facts) == ("notification:forged-1", {"kind": "BadSignature", "source": "unknown"})


def test_a_notification_without_headers_or_from_long_ago_is_401(town_anywhere: Town) -> None:
    assert town_anywhere.service.client.post(f"{API}/bank/notifications", content=b"{}").status_code == 401
    event = town_anywhere.bank.event("S1", town_anywhere.order(), "1000.00")
    now = town_anywhere.service.clock()
    town_anywhere.service.clock.at = now - timedelta(minutes=6)
    headers = town_anywhere.bank.tell(event).request.headers
    town_anywhere.service.clock.at = now
    body = b'{"events": []}'
    assert (
        town_anywhere.service.client.post(f"{API}/bank/notifications", content=body, headers=headers).status_code == 401
    )


def test_a_signed_word_that_cannot_be_read_is_422_and_keeps_nothing(town_anywhere: Town) -> None:
    unreadable = [
        b"",
        b"[]",
        b"\xff",
        b'{"events": [{"type": "payment.received"}]}',
        b'{"events": ' + b"[" * 100_000,
        b'{"events": [{"type": "payment.received", "serial": "\\ud800"}]}',
        b'{"events": NaN}',
    ]
    for number, body in enumerate(unreadable):
        told = town_anywhere.bank.send(body, id=f"unreadable-{number}")
        assert (told.status_code, told.json()["type"]) == (422, "/problems/unreadable-notification")
        mended = town_anywhere.bank.send(b'{"events": []}', id=f"unreadable-{number}")
        assert mended.json() == {"events": []}


def test_a_time_that_no_payment_has_is_not_read(town_anywhere: Town) -> None:
    reference = town_anywhere.order()
    for paid_at in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "2026-09-01T10:00:00", "1e99", -1):
        assert (
            town_anywhere.bank.tell(
                town_anywhere.bank.event("S1", reference, "1000.00", {"paid_at": paid_at})
            ).status_code
            == 422
        )


def test_money_is_booked_whatever_the_payer_wrote_beside_it(town: Town) -> None:
    for number, hostile in enumerate(["\0", "=cmd()", "🧧" * 500, "\u202e", "\ufffe"]):
        beside = {"remark": hostile, "payer": {"name": hostile, "account": hostile}}
        event = town.bank.event(f"S{number}", town.order("10.00"), "10.00", beside)
        assert one(town.bank.tell(event))["status"] == "booked"
    assert town.held(f"contract/{town.contract}/prepaid") == "50.00"


def test_an_ill_database_is_503_and_the_repeat_is_booked(town: Town) -> None:
    event = town.bank.event("S1", town.order(), "1000.00")
    with transaction(town.service.engine) as db:
        db.execute(text("ALTER TABLE bank_event RENAME TO lost"))
    ill = town.bank.tell(event)
    assert ill.status_code >= 500
    with transaction(town.service.engine) as db:
        db.execute(text("ALTER TABLE lost RENAME TO bank_event"))
    assert one(town.bank.tell(event))["status"] == "booked"
    assert town.held("bank/6200000001") == "1000.00"


def test_a_ledger_that_refuses_a_payment_is_our_illness_and_never_the_banks_fault(town: Town) -> None:
    with transaction(town.service.engine) as db:
        db.execute(text("UPDATE ledger_account SET state = 'frozen' WHERE path = 'bank/6200000001'"))
    event = town.bank.event("S1", town.order(), "1000.00")
    ill = town.bank.tell(event)
    assert (ill.status_code, ill.json()["type"]) == (503, "/problems/not-ready")
    assert "retry-after" in ill.headers
    with transaction(town.service.engine) as db:
        db.execute(text("UPDATE ledger_account SET state = 'open' WHERE path = 'bank/6200000001'"))
    assert one(town.bank.tell(event))["status"] == "booked"
