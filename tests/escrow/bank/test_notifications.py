"""The bank's word about payments: what is sent, when, how often, and what befalls it on purpose."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from escrow.bank.sandbox import Dials, Fault, Payment, SandboxBank, SignedNotification, UnknownNotification
from escrow.bank.sandbox.dials import fate
from qrpay.webhooks import BadSignature, KeyRing, SigningKey, verify

ACCOUNT = "1202020219900088888"
MORNING = datetime(2026, 8, 20, 10, 11, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
MINUTE = timedelta(minutes=1)
DAYS = timedelta(days=3)


def payment(minor: int, *, at: datetime = MORNING, reference: str = "", fault: Fault | None = None) -> Payment:
    return Payment(
        account=ACCOUNT,
        amount_minor=minor,
        payer="王建国",
        payer_account="6222021202020202020",
        remark=f"{reference} 王小明学费",
        at=at,
        reference=reference,
        fault=fault,
    )


def events(notifications: list[SignedNotification]) -> list[dict[str, Any]]:
    return [event for notification in notifications for event in json.loads(notification.body)["events"]]


def serials(notifications: list[SignedNotification]) -> list[str]:
    return [event["serial"] for event in events(notifications)]


def opened(path: Path, key: SigningKey, dials: Dials, seed: int = 0) -> SandboxBank:
    bank = SandboxBank.open(path, key=key, dials=dials, seed=seed)
    bank.open_account(ACCOUNT, "海淀区晨光培训学校")
    return bank


def sendings(bank: SandboxBank, *, acknowledging: bool, until: timedelta = DAYS) -> Iterator[SignedNotification]:
    """Everything the bank sends while somebody asks every minute."""
    for minute in range(int(until / MINUTE)):
        for notification in bank.due(MORNING + minute * MINUTE):
            yield notification
            if acknowledging:
                bank.acknowledge(notification.webhook_id)


def test_a_payment_is_told_in_the_agreed_words_and_verifies(bank: SandboxBank, ring: KeyRing) -> None:
    serial = bank.pay(
        account=ACCOUNT,
        amount_minor=300_000,
        payer="王建国",
        payer_account="6222021202020202020",
        remark="XF0004K7Q84 王小明学费",
        at=MORNING,
        reference="XF0004K7Q84",
    )

    (sent,) = bank.due(MORNING)

    verified = verify(sent.headers, sent.body, keys=ring, now=MORNING + MINUTE)
    assert verified.id == sent.webhook_id
    assert json.loads(verified.body) == {
        "events": [
            {
                "type": "payment.received",
                "serial": serial,
                "account": ACCOUNT,
                "amount": {"amount": "3000.00", "currency": "CNY"},
                "reference": "XF0004K7Q84",
                "remark": "XF0004K7Q84 王小明学费",
                "payer": {"name": "王建国", "account": "6222021202020202020"},
                "paid_at": "2026-08-20T10:11:12+08:00",
            }
        ]
    }
    assert "王建国".encode() in sent.body
    with pytest.raises(BadSignature):
        verify(sent.headers, sent.body.replace(b"3000.00", b"9000.00"), keys=ring, now=MORNING)


def test_nothing_is_sent_before_it_happened_nor_twice_at_once(bank: SandboxBank) -> None:
    bank.pay_many([payment(100)])
    assert bank.due(MORNING - MINUTE) == []
    assert len(bank.due(MORNING)) == 1
    assert bank.due(MORNING) == []


def test_an_unacknowledged_notification_comes_again_with_its_id_and_a_fresh_signature(
    bank: SandboxBank, ring: KeyRing
) -> None:
    bank.pay_many([payment(100)])
    sent = list(sendings(bank, acknowledging=False))

    assert {(each.webhook_id, each.body) for each in sent} == {(sent[0].webhook_id, sent[0].body)}
    times = [datetime.fromtimestamp(int(each.headers["webhook-timestamp"]), MORNING.tzinfo) for each in sent]
    assert [(at - MORNING) / MINUTE for at in times] == [0, 1, 6, 36, 156, 516, 1956, 3396]
    for each, at in zip(sent, times, strict=True):
        verify(each.headers, each.body, keys=ring, now=at)

    bank.acknowledge(sent[0].webhook_id)
    assert bank.due(MORNING + 10 * DAYS) == []


def test_an_acknowledged_notification_is_not_repeated(bank: SandboxBank) -> None:
    bank.pay_many([payment(100), payment(200)])
    assert len(list(sendings(bank, acknowledging=True))) == 2
    with pytest.raises(UnknownNotification):
        bank.acknowledge("msg_unheard")


def test_a_fault_repeats_a_notification_although_it_was_acknowledged(bank: SandboxBank) -> None:
    bank.pay_many([payment(100, fault=Fault(repeat=3)), payment(200)])
    sent = list(sendings(bank, acknowledging=True))
    assert len(sent) == 5
    assert len({each.webhook_id for each in sent}) == 2


def test_a_delayed_notification_comes_late_and_a_reordered_one_is_overtaken(bank: SandboxBank) -> None:
    first, second, third = bank.pay_many(
        [
            payment(100, fault=Fault(delay=timedelta(hours=72))),
            payment(200, fault=Fault(reorder=True)),
            payment(300, at=MORNING + MINUTE),
        ]
    )
    assert serials(bank.due(MORNING + timedelta(hours=1))) == [third, second]
    assert first not in serials(bank.due(MORNING + timedelta(hours=71)))
    assert first in serials(bank.due(MORNING + timedelta(hours=72)))


def test_a_dropped_notification_never_comes_but_its_line_is_on_the_statement(bank: SandboxBank) -> None:
    lost, told = bank.pay_many([payment(100, reference="XF0004K7Q84", fault=Fault(drop=True)), payment(200)])

    assert set(serials(list(sendings(bank, acknowledging=False)))) == {told}
    assert serials(bank.resend_all(MORNING + DAYS)) == [told]

    day = MORNING.date()
    for format_ in ("camt.053", "icbc-csv"):
        statement = bank.statement(ACCOUNT, begins=day, ends=day, format=format_)
        assert lost.encode() in statement
    assert [seen.serial for seen in bank.payment_status("XF0004K7Q84")] == [lost]


def test_an_order_may_be_named_by_its_reference_or_its_serial(tmp_path: Path, key: SigningKey) -> None:
    dials = Dials(drop=1, faults={"XF0004K7Q84": Fault(), "202608200000000000002": Fault(repeat=1)})
    with opened(tmp_path / "bank.db", key, dials) as bank:
        named, numbered, _ = bank.pay_many([payment(1, reference="XF0004K7Q84"), payment(2), payment(3)])
        assert serials(list(sendings(bank, acknowledging=True))) == [named, numbered, numbered]


def test_a_batch_holds_at_most_as_many_events_as_the_dial_says(tmp_path: Path, key: SigningKey) -> None:
    with opened(tmp_path / "bank.db", key, Dials(batch=4)) as bank:
        paid = bank.pay_many([payment(minor) for minor in range(1, 11)])
        sent = bank.due(MORNING)
        assert [len(events([each])) for each in sent] == [4, 4, 2]
        assert serials(sent) == paid

        late, early = bank.pay_many(
            [payment(1, at=MORNING + MINUTE, fault=Fault(reorder=True)), payment(2, at=MORNING + MINUTE)]
        )
        (both,) = [
            each for each in bank.due(MORNING + timedelta(hours=1)) if each not in sent and late.encode() in each.body
        ]
        assert serials([both]) == [early, late]


def test_what_has_waited_longest_is_sent_first(bank: SandboxBank) -> None:
    (repeated,) = bank.pay_many([payment(100)])
    bank.due(MORNING)
    (new,) = bank.pay_many([payment(200, at=MORNING + MINUTE / 2)])
    assert serials(bank.due(MORNING + 2 * MINUTE)) == [new, repeated]


def test_everything_can_be_sent_again_after_a_crash(bank: SandboxBank, ring: KeyRing) -> None:
    bank.pay_many([payment(100), payment(200)])
    first = list(sendings(bank, acknowledging=True))

    later = MORNING + DAYS
    again = bank.resend_all(later)

    assert [(each.webhook_id, each.body) for each in again] == [(each.webhook_id, each.body) for each in first]
    assert all(verify(each.headers, each.body, keys=ring, now=later) for each in again)


def test_the_queue_outlives_the_process(tmp_path: Path, key: SigningKey) -> None:
    with opened(tmp_path / "bank.db", key, Dials()) as bank:
        (serial,) = bank.pay_many([payment(100)])
        bank.due(MORNING)
    with opened(tmp_path / "bank.db", key, Dials()) as bank:
        assert serials(bank.due(MORNING + MINUTE)) == [serial]


def test_chance_is_decided_by_the_seed_and_every_dial_turns(tmp_path: Path, key: SigningKey) -> None:
    dials = Dials(repeat=0.3, delay=0.3, reorder=0.3, drop=0.3, batch=3)

    def run(name: str, seed: int) -> list[tuple[str, bytes]]:
        with opened(tmp_path / name, key, dials, seed) as bank:
            bank.pay_many([payment(minor, at=MORNING + minor * MINUTE) for minor in range(1, 61)])
            return [
                (each.headers["webhook-signature"], each.body)
                for each in sendings(bank, acknowledging=True, until=timedelta(hours=12))
            ]

    once = run("once.db", 7)
    assert run("twice.db", 7) == once

    told = [event["serial"] for _, body in once for event in json.loads(body)["events"]]
    assert len(set(told)) < 60, "nothing was dropped"
    assert len(told) > len(set(told)), "nothing was repeated"
    assert told != sorted(told), "nothing was reordered or delayed"
    assert {serial[12:] for serial in told} != {
        event["serial"][12:] for _, body in run("other.db", 8) for event in json.loads(body)["events"]
    }


def test_banks_of_different_seeds_have_different_luck() -> None:
    dials = Dials(drop=0.5)
    lucky = [
        [fate(dials, serial=str(number), reference="", seed=seed).drop for number in range(200)] for seed in (1, 2)
    ]
    assert lucky[0] != lucky[1]
    assert all(60 < sum(dropped) < 140 for dropped in lucky)


def test_a_probability_above_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"drop=1.5 is no probability"):
        Dials(drop=1.5)
    with pytest.raises(ValueError, match="batch=0"):
        Dials(batch=0)
