"""The bank's signed word: what it says is booked once, what cannot be read keeps nothing."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, func, select

from escrow.db import transaction
from escrow.enrolment import notifications
from escrow.enrolment.notifications import NotificationChanged
from escrow.enrolment.tables import bank_event, payment
from escrow.enrolment.words import UnreadableNotification, order_reference
from qrpay.webhooks import VerifiedEvent
from tests.escrow.county import at, balances, breaches, family, order, school, signed

EVENT: dict[str, Any] = {
    "type": "payment.received",
    "serial": "202607210000000000001",
    "account": "6200000001",
    "amount": {"amount": "1000.00", "currency": "CNY"},
    "reference": "",
    "remark": "学费",
    "payer": {"name": "王芳", "account": "6222000000000001"},
    "paid_at": "2026-07-21T13:00:00+08:00",
}


def word(*events: dict[str, Any], id: str = "msg_1") -> VerifiedEvent:  # noqa: A002  the standard's name
    """A notification whose signature held."""
    return spoken(json.dumps({"events": events}), id=id)


def spoken(body: str, id: str = "msg_1") -> VerifiedEvent:  # noqa: A002  the standard's name
    return VerifiedEvent(id=id, timestamp=at(7, 21, 13), key_id="bank-1", body=body.encode("utf-8"))


def test_each_event_has_its_answer_and_the_word_is_kept(db: Connection) -> None:
    placed = order(db, signed(db, school(db), family(db)))
    told = word(
        EVENT | {"reference": placed.reference},
        EVENT | {"serial": "2", "remark": f"学费 {placed.reference} 谢谢"},
        EVENT | {"serial": "2", "amount": {"amount": "7", "currency": "CNY"}},
    )
    answer = notifications.hear(db, told, now=at(7, 21, 14))

    assert answer["events"] == [
        {"serial": EVENT["serial"], "status": "booked"},
        {"serial": "2", "status": "parked", "reason": "order_paid_already", "reason_zh": "订单此前已支付"},
        {"serial": "2", "status": "conflicting", "reason": "order_paid_already", "reason_zh": "订单此前已支付"},
    ]
    kept = db.execute(select(bank_event)).one()
    assert (kept.body.encode("utf-8"), kept.answer) == (told.body, answer)
    assert breaches(db) == []


def test_the_same_word_again_gets_the_same_answer_and_books_nothing(db: Connection) -> None:
    first = notifications.hear(db, word(EVENT), now=at(7, 21, 14))
    assert notifications.hear(db, word(EVENT), now=at(7, 24)) == first
    assert balances(db)["bank/6200000001"] == 100000


def test_another_word_under_an_old_id_is_a_conflict_and_not_taken_for_heard(db: Connection) -> None:
    notifications.hear(db, word(EVENT), now=at(7, 21, 14))
    with pytest.raises(NotificationChanged, match="msg_1"):
        notifications.hear(db, word(EVENT | {"serial": "2"}), now=at(7, 21, 15))
    assert notifications.hear(db, word(EVENT | {"serial": "2"}, id="msg_2"), now=at(7, 21, 15))["events"]
    assert balances(db)["bank/6200000001"] == 200000


@pytest.mark.parametrize(
    "amount", ["1000.001", "-1.00", "+1.00", "0", "0.00", "1e5", "1,000.00", "1000.", ".5", " 1", "１", "NaN", ""]
)
def test_an_amount_that_is_not_exact_is_refused(db: Connection, amount: str) -> None:
    _refused(db, word(EVENT | {"amount": {"amount": amount, "currency": "CNY"}}))


@pytest.mark.parametrize("number", ["1000", "1000.00", "1000.5", "1e5", "NaN", "Infinity", "null", "true", "[1]"])
def test_an_amount_that_is_a_number_and_no_text_is_refused(db: Connection, number: str) -> None:
    body = json.dumps({"events": [EVENT]}).replace('"1000.00"', number)
    assert number in body
    _refused(db, spoken(body))


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": {"amount": "1.00", "currency": "USD"}},
        {"amount": {"amount": "1.00"}},
        {"type": "payment.refunded"},
        {"serial": ""},
        {"serial": "1" * 65},
        {"account": "62/suspense"},
        {"account": "62 1"},
        {"account": "62\u0000"},
        {"paid_at": "2026-07-21T13:00:00"},
        {"paid_at": "yesterday"},
        {"paid_at": "0001-01-01T00:00:00+08:00"},
        {"payer": "王芳"},
    ],
)
def test_an_event_that_is_not_as_agreed_is_refused_whole_with_the_place_that_is_wrong(
    db: Connection, wrong: dict[str, Any]
) -> None:
    _refused(db, word(EVENT, EVENT | {"serial": "2"} | wrong))


@pytest.mark.parametrize(
    "body",
    ["", "{}", "[]", '{"events": 1}', '{"events": [{}]}', "not json", "[" * 100_000, '{"events": [' + "9" * 5000],
)
def test_what_is_no_notification_is_refused_and_nothing_is_kept(db: Connection, body: str) -> None:
    _refused(db, spoken(body))


def test_bytes_that_are_no_text_are_refused(db: Connection) -> None:
    _refused(db, VerifiedEvent(id="msg_1", timestamp=at(7, 21), key_id="bank-1", body=b"\xff\xfe{}"))


@pytest.mark.parametrize("hostile", ["a\u0000b", "\ud800", "\u202e", "\x1b[31m", "x" * 100_000])
def test_what_a_payer_typed_never_keeps_his_money_out(db: Connection, hostile: str) -> None:
    told = EVENT | {"remark": hostile, "payer": {"name": hostile, "account": hostile}, "reference": hostile}
    (answer,) = notifications.hear(db, word(told), now=at(7, 21, 14))["events"]
    assert (answer["status"], answer["reason"]) == ("parked", "no_reference")
    assert db.execute(select(payment.c.payer)).scalar_one().isprintable()


def test_the_order_is_read_from_the_banks_field_or_else_from_a_remark_with_one_reference() -> None:
    one, other = "XF0004K7Q84", "XF000000195"
    assert order_reference(one, f"学费 {other}") == one
    assert order_reference("", f"学费 {other}") == other
    assert order_reference("NOTPROVIDED", f"学费:{one}。") == one
    assert order_reference("", f"{one} {one}") == one
    assert order_reference("", f"{one} {other}") == "", "two orders are a matter for a person"
    assert order_reference("", one[:-1] + "5") == "", "a wrong check digit names nobody's order"


def test_the_same_word_sixteen_times_at_once_is_booked_and_kept_once(postgres_engine: Engine) -> None:
    together = Barrier(16)

    def hear(_: int) -> str:
        together.wait()
        with transaction(postgres_engine) as db:
            return str(notifications.hear(db, word(EVENT), now=at(7, 21, 14))["events"][0]["status"])

    with ThreadPoolExecutor(16) as threads:
        heard = list(threads.map(hear, range(16)))
    assert set(heard) <= {"parked", "repeated"}
    with transaction(postgres_engine) as db:
        assert balances(db)["bank/6200000001"] == 100000
        assert db.execute(select(func.count()).select_from(bank_event)).scalar_one() == 1


def _refused(db: Connection, told: VerifiedEvent) -> None:
    with pytest.raises(UnreadableNotification) as refused:
        notifications.hear(db, told, now=at(7, 21, 14))
    assert len(refused.value.english) < 500
    assert refused.value.english.isprintable()
    assert db.execute(select(bank_event)).all() == []
    assert balances(db) == {}
